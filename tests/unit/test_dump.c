/* test_dump - AT lines in order, each client once. */
#include "herd/dump.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sys_fault.h"

#define AT(server, id, stamp) "AT " server " +0.1 " id " +1+1 " stamp "\n"

static const struct {
	const char *reply, *out;
	int rc;
} cases[] = {
	{"", "", 0},
	{AT("A", "a", "1"), AT("A", "a", "1"), 0},
	{AT("B", "a", "1") AT("A", "b", "1"),
		AT("A", "b", "1") AT("B", "a", "1"), 0},
	/* By bytes, not by letters. */
	{AT("a", "x", "1") AT("B", "y", "1") AT("\xc3\xa4", "z", "1"),
		AT("B", "y", "1") AT("a", "x", "1") AT("\xc3\xa4", "z", "1"),
		0},
	/* The shorter of two that begin alike comes first. */
	{AT("A", "a", "11") AT("A", "ab", "1") AT("A", "b", "1"),
		AT("A", "a", "11") AT("A", "ab", "1") AT("A", "b", "1"), 0},
	/* Met again: the newer stamp, else the order of herd(7). */
	{AT("A", "a", "1") AT("A", "b", "1") AT("B", "a", "2"),
		AT("A", "b", "1") AT("B", "a", "2"), 0},
	{AT("B", "a", "2") AT("A", "b", "1") AT("A", "a", "1"),
		AT("A", "b", "1") AT("B", "a", "2"), 0},
	{AT("B", "a", "2") AT("A", "a", "2"), AT("A", "a", "2"), 0},
	{AT("A", "a", "2") AT("B", "a", "2"), AT("A", "a", "2"), 0},
	{AT("A", "a", "9") AT("A", "a", "10") AT("A", "a", "9"),
		AT("A", "a", "10"), 0},
	{AT("A", "a", "1") AT("A", "a", "1"), AT("A", "a", "1"), 0},
	/* No AT lines, or not the form a server keeps. */
	{AT("A", "a", "1") "AT A +0.1 b +1+1", "", -EBADMSG},
	{AT("A", "a", "1") "IAMAT b +1+1 1\n", "", -EBADMSG},
	{AT("A", "a", "1") "\n", "", -EBADMSG},
	{"AT A  +0.1 b +1+1 1\n", "", -EBADMSG},
};

START_TEST(prints_in_order)
{
	char *out;
	size_t len;
	FILE *stream = open_memstream(&out, &len);
	int rc = dump_print(text_of(cases[_i].reply), stream);

	fclose(stream);
	ck_assert_int_eq(rc, cases[_i].rc);
	ck_assert_str_eq(out, cases[_i].out);
	ck_assert_uint_eq(sys_fault_blocks(), 0);
	free(out);
}
END_TEST

START_TEST(trouble_is_told)
{
	FILE *full = fopen("/dev/full", "w");
	struct text reply = text_of(AT("A", "a", "1"));

	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(dump_print(reply, full), -ENOMEM);
	sys_fault_reset();
	ck_assert_int_eq(dump_print(reply, full), -ENOSPC);
	ck_assert_uint_eq(sys_fault_blocks(), 0);
	fclose(full);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dump");
	TCase *tcase = tcase_create("dump");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, prints_in_order, 0, (int)HERD_COUNT(cases));
	tcase_add_test(tcase, trouble_is_told);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
