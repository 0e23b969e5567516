/* Catching up: a dialler and an acceptor with a store each, and the lines that
 * go between them; the link itself is test_peer's. */
#include "herd/sync.h"

#include <check.h>
#include <stdlib.h>

#include "herd/conn.h"
#include "herd/holdings.h"
#include "store_sample.h"
#include "sys_fault.h"

#define SHORT       80
#define INTERVAL_NS (30 * HERD_SECOND_NS)
#define START_NS    (1000 * HERD_SECOND_NS)
#define MANY        1000000
#define FEWER       100000 /* with a sanitizer, which takes its time */

static size_t blocks_before;
static struct store *ours, *theirs;
static struct sync sync;
static int64_t now_ns;
static bool deaf; /* the acceptor drops AT lines */
static bool busy; /* it accepts another repair */
static const char *refusal;
static char page[SYNC_ROOM];
static char scratch[LINE_LINK_MAX + 1];

/* What has crossed the link. */
static struct {
	uint64_t bytes, updates, lists, rounds;
} seen;

static void set_up(void)
{
	struct store_options options = {.seed = 42};

	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	now_ns = START_NS;
	ck_assert_int_eq(store_new(&options, &ours), 0);
	options.shards = 4; /* it is no business of the other end */
	ck_assert_int_eq(store_new(&options, &theirs), 0);
	sync_init(&sync, ours);
	deaf = false;
	busy = false;
	refusal = NULL;
	memset(&seen, 0, sizeof seen);
}

static void tear_down(void)
{
	sync_end(&sync);
	store_free(ours);
	store_free(theirs);
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void put(struct store *store, unsigned client, int64_t stamp)
{
	static struct sample sample;
	struct store_source source = {.now_ns = now_ns};
	enum store_result result;

	sample_make(&sample, client, stamp, 0, SHORT);
	/* As the stamp is read when the line comes over a link. */
	sample.s.stamp_ns = stamp * HERD_SECOND_NS;
	ck_assert_int_eq(store_put(store, store_key_of(store, sample.s.id),
				 &sample.s, &source, &result),
		0);
}

static void put_both(unsigned client, int64_t stamp)
{
	put(ours, client, stamp);
	put(theirs, client, stamp);
}

/* --- the acceptor --------------------------------------------------------- */

static void take_update(const struct line *line)
{
	struct store_source source = {.now_ns = now_ns};
	enum store_result result;
	struct sighting s;

	seen.updates++;
	if (deaf)
		return;
	line_normalise_at(line, scratch, &s);
	ck_assert_int_eq(store_put(theirs, store_key_of(theirs, s.id), &s,
				 &source, &result),
		0);
}

static void answer(const struct line *line, struct buf *out)
{
	switch ((int)line->verb) {
	case LINE_SYNC:
	case LINE_SUMS:
		if (busy)
			ck_assert_int_eq(buf_append_string(out, "WAIT\n"), 0);
		else if (line->verb == LINE_SYNC)
			ck_assert_int_eq(holdings_tell_sum(theirs, out), 0);
		else
			ck_assert_int_eq(holdings_tell_sums(theirs, out), 0);
		break;
	case LINE_LIST:
		seen.lists++;
		ck_assert_int_eq(holdings_tell_list(theirs, line->hashes.bucket,
					 now_ns, scratch, out),
			0);
		break;
	case LINE_DONE:
		seen.rounds++;
		break;
	case LINE_AT:
		take_update(line);
		break;
	default:
		ck_abort_msg("not for an acceptor: %.*s", (int)line->body.len,
			line->body.ptr);
	}
}

/* --- the link ------------------------------------------------------------- */

static void hear(struct text answers)
{
	struct text bytes;
	struct line line;

	seen.bytes += answers.len;
	while (!refusal && conn_take_line(&answers, &bytes)) {
		line_parse(bytes, &line);
		refusal = sync_take(&sync, &line, now_ns, INTERVAL_NS);
	}
}

/* Until nobody has anything to say. */
static void talk(void)
{
	bool updates;
	size_t len;

	while (!refusal && sync_has_work(&sync, now_ns)) {
		struct text said;
		struct text bytes;
		struct line line;
		struct buf answers = {0};

		len = sync_pump(&sync, now_ns, INTERVAL_NS, page, sizeof page,
			&updates);
		said = (struct text){page, len};
		seen.bytes += len;
		while (conn_take_line(&said, &bytes)) {
			line_parse(bytes, &line);
			ck_assert(updates == (line.verb == LINE_AT));
			answer(&line, &answers);
		}
		ck_assert_uint_eq(said.len, 0);
		hear(buf_text(&answers));
		buf_fini(&answers);
	}
}

static void connect_now(void)
{
	sync_end(&sync);
	sync_begin(&sync, now_ns, now_ns);
	talk();
}

static void advance(int64_t ns)
{
	now_ns += ns;
	talk();
}

static void assert_equal(bool equal)
{
	ck_assert(refusal == NULL);
	ck_assert((store_digest(ours) == store_digest(theirs)) == equal);
}

/* Everything that is there by now is old. */
static void age(void)
{
	now_ns += 10 * HERD_SECOND_NS;
}

/* --- tests ---------------------------------------------------------------- */

START_TEST(equal_servers_say_little)
{
	for (unsigned i = 0; i < 5000; i++)
		put_both(i, 1);
	age();
	connect_now();
	assert_equal(true);
	ck_assert_uint_le(seen.bytes, 1024);
	ck_assert(sync.settled);
	ck_assert_uint_eq(sync.comparisons, 1);
	ck_assert_uint_eq(sync.repairs, 0);

	advance(INTERVAL_NS - 1);
	ck_assert_uint_eq(sync.comparisons, 1);
	advance(1);
	ck_assert_uint_eq(sync.comparisons, 2);
	ck_assert_uint_eq(seen.updates, 0);
}
END_TEST

START_TEST(an_empty_one_gets_everything)
{
	for (unsigned i = 0; i < 5000; i++)
		put(ours, i, 1);
	age();
	connect_now();
	assert_equal(true);
	ck_assert_uint_eq(store_count(theirs), 5000);
	ck_assert_uint_eq(seen.updates, 5000);
	ck_assert_uint_eq(seen.lists, 0);
	ck_assert_uint_eq(sync.lines, 5000);
	ck_assert_uint_eq(sync.repairs, 1);
}
END_TEST

START_TEST(who_has_nothing_gives_nothing)
{
	for (unsigned i = 0; i < 5000; i++)
		put(theirs, i, 1);
	age();
	connect_now();
	ck_assert_uint_le(seen.bytes, 100);
	ck_assert(sync.settled);
}
END_TEST

START_TEST(only_what_is_missing_is_sent)
{
	for (unsigned i = 0; i < 5000; i++)
		put_both(i, 1);
	for (unsigned i = 0; i < 5000; i += 100)
		put(ours, i, 2);
	for (unsigned i = 1; i < 5000; i += 1000)
		put(theirs, i, 2);
	put(ours, 6000, 1);
	age();
	connect_now();
	/* For 5 of them our line is the older one: it is not held, so it is
	 * sent; it changes nothing. */
	ck_assert_uint_eq(seen.updates, 51 + 5);
	assert_equal(false);
	for (unsigned i = 1; i < 5000; i += 1000)
		put(ours, i, 2);
	assert_equal(true);
}
END_TEST

START_TEST(young_lines_wait)
{
	age();
	put(ours, 1, 1);
	now_ns += HERD_SECOND_NS;
	connect_now();
	ck_assert_uint_eq(seen.updates, 0);
	ck_assert(!sync.settled);
	advance(2 * HERD_SECOND_NS + 200 * HERD_MS_NS);
	ck_assert_uint_eq(seen.updates, 1);
	ck_assert(sync.settled);
	assert_equal(true);

	/* What changes while the link is up is the feed's. */
	put(ours, 2, 1);
	advance(INTERVAL_NS - HERD_SECOND_NS);
	put(ours, 3, 1);
	advance(HERD_SECOND_NS);
	ck_assert_uint_eq(seen.updates, 2);
	ck_assert_int_ge(sync.due_ns, now_ns + INTERVAL_NS - HERD_SECOND_NS);
}
END_TEST

/* The store keeps times in milliseconds: in doubt it was before. */
START_TEST(in_the_very_moment_of_the_link)
{
	age();
	for (int i = 0; i < 20; i++) {
		now_ns += 3 * HERD_SECOND_NS + 130 * 1000;
		put(ours, (unsigned)i, 1);
		now_ns += 10 * 1000;
		sync_end(&sync);
		sync_begin(&sync, now_ns, now_ns);
		now_ns += 900 * 1000;
		talk();
		ck_assert(!sync.settled);
		advance(3 * HERD_SECOND_NS);
		assert_equal(true);
	}
}
END_TEST

/* The round in which the link came up began before they changed, and the
 * bookmarks went to the end after that. */
START_TEST(lines_of_the_very_moment_wait)
{
	int64_t round_ns;

	age();
	round_ns = now_ns;
	now_ns += 10 * HERD_MS_NS;
	put(ours, 1, 1);
	sync_begin(&sync, now_ns, round_ns);
	talk();
	ck_assert_uint_eq(seen.updates, 0);
	ck_assert(!sync.settled);
	advance(2 * HERD_SECOND_NS + 200 * HERD_MS_NS);
	ck_assert_uint_eq(seen.updates, 1);
	assert_equal(true);
}
END_TEST

START_TEST(who_stops_does_not_wait)
{
	age();
	put(ours, 1, 1);
	connect_now();
	ck_assert_uint_eq(seen.updates, 0);
	sync_hurry(&sync, now_ns);
	talk();
	ck_assert_uint_eq(seen.updates, 1);
	ck_assert(sync.settled);
	assert_equal(true);

	advance(INTERVAL_NS);
	ck_assert_uint_eq(sync.comparisons, 2);
}
END_TEST

/* Rounds 1 to 3 repair, then every other, every fourth, ... */
START_TEST(what_will_not_agree_is_left_alone)
{
	unsigned repaired = 0;

	for (unsigned i = 0; i < 100; i++)
		put_both(i, 1);
	put(ours, 7, 2);
	deaf = true;
	age();
	connect_now();
	for (unsigned round = 1; round <= 300; round++) {
		bool sends = seen.updates > repaired;

		repaired = (unsigned)seen.updates;
		ck_assert_uint_eq(sync.comparisons, round);
		ck_assert(sends == (round <= 4 || round == 7 || round == 12 ||
					   round == 21 || round == 38 ||
					   round == 71 || round == 136 ||
					   round == 201 || round == 266));
		ck_assert(
			(sync.stuck != STORE_BUCKETS) == (sends && round > 3));
		advance(INTERVAL_NS);
	}
	/* Agreeing once, or another link, makes up for everything. */
	deaf = false;
	connect_now();
	assert_equal(true);
	ck_assert_uint_eq(seen.updates, repaired + 1);
}
END_TEST

START_TEST(who_is_busy_is_asked_again)
{
	put(ours, 1, 1);
	age();
	busy = true;
	connect_now();
	for (int i = 0; i < 20; i++)
		advance(50 * HERD_MS_NS);
	ck_assert_uint_eq(seen.updates, 0);
	ck_assert_uint_le(seen.bytes, 5 * 10);
	busy = false;
	advance(250 * HERD_MS_NS);
	assert_equal(true);
}
END_TEST

/* It took the right between our two questions. */
START_TEST(it_gets_busy_meanwhile)
{
	struct line wait = {.verb = LINE_WAIT};
	bool updates;

	put(ours, 1, 1);
	age();
	sync_begin(&sync, now_ns, now_ns);
	ck_assert_uint_gt(sync_pump(&sync, now_ns, INTERVAL_NS, page,
				  sizeof page, &updates),
		0);
	hear(text_of("SUM AAAAAAAAAAA=\n"));
	ck_assert_uint_gt(sync_pump(&sync, now_ns, INTERVAL_NS, page,
				  sizeof page, &updates),
		0);
	ck_assert(sync_take(&sync, &wait, now_ns, INTERVAL_NS) == NULL);
	ck_assert(!sync.settled);
	advance(250 * HERD_MS_NS);
	assert_equal(true);
}
END_TEST

static unsigned bucket_of(struct store *store, unsigned client)
{
	static struct sample sample;

	ck_assert_uint_eq(store_shards(store), STORE_BUCKETS);
	sample_make(&sample, client, 1, 0, SHORT);
	return store_key_of(store, sample.s.id).shard;
}

/* Lists of several lines, and no bucket but that one asked for. */
START_TEST(a_crowded_bucket)
{
	unsigned count = 0;

	for (unsigned i = 0; count < 7000; i++) {
		if (bucket_of(ours, i) != 5)
			continue;
		if (count++ % 100)
			put(theirs, i, 1);
		put(ours, i, 1);
	}
	age();
	connect_now();
	assert_equal(true);
	ck_assert_uint_eq(seen.updates, 70);
	ck_assert_uint_eq(seen.lists, 1);
}
END_TEST

/* Every bucket differs, so that lists are asked for ahead. */
START_TEST(all_buckets_differ)
{
	for (unsigned i = 0; i < 20000; i++)
		put_both(i, 1);
	for (unsigned i = 0; i < 20000; i++)
		if (i % 5 == 0)
			put(ours, i, 2);
	age();
	connect_now();
	assert_equal(true);
	ck_assert_uint_eq(seen.updates, 4000);
	ck_assert_uint_eq(seen.rounds, 1);
}
END_TEST

START_TEST(one_client_among_a_million)
{
	const char *slower = getenv("CK_TIMEOUT_MULTIPLIER");
	int many = slower && atof(slower) > 1 ? FEWER : MANY;

	for (unsigned i = 0; i < (unsigned)many; i++)
		put_both(i, 1);
	age();
	connect_now();
	assert_equal(true);
	printf("two equal servers with %d clients: %d bytes\n", many,
		(int)seen.bytes);
	ck_assert_uint_le(seen.bytes, 1024);

	seen.bytes = 0;
	put(ours, 12345, 2);
	age();
	connect_now();
	assert_equal(true);
	printf("one client of %d differs: %d bytes\n", many, (int)seen.bytes);
	ck_assert_uint_le(seen.bytes, 32 * 1024);
	ck_assert_uint_eq(seen.updates, 1);
}
END_TEST

static const struct {
	enum sync_state state;
	const char *answer;
	const char *why;
} nonsense[] = {
	{SYNC_IDLE, "SUM AAAAAAAAAAA=", "it answers what was not asked"},
	{SYNC_IDLE, "WAIT", "it answers what was not asked"},
	{SYNC_IDLE, "HASHES 1", "it answers what was not asked"},
	{SYNC_SUMMING, "SUM AAAA", "its digests are none"},
	{SYNC_SUMMING, "SUM AAAAAAAAAAAAAAAAAAAAAA==", "its digests are none"},
	{SYNC_SUMMING, "SUMS AAAAAAAAAAA=", "it answers what was not asked"},
	{SYNC_SORTING, "SUMS AAAAAAAAAAA=", "its digests are none"},
	{SYNC_SORTING, "SUMS", "its digests are none"},
	{SYNC_SORTING, "SUM AAAAAAAAAAA=", "it answers what was not asked"},
	{SYNC_REPAIRING, "HASHES 1023", "it lists what was not asked for"},
	{SYNC_REPAIRING, "HASHES 1 AAAA", "its hashes are none"},
	{SYNC_REPAIRING, "HASHES 1 AAAAAAAAAAAA", "its hashes are none"},
	{SYNC_REPAIRING, "WAIT", "it answers what was not asked"},
};

static unsigned client_in(unsigned bucket)
{
	for (unsigned i = 0;; i++)
		if (bucket_of(ours, i) == bucket)
			return i;
}

/* Bring the dialler, which holds a line in bucket 1 that the other has not,
 * into that state. */
static void bring_to(enum sync_state state)
{
	bool updates;

	put(ours, client_in(1), 2);
	put(theirs, client_in(1), 1);
	age();
	if (state == SYNC_IDLE) {
		sync_begin(&sync, now_ns, now_ns + 1);
		return;
	}
	sync_begin(&sync, now_ns, now_ns);
	for (;;) {
		struct buf answers = {0};
		size_t len = sync_pump(&sync, now_ns, INTERVAL_NS, page,
			sizeof page, &updates);

		ck_assert_uint_gt(len, 0);
		if (sync.state == state)
			return;
		if (sync.state == SYNC_SUMMING)
			ck_assert_int_eq(
				holdings_tell_sum(theirs, &answers), 0);
		else
			ck_assert_int_eq(
				holdings_tell_sums(theirs, &answers), 0);
		hear(buf_text(&answers));
		buf_fini(&answers);
	}
}

START_TEST(answers_that_are_none)
{
	struct line line;

	bring_to(nonsense[_i].state);
	line_parse(text_of(nonsense[_i].answer), &line);
	ck_assert_str_eq(
		sync_take(&sync, &line, now_ns, INTERVAL_NS), nonsense[_i].why);
}
END_TEST

START_TEST(a_list_without_end)
{
	static char hashes[LINE_LINK_MAX];
	size_t len = (size_t)snprintf(hashes, sizeof hashes, "HASHES 1 ");
	struct line line;
	const char *why = NULL;

	memset(hashes + len, 'A', 32 * 1024);
	bring_to(SYNC_REPAIRING);
	line_parse((struct text){hashes, len + 32 * 1024}, &line);
	for (int i = 0; i < SYNC_HASHES_MAX / 3072 + 1 && !why; i++)
		why = sync_take(&sync, &line, now_ns, INTERVAL_NS);
	ck_assert_str_eq(why, "it lists more than buckets can hold");
}
END_TEST

START_TEST(out_of_memory)
{
	struct line line;

	bring_to(SYNC_REPAIRING);
	line_parse(text_of("HASHES 1 AAAAAAAAAAA="), &line);
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, 12);
	ck_assert_str_eq(
		sync_take(&sync, &line, now_ns, INTERVAL_NS), "out of memory");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync");
	TCase *tcase = tcase_create("sync");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, equal_servers_say_little);
	tcase_add_test(tcase, an_empty_one_gets_everything);
	tcase_add_test(tcase, who_has_nothing_gives_nothing);
	tcase_add_test(tcase, only_what_is_missing_is_sent);
	tcase_add_test(tcase, young_lines_wait);
	tcase_add_test(tcase, in_the_very_moment_of_the_link);
	tcase_add_test(tcase, lines_of_the_very_moment_wait);
	tcase_add_test(tcase, who_stops_does_not_wait);
	tcase_add_test(tcase, what_will_not_agree_is_left_alone);
	tcase_add_test(tcase, who_is_busy_is_asked_again);
	tcase_add_test(tcase, it_gets_busy_meanwhile);
	tcase_add_test(tcase, a_crowded_bucket);
	tcase_add_test(tcase, all_buckets_differ);
	tcase_add_test(tcase, one_client_among_a_million);
	tcase_add_loop_test(
		tcase, answers_that_are_none, 0, HERD_COUNT(nonsense));
	tcase_add_test(tcase, a_list_without_end);
	tcase_add_test(tcase, out_of_memory);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
