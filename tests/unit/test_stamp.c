/* Decimal numbers against tables, and against a slow and obvious reference:
 * every digit put into its own cell of a wide fixed-point number. */
#include "herd/stamp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef __int128 wide;

static unsigned short seed[3];

static void set_up(void)
{
	memcpy(seed, (unsigned short[]){0x4e5f, 0x1d2c, 0x0a3b}, sizeof seed);
}

static unsigned random_below(unsigned limit)
{
	return (unsigned)nrand48(seed) % limit;
}

/* --- the reference -------------------------------------------------------- */

#define CELLS 400
#define POINT 200 /* cells[POINT] are the ones, cells[POINT + 1] the tenths */

/* Nanoseconds of sign, digits, point, digits, 'e', exponent; cut towards
 * zero, and stopped well beyond what 64 bits hold. */
static wide reference(const char *text, bool *ret_rest)
{
	const wide enough = (wide)INT64_MAX * 1000;
	char cells[CELLS] = {0};
	const char *exponent = strpbrk(text, "eE");
	size_t digits = strcspn(text, "eE");
	size_t sign = strspn(text, "+-");
	size_t whole = strcspn(text + sign, ".eE");
	int place = POINT + 1 - (int)whole;
	wide value = 0;

	if (exponent)
		place -= atoi(exponent + 1);
	ck_assert_int_ge(place, 0);
	ck_assert_int_lt(place + (int)(digits - sign), CELLS);
	for (size_t i = sign; i < digits; i++) {
		if (text[i] == '.')
			continue;
		cells[place++] = (char)(text[i] - '0');
	}
	for (int i = 0; i <= POINT + 9; i++)
		if (value < enough)
			value = value * 10 + cells[i];
	*ret_rest = false;
	for (int i = POINT + 10; i < CELLS; i++)
		*ret_rest |= cells[i] != 0;
	return *text == '-' ? -value : value;
}

static int64_t saturated(wide value)
{
	if (value > INT64_MAX)
		return INT64_MAX;
	return value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

static char *put_digits(char *p, unsigned count)
{
	unsigned zeros = random_below(3) ? 0 : random_below(count + 1);

	for (unsigned i = 0; i < count; i++)
		*p++ = i < zeros ? '0' : (char)('0' + random_below(10));
	return p;
}

/* A number without sign or exponent; one past its last byte. */
static char *put_decimal(char *p)
{
	p = put_digits(p, 1 + random_below(random_below(2) ? 12 : 24));
	if (random_below(4)) {
		*p++ = '.';
		p = put_digits(p, random_below(14));
	}
	*p = '\0';
	return p;
}

START_TEST(parses_like_the_reference)
{
	char text[128];
	unsigned accepted = 0;

	for (int i = 0; i < 20000; i++) {
		int64_t ns = -1;
		bool rest;
		bool rest_expected;
		wide expected;

		put_decimal(text);
		expected = reference(text, &rest_expected);
		if (!stamp_parse(text_of(text), &ns, &rest)) {
			ck_assert_msg(expected > INT64_MAX, "%s", text);
			ck_assert_int_eq(ns, -1);
			continue;
		}
		accepted++;
		ck_assert_msg(ns == expected && rest == rest_expected,
			"%s: %jd", text, (intmax_t)ns);
	}
	ck_assert_uint_gt(accepted, 5000);
}
END_TEST

START_TEST(parses_any_like_the_reference)
{
	char text[128];

	for (int i = 0; i < 20000; i++) {
		char *p = text;
		int64_t ns;
		bool rest;

		if (random_below(2))
			*p++ = "+-"[random_below(2)];
		p = put_decimal(p);
		if (random_below(2))
			sprintf(
				p, "%c%s%u", "eE" [random_below(2)],
				(const char *[]) {
					"", "+", "-"
				}[random_below(3)],
				random_below(random_below(2) ? 12 : 60));
		ck_assert_msg(stamp_parse_any(text_of(text), &ns), "%s", text);
		ck_assert_msg(ns == saturated(reference(text, &rest)),
			"%s: %jd", text, (intmax_t)ns);
	}
}
END_TEST

/* --- tables --------------------------------------------------------------- */

static const struct {
	const char *text;
	int64_t ns;
	bool rest;
} stamps[] = {
	{"0", 0, false},
	{"5", 5000000000, false},
	{"5.", 5000000000, false},
	{"5.25", 5250000000, false},
	{"0.000000001", 1, false},
	{"0.0000000009", 0, true},
	{"0.0000000000", 0, false},
	{"0.00000000000000000000000001", 0, true},
	{"1520023934.918963997", 1520023934918963997, false},
	{"00000000000000000000000000001.5", 1500000000, false},
	{"12345678", 12345678000000000, false},
	{"123456789", 123456789000000000, false},
	{"9223372036.854775807", INT64_MAX, false},
	{"9223372036.8547758079", INT64_MAX, true},
	{"09223372036.85477580700", INT64_MAX, false},
};

static const char *const no_stamps[] = {"", ".", ".5", "+5", "-5", "5e1", "1e",
	"5.5.", "5..", "5,5", " 5", "5 ", "0x5", "NaN", "nan", "inf", "5a",
	"5.a", "12345678a", "1.12345678a", "1.123456789a", "1.1234567890a",
	"5/", "5:", "1.2:", "9223372036.854775808", "9223372037", "10000000000",
	"92233720368", "18446744073.709551616", "18446744073709551616",
	"99999999999999999999999999999999", "\xb5", "5\xb5"};

START_TEST(parses_stamps)
{
	for (size_t i = 0; i < HERD_COUNT(stamps); i++) {
		int64_t ns;
		bool rest;

		ck_assert_msg(stamp_parse(text_of(stamps[i].text), &ns, &rest),
			"%s", stamps[i].text);
		ck_assert_msg(ns == stamps[i].ns, "%s: %jd", stamps[i].text,
			(intmax_t)ns);
		ck_assert_msg(rest == stamps[i].rest, "%s", stamps[i].text);
	}
}
END_TEST

START_TEST(refuses_what_is_no_stamp)
{
	int64_t ns;
	bool rest;

	for (size_t i = 0; i < HERD_COUNT(no_stamps); i++)
		ck_assert_msg(!stamp_parse(text_of(no_stamps[i]), &ns, &rest),
			"%s", no_stamps[i]);
	ck_assert(!stamp_parse((struct text){"5\0", 2}, &ns, &rest));
}
END_TEST

/* Every byte in every place of a stamp: only digits may stand for digits, and
 * nothing for the point. */
START_TEST(refuses_every_other_byte)
{
	static const char stamp[] = "1520023934.918963997";
	char text[sizeof stamp];
	struct text field = {text, sizeof stamp - 1};

	for (size_t at = 0; at < field.len; at++) {
		for (int byte = 0; byte < 256; byte++) {
			bool fits = stamp[at] == '.'
					    ? byte == '.'
					    : byte >= '0' && byte <= '9';
			int64_t ns;
			bool rest;

			memcpy(text, stamp, sizeof text);
			text[at] = (char)byte;
			ck_assert_msg(
				stamp_parse(field, &ns, &rest) == fits ||
					(at == 0 && byte == '9'), /* too late */
				"byte %d at %zu", byte, at);
		}
	}
}
END_TEST

static const struct {
	const char *text;
	int64_t ns;
} differences[] = {
	{"+0.000000000", 0},
	{"-0.000000000", 0},
	{"+0.263873386", 263873386},
	{"-0.263873386", -263873386},
	{"+12.000000001", 12000000001},
	{"+000.000000001", 1},
	{"+9223372036.854775807", INT64_MAX},
	{"-9223372036.854775807", -INT64_MAX},
	{"-9223372036.854775808", INT64_MIN},
};

static const char *const no_differences[] = {"", "+", "-", "0.000000000", "+0",
	"+0.", "+0.0", "+0.00000000", "+0.0000000000", "+.000000000",
	"+0.00000000a", "++0.000000000", "+-0.000000000", "+0.000000000 ",
	"+0,000000000", "+0.0.0000000", "+1e0.00000000", " +0.000000000",
	"+9223372036.854775808", "-9223372036.854775809",
	"+99999999999.000000000", "*0.000000000"};

START_TEST(parses_differences)
{
	for (size_t i = 0; i < HERD_COUNT(differences); i++) {
		const char *text = differences[i].text;
		int64_t ns;

		ck_assert_msg(
			stamp_parse_difference(text_of(text), &ns), "%s", text);
		ck_assert_msg(
			ns == differences[i].ns, "%s: %jd", text, (intmax_t)ns);
		ck_assert_msg(stamp_parse_any(text_of(text), &ns), "%s", text);
		ck_assert_msg(ns == differences[i].ns, "any %s: %jd", text,
			(intmax_t)ns);
	}
}
END_TEST

START_TEST(refuses_what_is_no_difference)
{
	for (size_t i = 0; i < HERD_COUNT(no_differences); i++) {
		int64_t ns;

		ck_assert_msg(!stamp_parse_difference(
				      text_of(no_differences[i]), &ns),
			"%s", no_differences[i]);
	}
}
END_TEST

static const struct {
	const char *text;
	int64_t ns;
} numbers[] = {
	{"5", 5000000000},
	{"+5", 5000000000},
	{"-5.", -5000000000},
	{"5.25E+2", 525000000000},
	{"5.25e2", 525000000000},
	{"-0.5e-1", -50000000},
	{"5.e1", 50000000000},
	{"1e-9", 1},
	{"9.99e-10", 0},
	{"-9.99e-10", 0},
	{"123456789123e-20", 1},
	{"0e999999999999", 0},
	{"0.0e99999999999999999999999999999999", 0},
	{"1e999999999999", INT64_MAX},
	{"-1e999999999999", INT64_MIN},
	{"1e99999999999999999999999999999999", INT64_MAX},
	{"-1e-99999999999999999999999999999999", 0},
	{"1e-999999999999", 0},
	{"1e00000000000000000000000000000000000001", 10000000000},
	{"9223372036.854775807", INT64_MAX},
	{"9223372036.8547758079", INT64_MAX},
	{"9223372036.854775808", INT64_MAX},
	{"-9223372036.854775807", -INT64_MAX},
	{"-9223372036.854775808", INT64_MIN},
	{"-9223372036.854775809", INT64_MIN},
	{"9.223372036854775807e9", INT64_MAX},
	{"9.223372036854775806e9", INT64_MAX - 1},
	{"99999999999999999999999999999999999999999", INT64_MAX},
};

static const char *const no_numbers[] = {"", "+", "-", ".", ".5", "+.5", "e5",
	"5e", "5e+", "5e-", "5e5.", "5e5e5", "5e 5", "--5", "+-5", "5.5.5",
	"NaN", "nan", "inf", "-inf", "infinity", "0x10", "5 ", " 5", "5f",
	"1_000", "5e+-3"};

START_TEST(parses_any_number)
{
	for (size_t i = 0; i < HERD_COUNT(numbers); i++) {
		const char *text = numbers[i].text;
		int64_t ns;

		ck_assert_msg(stamp_parse_any(text_of(text), &ns), "%s", text);
		ck_assert_msg(
			ns == numbers[i].ns, "%s: %jd", text, (intmax_t)ns);
	}
}
END_TEST

START_TEST(refuses_what_is_no_number)
{
	for (size_t i = 0; i < HERD_COUNT(no_numbers); i++) {
		int64_t ns;

		ck_assert_msg(!stamp_parse_any(text_of(no_numbers[i]), &ns),
			"%s", no_numbers[i]);
	}
}
END_TEST

/* Sixty thousand zeros on either side are a number like any other. */
START_TEST(takes_very_long_numbers)
{
	enum {
		ZEROS = 60000
	};
	static char text[2 * ZEROS + 32];
	int64_t ns;
	bool rest;
	int len;

	memset(text, '0', sizeof text);
	memcpy(text + ZEROS, "7.25", 4);
	ck_assert(stamp_parse((struct text){text, 2 * ZEROS}, &ns, &rest));
	ck_assert_int_eq(ns, 7250000000);
	ck_assert(!rest);
	text[2 * ZEROS - 1] = '1';
	ck_assert(stamp_parse((struct text){text, 2 * ZEROS}, &ns, &rest));
	ck_assert_int_eq(ns, 7250000000);
	ck_assert(rest);

	/* 7 with many zeros after it, brought back by its exponent. */
	memset(text, '0', sizeof text);
	text[0] = '7';
	len = sprintf(text + ZEROS, "e-%d", ZEROS - 1);
	ck_assert(
		stamp_parse_any((struct text){text, ZEROS + (size_t)len}, &ns));
	ck_assert_int_eq(ns, 7000000000);
}
END_TEST

static void assert_format(int64_t ns, const char *expected)
{
	char text[STAMP_DIFFERENCE_MAX + 1];

	*stamp_format_difference(ns, text) = '\0';
	ck_assert_str_eq(text, expected);
}

START_TEST(formats_differences)
{
	assert_format(0, "+0.000000000");
	assert_format(1, "+0.000000001");
	assert_format(-1, "-0.000000001");
	assert_format(263873386, "+0.263873386");
	assert_format(999999999, "+0.999999999");
	assert_format(9999999999, "+9.999999999");
	assert_format(10000000000, "+10.000000000");
	assert_format(-1520023934918963997, "-1520023934.918963997");
	assert_format(INT64_MAX, "+9223372036.854775807");
	assert_format(INT64_MIN, "-9223372036.854775808");
}
END_TEST

static void assert_round_trip(int64_t ns)
{
	char text[STAMP_DIFFERENCE_MAX];
	char *end = stamp_format_difference(ns, text);
	struct text field = {text, (size_t)(end - text)};
	int64_t again;
	bool rest;

	ck_assert_uint_le(field.len, sizeof text);
	ck_assert(stamp_parse_difference(field, &again));
	ck_assert_int_eq(again, ns);
	ck_assert(stamp_parse_any(field, &again));
	ck_assert_int_eq(again, ns);
	if (ns < 0)
		return;
	field.ptr++;
	field.len--;
	ck_assert(stamp_parse(field, &again, &rest));
	ck_assert_int_eq(again, ns);
}

START_TEST(parses_what_it_formats)
{
	for (int i = 0; i < 20000; i++) {
		uint64_t bits =
			(uint64_t)jrand48(seed) << 32 | (uint32_t)jrand48(seed);

		assert_round_trip((int64_t)bits >> random_below(64));
	}
	assert_round_trip(INT64_MAX);
	assert_round_trip(INT64_MIN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stamp");
	TCase *tcase = tcase_create("stamp");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, parses_like_the_reference);
	tcase_add_test(tcase, parses_any_like_the_reference);
	tcase_add_test(tcase, parses_stamps);
	tcase_add_test(tcase, refuses_what_is_no_stamp);
	tcase_add_test(tcase, refuses_every_other_byte);
	tcase_add_test(tcase, parses_differences);
	tcase_add_test(tcase, refuses_what_is_no_difference);
	tcase_add_test(tcase, parses_any_number);
	tcase_add_test(tcase, refuses_what_is_no_number);
	tcase_add_test(tcase, takes_very_long_numbers);
	tcase_add_test(tcase, formats_differences);
	tcase_add_test(tcase, parses_what_it_formats);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
