/* Histograms: what each slot holds, and percentiles against sorted values. */
#include "herd/histogram.h"

#include <check.h>
#include <stdlib.h>

#include "herd/draw.h"

#define COUNT 5000

static struct histogram h;

static void empty(void)
{
	memset(&h, 0, sizeof h);
}

/* At most 0.8 % too high, never too low. */
static void check_near(int64_t value, int64_t exact)
{
	ck_assert_int_ge(value, exact);
	ck_assert_int_le(value, exact + exact / 128);
}

START_TEST(is_empty)
{
	ck_assert_int_eq(histogram_percentile(&h, 50), 0);
	ck_assert_int_eq(histogram_percentile(&h, 100), 0);
	ck_assert(histogram_mean(&h) == 0);
	histogram_add(&h, 5, 0);
	ck_assert_uint_eq(h.count, 0);
	ck_assert_int_eq(h.min, 0);
}
END_TEST

/* All up to 2000, and both sides of every power of two. */
START_TEST(single_values)
{
	int64_t value = _i < 2000 ? _i : (INT64_C(1) << (_i - 2000) / 3);

	if (_i >= 2000)
		value += (_i - 2000) % 3 - 1;
	histogram_add(&h, value, 1);
	histogram_add(&h, HISTOGRAM_MAX, 1);
	check_near(histogram_percentile(&h, 50), value);
	if (value < 128)
		ck_assert_int_eq(histogram_percentile(&h, 50), value);
	ck_assert_int_eq(histogram_percentile(&h, 100), HISTOGRAM_MAX);
	ck_assert_int_eq(h.min, value);
}
END_TEST

START_TEST(out_of_range)
{
	histogram_add(&h, -7, 1);
	ck_assert_int_eq(h.min, 0);
	ck_assert_int_eq(h.max, 0);
	histogram_add(&h, INT64_MAX, 2);
	ck_assert_int_eq(h.max, HISTOGRAM_MAX);
	ck_assert_uint_eq(h.count, 3);
	ck_assert_int_eq(histogram_percentile(&h, 33), 0);
	ck_assert_int_eq(histogram_percentile(&h, 34), HISTOGRAM_MAX);
}
END_TEST

START_TEST(one_value_many_times)
{
	histogram_add(&h, 1000001, 999);
	ck_assert_uint_eq(h.count, 999);
	/* The highest is known exactly. */
	ck_assert_int_eq(histogram_percentile(&h, 1), 1000001);
	ck_assert_int_eq(histogram_percentile(&h, 99.99), 1000001);
	ck_assert(histogram_mean(&h) == 1000001);
}
END_TEST

/* 99.9 % of 1000 are 999, not 1000. */
START_TEST(ranks_are_exact)
{
	for (int i = 1; i <= 100; i++)
		histogram_add(&h, i, 10);
	ck_assert_int_eq(histogram_percentile(&h, 0), 1);
	ck_assert_int_eq(histogram_percentile(&h, 1), 1);
	ck_assert_int_eq(histogram_percentile(&h, 1.1), 2);
	ck_assert_int_eq(histogram_percentile(&h, 50), 50);
	ck_assert_int_eq(histogram_percentile(&h, 99), 99);
	ck_assert_int_eq(histogram_percentile(&h, 99.1), 100);
	empty();
	histogram_add(&h, 1, 999);
	histogram_add(&h, 100, 1);
	ck_assert_int_eq(histogram_percentile(&h, 99.9), 1);
	ck_assert_int_eq(histogram_percentile(&h, 99.91), 100);
}
END_TEST

static int compare(const void *a, const void *b)
{
	const int64_t *left = a;
	const int64_t *right = b;

	return (*left > *right) - (*left < *right);
}

START_TEST(percentiles_of_sorted_values)
{
	static const double percents[] = {
		1, 10, 25, 50, 75, 90, 99, 99.9, 99.98};
	static int64_t values[COUNT];
	struct draw d;
	uint64_t sum = 0;

	draw_init(&d, 7, 0);
	for (size_t i = 0; i < COUNT; i++) {
		values[i] = (int64_t)(draw_word(&d) >> (22 + i % 40));
		sum += (uint64_t)values[i];
		histogram_add(&h, values[i], 1);
	}
	qsort(values, COUNT, sizeof *values, compare);
	for (size_t i = 0; i < HERD_COUNT(percents); i++) {
		double rank = percents[i] * COUNT / 100;

		check_near(histogram_percentile(&h, percents[i]),
			values[(size_t)(rank + 0.5) - 1]);
	}
	ck_assert_int_eq(h.min, values[0]);
	ck_assert_int_eq(histogram_percentile(&h, 100), values[COUNT - 1]);
	ck_assert_uint_eq(h.sum, sum);
}
END_TEST

START_TEST(merging_is_adding_both)
{
	static struct histogram a, b, nothing;

	for (int64_t i = 0; i < 3000; i++) {
		histogram_add(i % 3 ? &a : &b, 1000 + i * i, (uint64_t)i % 5);
		histogram_add(&h, 1000 + i * i, (uint64_t)i % 5);
	}
	histogram_merge(&a, &nothing);
	histogram_merge(&a, &b);
	ck_assert_mem_eq(&a, &h, sizeof h);
	histogram_merge(&nothing, &h);
	ck_assert_mem_eq(&nothing, &h, sizeof h);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("histogram");
	TCase *tcase = tcase_create("histogram");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, empty, NULL);
	tcase_add_test(tcase, is_empty);
	tcase_add_loop_test(
		tcase, single_values, 0, 2000 + HISTOGRAM_MAX_BITS * 3);
	tcase_add_test(tcase, out_of_range);
	tcase_add_test(tcase, one_value_many_times);
	tcase_add_test(tcase, ranks_are_exact);
	tcase_add_test(tcase, percentiles_of_sorted_values);
	tcase_add_test(tcase, merging_is_adding_both);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
