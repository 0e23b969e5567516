/* The log's file: made, opened again, full; and a log that cannot be. */
#include "herd/log.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"
#include "sys_fault.h"

START_TEST(creates_a_private_file)
{
	struct stat st;

	umask(0022);
	log_free(probe_open(probe_everything));
	ck_assert_int_eq(stat(probe_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(appends_to_what_is_there)
{
	for (int i = 1; i <= 2; i++) {
		struct log *log = probe_open(probe_everything);
		probe_write_at(probe_ring(log), i, "x");
		log_free(log);
	}
	probe_expect(probe_path, "1970-01-01T00:00:01.000000Z info "
				 "link accepted from x -\n"
				 "1970-01-01T00:00:02.000000Z info "
				 "link accepted from x -\n");
}
END_TEST

START_TEST(reopens_after_rename)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);
	char old[sizeof probe_path + 2];
	struct log_facts facts = {.time_ns = PROBE_T0, .why = "one"};

	snprintf(old, sizeof old, "%s.1", probe_path);
	log_write(ring, LOG_STOPPING, &facts);
	ck_assert_int_eq(rename(probe_path, old), 0);
	ck_assert_int_eq(log_reopen(log), 0);
	facts.why = "two";
	log_write(ring, LOG_STOPPING, &facts);

	/* When it cannot be reopened, the old one goes on. */
	unlink(probe_path);
	ck_assert_int_eq(mkdir(probe_path, 0700), 0);
	ck_assert_int_eq(log_reopen(log), -EISDIR);
	ck_assert_int_eq(rmdir(probe_path), 0);
	ck_assert_int_eq(log_reopen(log), 0);
	facts.why = "three";
	log_write(ring, LOG_STOPPING, &facts);
	log_free(log);

	probe_expect(old, PROBE_T0_TEXT "info stopping: one\n");
	probe_expect(probe_path, PROBE_T0_TEXT "info stopping: three\n");
	unlink(old);
}
END_TEST

START_TEST(moves_to_another_file)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);
	char other[sizeof probe_path + 2];
	struct log_facts facts = {.time_ns = PROBE_T0, .why = "one"};
	int fd = -1;

	snprintf(other, sizeof other, "%s.2", probe_path);
	log_write(ring, LOG_STOPPING, &facts);
	ck_assert_int_eq(log_open("/nowhere/at/all", &fd), -ENOENT);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(log_open(other, &fd), 0);
	log_move(log, other, fd);
	facts.why = "two";
	log_write(ring, LOG_STOPPING, &facts);

	/* Opened again, it is the other one. */
	log_drain(log);
	unlink(other);
	ck_assert_int_eq(log_reopen(log), 0);
	facts.why = "three";
	log_write(ring, LOG_STOPPING, &facts);
	log_free(log);

	probe_expect(probe_path, PROBE_T0_TEXT "info stopping: one\n");
	probe_expect(other, PROBE_T0_TEXT "info stopping: three\n");
	unlink(other);
}
END_TEST

START_TEST(chooses_anew)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);
	struct log_facts facts = {.time_ns = PROBE_T0, .why = "one"};

	log_choose(log, LOG_WARNING, true, false);
	ck_assert(!log_wants(ring, LOG_STOPPING));
	ck_assert(log_wants(ring, LOG_PEER_FAILED));
	log_write(ring, LOG_STOPPING, &facts);
	log_choose(log, LOG_INFO, false, false);
	ck_assert(!log_wants(ring, LOG_RECEIVED));
	facts.why = "two";
	log_write(ring, LOG_STOPPING, &facts);
	log_choose(log, LOG_INFO, true, false);
	ck_assert(log_wants(ring, LOG_RECEIVED));
	log_free(log);
	probe_expect(probe_path, PROBE_T0_TEXT "info stopping: two\n");
}
END_TEST

static unsigned pieces_of_lines(unsigned *ret_seen, uint64_t *ret_dropped)
{
	unsigned seen = 0;
	uint64_t all_dropped = 0;
	char *text = probe_read(probe_path, NULL);
	char *save = NULL;
	unsigned pieces = 0;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		unsigned long dropped;
		const char *facts = strchr(line, ' ');
		if (facts && !strcmp(facts, " info stopping: just now"))
			seen++;
		else if (facts &&
			 sscanf(facts,
				 " error lines dropped: %lu (cannot write: No "
				 "space left on device)",
				 &dropped) == 1 &&
			 line[strlen(line) - 1] == ')')
			all_dropped += dropped;
		else
			pieces++;
	}
	free(text);
	*ret_seen = seen;
	*ret_dropped = all_dropped;
	return pieces;
}

/* The disk fills up at every possible byte, for one, two or three writes. A
 * line is whole or reported, and nothing is glued to a piece of one. */
START_TEST(survives_a_full_disk)
{
	const struct log_facts facts = {.why = "just now"};
	unsigned times = (unsigned)_i;

	for (unsigned n = 0;; n++) {
		struct log *log = probe_open(probe_everything);
		struct log_ring *ring = probe_ring(log);
		sys_fault_short(SYS_FAULT_WRITE, 11);
		sys_fault_fail(SYS_FAULT_WRITE, n, times, ENOSPC);
		for (int i = 0; i < 9; i++) {
			log_write(ring, LOG_STOPPING, &facts);
			if (i % 2 == 0)
				(void)log_drain(log);
		}
		bool fired = sys_fault_fired(SYS_FAULT_WRITE);
		sys_fault_reset();
		log_free(log);

		unsigned seen;
		uint64_t dropped;
		ck_assert_uint_le(pieces_of_lines(&seen, &dropped), times);
		ck_assert_uint_eq(seen + dropped, 9);
		ck_assert(fired == (dropped > 0));
		unlink(probe_path);
		if (!fired)
			break;
	}
}
END_TEST

START_TEST(owes_no_newline_to_a_new_file)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);
	struct log_facts facts = {.time_ns = PROBE_T0, .why = "lost"};

	sys_fault_clock_set(PROBE_T0, 0);
	sys_fault_short(SYS_FAULT_WRITE, 5);
	sys_fault_fail(SYS_FAULT_WRITE, 1, 1, ENOSPC);
	log_write(ring, LOG_STOPPING, &facts);
	ck_assert(log_drain(log));
	sys_fault_short(SYS_FAULT_WRITE, 0);
	probe_expect(probe_path, "2026-");
	unlink(probe_path);
	ck_assert_int_eq(log_reopen(log), 0);
	log_free(log);
	probe_expect(probe_path, PROBE_T0_TEXT
		"error lines dropped: 1 (cannot write: No space left "
		"on device)\n");
}
END_TEST

/* Drops of both kinds, and a disk that is full while they are reported. */
START_TEST(reports_ring_drops_after_a_full_disk)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);

	for (int i = 0; i < 1000; i++)
		probe_write_numbered(ring, "0", i);
	sys_fault_fail(SYS_FAULT_WRITE, 0, 2, ENOSPC);
	ck_assert(log_drain(log));
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_WRITE), 2);
	/* It does not try for ever while there is nothing new. */
	ck_assert(!log_drain(log));
	ck_assert(log_may_sleep(log));
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_WRITE), 2);
	log_free(log);
	ck_assert_uint_eq(probe_tally().dropped, 1000);
}
END_TEST

START_TEST(fails_to_open_in_no_directory)
{
	struct log *log;

	ck_assert_int_eq(
		log_new(&(struct log_options){.path = "/nowhere/at/all"}, &log),
		-ENOENT);
	log_free(NULL);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	const struct log_options options = {.path = probe_path};

	for (unsigned n = 0;; n++) {
		struct log *log;
		struct log_ring *ring;
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		int rc = log_new(&options, &log);
		if (rc == 0) {
			rc = log_ring_new(log, &ring);
			log_free(log);
		}
		ck_assert_uint_eq(sys_fault_blocks(), probe_blocks);
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(rc, -ENOMEM);
	}
}
END_TEST

START_TEST(survives_lack_of_descriptors)
{
	struct log *log =
		probe_open((struct log_options){.wait = true, .shared = true});
	struct log_ring *ring;
	struct rlimit before, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(log_ring_new(log, &ring), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	log_free(log);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, probe_set_up, probe_tear_down);
	tcase_add_test(tcase, creates_a_private_file);
	tcase_add_test(tcase, appends_to_what_is_there);
	tcase_add_test(tcase, reopens_after_rename);
	tcase_add_test(tcase, moves_to_another_file);
	tcase_add_test(tcase, chooses_anew);
	tcase_add_loop_test(tcase, survives_a_full_disk, 1, 8);
	tcase_add_test(tcase, owes_no_newline_to_a_new_file);
	tcase_add_test(tcase, reports_ring_drops_after_a_full_disk);
	tcase_add_test(tcase, fails_to_open_in_no_directory);
	tcase_add_test(tcase, survives_lack_of_memory);
	tcase_add_test(tcase, survives_lack_of_descriptors);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
