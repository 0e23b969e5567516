/* One's own points, and files that are not quite. */
#include "herd/geojson.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "herd/sys.h"
#include "sys_fault.h"

#define COLLECTION(features)                                                   \
	"{\"type\": \"FeatureCollection\", \"features\": [" features "]}"
#define FEATURE(geometry, properties)                                          \
	"{\"type\": \"Feature\", \"geometry\": " geometry                      \
	", \"properties\": " properties "}"
#define POINT(coordinates)                                                     \
	"{\"type\": \"Point\", \"coordinates\": " coordinates "}"
#define NAMED "{\"name\": \"A\"}"

START_TEST(reads_points)
{
	static const char text[] = COLLECTION(FEATURE(POINT("[-118.4, 34.05]"),
		"{\"name\": \"Café\", \"region\": \"Campus\", \"x\": [1]}") ",\n" FEATURE(POINT("[180, -90, 12.5]"),
		"{\"name\": \"\\u0041\"}"));
	char error[GAZETTEER_ERROR_MAX];
	struct gazetteer *g;
	struct place p;

	ck_assert_msg(
		geojson_parse(text_of(text), &g, error) == 0, "%s", error);
	ck_assert_uint_eq(gazetteer_count(g), 2);
	p = gazetteer_place(g, 0);
	ck_assert_int_eq(p.at.latitude_e7, 340500000);
	ck_assert_int_eq(p.at.longitude_e7, -1184000000);
	ck_assert(text_equal(p.name, text_of("Café")));
	ck_assert(text_equal(p.region, text_of("Campus")));
	ck_assert_str_eq(p.types[0], "point_of_interest");
	p = gazetteer_place(g, 1);
	ck_assert_int_eq(p.at.latitude_e7, -900000000);
	ck_assert_int_eq(p.at.longitude_e7, 1800000000);
	ck_assert(text_equal(p.name, text_of("A")));
	ck_assert_uint_eq(p.region.len, 0);
	gazetteer_free(g);
}
END_TEST

START_TEST(may_be_empty)
{
	char error[GAZETTEER_ERROR_MAX];
	struct gazetteer *g;

	ck_assert_int_eq(geojson_parse(text_of(COLLECTION("")), &g, error), 0);
	ck_assert_uint_eq(gazetteer_count(g), 0);
	gazetteer_free(g);
}
END_TEST

static const struct {
	const char *text;
	const char *error;
} bad[] = {
	{"", "not JSON: it is empty or ends too early"},
	{"{\n\"type\": \"FeatureCollection\",\n", "line 3: not JSON"},
	{"{\n\n\"type\": 'x'}", "line 3: not JSON"},
	{COLLECTION("") "x", "not JSON"},
	{COLLECTION("// all\n"), "not JSON"},
	{"{\"type\": \"\xff\"}", "not JSON"},
	{"[]", "expected {\"type\": \"FeatureCollection\""},
	{"{\"type\": \"FeatureCollection\"}", "\"features\": [...]"},
	{"{\"type\": \"FeatureCollection\", \"features\": {}}", "[...]"},
	{FEATURE(POINT("[1, 2]"), NAMED), "FeatureCollection"},
	{COLLECTION("1"), "features[0]: type: expected \"Feature\""},
	{COLLECTION("null"), "features[0]: type"},
	{COLLECTION(FEATURE("null", NAMED)),
		"features[0]: geometry.type: expected \"Point\""},
	{COLLECTION(FEATURE("{\"type\": \"LineString\"}", NAMED)),
		"geometry.type"},
	{COLLECTION(FEATURE("{\"type\": \"Point\"}", NAMED)),
		"geometry.coordinates: expected [LONGITUDE, LATITUDE]"},
	{COLLECTION(FEATURE(POINT("[1]"), NAMED)), "geometry.coordinates"},
	{COLLECTION(FEATURE(POINT("[\"1\", 2]"), NAMED)),
		"geometry.coordinates[0] is no number"},
	{COLLECTION(FEATURE(POINT("[1, null]"), NAMED)),
		"geometry.coordinates[1] is no number"},
	{COLLECTION(FEATURE(POINT("[NaN, 1]"), NAMED)), "coordinates[0]"},
	{COLLECTION(FEATURE(POINT("[180.5, 1]"), NAMED)),
		"coordinates[0] is 180.5: expected a longitude within 180"},
	{COLLECTION(FEATURE(POINT("[34.05, -118.4]"), NAMED)),
		"coordinates[1] is -118.4: expected a latitude within 90 "
		"degrees (the longitude comes first)"},
	{COLLECTION(FEATURE(POINT("[1, 2]"), "{}")),
		"properties.name: expected a text of 1 to 1000 bytes"},
	{COLLECTION(FEATURE(POINT("[1, 2]"), "null")), "properties.name"},
	{COLLECTION(FEATURE(POINT("[1, 2]"), "{\"name\": \"\"}")),
		"properties.name"},
	{COLLECTION(FEATURE(POINT("[1, 2]"), "{\"name\": 7}")),
		"properties.name"},
	{COLLECTION(FEATURE(POINT("[1, 2]"), NAMED) ", {}"),
		"features[1]: type"},
};

START_TEST(says_what_would_be_right)
{
	char error[GAZETTEER_ERROR_MAX] = "";
	struct gazetteer *g;

	ck_assert_int_eq(
		geojson_parse(text_of(bad[_i].text), &g, error), -EINVAL);
	ck_assert_msg(strstr(error, bad[_i].error), "%s", error);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	for (unsigned n = 0;; n++) {
		char error[GAZETTEER_ERROR_MAX] = "";
		struct gazetteer *g = NULL;
		int rc;

		sys_fault_reset();
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = geojson_parse(
			text_of(COLLECTION(FEATURE(POINT("[1, 2]"), NAMED))),
			&g, error);
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			gazetteer_free(g);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_str_eq(error, "out of memory");
		ck_assert_uint_eq(sys_fault_blocks(), 0);
	}
	ck_assert_uint_eq(sys_fault_blocks(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("geojson");
	TCase *tcase = tcase_create("geojson");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, reads_points);
	tcase_add_test(tcase, may_be_empty);
	tcase_add_loop_test(
		tcase, says_what_would_be_right, 0, HERD_COUNT(bad));
	tcase_add_test(tcase, survives_lack_of_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
