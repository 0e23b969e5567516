/* Numbered updates: which one a line is of; and which have arrived. */
#include "../../src/bench/numbered.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/bench/arrivals.h"

#define FIRST_NS INT64_C(1795228536058258000)
#define SENT     5000

static const struct numbered exact = {.ids = 7, .first_ns = FIRST_NS + 5};
static const struct numbered rewritten = {
	.ids = 7, .first_ns = FIRST_NS, .rewritten = true};

/* "ID LOCATION STAMP", and a NUL. */
static const char *update(const struct numbered *u, uint64_t number)
{
	static char text[NUMBERED_MAX + 1];

	text[numbered_format(u, number, text)] = 0;
	return text;
}

/* Of which update; -1: of none. */
static long find(const struct numbered *u, const char *text)
{
	struct line line;
	uint64_t number;

	if (!line_parse_plain_at(text_of(text), &line))
		line_parse(text_of(text), &line);
	return numbered_find(u, &line, SENT, &number) ? (long)number : -1;
}

START_TEST(each_is_found_again)
{
	char text[200];

	for (long number = 0; number <= SENT; number++) {
		long found = number < SENT ? number : -1;

		snprintf(text, sizeof text, "AT Alpha +0.000000001 %s",
			update(&exact, (uint64_t)number));
		ck_assert_int_eq(find(&exact, text), found);
		snprintf(text, sizeof text, "AT Alpha -1e-05 %s Alpha Bravo",
			update(&rewritten, (uint64_t)number));
		ck_assert_int_eq(find(&rewritten, text), found);
		ck_assert_int_eq(find(&exact, text), -1);
	}
}
END_TEST

START_TEST(a_double_tells_them_apart)
{
	char id[32], location[32], stamp[32], text[200];

	for (long number = 0; number < SENT; number++) {
		ck_assert_int_eq(sscanf(update(&rewritten, (uint64_t)number),
					 "%31s %31s %31s", id, location, stamp),
			3);
		snprintf(text, sizeof text, "AT Alpha 0 %s %s %.9f", id,
			location, strtod(stamp, NULL));
		ck_assert_int_eq(find(&rewritten, text), number);
	}
}
END_TEST

/* That of number 3, and a stamp that many nanoseconds away from its own. */
static long find_away(const struct numbered *u, int64_t away_ns)
{
	int64_t step_ns = u->rewritten ? 1000 : 1;
	int64_t stamp_ns = u->first_ns + 3 * step_ns + away_ns;
	char id[32], location[32], text[200];

	ck_assert_int_eq(sscanf(update(u, 3), "%31s %31s", id, location), 2);
	snprintf(text, sizeof text, "AT Alpha +0.000000001 %s %s %lld.%09lld",
		id, location, (long long)(stamp_ns / HERD_SECOND_NS),
		(long long)(stamp_ns % HERD_SECOND_NS));
	return find(u, text);
}

START_TEST(the_stamp_has_to_be_near)
{
	ck_assert_int_eq(find_away(&exact, 0), 3);
	ck_assert_int_eq(find_away(&exact, 1), -1);
	ck_assert_int_eq(find_away(&exact, -1), -1);
	ck_assert_int_eq(find_away(&rewritten, 0), 3);
	ck_assert_int_eq(find_away(&rewritten, 999), 3);
	ck_assert_int_eq(find_away(&rewritten, -999), 3);
	ck_assert_int_eq(find_away(&rewritten, 1000), -1);
	ck_assert_int_eq(find_away(&rewritten, -1000), -1);
	ck_assert_int_eq(find_away(&rewritten, -4500), -1);
}
END_TEST

START_TEST(before_the_first)
{
	char id[32], location[32], text[200];

	ck_assert_int_eq(
		sscanf(update(&rewritten, 0), "%31s %31s", id, location), 2);
	snprintf(text, sizeof text, "AT Alpha 1 %s %s 1795228536.0582572", id,
		location);
	ck_assert_int_eq(find(&rewritten, text), 0);
	snprintf(text, sizeof text, "AT Alpha 1 %s %s 1795228536.058257", id,
		location);
	ck_assert_int_eq(find(&rewritten, text), -1);
	snprintf(text, sizeof text, "AT Alpha 1 %s %s 1795228536.0575", id,
		location);
	ck_assert_int_eq(find(&rewritten, text), -1);
}
END_TEST

START_TEST(what_was_superseded_does_not_come)
{
	struct arrivals a;

	ck_assert_int_eq(arrivals_init(&a, 2), 0);
	ck_assert(arrivals_take(&a, 1)); /* 0 was lost */
	ck_assert_uint_eq(arrivals_missing(&a, 3), 2);
	arrivals_start(&a, 3);
	ck_assert_uint_eq(arrivals_missing(&a, 3), 0);
	ck_assert_uint_eq(arrivals_missing(&a, 10), 7);
	ck_assert(!arrivals_take(&a, 0)); /* after all */
	ck_assert_uint_eq(a.repeated, 0);
	ck_assert(arrivals_take(&a, 7)); /* not 3, not 5 */
	ck_assert(!arrivals_take(&a, 5));
	ck_assert(arrivals_take(&a, 4));
	ck_assert_uint_eq(arrivals_missing(&a, 10), 3); /* 6, 8, 9 */
	ck_assert_uint_eq(a.arrived, 2);
	ck_assert_uint_eq(a.superseded, 2);
	ck_assert_uint_eq(a.repeated, 1);
	arrivals_fini(&a);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("numbered");
	TCase *tcase = tcase_create("numbered");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tcase, each_is_found_again);
	tcase_add_test(tcase, a_double_tells_them_apart);
	tcase_add_test(tcase, the_stamp_has_to_be_near);
	tcase_add_test(tcase, before_the_first);
	tcase_add_test(tcase, what_was_superseded_does_not_come);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
