/* Flood and its links, over real sockets. The test plays the neighbours.
 *
 *   driven    one thread: the test runs the reactor's rounds between its own
 *             steps, under a clock that it sets by hand
 *   threaded  flood on a thread of its own, as in the threaded design
 *
 * Most of what a link does is tested on a peer alone, whose state can be
 * seen. */
#include "herd/flood.h"

#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "herd/sys.h"
#include "herd/thread.h"
#include "sys_fault.h"

#define NEIGHBOURS 2
#define DEADLINE_S 30
#define START_NS   (1000000 * HERD_SECOND_NS)

/* --- the neighbours ------------------------------------------------------- */

struct far {
	const char *name;
	int listener;
	int fd; /* the link to it; -1: none */
	bool no_pong;
	struct buf in;
	size_t used; /* of `in`: lines handed out */
};

static struct far far[NEIGHBOURS] = {{.name = "Able"}, {.name = "Baker"}};

static struct conf_server servers[1 + NEIGHBOURS];
static size_t of_us[NEIGHBOURS] = {1, 2};
static const struct conf conf = {
	.servers = servers, .server_count = HERD_COUNT(servers)};

static struct reactor *reactor;
static struct store *store;
static struct neighbours *nb;
static struct log *log_file;
static struct log_ring *ring;
static struct flood *flood;
static struct thread flood_thread;
static bool threaded;
static atomic_int drained;
static time_t deadline;
static size_t blocks_before;

/* A peer alone, in place of flood. */
static struct peer peer;
static struct peer_env env;
static bool peer_alone;

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void round_once(int max_wait_ms)
{
	bool more = true;

	reactor_round(reactor, max_wait_ms);
	while (peer_alone && more)
		more = peer_pump(&peer);
}

/* Let something happen. */
static void go_on(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_msg(seconds() < deadline, "nothing happens any more");
	if (threaded)
		(void)poll(&p, 1, 100);
	else
		round_once(1);
}

static void advance(int64_t ns)
{
	sys_fault_clock_advance(ns);
	round_once(0);
	round_once(0);
}

static void far_listen(struct far *f)
{
	struct address at;
	socklen_t len = sizeof at;
	int small = 4096;

	f->fd = -1;
	ck_assert_int_eq(address_parse("127.0.0.1", 0, &at), 0);
	ck_assert_int_eq(sys_listen(&at, &f->listener), 0);
	/* So that a link is soon full when nobody reads. */
	ck_assert_int_eq(setsockopt(f->listener, SOL_SOCKET, SO_RCVBUF, &small,
				 sizeof small),
		0);
	ck_assert_int_eq(getsockname(f->listener, &at.any, &len), 0);
	servers[1 + (f - far)] = (struct conf_server){.name = f->name,
		.host = "127.0.0.1",
		.port = address_port(&at)};
}

static void far_hang_up(struct far *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	buf_fini(&f->in);
	f->used = 0;
}

static void far_accept(struct far *f)
{
	struct address from;
	int rc;

	far_hang_up(f);
	while ((rc = sys_accept(f->listener, &from, &f->fd)) == -EAGAIN)
		go_on(f->listener);
	ck_assert_int_eq(rc, 0);
}

static bool far_is_dialled(struct far *f)
{
	struct pollfd p = {.fd = f->listener, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void far_say(struct far *f, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	ck_assert_int_eq(sys_send(f->fd, text, (size_t)len), len);
}

/* Take in what has come. false: nothing; *ret_end: the link was closed. */
static bool far_take(struct far *f, bool *ret_end)
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

/* The next line, good until the next call. false: the link was closed. */
static bool far_next(struct far *f, struct text *ret_line)
{
	bool end = false;

	for (;;) {
		struct text rest = {
			buf_front(&f->in) + f->used, buf_len(&f->in) - f->used};

		if (rest.len && conn_take_line(&rest, ret_line)) {
			f->used += ret_line->len + 1;
			return true;
		}
		if (end)
			return false;
		if (!far_take(f, &end) && !end)
			go_on(f->fd);
	}
}

/* The next line but for PINGs, which are answered. */
static struct text far_line(struct far *f)
{
	struct text line;
	char pong[64];

	for (;;) {
		ck_assert(far_next(f, &line));
		if (line.len < 5 || memcmp(line.ptr, "PING ", 5))
			return line;
		snprintf(pong, sizeof pong, "PONG %.*s\n", (int)line.len - 5,
			line.ptr + 5);
		if (!f->no_pong)
			far_say(f, pong);
	}
}

static void far_expect(struct far *f, const char *text)
{
	struct text line = far_line(f);

	ck_assert_msg(text_equal(line, text_of(text)), "%.*s, not %s",
		(int)line.len, line.ptr, text);
}

static void far_expect_end(struct far *f)
{
	struct text line;

	while (far_next(f, &line))
		;
}

static void far_answer(struct far *f, const char *boot)
{
	char answer[128];

	snprintf(answer, sizeof answer, "HERD 1 %s Us %s\n", f->name, boot);
	far_say(f, answer);
}

/* Accept the link, read the hello, answer it. */
static void far_greet(struct far *f, const char *boot)
{
	char hello[128];
	struct text ours = neighbours_boot(nb);

	snprintf(hello, sizeof hello, "HERD 1 Us %s %.*s", f->name,
		(int)ours.len, ours.ptr);
	far_accept(f);
	far_expect(f, hello);
	far_answer(f, boot);
}

/* --- what is sent --------------------------------------------------------- */

static const char *line_of(char *dst, const char *id, long stamp)
{
	snprintf(dst, 128, "AT Us +0.000000001 %s +34.0-118.0 %ld", id, stamp);
	return dst;
}

/* A client's update, as a worker treats it. Threads: any. */
static void put(const char *id, long stamp, uint32_t origin)
{
	uint64_t words[PEER_SHARD_WORDS] = {0};
	enum store_result result;
	struct sighting s;
	struct line line;
	char bytes[128];
	struct store_key key;

	line_parse(text_of(line_of(bytes, id, stamp)), &line);
	line_normalise_at(&line, NULL, &s);
	key = store_key_of(store, s.id);
	ck_assert_int_eq(store_put(store, key, &s, origin, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	words[key.shard / 64] |= UINT64_C(1) << key.shard % 64;
	if (peer_alone)
		peer_changed(&peer, words);
	else
		flood_changed(flood, words);
}

static void far_expect_at(struct far *f, const char *id, long stamp)
{
	char bytes[128];

	far_expect(f, line_of(bytes, id, stamp));
}

/* --- life ----------------------------------------------------------------- */

static void on_drained(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static int new_flood(void)
{
	struct flood_options options = {.reactor = reactor,
		.store = store,
		.neighbours = nb,
		.log = ring,
		.on_drained = on_drained,
		.arg = &drained};

	int rc = flood_new(&options, &flood);

	if (!rc)
		flood_start(flood);
	return rc;
}

static void begin(unsigned neighbours, unsigned shards, bool is_threaded)
{
	struct store_options store_options = {
		.shards = shards, .shared = is_threaded};
	struct log_options log_options = {.path = "/dev/null",
		.level = LOG_DEBUG,
		.messages = true,
		.shared = is_threaded};

	sys_fault_reset();
	sys_fault_seed(4711);
	sys_fault_clock_set(START_NS, START_NS);
	blocks_before = sys_fault_blocks();
	deadline = seconds() + DEADLINE_S;
	threaded = is_threaded;
	peer_alone = false;
	flood = NULL;
	drained = 0;
	for (unsigned i = 0; i < NEIGHBOURS; i++)
		far_listen(&far[i]);
	servers[0] = (struct conf_server){.name = "Us",
		.host = "127.0.0.1",
		.neighbours = of_us,
		.neighbour_count = neighbours};
	ck_assert_int_eq(reactor_new(threaded, &reactor), 0);
	ck_assert_int_eq(store_new(&store_options, &store), 0);
	ck_assert_int_eq(neighbours_new(&conf, 0, &nb), 0);
	ck_assert_int_eq(log_new(&log_options, &log_file), 0);
	ck_assert_int_eq(log_ring_new(log_file, &ring), 0);
}

static void set_up_flood(void)
{
	begin(NEIGHBOURS, 1, false);
	ck_assert_int_eq(new_flood(), 0);
}

static void set_up_peer(void)
{
	begin(1, 1, false);
	env = (struct peer_env){.reactor = reactor,
		.store = store,
		.neighbours = nb,
		.log = ring,
		.page = malloc(PEER_PAGE_ROOM)};
	ck_assert_ptr_nonnull(env.page);
	ck_assert_int_eq(feed_open(store, 1), 0);
	ck_assert_int_eq(peer_init(&peer, &env, 0, 0), 0);
	peer_start(&peer);
	peer_alone = true;
}

static void tear_down(void)
{
	if (peer_alone) {
		peer_fini(&peer);
		free(env.page);
	}
	flood_free(flood);
	reactor_free(reactor);
	neighbours_free(nb);
	store_free(store);
	log_free(log_file);
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		far_hang_up(&far[i]);
		close(far[i].listener);
	}
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void wait_for_state(enum peer_state state)
{
	while (peer.state != state)
		go_on(-1);
}

static void peer_come_up(const char *boot)
{
	far_greet(&far[0], boot);
	wait_for_state(PEER_UP);
}

/* --- a link --------------------------------------------------------------- */

START_TEST(sends_what_there_is_and_what_comes)
{
	put("a", 1, 0);
	put("b", 1, 0);
	put("a", 2, 0);
	peer_come_up("aa");
	far_expect_at(&far[0], "b", 1);
	far_expect_at(&far[0], "a", 2);
	put("c", 1, 0);
	far_expect_at(&far[0], "c", 1);
	put("b", 2, 0);
	far_expect_at(&far[0], "b", 2);
}
END_TEST

START_TEST(sends_everything_again_on_a_new_link)
{
	put("a", 1, 0);
	put("b", 1, 0);
	for (int life = 0; life < 3; life++) {
		peer_come_up("aa"); /* the same process each time */
		far_expect_at(&far[0], "a", 1);
		far_expect_at(&far[0], "b", 1);
		far_hang_up(&far[0]);
		wait_for_state(PEER_WAITING);
		advance(2 * HERD_SECOND_NS);
	}
}
END_TEST

START_TEST(sends_nothing_back)
{
	uint32_t able = neighbours_incarnation(nb, 0, text_of("aa"));

	put("theirs", 1, able);
	put("ours", 1, 0);
	peer_come_up("aa");
	far_expect_at(&far[0], "ours", 1);
	put("theirs", 2, able);
	put("ours", 2, 0);
	far_expect_at(&far[0], "ours", 2);
	/* They told an old truth, a client told us better. */
	put("theirs", 3, 0);
	far_expect_at(&far[0], "theirs", 3);
	put("theirs", 4, able);
	put("ours", 3, 0);
	far_expect_at(&far[0], "ours", 3);
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
	advance(2 * HERD_SECOND_NS);

	/* Started anew it has forgotten even its own. */
	peer_come_up("bb");
	far_expect_at(&far[0], "theirs", 4);
	far_expect_at(&far[0], "ours", 3);
}
END_TEST

#define CLIENTS 20
#define UPDATES 20000

/* While the neighbour does not read, nothing grows; afterwards it gets the
 * newest of each client, and much less than was written. */
START_TEST(a_slow_neighbour_costs_no_queue)
{
	long last[CLIENTS] = {0};
	size_t most = 0;
	int lines = 0;
	int fresh = 0; /* clients whose newest has come */

	peer_come_up("aa");
	for (int i = 0; i < UPDATES; i++) {
		char id[16];

		snprintf(id, sizeof id, "id%d", i % CLIENTS);
		put(id, i + 1, 0);
		(void)peer_pump(&peer);
		if (i % 64 == 0)
			round_once(0);
		if (buf_len(&peer.conn.out) > most)
			most = buf_len(&peer.conn.out);
	}
	ck_assert_uint_gt(most, 0);
	ck_assert_uint_le(most, PEER_PAGE_ROOM);
	while (fresh < CLIENTS) {
		struct text line = far_line(&far[0]);
		char text[128];
		unsigned id;
		long stamp;

		snprintf(text, sizeof text, "%.*s", (int)line.len, line.ptr);
		ck_assert_int_eq(
			sscanf(text, "AT Us %*s id%u %*s %ld", &id, &stamp), 2);
		ck_assert_uint_lt(id, CLIENTS);
		ck_assert_int_gt(stamp, last[id]);
		last[id] = stamp;
		fresh += stamp > UPDATES - CLIENTS;
		lines++;
	}
	ck_assert_int_lt(lines, UPDATES / 2);
	ck_assert_uint_eq(buf_len(&peer.conn.out), 0);
}
END_TEST

static const struct {
	const char *answer;
	bool up; /* before it is given up */
} bad_answers[] = {
	{"? HERD 1 Us Able 00\n", false},
	{"HERD 2 Able Us aa\n", false},
	{"HERD 1 Baker Us aa\n", false},
	{"HERD 1 Able Baker aa\n", false},
	{"\n \r\nPONG 1\n", false},
	{"HERD 1 Able Us aa\n*", true},
	{"*", false},
};

/* '*' stands for more than a line may have. */
START_TEST(gives_up_who_answers_wrongly)
{
	const char *answer = bad_answers[_i].answer;
	size_t len = strcspn(answer, "*");
	char text[8192];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memcpy(text, answer, len);
	if (!answer[len])
		text[len] = '\0';
	far_accept(&far[0]);
	wait_for_state(PEER_GREETING);
	far_say(&far[0], text);
	wait_for_state(PEER_WAITING);
	ck_assert_int_eq(peer.attempt, !bad_answers[_i].up);
	far_expect_end(&far[0]);
	advance(HERD_SECOND_NS);
	peer_come_up("aa");
}
END_TEST

START_TEST(understands_pieces_and_later_words)
{
	const char *answer = "\r\nHERD 001 Able Us aa more\r\n";

	far_accept(&far[0]);
	wait_for_state(PEER_GREETING);
	for (; *answer; answer++) {
		char piece[2] = {*answer, '\0'};

		ck_assert_int_eq(peer.state, PEER_GREETING);
		far_say(&far[0], piece);
		round_once(1);
	}
	wait_for_state(PEER_UP);
	far_say(&far[0], "\nNEWS of a later version\nPONG 99\nPONG\nPON");
	for (int i = 0; i < 3; i++)
		round_once(1);
	ck_assert_int_eq(peer.state, PEER_UP);
}
END_TEST

static const struct {
	enum sys_fault_call call;
	int error;
	enum peer_state from; /* the state in which it is made to fail */
} failures[] = {
	{SYS_FAULT_CONNECT, ECONNREFUSED, PEER_WAITING},
	{SYS_FAULT_CONNECTED, ECONNREFUSED, PEER_WAITING},
	{SYS_FAULT_SEND, EPIPE, PEER_WAITING},
	{SYS_FAULT_READ, ECONNRESET, PEER_GREETING},
	{SYS_FAULT_ALLOC, ENOMEM, PEER_GREETING},
	{SYS_FAULT_SEND, ECONNRESET, PEER_UP},
	{SYS_FAULT_READ, ETIMEDOUT, PEER_UP},
	{SYS_FAULT_ALLOC, ENOMEM, PEER_UP},
};

/* Whatever breaks, the link is given up, and made again. */
START_TEST(recovers_from_failures)
{
	enum sys_fault_call call = failures[_i].call;

	put("a", 1, 0);
	if (failures[_i].from >= PEER_GREETING) {
		far_accept(&far[0]);
		wait_for_state(PEER_GREETING);
	}
	if (failures[_i].from == PEER_UP) {
		far_answer(&far[0], "aa");
		wait_for_state(PEER_UP);
	}
	sys_fault_fail(call, 0, 1, failures[_i].error);
	if (peer.state == PEER_UP && call == SYS_FAULT_SEND)
		put("a", 2, 0);
	else if (peer.state >= PEER_GREETING)
		far_answer(&far[0], "aa");
	while (!sys_fault_fired(call) || peer.state != PEER_WAITING)
		go_on(-1);
	ck_assert_int_eq(peer.conn.io.fd, -1);
	sys_fault_fail(call, 0, 0, 0);
	/* The dial that failed may be waiting to be accepted. */
	if (failures[_i].from == PEER_WAITING && far_is_dialled(&far[0])) {
		far_accept(&far[0]);
		far_expect_end(&far[0]);
	}
	advance(HERD_SECOND_NS);
	peer_come_up("aa");
	far_expect_at(&far[0], "a",
		failures[_i].from == PEER_UP && call == SYS_FAULT_SEND ? 2 : 1);
}
END_TEST

/* --- patience ------------------------------------------------------------- */

/* How long it waits before the next dial; it dials then, and not before. */
static int64_t next_wait(void)
{
	int64_t wait = peer.timer.due_ns - reactor_now_ns(reactor);
	unsigned calls = sys_fault_calls(SYS_FAULT_CONNECT);

	ck_assert_int_eq(peer.state, PEER_WAITING);
	ck_assert(peer.timer.set);
	advance(wait - 1);
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), calls);
	advance(1);
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), calls + 1);
	return wait;
}

static void check_wait(int64_t wait, int base_ms)
{
	ck_assert_int_gt(wait, base_ms * HERD_MS_NS / 2);
	ck_assert_int_le(wait, base_ms * HERD_MS_NS);
}

static void lose_after(int64_t up_ns)
{
	peer_come_up("aa");
	advance(up_ns);
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
}

START_TEST(backs_off)
{
	static const int base_ms[] = {50, 100, 200, 400, 800, 1600, 2000, 2000};
	int64_t least = INT64_MAX;
	int64_t most = 0;

	sys_fault_fail(SYS_FAULT_CONNECT, 0, 1000, ECONNREFUSED);
	round_once(0);
	for (size_t i = 0; i < HERD_COUNT(base_ms); i++)
		check_wait(next_wait(), base_ms[i]);
	for (int i = 0; i < 30; i++) {
		int64_t wait = next_wait();

		check_wait(wait, 2000);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	/* Chance decides, over all of the range. */
	ck_assert_int_lt(least, 1200 * HERD_MS_NS);
	ck_assert_int_gt(most, 1800 * HERD_MS_NS);

	/* A link that does not hold does not make it dial any faster... */
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 0, 0);
	(void)next_wait();
	lose_after(2 * HERD_SECOND_NS - 1);
	check_wait(next_wait(), 2000);
	/* ... one that did does. */
	lose_after(2 * HERD_SECOND_NS);
	check_wait(next_wait(), 50);
	lose_after(0);
	check_wait(next_wait(), 100);
}
END_TEST

/* Chance is a nicety. */
START_TEST(backs_off_without_randomness)
{
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 3, ECONNREFUSED);
	sys_fault_fail(SYS_FAULT_RANDOM, 0, 3, ENOSYS);
	round_once(0);
	ck_assert_int_eq(next_wait(), 50 * HERD_MS_NS);
	ck_assert_int_eq(next_wait(), 100 * HERD_MS_NS);
}
END_TEST

START_TEST(waits_five_seconds_for_a_hello)
{
	far_accept(&far[0]);
	wait_for_state(PEER_GREETING);
	advance(5 * HERD_SECOND_NS - 1);
	ck_assert_int_eq(peer.state, PEER_GREETING);
	advance(1);
	ck_assert_int_eq(peer.state, PEER_WAITING);
	far_expect_end(&far[0]);
}
END_TEST

/* --- liveness ------------------------------------------------------------- */

static void wait_for_acks(void)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	do {
		(void)poll(NULL, 0, 1);
		ck_assert_int_eq(getsockopt(peer.conn.io.fd, IPPROTO_TCP,
					 TCP_INFO, &info, &len),
			0);
	} while (info.tcpi_unacked);
}

START_TEST(pings_every_five_seconds)
{
	struct text line;
	char text[32];
	bool end;

	peer_come_up("aa");
	for (int n = 1; n <= 3; n++) {
		for (int s = 1; s < 5; s++) {
			advance(HERD_SECOND_NS);
			ck_assert(!far_take(&far[0], &end) && !end);
		}
		advance(HERD_SECOND_NS);
		snprintf(text, sizeof text, "PING %d", n);
		ck_assert(far_next(&far[0], &line));
		ck_assert(text_equal(line, text_of(text)));
		ck_assert(!peer.ponged);
		snprintf(text, sizeof text, "PONG %d\n", n);
		far_say(&far[0], text);
		while (!peer.ponged)
			go_on(-1);
	}
}
END_TEST

START_TEST(a_silent_neighbour_is_dead_after_ten_seconds)
{
	int s = 0;

	peer_come_up("aa");
	for (; s < 5; s++)
		advance(HERD_SECOND_NS);
	ck_assert(!peer.ponged);
	wait_for_acks(); /* its kernel lives: the last sign, seen at 6 s */
	far_say(&far[0], "PONG 7\n"); /* no answer to us */
	for (; peer.state == PEER_UP && s < 100; s++)
		advance(HERD_SECOND_NS);
	ck_assert_int_ge(s, 15);
	ck_assert_int_le(s, 17);
	far_expect_end(&far[0]);
}
END_TEST

/* It never answers a PING, but it takes what we send. */
START_TEST(a_slow_neighbour_is_not_dead)
{
	far[0].no_pong = true;
	peer_come_up("aa");
	for (int s = 1; s < 60; s++) {
		put("a", s, 0);
		far_expect_at(&far[0], "a", s);
		wait_for_acks();
		advance(HERD_SECOND_NS);
		ck_assert_int_eq(peer.state, PEER_UP);
	}
	ck_assert(!peer.ponged);
	far[0].no_pong = false;
}
END_TEST

/* --- names ---------------------------------------------------------------- */

/* "localhost" may have an address at which nobody listens: they take turns. */
START_TEST(dials_a_name)
{
	servers[1].host = "localhost";
	neighbours_free(nb);
	ck_assert_int_eq(neighbours_new(&conf, 0, &nb), 0);
	env.neighbours = nb;
	while (peer.state != PEER_GREETING) {
		go_on(-1);
		sys_fault_clock_advance(50 * HERD_MS_NS);
	}
	peer_come_up("aa");
}
END_TEST

START_TEST(waits_for_a_name_that_is_none)
{
	servers[1].host =
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid";
	neighbours_free(nb);
	ck_assert_int_eq(neighbours_new(&conf, 0, &nb), 0);
	env.neighbours = nb;
	while (peer.attempt < 3) {
		go_on(-1);
		sys_fault_clock_advance(50 * HERD_MS_NS);
	}
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 0);
}
END_TEST

/* --- flood ---------------------------------------------------------------- */

START_TEST(tells_all_but_the_teller)
{
	uint32_t able = neighbours_incarnation(nb, 0, text_of("aa"));

	far_greet(&far[0], "aa");
	far_greet(&far[1], "bb");
	put("ours", 1, 0);
	far_expect_at(&far[0], "ours", 1);
	far_expect_at(&far[1], "ours", 1);
	put("able's", 1, able);
	put("ours", 2, 0);
	far_expect_at(&far[0], "ours", 2);
	far_expect_at(&far[1], "able's", 1);
	far_expect_at(&far[1], "ours", 2);
}
END_TEST

START_TEST(one_that_is_down_holds_nobody_up)
{
	far_accept(&far[0]); /* and says nothing */
	far_greet(&far[1], "bb");
	put("a", 1, 0);
	far_expect_at(&far[1], "a", 1);
	(void)far_line(&far[0]);
	far_answer(&far[0], "aa");
	far_expect_at(&far[0], "a", 1);
}
END_TEST

/* Where the shards' turns begin must not matter, however few they are. */
START_TEST(no_shard_is_overlooked)
{
	uint64_t seen[PEER_SHARD_WORDS] = {0};
	char id[16];

	begin(1, 1U << _i, false);
	ck_assert_int_eq(new_flood(), 0);
	far_greet(&far[0], "aa");
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof id, "id%d", i);
		unsigned shard = store_key_of(store, text_of(id)).shard;
		seen[shard / 64] |= UINT64_C(1) << shard % 64;
		put(id, i, 0);
		far_expect_at(&far[0], id, i);
	}
	ck_assert(_i > 5 || seen[0] == (UINT64_C(1) << (1 << _i)) - 1);
	tear_down();
}
END_TEST

START_TEST(dials_at_once_who_dials_us)
{
	uint32_t first = neighbours_incarnation(nb, 0, text_of("aa"));

	sys_fault_fail(SYS_FAULT_CONNECT, 0, 2, ECONNREFUSED);
	round_once(0);
	round_once(0);
	ck_assert(!far_is_dialled(&far[0]));
	flood_was_heard(flood, 0, first);
	far_greet(&far[0], "aa"); /* while the clock stands still */
	ck_assert(!far_is_dialled(&far[1]));
	put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);

	/* Once more the same process: nothing to do. Another one: the link
	 * leads nowhere. */
	flood_was_heard(flood, 0, first);
	put("a", 2, 0);
	far_expect_at(&far[0], "a", 2);
	ck_assert(!far_is_dialled(&far[0]));
	flood_was_heard(flood, 0, neighbours_incarnation(nb, 0, text_of("ab")));
	far_expect_end(&far[0]);
	far_greet(&far[0], "ab");
	far_expect_at(&far[0], "a", 2);
}
END_TEST

/* --- a loop of its own ------------------------------------------------------ */

static void run_reactor(void *arg)
{
	reactor_run(arg);
}

/* From here on flood's timers are a minute away: a loop that falls asleep over
 * work is not woken by them, and the test ends at its deadline. */
static void put_timers_off(void)
{
	sys_fault_clock_set(START_NS, START_NS - 1000 * HERD_SECOND_NS);
}

static void start_loop(void)
{
	threaded = true;
	ck_assert_int_eq(
		thread_start(&flood_thread, "flood", -1, run_reactor, reactor),
		0);
}

/* A worker of the single-threaded design: a hook on the same reactor, before
 * flood's or behind it. In neither case may the loop go to sleep on news. */
struct worker {
	struct reactor_io io; /* what its clients say */
	struct reactor_hook hook;
	eventfd_t stamp; /* of an update; 0: none */
};

#define LAST_STAMP 100

static void on_worker_ready(struct reactor_io *io, uint32_t events)
{
	struct worker *w = HERD_CONTAINER(io, struct worker, io);

	(void)events;
	ck_assert_int_eq(eventfd_read(io->fd, &w->stamp), 0);
	if (w->stamp > LAST_STAMP)
		reactor_stop(reactor);
}

static bool on_worker_round(struct reactor_hook *hook)
{
	struct worker *w = HERD_CONTAINER(hook, struct worker, hook);

	if (w->stamp)
		put("a", (long)w->stamp, 0);
	w->stamp = 0;
	return false;
}

START_TEST(never_sleeps_on_news)
{
	struct worker w = {.io = {.on_ready = on_worker_ready},
		.hook = {.on_round = on_worker_round}};

	begin(1, 1, false);
	w.io.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_eq(reactor_watch(reactor, &w.io, EPOLLIN), 0);
	if (_i == 0)
		reactor_hook_add(reactor, &w.hook);
	ck_assert_int_eq(new_flood(), 0);
	if (_i == 1)
		reactor_hook_add(reactor, &w.hook);
	put("up", 1, 0);
	start_loop();
	far_greet(&far[0], "aa");
	far_expect_at(&far[0], "up", 1);
	put_timers_off();
	for (long i = 1; i <= LAST_STAMP; i++) {
		ck_assert_int_eq(eventfd_write(w.io.fd, (eventfd_t)i), 0);
		far_expect_at(&far[0], "a", i);
	}
	ck_assert_int_eq(eventfd_write(w.io.fd, LAST_STAMP + 1), 0);
	thread_join(&flood_thread);
	close(w.io.fd);
	tear_down();
}
END_TEST

/* --- stopping ------------------------------------------------------------- */

static void drive_until_drained(void)
{
	while (!drained)
		go_on(-1);
	for (int i = 0; i < 3; i++)
		round_once(0);
	ck_assert_int_eq(drained, 1);
}

START_TEST(drains_at_once_when_nobody_is_there)
{
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 100, ECONNREFUSED);
	round_once(0);
	put("a", 1, 0);
	flood_drain(flood);
	drive_until_drained();
	unsigned calls = sys_fault_calls(SYS_FAULT_CONNECT);
	advance(10 * HERD_SECOND_NS);
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), calls);
}
END_TEST

/* One that is up must confirm, one that is being greeted goes away. */
START_TEST(drains_when_all_have_confirmed)
{
	struct text line;

	far_greet(&far[0], "aa");
	far_accept(&far[1]);
	put("a", 1, 0);
	flood_drain(flood);
	far_expect_at(&far[0], "a", 1);
	ck_assert(far_next(&far[0], &line));
	ck_assert(text_equal(line, text_of("PING 1")));
	far_hang_up(&far[1]);
	for (int i = 0; i < 5; i++)
		round_once(1);
	ck_assert_int_eq(drained, 0);
	far_say(&far[0], "PONG 0\n");
	for (int i = 0; i < 5; i++)
		round_once(1);
	ck_assert_int_eq(drained, 0);
	far_say(&far[0], "PONG 1\n");
	drive_until_drained();
}
END_TEST

START_TEST(drains_who_is_lost_meanwhile)
{
	far_greet(&far[0], "aa");
	far_greet(&far[1], "bb");
	put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);
	far_expect_at(&far[1], "a", 1);
	flood_drain(flood);
	for (int i = 0; i < 5; i++)
		round_once(1);
	ck_assert_int_eq(drained, 0);
	far_hang_up(&far[0]);
	far_hang_up(&far[1]);
	drive_until_drained();
}
END_TEST

#define BACKLOG 5000

static void on_stop(void *to, intptr_t what)
{
	(void)what;
	reactor_stop(to);
}

static void stop_loop(void)
{
	ck_assert_int_eq(
		mailbox_post(reactor_mailbox(reactor), on_stop, reactor, 0), 0);
	thread_join(&flood_thread);
}

static void put_backlog(void)
{
	char id[16];

	for (int i = 0; i < BACKLOG; i++) {
		snprintf(id, sizeof id, "id%d", i);
		put(id, 1, 0);
	}
}

/* _i: the backlog is there before the link is, or piles up on it. Nothing but
 * the work itself drives the loop on. */
START_TEST(drains_a_backlog_without_delay)
{
	struct text line;
	int lines = 0;

	begin(1, 0, true);
	ck_assert_int_eq(new_flood(), 0);
	start_loop();
	if (_i == 0) {
		put_backlog();
		far_accept(&far[0]);
		(void)far_line(&far[0]);
		flood_drain(flood);
		put_timers_off();
		far_answer(&far[0], "aa");
	} else {
		far_greet(&far[0], "aa");
		put("up", 1, 0);
		far_expect_at(&far[0], "up", 1);
		put_timers_off();
		put_backlog();
		flood_drain(flood);
	}
	for (; far_next(&far[0], &line) && line.ptr[0] == 'A'; lines++)
		;
	ck_assert_int_eq(lines, BACKLOG);
	ck_assert(text_equal(line, text_of("PING 1")));
	far_say(&far[0], "PONG 1\n");
	while (!atomic_load(&drained))
		sched_yield();
	stop_loop();
	ck_assert_int_eq(drained, 1);
	tear_down();
}
END_TEST

/* --- wake-ups hammered ---------------------------------------------------- */

#define SENDERS_MAX 4
#define STAMPS      2000 /* per sender */
#define BURST       20

struct sender {
	struct thread thread;
	char id[16];
	atomic_long seen; /* by the neighbour: its newest stamp */
};

static struct sender senders[SENDERS_MAX];

/* Now each update is waited for, now a burst of them is not. */
static void send_all(void *arg)
{
	struct sender *s = arg;

	for (long i = 1; i <= STAMPS; i++) {
		put(s->id, i, 0);
		if (i % (2 * BURST) < BURST || i % BURST == 0)
			while (atomic_load(&s->seen) < i)
				sched_yield();
	}
}

static void read_from_all(int count)
{
	int done = 0;

	while (done < count) {
		struct text line = far_line(&far[0]);
		char text[128];
		unsigned id;
		long stamp;

		snprintf(text, sizeof text, "%.*s", (int)line.len, line.ptr);
		if (sscanf(text, "AT Us %*s id%u %*s %ld", &id, &stamp) != 2)
			continue; /* the hello, the first line */
		ck_assert_uint_lt(id, (unsigned)count);
		ck_assert_int_gt(stamp, senders[id].seen);
		senders[id].seen = stamp;
		done += stamp == STAMPS;
	}
}

/* _i senders. */
START_TEST(loses_no_wake_up)
{
	begin(1, 0, true);
	ck_assert_int_eq(new_flood(), 0);
	start_loop();
	far_greet(&far[0], "aa");
	put("up", 1, 0);
	far_expect_at(&far[0], "up", 1);
	put_timers_off();
	for (int i = 0; i < _i; i++) {
		snprintf(senders[i].id, sizeof senders[i].id, "id%d", i);
		senders[i].seen = 0;
		ck_assert_int_eq(thread_start(&senders[i].thread, "sender", -1,
					 send_all, &senders[i]),
			0);
	}
	read_from_all(_i);
	for (int i = 0; i < _i; i++)
		thread_join(&senders[i].thread);
	stop_loop();
	tear_down();
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	int rc;

	for (unsigned n = 0;; n++) {
		begin(NEIGHBOURS, 4, false);
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = new_flood();
		bool fired = sys_fault_fired(SYS_FAULT_ALLOC);
		sys_fault_fail(SYS_FAULT_ALLOC, 0, 0, 0);
		tear_down();
		if (!fired)
			break;
		ck_assert_int_eq(rc, -ENOMEM);
	}
	ck_assert_int_eq(rc, 0);
}
END_TEST

/* --- all of them ---------------------------------------------------------- */

/* The library's look-up threads are started behind ThreadSanitizer's back,
 * which then falls over the first of their calls. */
#ifdef __SANITIZE_THREAD__
#	define MAY_LOOK_UP false
#else
#	define MAY_LOOK_UP true
#endif

static TCase *new_case(Suite *suite, const char *name, void (*before)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 2 * DEADLINE_S);
	if (before)
		tcase_add_checked_fixture(tcase, before, tear_down);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_link(TCase *tcase)
{
	tcase_add_test(tcase, sends_what_there_is_and_what_comes);
	tcase_add_test(tcase, sends_everything_again_on_a_new_link);
	tcase_add_test(tcase, sends_nothing_back);
	tcase_add_test(tcase, a_slow_neighbour_costs_no_queue);
	tcase_add_loop_test(tcase, gives_up_who_answers_wrongly, 0,
		(int)HERD_COUNT(bad_answers));
	tcase_add_test(tcase, understands_pieces_and_later_words);
	tcase_add_loop_test(
		tcase, recovers_from_failures, 0, (int)HERD_COUNT(failures));
	tcase_add_test(tcase, backs_off);
	tcase_add_test(tcase, backs_off_without_randomness);
	tcase_add_test(tcase, waits_five_seconds_for_a_hello);
	tcase_add_test(tcase, pings_every_five_seconds);
	tcase_add_test(tcase, a_silent_neighbour_is_dead_after_ten_seconds);
	tcase_add_test(tcase, a_slow_neighbour_is_not_dead);
	if (MAY_LOOK_UP) {
		tcase_add_test(tcase, dials_a_name);
		tcase_add_test(tcase, waits_for_a_name_that_is_none);
	}
}

static void add_flood(TCase *tcase)
{
	tcase_add_test(tcase, tells_all_but_the_teller);
	tcase_add_test(tcase, one_that_is_down_holds_nobody_up);
	tcase_add_test(tcase, dials_at_once_who_dials_us);
	tcase_add_test(tcase, drains_at_once_when_nobody_is_there);
	tcase_add_test(tcase, drains_when_all_have_confirmed);
	tcase_add_test(tcase, drains_who_is_lost_meanwhile);
}

int main(void)
{
	Suite *suite = suite_create("flood");
	SRunner *runner = srunner_create(suite);
	TCase *own = new_case(suite, "own", NULL);

	add_link(new_case(suite, "link", set_up_peer));
	add_flood(new_case(suite, "flood", set_up_flood));
	tcase_add_loop_test(own, no_shard_is_overlooked, 0, 11);
	tcase_add_loop_test(own, never_sleeps_on_news, 0, 2);
	tcase_add_loop_test(own, drains_a_backlog_without_delay, 0, 2);
	tcase_add_loop_test(own, loses_no_wake_up, 1, SENDERS_MAX + 1);
	tcase_add_test(own, survives_lack_of_memory);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
