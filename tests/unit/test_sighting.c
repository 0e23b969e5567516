/* The order of sightings: its rules one by one, and that it is an order. */
#include "herd/sighting.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* For one client and stamp, from the winner down. */
static const char *const ranking[] = {
	/* Our own form first, the smaller difference before the greater. */
	"AT Hands -9223372036.854775808 kiwi +34-118 5",
	"AT Hands -12.000000000 kiwi +34-118 5",
	"AT Hands -1.000000001 kiwi +34-118 5",
	"AT Hands -1.000000000 kiwi +34-118 5",
	/* Zero has two names: the smaller line decides. */
	"AT Hands +0.000000000 kiwi +34-118 5",
	"AT Hands -0.000000000 kiwi +34-118 5",
	"AT Goloman +0.000000001 kiwi +34-118 5",
	"AT Goloman +0.000000001 kiwi +34-118 5.",
	"AT Goloman +0.000000001 kiwi +34-118/ 5",
	"AT Hands +0.000000001 kiwi +34-118 5",
	"AT Zebra\x80 +0.000000001 kiwi +34-118 5",
	"AT A +9.000000000 kiwi +34-118 5",
	"AT A +10.000000000 kiwi +34-118 5",
	"AT A +9223372036.854775807 kiwi +34-118 5",
	/* Any other form, then, by value and then by bytes. */
	"AT Hands -1e99999 kiwi +34-118 5",
	"AT Hands -2 kiwi +34-118 5",
	"AT Hands -0.5 kiwi +34-118 5",
	"AT Hands 0 kiwi +34-118 5",
	"AT A 1 kiwi +34-118 5",
	"AT Hands +1 kiwi +34-118 5",
	"AT Hands 1 kiwi +34-118 5",
	"AT Hands 1.0 kiwi +34-118 5",
	"AT Hands 1e0 kiwi +34-118 5",
	"AT A 1e1 kiwi +34-118 5",
	"AT A 1e99999 kiwi +34-118 5",
	/* Not lines in normal form: last, and still in an order. */
	"",
	"AT",
	"AT A",
	"AT A ",
	"AT A x",
};

START_TEST(ranks_by_the_rules)
{
	for (size_t i = 0; i < HERD_COUNT(ranking); i++) {
		for (size_t j = 0; j < HERD_COUNT(ranking); j++) {
			int order = sighting_compare_lines(
				text_of(ranking[i]), text_of(ranking[j]));

			ck_assert_msg(
				(order > 0) - (order < 0) == (i > j) - (i < j),
				"\"%s\" against \"%s\": %d", ranking[i],
				ranking[j], order);
		}
	}
}
END_TEST

START_TEST(later_stamp_wins)
{
	struct text best = text_of(ranking[0]);
	struct text worst = text_of(ranking[HERD_COUNT(ranking) - 1]);

	ck_assert(sighting_wins(worst, 6, best, 5));
	ck_assert(!sighting_wins(best, 5, worst, 6));
	ck_assert(sighting_wins(worst, INT64_MAX, best, 0));
	ck_assert(sighting_wins(best, 5, worst, 5));
	ck_assert(!sighting_wins(worst, 5, best, 5));
}
END_TEST

START_TEST(same_bytes_do_not_win)
{
	char copy[128];

	for (size_t i = 0; i < HERD_COUNT(ranking); i++) {
		strcpy(copy, ranking[i]);
		ck_assert(!sighting_wins(
			text_of(copy), 5, text_of(ranking[i]), 5));
	}
}
END_TEST

/* --- echoes of plain neighbours ------------------------------------------- */

#define STAMP_NS INT64_C(1520023934918963997)

static bool echoes(const char *line, const char *id, int64_t stamp_ns)
{
	struct sighting s = {text_of(line), text_of(id), stamp_ns};

	return sighting_echoes(text_of("AT Hands +0.263873386 kiwi +34-118 "
				       "1520023934.918963997"),
		STAMP_NS, &s);
}

START_TEST(rewritten_numbers_echo)
{
	ck_assert(echoes("AT Hands +0.263873386 kiwi +34-118 "
			 "1520023934.918963997",
		"kiwi", STAMP_NS));
	ck_assert(echoes("AT Hands 0.2638733863830566 kiwi +34-118 "
			 "1520023934.918964",
		"kiwi", STAMP_NS + 3));
	ck_assert(echoes("AT Hands 1e9 kiwi +34-118 5", "kiwi", STAMP_NS));
}
END_TEST

START_TEST(a_microsecond_away_is_no_echo)
{
	const char *line = "AT Hands 1 kiwi +34-118 5";

	ck_assert(echoes(line, "kiwi", STAMP_NS + 999));
	ck_assert(echoes(line, "kiwi", STAMP_NS - 999));
	ck_assert(!echoes(line, "kiwi", STAMP_NS + 1000));
	ck_assert(!echoes(line, "kiwi", STAMP_NS - 1000));
	ck_assert(!echoes(line, "kiwi", INT64_MAX));
	ck_assert(!echoes(line, "kiwi", 0));
}
END_TEST

START_TEST(another_server_id_or_location_is_no_echo)
{
	ck_assert(!echoes("AT Hand 1 kiwi +34-118 5", "kiwi", STAMP_NS));
	ck_assert(!echoes("AT Handss 1 kiwi +34-118 5", "kiwi", STAMP_NS));
	ck_assert(!echoes("AT Hands 1 kiwis +34-118 5", "kiwis", STAMP_NS));
	ck_assert(!echoes("AT Hands 1 kiwi +34-118/ 5", "kiwi", STAMP_NS));
	ck_assert(!echoes("AT Hands 1 kiwi +34-11 5", "kiwi", STAMP_NS));
}
END_TEST

/* --- random lines --------------------------------------------------------- */

#define LINES 60

struct candidate {
	char bytes[96];
	struct text line;
	int64_t stamp_ns;
};

static unsigned short seed[3];

static unsigned random_below(unsigned limit)
{
	return (unsigned)nrand48(seed) % limit;
}

/* Few values each, so that ties of every kind are frequent. */
static void make_candidate(struct candidate *c)
{
	static const char *const difference[] = {"+0.000000000", "-0.000000000",
		"+0.000000001", "-3.000000000", "+0.1", "0.1", "1e-1", "0",
		"-3", "+0.1000000000", "-30e-1", "+3.000000000"};
	static const char *const server[] = {"A", "AA", "B", "\xff"};
	unsigned stamp = random_below(3);

	sprintf(c->bytes, "AT %s %s kiwi +34-118 %u%s",
		server[random_below(HERD_COUNT(server))],
		difference[random_below(HERD_COUNT(difference))], stamp,
		random_below(2) ? "" : ".0");
	c->line = text_of(c->bytes);
	c->stamp_ns = stamp * HERD_SECOND_NS;
}

static bool wins(const struct candidate *a, const struct candidate *b)
{
	return sighting_wins(a->line, a->stamp_ns, b->line, b->stamp_ns);
}

static void set_up(void)
{
	memcpy(seed, (unsigned short[]){7, 77, 777}, sizeof seed);
}

START_TEST(is_a_total_order)
{
	static struct candidate c[LINES];

	for (size_t i = 0; i < LINES; i++)
		make_candidate(&c[i]);
	for (size_t i = 0; i < LINES; i++) {
		for (size_t j = 0; j < LINES; j++) {
			bool same = text_equal(c[i].line, c[j].line);

			/* Exactly one wins, unless they are the same. */
			ck_assert_int_eq(
				wins(&c[i], &c[j]) + wins(&c[j], &c[i]), !same);
			for (size_t k = 0; k < LINES; k++)
				ck_assert(!wins(&c[i], &c[j]) ||
					  !wins(&c[j], &c[k]) ||
					  wins(&c[i], &c[k]));
		}
	}
}
END_TEST

static void shuffle_candidates(struct candidate *c, size_t count)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t j = random_below((unsigned)i + 1);
		struct candidate other = c[i];

		c[i] = c[j];
		c[j] = other;
		c[i].line.ptr = c[i].bytes;
		c[j].line.ptr = c[j].bytes;
	}
}

START_TEST(order_of_arrival_does_not_matter)
{
	static struct candidate c[12];

	for (int round = 0; round < 300; round++) {
		char winner[sizeof c->bytes] = "";

		for (size_t i = 0; i < HERD_COUNT(c); i++)
			make_candidate(&c[i]);
		for (int shuffle = 0; shuffle < 20; shuffle++) {
			const struct candidate *held;

			shuffle_candidates(c, HERD_COUNT(c));
			held = &c[0];
			for (size_t i = 1; i < HERD_COUNT(c); i++)
				if (wins(&c[i], held))
					held = &c[i];
			if (shuffle == 0)
				strcpy(winner, held->bytes);
			ck_assert_str_eq(winner, held->bytes);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sighting");
	TCase *tcase = tcase_create("sighting");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, ranks_by_the_rules);
	tcase_add_test(tcase, later_stamp_wins);
	tcase_add_test(tcase, same_bytes_do_not_win);
	tcase_add_test(tcase, rewritten_numbers_echo);
	tcase_add_test(tcase, a_microsecond_away_is_no_echo);
	tcase_add_test(tcase, another_server_id_or_location_is_no_echo);
	tcase_add_test(tcase, is_a_total_order);
	tcase_add_test(tcase, order_of_arrival_does_not_matter);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
