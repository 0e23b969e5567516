/* One link, as a peer alone, whose state can be seen; the test plays the
 * neighbour. */
#include "herd/peer.h"

#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/sys.h"
#include "scene.h"
#include "sys_fault.h"

static struct peer peer;
static struct peer_env env;
static struct reactor_hook hook; /* pumps the peer, as flood would */

static void on_news(const uint64_t *words)
{
	peer_changed(&peer, words);
}

static bool on_round(struct reactor_hook *h)
{
	(void)h;
	while (peer_pump(&peer))
		;
	return false;
}

static void set_up(void)
{
	scene_begin(1, 1, false);
	scene.on_news = on_news;
	env = (struct peer_env){.reactor = scene.reactor,
		.store = scene.store,
		.neighbours = scene.neighbours,
		.log = scene.ring,
		.sync_interval_ns = 30 * HERD_SECOND_NS,
		.page = malloc(PEER_PAGE_ROOM)};
	ck_assert_ptr_nonnull(env.page);
	ck_assert_int_eq(feed_reserve(scene.store, 1), 0);
	peer_init(&peer, &env, 0, 0);
	peer_start(&peer);
	hook.on_round = on_round;
	reactor_hook_add(scene.reactor, &hook);
}

static void tear_down(void)
{
	peer_fini(&peer);
	free(env.page);
	scene_end();
}

static void wait_for_state(enum peer_state state)
{
	while (peer.state != state)
		scene_go_on(-1);
}

static void peer_come_up(const char *boot)
{
	far_greet(&far[0], boot);
	wait_for_state(PEER_UP);
}

/* Until the neighbour is known to hold what we hold, but for what changes. */
static void wait_for_comparison(void)
{
	far_answer_questions(&far[0]);
	while (!peer.sync.settled) {
		scene_go_on(-1);
		far_answer_questions(&far[0]);
	}
}

/* --- a link --------------------------------------------------------------- */

START_TEST(sends_what_there_is_and_what_comes)
{
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	scene_put("a", 2, 0);
	peer_come_up("aa");
	far_expect_at(&far[0], "b", 1);
	far_expect_at(&far[0], "a", 2);
	scene_put("c", 1, 0);
	far_expect_at(&far[0], "c", 1);
	scene_put("b", 2, 0);
	far_expect_at(&far[0], "b", 2);
}
END_TEST

/* Nothing, if it is still the same process; else everything. */
START_TEST(sends_what_it_lacks_on_a_new_link)
{
	scene_put("a", 1, 0);
	for (int life = 0; life < 4; life++) {
		peer_come_up(life < 2 ? "aa" : "bb");
		if (life == 0 || life == 2)
			far_expect_at(&far[0], "a", 1);
		wait_for_comparison();
		far_hang_up(&far[0]);
		wait_for_state(PEER_WAITING);
		scene_advance(2 * HERD_SECOND_NS);
	}
	scene_put("b", 1, 0);
	peer_come_up("bb");
	far_expect_at(&far[0], "b", 1);
	ck_assert_uint_eq(peer.sync.lines, 3);
}
END_TEST

START_TEST(sends_nothing_back)
{
	uint32_t able =
		neighbours_incarnation(scene.neighbours, 0, text_of("aa"));

	peer_come_up("aa");
	wait_for_comparison();
	scene_put("theirs", 1, able);
	scene_put("ours", 1, 0);
	far_expect_at(&far[0], "ours", 1);
	scene_put("theirs", 2, able);
	scene_put("ours", 2, 0);
	far_expect_at(&far[0], "ours", 2);
	/* They told an old truth, a client told us better. */
	scene_put("theirs", 3, 0);
	far_expect_at(&far[0], "theirs", 3);
	scene_put("theirs", 4, able);
	scene_put("ours", 3, 0);
	far_expect_at(&far[0], "ours", 3);
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
	scene_advance(2 * HERD_SECOND_NS);

	/* Comparing leaves nothing out: it may have forgotten its own. */
	peer_come_up("aa");
	far_expect_at(&far[0], "theirs", 4);
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
		scene_put(id, i + 1, 0);
		(void)peer_pump(&peer);
		if (i % 64 == 0)
			reactor_round(scene.reactor, 0);
		if (buf_len(&peer.conn.out) > most)
			most = buf_len(&peer.conn.out);
	}
	ck_assert_uint_gt(most, 0);
	ck_assert_uint_le(most, PEER_PAGE_ROOM);
	while (fresh < CLIENTS) {
		unsigned id;
		long stamp;

		ck_assert(far_read_at(&far[0], &id, &stamp));
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
	static char text[LINE_LINK_MAX + 8192];

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
	scene_advance(HERD_SECOND_NS);
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
		reactor_round(scene.reactor, 1);
	}
	wait_for_state(PEER_UP);
	far_say(&far[0], "\nNEWS of a later version\nPONG 99\nPONG\nPON");
	for (int i = 0; i < 3; i++)
		reactor_round(scene.reactor, 1);
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

	scene_put("a", 1, 0);
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
		scene_put("a", 2, 0);
	else if (peer.state >= PEER_GREETING)
		far_answer(&far[0], "aa");
	while (!sys_fault_fired(call) || peer.state != PEER_WAITING)
		scene_go_on(-1);
	ck_assert_int_eq(peer.conn.io.fd, -1);
	sys_fault_fail(call, 0, 0, 0);
	/* The dial that failed may be waiting to be accepted. */
	if (failures[_i].from == PEER_WAITING && far_is_dialled(&far[0])) {
		far_accept(&far[0]);
		far_expect_end(&far[0]);
	}
	scene_advance(HERD_SECOND_NS);
	peer_come_up("aa");
	far_expect_at(&far[0], "a",
		failures[_i].from == PEER_UP && call == SYS_FAULT_SEND ? 2 : 1);
}
END_TEST

/* --- patience ------------------------------------------------------------- */

/* How long it waits before the next dial; it dials then, and not before. */
static int64_t next_wait(void)
{
	int64_t wait = peer.timer.due_ns - reactor_now_ns(scene.reactor);
	unsigned calls = sys_fault_calls(SYS_FAULT_CONNECT);

	ck_assert_int_eq(peer.state, PEER_WAITING);
	ck_assert(timer_is_set(&peer.timer));
	scene_advance(wait - 1);
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), calls);
	scene_advance(1);
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
	scene_advance(up_ns);
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
}

START_TEST(backs_off)
{
	static const int base_ms[] = {50, 100, 200, 400, 800, 1600, 2000, 2000};
	int64_t least = INT64_MAX;
	int64_t most = 0;

	sys_fault_fail(SYS_FAULT_CONNECT, 0, 1000, ECONNREFUSED);
	reactor_round(scene.reactor, 0);
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
	reactor_round(scene.reactor, 0);
	ck_assert_int_eq(next_wait(), 50 * HERD_MS_NS);
	ck_assert_int_eq(next_wait(), 100 * HERD_MS_NS);
}
END_TEST

START_TEST(waits_five_seconds_for_a_hello)
{
	far_accept(&far[0]);
	wait_for_state(PEER_GREETING);
	scene_advance(5 * HERD_SECOND_NS - 1);
	ck_assert_int_eq(peer.state, PEER_GREETING);
	scene_advance(1);
	ck_assert_int_eq(peer.state, PEER_WAITING);
	far_expect_end(&far[0]);
}
END_TEST

/* A reload may have neighbours compare more often, from now on. */
START_TEST(compares_sooner_when_told)
{
	env.sync_interval_ns = 3600 * HERD_SECOND_NS;
	peer_come_up("aa");
	wait_for_comparison();
	env.sync_interval_ns = HERD_SECOND_NS;
	peer_update(&peer);
	scene_advance(HERD_SECOND_NS);
	far_answer_questions(&far[0]);
	while (peer.sync.comparisons < 2) {
		scene_go_on(-1);
		far_answer_questions(&far[0]);
	}
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

START_TEST(pings_every_two_seconds)
{
	struct text line;
	char text[32];
	bool end;

	peer_come_up("aa");
	wait_for_comparison();
	for (int n = 1; n <= 3; n++) {
		for (int i = 1; i < 4; i++) {
			scene_advance(HERD_SECOND_NS / 2);
			ck_assert(!far_take(&far[0], &end) && !end);
		}
		scene_advance(HERD_SECOND_NS / 2);
		snprintf(text, sizeof text, "PING %d", n);
		ck_assert(far_next(&far[0], &line));
		ck_assert(text_equal(line, text_of(text)));
		ck_assert(!peer.ponged);
		snprintf(text, sizeof text, "PONG %d\n", n);
		far_say(&far[0], text);
		while (!peer.ponged)
			scene_go_on(-1);
	}
}
END_TEST

#define STEP_NS (50 * HERD_MS_NS)

/* A moment in which the neighbour answers. */
static void live_a_step(void)
{
	scene_advance(STEP_NS);
	wait_for_acks();
	do {
		far_answer_questions(&far[0]);
		scene_go_on(-1);
	} while (!peer.ponged);
}

/* At whatever moment the cable is cut, the link idle or not: what had arrived by
 * then is still acknowledged, and seen at the next look; nothing after it is. */
START_TEST(a_vanished_neighbour_is_dead_within_ten_seconds)
{
	bool busy = _i % 2;
	int steps = 0;

	peer_come_up("aa");
	wait_for_comparison();
	for (int i = 0; i < 5 + _i; i++) {
		if (busy) {
			scene_put("a", i + 1, 0);
			far_expect_at(&far[0], "a", i + 1);
		}
		live_a_step();
	}
	sys_fault_fail(SYS_FAULT_ACKED, 1, 1000000, ENOTCONN);
	for (; peer.state == PEER_UP; steps++) {
		if (busy && sys_fault_fired(SYS_FAULT_ACKED))
			scene_put("a", 1000 + steps, 0);
		scene_advance(STEP_NS);
	}
	ck_assert_int_ge(steps, 155);
	ck_assert_int_le(steps, 200);
	far_expect_end(&far[0]);
}
END_TEST

/* A process that is stopped: its kernel acknowledges the PING, no more. */
START_TEST(a_silent_neighbour_is_dead_after_ten_seconds)
{
	int steps = 0;

	peer_come_up("aa");
	wait_for_comparison();
	while (peer.ponged)
		scene_advance(STEP_NS);
	wait_for_acks();
	for (; peer.state == PEER_UP; steps++)
		scene_advance(STEP_NS);
	ck_assert_int_ge(steps, 195);
	ck_assert_int_le(steps, 205);
	far_expect_end(&far[0]);
}
END_TEST

/* Then no PING was sent that it could have answered. */
START_TEST(nobody_dies_of_our_own_sleep)
{
	peer_come_up("aa");
	wait_for_comparison();
	for (int i = 0; i < 3; i++) {
		for (int steps = 0; steps < 5; steps++)
			live_a_step();
		scene_advance(60 * HERD_SECOND_NS);
		ck_assert_int_eq(peer.state, PEER_UP);
		ck_assert(!peer.ponged);
		scene_advance(7 * HERD_SECOND_NS);
		ck_assert_int_eq(peer.state, PEER_UP);
	}
}
END_TEST

/* It never answers a PING, but takes something all of nine seconds later. */
START_TEST(a_slow_neighbour_is_not_dead)
{
	far[0].no_pong = true;
	peer_come_up("aa");
	for (int i = 1; i < 20; i++) {
		scene_put("a", i, 0);
		far_expect_at(&far[0], "a", i);
		wait_for_acks();
		for (int steps = 0; steps < 190; steps++)
			scene_advance(STEP_NS);
		ck_assert_int_eq(peer.state, PEER_UP);
	}
	ck_assert(!peer.ponged);
	far[0].no_pong = false;
}
END_TEST

/* --- names ---------------------------------------------------------------- */

static void move(const char *host)
{
	scene_move(&far[0], host);
	env.neighbours = scene.neighbours;
}

/* "localhost" may have an address at which nobody listens: they take turns. */
START_TEST(dials_a_name)
{
	move("localhost");
	while (peer.state != PEER_GREETING) {
		scene_go_on(-1);
		sys_fault_clock_advance(50 * HERD_MS_NS);
	}
	peer_come_up("aa");
}
END_TEST

START_TEST(waits_for_a_name_that_is_none)
{
	move("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid");
	while (peer.attempt < 3) {
		scene_go_on(-1);
		sys_fault_clock_advance(50 * HERD_MS_NS);
	}
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 0);
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

int main(void)
{
	Suite *suite = suite_create("peer");
	TCase *tcase = tcase_create("peer");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 2 * SCENE_DEADLINE_S);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, sends_what_there_is_and_what_comes);
	tcase_add_test(tcase, sends_what_it_lacks_on_a_new_link);
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
	tcase_add_test(tcase, compares_sooner_when_told);
	tcase_add_test(tcase, pings_every_two_seconds);
	tcase_add_loop_test(
		tcase, a_vanished_neighbour_is_dead_within_ten_seconds, 0, 46);
	tcase_add_test(tcase, a_silent_neighbour_is_dead_after_ten_seconds);
	tcase_add_test(tcase, nobody_dies_of_our_own_sleep);
	tcase_add_test(tcase, a_slow_neighbour_is_not_dead);
	if (MAY_LOOK_UP) {
		tcase_add_test(tcase, dials_a_name);
		tcase_add_test(tcase, waits_for_a_name_that_is_none);
	}
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
