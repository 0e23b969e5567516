/* Both services' answers, byte for byte, and what they refuse. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/field_mask.h"
#include "herd/nearby_legacy.h"
#include "herd/nearby_new.h"
#include "herd/sys.h"
#include "sys_fault.h"

/* Two places a kilometre apart, and one at the seam. */
static const char data[] = "@Up & down, XX\n"
			   "34\t-118.5\tSão \"Q\"\n"
			   "@\n"
			   "34.01\t-118.5\tB\n"
			   "90\t180\tPole\n";

static struct gazetteer *places(void)
{
	char error[GAZETTEER_ERROR_MAX];
	struct gazetteer *g;

	ck_assert_int_eq(gazetteer_parse(text_of(data), &g, error), 0);
	return g;
}

/* What was written, as a string. */
static const char *written(struct buf *out)
{
	ck_assert_int_eq(buf_append(out, "", 1), 0);
	return buf_front(out);
}

/* --- legacy --------------------------------------------------------------- */

static const char legacy_one[] =
	"{\n"
	"   \"html_attributions\" : [],\n"
	"   \"results\" : [\n"
	"      {\n"
	"         \"geometry\" : {\n"
	"            \"location\" : {\n"
	"               \"lat\" : 34,\n"
	"               \"lng\" : -118.5\n"
	"            },\n"
	"            \"viewport\" : {\n"
	"               \"northeast\" : {\n"
	"                  \"lat\" : 34.0013489802915,\n"
	"                  \"lng\" : -118.4986510197085\n"
	"               },\n"
	"               \"southwest\" : {\n"
	"                  \"lat\" : 33.9986510197085,\n"
	"                  \"lng\" : -118.5013489802915\n"
	"               }\n"
	"            }\n"
	"         },\n"
	"         \"name\" : \"São \\\"Q\\\"\",\n"
	"         \"place_id\" : \"gn-6f5da62f65f5460c\",\n"
	"         \"types\" : [ \"locality\", \"political\" ],\n"
	"         \"vicinity\" : \"São \\\"Q\\\", Up \\u0026 down, XX\"\n"
	"      }\n"
	"   ],\n"
	"   \"status\" : \"OK\"\n"
	"}\n";

static const char legacy_none[] = "{\n"
				  "   \"html_attributions\" : [],\n"
				  "   \"results\" : [],\n"
				  "   \"status\" : \"ZERO_RESULTS\"\n"
				  "}\n";

static const struct {
	struct nearby_legacy_question question;
	const char *answer;
	size_t found;
} legacy[] = {
	{{"34,-118.5", "1000", NULL}, legacy_one, 1},
	{{"34.0,-118.50", "999.5", "any"}, legacy_one, 1},
	{{"-34,118.5", "50000", NULL}, legacy_none, 0},
};

START_TEST(answers_legacy)
{
	struct gazetteer *g = places();
	struct nearby_answer a;
	struct buf out = {0};

	ck_assert_int_eq(
		nearby_legacy_answer(g, NULL, &legacy[_i].question, &out, &a),
		0);
	ck_assert_str_eq(written(&out), legacy[_i].answer);
	ck_assert_uint_eq(a.status, 200);
	ck_assert_uint_eq(a.found, legacy[_i].found);
	buf_fini(&out);
	gazetteer_free(g);
}
END_TEST

static const struct {
	const char *api_key;
	struct nearby_legacy_question question;
	const char *status;
} legacy_bad[] = {
	{"k", {"34,-118.5", "10", NULL}, "REQUEST_DENIED"},
	{"k", {"34,-118.5", "10", "K"}, "REQUEST_DENIED"},
	{"k", {"34,-118.5", "10", ""}, "REQUEST_DENIED"},
	{"k", {NULL, "10", "k"}, "INVALID_REQUEST"},
	{NULL, {NULL, "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"34", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {",34", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5,6", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"34, 5", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {" 34,5", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"0x10,5", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"nan,5", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"1e999,5", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"90.1,5", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"5,-180.1", "10", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5", NULL, NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5", "", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5", "0", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5", "-1", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5", "50000.1", NULL}, "INVALID_REQUEST"},
	{NULL, {"34,5", "10m", NULL}, "INVALID_REQUEST"},
};

START_TEST(refuses_legacy)
{
	struct gazetteer *g = places();
	struct nearby_answer a;
	struct buf out = {0};
	char status[64];
	const char *text;

	ck_assert_int_eq(nearby_legacy_answer(g, legacy_bad[_i].api_key,
				 &legacy_bad[_i].question, &out, &a),
		0);
	text = written(&out);
	snprintf(status, sizeof status, "   \"status\" : \"%s\"\n}\n",
		legacy_bad[_i].status);
	ck_assert_msg(strstr(text, status), "%s", text);
	ck_assert_int_eq(strncmp(text, "{\n   \"error_message\" : \"", 24), 0);
	ck_assert_ptr_nonnull(strstr(text, "   \"results\" : [],\n"));
	ck_assert_uint_eq(a.status, 200);
	buf_fini(&out);
	gazetteer_free(g);
}
END_TEST

static const struct {
	unsigned status;
	const char *legacy, *newer;
} failures[] = {
	{302, "INVALID_REQUEST", "UNKNOWN"},
	{400, "INVALID_REQUEST", "INVALID_ARGUMENT"},
	{401, "REQUEST_DENIED", "UNAUTHENTICATED"},
	{403, "REQUEST_DENIED", "PERMISSION_DENIED"},
	{404, "INVALID_REQUEST", "NOT_FOUND"},
	{429, "OVER_QUERY_LIMIT", "RESOURCE_EXHAUSTED"},
	{500, "UNKNOWN_ERROR", "INTERNAL"},
	{503, "UNKNOWN_ERROR", "UNAVAILABLE"},
	{504, "UNKNOWN_ERROR", "DEADLINE_EXCEEDED"},
};

START_TEST(fails_on_demand)
{
	struct buf out = {0};
	char status[64];

	ck_assert_int_eq(nearby_legacy_fail(failures[_i].status, &out), 0);
	snprintf(status, sizeof status, "   \"status\" : \"%s\"\n}\n",
		failures[_i].legacy);
	ck_assert_ptr_nonnull(strstr(written(&out), status));
	buf_fini(&out);
	ck_assert_int_eq(nearby_new_error(failures[_i].status, "x", &out), 0);
	snprintf(status, sizeof status, "    \"status\": \"%s\"\n  }\n}\n",
		failures[_i].newer);
	ck_assert_ptr_nonnull(strstr(written(&out), status));
	buf_fini(&out);
}
END_TEST

/* --- new ------------------------------------------------------------------ */

#define CIRCLE(lat, lng, radius)                                                 \
	"\"locationRestriction\": {\"circle\": {\"center\": {\"latitude\": " lat \
	", \"longitude\": " lng "}, \"radius\": " radius "}}"

static const char new_all[] =
	"{\n"
	"  \"places\": [\n"
	"    {\n"
	"      \"name\": \"places/gn-6f5da62f65f5460c\",\n"
	"      \"id\": \"gn-6f5da62f65f5460c\",\n"
	"      \"types\": [\n"
	"        \"locality\",\n"
	"        \"political\"\n"
	"      ],\n"
	"      \"formattedAddress\": \"São \\\"Q\\\", Up & down, XX\",\n"
	"      \"location\": {\n"
	"        \"latitude\": 34,\n"
	"        \"longitude\": -118.5\n"
	"      },\n"
	"      \"viewport\": {\n"
	"        \"low\": {\n"
	"          \"latitude\": 33.9986510197085,\n"
	"          \"longitude\": -118.5013489802915\n"
	"        },\n"
	"        \"high\": {\n"
	"          \"latitude\": 34.0013489802915,\n"
	"          \"longitude\": -118.4986510197085\n"
	"        }\n"
	"      },\n"
	"      \"displayName\": {\n"
	"        \"text\": \"São \\\"Q\\\"\"\n"
	"      },\n"
	"      \"primaryType\": \"locality\"\n"
	"    }\n"
	"  ]\n"
	"}\n";

static const struct {
	const char *mask;
	const char *body;
	const char *answer;
} newer[] = {
	{"*", "{" CIRCLE("34", "-118.5", "1000") "}", new_all},
	{"*", "{\"maxResultCount\": 1, " CIRCLE("34", "-118.5", "2e3") "}",
		new_all},
	{"*", "{" CIRCLE("-34", "118.5", "50000") "}", "{}\n"},
	{"places.id",
		"{\"languageCode\": \"en\", " CIRCLE("34", "-118.5", "10") "}",
		"{\n"
		"  \"places\": [\n"
		"    {\n"
		"      \"id\": \"gn-6f5da62f65f5460c\"\n"
		"    }\n"
		"  ]\n"
		"}\n"},
	{"places.rating,places.displayName,places.location.longitude",
		"{" CIRCLE("34.005", "-118.5", "1000") "}",
		"{\n"
		"  \"places\": [\n"
		"    {\n"
		"      \"location\": {\n"
		"        \"longitude\": -118.5\n"
		"      },\n"
		"      \"displayName\": {\n"
		"        \"text\": \"São \\\"Q\\\"\"\n"
		"      }\n"
		"    },\n"
		"    {\n"
		"      \"location\": {\n"
		"        \"longitude\": -118.5\n"
		"      },\n"
		"      \"displayName\": {\n"
		"        \"text\": \"B\"\n"
		"      }\n"
		"    }\n"
		"  ]\n"
		"}\n"},
	{"places.rating", "{" CIRCLE("34", "-118.5", "10") "}",
		"{\n"
		"  \"places\": [\n"
		"    {}\n"
		"  ]\n"
		"}\n"},
};

START_TEST(answers_new)
{
	struct gazetteer *g = places();
	struct nearby_new_question q = {
		.field_mask = newer[_i].mask, .body = text_of(newer[_i].body)};
	struct nearby_answer a;
	struct buf out = {0};

	ck_assert_int_eq(nearby_new_answer(g, NULL, &q, &out, &a), 0);
	ck_assert_str_eq(written(&out), newer[_i].answer);
	ck_assert_uint_eq(a.status, 200);
	buf_fini(&out);
	gazetteer_free(g);
}
END_TEST

#define GOOD "{" CIRCLE("34", "-118.5", "1000") "}"

static const struct {
	const char *key;
	const char *mask;
	const char *body;
	unsigned status;
	const char *message;
} newer_bad[] = {
	{NULL, "*", GOOD, 403, "X-Goog-Api-Key"},
	{"K", "*", GOOD, 400, "API key not valid."},
	{"k", NULL, GOOD, 400, "FieldMask is a required parameter."},
	{"k", "", GOOD, 400, "FieldMask is a required parameter."},
	{"k", "places.id, places.name", GOOD, 400, "path ' places.name'"},
	{"k", "*", "", 400, "Invalid JSON payload received."},
	{"k", "*", "{", 400, "Invalid JSON payload received."},
	{"k", "*", "{} x", 400, "Invalid JSON payload received."},
	{"k", "*", "[]", 400, "Expected an object"},
	{"k", "*", "null", 400, "Invalid JSON payload received."},
	{"k", "*", "{}", 400, "locationRestriction: expected an object"},
	{"k", "*", "{\"maxresultcount\": 1}", 400,
		"Unknown name \\\"maxresultcount\\\": Cannot find field."},
	{"k", "*", "{\"locationRestriction\": {\"box\": {}}}", 400,
		"Unknown name \\\"box\\\" at locationRestriction"},
	{"k", "*", "{\"locationRestriction\": {}}", 400,
		"locationRestriction.circle: expected an object"},
	{"k", "*", "{\"locationRestriction\": {\"circle\": {}}}", 400,
		"locationRestriction.circle.center: expected an object"},
	{"k", "*", "{" CIRCLE("91", "0", "1") "}", 400, "latitude: expected"},
	{"k", "*", "{" CIRCLE("\"34\"", "0", "1") "}", 400,
		"latitude: expected a number"},
	{"k", "*", "{" CIRCLE("0", "-180.5", "1") "}", 400, "longitude:"},
	{"k", "*", "{" CIRCLE("0", "NaN", "1") "}", 400, "longitude:"},
	{"k", "*", "{" CIRCLE("0", "0", "0") "}", 400, "radius: expected"},
	{"k", "*", "{" CIRCLE("0", "0", "50001") "}", 400, "radius: expected"},
	{"k", "*", "{\"maxResultCount\": 0, " CIRCLE("0", "0", "1") "}", 400,
		"maxResultCount: expected a number from 1 to 20"},
	{"k", "*", "{\"maxResultCount\": 21, " CIRCLE("0", "0", "1") "}", 400,
		"maxResultCount: expected a number from 1 to 20"},
	{"k", "*", "{\"maxResultCount\": 1.5, " CIRCLE("0", "0", "1") "}", 400,
		"maxResultCount: expected a whole number"},
	{"k", "*", "{\"maxResultCount\": null, " CIRCLE("0", "0", "1") "}", 400,
		"maxResultCount: expected a number"},
};

START_TEST(refuses_new)
{
	struct gazetteer *g = places();
	struct nearby_new_question q = {.key = newer_bad[_i].key,
		.field_mask = newer_bad[_i].mask,
		.body = text_of(newer_bad[_i].body)};
	struct nearby_answer a;
	struct buf out = {0};
	const char *text;

	ck_assert_int_eq(nearby_new_answer(g, "k", &q, &out, &a), 0);
	text = written(&out);
	ck_assert_msg(strstr(text, newer_bad[_i].message), "%s", text);
	ck_assert_int_eq(
		strncmp(text, "{\n  \"error\": {\n    \"code\": 40", 28), 0);
	ck_assert_uint_eq(a.status, newer_bad[_i].status);
	buf_fini(&out);
	gazetteer_free(g);
}
END_TEST

static const struct {
	const char *mask;
	unsigned fields;
	const char *path; /* that is wrong; NULL: none */
} masks[] = {
	{"*", FIELD_ALL, NULL},
	{"places", FIELD_ALL, NULL},
	{"places.*", FIELD_ALL, NULL},
	{"places.id", FIELD_ID, NULL},
	{"places.name,places.types", FIELD_NAME | FIELD_TYPES, NULL},
	{"places.location", FIELD_LATITUDE | FIELD_LONGITUDE, NULL},
	{"places.viewport.low.latitude", FIELD_LOW_LATITUDE, NULL},
	{"places.viewport.high", FIELD_HIGH_LATITUDE | FIELD_HIGH_LONGITUDE,
		NULL},
	{"places.displayName", FIELD_DISPLAY_NAME, NULL},
	{"places.displayName.languageCode", 0, NULL},
	{"places.rating,places.reviews.text.text", 0, NULL},
	{"routingSummaries,places.id", FIELD_ID, NULL},
	{"places.", 0, "places."},
	{"id", 0, "id"},
	{"places.id,", 0, ""},
	{"places.id,,places.name", 0, ""},
	{"places.idx", 0, "places.idx"},
	{"places.i", 0, "places.i"},
	{"places.id.x", 0, "places.id.x"},
	{"places.name,places.ratings", 0, "places.ratings"},
};

START_TEST(reads_field_masks)
{
	unsigned fields = 0;
	struct text path;
	bool good = field_mask_parse(masks[_i].mask, &fields, &path);

	ck_assert(good == !masks[_i].path);
	if (good)
		ck_assert_uint_eq(fields, masks[_i].fields);
	else
		ck_assert(text_equal(path, text_of(masks[_i].path)));
}
END_TEST

/* --- both ----------------------------------------------------------------- */

START_TEST(shows_the_surroundings_of_the_seam)
{
	struct gazetteer *g = places();
	struct place p = gazetteer_place(g, 2);
	struct place_view view = place_view(&p);

	ck_assert_int_eq(view.north, 900000000000000);
	ck_assert_int_eq(view.south, 899986510197085);
	ck_assert_int_eq(view.west, 1799986510197085);
	ck_assert_int_eq(view.east, -1799986510197085);
	gazetteer_free(g);
}
END_TEST

START_TEST(tells_that_memory_ran_out)
{
	struct nearby_new_question q = {
		.field_mask = "*", .body = {GOOD, sizeof GOOD - 1}};
	struct gazetteer *g = places();
	struct nearby_answer a;
	struct buf out = {0};

	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1000, ENOMEM);
	ck_assert_int_eq(nearby_new_answer(g, NULL, &q, &out, &a), -ENOMEM);
	ck_assert_int_eq(
		nearby_legacy_answer(g, NULL, &legacy[0].question, &out, &a),
		-ENOMEM);
	ck_assert_int_eq(nearby_legacy_fail(500, &out), -ENOMEM);
	sys_fault_reset();
	buf_fini(&out);
	gazetteer_free(g);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nearby");
	TCase *tcase = tcase_create("nearby");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, answers_legacy, 0, HERD_COUNT(legacy));
	tcase_add_loop_test(tcase, refuses_legacy, 0, HERD_COUNT(legacy_bad));
	tcase_add_loop_test(tcase, fails_on_demand, 0, HERD_COUNT(failures));
	tcase_add_loop_test(tcase, answers_new, 0, HERD_COUNT(newer));
	tcase_add_loop_test(tcase, refuses_new, 0, HERD_COUNT(newer_bad));
	tcase_add_loop_test(tcase, reads_field_masks, 0, HERD_COUNT(masks));
	tcase_add_test(tcase, shows_the_surroundings_of_the_seam);
	tcase_add_test(tcase, tells_that_memory_ran_out);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
