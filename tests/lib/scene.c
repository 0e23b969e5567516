/* scene - see the header. Sockets are non-blocking; every wait goes through
 * scene_go_on, which has a deadline of its own, apart from the clock that the
 * test sets. */
#include "scene.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "herd/conn.h"
#include "herd/holdings.h"
#include "herd/line.h"
#include "herd/sys.h"
#include "sys_fault.h"

#define LINE_ROOM 128

struct scene scene;
struct far far[SCENE_NEIGHBOURS] = {{.name = "Able"}, {.name = "Baker"}};

static size_t of_us[SCENE_NEIGHBOURS] = {1, 2};
static const struct conf conf = {.servers = scene.servers,
	.server_count = HERD_COUNT(scene.servers),
	.peers.sync_interval_s = 30};

static struct log *log_file;
static time_t deadline;
static size_t blocks_before;

/* --- time ----------------------------------------------------------------- */

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

void scene_go_on(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_msg(seconds() < deadline, "nothing happens any more");
	if (scene.threaded)
		(void)poll(&p, 1, 100);
	else
		reactor_round(scene.reactor, 1);
}

void scene_advance(int64_t ns)
{
	sys_fault_clock_advance(ns);
	reactor_round(scene.reactor, 0);
	reactor_round(scene.reactor, 0);
}

/* --- a neighbour ---------------------------------------------------------- */

/* It is a new process. */
static void far_become_new(struct far *f)
{
	struct store_options options = {.shards = 1};

	store_free(f->store);
	ck_assert_int_eq(store_new(&options, &f->store), 0);
}

static void far_listen(struct far *f)
{
	struct address at;
	socklen_t len = sizeof at;
	int small = 4096;

	f->fd = -1;
	far_become_new(f);
	ck_assert_int_eq(address_parse("127.0.0.1", 0, &at), 0);
	ck_assert_int_eq(sys_listen(&at, &f->listener), 0);
	/* So that a link is soon full when nobody reads. */
	ck_assert_int_eq(setsockopt(f->listener, SOL_SOCKET, SO_RCVBUF, &small,
				 sizeof small),
		0);
	ck_assert_int_eq(getsockname(f->listener, &at.any, &len), 0);
	scene.servers[1 + (f - far)] = (struct conf_server){.name = f->name,
		.host = "127.0.0.1",
		.port = address_port(&at)};
}

void far_hang_up(struct far *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	buf_fini(&f->in);
	f->used = 0;
}

void far_accept(struct far *f)
{
	struct address from;
	int rc;

	far_hang_up(f);
	while ((rc = sys_accept(f->listener, &from, &f->fd)) == -EAGAIN)
		scene_go_on(f->listener);
	ck_assert_int_eq(rc, 0);
}

bool far_is_dialled(const struct far *f)
{
	struct pollfd p = {.fd = f->listener, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void far_send(struct far *f, struct text text)
{
	ck_assert_int_eq(
		sys_send(f->fd, text.ptr, text.len), (ssize_t)text.len);
}

void far_say(struct far *f, const char *text)
{
	far_send(f, text_of(text));
}

bool far_take(struct far *f, bool *ret_end)
{
	char *dst;
	ssize_t n;

	buf_consume(&f->in, f->used);
	f->used = 0;
	dst = buf_reserve(&f->in, 4096);
	ck_assert_ptr_nonnull(dst);
	n = sys_read(f->fd, dst, 4096);
	if (n > 0)
		buf_commit(&f->in, (size_t)n);
	*ret_end = n == 0 || n == -ECONNRESET;
	return n > 0;
}

/* The next of those taken in. false: there is none. */
static bool far_has_line(struct far *f, struct text *ret_line)
{
	struct text rest = {
		buf_front(&f->in) + f->used, buf_len(&f->in) - f->used};

	if (!rest.len || !conn_take_line(&rest, ret_line))
		return false;
	f->used += ret_line->len + 1;
	return true;
}

bool far_next(struct far *f, struct text *ret_line)
{
	bool end = false;

	while (!far_has_line(f, ret_line)) {
		if (end)
			return false;
		if (!far_take(f, &end) && !end)
			scene_go_on(f->fd);
	}
	return true;
}

static void far_remember(struct far *f, const struct line *at)
{
	struct store_source source = {.now_ns = sys_monotonic_ns()};
	enum store_result result;
	struct sighting s;

	line_normalise_at(at, NULL, &s);
	ck_assert_int_eq(store_put(f->store, store_key_of(f->store, s.id), &s,
				 &source, &result),
		0);
}

/* Answer a question about what it holds. */
static void far_tell(struct far *f, const struct line *line)
{
	static char scratch[LINE_LINK_MAX + 1];
	struct buf out = {0};
	int rc;

	if (line->verb == LINE_SYNC)
		rc = holdings_tell_sum(f->store, &out);
	else if (line->verb == LINE_SUMS)
		rc = holdings_tell_sums(f->store, &out);
	else
		rc = holdings_tell_list(f->store, line->hashes.bucket,
			sys_monotonic_ns(), scratch, &out);
	ck_assert_int_eq(rc, 0);
	far_send(f, buf_text(&out));
	buf_fini(&out);
}

static void far_pong(struct far *f, const struct line *ping)
{
	char pong[64];

	snprintf(pong, sizeof pong, "PONG %llu\n",
		(unsigned long long)ping->ping.number);
	far_say(f, pong);
}

/* Whether the line is one that far answers, or leaves, by itself. */
static bool far_handles(struct far *f, struct text bytes)
{
	struct line line;

	line_parse(bytes, &line);
	switch ((int)line.verb) {
	case LINE_PING:
		if (!f->no_pong && !f->own_pong)
			far_pong(f, &line);
		return !f->own_pong;
	case LINE_SYNC:
	case LINE_SUMS:
	case LINE_LIST:
		far_tell(f, &line);
		return true;
	case LINE_DONE:
		return true;
	case LINE_AT:
		far_remember(f, &line);
		return false;
	default:
		return false;
	}
}

struct text far_line(struct far *f)
{
	struct text bytes;

	do
		ck_assert(far_next(f, &bytes));
	while (far_handles(f, bytes));
	return bytes;
}

void far_answer_questions(struct far *f)
{
	bool end;
	struct text bytes;

	(void)far_take(f, &end);
	while (far_has_line(f, &bytes))
		ck_assert(far_handles(f, bytes));
}

void far_expect(struct far *f, const char *text)
{
	struct text line = far_line(f);

	ck_assert_msg(text_equal(line, text_of(text)), "%.*s, not %s",
		(int)line.len, line.ptr, text);
}

void far_expect_end(struct far *f)
{
	struct text line;

	while (far_next(f, &line))
		;
}

void far_answer(struct far *f, const char *boot)
{
	char answer[LINE_ROOM];

	if (*f->boot && strcmp(f->boot, boot))
		far_become_new(f);
	snprintf(f->boot, sizeof f->boot, "%s", boot);
	snprintf(answer, sizeof answer, "HERD 1 %s Us %s\n", f->name, boot);
	far_say(f, answer);
}

void far_greet(struct far *f, const char *boot)
{
	char hello[LINE_ROOM];
	struct text ours = neighbours_boot(scene.neighbours);

	snprintf(hello, sizeof hello, "HERD 1 Us %s %.*s", f->name,
		(int)ours.len, ours.ptr);
	far_accept(f);
	far_expect(f, hello);
	far_answer(f, boot);
}

/* --- updates -------------------------------------------------------------- */

static const char *line_of(char *dst, const char *id, long stamp)
{
	snprintf(dst, LINE_ROOM, "AT Us +0.000000001 %s +34.0-118.0 %ld", id,
		stamp);
	return dst;
}

void scene_put(const char *id, long stamp, uint32_t origin)
{
	uint64_t words[STORE_BUCKETS / 64] = {0};
	struct store_source source = {.origin = origin,
		.now_ns = sys_monotonic_ns() - 10 * HERD_SECOND_NS};
	enum store_result result;
	struct sighting s;
	struct line line;
	char bytes[LINE_ROOM];
	struct store_key key;

	line_parse(text_of(line_of(bytes, id, stamp)), &line);
	line_normalise_at(&line, NULL, &s);
	key = store_key_of(scene.store, s.id);
	ck_assert_int_eq(store_put(scene.store, key, &s, &source, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	words[key.shard / 64] |= UINT64_C(1) << key.shard % 64;
	scene.on_news(words);
}

void far_expect_at(struct far *f, const char *id, long stamp)
{
	char bytes[LINE_ROOM];

	far_expect(f, line_of(bytes, id, stamp));
}

bool far_read_at(struct far *f, unsigned *ret_number, long *ret_stamp)
{
	struct text line = far_line(f);
	char text[LINE_ROOM];

	snprintf(text, sizeof text, "%.*s", (int)line.len, line.ptr);
	return sscanf(text, "AT Us %*s id%u %*s %ld", ret_number, ret_stamp) ==
	       2;
}

/* --- life ----------------------------------------------------------------- */

void scene_begin(unsigned neighbours, unsigned shards, bool threaded)
{
	struct store_options store_options = {
		.shards = shards, .shared = threaded};
	struct log_options log_options = {.path = "/dev/null",
		.level = LOG_DEBUG,
		.messages = true,
		.shared = threaded};

	sys_fault_reset();
	sys_fault_seed(4711);
	sys_fault_clock_set(SCENE_START_NS, SCENE_START_NS);
	blocks_before = sys_fault_blocks();
	deadline = seconds() + SCENE_DEADLINE_S;
	scene = (struct scene){.conf = &conf, .threaded = threaded};
	for (size_t i = 0; i < HERD_COUNT(far); i++)
		far_listen(&far[i]);
	scene.servers[0] = (struct conf_server){.name = "Us",
		.host = "127.0.0.1",
		.neighbours = of_us,
		.neighbour_count = neighbours};
	ck_assert_int_eq(reactor_new(threaded, &scene.reactor), 0);
	ck_assert_int_eq(store_new(&store_options, &scene.store), 0);
	ck_assert_int_eq(neighbours_new(&conf, 0, &scene.neighbours), 0);
	ck_assert_int_eq(log_new(&log_options, &log_file), 0);
	ck_assert_int_eq(log_ring_new(log_file, &scene.ring), 0);
}

void scene_end(void)
{
	reactor_free(scene.reactor);
	neighbours_free(scene.neighbours);
	store_free(scene.store);
	log_free(log_file);
	for (size_t i = 0; i < HERD_COUNT(far); i++) {
		far_hang_up(&far[i]);
		close(far[i].listener);
		store_free(far[i].store);
		far[i].store = NULL;
		far[i].boot[0] = '\0';
	}
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

void scene_move(const struct far *f, const char *host)
{
	scene.servers[1 + (f - far)].host = host;
	neighbours_free(scene.neighbours);
	ck_assert_int_eq(neighbours_new(&conf, 0, &scene.neighbours), 0);
}
