/* Figures: as JSON, read back by another program's parser, and for people. */
#include "herd/figures.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

#include "sys_fault.h"

static struct figures *f;

static void set_up(void)
{
	sys_fault_reset();
	ck_assert_int_eq(figures_new(&f), 0);
}

static void tear_down(void)
{
	figures_free(f);
	f = NULL;
	ck_assert_uint_eq(sys_fault_blocks(), 0);
}

static char *print(bool json)
{
	char *text;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	ck_assert_int_eq(figures_print(f, stream, json), 0);
	fclose(stream);
	return text;
}

/* One line, and strict JSON. */
static json_object *parse_back(void)
{
	char *text = print(true);
	size_t len = strlen(text);
	json_tokener *tokener = json_tokener_new();
	json_object *all;

	ck_assert_ptr_eq(strchr(text, '\n'), text + len - 1);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	all = json_tokener_parse_ex(tokener, text, (int)len);
	ck_assert_msg(all, "%s: %s",
		json_tokener_error_desc(json_tokener_get_error(tokener)), text);
	json_tokener_free(tokener);
	free(text);
	return all;
}

static json_object *at(json_object *from, const char *key)
{
	json_object *value = NULL;

	ck_assert_msg(
		json_object_object_get_ex(from, key, &value), "no %s", key);
	return value;
}

static double number_at(json_object *from, const char *key)
{
	json_object *value = at(from, key);

	ck_assert(json_object_is_type(value, json_type_double) ||
		  json_object_is_type(value, json_type_int));
	return json_object_get_double(value);
}

static void fill(void)
{
	figures_add_text(f, "protocol", "herd");
	figures_add_count(f, "requests", 18446744073709551615u);
	figures_add(f, "cpu_us", 0.234567);
	figures_open(f, "threads_us");
	figures_add_member(f, "worker 0", 1.5);
	figures_add_member(f, "log", 0);
	figures_close(f);
	figures_add(f, "rate_per_s", 4300123.25);
}

START_TEST(json_is_read_back)
{
	json_object *all;

	fill();
	all = parse_back();
	ck_assert_int_eq(json_object_object_length(all), 5);
	ck_assert_str_eq(json_object_get_string(at(all, "protocol")), "herd");
	ck_assert(json_object_get_uint64(at(all, "requests")) == UINT64_MAX);
	ck_assert_double_eq(number_at(all, "cpu_us"), 0.234567);
	ck_assert_double_eq(number_at(at(all, "threads_us"), "worker 0"), 1.5);
	ck_assert_double_eq(number_at(at(all, "threads_us"), "log"), 0);
	ck_assert_double_eq(number_at(all, "rate_per_s"), 4300123.25);
	json_object_put(all);
}
END_TEST

START_TEST(empty_is_an_object)
{
	json_object *all = parse_back();

	ck_assert_int_eq(json_object_object_length(all), 0);
	json_object_put(all);
	figures_open(f, "a");
	figures_open(f, "b");
	figures_close(f);
	figures_close(f);
	figures_open(f, "c");
	figures_close(f);
	all = parse_back();
	ck_assert_int_eq(json_object_object_length(at(at(all, "a"), "b")), 0);
	ck_assert_int_eq(json_object_object_length(at(all, "c")), 0);
	json_object_put(all);
}
END_TEST

START_TEST(what_is_no_number_is_null)
{
	json_object *all;

	figures_add(f, "nan", NAN);
	figures_add(f, "inf", INFINITY);
	figures_add(f, "minus", -INFINITY);
	figures_add(f, "big", 1e300);
	figures_add(f, "small", -1e-300);
	all = parse_back();
	ck_assert_ptr_null(at(all, "nan"));
	ck_assert_ptr_null(at(all, "inf"));
	ck_assert_ptr_null(at(all, "minus"));
	ck_assert_double_eq(number_at(all, "big"), 1e300);
	ck_assert_double_eq(number_at(all, "small"), -1e-300);
	json_object_put(all);
}
END_TEST

START_TEST(any_bytes_are_json)
{
	static const char hostile[] = "a\"b\\c\n\x01\x7f\xff\xc3";
	json_object *all;

	figures_add_text(f, "text", hostile);
	figures_open(f, "group");
	figures_add_member(f, hostile, 1);
	figures_close(f);
	all = parse_back();
	/* Bytes past ASCII as Latin-1. */
	ck_assert_str_eq(json_object_get_string(at(all, "text")),
		"a\"b\\c\n\x01\x7f\xc3\xbf\xc3\x83");
	ck_assert_int_eq(json_object_object_length(at(all, "group")), 1);
	json_object_put(all);
}
END_TEST

START_TEST(times_have_their_percentiles)
{
	static struct histogram h;
	json_object *all, *times;

	for (int i = 1; i <= 1000; i++)
		histogram_add(&h, i * 1000, 1);
	figures_add_times(f, "latency", &h);
	all = parse_back();
	times = at(all, "latency");
	ck_assert_double_eq(number_at(times, "count"), 1000);
	ck_assert_double_eq_tol(number_at(times, "mean_us"), 500.5, 1e-6);
	ck_assert_double_eq(number_at(times, "min_us"), 1);
	ck_assert_double_eq(number_at(times, "max_us"), 1000);
	ck_assert_double_eq_tol(number_at(times, "p50_us"), 500, 4);
	ck_assert_double_eq_tol(number_at(times, "p75_us"), 750, 6);
	ck_assert_double_eq_tol(number_at(times, "p90_us"), 900, 8);
	ck_assert_double_eq_tol(number_at(times, "p99_us"), 990, 8);
	ck_assert_double_eq_tol(number_at(times, "p99_9_us"), 999, 8);
	ck_assert_double_eq_tol(number_at(times, "p99_99_us"), 1000, 8);
	json_object_put(all);
}
END_TEST

START_TEST(no_times_are_no_numbers)
{
	static const struct histogram nothing;
	json_object *all;

	figures_add_times(f, "latency", &nothing);
	all = parse_back();
	ck_assert_int_eq(json_object_object_length(at(all, "latency")), 1);
	ck_assert_double_eq(number_at(at(all, "latency"), "count"), 0);
	json_object_put(all);
}
END_TEST

START_TEST(for_people_a_line_each)
{
	char *text;

	fill();
	figures_add(f, "nothing", NAN);
	figures_add_text(f, "error", "\"a\\n\"\n");
	text = print(false);
	ck_assert_str_eq(text, "protocol    herd\n"
			       "requests    18446744073709551615\n"
			       "cpu_us      0.2346\n"
			       "threads_us\n"
			       "  worker 0  1.5\n"
			       "  log       0\n"
			       "rate_per_s  4300123\n"
			       "nothing     -\n"
			       "error       \"a\\n\"\\u000a\n");
	free(text);
}
END_TEST

START_TEST(many_are_kept)
{
	json_object *all;
	char member[16];

	figures_open(f, "all");
	for (int i = 0; i < 1000; i++) {
		snprintf(member, sizeof member, "m%d", i);
		figures_add_member(f, member, i);
	}
	figures_close(f);
	all = parse_back();
	ck_assert_int_eq(json_object_object_length(at(all, "all")), 1000);
	ck_assert_double_eq(number_at(at(all, "all"), "m999"), 999);
	json_object_put(all);
}
END_TEST

START_TEST(running_out_of_memory_is_told)
{
	for (unsigned n = 0;; n++) {
		struct figures *other;
		json_object *all;
		FILE *stream;
		size_t len;
		char *text;
		int rc;

		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = figures_new(&other);
		if (rc) {
			ck_assert_int_eq(rc, -ENOMEM);
			continue;
		}
		figures_add_text(other, "text", "copied");
		figures_open(other, "group");
		figures_add_member(other, "member", 1);
		figures_close(other);
		stream = open_memstream(&text, &len);
		rc = figures_print(other, stream, true);
		fclose(stream);
		figures_free(other);
		all = json_tokener_parse(text); /* what there is of it */
		ck_assert_msg(all, "%s", text);
		json_object_put(all);
		free(text);
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			ck_assert_int_eq(rc, 0);
			ck_assert_uint_ge(n, 4);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
	}
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	fill();
	ck_assert_int_eq(figures_print(f, full, true), -ENOSPC);
	fclose(full);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("figures");
	TCase *tcase = tcase_create("figures");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, json_is_read_back);
	tcase_add_test(tcase, empty_is_an_object);
	tcase_add_test(tcase, what_is_no_number_is_null);
	tcase_add_test(tcase, any_bytes_are_json);
	tcase_add_test(tcase, times_have_their_percentiles);
	tcase_add_test(tcase, no_times_are_no_numbers);
	tcase_add_test(tcase, for_people_a_line_each);
	tcase_add_test(tcase, many_are_kept);
	tcase_add_test(tcase, running_out_of_memory_is_told);
	tcase_add_test(tcase, a_full_disk_is_told);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
