/* c_plain - a herd of servers of two kinds: herdd, and one written in another
 * language by another hand (tests/lib/plain_server.py, or whatever HERD_OTHER
 * names), as herd(7) has it in "Plain neighbours". And herds that are quiet when
 * they should be. */
#include <stdio.h>
#include <stdlib.h>

#include "herd_client.h"
#include "herd_proc.h"

/* Goloman, Hands and Holiday are herdd and talk with each other. */
#define TOPOLOGY HERD_FIVE " Hands-Holiday"
#define OTHERS   "Welsh Wilkes"

static struct herd *up(int design)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.topology = TOPOLOGY,
		.other = OTHERS,
	});
}

/* The AT line a server knows; "?..." if none. */
static const char *known(struct herd *h, const char *server, const char *id)
{
	const char *answer =
		herd_ask(h, server, herd_printf(h, "WHATSAT %s 0 0", id));

	return herd_printf(h, "%.*s", (int)strcspn(answer, "\n"), answer);
}

/* Two AT lines that differ at most in how their numbers are written. */
static bool tell_the_same(const char *a, const char *b)
{
	char field[2][4][64];
	double number[2][2];
	const char *const lines[] = {a, b};

	for (int i = 0; i < 2; i++)
		if (sscanf(lines[i], "AT %63s %lf %63s %63s %lf", field[i][0],
			    &number[i][0], field[i][1], field[i][2],
			    &number[i][1]) != 5)
			return false;
	for (int i = 0; i < 3; i++)
		if (strcmp(field[0][i], field[1][i]) != 0)
			return false;
	return number[0][0] - number[1][0] < 1e-6 &&
	       number[1][0] - number[0][0] < 1e-6 &&
	       number[0][1] == number[1][1];
}

static void wait_told(
	struct herd *h, const char *server, const char *id, const char *line)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (!tell_the_same(known(h, server, id), line)) {
		ck_assert_msg(!herd_late(deadline), "%s says %s, not %s",
			server, known(h, server, id), line);
		herd_back_off(&tries);
	}
}

static void wait_all_told(struct herd *h, const char *id, const char *line)
{
	for (size_t i = 0; i < herd_size(h); i++)
		wait_told(h, herd_name(h, i), id, line);
}

/* Stamps that a float holds: the herdds agree to the byte, too. */
START_TEST(either_kind_tells_all)
{
	struct herd *h = up(_i);

	for (size_t i = 0; i < 3 * herd_size(h); i++) {
		const char *line = herd_iamat(h, herd_name(h, i % herd_size(h)),
			"kiwi", "+1.0-2.0", herd_printf(h, "%zu.5", i));

		wait_all_told(h, "kiwi", line);
		herd_wait_known(
			h, "Hands", "kiwi", known(h, "Goloman", "kiwi"));
		herd_wait_known(
			h, "Holiday", "kiwi", known(h, "Goloman", "kiwi"));
	}
	herd_free(h);
}
END_TEST

/* Stamps that it does not hold. */
START_TEST(rewritten_stamps_change_nothing)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Welsh",
		.other = "Welsh",
	});

	for (int i = 1; i <= 20; i++) {
		const char *line = herd_iamat(h, "Goloman", "kiwi", "+1+1",
			herd_printf(h, "1520023934.9%02d963997", i));

		/* It comes back, greater or smaller, and is logged first. */
		herd_wait_log(h, "Goloman", "received from Welsh: ", (size_t)i);
		ck_assert_str_eq(known(h, "Goloman", "kiwi"), line);
	}
	herd_free(h);
}
END_TEST

START_TEST(many_at_once)
{
	enum {
		COUNT = 300
	};
	struct herd *h = up(_i);
	char request[COUNT * 24] = "";
	size_t len = 0;

	for (int i = 0; i < COUNT; i++)
		len += (size_t)sprintf(request + len, "IAMAT k%d +1+1 5\n", i);
	herd_exchange(h, "Hands", (struct text){request, len});
	for (int i = 0; i < COUNT; i += 13) {
		const char *id = herd_printf(h, "k%d", i);

		wait_all_told(h, id, known(h, "Hands", id));
	}
	herd_free(h);
}
END_TEST

/* --- away ----------------------------------------------------------------- */

START_TEST(killed_and_restarted)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = TOPOLOGY,
		.other = OTHERS,
	});
	const char *line;
	const char *log;

	herd_unlisten(h, "Welsh");
	herd_start_all(h);
	line = herd_iamat(h, "Goloman", "before", "+1+1", "5");
	wait_all_told(h, "before", line);
	/* It is known to have arrived; else it would be told again. */
	herd_wait_log(h, "Holiday", "connected to Welsh", 1);
	herd_kill(h, "Welsh");
	for (int i = 1; i < 20; i++)
		line = herd_iamat(
			h, "Wilkes", "kiwi", "+1+1", herd_printf(h, "%d", i));
	wait_told(h, "Holiday", "kiwi", line);
	herd_wait_log(h, "Holiday", "lost connection to Welsh", 1);
	herd_start(h, "Welsh");
	wait_all_told(h, "kiwi", line);
	/* Once and newest, and nothing that it was told before. */
	log = herd_read(h, "Welsh.log");
	log = strstr(strstr(log, "serving") + 1, "serving");
	ck_assert_ptr_nonnull(log);
	ck_assert_uint_le(herd_count(log, "received AT Wilkes"), 2);
	ck_assert_uint_eq(herd_count(log, " before "), 0);
	log = herd_read(h, "Holiday.log");
	ck_assert_uint_eq(herd_count(log, "lost connection to Welsh"), 1);
	herd_wait_log(h, "Holiday", "connected to Welsh", 2);
	line = herd_iamat(h, "Welsh", "after", "+1+1", "5");
	wait_all_told(h, "after", line);
	herd_free(h);
}
END_TEST

/* --- quiet ---------------------------------------------------------------- */

static size_t count_all(struct herd *h, const char *text)
{
	size_t all = 0;

	for (size_t i = 0; i < herd_size(h); i++)
		all += herd_count(
			herd_read(h, herd_printf(h, "%s.log", herd_name(h, i))),
			text);
	return all;
}

static void wait_count(struct herd *h, const char *text, size_t count)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (count_all(h, text) < count) {
		ck_assert_msg(!herd_late(deadline), "%zu times \"%s\" only",
			count_all(h, text), text);
		herd_back_off(&tries);
	}
}

/* Long enough for all sorts of things to happen that should not. */
static void settle(struct herd *h, const char *id)
{
	for (int i = 0; i < 10; i++) {
		const char *line = herd_iamat(h, herd_name(h, (size_t)i % 3),
			id, "+1+1", herd_printf(h, "%d", i));

		wait_all_told(h, id, line);
	}
}

/* Each tells each of its neighbours once, whoever it was that told it, and that
 * is the end of it. */
START_TEST(plain_herdds_do_not_echo)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = TOPOLOGY,
		.plain = "*",
	});
	/* The client's two; then 7 edges, both ways, both ends. Only Welsh
	 * knows whom not to tell: it has but one neighbour. */
	size_t lines = 2 + (2 * 7 - 1) * 2;

	settle(h, "warm");
	herd_iamat(h, "Goloman", "kiwi", "+1+1", "1.123456789");
	wait_count(h, " kiwi ", lines);
	settle(h, "marker");
	ck_assert_uint_eq(count_all(h, " kiwi "), lines);
	ck_assert_uint_eq(count_all(h, "link accepted"), 0);
	ck_assert_uint_eq(count_all(h, "HERD "), 0);
	herd_free(h);
}
END_TEST

START_TEST(the_other_kind_does_not_make_them)
{
	struct herd *h = up(_i);

	settle(h, "warm");
	herd_iamat(h, "Goloman", "kiwi", "+1+1", "1.123456789");
	settle(h, "marker");
	ck_assert_uint_le(count_all(h, " kiwi "), 2 + 4 * 2 * 7);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, plain_herdds_do_not_echo);
	if (system("python3 -c '' >/dev/null 2>&1")) {
		fputs("c_plain: no python3: no herd with servers of another "
		      "kind\n",
			stderr);
		return;
	}
	herd_add_test(tcase, either_kind_tells_all);
	herd_add_test(tcase, rewritten_stamps_change_nothing);
	herd_add_test(tcase, many_at_once);
	herd_add_test(tcase, killed_and_restarted);
	herd_add_test(tcase, the_other_kind_does_not_make_them);
}

int main(void)
{
	return herd_main("c_plain", add_tests, 60);
}
