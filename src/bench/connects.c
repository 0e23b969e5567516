/* connects - see connects.h.
 *
 *   begin ──► CONNECTING ──► ASKED ──► answered: close, begin
 *     └── connected at once ───┘
 *
 * On loopback a connection is there when connect() returns, and the request
 * leaves in the same breath. */
#include "connects.h"

#include <errno.h>
#include <sys/epoll.h>

#include "drawer.h"
#include "herd/sys.h"
#include "target.h"

#define EVENTS  256
#define IN_ROOM 65536

enum place_state {
	PLACE_CONNECTING,
	PLACE_ASKED,
};

struct place {
	int fd; /* -1: none */
	enum place_state state;
	int64_t begun_ns;
	struct request request;
	size_t len; /* of the answer, as far as it is there */
	char *in;   /* IN_ROOM bytes */
};

struct connects {
	struct driver *driver;
	struct place *places;
	unsigned count;
	char *in;
	uint64_t made; /* connections, ever */
	struct drawer drawer;
	struct speaker speaker;
	int epoll_fd;
	struct epoll_event events[EVENTS];
};

static void fail(struct connects *c, int rc)
{
	char error[TARGET_ERROR];

	target_explain(&c->driver->o->target, rc, error);
	driver_fail(c->driver, "%s", error);
}

static int watch(struct connects *c, struct place *p, int op)
{
	struct epoll_event event = {
		.events = p->state == PLACE_CONNECTING ? EPOLLOUT : EPOLLIN,
		.data.ptr = p,
	};

	return epoll_ctl(c->epoll_fd, op, p->fd, &event) < 0 ? -errno : 0;
}

/* -EAGAIN: not connected yet. A request is shorter than any socket's room. */
static int ask(struct connects *c, struct place *p)
{
	char request[DIALECT_ROOM];
	size_t len = speaker_ask(&c->speaker, request, &p->request);
	ssize_t sent = sys_send(p->fd, request, len);

	if (sent < 0)
		return (int)sent;
	p->state = PLACE_ASKED;
	return (size_t)sent == len ? 0 : -EIO;
}

static int begin(struct connects *c, struct place *p)
{
	const struct address *to = &c->driver->o->target;
	struct address from;
	uint64_t number = c->made++ * c->driver->o->threads + c->driver->index;
	bool spread = target_source(to, UINT64_MAX, number, &from);
	int rc;

	p->begun_ns = sys_monotonic_ns();
	p->state = PLACE_CONNECTING;
	p->request = drawer_next(&c->drawer, sys_realtime_ns());
	p->len = 0;
	rc = sys_connect(to, spread ? &from : NULL, &p->fd);
	if (rc) {
		p->fd = -1;
		return rc;
	}
	rc = ask(c, p);
	if (rc && rc != -EAGAIN)
		return rc;
	return watch(c, p, EPOLL_CTL_ADD);
}

/* 1: answered; 0: not yet; -errno. */
static int hear(struct connects *c, struct place *p)
{
	struct text answer = {p->in, 0};
	bool wrong;
	ssize_t got = sys_read(p->fd, p->in + p->len, IN_ROOM - p->len);

	if (got <= 0)
		return got == 0 ? -ECONNRESET : got == -EAGAIN ? 0 : (int)got;
	p->len += (size_t)got;
	answer.len =
		speaker_answer_len(&c->speaker, p->request.read, p->in, p->len);
	if (!answer.len)
		return p->len < IN_ROOM ? 0 : -EMSGSIZE;
	driver_add(c->driver, sys_monotonic_ns() - p->begun_ns, 1);
	wrong = speaker_is_refusal(&c->speaker, p->request.read, answer);
	if (!wrong && c->driver->o->check)
		wrong = answer.len != p->len ||
			!speaker_is_right(&c->speaker, &p->request, answer);
	if (wrong)
		driver_note_wrong(c->driver, &c->speaker, &p->request, answer);
	return 1;
}

static int go_on(struct connects *c, struct place *p)
{
	int rc;

	if (p->state == PLACE_CONNECTING) {
		rc = sys_connected(p->fd);
		if (!rc)
			rc = ask(c, p);
		return rc ? rc : watch(c, p, EPOLL_CTL_MOD);
	}
	rc = hear(c, p);
	if (rc <= 0)
		return rc;
	sys_close(p->fd);
	p->fd = -1;
	return begin(c, p);
}

static void note_unanswered(struct connects *c)
{
	struct driver *d = c->driver;
	int64_t now_ns = sys_monotonic_ns();

	for (unsigned i = 0; i < c->count; i++) {
		const struct place *p = &c->places[i];

		if (p->fd < 0)
			continue;
		d->unanswered++;
		if (now_ns - p->begun_ns > d->oldest_ns)
			d->oldest_ns = now_ns - p->begun_ns;
	}
}

static void run(struct driver *d)
{
	struct connects *c = d->own;
	int rc = 0;

	for (unsigned i = 0; i < c->count && !rc; i++)
		rc = begin(c, &c->places[i]);
	while (!rc && !driver_should_stop(d)) {
		int count = epoll_wait(c->epoll_fd, c->events, EVENTS, -1);

		for (int i = 0; i < count && !rc; i++)
			if (c->events[i].data.ptr)
				rc = go_on(c, c->events[i].data.ptr);
	}
	if (rc)
		fail(c, rc);
	note_unanswered(c);
}

static int make(struct connects *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	c->places = sys_alloc_zero(c->count, sizeof *c->places);
	c->in = sys_alloc_zero(c->count, IN_ROOM);
	if (!c->places || !c->in)
		return -ENOMEM;
	for (unsigned i = 0; i < c->count; i++) {
		c->places[i].fd = -1;
		c->places[i].in = c->in + (size_t)i * IN_ROOM;
	}
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	/* Data NULL: main has something to say. */
	if (c->epoll_fd < 0 || epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD,
				       c->driver->wake_fd, &event) < 0)
		return -errno;
	return drawer_init(&c->drawer, c->driver);
}

static void prepare(struct driver *d)
{
	struct connects *c = sys_alloc_zero(1, sizeof *c);
	int rc = -ENOMEM;

	d->own = c;
	if (c) {
		c->driver = d;
		c->count = d->connections;
		c->epoll_fd = -1;
		speaker_init(
			&c->speaker, d->dialect, d->o->radius_km, d->o->bound);
		rc = make(c);
	}
	if (rc)
		driver_fail(d, "cannot prepare: %s", sys_error_text(rc));
}

static void tidy(struct driver *d)
{
	struct connects *c = d->own;

	if (!c)
		return;
	for (unsigned i = 0; c->places && i < c->count; i++)
		if (c->places[i].fd >= 0)
			sys_close(c->places[i].fd);
	if (c->epoll_fd >= 0)
		sys_close(c->epoll_fd);
	drawer_fini(&c->drawer);
	sys_free(c->places);
	sys_free(c->in);
	sys_free(c);
	d->own = NULL;
}

const struct driver_work connects_work = {prepare, run, tidy, true};
