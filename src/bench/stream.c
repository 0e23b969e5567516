/* stream - one read and one write per event; see stream.h. */
#include "stream.h"

#include <errno.h>
#include <sys/epoll.h>

#include "herd/sys.h"
#include "target.h"

#define IN_ROOM   ((size_t)1 << 20) /* the longest answer */
#define OFFSET_NS (HERD_SECOND_NS / 10)

/* --- a set of them -------------------------------------------------------- */

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t power = 1;

	while (power < at_least)
		power *= 2;
	return power;
}

static int watch(struct streams *s, struct stream *st, int op, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = st};

	return epoll_ctl(s->epoll_fd, op, st->fd, &event) < 0 ? -errno : 0;
}

static int open_stream(struct streams *s, unsigned i)
{
	const struct driver *d = s->driver;
	uint64_t number = (uint64_t)i * d->o->threads + d->index;
	struct address from;
	char error[TARGET_ERROR];
	bool spread =
		target_source(&d->o->target, d->o->connections, number, &from);
	int rc = target_connect(
		&d->o->target, spread ? &from : NULL, &s->all[i].fd);

	if (rc) {
		s->all[i].fd = -1;
		target_explain(&d->o->target, rc, error);
		driver_fail(s->driver, "%s", error);
		return rc;
	}
	s->alive++;
	return watch(s, &s->all[i], EPOLL_CTL_ADD, EPOLLIN);
}

static int make_room(struct streams *s)
{
	const struct bench_options *o = s->driver->o;
	size_t entries = (size_t)s->count * s->ring;

	s->in = sys_alloc(IN_ROOM);
	s->out = sys_alloc(STREAM_BATCH * DIALECT_ROOM);
	s->all = sys_alloc_zero(s->count, sizeof *s->all);
	s->times_ns = sys_alloc_zero(entries, sizeof *s->times_ns);
	if (o->check || o->reads > 0)
		s->requests = sys_alloc_zero(entries, sizeof *s->requests);
	if (!s->in || !s->out || !s->all || !s->times_ns ||
		((o->check || o->reads > 0) && !s->requests))
		return -ENOMEM;
	for (unsigned i = 0; i < s->count; i++)
		s->all[i].fd = -1;
	return drawer_init(&s->drawer, s->driver);
}

int streams_init(struct streams *s, struct driver *d, uint32_t ring)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int rc;

	*s = (struct streams){.driver = d,
		.count = d->connections,
		.ring = power_of_two(ring),
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	speaker_init(&s->speaker, d->dialect, d->o->radius_km, d->o->bound);
	if (s->epoll_fd < 0) {
		rc = -errno;
		driver_fail(d, "epoll: %s", sys_error_text(rc));
		return rc;
	}
	rc = make_room(s);
	if (rc) {
		driver_fail(d, "out of memory for the connections");
		return rc;
	}
	/* Data NULL: main has something to say. */
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, d->wake_fd, &event) < 0)
		rc = -errno;
	for (unsigned i = 0; i < s->count && !rc; i++)
		rc = driver_should_stop(d) ? -EINTR : open_stream(s, i);
	if (rc)
		driver_fail(
			d, "cannot watch a connection: %s", sys_error_text(rc));
	return rc;
}

void streams_fini(struct streams *s)
{
	for (unsigned i = 0; s->all && i < s->count; i++) {
		if (s->all[i].fd >= 0)
			sys_close(s->all[i].fd);
		sys_free(s->all[i].rest);
		sys_free(s->all[i].kept);
	}
	if (s->epoll_fd >= 0)
		sys_close(s->epoll_fd);
	sys_free(s->all);
	sys_free(s->times_ns);
	sys_free(s->requests);
	drawer_fini(&s->drawer);
	sys_free(s->in);
	sys_free(s->out);
}

int64_t streams_now(struct streams *s)
{
	s->now_ns = sys_monotonic_ns();
	if (s->now_ns - s->offset_at_ns >= OFFSET_NS) {
		s->offset_ns = sys_realtime_ns() - s->now_ns;
		s->offset_at_ns = s->now_ns;
	}
	return s->now_ns;
}

static size_t slot(const struct streams *s, const struct stream *st, uint32_t n)
{
	return (size_t)(st - s->all) * s->ring + (n & (s->ring - 1));
}

static void lose(struct streams *s, struct stream *st, int rc)
{
	if (rc == -EPROTO)
		driver_fail(s->driver, "an answer that nobody asked for");
	else if (rc == -EMSGSIZE)
		driver_fail(
			s->driver, "an answer of more than %zu bytes", IN_ROOM);
	else if (rc)
		driver_fail(
			s->driver, "connection lost: %s", sys_error_text(rc));
	else
		driver_fail(s->driver, "the server closed a connection (has "
				       "it a limit of connections?)");
	sys_close(st->fd); /* and epoll forgets it */
	st->fd = -1;
	s->alive--;
}

/* --- sending -------------------------------------------------------------- */

void stream_arrive(struct streams *s, struct stream *st, int64_t time_ns)
{
	s->times_ns[slot(s, st, st->arrived++)] = time_ns;
}

uint64_t streams_unanswered(const struct streams *s, int64_t *ret_oldest_ns)
{
	uint64_t count = 0;

	*ret_oldest_ns = INT64_MAX;
	for (unsigned i = 0; i < s->count; i++) {
		const struct stream *st = &s->all[i];
		int64_t first_ns;

		if (st->answered == st->arrived)
			continue;
		count += st->arrived - st->answered;
		first_ns = s->times_ns[slot(s, st, st->answered)];
		if (first_ns < *ret_oldest_ns)
			*ret_oldest_ns = first_ns;
	}
	return count;
}

static size_t write_requests(struct streams *s, struct stream *st)
{
	int64_t now_ns = s->now_ns + s->offset_ns;
	char *end = s->out;

	for (unsigned i = 0; i < STREAM_BATCH && st->sent != st->arrived; i++) {
		struct request r = drawer_next(&s->drawer, now_ns);

		if (s->requests)
			s->requests[slot(s, st, st->sent)] = r;
		st->sent++;
		end += speaker_ask(&s->speaker, end, &r);
	}
	return (size_t)(end - s->out);
}

/* Keep what the socket did not take, until it is ready. */
static int keep_rest(
	struct streams *s, struct stream *st, const char *rest, size_t len)
{
	st->rest = sys_alloc(len);
	if (!st->rest)
		return -ENOMEM;
	memcpy(st->rest, rest, len);
	st->rest_len = len;
	return watch(s, st, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

void stream_send(struct streams *s, struct stream *st)
{
	while (stream_wants_to_send(st)) {
		size_t len = write_requests(s, st);
		ssize_t sent = sys_send(st->fd, s->out, len);
		int rc = 0;

		if (sent == -EAGAIN)
			sent = 0;
		if (sent < 0)
			rc = (int)sent;
		else if ((size_t)sent < len)
			rc = keep_rest(
				s, st, s->out + sent, len - (size_t)sent);
		if (rc)
			lose(s, st, rc);
	}
}

static int send_rest(struct streams *s, struct stream *st)
{
	ssize_t sent = sys_send(st->fd, st->rest, st->rest_len);

	if (sent < 0)
		return sent == -EAGAIN ? 0 : (int)sent;
	st->rest_len -= (size_t)sent;
	memmove(st->rest, st->rest + sent, st->rest_len);
	if (st->rest_len)
		return 0;
	sys_free(st->rest);
	st->rest = NULL;
	return watch(s, st, EPOLL_CTL_MOD, EPOLLIN);
}

/* --- receiving ------------------------------------------------------------ */

static void judge(
	struct streams *s, const struct request *r, struct text answer)
{
	bool wrong = speaker_is_refusal(&s->speaker, r && r->read, answer);

	if (s->driver->o->check && !wrong)
		wrong = !speaker_is_right(&s->speaker, r, answer);
	if (wrong)
		driver_note_wrong(s->driver, &s->speaker, r, answer);
}

/* Answers from `p` on: how many bytes they are. */
static size_t take_answers(
	struct streams *s, struct stream *st, const char *p, size_t len)
{
	size_t taken = 0;

	while (st->answered != st->sent && taken < len) {
		const struct request *r =
			s->requests ? &s->requests[slot(s, st, st->answered)]
				    : NULL;
		size_t one = speaker_answer_len(
			&s->speaker, r && r->read, p + taken, len - taken);

		if (!one)
			break;
		judge(s, r, (struct text){p + taken, one});
		taken += one;
		st->answered++;
	}
	return taken;
}

/* Requests that arrived together are added together. */
static void add_times(struct streams *s, const struct stream *st, uint32_t from)
{
	while (from != st->answered) {
		int64_t time_ns = s->times_ns[slot(s, st, from)];
		uint32_t count = 0;

		do
			count++;
		while (from + count != st->answered &&
			s->times_ns[slot(s, st, from + count)] == time_ns);
		driver_add(s->driver, s->now_ns - time_ns, count);
		from += count;
	}
}

static int keep_answer(struct stream *st, const char *p, size_t len)
{
	if (len > st->kept_room) {
		char *kept = sys_resize(st->kept, 2 * len);

		if (!kept)
			return -ENOMEM;
		st->kept = kept;
		st->kept_room = 2 * len;
	}
	memcpy(st->kept, p, len);
	st->kept_len = len;
	return 0;
}

static int receive(struct streams *s, struct stream *st)
{
	size_t len = st->kept_len;
	size_t taken;
	ssize_t got;

	if (len)
		memcpy(s->in, st->kept, len);
	got = sys_read(st->fd, s->in + len, IN_ROOM - len);
	if (got <= 0)
		return got == -EAGAIN ? 0 : got < 0 ? (int)got : -EPIPE;
	len += (size_t)got;
	streams_now(s);
	taken = take_answers(s, st, s->in, len);
	st->kept_len = 0;
	if (taken == len)
		return 0;
	if (st->answered == st->sent)
		return -EPROTO;
	if (len - taken == IN_ROOM)
		return -EMSGSIZE;
	return keep_answer(st, s->in + taken, len - taken);
}

unsigned stream_ready(struct streams *s, struct stream *st, uint32_t events)
{
	uint32_t before = st->answered;
	int rc = 0;

	if (st->fd < 0)
		return 0;
	if (events & EPOLLOUT && st->rest_len)
		rc = send_rest(s, st);
	if (!rc && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		rc = receive(s, st);
	add_times(s, st, before);
	if (rc)
		lose(s, st, rc == -EPIPE ? 0 : rc);
	return st->answered - before;
}
