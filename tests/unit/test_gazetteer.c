/* The text format, the data that come with herd, and how fast they answer. */
#include "herd/gazetteer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd/sys.h"
#include "sys_fault.h"

#define PLACES 171075 /* as data/README says */

static struct gazetteer *parsed(const char *text)
{
	char error[GAZETTEER_ERROR_MAX];
	struct gazetteer *g;

	ck_assert_msg(
		gazetteer_parse(text_of(text), &g, error) == 0, "%s", error);
	return g;
}

static void check_text(struct text text, const char *expected)
{
	ck_assert_msg(text_equal(text, text_of(expected)),
		"'%.*s' instead of '%s'", (int)text.len, text.ptr, expected);
}

START_TEST(reads_places_and_regions)
{
	struct gazetteer *g = parsed("# comment\n"
				     "1.5\t-2.25\tNowhere\n"
				     "\n"
				     "@Here, XX\n"
				     "-90\t180\tFirst\n"
				     "0.0000001\t-0.0000001\tSecond place\n"
				     "@\n"
				     "90.0\t-180.0\tLast");
	struct place p;

	ck_assert_uint_eq(gazetteer_count(g), 4);
	p = gazetteer_place(g, 0);
	ck_assert_int_eq(p.at.latitude_e7, 15000000);
	ck_assert_int_eq(p.at.longitude_e7, -22500000);
	check_text(p.name, "Nowhere");
	check_text(p.region, "");
	ck_assert_str_eq(p.types[0], "locality");
	p = gazetteer_place(g, 1);
	ck_assert_int_eq(p.at.latitude_e7, -900000000);
	ck_assert_int_eq(p.at.longitude_e7, 1800000000);
	check_text(p.region, "Here, XX");
	p = gazetteer_place(g, 2);
	ck_assert_int_eq(p.at.latitude_e7, 1);
	ck_assert_int_eq(p.at.longitude_e7, -1);
	check_text(p.name, "Second place");
	check_text(p.region, "Here, XX");
	p = gazetteer_place(g, 3);
	check_text(p.name, "Last");
	check_text(p.region, "");
	gazetteer_free(g);
}
END_TEST

START_TEST(may_be_empty)
{
	struct gazetteer *g = parsed("");
	struct globe_hit hit;

	ck_assert_uint_eq(gazetteer_count(g), 0);
	ck_assert_uint_eq(gazetteer_nearest(g, 0, 0, 50000, 1, &hit), 0);
	gazetteer_free(g);
	gazetteer_free(NULL);
}
END_TEST

static const struct {
	const char *text;
	const char *error;
} bad[] = {
	{"1\t2\tA\nx\t2\tB\n", "line 2: expected a latitude"},
	{"91\t2\tA\n", "line 1: expected a latitude within 90 degrees"},
	{"90.0000001\t2\tA\n", "latitude"},
	{"-90.1\t2\tA\n", "latitude"},
	{"+1\t2\tA\n", "latitude"},
	{"1.\t2\tA\n", "latitude"},
	{".5\t2\tA\n", "latitude"},
	{"1.2.3\t2\tA\n", "latitude"},
	{"1.12345678\t2\tA\n", "latitude"},
	{"1e1\t2\tA\n", "latitude"},
	{"-\t2\tA\n", "latitude"},
	{"\t2\tA\n", "latitude"},
	{"1 2 A\n", "latitude"},
	{"99999999999999999999999\t2\tA\n", "latitude"},
	{"1\t180.1\tA\n", "a longitude within 180 degrees"},
	{"1\t\tA\n", "longitude"},
	{"1\t2\n", "longitude"},
	{"1\t2\t\n", "a name of 1 to 1000 bytes"},
};

START_TEST(says_what_would_be_right)
{
	char error[GAZETTEER_ERROR_MAX];
	struct gazetteer *g;

	ck_assert_int_eq(
		gazetteer_parse(text_of(bad[_i].text), &g, error), -EINVAL);
	ck_assert_msg(strstr(error, bad[_i].error), "%s", error);
}
END_TEST

START_TEST(bounds_names)
{
	char error[GAZETTEER_ERROR_MAX];
	char line[GAZETTEER_NAME_MAX + 8];
	struct gazetteer *g;

	memset(line, 'x', sizeof line);
	memcpy(line, "1\t2\t", 4);
	ck_assert_int_eq(
		gazetteer_parse(
			(struct text){line, 4 + GAZETTEER_NAME_MAX}, &g, error),
		0);
	ck_assert_uint_eq(gazetteer_place(g, 0).name.len, GAZETTEER_NAME_MAX);
	gazetteer_free(g);
	ck_assert_int_eq(
		gazetteer_parse(
			(struct text){line, 5 + GAZETTEER_NAME_MAX}, &g, error),
		-EINVAL);
	line[0] = '@';
	ck_assert_int_eq(
		gazetteer_parse(
			(struct text){line, 2 + GAZETTEER_NAME_MAX}, &g, error),
		-EINVAL);
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
		rc = gazetteer_parse(
			text_of("@R\n1\t2\tA\n3\t4\tB\n"), &g, error);
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

/* --- the data that come with herd ----------------------------------------- */

static struct gazetteer *read_data(void)
{
	const char *top = getenv("TOP_SRCDIR");
	char path[4096];
	struct stat status;
	struct gazetteer *g;
	char *text;
	int fd;

	snprintf(path, sizeof path, "%s/data/places.tsv", top ? top : ".");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(fstat(fd, &status), 0);
	text = calloc(1, (size_t)status.st_size + 1);
	ck_assert_int_eq(
		read(fd, text, (size_t)status.st_size), status.st_size);
	close(fd);
	g = parsed(text);
	free(text);
	return g;
}

/* How often a name is among the places within 10 km of the campus. */
static size_t count_near(const struct gazetteer *g, const char *name)
{
	struct globe_hit hits[100];
	size_t found =
		gazetteer_nearest(g, 34.068930, -118.445127, 10000, 100, hits);
	size_t count = 0;

	for (size_t i = 0; i < found; i++)
		count += !name ||
			 text_equal(gazetteer_place(g, hits[i].point).name,
				 text_of(name));
	return count;
}

START_TEST(knows_the_neighbourhood)
{
	struct gazetteer *g = read_data();

	ck_assert_uint_eq(gazetteer_count(g), PLACES);
	ck_assert_uint_eq(count_near(g, NULL), 15);
	ck_assert_uint_eq(count_near(g, "Westwood"), 1);
	ck_assert_uint_eq(count_near(g, "Beverly Hills"), 1);
	ck_assert_uint_eq(count_near(g, "Ladera Heights"), 0);
	gazetteer_free(g);
}
END_TEST

#define QUESTIONS 2000

/* A fraction of a millisecond, wherever one asks and however far. */
START_TEST(answers_in_time)
{
	struct gazetteer *g = read_data();
	struct globe_hit hits[20];
	size_t found = 0;
	int64_t took_ns = sys_monotonic_ns();

	for (uint32_t i = 0; i < QUESTIONS; i++) {
		struct place p = gazetteer_place(g, i * (PLACES / QUESTIONS));

		found += gazetteer_nearest(g, p.at.latitude_e7 / 1e7 + 0.01,
			p.at.longitude_e7 / 1e7 - 0.01, 50000, 20, hits);
	}
	took_ns = sys_monotonic_ns() - took_ns;
	printf("%.1f us per question, %.1f places\n",
		(double)took_ns / 1e3 / QUESTIONS, (double)found / QUESTIONS);
	ck_assert_uint_gt(found, 0);
	ck_assert_int_lt(took_ns / QUESTIONS, HERD_MS_NS);
	gazetteer_free(g);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gazetteer");
	TCase *tcase = tcase_create("gazetteer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, reads_places_and_regions);
	tcase_add_test(tcase, may_be_empty);
	tcase_add_loop_test(
		tcase, says_what_would_be_right, 0, HERD_COUNT(bad));
	tcase_add_test(tcase, bounds_names);
	tcase_add_test(tcase, survives_lack_of_memory);
	tcase_add_test(tcase, knows_the_neighbourhood);
	tcase_add_test(tcase, answers_in_time);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
