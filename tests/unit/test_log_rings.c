/* The log between its threads: no event is lost unsaid, whether rings are full
 * or the writer sleeps. */
#include "herd/log.h"

#include <check.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "herd/thread.h"
#include "probe.h"

/* --- rings ---------------------------------------------------------------- */

START_TEST(merges_rings_by_time)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *a = probe_ring(log), *b = probe_ring(log),
			*c = probe_ring(log);

	probe_write_at(a, 1, "a");
	probe_write_at(a, 4, "a");
	probe_write_at(a, 5, "a");
	probe_write_at(b, 2, "b");
	probe_write_at(b, 3, "b");
	probe_write_at(b, 7, "b");
	probe_write_at(c, 6, "c");
	ck_assert(log_drain(log));
	ck_assert(!log_drain(log));
	log_free(log);

	char *text = probe_read(probe_path, NULL);
	static const char order[] = "abbaacb";
	const char *line = text;
	for (size_t i = 0; i < sizeof order - 1; i++) {
		ck_assert_int_eq(line[18], '1' + (int)i);
		ck_assert_int_eq(line[strlen("1970-01-01T00:00:00.000000Z info "
					     "link accepted from ")],
			order[i]);
		line = strchr(line, '\n') + 1;
	}
	ck_assert_str_eq(line, "");
	free(text);
}
END_TEST

START_TEST(wraps_without_a_scratch)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);

	for (int i = 0; i < 5000; i++) {
		probe_write_numbered(ring, "0", i);
		if (i % 29 == 0)
			(void)log_drain(log);
	}
	log_free(log);

	struct probe_tally tally = probe_tally();
	ck_assert_uint_eq(tally.seen[0], 5000);
	ck_assert_uint_eq(tally.dropped, 0);
	ck_assert_uint_eq(tally.odd, 0);
}
END_TEST

/* Records as long as can be: padding and all must always fit. */
START_TEST(takes_the_longest_records)
{
	static char bytes[LOG_BYTES_MAX + 10];
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);

	memset(bytes, 'x', sizeof bytes);
	for (size_t i = 0; i < 100; i++) {
		log_write(ring, LOG_PEER_RECEIVED,
			&(struct log_facts){.name = "0",
				.bytes = {bytes, sizeof bytes - i % 20}});
		ck_assert(log_drain(log));
		log_write(ring, LOG_PEER_RECEIVED,
			&(struct log_facts){.name = "0", .bytes = {bytes, i}});
		ck_assert(log_drain(log));
	}
	log_free(log);
	ck_assert_uint_eq(probe_tally().dropped, 0);
}
END_TEST

START_TEST(counts_what_a_full_ring_drops)
{
	struct log_options options = probe_everything;
	options.shared = _i;
	struct log *log = probe_open(options);
	struct log_ring *ring = probe_ring(log);

	for (int i = 0; i < 1000; i++)
		probe_write_numbered(ring, "0", i);
	ck_assert(log_drain(log));
	struct probe_tally tally = probe_tally();
	ck_assert_uint_gt(tally.seen[0], 20);
	ck_assert_uint_gt(tally.dropped, 20);
	ck_assert_uint_eq(tally.seen[0] + tally.dropped, 1000);

	/* Said once; and then there is room again. */
	probe_write_numbered(ring, "0", 1000);
	log_free(log);
	struct probe_tally after = probe_tally();
	ck_assert_uint_eq(after.dropped, tally.dropped);
	ck_assert_uint_eq(after.seen[0], tally.seen[0] + 1);
	char *text = probe_read(probe_path, NULL);
	ck_assert_ptr_nonnull(strstr(text, " (ring full)\n"));
	free(text);
}
END_TEST

START_TEST(drains_in_place_when_alone)
{
	struct log_options options = probe_everything;
	options.wait = true;
	struct log *log = probe_open(options);
	struct log_ring *ring = probe_ring(log);

	for (int i = 0; i < 1000; i++)
		probe_write_numbered(ring, "0", i);
	log_free(log);
	struct probe_tally tally = probe_tally();
	ck_assert_uint_eq(tally.seen[0], 1000);
	ck_assert_uint_eq(tally.dropped + tally.odd, 0);
}
END_TEST

/* --- sleeping and waking -------------------------------------------------- */

static void count_wake(void *arg)
{
	++*(int *)arg;
}

START_TEST(wakes_a_sleeper_once)
{
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);
	int wakes = 0;

	log_on_wake(log, count_wake, &wakes);
	probe_write_at(ring, 1, "x");
	log_flush(ring);
	ck_assert_int_eq(wakes, 0);
	ck_assert(!log_may_sleep(log));
	log_flush(ring);
	ck_assert_int_eq(wakes, 0);
	ck_assert(log_drain(log));
	ck_assert(log_may_sleep(log));
	log_flush(ring); /* nothing was written */
	ck_assert_int_eq(wakes, 0);
	probe_write_at(ring, 2, "x");
	ck_assert_int_eq(wakes, 0);
	log_flush(ring);
	ck_assert_int_eq(wakes, 1);
	probe_write_at(ring, 3, "x");
	log_flush(ring);
	ck_assert_int_eq(wakes, 1);
	log_free(log);
}
END_TEST

/* Producers against a writer that sleeps whenever it may. */
struct race {
	struct log *log;
	int wake_fd;
	atomic_bool over;
	atomic_uint drains; /* that wrote something */
	struct thread writer;
	struct {
		struct thread thread;
		struct log_ring *ring;
		const char *name;
	} producers[PROBE_PRODUCERS];
};

#define RACE_EVENTS 20000 /* per producer */

static void wake_writer(void *arg)
{
	struct race *race = arg;

	ck_assert_int_eq(eventfd_write(race->wake_fd, 1), 0);
}

/* Some nanoseconds, so that two threads meet at every point of their ways. */
static void dawdle(unsigned turns)
{
	for (atomic_uint left = turns; left > 0; left--)
		;
}

static void run_writer(void *arg)
{
	struct race *race = arg;

	while (!race->over) {
		eventfd_t wakes;
		if (log_drain(race->log)) {
			race->drains++;
			continue;
		}
		dawdle(race->drains % 97);
		if (!log_may_sleep(race->log))
			continue;
		if (!race->over)
			eventfd_read(race->wake_fd, &wakes);
	}
}

static void stop_writer(struct race *race)
{
	race->over = true;
	wake_writer(race);
	thread_join(&race->writer);
	log_free(race->log);
	close(race->wake_fd);
}

static struct race *race_of_ring;

static void run_producer(void *arg)
{
	size_t index = (size_t)(intptr_t)arg;
	struct log_ring *ring = race_of_ring->producers[index].ring;

	for (int i = 0; i < RACE_EVENTS; i++) {
		probe_write_numbered(
			ring, race_of_ring->producers[index].name, i);
		if (i % 7 == 0)
			log_flush(ring);
	}
	log_flush(ring);
}

/* `changes`: of what is to be done when a ring is full, meanwhile. */
static struct probe_tally run_race(bool wait, int changes)
{
	static const char *const names[] = {"0", "1", "2", "3"};
	struct race race = {.wake_fd = eventfd(0, EFD_CLOEXEC)};
	struct log_options options = probe_everything;

	options.wait = wait;
	options.shared = true;
	race.log = probe_open(options);
	log_on_wake(race.log, wake_writer, &race);
	race_of_ring = &race;
	for (size_t i = 0; i < PROBE_PRODUCERS; i++) {
		race.producers[i].ring = probe_ring(race.log);
		race.producers[i].name = names[i];
	}
	ck_assert_int_eq(
		thread_start(&race.writer, "writer", -1, run_writer, &race), 0);
	for (size_t i = 0; i < PROBE_PRODUCERS; i++)
		ck_assert_int_eq(
			thread_start(&race.producers[i].thread, "producer", -1,
				run_producer, (void *)(intptr_t)i),
			0);
	for (; changes > 0; changes--)
		log_choose(race.log, LOG_DEBUG, true, changes % 2);
	for (size_t i = 0; i < PROBE_PRODUCERS; i++)
		thread_join(&race.producers[i].thread);
	stop_writer(&race);
	return probe_tally();
}

START_TEST(keeps_every_event_when_waiting)
{
	struct probe_tally tally = run_race(true, 0);

	for (size_t i = 0; i < PROBE_PRODUCERS; i++)
		ck_assert_uint_eq(tally.seen[i], RACE_EVENTS);
	ck_assert_uint_eq(tally.dropped + tally.odd, 0);
}
END_TEST

/* _i: with the choice changing all the time. */
START_TEST(counts_every_event_when_dropping)
{
	struct probe_tally tally = run_race(false, _i ? 20000 : 0);
	uint64_t events = tally.dropped;

	for (size_t i = 0; i < PROBE_PRODUCERS; i++)
		events += tally.seen[i];
	ck_assert_uint_eq(events, PROBE_PRODUCERS * RACE_EVENTS);
	ck_assert_uint_eq(tally.odd, 0);
}
END_TEST

/* One producer that waits for the writer before each event: sooner or later it
 * writes in the very moment in which the writer falls asleep. A missed wake-up
 * shows as a time-out. */
START_TEST(never_sleeps_over_an_event)
{
	struct race race = {.wake_fd = eventfd(0, EFD_CLOEXEC)};
	struct log_options options = probe_everything;

	options.shared = true;
	race.log = probe_open(options);
	log_on_wake(race.log, wake_writer, &race);
	struct log_ring *ring = probe_ring(race.log);
	ck_assert_int_eq(
		thread_start(&race.writer, "writer", -1, run_writer, &race), 0);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned drains = race.drains;
		dawdle(i % 128);
		probe_write_at(ring, i + 1, "x");
		log_flush(ring);
		while (race.drains == drains)
			sched_yield();
	}
	stop_writer(&race);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_rings");
	TCase *tcase = tcase_create("log_rings");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, probe_set_up, probe_tear_down);
	tcase_add_test(tcase, merges_rings_by_time);
	tcase_add_test(tcase, wraps_without_a_scratch);
	tcase_add_test(tcase, takes_the_longest_records);
	tcase_add_loop_test(tcase, counts_what_a_full_ring_drops, 0, 2);
	tcase_add_test(tcase, drains_in_place_when_alone);
	tcase_add_test(tcase, wakes_a_sleeper_once);
	tcase_add_test(tcase, keeps_every_event_when_waiting);
	tcase_add_loop_test(tcase, counts_every_event_when_dropping, 0, 2);
	tcase_add_test(tcase, never_sleeps_over_an_event);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
