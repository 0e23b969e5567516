/* What is JSON and what is none, byte by byte; and that a text is cut where its
 * elements end, and nowhere else. */
#include "herd/cut.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}

#define EARLY  "not JSON: ends too early"
#define BYTE   "not JSON: unexpected byte"
#define OBJECT "not a JSON object"
#define DEEP   "nested too deep"
#define TWICE  "two members of one name"

/* Judge a copy in a block of just its size: reading on is then seen by the
 * address sanitizer. */
static const char *judge(const char *ptr, size_t len)
{
	char *copy = malloc(len);
	struct cut cut;
	const char *why;

	ck_assert(copy || !len);
	if (len)
		memcpy(copy, ptr, len);
	why = cut_measure((struct text){copy, len}, "results", &cut);
	free(copy);
	return why;
}

static void assert_why(const char *ptr, size_t len, const char *expected)
{
	const char *why = judge(ptr, len);

	if (!why || !expected)
		ck_assert_msg(why == expected, "\"%.*s\": %s", (int)len, ptr,
			why ? why : "accepted");
	else
		ck_assert_msg(!strcmp(why, expected), "\"%.*s\": %s", (int)len,
			ptr, why);
}

static struct cut measure(const char *json)
{
	struct cut cut;
	const char *why = cut_measure(text_of(json), "results", &cut);

	ck_assert_msg(!why, "\"%s\": %s", json, why);
	ck_assert_ptr_eq(cut.json.ptr, json);
	ck_assert_uint_eq(cut.json.len, strlen(json));
	return cut;
}

/* --- texts ---------------------------------------------------------------- */

static const struct text good[] = {
	TEXT("{}"),
	TEXT(" \t\r\n{ \t\r\n} \t\r\n"),
	TEXT("{\"\":\"\"}"),
	TEXT("{\"a\":null,\"b\":true,\"c\":false}"),
	TEXT("{\"a\":[],\"b\":{},\"c\":[[],{}],\"d\":{\"e\":[{}]}}"),
	TEXT("{\"a\" : [ 1 , 2\n,\n3 ] , \"b\"\r:\t4 }"),
	TEXT("{\"a\":1,\"a\":2,\"b\":{\"status\":1,\"status\":2}}"),
	TEXT("{\"a\":[0,-0,0.0,-0.0,0e0,0E+0,0e-0,0.0e00]}"),
	TEXT("{\"a\":[1,-1,10,9,1234567890123456789012345678901234567890]}"),
	TEXT("{\"a\":[1.5,-1.05,1e9,1E9,1e+9,1e-9,1.5e99999,0.00000000001]}"),
	TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u09aF\\uFfFf\"}"),
	TEXT("{\"a\":\"\\ud834\\udd1e \\ud800 \\udc00\\ud800 \\udfff\"}"),
	TEXT("{\"a\":\"[1,2] // {'x'} \x7f \"}"),
	TEXT("{\"\xc2\x80\":\"\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
	     "\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}"),
	TEXT("{\"a\":\"\xef\xbb\xbf\"}"),
	/* Any member may lack, be met twice further in, be of any kind. */
	TEXT("{\"results\":{},\"status\":[]}"),
	TEXT("{\"results\":\"x\",\"status\":1}"),
	TEXT("{\"results\":null,\"a\":{\"results\":1,\"results\":2}}"),
	TEXT("{\"results\":[],\"Results\":[],\"result\":[],\"results \":[]}"),
	TEXT("{\"results\":[],\"results\\u0000\":[],\"\\u0172esults\":[]}"),
};

/* No values: refused as what stands in {"a":...}. */
static const char *const bad_values[] = {"[", "[1", "[{]", "1,", "1,,\"b\":2",
	"1 \"b\":2", "1;\"b\":2", ":1", "'b'", "`b`", "/**/1", "1//\n",
	"\xef\xbb\xbf 1", "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]",
	"[\"b\":2]", "[\"b\"\"c\"]", "[[]{}]", "01", "-01", "00", "-", "--1",
	"-a", "- 1", "+1", "1.", "-1.", ".5", "-.5", "1.e5", "1.-5", "1.5.5",
	"1e", "1E+", "1e-", "1e+-1", "1e-+1", "1e1.5", "1e1e1", "e1", "1 e1",
	"0x1", "1a", "1_000", "NaN", "nan", "Infinity", "-Infinity", "inf",
	"\xef\xbc\x91", "True", "TRUE", "tru", "truee", "fals", "nul", "Null",
	"undefined", "b", "\"\\a\"", "\"\\'\"", "\"\\0\"", "\"\\x41\"",
	"\"\\U0041\"", "\"\\ \"", "\"\\\n\"", "\"\\\xc3\xa4\"", "\"\\u\"",
	"\"\\u004\"", "\"\\u004g\"", "\"\\u004G\"", "\"\\u-041\"",
	"\"\\u 041\"", "\"\\u{41}\"", "\"\x80\"", "\"\xbf\"", "\"\x90\x80\"",
	"\"\x1f\x80\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xc2\"", "\"\xc2x\"",
	"\"\xc2\xc2\x80\"", "\"\xe0\x9f\xbf\"", "\"\xe1\x80\"", "\"\xe1\x80x\"",
	"\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"", "\"\xf0\x8f\xbf\xbf\"",
	"\"\xf0\x90\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"",
	"\"\xf8\x88\x80\x80\x80\"", "\"\xfc\x84\x80\x80\x80\x80\"",
	"\"\xf8\x90\x80\x80\"", "\"\xfe\"", "\"\xff\""};

static const char *const bad_texts[] = {"{}}", "{}{}", "{} x", "{},", "{}\f",
	"{}\xc2\xa0", "{} //", "{]", "{\"a\":1]", "{,}", "{,\"a\":1}",
	"{\"a\"}", "{\"a\",\"b\"}", "{\"a\"=1}", "{\"a\" 1}", "{:1}", "{a:1}",
	"{'a':1}", "{1:1}", "{null:1}", "{[]:1}", "{{}:1}", "{/**/}", "{#\n}",
	"{\"a\"\xc2\xa0:1}", "{\"a\\x\":1}", "{\"a\n\":1}", "{\"\xe4\":1}"};

static const struct {
	const char *why;
	struct text text;
} others[] = {
	{EARLY, TEXT("")},
	{EARLY, TEXT(" \n")},
	{OBJECT, TEXT("[]")},
	{OBJECT, TEXT("[{}]")},
	{OBJECT, TEXT("\"a\"")},
	{OBJECT, TEXT("1")},
	{OBJECT, TEXT("null")},
	{OBJECT, TEXT("\xef\xbb\xbf{}")},
	{OBJECT, TEXT("<html>")},
	{OBJECT, TEXT("\0")},
	{OBJECT, TEXT("\f{}")},
	{OBJECT, TEXT("\v{}")},
	{OBJECT, TEXT("\xc2\xa0{}")},
	{OBJECT, TEXT("//\n{}")},
	{BYTE, TEXT("{}\0")},
	{BYTE, TEXT("{\0}")},
	{BYTE, TEXT("{\"a\":\0 1}")},
	{BYTE, TEXT("{\"a\":\"\\\0\"}")},
	{TWICE, TEXT("{\"results\":[],\"results\":[]}")},
	{TWICE, TEXT("{\"results\":[],\"a\":1,\"results\":null}")},
	{TWICE, TEXT("{\"results\":0,\"r\\u0065sults\":[]}")},
	{TWICE, TEXT("{\"\\u0072\\u0065\\u0073ults\":0,\"result\\u0073\":1}")},
	{TWICE, TEXT("{\"status\":\"a\",\"status\":\"a\"}")},
	{TWICE, TEXT("{\"status\":1,\"\\u0073tatus\":{}}")},
	{BYTE, TEXT("{\"a\":}")},
};

START_TEST(accepts_json)
{
	assert_why(good[_i].ptr, good[_i].len, NULL);
}
END_TEST

START_TEST(refuses_bad_values)
{
	char text[64];
	int len = snprintf(text, sizeof text, "{\"a\":%s}", bad_values[_i]);

	assert_why(text, (size_t)len, BYTE);
}
END_TEST

START_TEST(refuses_bad_texts)
{
	assert_why(bad_texts[_i], strlen(bad_texts[_i]), BYTE);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	assert_why(others[_i].text.ptr, others[_i].text.len, others[_i].why);
}
END_TEST

/* Something of everything; each byte is needed. */
static const char sample[] =
	"{\"a\\u00e4\\n\" : [ null,true , false,-10.25E+17,\"x\\\\y\",[],{}],"
	"\r\n\t\"r\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\xb5\": {\"b\":{ }},"
	"\"results\":[1,{\"c\":\"a long text without anything special\"}]}";

START_TEST(refuses_what_is_cut_off)
{
	size_t len = sizeof sample - 1;

	assert_why(sample, len, NULL);
	for (size_t some = 0; some < len; some++)
		assert_why(sample, some, EARLY);
}
END_TEST

START_TEST(sees_every_byte_of_a_string)
{
	static const struct {
		const char *piece;
		const char *why;
	} pieces[] = {
		{"x", NULL},
		{" ", NULL},
		{"!", NULL},
		{"#", NULL},
		{"[", NULL},
		{"]", NULL},
		{"\x7f", NULL},
		{"\\\"", NULL},
		{"\\\\", NULL},
		{"\xc3\xa4", NULL},
		{"\x01", BYTE},
		{"\n", BYTE},
		{"\x1f", BYTE},
		{"\xa4", BYTE},
		{"\xc3", BYTE},
		{"\\x", BYTE},
		{"\"\"", BYTE},
	};
	char text[64];

	for (size_t i = 0; i < HERD_COUNT(pieces); i++)
		for (int before = 0; before < 20; before++)
			for (int after = 0; after < 10; after++) {
				int len = snprintf(text, sizeof text,
					"{\"\":\"%.*s%s%.*s\"}", before,
					"yyyyyyyyyyyyyyyyyyyy", pieces[i].piece,
					after, "zzzzzzzzzz");

				assert_why(text, (size_t)len, pieces[i].why);
			}
}
END_TEST

START_TEST(refuses_each_raw_control)
{
	char text[] = "{\"a\":\"01234567_89012345678\"}";
	char *at = strchr(text, '_');

	for (int c = 0; c < 0x80; c++) {
		bool bare = c >= ' ' && c != '"' && c != '\\';

		*at = (char)c;
		ck_assert_msg(!judge(text, sizeof text - 1) == bare, "%d", c);
	}
}
END_TEST

static char *put_character(char *to, uint32_t code)
{
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

START_TEST(knows_every_character)
{
	char *text = malloc(0x110000 * 4 + 16);
	char *start;
	char *to;

	ck_assert_ptr_nonnull(text);
	start = text + sprintf(text, "{\"\":\"");
	to = start;
	for (uint32_t code = 0x80; code < 0x110000; code++)
		if (code < 0xd800 || code > 0xdfff)
			to = put_character(to, code);
	memcpy(to, "\"}", 2);
	ck_assert_ptr_null(judge(text, (size_t)(to + 2 - text)));
	for (uint32_t code = 0xd800; code < 0xe000; code++) {
		to = put_character(start, code);
		memcpy(to, "\"}", 2);
		ck_assert_str_eq(judge(text, (size_t)(to + 2 - text)), BYTE);
	}
	free(text);
}
END_TEST

/* `depth` brackets in each other: the object, then as in `kinds` around. */
static const char *nest(size_t depth, const char *kinds)
{
	char text[1024];
	char *to = text;

	for (size_t i = 0; i < depth; i++)
		to += sprintf(to, i && kinds[i % strlen(kinds)] == '[' ? "["
				  : i + 1 < depth ? "{\"a\":"
						  : "{");
	for (size_t i = depth; i-- > 0;)
		*to++ = i && kinds[i % strlen(kinds)] == '[' ? ']' : '}';
	return judge(text, (size_t)(to - text));
}

START_TEST(nests_so_deep_and_no_deeper)
{
	static const char *const kinds[] = {"[", "{", "[{", "{[[{{"};

	for (size_t i = 0; i < HERD_COUNT(kinds); i++) {
		ck_assert_ptr_null(nest(1, kinds[i]));
		ck_assert_ptr_null(nest(CUT_DEPTH_MAX - 1, kinds[i]));
		ck_assert_ptr_null(nest(CUT_DEPTH_MAX, kinds[i]));
		ck_assert_str_eq(nest(CUT_DEPTH_MAX + 1, kinds[i]), DEEP);
	}
}
END_TEST

START_TEST(brackets_side_by_side_are_not_deep)
{
	char text[1024] = "{\"a\":[[]";

	for (int i = 0; i < 200; i++)
		strcat(text, i % 2 ? ",{}" : ",[]");
	strcat(text, "]}");
	assert_why(text, strlen(text), NULL);
}
END_TEST

START_TEST(leaves_the_outcome_alone_when_it_refuses)
{
	struct cut cut = {.end_count = 7, .last_end = 77};

	ck_assert_ptr_nonnull(
		cut_measure(text_of("{\"results\":[1,2,3],\"status\":\"a\",}"),
			"results", &cut));
	ck_assert_uint_eq(cut.end_count, 7);
	ck_assert_uint_eq(cut.last_end, 77);
	ck_assert_ptr_null(cut.status.ptr);
}
END_TEST

/* --- what is found -------------------------------------------------------- */

static const struct {
	const char *json;
	const char *status;
	size_t count;
} members[] = {
	{"{}", "", 0},
	{"{\"results\":[]}", "", 0},
	{"{\"results\":[ ]}", "", 0},
	{"{\"results\":[1]}", "", 1},
	{"{\"results\":[1,2]}", "", 2},
	{"{\"results\":[[1,2,3],[],{\"results\":[1,2]}]}", "", 3},
	{"{\"results\":[\"a,b\",\"c],\"]}", "", 2},
	{"{\"a\":[1,2],\"results\":[3],\"b\":[4,5]}", "", 1},
	{"{\"results\":[1],\"a\":[[1,2],3]}", "", 1},
	{"{\"r\\u0065sults\":[1,2]}", "", 2},
	{"{\"\\u0072\\u0065\\u0073\\u0075\\u006C\\u0074\\u0073\":[1,2]}", "",
		2},
	{"{\"r\\u0065sult\":[1,2]}", "", 0},
	{"{\"Results\":[1,2]}", "", 0},
	{"{\"results\\u0000\":[1,2]}", "", 0},
	{"{\"resul\\ts\":[1,2]}", "", 0},
	{"{\"results\":\"[1,2]\"}", "", 0},
	{"{\"results\":{\"results\":[1,2]}}", "", 0},
	{"{\"results\":{\"a\":1,\"b\":2}}", "", 0},
	{"{\"results\":1}", "", 0},
	{"{\"a\":{\"results\":[1,2]}}", "", 0},
	{"{\"a\":[\"results\",[1,2]]}", "", 0},
	{"{\"a\":\"results\",\"b\":[1,2]}", "", 0},
	{"{\"status\":\"OK\",\"results\":[1]}", "OK", 1},
	{"{\"results\":[1],\"status\" : \"ZERO_RESULTS\"}", "ZERO_RESULTS", 1},
	{"{\"\\u0073\\u0074atus\":\"OK\"}", "OK", 0},
	{"{\"status\":\"a\\\"\\u0041\"}", "a\\\"\\u0041", 0},
	{"{\"status\":\"\"}", "", 0},
	{"{\"status\":1}", "", 0},
	{"{\"status\":[\"OK\"]}", "", 0},
	{"{\"status\":{\"status\":\"OK\"}}", "", 0},
	{"{\"a\":{\"status\":\"OK\"}}", "", 0},
	{"{\"results\":[{\"status\":\"no\"},\"status\"],\"a\":\"b\"}", "", 2},
	{"{\"status\":\"OK\",\"a\":\"b\",\"c\":{\"status\":\"no\"}}", "OK", 0},
};

START_TEST(finds_the_members)
{
	struct cut cut = measure(members[_i].json);
	const char *end = cut.json.ptr + cut.last_end;

	ck_assert_uint_eq(cut.end_count, members[_i].count);
	ck_assert_msg(text_equal(cut.status, text_of(members[_i].status)),
		"%s = %.*s", members[_i].json, (int)cut.status.len,
		cut.status.ptr);
	if (!cut.end_count) {
		ck_assert_uint_eq(cut.last_end, 0);
		return;
	}
	ck_assert_uint_eq(cut.ends[cut.end_count - 1], cut.last_end);
	ck_assert_int_eq(*end, ']');
}
END_TEST

START_TEST(takes_the_array_it_is_told)
{
	struct text json = text_of("{\"places\":[1,2],\"results\":[1,2,3]}");
	struct cut cut;

	ck_assert_ptr_null(cut_measure(json, "places", &cut));
	ck_assert_uint_eq(cut.end_count, 2);
	ck_assert_ptr_null(cut_measure(json, "results", &cut));
	ck_assert_uint_eq(cut.end_count, 3);
	ck_assert_ptr_null(cut_measure(json, "none", &cut));
	ck_assert_uint_eq(cut.end_count, 0);
}
END_TEST

/* --- cutting -------------------------------------------------------------- */

static const struct {
	const char *head;
	const char *comma;
	const char *tail;
} layouts[] = {
	{"{\n   \"html_attributions\" : [],\n   \"results\" : [\n      ",
		",\n      ", "\n   ],\n   \"status\" : \"OK\"\n}\n"},
	{"{\"html_attributions\":[],\"results\":[", ",",
		"],\"status\":\"OK\"}"},
	{"\n{\"status\":\"OK\"\t,\r\n\"r\\u0065sults\"\n:\n[\t \r", " \n\t, \r",
		"\t\n ]\n, \"z\":[1,2,[3]]} \t\r\n"},
};

/* Elements of all kinds, no two alike. */
static const char *const elements[] = {
	"{\n \"results\" : [ %u, [ 1, 2 ] ],\n \"status\" : \"no\" }",
	"\"],[%u,\\\"{\"",
	"-%u.5e-3",
	"[%u,[],{}]",
	"{\"true\":%u}",
	"%u",
};

/* A text with so many elements, to be freed. */
static char *build(size_t layout, unsigned count)
{
	char *text = malloc(4096);
	char *to = text;

	ck_assert_ptr_nonnull(text);
	to += sprintf(to, "%s", layouts[layout].head);
	for (unsigned i = 0; i < count; i++) {
		char *next =
			to + sprintf(to, "%s", i ? layouts[layout].comma : "");
		const char *element = elements[i % HERD_COUNT(elements)];
		const char *number = strstr(element, "%u");

		to = next + sprintf(next, "%.*s%u%s", (int)(number - element),
				    element, 100 + i, number + 2);
	}
	strcpy(to, layouts[layout].tail);
	return text;
}

static void assert_cut(const char *json, unsigned bound, const char *expected)
{
	struct cut cut = measure(json);
	struct text head;
	struct text tail;

	cut_at(&cut, bound, &head, &tail);
	ck_assert_ptr_eq(head.ptr, json);
	ck_assert_ptr_eq(tail.ptr + tail.len, json + strlen(json));
	ck_assert_uint_eq(head.len + tail.len, strlen(expected));
	ck_assert_mem_eq(head.ptr, expected, head.len);
	ck_assert_mem_eq(tail.ptr, expected + head.len, tail.len);
	/* What is whole is one piece. */
	if (!strcmp(json, expected))
		ck_assert_uint_eq(tail.len, 0);
}

START_TEST(cuts_to_the_byte)
{
	size_t layout = (size_t)_i;

	for (unsigned count = 0; count <= 25; count++) {
		char *json = build(layout, count);
		struct cut cut = measure(json);

		ck_assert(text_equal(cut.status, text_of("OK")));
		ck_assert_uint_eq(cut.end_count,
			count < LINE_BOUND_MAX ? count : LINE_BOUND_MAX);
		for (unsigned bound = 1; bound <= LINE_BOUND_MAX; bound++) {
			char *expected =
				build(layout, count < bound ? count : bound);

			assert_cut(json, bound, expected);
			free(expected);
		}
		free(json);
	}
}
END_TEST

START_TEST(leaves_alone_what_is_no_array)
{
	static const char *const texts[] = {
		"{}",
		"{\"results\":\"[1,2,3]\"}",
		"{\"results\":{\"results\":[1,2,3]}}",
		"{\"a\":[1,2,3],\"results\":[4],\"b\":[5,6,7]}",
	};

	for (size_t i = 0; i < HERD_COUNT(texts); i++)
		assert_cut(texts[i], 1, texts[i]);
}
END_TEST

/* --- LFs ------------------------------------------------------------------ */

static const struct {
	const char *text;
	const char *squeezed;
} runs[] = {
	{"", ""},
	{"a", "a"},
	{"\n", ""},
	{"\n\n\n", ""},
	{"a\n", "a"},
	{"a\n\n\n", "a"},
	{"\na", "\na"},
	{"\n\na", "\na"},
	{"a\nb", "a\nb"},
	{"a\n\nb", "a\nb"},
	{"a\n\n\n\nb\nc\n\nd\n", "a\nb\nc\nd"},
	{"a\n \n\nb\r\n\r\n", "a\n \nb\r\n\r"},
	{"{\n\n   \"long line\" : 1\n\n\n}\n\n", "{\n   \"long line\" : 1\n}"},
};

START_TEST(squeezes_runs_of_lf)
{
	size_t len = strlen(runs[_i].text);
	char *text = malloc(len);

	ck_assert(text || !len);
	if (len)
		memcpy(text, runs[_i].text, len);
	len = cut_squeeze(text, len);
	ck_assert_uint_eq(len, strlen(runs[_i].squeezed));
	if (len)
		ck_assert_mem_eq(text, runs[_i].squeezed, len);
	free(text);
}
END_TEST

START_TEST(squeezes_nothing_at_all)
{
	ck_assert_uint_eq(cut_squeeze(NULL, 0), 0);
	ck_assert_str_eq(judge(NULL, 0), EARLY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cut");
	TCase *tcase = tcase_create("cut");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, accepts_json, 0, HERD_COUNT(good));
	tcase_add_loop_test(
		tcase, refuses_bad_values, 0, HERD_COUNT(bad_values));
	tcase_add_loop_test(tcase, refuses_bad_texts, 0, HERD_COUNT(bad_texts));
	tcase_add_loop_test(tcase, says_what_is_wrong, 0, HERD_COUNT(others));
	tcase_add_test(tcase, refuses_what_is_cut_off);
	tcase_add_test(tcase, sees_every_byte_of_a_string);
	tcase_add_test(tcase, refuses_each_raw_control);
	tcase_add_test(tcase, knows_every_character);
	tcase_add_test(tcase, nests_so_deep_and_no_deeper);
	tcase_add_test(tcase, brackets_side_by_side_are_not_deep);
	tcase_add_test(tcase, leaves_the_outcome_alone_when_it_refuses);
	tcase_add_loop_test(tcase, finds_the_members, 0, HERD_COUNT(members));
	tcase_add_test(tcase, takes_the_array_it_is_told);
	tcase_add_loop_test(tcase, cuts_to_the_byte, 0, HERD_COUNT(layouts));
	tcase_add_test(tcase, leaves_alone_what_is_no_array);
	tcase_add_loop_test(tcase, squeezes_runs_of_lf, 0, HERD_COUNT(runs));
	tcase_add_test(tcase, squeezes_nothing_at_all);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
