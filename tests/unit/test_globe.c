/* The nearest points by the tree, against all points looked at one by one with
 * the haversine formula, which shares nothing with the tree's way. */
#include "herd/globe.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "herd/sys.h"
#include "sys_fault.h"

#define POINTS_MAX 3000
#define ROOM       20

/* Two ways of computing a distance agree to this. */
#define CLOSE_M 0.001

static uint64_t random_state;

static double random_between(double low, double high)
{
	random_state = random_state * 6364136223846793005u + 1;
	return low + (high - low) * (double)(random_state >> 11) / 0x1p53;
}

static double radians(double degrees)
{
	return degrees * M_PI / 180;
}

static double haversine(double lat_a, double lng_a, double lat_b, double lng_b)
{
	double a = sin(radians(lat_b - lat_a) / 2);
	double b = sin(radians(lng_b - lng_a) / 2);
	double h = a * a + cos(radians(lat_a)) * cos(radians(lat_b)) * b * b;

	return 2 * GLOBE_RADIUS_M * asin(sqrt(h < 1 ? h : 1));
}

static struct globe_point point(double latitude, double longitude)
{
	return (struct globe_point){(int32_t)lround(latitude * 1e7),
		(int32_t)lround(longitude * 1e7)};
}

static int by_distance(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The hits are the nearest there are, their distances right and in order, none
 * is there twice, and none is missing. */
static void check_against_all(const struct globe *globe,
	const struct globe_point *points, uint32_t count, double latitude,
	double longitude, double radius_m)
{
	static double all[POINTS_MAX];
	bool seen[POINTS_MAX] = {false};
	struct globe_hit hits[ROOM];
	size_t within = 0;
	size_t found =
		globe_nearest(globe, latitude, longitude, radius_m, ROOM, hits);

	for (uint32_t i = 0; i < count; i++)
		all[i] = haversine(latitude, longitude,
			points[i].latitude_e7 / 1e7,
			points[i].longitude_e7 / 1e7);
	for (size_t i = 0; i < found; i++) {
		double d = all[hits[i].point];

		ck_assert(!seen[hits[i].point]);
		seen[hits[i].point] = true;
		ck_assert_double_eq_tol(hits[i].distance_m, d, CLOSE_M);
		ck_assert(
			i == 0 || hits[i].distance_m >= hits[i - 1].distance_m);
	}
	qsort(all, count, sizeof *all, by_distance);
	while (within < count && all[within] <= radius_m)
		within++;
	ck_assert_uint_eq(found, within < ROOM ? within : ROOM);
	for (size_t i = 0; i < found; i++)
		ck_assert_double_eq_tol(hits[i].distance_m, all[i], CLOSE_M);
}

/* Where the points and the questions lie, in degrees. */
static const struct {
	double south, north, west, east;
} regions[] = {
	{-90, 90, -180, 180}, {33, 35, -119, -117},
	{89, 90, -180, 180},                           /* around a pole */
	{-90, -89.9, -180, 180}, {-20, -10, 175, 185}, /* across the seam */
	{-0.1, 0.1, -0.1, 0.1}, /* through the axes of the tree */
	{10, 10, 20, 20},       /* all in one place */
};

static double wrap(double longitude)
{
	return longitude > 180 ? longitude - 360 : longitude;
}

static void fill(struct globe_point *points, uint32_t count, int region)
{
	for (uint32_t i = 0; i < count; i++) {
		double latitude = random_between(
			regions[region].south, regions[region].north);
		double longitude = random_between(
			regions[region].west, regions[region].east);

		points[i] = point(latitude, wrap(longitude));
		/* Some stand in one place. */
		if (i > 0 && i % 16 == 0)
			points[i] = points[i - 1];
	}
}

START_TEST(finds_what_looking_at_all_finds)
{
	static const uint32_t counts[] = {0, 1, 2, 9, 17, 100, POINTS_MAX};
	static const double radii[] = {1, 500, 10000, 50000, 3e6, 3e7};
	static struct globe_point points[POINTS_MAX];

	random_state = (uint64_t)_i + 1;
	for (size_t c = 0; c < HERD_COUNT(counts); c++) {
		struct globe *globe;

		fill(points, counts[c], _i);
		ck_assert_int_eq(globe_new(points, counts[c], &globe), 0);
		for (int question = 0; question < 60; question++) {
			double latitude = random_between(
				regions[_i].south, regions[_i].north);
			double longitude = wrap(random_between(
				regions[_i].west, regions[_i].east));

			check_against_all(globe, points, counts[c], latitude,
				longitude, radii[question % 6]);
		}
		globe_free(globe);
	}
}
END_TEST

static const struct {
	struct globe_point point;
	double latitude, longitude; /* of the question */
	double distance_m;
} known[] = {
	/* A degree of a great circle. */
	{{0, 10000000}, 0, 0, 111195.08},
	{{0, -1799000000}, 0, 179.9, 22239.02},
	/* All longitudes meet at a pole. */
	{{900000000, 1230000000}, 90, -45, 0},
	{{-895000000, 900000000}, -89.5, -90, 111195.08},
	{{0, 1800000000}, 0, -180, 0},
	/* The other side of the Earth. */
	{{0, 1800000000}, 0, 0, M_PI *GLOBE_RADIUS_M},
	{{340560000, -1184306000}, -34.056, 61.5694, M_PI *GLOBE_RADIUS_M},
};

START_TEST(knows_poles_seam_and_antipodes)
{
	struct globe *globe;
	struct globe_hit hit;
	double all = M_PI * GLOBE_RADIUS_M;

	ck_assert_int_eq(globe_new(&known[_i].point, 1, &globe), 0);
	ck_assert_uint_eq(globe_nearest(globe, known[_i].latitude,
				  known[_i].longitude, all, 1, &hit),
		1);
	ck_assert_double_eq_tol(hit.distance_m, known[_i].distance_m, 0.2);
	ck_assert_uint_eq(
		globe_nearest(globe, known[_i].latitude, known[_i].longitude,
			known[_i].distance_m - 1, 1, &hit),
		0);
	globe_free(globe);
}
END_TEST

START_TEST(orders_equals_by_number)
{
	static struct globe_point points[100];
	struct globe *globe;
	struct globe_hit hits[ROOM];

	ck_assert_int_eq(globe_new(points, 100, &globe), 0);
	ck_assert_uint_eq(globe_nearest(globe, 0, 0, 1, ROOM, hits), ROOM);
	for (uint32_t i = 0; i < ROOM; i++)
		ck_assert_uint_eq(hits[i].point, i);
	globe_free(globe);
}
END_TEST

START_TEST(answers_senseless_questions_with_nothing)
{
	struct globe_point here = {0, 0};
	struct globe *globe;
	struct globe_hit hit;

	ck_assert_int_eq(globe_new(&here, 1, &globe), 0);
	ck_assert_uint_eq(globe_nearest(globe, 0, 0, 10, 0, &hit), 0);
	ck_assert_uint_eq(globe_nearest(globe, 0, 0, -1, 1, &hit), 0);
	ck_assert_uint_eq(globe_nearest(globe, 0, 0, (double)NAN, 1, &hit), 0);
	globe_free(globe);
	globe_free(NULL);
}
END_TEST

START_TEST(needs_memory)
{
	struct globe_point here = {0, 0};
	struct globe *globe;

	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(globe_new(&here, 1, &globe), -ENOMEM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("globe");
	TCase *tcase = tcase_create("globe");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
		tcase, finds_what_looking_at_all_finds, 0, HERD_COUNT(regions));
	tcase_add_loop_test(
		tcase, knows_poles_seam_and_antipodes, 0, HERD_COUNT(known));
	tcase_add_test(tcase, orders_equals_by_number);
	tcase_add_test(tcase, answers_senseless_questions_with_nothing);
	tcase_add_test(tcase, needs_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
