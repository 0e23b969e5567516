/* Random numbers: the generator against its authors' values, and what is made of
 * it against the laws it is to follow. Seeds are fixed, so nothing is left to
 * chance; bounds are those that chance would break once in a million times. */
#include "herd/draw.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define DRAWS 200000

/* Pearson's statistic has about `cells` degrees of freedom: its mean is that, its
 * deviation sqrt(2 * cells). */
static void check_fits(
	const uint64_t *seen, const double *expected, size_t cells)
{
	double chi_square = 0;
	double freedom = (double)cells - 1;

	for (size_t i = 0; i < cells; i++) {
		double off = (double)seen[i] - expected[i];

		chi_square += off * off / expected[i];
	}
	ck_assert_msg(fabs(chi_square - freedom) < 5 * sqrt(2 * freedom),
		"chi-square is %g with %g degrees of freedom", chi_square,
		freedom);
}

/* xoshiro256** from the state 1, 2, 3, 4, as published. */
START_TEST(is_xoshiro256)
{
	static const uint64_t words[] = {
		11520, 0, 1509978240, 1215971899390074240, 1216172134540287360};
	struct draw d = {{1, 2, 3, 4}};

	for (size_t i = 0; i < HERD_COUNT(words); i++)
		ck_assert_uint_eq(draw_word(&d), words[i]);
}
END_TEST

START_TEST(seeds_and_streams)
{
	struct draw a, b;

	draw_init(&a, 5, 1);
	draw_init(&b, 5, 1);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(draw_word(&a), draw_word(&b));
	/* Neighbours, and pairs with the same sum. */
	for (uint64_t other = 0; other < 100; other++) {
		draw_init(&a, 5, other);
		draw_init(&b, 5, other + 1);
		ck_assert_uint_ne(draw_word(&a), draw_word(&b));
		draw_init(&b, 6, other);
		ck_assert_uint_ne(draw_word(&a), draw_word(&b));
		draw_init(&b, other, 5);
		if (other != 5)
			ck_assert_uint_ne(draw_word(&a), draw_word(&b));
	}
}
END_TEST

START_TEST(below_is_even)
{
	static const uint64_t limits[] = {2, 3, 10, 1000};
	uint64_t limit = limits[_i];
	uint64_t seen[1000] = {0};
	double expected[1000];
	struct draw d;

	draw_init(&d, 11, (uint64_t)_i);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t value = draw_below(&d, limit);

		ck_assert_uint_lt(value, limit);
		seen[value]++;
	}
	for (size_t i = 0; i < limit; i++)
		expected[i] = DRAWS / (double)limit;
	check_fits(seen, expected, limit);
}
END_TEST

/* With a limit of 3/4 of all words, throwing none away would make the results
 * of every third word twice as likely. */
START_TEST(below_is_even_for_large_limits)
{
	uint64_t limit = UINT64_C(3) << 62;
	uint64_t seen[3] = {0};
	double expected[3] = {DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0};
	struct draw d;

	draw_init(&d, 12, 0);
	for (int i = 0; i < DRAWS; i++)
		seen[draw_below(&d, limit) % 3]++;
	check_fits(seen, expected, 3);
	ck_assert_uint_eq(draw_below(&d, 1), 0);
}
END_TEST

START_TEST(units_and_gaps)
{
	struct draw d;
	uint64_t seen[20] = {0};
	double expected[20];
	double sum = 0;

	draw_init(&d, 13, 0);
	for (int i = 0; i < DRAWS; i++) {
		double unit = draw_unit(&d);
		double gap = draw_gap(&d, 50);

		ck_assert(unit > 0 && unit <= 1);
		ck_assert(gap >= 0);
		sum += gap;
		/* Twenty stretches of time that are equally likely. */
		seen[(size_t)(20 * exp(-gap / 50)) % 20]++;
	}
	/* The deviation of an exponential law is its mean. */
	ck_assert_double_eq_tol(sum / DRAWS, 50, 5 * 50 / sqrt(DRAWS));
	for (size_t i = 0; i < 20; i++)
		expected[i] = DRAWS / 20.0;
	check_fits(seen, expected, 20);
}
END_TEST

static const struct {
	uint64_t count;
	double exponent;
} laws[] = {
	{1, 1},
	{2, 1},
	{100, 0.5},
	{100, 0.99},
	{100, 1},
	{100, 1.5},
	{1000, 1},
	{1000000, 1.1},
	{1000000000, 0.9},
};

/* The first ranks each, and all the rest together. */
START_TEST(zipf_fits_the_law)
{
	enum {
		CELLS = 50
	};
	uint64_t count = laws[_i].count;
	size_t cells = count < CELLS ? (size_t)count : CELLS;
	uint64_t seen[CELLS] = {0};
	double expected[CELLS] = {0};
	double total = 0;
	struct zipf z;
	struct draw d;

	draw_init(&d, 17, (uint64_t)_i);
	zipf_init(&z, count, laws[_i].exponent);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t rank = draw_zipf(&d, &z);

		ck_assert_uint_lt(rank, count);
		seen[rank < cells ? rank : cells - 1]++;
	}
	if (count == 1)
		return;
	/* The sum of a billion terms: the integral is close enough there. */
	for (uint64_t k = 1; k <= count && k <= 1000000; k++) {
		double share = pow((double)k, -laws[_i].exponent);

		expected[k <= cells ? k - 1 : cells - 1] += share;
		total += share;
	}
	if (count > 1000000) {
		double e = 1 - laws[_i].exponent;
		double rest =
			(pow((double)count + 0.5, e) - pow(1000000.5, e)) / e;

		expected[cells - 1] += rest;
		total += rest;
	}
	for (size_t i = 0; i < cells; i++)
		expected[i] *= DRAWS / total;
	check_fits(seen, expected, cells);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("draw");
	TCase *tcase = tcase_create("draw");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tcase, is_xoshiro256);
	tcase_add_test(tcase, seeds_and_streams);
	tcase_add_loop_test(tcase, below_is_even, 0, 4);
	tcase_add_test(tcase, below_is_even_for_large_limits);
	tcase_add_test(tcase, units_and_gaps);
	tcase_add_loop_test(tcase, zipf_fits_the_law, 0, HERD_COUNT(laws));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
