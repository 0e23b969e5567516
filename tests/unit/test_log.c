/* The log: what a line looks like, and that no event is lost unsaid. */
#include "herd/log.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd/thread.h"
#include "sys_fault.h"

#define RING_SIZE ((size_t)16 * 1024) /* the smallest: it wraps soon */
#define LINE_MAX  4096

static char directory[64];
static char path[96];
static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	snprintf(directory, sizeof directory, "/tmp/test_log.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/Goloman.log", directory);
}

static void tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

static struct log *open_log(struct log_options options)
{
	struct log *log;

	options.path = path;
	if (options.ring_size == 0)
		options.ring_size = RING_SIZE;
	ck_assert_int_eq(log_new(&options, &log), 0);
	return log;
}

static const struct log_options everything = {
	.level = LOG_DEBUG, .messages = true};

static struct log_ring *new_ring(struct log *log)
{
	struct log_ring *ring;

	ck_assert_int_eq(log_ring_new(log, &ring), 0);
	return ring;
}

/* The whole of a file, to be freed; its length unless ret_len is NULL. */
static char *contents_of(const char *file, size_t *ret_len)
{
	FILE *f = fopen(file, "r");
	char *text = NULL;
	size_t room = 0;

	ck_assert_ptr_nonnull(f);
	ssize_t len = getdelim(&text, &room, EOF, f);
	fclose(f);
	if (len < 0) {
		len = 0;
		text = realloc(text, 1);
		text[0] = '\0';
	}
	if (ret_len)
		*ret_len = (size_t)len;
	return text;
}

static void assert_file(const char *file, const char *expected)
{
	char *text = contents_of(file, NULL);

	ck_assert_str_eq(text, expected);
	free(text);
}

/* One event, all the way to the file. */
static char *line_of(
	enum log_event event, const struct log_facts *facts, size_t *ret_len)
{
	struct log *log = open_log(everything);

	log_write(new_ring(log), event, facts);
	log_free(log);
	char *text = contents_of(path, ret_len);
	unlink(path);
	return text;
}

/* --- what a line looks like --------------------------------------------- */

#define T0     1795225328123456789 /* 2026-11-21T01:42:08.123456789Z */
#define T0TEXT "2026-11-21T01:42:08.123456Z "

static const struct {
	enum log_event event;
	struct log_facts facts;
	const char *host; /* NULL: no address */
	const char *line;
} lines[] = {
	{LOG_SERVING, {.time_ns = T0}, "127.0.0.1",
		T0TEXT "info serving on 127.0.0.1:4711\n"},
	{LOG_SERVING, {.time_ns = T0}, "::1",
		T0TEXT "info serving on [::1]:4711\n"},
	{LOG_RECEIVED, {.time_ns = T0, .bytes = {"IAMAT kiwi", 10}},
		"127.0.0.1",
		T0TEXT "info received from 127.0.0.1:4711: IAMAT kiwi\n"},
	{LOG_RECEIVED, {.time_ns = T0}, "127.0.0.1",
		T0TEXT "info received from 127.0.0.1:4711: \n"},
	{LOG_CLIENT_CLOSED,
		{.time_ns = T0,
			.why = "end of file",
			.number = {0, 12345, UINT64_MAX}},
		"127.0.0.1",
		T0TEXT
		"info client closed 127.0.0.1:4711: 0 commands, 12345 bytes "
		"in, 18446744073709551615 bytes out, end of file\n"},
	{LOG_PEER_SKIPPED,
		{.time_ns = T0,
			.name = "Hands",
			.why = "not a line",
			.bytes = {"a\nb", 3}},
		NULL,
		T0TEXT "warning skipped from Hands: a\\nb (not a line)\n"},
	{LOG_ACCEPT_FAILED, {.time_ns = T0, .why = "two\nlines", .number = {7}},
		NULL,
		T0TEXT "error cannot accept: two\\nlines, 7 since last said\n"},
	{LOG_PEER_CONNECTED, {.time_ns = T0}, NULL,
		T0TEXT "info connected to - -\n"},
	{LOG_REOPENED, {.time_ns = T0}, NULL, T0TEXT "info log reopened\n"},
};

START_TEST(tells_the_facts)
{
	struct log_facts facts = lines[_i].facts;
	struct address address;

	if (lines[_i].host) {
		ck_assert_int_eq(
			address_parse(lines[_i].host, 4711, &address), 0);
		facts.address = &address;
	}
	char *line = line_of(lines[_i].event, &facts, NULL);
	ck_assert_str_eq(line, lines[_i].line);
	free(line);
}
END_TEST

START_TEST(tells_the_time)
{
	static const struct {
		int64_t time_ns;
		const char *text;
	} times[] = {
		{1, "1970-01-01T00:00:00.000000Z"},
		{999, "1970-01-01T00:00:00.000000Z"},
		{1000, "1970-01-01T00:00:00.000001Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{-HERD_SECOND_NS, "1969-12-31T23:59:59.000000Z"},
		{T0, "2026-11-21T01:42:08.123456Z"},
		{T0 + 876543210, "2026-11-21T01:42:08.999999Z"},
		{T0 + 876543211, "2026-11-21T01:42:09.000000Z"},
		{951782400 * HERD_SECOND_NS, "2000-02-29T00:00:00.000000Z"},
		{INT64_MAX, "2262-04-11T23:47:16.854775Z"},
	};
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);
	char expected[HERD_COUNT(times) * 64] = "";

	for (size_t i = 0; i < HERD_COUNT(times); i++) {
		log_write(ring, LOG_REOPENED,
			&(struct log_facts){.time_ns = times[i].time_ns});
		strcat(expected, times[i].text);
		strcat(expected, " info log reopened\n");
	}
	sys_fault_clock_set(T0, 0);
	log_write(ring, LOG_REOPENED, &(struct log_facts){0});
	strcat(expected, T0TEXT "info log reopened\n");
	log_free(log);
	assert_file(path, expected);
}
END_TEST

static size_t escape_simply(unsigned char c, char *dst)
{
	if (c == '\n' || c == '\r' || c == '\t' || c == '\\')
		return (size_t)sprintf(dst, "\\%c",
			c == '\n'   ? 'n'
			: c == '\r' ? 'r'
			: c == '\t' ? 't'
				    : '\\');
	if (c >= 32 && c < 127)
		return (size_t)sprintf(dst, "%c", c);
	return (size_t)sprintf(dst, "\\x%02x", c);
}

/* Every byte, at every place of a word, among plain ones. */
START_TEST(escapes_all_but_printable_ascii)
{
	struct log_facts facts = {.time_ns = T0, .name = "Hands"};
	static const char head[] = T0TEXT "info received from Hands: ";
	struct log_options options = everything;
	options.ring_size = (size_t)1024 * 1024;
	struct log *log = open_log(options);
	struct log_ring *ring = new_ring(log);
	char *expected = malloc((size_t)1024 * 1024);
	size_t len = 0;

	for (int place = 0; place < 9; place++) {
		for (int c = 0; c < 256; c++) {
			char bytes[11] = "ab~ 01.~ z!";
			bytes[place] = (char)c;
			facts.bytes = (struct text){bytes, sizeof bytes};
			log_write(ring, LOG_PEER_RECEIVED, &facts);

			memcpy(expected + len, head, sizeof head - 1);
			len += sizeof head - 1;
			for (size_t i = 0; i < sizeof bytes; i++)
				len += escape_simply((unsigned char)bytes[i],
					expected + len);
			expected[len++] = '\n';
		}
	}
	expected[len] = '\0';
	log_free(log);
	assert_file(path, expected);
	free(expected);
}
END_TEST

static const struct {
	enum log_event event;
	char fill;
	size_t len;
	size_t shown; /* at least so many of them; all of them: not cut */
	const char *end;
} cuts[] = {
	{LOG_PEER_RECEIVED, 'x', 3990, 3990, "x\n"},
	{LOG_PEER_RECEIVED, 'x', 4090, 3990, "x [4090 bytes]\n"},
	{LOG_PEER_RECEIVED, 'x', 4097, 3990, "x [4097 bytes]\n"},
	{LOG_PEER_RECEIVED, 'x', 65536, 3990, "x [65536 bytes]\n"},
	{LOG_PEER_RECEIVED, '\n', 1990, 1990, "\\n\n"},
	{LOG_PEER_RECEIVED, '\n', 4000, 1990, "\\n [4000 bytes]\n"},
	{LOG_PEER_RECEIVED, '\0', 990, 990, "\\x00\n"},
	{LOG_PEER_RECEIVED, '\0', 4096, 990, "\\x00 [4096 bytes]\n"},
	{LOG_PEER_SKIPPED, 'x', 3700, 3700, "x (why)\n"},
	{LOG_PEER_SKIPPED, 'x', 131072, 3700, "x (why) [131072 bytes]\n"},
};

START_TEST(cuts_long_lines)
{
	char *bytes = malloc(cuts[_i].len);
	memset(bytes, cuts[_i].fill, cuts[_i].len);
	const struct log_facts facts = {
		.time_ns = T0,
		.name = "Hands",
		.why = "why",
		.bytes = {bytes, cuts[_i].len},
	};
	size_t len;
	char *line = line_of(cuts[_i].event, &facts, &len);
	char shown[8];
	size_t escaped = escape_simply((unsigned char)cuts[_i].fill, shown);
	size_t end = strlen(cuts[_i].end);

	ck_assert_uint_le(len, LINE_MAX);
	ck_assert_uint_ge(len, cuts[_i].shown * escaped);
	ck_assert_str_eq(line + len - end, cuts[_i].end);
	ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
	free(line);
	free(bytes);
}
END_TEST

START_TEST(cuts_even_long_names)
{
	char name[5000];
	size_t len;

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	char *line = line_of(LOG_PEER_SKIPPED,
		&(struct log_facts){
			.name = name, .why = name, .bytes = {"abc", 3}},
		&len);
	ck_assert_uint_le(len, LINE_MAX);
	ck_assert_str_eq(line + len - 11, " [3 bytes]\n");
	free(line);
}
END_TEST

/* --- which events are written ------------------------------------------- */

START_TEST(leaves_out_what_is_not_wanted)
{
	static const struct {
		enum log_level level;
		bool messages;
		enum log_event event;
		bool wanted;
	} wants[] = {
		{LOG_DEBUG, true, LOG_RECEIVED, true},
		{LOG_INFO, true, LOG_RECEIVED, true},
		{LOG_INFO, false, LOG_RECEIVED, false},
		{LOG_INFO, false, LOG_SERVING, true},
		{LOG_WARNING, true, LOG_RECEIVED, false},
		{LOG_WARNING, true, LOG_PEER_SKIPPED, true},
		{LOG_WARNING, false, LOG_LINES_DROPPED, true},
		{LOG_ERROR, true, LOG_PEER_SKIPPED, false},
		{LOG_ERROR, true, LOG_ACCEPT_FAILED, true},
	};

	for (size_t i = 0; i < HERD_COUNT(wants); i++) {
		struct log *log =
			open_log((struct log_options){.level = wants[i].level,
				.messages = wants[i].messages});
		struct log_ring *ring = new_ring(log);
		ck_assert(log_wants(ring, wants[i].event) == wants[i].wanted);
		log_write(ring, wants[i].event, &(struct log_facts){0});
		ck_assert(log_drain(log) == wants[i].wanted);
		log_free(log);
	}
}
END_TEST

START_TEST(knows_levels_by_name)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		enum log_level level = LOG_INFO;
		const char *name = log_level_name((enum log_level)i);
		ck_assert(log_level_parse(name, &level));
		ck_assert_int_eq((int)level, i);
	}

	enum log_level level = LOG_INFO;
	ck_assert(!log_level_parse("loud", &level));
	ck_assert(!log_level_parse("", &level));
	ck_assert_int_eq(level, LOG_INFO);
}
END_TEST

/* --- rings -------------------------------------------------------------- */

static void write_at(struct log_ring *ring, int64_t second, const char *name)
{
	log_write(ring, LOG_PEER_ACCEPTED,
		&(struct log_facts){
			.time_ns = second * HERD_SECOND_NS, .name = name});
}

START_TEST(merges_rings_by_time)
{
	struct log *log = open_log(everything);
	struct log_ring *a = new_ring(log), *b = new_ring(log),
			*c = new_ring(log);

	write_at(a, 1, "a");
	write_at(a, 4, "a");
	write_at(a, 5, "a");
	write_at(b, 2, "b");
	write_at(b, 3, "b");
	write_at(b, 7, "b");
	write_at(c, 6, "c");
	ck_assert(log_drain(log));
	ck_assert(!log_drain(log));
	log_free(log);

	char *text = contents_of(path, NULL);
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

/* Numbered events, with as many bytes as makes the ring wrap everywhere. */
static void write_numbered(struct log_ring *ring, const char *name, int number)
{
	char bytes[400];
	int len = snprintf(bytes, sizeof bytes, "%d %.*s", number,
		number * 37 % 301,
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

	log_write(ring, LOG_PEER_RECEIVED,
		&(struct log_facts){
			.name = name, .bytes = {bytes, (size_t)len}});
}

#define PRODUCERS_MAX 4

struct tally {
	unsigned seen[PRODUCERS_MAX]; /* events of each producer */
	uint64_t dropped;             /* according to the log */
	unsigned odd;                 /* lines that are none of these */
};

static void tally_line(const char *line, struct tally *tally)
{
	unsigned producer;
	int number, len;
	uint64_t dropped;
	const char *facts = strchr(line, ' ');

	if (facts && sscanf(facts, " info received from %u: %d %n", &producer,
			     &number, &len) == 2) {
		/* Whole, and later than all before. */
		ck_assert_uint_lt(producer, PRODUCERS_MAX);
		ck_assert_int_ge(number, (int)tally->seen[producer]);
		ck_assert_uint_eq(
			strlen(facts + len), (size_t)(number * 37 % 301));
		tally->seen[producer]++;
	} else if (facts && sscanf(facts, " error lines dropped: %lu (",
				    &dropped) == 1) {
		tally->dropped += dropped;
	} else {
		tally->odd++;
	}
}

static struct tally tally_file(void)
{
	struct tally tally = {.odd = 0};
	char *text = contents_of(path, NULL);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		tally_line(line, &tally);
	free(text);
	return tally;
}

START_TEST(wraps_without_a_scratch)
{
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);

	for (int i = 0; i < 5000; i++) {
		write_numbered(ring, "0", i);
		if (i % 29 == 0)
			(void)log_drain(log);
	}
	log_free(log);

	struct tally tally = tally_file();
	ck_assert_uint_eq(tally.seen[0], 5000);
	ck_assert_uint_eq(tally.dropped, 0);
	ck_assert_uint_eq(tally.odd, 0);
}
END_TEST

/* Records as long as can be: padding and all must always fit. */
START_TEST(takes_the_longest_records)
{
	static char bytes[LOG_BYTES_MAX + 10];
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);

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
	ck_assert_uint_eq(tally_file().dropped, 0);
}
END_TEST

START_TEST(counts_what_a_full_ring_drops)
{
	struct log_options options = everything;
	options.shared = _i;
	struct log *log = open_log(options);
	struct log_ring *ring = new_ring(log);

	for (int i = 0; i < 1000; i++)
		write_numbered(ring, "0", i);
	ck_assert(log_drain(log));
	struct tally tally = tally_file();
	ck_assert_uint_gt(tally.seen[0], 20);
	ck_assert_uint_gt(tally.dropped, 20);
	ck_assert_uint_eq(tally.seen[0] + tally.dropped, 1000);

	/* Said once; and then there is room again. */
	write_numbered(ring, "0", 1000);
	log_free(log);
	struct tally after = tally_file();
	ck_assert_uint_eq(after.dropped, tally.dropped);
	ck_assert_uint_eq(after.seen[0], tally.seen[0] + 1);
	char *text = contents_of(path, NULL);
	ck_assert_ptr_nonnull(strstr(text, " (ring full)\n"));
	free(text);
}
END_TEST

START_TEST(drains_in_place_when_alone)
{
	struct log_options options = everything;
	options.wait = true;
	struct log *log = open_log(options);
	struct log_ring *ring = new_ring(log);

	for (int i = 0; i < 1000; i++)
		write_numbered(ring, "0", i);
	log_free(log);
	struct tally tally = tally_file();
	ck_assert_uint_eq(tally.seen[0], 1000);
	ck_assert_uint_eq(tally.dropped + tally.odd, 0);
}
END_TEST

/* --- sleeping and waking ------------------------------------------------ */

static void count_wake(void *arg)
{
	++*(int *)arg;
}

START_TEST(wakes_a_sleeper_once)
{
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);
	int wakes = 0;

	log_on_wake(log, count_wake, &wakes);
	write_at(ring, 1, "x");
	log_flush(ring);
	ck_assert_int_eq(wakes, 0);
	ck_assert(!log_may_sleep(log));
	log_flush(ring);
	ck_assert_int_eq(wakes, 0);
	ck_assert(log_drain(log));
	ck_assert(log_may_sleep(log));
	log_flush(ring); /* nothing was written */
	ck_assert_int_eq(wakes, 0);
	write_at(ring, 2, "x");
	ck_assert_int_eq(wakes, 0);
	log_flush(ring);
	ck_assert_int_eq(wakes, 1);
	write_at(ring, 3, "x");
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
	} producers[PRODUCERS_MAX];
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
		write_numbered(ring, race_of_ring->producers[index].name, i);
		if (i % 7 == 0)
			log_flush(ring);
	}
	log_flush(ring);
}

static struct tally run_race(bool wait)
{
	static const char *const names[] = {"0", "1", "2", "3"};
	struct race race = {.wake_fd = eventfd(0, EFD_CLOEXEC)};
	struct log_options options = everything;

	options.wait = wait;
	options.shared = true;
	race.log = open_log(options);
	log_on_wake(race.log, wake_writer, &race);
	race_of_ring = &race;
	for (size_t i = 0; i < PRODUCERS_MAX; i++) {
		race.producers[i].ring = new_ring(race.log);
		race.producers[i].name = names[i];
	}
	ck_assert_int_eq(
		thread_start(&race.writer, "writer", -1, run_writer, &race), 0);
	for (size_t i = 0; i < PRODUCERS_MAX; i++)
		ck_assert_int_eq(
			thread_start(&race.producers[i].thread, "producer", -1,
				run_producer, (void *)(intptr_t)i),
			0);
	for (size_t i = 0; i < PRODUCERS_MAX; i++)
		thread_join(&race.producers[i].thread);
	stop_writer(&race);
	return tally_file();
}

START_TEST(keeps_every_event_when_waiting)
{
	struct tally tally = run_race(true);

	for (size_t i = 0; i < PRODUCERS_MAX; i++)
		ck_assert_uint_eq(tally.seen[i], RACE_EVENTS);
	ck_assert_uint_eq(tally.dropped + tally.odd, 0);
}
END_TEST

START_TEST(counts_every_event_when_dropping)
{
	struct tally tally = run_race(false);
	uint64_t events = tally.dropped;

	for (size_t i = 0; i < PRODUCERS_MAX; i++)
		events += tally.seen[i];
	ck_assert_uint_eq(events, PRODUCERS_MAX * RACE_EVENTS);
	ck_assert_uint_eq(tally.odd, 0);
}
END_TEST

/* One producer that waits for the writer before each event: sooner or later it
 * writes in the very moment in which the writer falls asleep. A missed wake-up
 * shows as a time-out. */
START_TEST(never_sleeps_over_an_event)
{
	struct race race = {.wake_fd = eventfd(0, EFD_CLOEXEC)};
	struct log_options options = everything;

	options.shared = true;
	race.log = open_log(options);
	log_on_wake(race.log, wake_writer, &race);
	struct log_ring *ring = new_ring(race.log);
	ck_assert_int_eq(
		thread_start(&race.writer, "writer", -1, run_writer, &race), 0);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned drains = race.drains;
		dawdle(i % 128);
		write_at(ring, i + 1, "x");
		log_flush(ring);
		while (race.drains == drains)
			sched_yield();
	}
	stop_writer(&race);
}
END_TEST

/* --- the file ----------------------------------------------------------- */

START_TEST(creates_a_private_file)
{
	struct stat st;

	umask(0022);
	log_free(open_log(everything));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(appends_to_what_is_there)
{
	for (int i = 1; i <= 2; i++) {
		struct log *log = open_log(everything);
		write_at(new_ring(log), i, "x");
		log_free(log);
	}
	assert_file(path, "1970-01-01T00:00:01.000000Z info "
			  "link accepted from x -\n"
			  "1970-01-01T00:00:02.000000Z info "
			  "link accepted from x -\n");
}
END_TEST

START_TEST(reopens_after_rename)
{
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);
	char old[sizeof path + 2];
	struct log_facts facts = {.time_ns = T0, .why = "one"};

	snprintf(old, sizeof old, "%s.1", path);
	log_write(ring, LOG_STOPPING, &facts);
	ck_assert_int_eq(rename(path, old), 0);
	ck_assert_int_eq(log_reopen(log), 0);
	facts.why = "two";
	log_write(ring, LOG_STOPPING, &facts);

	/* When it cannot be reopened, the old one goes on. */
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(log_reopen(log), -EISDIR);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(log_reopen(log), 0);
	facts.why = "three";
	log_write(ring, LOG_STOPPING, &facts);
	log_free(log);

	assert_file(old, T0TEXT "info stopping: one\n");
	assert_file(path, T0TEXT "info stopping: three\n");
	unlink(old);
}
END_TEST

static unsigned pieces_of_lines(unsigned *ret_seen, uint64_t *ret_dropped)
{
	struct tally tally = {.odd = 0};
	char *text = contents_of(path, NULL);
	char *save = NULL;
	unsigned pieces = 0;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		unsigned long dropped;
		const char *facts = strchr(line, ' ');
		if (facts && !strcmp(facts, " info stopping: just now"))
			tally.seen[0]++;
		else if (facts &&
			 sscanf(facts,
				 " error lines dropped: %lu (cannot write: No "
				 "space left on device)",
				 &dropped) == 1 &&
			 line[strlen(line) - 1] == ')')
			tally.dropped += dropped;
		else
			pieces++;
	}
	free(text);
	*ret_seen = tally.seen[0];
	*ret_dropped = tally.dropped;
	return pieces;
}

/* The disk fills up at every possible byte, for one, two or three writes. A
 * line is whole or reported, and nothing is glued to a piece of one. */
START_TEST(survives_a_full_disk)
{
	const struct log_facts facts = {.why = "just now"};
	unsigned times = (unsigned)_i;

	for (unsigned n = 0;; n++) {
		struct log *log = open_log(everything);
		struct log_ring *ring = new_ring(log);
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
		unlink(path);
		if (!fired)
			break;
	}
}
END_TEST

START_TEST(owes_no_newline_to_a_new_file)
{
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);
	struct log_facts facts = {.time_ns = T0, .why = "lost"};

	sys_fault_clock_set(T0, 0);
	sys_fault_short(SYS_FAULT_WRITE, 5);
	sys_fault_fail(SYS_FAULT_WRITE, 1, 1, ENOSPC);
	log_write(ring, LOG_STOPPING, &facts);
	ck_assert(log_drain(log));
	sys_fault_short(SYS_FAULT_WRITE, 0);
	assert_file(path, "2026-");
	unlink(path);
	ck_assert_int_eq(log_reopen(log), 0);
	log_free(log);
	assert_file(path,
		T0TEXT "error lines dropped: 1 (cannot write: No space left "
		       "on device)\n");
}
END_TEST

/* Drops of both kinds, and a disk that is full while they are reported. */
START_TEST(reports_ring_drops_after_a_full_disk)
{
	struct log *log = open_log(everything);
	struct log_ring *ring = new_ring(log);

	for (int i = 0; i < 1000; i++)
		write_numbered(ring, "0", i);
	sys_fault_fail(SYS_FAULT_WRITE, 0, 2, ENOSPC);
	ck_assert(log_drain(log));
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_WRITE), 2);
	/* It does not try for ever while there is nothing new. */
	ck_assert(!log_drain(log));
	ck_assert(log_may_sleep(log));
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_WRITE), 2);
	log_free(log);
	ck_assert_uint_eq(tally_file().dropped, 1000);
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
	const struct log_options options = {.path = path};

	for (unsigned n = 0;; n++) {
		struct log *log;
		struct log_ring *ring;
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		int r = log_new(&options, &log);
		if (r == 0) {
			r = log_ring_new(log, &ring);
			log_free(log);
		}
		ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(r, -ENOMEM);
	}
}
END_TEST

START_TEST(survives_lack_of_descriptors)
{
	struct log *log =
		open_log((struct log_options){.wait = true, .shared = true});
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

static TCase *lines_tcase(void)
{
	TCase *tcase = tcase_create("lines");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, tells_the_facts, 0, HERD_COUNT(lines));
	tcase_add_test(tcase, tells_the_time);
	tcase_add_test(tcase, escapes_all_but_printable_ascii);
	tcase_add_loop_test(tcase, cuts_long_lines, 0, HERD_COUNT(cuts));
	tcase_add_test(tcase, cuts_even_long_names);
	tcase_add_test(tcase, leaves_out_what_is_not_wanted);
	tcase_add_test(tcase, knows_levels_by_name);
	return tcase;
}

static TCase *rings_tcase(void)
{
	TCase *tcase = tcase_create("rings");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, merges_rings_by_time);
	tcase_add_test(tcase, wraps_without_a_scratch);
	tcase_add_test(tcase, takes_the_longest_records);
	tcase_add_loop_test(tcase, counts_what_a_full_ring_drops, 0, 2);
	tcase_add_test(tcase, drains_in_place_when_alone);
	tcase_add_test(tcase, wakes_a_sleeper_once);
	tcase_add_test(tcase, keeps_every_event_when_waiting);
	tcase_add_test(tcase, counts_every_event_when_dropping);
	tcase_add_test(tcase, never_sleeps_over_an_event);
	return tcase;
}

static TCase *file_tcase(void)
{
	TCase *tcase = tcase_create("file");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, creates_a_private_file);
	tcase_add_test(tcase, appends_to_what_is_there);
	tcase_add_test(tcase, reopens_after_rename);
	tcase_add_loop_test(tcase, survives_a_full_disk, 1, 8);
	tcase_add_test(tcase, owes_no_newline_to_a_new_file);
	tcase_add_test(tcase, reports_ring_drops_after_a_full_disk);
	tcase_add_test(tcase, fails_to_open_in_no_directory);
	tcase_add_test(tcase, survives_lack_of_memory);
	tcase_add_test(tcase, survives_lack_of_descriptors);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("log");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, lines_tcase());
	suite_add_tcase(suite, rings_tcase());
	suite_add_tcase(suite, file_tcase());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
