/* Flood over real sockets: who is told what, that it never sleeps on news, how
 * it stops. The test plays the neighbours; what one link does is test_peer's. */
#include "herd/flood.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "herd/sys.h"
#include "herd/thread.h"
#include "scene.h"
#include "sys_fault.h"

static struct flood *flood;
static struct thread flood_thread;
static atomic_int drained;

static void on_drained(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void on_news(const uint64_t *words)
{
	flood_changed(flood, words);
}

static void begin(unsigned neighbours, unsigned shards, bool threaded)
{
	scene_begin(neighbours, shards, threaded);
	scene.on_news = on_news;
	flood = NULL;
	drained = 0;
}

static int new_flood(void)
{
	struct flood_options options = {.reactor = scene.reactor,
		.store = scene.store,
		.neighbours = scene.neighbours,
		.log = scene.ring,
		.conf = scene.conf,
		.on_drained = on_drained,
		.arg = &drained};
	int rc = flood_new(&options, &flood);

	if (!rc)
		flood_start(flood);
	return rc;
}

static void set_up(void)
{
	begin(SCENE_NEIGHBOURS, 1, false);
	ck_assert_int_eq(new_flood(), 0);
}

static void tear_down(void)
{
	flood_free(flood);
	scene_end();
}

/* --- to whom -------------------------------------------------------------- */

START_TEST(tells_all_but_the_teller)
{
	uint32_t able =
		neighbours_incarnation(scene.neighbours, 0, text_of("aa"));

	far_greet(&far[0], "aa");
	far_greet(&far[1], "bb");
	scene_put("ours", 1, 0);
	far_expect_at(&far[0], "ours", 1);
	far_expect_at(&far[1], "ours", 1);
	scene_put("able's", 1, able);
	scene_put("ours", 2, 0);
	far_expect_at(&far[0], "ours", 2);
	far_expect_at(&far[1], "able's", 1);
	far_expect_at(&far[1], "ours", 2);
}
END_TEST

START_TEST(one_that_is_down_holds_nobody_up)
{
	far_accept(&far[0]); /* and says nothing */
	far_greet(&far[1], "bb");
	scene_put("a", 1, 0);
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
		unsigned shard = store_key_of(scene.store, text_of(id)).shard;
		seen[shard / 64] |= UINT64_C(1) << shard % 64;
		scene_put(id, i, 0);
		far_expect_at(&far[0], id, i);
	}
	ck_assert(_i > 5 || seen[0] == (UINT64_C(1) << (1 << _i)) - 1);
	tear_down();
}
END_TEST

START_TEST(dials_at_once_who_dials_us)
{
	uint32_t first =
		neighbours_incarnation(scene.neighbours, 0, text_of("aa"));

	sys_fault_fail(SYS_FAULT_CONNECT, 0, 2, ECONNREFUSED);
	reactor_round(scene.reactor, 0);
	reactor_round(scene.reactor, 0);
	ck_assert(!far_is_dialled(&far[0]));
	flood_was_heard(flood, 0, first);
	far_greet(&far[0], "aa"); /* while the clock stands still */
	ck_assert(!far_is_dialled(&far[1]));
	scene_put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);

	/* Once more the same process: nothing to do. Another one: the link
	 * leads nowhere. */
	flood_was_heard(flood, 0, first);
	scene_put("a", 2, 0);
	far_expect_at(&far[0], "a", 2);
	ck_assert(!far_is_dialled(&far[0]));
	flood_was_heard(flood, 0,
		neighbours_incarnation(scene.neighbours, 0, text_of("ab")));
	far_expect_end(&far[0]);
	far_greet(&far[0], "ab");
	far_expect_at(&far[0], "a", 2);
}
END_TEST

/* --- a loop of its own ---------------------------------------------------- */

static void run_reactor(void *arg)
{
	reactor_run(arg);
}

/* From here on flood's timers are a minute away: a loop that falls asleep over
 * work is not woken by them, and the test ends at its deadline. */
static void put_timers_off(void)
{
	sys_fault_clock_set(
		SCENE_START_NS, SCENE_START_NS - 1000 * HERD_SECOND_NS);
}

static void start_loop(void)
{
	scene.threaded = true;
	ck_assert_int_eq(thread_start(&flood_thread, "flood", -1, run_reactor,
				 scene.reactor),
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
		reactor_stop(scene.reactor);
}

static bool on_worker_round(struct reactor_hook *hook)
{
	struct worker *w = HERD_CONTAINER(hook, struct worker, hook);

	if (w->stamp)
		scene_put("a", (long)w->stamp, 0);
	w->stamp = 0;
	return false;
}

START_TEST(never_sleeps_on_news)
{
	struct worker w = {.io = {.on_ready = on_worker_ready},
		.hook = {.on_round = on_worker_round}};

	begin(1, 1, false);
	w.io.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_eq(reactor_watch(scene.reactor, &w.io, EPOLLIN), 0);
	if (_i == 0)
		reactor_hook_add(scene.reactor, &w.hook);
	ck_assert_int_eq(new_flood(), 0);
	if (_i == 1)
		reactor_hook_add(scene.reactor, &w.hook);
	scene_put("up", 1, 0);
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
		scene_go_on(-1);
	for (int i = 0; i < 3; i++)
		reactor_round(scene.reactor, 0);
	ck_assert_int_eq(drained, 1);
}

START_TEST(drains_at_once_when_nobody_is_there)
{
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 100, ECONNREFUSED);
	reactor_round(scene.reactor, 0);
	scene_put("a", 1, 0);
	flood_drain(flood);
	drive_until_drained();
	unsigned calls = sys_fault_calls(SYS_FAULT_CONNECT);
	scene_advance(10 * HERD_SECOND_NS);
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_CONNECT), calls);
}
END_TEST

/* One that is up must confirm, one that is being greeted goes away. */
START_TEST(drains_when_all_have_confirmed)
{
	far[0].own_pong = true;
	far_greet(&far[0], "aa");
	far_accept(&far[1]);
	scene_put("a", 1, 0);
	flood_drain(flood);
	far_expect_at(&far[0], "a", 1);
	far_expect(&far[0], "PING 1");
	far_hang_up(&far[1]);
	for (int i = 0; i < 5; i++)
		reactor_round(scene.reactor, 1);
	ck_assert_int_eq(drained, 0);
	far_say(&far[0], "PONG 0\n");
	for (int i = 0; i < 5; i++)
		reactor_round(scene.reactor, 1);
	ck_assert_int_eq(drained, 0);
	far_say(&far[0], "PONG 1\n");
	drive_until_drained();
}
END_TEST

START_TEST(drains_who_is_lost_meanwhile)
{
	far_greet(&far[0], "aa");
	far_greet(&far[1], "bb");
	scene_put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);
	far_expect_at(&far[1], "a", 1);
	flood_drain(flood);
	for (int i = 0; i < 5; i++)
		reactor_round(scene.reactor, 1);
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
	ck_assert_int_eq(mailbox_post(reactor_mailbox(scene.reactor), on_stop,
				 scene.reactor, 0),
		0);
	thread_join(&flood_thread);
}

static void put_backlog(void)
{
	char id[16];

	for (int i = 0; i < BACKLOG; i++) {
		snprintf(id, sizeof id, "id%d", i);
		scene_put(id, 1, 0);
	}
}

static bool is_told[BACKLOG];

/* What was put more than two seconds ago, on a busy machine, may come a second
 * time, out of a comparison. */
static bool tells_anew(struct text line)
{
	const char *id = memmem(line.ptr, line.len, " id", 3);
	int number = id ? atoi(id + 3) : -1;
	bool anew;

	ck_assert_int_ge(number, 0);
	ck_assert_int_lt(number, BACKLOG);
	anew = !is_told[number];
	is_told[number] = true;
	return anew;
}

/* _i: the backlog is there before the link is, or piles up on it. Nothing but
 * the work itself drives the loop on. */
START_TEST(drains_a_backlog_without_delay)
{
	struct text line;
	int told = 0;

	begin(1, 0, true);
	ck_assert_int_eq(new_flood(), 0);
	start_loop();
	far[0].own_pong = true;
	if (_i == 0) {
		put_backlog();
		far_accept(&far[0]);
		(void)far_line(&far[0]);
		flood_drain(flood);
		put_timers_off();
		far_answer(&far[0], "aa");
	} else {
		far_greet(&far[0], "aa");
		scene_put("up", 1, 0);
		far_expect_at(&far[0], "up", 1);
		put_timers_off();
		put_backlog();
		flood_drain(flood);
	}
	memset(is_told, 0, sizeof is_told);
	while ((line = far_line(&far[0])).ptr[0] == 'A')
		told += tells_anew(line);
	ck_assert_int_eq(told, BACKLOG);
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
		scene_put(s->id, i, 0);
		if (i % (2 * BURST) < BURST || i % BURST == 0)
			while (atomic_load(&s->seen) < i)
				sched_yield();
	}
}

static void read_from_all(int count)
{
	int done = 0;

	while (done < count) {
		unsigned id;
		long stamp;

		if (!far_read_at(&far[0], &id, &stamp))
			continue; /* the first line */
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
	scene_put("up", 1, 0);
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
		begin(SCENE_NEIGHBOURS, 4, false);
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

int main(void)
{
	Suite *suite = suite_create("flood");
	SRunner *runner = srunner_create(suite);
	TCase *driven = tcase_create("driven");
	TCase *own = tcase_create("own"); /* each begins and ends by itself */

	tcase_set_timeout(driven, 2 * SCENE_DEADLINE_S);
	tcase_add_checked_fixture(driven, set_up, tear_down);
	tcase_add_test(driven, tells_all_but_the_teller);
	tcase_add_test(driven, one_that_is_down_holds_nobody_up);
	tcase_add_test(driven, dials_at_once_who_dials_us);
	tcase_add_test(driven, drains_at_once_when_nobody_is_there);
	tcase_add_test(driven, drains_when_all_have_confirmed);
	tcase_add_test(driven, drains_who_is_lost_meanwhile);
	suite_add_tcase(suite, driven);
	tcase_set_timeout(own, 2 * SCENE_DEADLINE_S);
	tcase_add_loop_test(own, no_shard_is_overlooked, 0, 11);
	tcase_add_loop_test(own, never_sleeps_on_news, 0, 2);
	tcase_add_loop_test(own, drains_a_backlog_without_delay, 0, 2);
	tcase_add_loop_test(own, loses_no_wake_up, 1, SENDERS_MAX + 1);
	tcase_add_test(own, survives_lack_of_memory);
	suite_add_tcase(suite, own);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
