/* What providers are asked, byte for byte, and what clients get of what they
 * say. */
#include "herd/provider.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "herd/cut.h"
#include "sys_fault.h"

#define BEFORE "before "

static struct buf out;

static void set_up(void)
{
	sys_fault_reset();
	ck_assert_int_eq(buf_append_string(&out, BEFORE), 0);
}

static void tear_down(void)
{
	buf_fini(&out);
	ck_assert_uint_eq(sys_fault_blocks(), 0);
}

/* What was appended, as a string; without the LF at its end, if any. */
static const char *written(void)
{
	size_t before = sizeof BEFORE - 1;
	char *end;

	ck_assert_uint_ge(buf_len(&out), before);
	ck_assert_mem_eq(buf_front(&out), BEFORE, before);
	ck_assert_int_eq(buf_append(&out, "", 1), 0);
	end = buf_bytes(&out) + buf_len(&out) - 2;
	if (*end == '\n')
		*end = '\0';
	return buf_front(&out) + before;
}

static void assert_nothing_written(void)
{
	ck_assert_uint_eq(buf_len(&out), sizeof BEFORE - 1);
	ck_assert_mem_eq(buf_front(&out), BEFORE, sizeof BEFORE - 1);
}

/* By json-c's strict judgement. */
static bool is_json(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;
	bool is;

	json_tokener_set_flags(
		tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text, -1);
	is = json_object_is_type(root, json_type_object);
	json_object_put(root);
	json_tokener_free(tokener);
	return is;
}

/* --- who there is --------------------------------------------------------- */

static const char *const names[] = {
#define PROVIDER(id, name) name,
#include "herd/providers.def"
#undef PROVIDER
};

START_TEST(finds_each)
{
	for (size_t i = 0; i < HERD_COUNT(names); i++) {
		const struct provider *p = provider_find(names[i]);

		ck_assert_ptr_nonnull(p);
		ck_assert_str_eq(p->name, names[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_ptr_ne(p, provider_find(names[j]));
	}
	ck_assert_ptr_null(provider_find(""));
	ck_assert_ptr_null(provider_find("goo"));
	ck_assert_ptr_null(provider_find("google_legacy"));
}
END_TEST

START_TEST(knows_google_legacy)
{
	const struct provider *p = provider_find("google-legacy");

	ck_assert_str_eq(p->url, "https://maps.googleapis.com/maps/api/place/"
				 "nearbysearch/json");
	ck_assert_str_eq(p->results, "results");
	ck_assert_str_eq(p->key_parameter, "key");
	ck_assert_ptr_null(p->key_header);
	ck_assert_ptr_null(p->mask_header);
	ck_assert(!p->posts);
	ck_assert(!p->translate);
}
END_TEST

START_TEST(knows_google)
{
	const struct provider *p = provider_find("google");

	ck_assert_str_eq(p->url, "https://places.googleapis.com/v1/"
				 "places:searchNearby");
	ck_assert_str_eq(p->results, "places");
	ck_assert_ptr_null(p->key_parameter);
	ck_assert_str_eq(p->key_header, "X-Goog-Api-Key");
	ck_assert_str_eq(p->mask_header, "X-Goog-FieldMask");
	ck_assert(p->posts);
	ck_assert(p->translate);
}
END_TEST

/* --- numbers -------------------------------------------------------------- */

static const struct {
	const char *from;
	const char *to;
} degrees[] = {
	{"+34.068930", "34.068930"},
	{"-118.445127", "-118.445127"},
	{"+5.", "5"},
	{"-5.", "-5"},
	{"+5.0", "5.0"},
	{"+0", "0"},
	{"-0", "-0"},
	{"+00", "0"},
	{"+00.", "0"},
	{"-000.50", "-0.50"},
	{"+007", "7"},
	{"+0180", "180"},
	{"+100", "100"},
	{"+1.123456789012345", "1.123456789012345"},
	{"+1.1234567890123456", "1.123456789012345"},
	{"-01.12345678901234567890", "-1.123456789012345"},
};

START_TEST(writes_degrees)
{
	/* Only what the text holds may be read: no NUL behind it. */
	size_t len = strlen(degrees[_i].from);
	char *from = malloc(len);

	memcpy(from, degrees[_i].from, len);
	ck_assert_int_eq(
		provider_write_degrees((struct text){from, len}, &out), 0);
	ck_assert_str_eq(written(), degrees[_i].to);
	free(from);
}
END_TEST

START_TEST(writes_degrees_of_any_length)
{
	static char number[60000];
	struct text text = {number, sizeof number};

	memset(number, '7', sizeof number);
	memcpy(number, "-12.", 4);
	ck_assert_int_eq(provider_write_degrees(text, &out), 0);
	ck_assert_str_eq(written(), "-12.777777777777777");
	buf_truncate(&out, sizeof BEFORE - 1);

	memset(number, '0', sizeof number);
	number[0] = '+';
	memcpy(number + sizeof number - 5, "9.25", 4);
	ck_assert_int_eq(provider_write_degrees(text, &out), 0);
	ck_assert_str_eq(written(), "9.250");
	ck_assert_uint_lt(out.block->room, 1000);
}
END_TEST

static const struct {
	int64_t um;
	const char *to;
} metres[] = {
	{0, "0.000001"},
	{1, "0.000001"},
	{-5, "0.000001"},
	{10, "0.00001"},
	{123456, "0.123456"},
	{1000000, "1"},
	{1500000, "1.5"},
	{10000000, "10"},
	{2500000000, "2500"},
	{50000000000, "50000"},
	{INT64_MAX, "9223372036854.775807"},
};

START_TEST(writes_metres)
{
	ck_assert_int_eq(provider_write_metres(metres[_i].um, &out), 0);
	ck_assert_str_eq(written(), metres[_i].to);
}
END_TEST

/* --- questions ------------------------------------------------------------ */

static const struct {
	const char *latitude;
	const char *longitude;
	int64_t radius_um;
	unsigned bound;
	const char *legacy;
	const char *google;
} questions[] = {
	{"+34.068930", "-118.445127", 10000000000, 5,
		"location=34.068930,-118.445127&radius=10000",
		"{\"maxResultCount\": 5, \"locationRestriction\": {\"circle\": "
		"{\"center\": {\"latitude\": 34.068930, "
		"\"longitude\": -118.445127}, \"radius\": 10000}}}"},
	{"-05.", "+000.250", 1500000, 20, "location=-5,0.250&radius=1.5",
		"{\"maxResultCount\": 20, \"locationRestriction\": {\"circle\": "
		"{\"center\": {\"latitude\": -5, \"longitude\": 0.250}, "
		"\"radius\": 1.5}}}"},
};

static struct provider_question question(int i)
{
	return (struct provider_question){
		.latitude = text_of(questions[i].latitude),
		.longitude = text_of(questions[i].longitude),
		.radius_um = questions[i].radius_um,
		.bound = questions[i].bound,
	};
}

START_TEST(asks_google_legacy)
{
	struct provider_question q = question(_i);

	ck_assert_int_eq(
		provider_find("google-legacy")->write_question(&q, &out), 0);
	ck_assert_str_eq(written(), questions[_i].legacy);
}
END_TEST

START_TEST(asks_google)
{
	struct provider_question q = question(_i);

	ck_assert_int_eq(provider_find("google")->write_question(&q, &out), 0);
	ck_assert_str_eq(written(), questions[_i].google);
	ck_assert(is_json(questions[_i].google));
}
END_TEST

START_TEST(asks_or_has_no_memory)
{
	const struct provider *p = provider_find(names[_i]);
	struct provider_question q = question(0);

	for (unsigned n = 0;; n++) {
		struct buf b = {0};
		int rc;

		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = p->write_question(&q, &b);
		buf_fini(&b);
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			ck_assert_int_eq(rc, 0);
			ck_assert_uint_gt(n, 0);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
	}
}
END_TEST

/* A number is written whole or not at all, wherever memory ends. */
START_TEST(writes_numbers_or_has_no_memory)
{
	struct buf full = {0};
	size_t len;

	do {
		ck_assert_int_eq(buf_append(&full, "x", 1), 0);
	} while (buf_len(&full) < full.block->room - 1);
	len = buf_len(&full);
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 2, ENOMEM);
	ck_assert_int_eq(
		provider_write_degrees(text_of("-12.5"), &full), -ENOMEM);
	ck_assert_uint_eq(buf_len(&full), len);
	ck_assert_int_eq(provider_write_metres(12, &full), -ENOMEM);
	ck_assert_uint_eq(buf_len(&full), len);
	buf_fini(&full);
}
END_TEST

/* --- answers of google ---------------------------------------------------- */

static int translate(unsigned status, struct text json)
{
	return provider_find("google")->translate(status, json, &out);
}

#define WHOLE(members, status)                                                 \
	"{\n" members "   \"html_attributions\" : [],\n"                       \
	"   \"results\" : [],\n"                                               \
	"   \"status\" : \"" status "\"\n"                                     \
	"}"

#define OK(results)                                                            \
	"{\n"                                                                  \
	"   \"html_attributions\" : [],\n"                                     \
	"   \"results\" : [\n" results "\n   ],\n"                             \
	"   \"status\" : \"OK\"\n"                                             \
	"}"

#define PLACE(members) OK("      {\n" members "\n      }")

#define NONE WHOLE("", "ZERO_RESULTS")

/* Members in an order of their own, and some that clients never knew. */
static const char full[] =
	"{\"places\": [{"
	"\"formattedAddress\": \"1 Way, Town\", \"name\": \"places/ChIJ\","
	"\"types\": [\"park\", \"point_of_interest\"], \"id\": \"ChIJ\","
	"\"location\": {\"longitude\": -118.4451270, \"latitude\": 34},"
	"\"viewport\": {\"low\": {\"latitude\": 1e1, \"longitude\": -1.50},"
	"\"high\": {\"latitude\": 1.2E+1, \"longitude\": -0.0}},"
	"\"rating\": 4.0, \"userRatingCount\": 1234,"
	"\"displayName\": {\"languageCode\": \"en\", \"text\": \"Park\"},"
	"\"primaryType\": \"park\", \"businessStatus\": \"OPERATIONAL\","
	"\"priceLevel\": \"PRICE_LEVEL_VERY_EXPENSIVE\"}, {}],"
	"\"routingSummaries\": [{}]}";

static const char full_legacy[] =
	OK("      {\n"
	   "         \"business_status\" : \"OPERATIONAL\",\n"
	   "         \"geometry\" : {\n"
	   "            \"location\" : {\n"
	   "               \"lat\" : 34,\n"
	   "               \"lng\" : -118.4451270\n"
	   "            },\n"
	   "            \"viewport\" : {\n"
	   "               \"northeast\" : {\n"
	   "                  \"lat\" : 1.2E+1,\n"
	   "                  \"lng\" : -0.0\n"
	   "               },\n"
	   "               \"southwest\" : {\n"
	   "                  \"lat\" : 1e1,\n"
	   "                  \"lng\" : -1.50\n"
	   "               }\n"
	   "            }\n"
	   "         },\n"
	   "         \"name\" : \"Park\",\n"
	   "         \"place_id\" : \"ChIJ\",\n"
	   "         \"price_level\" : 4,\n"
	   "         \"rating\" : 4.0,\n"
	   "         \"types\" : [ \"park\", \"point_of_interest\" ],\n"
	   "         \"user_ratings_total\" : 1234,\n"
	   "         \"vicinity\" : \"1 Way, Town\"\n"
	   "      },\n"
	   "      {}");

#define POINT(lat, lng)                                                        \
	"         \"geometry\" : {\n"                                          \
	"            \"location\" : {" lat lng "\n"                            \
	"            }\n"                                                      \
	"         }"
#define LAT(n) "\n               \"lat\" : " n
#define LNG(n) "\n               \"lng\" : " n

static const struct {
	const char *json;
	const char *legacy;
} answers[] = {
	{full, full_legacy},
	{"{}", NONE},
	{"{\"places\": []}", NONE},
	{"{\"other\": 1}", NONE},
	{"{\"places\": [{}]}", OK("      {}")},

	/* What is 0 is left out, but not what holds it. */
	{"{\"places\": [{\"location\": {\"longitude\": 7.50}}]}",
		PLACE(POINT(LAT("0") ",", LNG("7.50")))},
	{"{\"places\": [{\"location\": {\"latitude\": -1}}]}",
		PLACE(POINT(LAT("-1") ",", LNG("0")))},
	{"{\"places\": [{\"location\": {}}]}",
		PLACE(POINT(LAT("0") ",", LNG("0")))},
	{"{\"places\": [{\"viewport\": {\"high\": {}}}]}",
		PLACE("         \"geometry\" : {\n"
		      "            \"viewport\" : {\n"
		      "               \"northeast\" : {\n"
		      "                  \"lat\" : 0,\n"
		      "                  \"lng\" : 0\n"
		      "               }\n"
		      "            }\n"
		      "         }")},

	{"{\"places\": [{\"priceLevel\": \"PRICE_LEVEL_FREE\"}]}",
		PLACE("         \"price_level\" : 0")},
	{"{\"places\": [{\"priceLevel\": \"PRICE_LEVEL_INEXPENSIVE\"}]}",
		PLACE("         \"price_level\" : 1")},
	{"{\"places\": [{\"priceLevel\": \"PRICE_LEVEL_MODERATE\"}]}",
		PLACE("         \"price_level\" : 2")},
	{"{\"places\": [{\"priceLevel\": \"PRICE_LEVEL_EXPENSIVE\"}]}",
		PLACE("         \"price_level\" : 3")},
	{"{\"places\": [{\"priceLevel\": \"PRICE_LEVEL_UNSPECIFIED\"}]}",
		OK("      {}")},
	{"{\"places\": [{\"types\": []}]}", PLACE("         \"types\" : []")},

	/* Types that are not theirs. */
	{"{\"places\": [{\"location\": {\"latitude\": \"1\","
	 "\"longitude\": 2}}]}",
		PLACE(POINT("", LNG("2")))},
	{"{\"places\": [{\"types\": [1, \"a\", null, [\"b\"]]}]}",
		PLACE("         \"types\" : [ \"a\" ]")},
	{"{\"places\": [{\"formattedAddress\": 1, \"types\": \"park\","
	 "\"id\": null, \"location\": [1, 2], \"viewport\": true,"
	 "\"rating\": \"4\", \"userRatingCount\": [], \"displayName\": \"x\","
	 "\"businessStatus\": {}, \"priceLevel\": 2}]}",
		OK("      {}")},
	{"{\"places\": [{\"displayName\": {\"text\": {}}}], \"error\": 1}",
		OK("      {}")},

	/* Texts. */
	{"{\"places\": [{\"id\": \"\", \"formattedAddress\":"
	 " \"\\\"Q\\\" \\\\ S\\u00e3o \xe2\x9b\xb2 a\\u0000b\\n\\/\","
	 "\"types\": [\"a\\u0000\\\"\", \"<&>\"]}]}",
		PLACE("         \"place_id\" : \"\",\n"
		      "         \"types\" : [ \"a\\u0000\\\"\", "
		      "\"\\u003c\\u0026\\u003e\" ],\n"
		      "         \"vicinity\" : \"\\\"Q\\\" \\\\ São ⛲ "
		      "a\\u0000b\\n/\"")},
};

START_TEST(translates_answers)
{
	ck_assert_int_eq(translate(200, text_of(answers[_i].json)), 0);
	ck_assert_str_eq(written(), answers[_i].legacy);
	ck_assert(is_json(answers[_i].legacy));
}
END_TEST

#define ERROR(members)  "{\"error\": {" members "}}"
#define STATUS(word)    ERROR("\"code\": 400, \"status\": \"" word "\"")
#define REASON(word)    "\"details\": [1, {}, {\"reason\": \"" word "\"}]"
#define NOT_VALID       "API key not valid. Please pass a valid API key."
#define INVALID         "\"status\": \"INVALID_ARGUMENT\""
#define MESSAGE(legacy) "   \"error_message\" : \"" legacy "\",\n"

static const struct {
	unsigned status;
	const char *json;
	const char *legacy;
} errors[] = {
	{429, STATUS("RESOURCE_EXHAUSTED"), WHOLE("", "OVER_QUERY_LIMIT")},
	{403, STATUS("PERMISSION_DENIED"), WHOLE("", "REQUEST_DENIED")},
	{401, STATUS("UNAUTHENTICATED"), WHOLE("", "REQUEST_DENIED")},
	{400, STATUS("INVALID_ARGUMENT"), WHOLE("", "INVALID_REQUEST")},
	{400, STATUS("OUT_OF_RANGE"), WHOLE("", "INVALID_REQUEST")},
	{400, STATUS("FAILED_PRECONDITION"), WHOLE("", "INVALID_REQUEST")},
	{404, STATUS("NOT_FOUND"), WHOLE("", "UNKNOWN_ERROR")},
	{500, STATUS("INTERNAL"), WHOLE("", "UNKNOWN_ERROR")},
	{503, STATUS("UNAVAILABLE"), WHOLE("", "UNKNOWN_ERROR")},

	/* The word counts more than the status of HTTP. */
	{200, STATUS("RESOURCE_EXHAUSTED"), WHOLE("", "OVER_QUERY_LIMIT")},
	{403, STATUS("INVALID_ARGUMENT"), WHOLE("", "INVALID_REQUEST")},
	{429, STATUS("NEW_WORD"), WHOLE("", "UNKNOWN_ERROR")},
	{429, STATUS("RESOURCE_EXHAUSTED\\u0000"), WHOLE("", "UNKNOWN_ERROR")},

	/* No word. */
	{429, ERROR(""), WHOLE("", "OVER_QUERY_LIMIT")},
	{401, ERROR(""), WHOLE("", "REQUEST_DENIED")},
	{403, ERROR(""), WHOLE("", "REQUEST_DENIED")},
	{400, ERROR("\"status\": 7"), WHOLE("", "INVALID_REQUEST")},
	{429, STATUS(""), WHOLE("", "OVER_QUERY_LIMIT")},
	{404, ERROR(""), WHOLE("", "UNKNOWN_ERROR")},
	{500, ERROR(""), WHOLE("", "UNKNOWN_ERROR")},
	{200, ERROR(""), WHOLE("", "UNKNOWN_ERROR")},

	/* Why. */
	{400, ERROR("\"message\": \"" NOT_VALID "\"," INVALID),
		WHOLE(MESSAGE(NOT_VALID), "INVALID_REQUEST")},
	{400,
		ERROR("\"message\": \"" NOT_VALID "\"," INVALID
		      "," REASON("API_KEY_INVALID")),
		WHOLE(MESSAGE(NOT_VALID), "REQUEST_DENIED")},
	{400, ERROR(INVALID "," REASON("OTHER")), WHOLE("", "INVALID_REQUEST")},
	{400, ERROR(INVALID ", \"details\": {\"reason\": \"API_KEY_INVALID\"}"),
		WHOLE("", "INVALID_REQUEST")},
	{400, ERROR("\"message\": \"\\\"<\\u0000\""),
		WHOLE(MESSAGE("\\\"\\u003c\\u0000"), "INVALID_REQUEST")},
	{400, ERROR("\"message\": [\"x\"]"), WHOLE("", "INVALID_REQUEST")},
	{200, "{\"places\": [{}], \"error\": {}}", WHOLE("", "UNKNOWN_ERROR")},
};

START_TEST(translates_errors)
{
	ck_assert_int_eq(
		translate(errors[_i].status, text_of(errors[_i].json)), 0);
	ck_assert_str_eq(written(), errors[_i].legacy);
	ck_assert(is_json(errors[_i].legacy));
}
END_TEST

static const struct {
	unsigned status;
	const char *json;
} strange[] = {
	{200, "{\"places\": null}"},
	{200, "{\"places\": {}}"},
	{200, "{\"places\": \"x\"}"},
	{200, "{\"places\": [1]}"},
	{200, "{\"places\": [{}, null]}"},
	{200, "{\"places\": [[]]}"},
	{199, "{}"},
	{300, "{\"places\": []}"},
	{404, "{\"places\": [{}]}"},
	{500, "{\"error\": \"x\"}"},
	{400, "{\"error\": null}"},
	/* Nobody should hand these over. */
	{200, "[]"},
	{200, "null"},
	{200, "{"},
	{200, "{} x"},
	{200, "<html>"},
	{200, ""},
};

START_TEST(refuses_what_is_strange)
{
	ck_assert_int_eq(
		translate(strange[_i].status, text_of(strange[_i].json)),
		-EBADMSG);
	assert_nothing_written();
}
END_TEST

/* As deep as cut.h lets through. */
START_TEST(reads_deep_answers)
{
	char json[200] = "{\"x\":";
	size_t len = strlen(json);

	memset(json + len, '[', CUT_DEPTH_MAX - 1);
	len += CUT_DEPTH_MAX - 1;
	json[len++] = '1';
	memset(json + len, ']', CUT_DEPTH_MAX - 1);
	len += CUT_DEPTH_MAX - 1;
	json[len++] = '}';
	ck_assert_int_eq(translate(200, (struct text){json, len}), 0);
	ck_assert_str_eq(written(), NONE);
}
END_TEST

/* json-c has a heap of its own; ours fails. */
START_TEST(translates_or_has_no_memory)
{
	const char *json = _i ? ERROR("\"message\": \"" NOT_VALID "\"") : full;

	for (unsigned n = 0;; n++) {
		int rc;

		buf_fini(&out);
		ck_assert_int_eq(buf_append_string(&out, BEFORE), 0);
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = translate(200, text_of(json));
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			ck_assert_int_eq(rc, 0);
			ck_assert_uint_gt(n, 0);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
		assert_nothing_written();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("provider");
	TCase *tcase = tcase_create("provider");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, finds_each);
	tcase_add_test(tcase, knows_google_legacy);
	tcase_add_test(tcase, knows_google);
	tcase_add_loop_test(tcase, writes_degrees, 0, HERD_COUNT(degrees));
	tcase_add_test(tcase, writes_degrees_of_any_length);
	tcase_add_loop_test(tcase, writes_metres, 0, HERD_COUNT(metres));
	tcase_add_loop_test(
		tcase, asks_google_legacy, 0, HERD_COUNT(questions));
	tcase_add_loop_test(tcase, asks_google, 0, HERD_COUNT(questions));
	tcase_add_loop_test(tcase, asks_or_has_no_memory, 0, HERD_COUNT(names));
	tcase_add_test(tcase, writes_numbers_or_has_no_memory);
	tcase_add_loop_test(tcase, translates_answers, 0, HERD_COUNT(answers));
	tcase_add_loop_test(tcase, translates_errors, 0, HERD_COUNT(errors));
	tcase_add_loop_test(
		tcase, refuses_what_is_strange, 0, HERD_COUNT(strange));
	tcase_add_test(tcase, reads_deep_answers);
	tcase_add_loop_test(tcase, translates_or_has_no_memory, 0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
