/* test_status - the tables made of what servers say. */
#include "herd/status.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sys_fault.h"

#define SERVERS                                                                \
	"SERVER  UP  KNOWN  DIGEST  CONNECTED  MEMORY  DESIGN  VERSION  PID\n"

static const struct {
	const char *replies, *table;
} cases[] = {
	{"", ""},
	/* Of nobody; unknown facts; no value. */
	{"known 5\nlink B state up\n", ""},
	{"server A\ncolour red\nknown\n", SERVERS "A\n"},
	{"server Goloman\nversion 0.1.0\npid 42\ndesign single\nuptime 119.4\n"
	 "memory 11534336\nconnected 7\nknown 100000\ndigest 00c0ffee\n",
		"SERVER      UP   KNOWN  DIGEST    CONNECTED  MEMORY  DESIGN  "
		"VERSION  PID\n"
		"Goloman  119 s  100000  00c0ffee          7  11 MiB  single  "
		"0.1.0     42\n"},
	{"server A\nuptime 120\nserver B\nuptime 7199\nserver C\nuptime 7201\n"
	 "server D\nuptime 172799\nserver E\nuptime 172801\n",
		"SERVER       UP  KNOWN  DIGEST  CONNECTED  MEMORY  DESIGN  "
		"VERSION  PID\n"
		"A         2 min\n"
		"B       120 min\n"
		"C           2 h\n"
		"D          48 h\n"
		"E           2 d\n"},
	/* Links of two servers to one of the same name; a link said twice. */
	{"server A\nlink C state up\nlink C for 3.4\nlink C lag_changes 64+\n"
	 "link C lag_seconds 1.6\nlink C sent 5\nlink C received 6\n"
	 "link C links_in 1\nlink C repairs 2\nlink C repaired 9\n"
	 "server B\nlink C state lost\nlink C trouble no hello in time\n",
		SERVERS
		"A\nB\n\n"
		"FROM  TO  STATE  FOR  LAG  OLDEST  SENT  RECEIVED  IN  REPAIRS"
		"  LINES  TROUBLE\n"
		"A     C   up     3 s  64+     2 s     5         6   1        2"
		"      9\n"
		"B     C   lost                                                "
		"         no hello in time\n"},
	/* What would control the terminal does not. */
	{"server A\x1b[2J\n", SERVERS "A?[2J\n"},
};

START_TEST(makes_tables)
{
	struct buf out = {0};

	ck_assert_int_eq(status_table(text_of(cases[_i].replies), &out), 0);
	ck_assert_int_eq(buf_append(&out, "", 1), 0);
	ck_assert_str_eq(buf_front(&out), cases[_i].table);
	buf_fini(&out);
	ck_assert_uint_eq(sys_fault_blocks(), 0);
}
END_TEST

START_TEST(cuts_what_is_too_long)
{
	static char reply[5000] = "server ";
	struct buf out = {0};

	memset(reply + 7, 'x', sizeof reply - 9);
	reply[sizeof reply - 2] = '\n';
	ck_assert_int_eq(status_table(text_of(reply), &out), 0);
	ck_assert_uint_lt(buf_len(&out), 400);
	buf_fini(&out);
}
END_TEST

START_TEST(without_memory)
{
	struct text reply = text_of("server A\nlink B state up\n");
	struct buf out = {0};
	unsigned n = 0;

	for (;; n++) {
		int rc;

		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = status_table(reply, &out);
		buf_fini(&out);
		ck_assert_uint_eq(sys_fault_blocks(), 0);
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(rc, -ENOMEM);
	}
	ck_assert_uint_ge(n, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("status");
	TCase *tcase = tcase_create("status");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, makes_tables, 0, (int)HERD_COUNT(cases));
	tcase_add_test(tcase, cuts_what_is_too_long);
	tcase_add_test(tcase, without_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
