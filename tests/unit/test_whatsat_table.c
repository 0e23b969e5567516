/* Answers to WHATSAT and what people see of them, to the byte. */
#include "herd/whatsat_table.h"

#include <check.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/sys.h"
#include "sys_fault.h"

/* Heard at 1520023935.182837383. */
#define STAMP "1520023934.918963997"
#define AT    "AT Goloman +0.263873386 kiwi +34.068930-118.445127 " STAMP "\n"
#define NOW   INT64_C(1520023947500000000)

#define CLIENT                                                                 \
	"kiwi at +34.068930-118.445127, heard by Goloman 12 s ago "            \
	"(clock difference +0.26 s)\n"

/* Results of the legacy form: "name", where, "types", "vicinity". */
#define RESULT(name, lat, lng, type, vicinity)                                 \
	"{\"geometry\" : {\"location\" : {\"lat\" : " lat ", \"lng\" : " lng   \
	"}}, \"name\" : \"" name "\", \"types\" : [ \"" type                   \
	"\", \"political\" ], \"vicinity\" : \"" vicinity "\"}"
#define LEGACY(results)                                                        \
	"{\n   \"html_attributions\" : [],\n   \"results\" : [" results        \
	"],\n   \"status\" : \"OK\"\n}\n\n"

#define THREE                                                                        \
	LEGACY(RESULT("Bel Air", "34.08333", "-118.44786", "neighborhood",           \
		"Los Angeles, CA") "," RESULT("東京 Grill", "34.0689",               \
		"-118.4452", "meal_takeaway",                                        \
		"1100 Glendon Avenue, Westwood, Los Angeles") "," RESULT("Pasadena", \
		"34.14778", "-118.14452", "locality", ""))

static const struct {
	const char *json;
	size_t width;
	const char *locale; /* NULL: C.UTF-8 */
	const char *shown;
} answers[] = {
	/* Room for all; then for less and less. */
	{THREE, 200, NULL,
		"#  NAME        DISTANCE  KIND           VICINITY\n"
		"1  Bel Air       1.6 km  neighborhood   Los Angeles, CA\n"
		"2  東京 Grill       8 m  meal takeaway  1100 Glendon Avenue, "
		"Westwood, Los Angeles\n"
		"3  Pasadena     29.0 km  locality\n"
		"3 places within 10 km\n"},
	{THREE, 80, NULL,
		"#  NAME        DISTANCE  KIND           VICINITY\n"
		"1  Bel Air       1.6 km  neighborhood   Los Angeles, CA\n"
		"2  東京 Grill       8 m  meal takeaway  1100 Glendon Avenue, "
		"Westwood, Los Ange…\n"
		"3  Pasadena     29.0 km  locality\n"
		"3 places within 10 km\n"},
	{THREE, 40, NULL,
		"#  NAME        DISTANCE  KIND\n"
		"1  Bel Air       1.6 km  neighborh…\n"
		"2  東京 Grill       8 m  meal take…\n"
		"3  Pasadena     29.0 km  locality\n"
		"3 places within 10 km\n"},
	{THREE, 18, NULL,
		"#  NAME\n"
		"1  Bel Air\n"
		"2  東京 Gri…\n"
		"3  Pasadena\n"
		"3 places within 10 km\n"},
	{THREE, 1, NULL, "#\n1\n2\n3\n3 places within 10 km\n"},
	{THREE, 78, "C",
		"#  NAME      DISTANCE  KIND           VICINITY\n"
		"1  Bel Air     1.6 km  neighborhood   Los Angeles, CA\n"
		"2  ?? Grill       8 m  meal takeaway  1100 Glendon Avenue, "
		"Westwood, Los An...\n"
		"3  Pasadena   29.0 km  locality\n"
		"3 places within 10 km\n"},
	{LEGACY(RESULT("Bel Air", "34.08333", "-118.44786", "park", "")), 20,
		NULL,
		"#  NAME     DISTANCE\n1  Bel Air    1.6 km\n"
		"1 place within 10 km\n"},
	{LEGACY(RESULT("Bel Air", "34.08333", "-118.44786", "park", "")), 19,
		NULL, "#  NAME\n1  Bel Air\n1 place within 10 km\n"},
	/* Far away; escapes, in the JSON's own and as bytes. */
	{LEGACY(RESULT("\\u001b[2J\\u0000\\u009b\\u202eX\\n\\t", "-34.068930",
		 "61.554873", "a_\\u001b]0;x\\u0007", "\xc2\x9bm")),
		80, NULL,
		"#  NAME       DISTANCE  KIND      VICINITY\n"
		"1  ?[2J??X    20015 km  a ?]0;x?  ?m\n"
		"1 place within 10 km\n"},
	/* Members that are missing, or not what they should be. */
	{LEGACY("{}, 5, null, {\"name\" : 5, \"types\" : [ 5 ], "
		"\"geometry\" : {\"location\" : {\"lat\" : \"34\", \"lng\" : "
		"0}}}, {\"name\" : \"x\", \"types\" : [], \"geometry\" : "
		"{\"location\" : {\"lat\" : 91, \"lng\" : 0}}}"),
		80, NULL, "#  NAME\n1\n2\n3\n4\n5  x\n5 places within 10 km\n"},
	/* Nothing there; no provider; what it says. */
	{"{\"results\" : [], \"status\" : \"ZERO_RESULTS\"}\n\n", 80, NULL,
		"no places within 10 km\n"},
	{"{\n   \"error_message\" : \"No way\\u001b[m.\",\n"
	 "   \"html_attributions\" : [],\n   \"results\" : [],\n"
	 "   \"status\" : \"UNKNOWN_ERROR\"\n}\n\n",
		80, NULL, "no places: No way?[m. (UNKNOWN_ERROR)\n"},
	{"{\"status\" : \"REQUEST_\\u001bDENIED\"}\n\n", 80, NULL,
		"no places: (REQUEST_?DENIED)\n"},
	/* The other form. */
	{"{\"places\": [{\"displayName\": {\"text\": \"Bel Air\"}, "
	 "\"location\": {\"latitude\": 34.08333, \"longitude\": -118.44786}, "
	 "\"types\": [\"neighborhood\"], \"formattedAddress\": \"CA\"}]}\n\n",
		80, NULL,
		"#  NAME     DISTANCE  KIND          VICINITY\n"
		"1  Bel Air    1.6 km  neighborhood  CA\n"
		"1 place within 10 km\n"},
	{"{}\n\n", 80, NULL, "no places within 10 km\n"},
	{"{\"error\": {\"code\": 403, \"message\": \"No key.\", \"status\": "
	 "\"PERMISSION_DENIED\"}}\n\n",
		80, NULL, "no places: No key. (PERMISSION_DENIED)\n"},
};

static int view(
	const char *answer, struct whatsat_view how, const char *expected)
{
	struct buf out = {0};
	int rc = whatsat_table(text_of(answer), &how, &out);

	if (!rc) {
		ck_assert_int_eq(buf_append(&out, "", 1), 0);
		ck_assert_str_eq(buf_front(&out), expected);
	}
	buf_fini(&out);
	return rc;
}

START_TEST(shows_answers)
{
	const char *locale = answers[_i].locale;
	char answer[2048];
	char shown[1024];

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, locale ? locale : "C.UTF-8"));
	snprintf(answer, sizeof answer, AT "%s", answers[_i].json);
	snprintf(shown, sizeof shown, CLIENT "%s", answers[_i].shown);
	ck_assert_int_eq(view(answer,
				 (struct whatsat_view){.radius_km = "10",
					 .width = answers[_i].width,
					 .now_ns = NOW},
				 shown),
		0);
}
END_TEST

/* Where rounding takes the haversine beyond 1. */
START_TEST(knows_the_other_side_of_the_earth)
{
	const char *answer = "AT A +0.0 x +67.210-24.729 100\n" LEGACY(
		RESULT("y", "-67.210", "155.271", "z", ""));
	const char *shown = "x at +67.210-24.729, heard by A just now "
			    "(clock difference +0.00 s)\n"
			    "#  NAME  DISTANCE  KIND\n1  y     20015 km  z\n"
			    "1 place within 10 km\n";

	ck_assert_int_eq(view(answer,
				 (struct whatsat_view){.radius_km = "10",
					 .width = 80,
					 .now_ns = INT64_C(100000000000)},
				 shown),
		0);
}
END_TEST

#define NONE "{\"results\" : [], \"status\" : \"ZERO_RESULTS\"}\n\n"

static const struct {
	const char *at;
	int64_t now_ns;
	const char *shown;
} clients[] = {
	{"AT A +0.000000000 x +1-1 100", INT64_C(100999999999),
		"x at +1-1, heard by A just now (clock difference +0.00 s)"},
	{"AT A -50.5 x +1-1/ 100", INT64_C(51499999999),
		"x at +1-1/, heard by A 1 s ago (clock difference -50.50 s)"},
	{"AT A +0.0 x +1-1 100", INT64_C(97900000000),
		"x at +1-1, heard by A 2 s ahead of this clock "
		"(clock difference +0.00 s)"},
	{"AT A +0.0 x +1-1 100", INT64_C(219000000000),
		"x at +1-1, heard by A 119 s ago (clock difference +0.00 s)"},
	{"AT A +0.0 x +1-1 100", INT64_C(220000000000),
		"x at +1-1, heard by A 2 min ago (clock difference +0.00 s)"},
	{"AT A +0.0 x +1-1 100", INT64_C(7300000000000),
		"x at +1-1, heard by A 2 h ago (clock difference +0.00 s)"},
	{"AT A +0.0 x +1-1 100", INT64_C(172900000000000),
		"x at +1-1, heard by A 2 days ago (clock difference +0.00 s)"},
	{"AT \x1b[2J +0.0 \xc2\x9b\xffk\x01 +1-1 100", INT64_C(100000000000),
		"??k? at +1-1, heard by ?[2J just now "
		"(clock difference +0.00 s)"},
	{"AT A -1e99 x +1-1 0", INT64_C(1),
		"x at +1-1, heard by A 106751 days ago "
		"(clock difference -9223372036.85 s)"},
	{"AT A 1e99 x +1-1 9223372036.854775807", INT64_C(1),
		"x at +1-1, heard by A 106751 days ago "
		"(clock difference +9223372036.85 s)"},
};

START_TEST(says_where_and_when)
{
	struct whatsat_view how = {
		.radius_km = "2.50", .width = 80, .now_ns = clients[_i].now_ns};
	char answer[256];
	char shown[256];

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	snprintf(answer, sizeof answer, "%s\n" NONE, clients[_i].at);
	snprintf(shown, sizeof shown, "%s\nno places within 2.50 km\n",
		clients[_i].shown);
	ck_assert_int_eq(view(answer, how, shown), 0);
	how.nothing = true;
	snprintf(shown, sizeof shown, "%s\nno places asked for\n",
		clients[_i].shown);
	ck_assert_int_eq(view(answer, how, shown), 0);
}
END_TEST

static const char *const strange[] = {
	"",
	"\n",
	AT,
	"AT Goloman +0.2 kiwi +34.0-118.4 " STAMP,
	"IAMAT kiwi +34.0-118.4 " STAMP "\n" NONE,
	"? WHATSAT kiwi 1 1\n",
	"AT Goloman +0.2 kiwi nowhere " STAMP "\n" NONE,
	AT "nothing\n\n",
	AT "null\n\n",
	AT "5\n\n",
	AT "[]\n\n",
	AT "{'results' : []}\n\n",
	AT "{\"results\" : []\n\n",
	AT NONE "{}\n\n",
	AT NONE AT NONE,
	AT "{\"results\" : []}\n\n",
	AT "{\"results\" : [], \"status\" : \"\"}\n\n",
	AT "{\"results\" : {}, \"status\" : \"OK\"}\n\n",
	AT "{\"results\" : [ {} ], \"status\" : \"REQUEST_DENIED\"}\n\n",
	AT "{\"places\": {}}\n\n",
	AT "{\"places\": [], \"error\": {\"status\": \"INTERNAL\"}}\n\n",
	AT "{\"error\": {}}\n\n",
	AT "{\"other\": 1}\n\n",
	AT "{\"results\" : [ \"\xff\" ], \"status\" : \"OK\"}\n\n",
};

START_TEST(leaves_alone_what_it_does_not_know)
{
	ck_assert_int_eq(
		view(strange[_i],
			(struct whatsat_view){
				.radius_km = "1", .width = 80, .now_ns = NOW},
			""),
		-EBADMSG);
}
END_TEST

START_TEST(tells_that_memory_ran_out)
{
	const struct whatsat_view how = {
		.radius_km = "1", .width = 80, .now_ns = NOW};

	for (unsigned n = 0;; n++) {
		struct buf out = {0};
		int rc;

		sys_fault_reset();
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = whatsat_table(text_of(AT THREE), &how, &out);
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
	Suite *suite = suite_create("whatsat_table");
	TCase *tcase = tcase_create("whatsat_table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, shows_answers, 0, HERD_COUNT(answers));
	tcase_add_test(tcase, knows_the_other_side_of_the_earth);
	tcase_add_loop_test(tcase, says_where_and_when, 0, HERD_COUNT(clients));
	tcase_add_loop_test(tcase, leaves_alone_what_it_does_not_know, 0,
		HERD_COUNT(strange));
	tcase_add_test(tcase, tells_that_memory_ran_out);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
