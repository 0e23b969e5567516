/* Who may repair what a server holds: one link at a time, and none for ever. */
#include "herd/neighbours.h"

#include <check.h>

#define ABLE  0
#define BAKER 1

static size_t of_us[] = {1, 2};
static struct conf_server servers[] = {
	{.name = "Us",
		.host = "127.0.0.1",
		.port = 1,
		.neighbours = of_us,
		.neighbour_count = 2},
	{.name = "Able", .host = "127.0.0.1", .port = 2},
	{.name = "Baker", .host = "127.0.0.1", .port = 3},
};
static const struct conf conf = {
	.servers = servers, .server_count = HERD_COUNT(servers)};
static struct neighbours *nb;
static int64_t now_ns;

static void set_up(void)
{
	now_ns = 1000 * HERD_SECOND_NS;
	ck_assert_int_eq(neighbours_new(&conf, 0, &nb), 0);
}

static void tear_down(void)
{
	neighbours_free(nb);
}

static bool may(size_t which, uint32_t link)
{
	bool taken = neighbours_repair_is_taken(nb, which, link, now_ns);
	bool may = neighbours_repair(nb, which, link, now_ns);

	ck_assert(may == !taken);
	return may;
}

START_TEST(one_at_a_time)
{
	ck_assert(may(ABLE, 1));
	ck_assert(!may(BAKER, 1));
	ck_assert(!may(ABLE, 2));
	ck_assert(may(ABLE, 1));
	neighbours_repair_end(nb, BAKER, 1); /* who has it not cannot end it */
	ck_assert(!may(BAKER, 1));
	neighbours_repair_end(nb, ABLE, 1);
	ck_assert(may(BAKER, 1));
	ck_assert(!may(ABLE, 1));
}
END_TEST

START_TEST(silence_ends_it)
{
	ck_assert(may(ABLE, 1));
	now_ns += NEIGHBOUR_REPAIR_NS - 1;
	ck_assert(!may(BAKER, 1));
	now_ns += 1;
	ck_assert(may(BAKER, 1));
	ck_assert(!may(ABLE, 1));
}
END_TEST

START_TEST(nobody_has_it_for_ever)
{
	int64_t start_ns = now_ns;

	for (; now_ns - start_ns < NEIGHBOUR_REPAIR_MAX_NS;
		now_ns += HERD_SECOND_NS) {
		ck_assert(may(ABLE, 1));
		ck_assert(!may(BAKER, 1));
	}
	/* As long as nobody else asks, it goes on. */
	ck_assert(may(ABLE, 1));
	ck_assert(may(BAKER, 1));
	ck_assert(!may(ABLE, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("repair_right");
	TCase *tcase = tcase_create("repair_right");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, one_at_a_time);
	tcase_add_test(tcase, silence_ends_it);
	tcase_add_test(tcase, nobody_has_it_for_ever);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
