/* JSON in both layouts, byte for byte. */
#include "herd/json_writer.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "herd/sys.h"
#include "sys_fault.h"

static const char *const types[] = {"a", "b", NULL};
static const char *const none[] = {NULL};

/* One of everything. */
static int write_sample(const struct json_layout *layout, struct buf *out)
{
	struct json_writer w = JSON_WRITER(layout, out);

	json_open_object(&w, NULL);
	json_open_array(&w, "empty");
	json_close_array(&w);
	json_open_object(&w, "nothing");
	json_close_object(&w);
	json_open_array(&w, "list");
	json_open_object(&w, NULL);
	json_string(&w, "name", text_of("x"));
	json_close_object(&w);
	json_decimal(&w, NULL, -15, 1);
	json_close_array(&w);
	json_number(&w, "number", text_of("1.50e2"));
	json_strings(&w, "types", types);
	json_strings(&w, "none", none);
	json_close_object(&w);
	return json_finish(&w);
}

static const char legacy[] = "{\n"
			     "   \"empty\" : [],\n"
			     "   \"nothing\" : {},\n"
			     "   \"list\" : [\n"
			     "      {\n"
			     "         \"name\" : \"x\"\n"
			     "      },\n"
			     "      -1.5\n"
			     "   ],\n"
			     "   \"number\" : 1.50e2,\n"
			     "   \"types\" : [ \"a\", \"b\" ],\n"
			     "   \"none\" : []\n"
			     "}\n";

static const char newer[] = "{\n"
			    "  \"empty\": [],\n"
			    "  \"nothing\": {},\n"
			    "  \"list\": [\n"
			    "    {\n"
			    "      \"name\": \"x\"\n"
			    "    },\n"
			    "    -1.5\n"
			    "  ],\n"
			    "  \"number\": 1.50e2,\n"
			    "  \"types\": [\n"
			    "    \"a\",\n"
			    "    \"b\"\n"
			    "  ],\n"
			    "  \"none\": []\n"
			    "}\n";

/* What was written, as a string. */
static const char *written(struct buf *out)
{
	ck_assert_int_eq(buf_append(out, "", 1), 0);
	return buf_front(out);
}

START_TEST(lays_out_as_the_services_do)
{
	struct buf out = {0};

	ck_assert_int_eq(write_sample(&json_legacy, &out), 0);
	ck_assert_str_eq(written(&out), legacy);
	buf_fini(&out);
	ck_assert_int_eq(write_sample(&json_new, &out), 0);
	ck_assert_str_eq(written(&out), newer);
	buf_fini(&out);
}
END_TEST

/* Strings of any bytes, also one alone; and lines go on behind them. */
START_TEST(puts_strings_in_one_line)
{
	struct buf out = {0};
	struct json_writer w = JSON_WRITER(&json_legacy, &out);

	json_open_array(&w, NULL);
	json_open_strings(&w, NULL);
	json_string(&w, NULL, (struct text){"a\0b", 3});
	json_close_array(&w);
	json_open_strings(&w, NULL);
	json_string(&w, NULL, text_of(""));
	json_string(&w, NULL, text_of("\""));
	json_close_array(&w);
	json_string(&w, NULL, text_of("c"));
	json_close_array(&w);
	ck_assert_int_eq(json_finish(&w), 0);
	ck_assert_str_eq(written(&out), "[\n"
					"   [ \"a\\u0000b\" ],\n"
					"   [ \"\", \"\\\"\" ],\n"
					"   \"c\"\n"
					"]\n");
	buf_fini(&out);
}
END_TEST

START_TEST(indents_to_any_depth)
{
	struct buf out = {0};
	struct json_writer w = JSON_WRITER(&json_legacy, &out);
	const char *line;

	for (int i = 0; i < 40; i++)
		json_open_array(&w, NULL);
	json_string(&w, NULL, text_of("deep"));
	for (int i = 0; i < 40; i++)
		json_close_array(&w);
	ck_assert_int_eq(json_finish(&w), 0);
	line = strstr(written(&out), "\"deep\"");
	ck_assert_ptr_nonnull(line);
	for (int i = 1; i <= 120; i++)
		ck_assert_int_eq(line[-i], ' ');
	ck_assert_int_eq(line[-121], '\n');
	buf_fini(&out);
}
END_TEST

static const struct {
	struct text value;
	const char *legacy;
	const char *newer;
} strings[] = {
	{{"", 0}, "\"\"\n", "\"\"\n"},
	{{"plain", 5}, "\"plain\"\n", "\"plain\"\n"},
	{{"\"\\/", 3}, "\"\\\"\\\\/\"\n", "\"\\\"\\\\/\"\n"},
	{{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\"\n", "\"\\b\\f\\n\\r\\t\"\n"},
	{{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\\u007f\"\n",
		"\"\\u0000\\u0001\\u001f\\u007f\"\n"},
	{{"a<b>&'", 6}, "\"a\\u003cb\\u003e\\u0026'\"\n", "\"a<b>&'\"\n"},
	{{"São ⛲", 8}, "\"São ⛲\"\n", "\"São ⛲\"\n"},
};

START_TEST(escapes_what_must_be)
{
	struct buf out = {0};
	struct json_writer old = JSON_WRITER(&json_legacy, &out);
	struct json_writer new = JSON_WRITER(&json_new, &out);

	json_string(&old, NULL, strings[_i].value);
	ck_assert_int_eq(json_finish(&old), 0);
	ck_assert_str_eq(written(&out), strings[_i].legacy);
	buf_fini(&out);
	json_string(&new, NULL, strings[_i].value);
	ck_assert_int_eq(json_finish(&new), 0);
	ck_assert_str_eq(written(&out), strings[_i].newer);
	buf_fini(&out);
}
END_TEST

static const struct {
	int64_t value;
	unsigned decimals;
	const char *text;
} decimals[] = {
	{0, 0, "0\n"},
	{0, 7, "0\n"},
	{340000000, 7, "34\n"},
	{340689300, 7, "34.06893\n"},
	{-1184451270, 7, "-118.445127\n"},
	{-1, 7, "-0.0000001\n"},
	{10, 7, "0.000001\n"},
	{100, 0, "100\n"},
	{INT64_MAX, 0, "9223372036854775807\n"},
	{INT64_MIN, 18, "-9.223372036854775808\n"},
	{-1, 18, "-0.000000000000000001\n"},
};

START_TEST(writes_decimals)
{
	struct buf out = {0};
	struct json_writer w = JSON_WRITER(&json_new, &out);

	json_decimal(&w, NULL, decimals[_i].value, decimals[_i].decimals);
	ck_assert_int_eq(json_finish(&w), 0);
	ck_assert_str_eq(written(&out), decimals[_i].text);
	buf_fini(&out);
}
END_TEST

START_TEST(tells_that_memory_ran_out)
{
	for (unsigned n = 0;; n++) {
		struct buf out = {0};
		int rc;

		sys_fault_reset();
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = write_sample(&json_legacy, &out);
		buf_fini(&out);
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(rc, -ENOMEM);
	}
	ck_assert_uint_eq(sys_fault_blocks(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_writer");
	TCase *tcase = tcase_create("json_writer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, lays_out_as_the_services_do);
	tcase_add_test(tcase, puts_strings_in_one_line);
	tcase_add_test(tcase, indents_to_any_depth);
	tcase_add_loop_test(
		tcase, escapes_what_must_be, 0, HERD_COUNT(strings));
	tcase_add_loop_test(tcase, writes_decimals, 0, HERD_COUNT(decimals));
	tcase_add_test(tcase, tells_that_memory_ran_out);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
