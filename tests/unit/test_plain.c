/* What is sent to a plain neighbour, as a peer alone, whose state can be seen;
 * the test plays the neighbour. */
#include "herd/peer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

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
	scene.servers[1].plain = true;
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

/* One connection, with this line on it and nothing else. */
static void take(const char *id, long stamp)
{
	far_accept(&far[0]);
	far_expect_at(&far[0], id, stamp);
	far_expect_end(&far[0]);
	far_hang_up(&far[0]);
}

static void check_is_idle(void)
{
	wait_for_state(PEER_IDLE);
	scene_advance(60 * HERD_SECOND_NS);
	ck_assert_int_eq(peer.state, PEER_IDLE);
	ck_assert_int_eq(peer.conn.io.fd, -1);
	ck_assert_uint_eq(buf_len(&peer.held), 0);
	ck_assert(!far_is_dialled(&far[0]));
}

/* The neighbour's host refuses, until come_back. */
static void go_away(void)
{
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 100000, ECONNREFUSED);
}

static void come_back(void)
{
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 0, 0);
	ck_assert_int_eq(peer.state, PEER_WAITING);
	scene_advance(2 * HERD_SECOND_NS);
}

/* --- a connection for each ------------------------------------------------ */

START_TEST(without_news_there_is_no_dial)
{
	scene_advance(0);
	check_is_idle();
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 0);
	ck_assert(!timer_is_set(&peer.timer));
}
END_TEST

START_TEST(one_line_at_a_time)
{
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	scene_put("a", 2, 0);
	take("b", 1);
	take("a", 2);
	check_is_idle();
	scene_put("c", 1, 0);
	scene_put("b", 2, 0);
	take("c", 1);
	/* A line is taken no sooner than it can be sent. */
	scene_put("b", 3, 0);
	take("b", 3);
	check_is_idle();
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 4);
}
END_TEST

START_TEST(what_it_says_is_dropped)
{
	char much[2000];

	memset(much, '\n', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	far_accept(&far[0]);
	far_say(&far[0], "HERD 1 Able Us aa\nAT x\n");
	far_expect_at(&far[0], "a", 1);
	for (int i = 0; i < 100; i++) {
		far_say(&far[0], much);
		scene_advance(0);
	}
	far_expect_end(&far[0]);
	far_hang_up(&far[0]);
	take("b", 1);
	check_is_idle();
}
END_TEST

START_TEST(waits_a_second_for_its_end)
{
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	far_accept(&far[0]);
	far_expect_at(&far[0], "a", 1);
	far_expect_end(&far[0]);
	scene_advance(HERD_SECOND_NS - 1);
	ck_assert_int_eq(peer.state, PEER_SENDING);
	ck_assert(!peer.reachable);
	scene_advance(1);
	ck_assert(peer.reachable);
	take("b", 1);
	check_is_idle();
}
END_TEST

/* --- what comes from it --------------------------------------------------- */

START_TEST(sends_nothing_back)
{
	uint32_t able =
		neighbours_incarnation(scene.neighbours, 0, text_of("any"));

	for (int i = 0; i < 3000; i++) {
		char id[16];

		snprintf(id, sizeof id, "id%d", i);
		scene_put(id, 1, able);
	}
	scene_advance(0);
	check_is_idle();
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 0);
	scene_put("id7", 2, 0);
	scene_put("id8", 2, able);
	take("id7", 2);
	check_is_idle();
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 1);
}
END_TEST

/* More than one look finds. */
START_TEST(finds_news_behind_much_of_its_own)
{
	uint32_t able =
		neighbours_incarnation(scene.neighbours, 0, text_of(""));

	go_away();
	scene_put("a", 1, 0);
	wait_for_state(PEER_WAITING);
	for (int i = 0; i < 3000; i++) {
		char id[16];

		snprintf(id, sizeof id, "id%d", i);
		scene_put(id, 1, able);
	}
	scene_put("a", 2, 0);
	come_back();
	take("a", 2);
	check_is_idle();
}
END_TEST

/* --- away ----------------------------------------------------------------- */

START_TEST(gets_the_newest_when_it_is_back)
{
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	take("a", 1);
	take("b", 1);
	wait_for_state(PEER_IDLE);
	go_away();
	for (int i = 2; i < 50; i++) {
		scene_put("a", i, 0);
		scene_advance(HERD_SECOND_NS);
	}
	scene_put("c", 1, 0);
	come_back();
	/* And not b, which it had before. */
	take("a", 49);
	take("c", 1);
	check_is_idle();
	ck_assert_int_eq(peer.backoff_ns, 50 * HERD_MS_NS);
}
END_TEST

START_TEST(backs_off)
{
	int64_t base = 50 * HERD_MS_NS;

	go_away();
	scene_put("a", 1, 0);
	wait_for_state(PEER_WAITING);
	for (int i = 0; i < 10; i++) {
		int64_t wait =
			peer.timer.due_ns - reactor_now_ns(scene.reactor);

		ck_assert_int_gt(wait, base / 2);
		ck_assert_int_le(wait, base);
		base = base < HERD_SECOND_NS ? 2 * base : 2 * HERD_SECOND_NS;
		scene_advance(wait);
	}
	/* At once when it dials us. */
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 0, 0);
	peer_was_heard(&peer, 7);
	take("a", 1);
	check_is_idle();
	peer_was_heard(&peer, 7);
	check_is_idle();
}
END_TEST

/* --- lines that may be lost ----------------------------------------------- */

static void reset(struct far *f)
{
	struct linger at_once = {.l_onoff = 1};

	ck_assert_int_eq(setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &at_once,
				 sizeof at_once),
		0);
	far_hang_up(f);
	wait_for_state(PEER_WAITING);
	scene_advance(2 * HERD_SECOND_NS);
}

START_TEST(a_reset_connection_may_have_lost_the_line)
{
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	for (int i = 0; i < 3; i++) {
		far_accept(&far[0]);
		far_expect_at(&far[0], "a", 1);
		reset(&far[0]);
		ck_assert(!peer.reachable);
	}
	/* It was taken, whatever becomes of its client now. */
	scene_put("a", 2, 0);
	take("a", 1);
	take("b", 1);
	ck_assert(peer.reachable);
	take("a", 2);
	check_is_idle();
}
END_TEST

/* And the peer ends: what it holds is freed. */
START_TEST(ends_with_a_line_held)
{
	scene_put("a", 1, 0);
	far_accept(&far[0]);
	wait_for_state(PEER_SENDING);
	ck_assert_uint_gt(buf_len(&peer.held), 0);
}
END_TEST

/* Closed unread: its kernel says so. */
START_TEST(a_connection_not_read_loses_the_line)
{
	scene_put("a", 1, 0);
	far_accept(&far[0]);
	wait_for_state(PEER_SENDING);
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
	scene_advance(HERD_SECOND_NS);
	take("a", 1);
	check_is_idle();
}
END_TEST

/* Closed before the line came: there is an end of file, and yet it is lost. */
START_TEST(an_early_end_is_no_receipt)
{
	sys_fault_fail(SYS_FAULT_SEND, 0, 1, EAGAIN);
	scene_put("a", 1, 0);
	far_accept(&far[0]);
	ck_assert_int_eq(shutdown(far[0].fd, SHUT_WR), 0);
	wait_for_state(PEER_WAITING);
	far_expect_end(&far[0]);
	scene_advance(HERD_SECOND_NS);
	take("a", 1);
	check_is_idle();
}
END_TEST

/* Nor is the handshake, which the kernel counts as a byte acknowledged. */
START_TEST(the_last_byte_counts)
{
	scene_put("a", 1, 0);
	far_accept(&far[0]);
	far_expect_at(&far[0], "a", 1);
	far_expect_end(&far[0]);
	/* As if one byte more had not come; the other stands for our end, which
	 * has been counted by now, too. */
	ck_assert_int_eq(buf_append(&peer.held, "xx", 2), 0);
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
	ck_assert(!peer.reachable);
}
END_TEST

START_TEST(sends_in_pieces)
{
	sys_fault_short(SYS_FAULT_SEND, 7);
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	take("a", 1);
	take("b", 1);
	check_is_idle();
}
END_TEST

START_TEST(gives_up_who_takes_nothing)
{
	scene_put("a", 1, 0);
	sys_fault_short(SYS_FAULT_SEND, 7);
	sys_fault_fail(SYS_FAULT_SEND, 1, 100000, EAGAIN);
	far_accept(&far[0]);
	wait_for_state(PEER_SENDING);
	scene_advance(5 * HERD_SECOND_NS - 1);
	ck_assert_int_eq(peer.state, PEER_SENDING);
	scene_advance(1);
	ck_assert_int_eq(peer.state, PEER_WAITING);
	far_expect_end(&far[0]);
	sys_fault_fail(SYS_FAULT_SEND, 0, 0, 0);
	scene_advance(HERD_SECOND_NS);
	take("a", 1);
	check_is_idle();
}
END_TEST

static const struct {
	enum sys_fault_call call;
	int error;
} failures[] = {
	{SYS_FAULT_CONNECT, ECONNREFUSED},
	{SYS_FAULT_CONNECTED, ECONNREFUSED},
	{SYS_FAULT_SEND, EPIPE},
	{SYS_FAULT_READ, ECONNRESET},
	{SYS_FAULT_ALLOC, ENOMEM},
};

/* Whatever breaks, the line arrives. */
START_TEST(recovers_from_failures)
{
	enum sys_fault_call call = failures[_i].call;

	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	sys_fault_fail(call, 0, 1, failures[_i].error);
	while (!sys_fault_fired(call)) {
		/* Of reading, the test does as much as the peer. */
		if (call == SYS_FAULT_READ && far_is_dialled(&far[0])) {
			far_accept(&far[0]);
			ck_assert_int_eq(shutdown(far[0].fd, SHUT_WR), 0);
		}
		scene_go_on(-1);
	}
	wait_for_state(PEER_WAITING);
	ck_assert_int_eq(peer.conn.io.fd, -1);
	if (far_is_dialled(&far[0])) {
		far_accept(&far[0]);
		far_expect_end(&far[0]);
	}
	scene_advance(HERD_SECOND_NS);
	take("a", 1);
	take("b", 1);
	check_is_idle();
}
END_TEST

/* --- draining ------------------------------------------------------------- */

START_TEST(drains_what_is_new)
{
	scene_put("a", 1, 0);
	scene_put("b", 1, 0);
	scene_put("c", 1, 0);
	far_accept(&far[0]);
	far_expect_at(&far[0], "a", 1);
	peer_drain(&peer);
	far_expect_end(&far[0]);
	far_hang_up(&far[0]);
	ck_assert(!peer_drained(&peer));
	take("b", 1);
	ck_assert(!peer_drained(&peer));
	take("c", 1);
	wait_for_state(PEER_IDLE);
	ck_assert(peer_drained(&peer));
}
END_TEST

START_TEST(is_drained_when_there_is_nothing)
{
	scene_advance(0);
	ck_assert(peer_drained(&peer));
	peer_drain(&peer);
	ck_assert(peer_drained(&peer));
}
END_TEST

START_TEST(who_is_away_is_not_waited_for)
{
	go_away();
	scene_put("a", 1, 0);
	wait_for_state(PEER_WAITING);
	peer_drain(&peer);
	ck_assert(peer_drained(&peer));
	scene_advance(10 * HERD_SECOND_NS);
	ck_assert_int_eq(peer.state, PEER_WAITING);
}
END_TEST

/* It is found away while we stop. */
START_TEST(who_does_not_answer_is_not_waited_for)
{
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 1, ECONNREFUSED);
	peer_drain(&peer);
	scene_put("a", 1, 0);
	wait_for_state(PEER_WAITING);
	ck_assert(peer_drained(&peer));
}
END_TEST

/* --- names ---------------------------------------------------------------- */

/* It has to be known by its address although there is nothing to tell it. */
START_TEST(looks_its_name_up)
{
	struct address address;
	struct address from;
	size_t which;

	scene_move(&far[0], "localhost");
	env.neighbours = scene.neighbours;
	ck_assert_int_eq(address_parse("127.0.0.1", 5, &from), 0);
	ck_assert_uint_eq(
		neighbours_plain_from(scene.neighbours, &from, &which), 0);
	while (!neighbours_address(scene.neighbours, 0, 0, &address)) {
		scene_go_on(-1);
		sys_fault_clock_advance(50 * HERD_MS_NS);
	}
	ck_assert_uint_eq(
		neighbours_plain_from(scene.neighbours, &from, &which), 1);
	check_is_idle();
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), 0);
}
END_TEST

START_TEST(looks_a_bad_name_up_again)
{
	scene_move(&far[0],
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid");
	env.neighbours = scene.neighbours;
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
	Suite *suite = suite_create("plain");
	TCase *tcase = tcase_create("plain");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 2 * SCENE_DEADLINE_S);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, without_news_there_is_no_dial);
	tcase_add_test(tcase, one_line_at_a_time);
	tcase_add_test(tcase, what_it_says_is_dropped);
	tcase_add_test(tcase, waits_a_second_for_its_end);
	tcase_add_test(tcase, sends_nothing_back);
	tcase_add_test(tcase, finds_news_behind_much_of_its_own);
	tcase_add_test(tcase, gets_the_newest_when_it_is_back);
	tcase_add_test(tcase, backs_off);
	tcase_add_test(tcase, a_reset_connection_may_have_lost_the_line);
	tcase_add_test(tcase, ends_with_a_line_held);
	tcase_add_test(tcase, a_connection_not_read_loses_the_line);
	tcase_add_test(tcase, an_early_end_is_no_receipt);
	tcase_add_test(tcase, the_last_byte_counts);
	tcase_add_test(tcase, sends_in_pieces);
	tcase_add_test(tcase, gives_up_who_takes_nothing);
	tcase_add_loop_test(
		tcase, recovers_from_failures, 0, (int)HERD_COUNT(failures));
	tcase_add_test(tcase, drains_what_is_new);
	tcase_add_test(tcase, is_drained_when_there_is_nothing);
	tcase_add_test(tcase, who_is_away_is_not_waited_for);
	tcase_add_test(tcase, who_does_not_answer_is_not_waited_for);
	if (MAY_LOOK_UP) {
		tcase_add_test(tcase, looks_its_name_up);
		tcase_add_test(tcase, looks_a_bad_name_up_again);
	}
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
