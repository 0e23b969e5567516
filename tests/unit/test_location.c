/* Locations: which are within the globe, digit by digit. */
#include "herd/location.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *field;
	const char *latitude;
	const char *longitude;
} good[] = {
	{"+34.068930-118.445127", "+34.068930", "-118.445127"},
	{"-33.86705222+151.1957", "-33.86705222", "+151.1957"},
	{"+27.5916+086.5640/", "+27.5916", "+086.5640"},
	{"+5.0-118.", "+5.0", "-118."},
	{"+5.-118./", "+5.", "-118."},
	{"+34-118", "+34", "-118"},
	{"+0+0", "+0", "+0"},
	{"-0-0", "-0", "-0"},
	{"+90+180", "+90", "+180"},
	{"-90-180", "-90", "-180"},
	{"+90.0000-180.000000000000000000000000", "+90.0000",
		"-180.000000000000000000000000"},
	{"+89.9999999999999999999999999-179.9999999999999999999999999",
		"+89.9999999999999999999999999",
		"-179.9999999999999999999999999"},
	{"+00000000000000000000090.-00000000000000000000180.",
		"+00000000000000000000090.", "-00000000000000000000180."},
};

static const char *const bad[] = {"", "/", "+", "-", "+/", "34-118", "+34118",
	"+34", "+34/", "+34-", "+34-/", "+34+", "+-118", "++34-118", "+34--118",
	"+34-118//", "+34-118/x", "+34-118x", "x+34-118", " +34-118",
	"+34-118 ", "+34 -118", "+.5-118", "+34-.5", "+34.5.-118", "+34-118.5.",
	"+34,5-118", "+3e1-118", "+34-1e2", "+0x5-118", "+NaN+NaN", "+34-118-5",
	"+34-118+5/", "+90.0000000000000000000000001-118",
	"-90.0000000000000000000000001-118", "+91-118", "-91-118", "+100-118",
	"+900-118", "+34+181", "+34-181", "+34+180.0000000000000000000000001",
	"+34-180.0000000000000000000000001", "+34-1000", "+34-1800",
	"+4294967296-118", "+18446744073709551616-118", "+34-4294967297",
	"+99999999999999999999999999999999999999999-118", "+34\x80-118",
	"+34-118\xff", "+34/-118", "+34:-118", "+\xb1-118"};

START_TEST(takes_good_ones)
{
	for (size_t i = 0; i < HERD_COUNT(good); i++) {
		struct text field = text_of(good[i].field);
		struct location l;

		ck_assert_msg(location_parse(field, &l), "%s", good[i].field);
		ck_assert_msg(text_equal(l.latitude, text_of(good[i].latitude)),
			"%s", good[i].field);
		ck_assert_msg(
			text_equal(l.longitude, text_of(good[i].longitude)),
			"%s", good[i].field);
		ck_assert_ptr_eq(l.latitude.ptr, field.ptr);
		ck_assert_ptr_eq(l.longitude.ptr, field.ptr + l.latitude.len);
	}
}
END_TEST

START_TEST(refuses_bad_ones)
{
	struct location l;

	for (size_t i = 0; i < HERD_COUNT(bad); i++)
		ck_assert_msg(
			!location_parse(text_of(bad[i]), &l), "%s", bad[i]);
	ck_assert(!location_parse((struct text){"+34-118\0", 8}, &l));
	ck_assert(!location_parse((struct text){"+34\0-118", 8}, &l));
}
END_TEST

/* Whatever follows the field in its line is not looked at. */
START_TEST(stops_at_the_end)
{
	struct location l;

	ck_assert(location_parse((struct text){"+34-118999", 7}, &l));
	ck_assert_uint_eq(l.longitude.len, 4);
	ck_assert(location_parse((struct text){"+34-118.599x", 9}, &l));
	ck_assert_uint_eq(l.longitude.len, 6);
}
END_TEST

/* All degrees with three decimals around both bounds, counted in integers. */
START_TEST(knows_its_bounds)
{
	for (int thousandths = 0; thousandths < 400000; thousandths++) {
		char text[64];
		struct location l;
		const char *sign = thousandths % 2 ? "+" : "-";

		if (thousandths % 1000 > 2 && thousandths % 1000 < 998)
			continue;
		sprintf(text, "%s%d.%03d%s0", sign, thousandths / 1000,
			thousandths % 1000, sign);
		ck_assert_msg(location_parse(text_of(text), &l) ==
				      (thousandths <= 90000),
			"%s", text);
		sprintf(text, "%s0%s%d.%03d", sign, sign, thousandths / 1000,
			thousandths % 1000);
		ck_assert_msg(location_parse(text_of(text), &l) ==
				      (thousandths <= 180000),
			"%s", text);
	}
}
END_TEST

START_TEST(takes_very_long_ones)
{
	enum {
		HALF = 30000
	};
	static char text[2 * HALF];
	struct text field = {text, sizeof text};
	struct location l;

	memset(text, '0', sizeof text);
	text[0] = '+';
	memcpy(text + HALF - 3, "90.", 3);
	text[HALF + 1000] = '-';
	memcpy(text + HALF + 10000, "180.", 4);
	ck_assert(location_parse(field, &l));
	text[sizeof text - 1] = '1';
	ck_assert(!location_parse(field, &l));
	text[sizeof text - 1] = '0';
	text[HALF + 999] = '1';
	ck_assert(!location_parse(field, &l));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("location");
	TCase *tcase = tcase_create("location");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tcase, takes_good_ones);
	tcase_add_test(tcase, refuses_bad_ones);
	tcase_add_test(tcase, stops_at_the_end);
	tcase_add_test(tcase, knows_its_bounds);
	tcase_add_test(tcase, takes_very_long_ones);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
