/* Flood when the neighbours change while it runs; the test plays them. */
#include "herd/flood.h"

#include <check.h>
#include <errno.h>

#include "scene.h"
#include "sys_fault.h"

#define ABLE  1
#define BAKER 2

static struct flood *flood;

/* Configurations that come after the scene's own: `now` is the latest. */
static struct conf_server later[4][1 + SCENE_NEIGHBOURS];
static unsigned next;
static struct conf_server *now;

static void on_news(const uint64_t *words)
{
	flood_changed(flood, words);
}

/* Us and, of Able and Baker, the first `neighbours`. */
static void begin(unsigned neighbours)
{
	struct flood_options options;

	scene_begin(neighbours, 1, false);
	scene.on_news = on_news;
	options = (struct flood_options){.reactor = scene.reactor,
		.store = scene.store,
		.neighbours = scene.neighbours,
		.log = scene.ring,
		.conf = scene.conf};
	ck_assert_int_eq(flood_new(&options, &flood), 0);
	flood_start(flood);
	next = 0;
	now = scene.servers;
}

static void tear_down(void)
{
	flood_free(flood);
	scene_end();
}

/* The next configuration, like the one before. */
static void prepare(void)
{
	ck_assert_uint_lt(next, HERD_COUNT(later));
	memcpy(later[next], now, sizeof later[next]);
	now = later[next++];
}

/* What was prepared is in force, and these are our neighbours. */
static void update(size_t *neighbours, size_t count)
{
	const struct conf conf = {.servers = now,
		.server_count = HERD_COUNT(later[0]),
		.peers.sync_interval_s = 30};

	now[0].neighbours = neighbours;
	now[0].neighbour_count = count;
	ck_assert_int_eq(neighbours_update(scene.neighbours, &conf, 0), 0);
	ck_assert_int_eq(flood_update(flood, scene.conf), 0);
}

static void reconfigure(size_t *neighbours, size_t count)
{
	prepare();
	update(neighbours, count);
	reactor_round(scene.reactor, 0);
}

static void go_on(void)
{
	for (int i = 0; i < 5; i++)
		reactor_round(scene.reactor, 1);
}

/* _i: how many there were before, who are not disturbed. */
START_TEST(tells_who_is_new)
{
	size_t all[] = {ABLE, BAKER};

	begin((unsigned)_i);
	scene_put("early", 1, 0);
	if (_i > 0) {
		far_greet(&far[0], "aa");
		far_expect_at(&far[0], "early", 1);
	}
	reconfigure(all, HERD_COUNT(all));
	for (int i = _i; i < SCENE_NEIGHBOURS; i++) {
		far_greet(&far[i], "bb");
		far_expect_at(&far[i], "early", 1);
	}
	scene_put("late", 1, 0);
	for (int i = 0; i < SCENE_NEIGHBOURS; i++)
		far_expect_at(&far[i], "late", 1);
	ck_assert(!far_is_dialled(&far[0]) && !far_is_dialled(&far[1]));
	tear_down();
}
END_TEST

START_TEST(leaves_who_is_retired)
{
	size_t all[] = {ABLE, BAKER};
	size_t able[] = {ABLE};
	uint32_t heard;

	begin(SCENE_NEIGHBOURS);
	far_greet(&far[0], "aa");
	far_greet(&far[1], "bb");
	scene_put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);
	far_expect_at(&far[1], "a", 1);
	heard = neighbours_incarnation(scene.neighbours, 1, text_of("bb"));

	reconfigure(able, HERD_COUNT(able));
	far_expect_end(&far[1]);
	scene_put("a", 2, 0);
	far_expect_at(&far[0], "a", 2);
	scene_advance(10 * HERD_SECOND_NS);
	/* It was on its way when the configuration changed. */
	flood_was_heard(flood, 1, heard);
	go_on();
	ck_assert(!far_is_dialled(&far[1]));

	reconfigure(all, HERD_COUNT(all));
	far_greet(&far[1], "bb");
	far_expect_at(&far[1], "a", 2);
	scene_put("a", 3, 0);
	far_expect_at(&far[0], "a", 3);
	far_expect_at(&far[1], "a", 3);
	tear_down();
}
END_TEST

/* _i: it waits for its next dial, is dialled, is greeted. */
START_TEST(leaves_who_is_not_up)
{
	begin(1);
	if (_i == 0)
		sys_fault_fail(SYS_FAULT_CONNECT, 0, 100, ECONNREFUSED);
	go_on();
	if (_i == 2) {
		far_accept(&far[0]);
		(void)far_line(&far[0]);
	}
	reconfigure(NULL, 0);
	sys_fault_fail(SYS_FAULT_CONNECT, 0, 0, 0);
	if (_i == 1)
		far_accept(&far[0]);
	if (_i > 0)
		far_expect_end(&far[0]);
	scene_advance(10 * HERD_SECOND_NS);
	go_on();
	ck_assert(!far_is_dialled(&far[0]));
	tear_down();
}
END_TEST

START_TEST(dials_where_it_has_moved_to)
{
	size_t able[] = {ABLE};
	struct far moved;

	begin(1);
	far_greet(&far[0], "aa");
	scene_put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);
	reconfigure(able, HERD_COUNT(able));
	scene_put("a", 2, 0);
	far_expect_at(&far[0], "a", 2); /* on the same link */

	/* To where Baker was, who is called Able now. */
	prepare();
	now[ABLE].port = now[BAKER].port;
	update(able, HERD_COUNT(able));
	far_expect_end(&far[0]);
	moved = far[1];
	moved.name = "Able";
	far_greet(&moved, "aa");
	far_expect_at(&moved, "a", 2);
	ck_assert(!far_is_dialled(&far[0]));
	far_hang_up(&moved);
	tear_down();
}
END_TEST

/* It becomes a plain one, then one elsewhere, then none of that kind: each
 * time it is told all there is. */
START_TEST(changes_what_it_speaks)
{
	size_t able[] = {ABLE};

	begin(1);
	far_greet(&far[0], "aa");
	scene_put("a", 1, 0);
	far_expect_at(&far[0], "a", 1);
	prepare();
	now[ABLE].plain = true;
	update(able, HERD_COUNT(able));
	far_expect_end(&far[0]);
	far_accept(&far[0]);
	far_expect_at(&far[0], "a", 1);
	far_hang_up(&far[0]);
	go_on();

	prepare();
	now[ABLE].port = now[BAKER].port;
	update(able, HERD_COUNT(able));
	far_accept(&far[1]);
	far_expect_at(&far[1], "a", 1);
	far_hang_up(&far[1]);
	go_on();

	prepare();
	now[ABLE] = scene.servers[ABLE];
	update(able, HERD_COUNT(able));
	far_greet(&far[0], "aa");
	scene_put("b", 1, 0);
	far_expect_at(&far[0], "b", 1);
	tear_down();
}
END_TEST

START_TEST(asks_again_without_memory)
{
	size_t all[] = {ABLE, BAKER};

	/* The bookmarks, then each peer. */
	for (unsigned n = 0; n < 3; n++) {
		begin(0);
		prepare();
		update(all, HERD_COUNT(all));
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		reactor_round(scene.reactor, 0);
		ck_assert(sys_fault_fired(SYS_FAULT_ALLOC));
		scene_put("a", 1, 0);
		flood_was_heard(flood, 1, 1);
		reactor_round(scene.reactor, 0);
		scene_advance(HERD_SECOND_NS);
		for (int i = 0; i < SCENE_NEIGHBOURS; i++) {
			far_greet(&far[i], "aa");
			far_expect_at(&far[i], "a", 1);
		}
		tear_down();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flood_update");
	TCase *tcase = tcase_create("flood_update");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 2 * SCENE_DEADLINE_S);
	tcase_add_loop_test(tcase, tells_who_is_new, 0, SCENE_NEIGHBOURS);
	tcase_add_test(tcase, leaves_who_is_retired);
	tcase_add_loop_test(tcase, leaves_who_is_not_up, 0, 3);
	tcase_add_test(tcase, dials_where_it_has_moved_to);
	tcase_add_test(tcase, changes_what_it_speaks);
	tcase_add_test(tcase, asks_again_without_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
