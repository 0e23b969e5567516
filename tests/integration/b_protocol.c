/* b_protocol - the commands of clients, rule by rule: herd(7), "IAMAT", "Which
 * location is newer", "WHATSAT", "Invalid commands". */
#include <inttypes.h>
#include <stdio.h>

#include "herd_client.h"
#include "herd_proc.h"

static struct herd *one(int design, const char *limits)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.limits = limits,
	});
}

/* --- IAMAT ---------------------------------------------------------------- */

/* Send IAMAT, check the answer to the nanosecond. */
static const char *iamat(
	struct herd *h, const char *id, const char *location, const char *stamp)
{
	int64_t after = herd_realtime_ns();
	const char *line = herd_iamat(h, "Goloman", id, location, stamp);

	herd_check_at(h, line, "Goloman", id, location, stamp, after,
		herd_realtime_ns());
	return line;
}

START_TEST(time_differences)
{
	static const char *const stamps[] = {
		"0",
		"0.0",
		"0.",
		"0.000000001",
		"1",
		"1520023934.918963997",
		"1520023934.918963998",
		"1520023934.9",
		"00000000001520023934",
		"1520023934.9189639971234567890",
		"1520023934.918963997999999999999999999999",
		"4102444800",
		"4102444800.999999999",
		"9223372036",
		"9223372036.854775807",
		"9223372036.8547758079",
	};
	struct herd *h = one(_i, NULL);
	int64_t now = herd_realtime_ns();

	for (size_t i = 0; i < HERD_COUNT(stamps); i++)
		iamat(h, herd_printf(h, "c%zu", i), "+1+1", stamps[i]);
	/* On either side of now, where the sign is at stake. */
	for (int64_t ns = -100000000; ns <= 100000000; ns += 9999999)
		iamat(h, "now", "+1+1", herd_stamp(h, now + ns));
	herd_free(h);
}
END_TEST

static const char *const good_locations[] = {"+34.068930-118.445127",
	"+5.0-118.", "+34-118", "+0034.1-000118.2", "-0+0", "+0-0", "-90-180",
	"+90+180", "+90.000-180.000", "-90.+180.", "+1+1/", "+1.5-2.5/",
	"+89.999999999999999999+179.99999999999999999999999999"};

START_TEST(good_locations_are_taken)
{
	struct herd *h = one(_i, NULL);

	for (size_t i = 0; i < HERD_COUNT(good_locations); i++)
		iamat(h, herd_printf(h, "c%zu", i), good_locations[i],
			herd_stamp(h, herd_realtime_ns()));
	herd_free(h);
}
END_TEST

START_TEST(ids_are_any_bytes)
{
	static const char *const ids[] = {"kiwi.cs.ucla.edu", "x", "?", "IAMAT",
		"+1+1", "{\"a\":1}", "%s%n", "\\", "\"", "\x01\x7f", "\x1c",
		"\xc3\xa9\xe2\x82\xac", "\x80\xff\x85\xa0", "1e5", "-0"};
	struct herd *h = one(_i, NULL);

	for (size_t i = 0; i < HERD_COUNT(ids); i++)
		herd_wait_known(h, "Goloman", ids[i],
			iamat(h, ids[i], "+1-1", herd_stamp(h, (int64_t)i)));
	herd_free(h);
}
END_TEST

START_TEST(ids_may_be_long)
{
	struct herd *h = one(_i, NULL);
	static char id[65001];

	memset(id, 'k', sizeof id - 1);
	herd_wait_known(h, "Goloman", id, iamat(h, id, "+1-1", "1"));
	herd_free(h);
}
END_TEST

START_TEST(clock_ahead)
{
	struct herd *h = one(_i, "connections = 200; clock_ahead = 60;");
	int64_t now = herd_realtime_ns();
	const char *late = herd_stamp(h, now + 3600 * HERD_SECOND_NS);
	const char *bad = herd_printf(h, "IAMAT x +1+1 %s", late);

	ck_assert_str_eq(
		herd_ask(h, "Goloman", bad), herd_printf(h, "? %s\n", bad));
	ck_assert_str_eq(
		herd_ask(h, "Goloman", "WHATSAT x 0 0"), "? WHATSAT x 0 0\n");
	iamat(h, "x", "+1+1", herd_stamp(h, now + 30 * HERD_SECOND_NS));
	iamat(h, "x", "+1+1", herd_stamp(h, now - 3600 * HERD_SECOND_NS));
	herd_free(h);
}
END_TEST

/* --- which is newer ------------------------------------------------------- */

/* One client's IAMATs in turn, and which of them is held after each. */
static const struct {
	const char *stamp;
	size_t held;
} winners[] = {
	{"1520023934.918963997", 0},
	{"1520023934.918963997", 0},  /* a retry changes nothing */
	{"1520023934.918963996", 0},  /* older, by a nanosecond */
	{"1520023934.918963998", 3},  /* newer, by a nanosecond */
	{"1520023934.9189639981", 3}, /* the tenth digit does not count */
	{"1520023934", 3},
	{"1520023934.91896399", 3},
	{"1520023935", 7},
	{"1520023935.0", 7}, /* the same moment in other words */
	{"0001520023935.000000000", 7},
	{"1520023935.000000001", 10},
	{"9223372036.854775807", 11},
	{"9223372036.854775806", 11},
};

START_TEST(newer_wins)
{
	struct herd *h = one(_i, NULL);
	const char *lines[HERD_COUNT(winners)];

	for (size_t i = 0; i < HERD_COUNT(winners); i++) {
		const char *location = herd_printf(h, "+%zu-%zu", i, i);

		lines[i] = iamat(h, "kiwi", location, winners[i].stamp);
		ck_assert_str_eq(herd_ask(h, "Goloman", "WHATSAT kiwi 0 0\n"),
			herd_printf(
				h, "%s" HERD_NOTHING, lines[winners[i].held]));
	}
	herd_free(h);
}
END_TEST

/* --- WHATSAT -------------------------------------------------------------- */

START_TEST(whatsat_of_nothing)
{
	static const char *const operands[] = {"0 0", "0 20", "50 0", "0.0 5",
		"0. 7", "000.000 020", "50.0 0", "50. 00", "49.999999999999 0",
		"0 000000000000000000000000001", "10 0", "050.000000000000 0"};
	struct herd *h = one(_i, NULL);
	const char *known = iamat(h, "kiwi", "+34.06-118.44", "1");
	const char *expected = herd_printf(h, "%s" HERD_NOTHING, known);

	for (size_t i = 0; i < HERD_COUNT(operands); i++) {
		const char *request =
			herd_printf(h, " WHATSAT\tkiwi  %s \r\n", operands[i]);

		ck_assert_msg(
			!strcmp(herd_ask(h, "Goloman", request), expected),
			"%s", operands[i]);
	}
	herd_free(h);
}
END_TEST

/* A WHATSAT tells the location of its own moment. */
START_TEST(commands_take_effect_in_order)
{
	static const char request[] =
		"IAMAT kiwi +1+1 1\nWHATSAT kiwi 0 0\nIAMAT kiwi +2+2 2\n"
		"WHATSAT kiwi 0 0\nWHATSAT kiwi 1 0\n";
	struct herd *h = one(_i, NULL);
	struct client *c = client_open(h, "Goloman");
	const char *first;
	const char *second;
	struct text rest;

	client_send(c, request);
	client_finish(c);
	first = herd_keep(h, text_of(client_line(c))).ptr;
	ck_assert_str_eq(client_line(c), first);
	client_bytes(c, strlen(HERD_NOTHING) - 1);
	second = herd_keep(h, text_of(client_line(c))).ptr;
	ck_assert_str_ne(first, second);
	rest = client_rest(c);
	ck_assert_str_eq(rest.ptr, herd_printf(h, "%s%s%s%s", second,
					   HERD_NOTHING, second, HERD_NOTHING));
	client_close(c);
	herd_free(h);
}
END_TEST

/* --- invalid commands ----------------------------------------------------- */

static const char *const invalid[] = {"x", "?", "? x", "IAMAT", "WHATSAT",
	/* names of commands */
	"iamat kiwi +1+1 5", "Iamat kiwi +1+1 5", "IAMATX kiwi +1+1 5",
	"IAMA kiwi +1+1 5", "whatsat kiwi 0 0", "IAMAT\x01kiwi +1+1 5",
	/* number of fields */
	"IAMAT kiwi", "IAMAT kiwi +1+1", "IAMAT kiwi +1+1 5 6",
	"IAMAT kiwi +1 +1 5", "WHATSAT kiwi", "WHATSAT kiwi 0",
	"WHATSAT kiwi 0 0 0", "IAMAT  kiwi\t+1+1\f\v 5   6 7  8 9",
	/* locations */
	"IAMAT kiwi 1+1 5", "IAMAT kiwi +1 5", "IAMAT kiwi + 5",
	"IAMAT kiwi +1+ 5", "IAMAT kiwi ++1 5", "IAMAT kiwi +1+1+1 5",
	"IAMAT kiwi +.5+1 5", "IAMAT kiwi +1-.5 5", "IAMAT kiwi +1+1// 5",
	"IAMAT kiwi +90.1+1 5", "IAMAT kiwi -91+1 5", "IAMAT kiwi +1+180.001 5",
	"IAMAT kiwi +1-181 5", "IAMAT kiwi +90.0000000000000000000000001+0 5",
	"IAMAT kiwi +1+180.00000000000000000000000000001 5",
	"IAMAT kiwi +1e1+1 5", "IAMAT kiwi +0x1+1 5", "IAMAT kiwi +nan+nan 5",
	"IAMAT kiwi +1,5+1 5", "IAMAT kiwi +1+1x 5", "IAMAT kiwi +inf-1 5",
	"IAMAT kiwi +1.1.1+1 5", "IAMAT kiwi +99999999999999999999+1 5",
	("IAMAT kiwi \xe2\x88\x92"
	 "1+1 5"),
	/* stamps */
	"IAMAT kiwi +1+1 -5", "IAMAT kiwi +1+1 +5", "IAMAT kiwi +1+1 5e3",
	"IAMAT kiwi +1+1 .5", "IAMAT kiwi +1+1 .", "IAMAT kiwi +1+1 5.5.5",
	"IAMAT kiwi +1+1 nan", "IAMAT kiwi +1+1 inf", "IAMAT kiwi +1+1 0x5",
	"IAMAT kiwi +1+1 5s", "IAMAT kiwi +1+1 5,5",
	"IAMAT kiwi +1+1 9223372036.854775808", "IAMAT kiwi +1+1 9223372037",
	"IAMAT kiwi +1+1 99999999999999999999999999999999",
	"IAMAT kiwi +1+1 18446744073.709551617", "IAMAT kiwi +1+1 1_0",
	/* WHATSAT: the client is known, the operands are at fault */
	"WHATSAT kiwi 50.1 0", "WHATSAT kiwi 51 0", "WHATSAT kiwi 50.0000001 0",
	"WHATSAT kiwi 50.00000000000000000000000001 0", "WHATSAT kiwi -1 0",
	"WHATSAT kiwi -0 0", "WHATSAT kiwi +1 0", "WHATSAT kiwi NaN 0",
	"WHATSAT kiwi nan 0", "WHATSAT kiwi inf 0", "WHATSAT kiwi 1e1 0",
	"WHATSAT kiwi 0x1 0", "WHATSAT kiwi .5 0", "WHATSAT kiwi 1,0 0",
	"WHATSAT kiwi 0 21", "WHATSAT kiwi 0 -1", "WHATSAT kiwi 0 +1",
	"WHATSAT kiwi 0 1.0", "WHATSAT kiwi 0 1e1", "WHATSAT kiwi 0 x",
	"WHATSAT kiwi 0 4294967296", "WHATSAT kiwi 0 18446744073709551616",
	"WHATSAT kiwi 0 99999999999999999999999999", "WHATSAT kiwi x 0",
	"WHATSAT kiwi 18446744073709551616 0", "WHATSAT kiwi 1_0 0",
	/* unknown clients; ids are compared as bytes, to the last */
	"WHATSAT nobody 0 0", "WHATSAT Kiwi 0 0", "WHATSAT kiw 0 0",
	"WHATSAT kiwi2 0 0", "WHATSAT kiwi\x01 0 0",
	/* what only neighbours may say */
	"AT Goloman +0.000000001 kiwi +1+1 5", "AT x", "PING 1", "PONG 1",
	"PING", "HERD", "HERD 1 Hands Goloman 0123456789abcdef"};

START_TEST(invalid_commands_are_copied)
{
	struct herd *h = one(_i, NULL);
	struct client *c;

	iamat(h, "kiwi", "+1+1", "1");
	c = client_open(h, "Goloman");
	for (size_t i = 0; i < HERD_COUNT(invalid); i++) {
		client_send(c, herd_printf(h, "\v %s \t\r\n", invalid[i]));
		ck_assert_str_eq(
			client_line(c), herd_printf(h, "? %s", invalid[i]));
	}
	client_send(c, "WHATSAT kiwi 0 0\n");
	ck_assert_ptr_nonnull(strstr(client_line(c), " kiwi +1+1 1"));
	client_close(c);
	herd_free(h);
}
END_TEST

/* With a NUL inside, so that nobody takes it for the end. */
START_TEST(nul_is_an_ordinary_byte)
{
	static const char iamat_line[] = "IAMAT a\0b +1+1 5\n";
	static const char whatsat[] = "WHATSAT a\0b 0 0\nWHATSAT a 0 0\n";
	static const char location[] = "IAMAT a +1+1\0 5\n";
	struct herd *h = one(_i, NULL);
	struct text answer = herd_exchange(
		h, "Goloman", (struct text){iamat_line, sizeof iamat_line - 1});
	struct text again = herd_exchange(
		h, "Goloman", (struct text){whatsat, sizeof whatsat - 1});
	struct text bad = herd_exchange(
		h, "Goloman", (struct text){location, sizeof location - 1});
	static const char end[] = "? WHATSAT a 0 0\n";

	ck_assert_ptr_nonnull(
		memmem(answer.ptr, answer.len, " a\0b +1+1 5\n", 12));
	ck_assert_uint_gt(again.len, answer.len);
	ck_assert_mem_eq(again.ptr, answer.ptr, answer.len);
	ck_assert_str_eq(again.ptr + again.len - strlen(end), end);
	ck_assert_uint_eq(bad.len, sizeof location - 1 + 2);
	ck_assert_mem_eq(bad.ptr + 2, location, sizeof location - 1);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, time_differences);
	herd_add_test(tcase, good_locations_are_taken);
	herd_add_test(tcase, ids_are_any_bytes);
	herd_add_test(tcase, ids_may_be_long);
	herd_add_test(tcase, clock_ahead);
	herd_add_test(tcase, newer_wins);
	herd_add_test(tcase, whatsat_of_nothing);
	herd_add_test(tcase, commands_take_effect_in_order);
	herd_add_test(tcase, invalid_commands_are_copied);
	herd_add_test(tcase, nul_is_an_ordinary_byte);
}

int main(void)
{
	return herd_main("b_protocol", add_tests, 30);
}
