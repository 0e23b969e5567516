/* What the store takes from a plain neighbour. */
#include "herd/store.h"

#include <check.h>

#include "store_sample.h"
#include "sys_fault.h"

static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

/* What a plain neighbour says again is no news; a client's is. */
START_TEST(hears_echoes)
{
	struct store_options options = {.shards = 4, .shared = _i};
	struct store *store;
	struct sample *sample = malloc(sizeof *sample);
	struct store_source client = {0};
	struct store_source plain = {.plain = true};
	enum store_result result;

	ck_assert_ptr_nonnull(sample);
	ck_assert_int_eq(store_new(&options, &store), 0);
	sample_make(sample, 1, 5000, 0, 90);
	ck_assert_int_eq(sample_put(store, sample, &plain, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	sample->s.stamp_ns += 999;
	ck_assert_int_eq(sample_put(store, sample, &plain, &result), 0);
	ck_assert_int_eq(result, STORE_STALE);
	sample->s.stamp_ns += 1;
	ck_assert_int_eq(sample_put(store, sample, &plain, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	sample->s.stamp_ns += 1;
	ck_assert_int_eq(sample_put(store, sample, &client, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	free(sample);
	store_free(store);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_plain");
	TCase *tcase = tcase_create("store_plain");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, hears_echoes, 0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
