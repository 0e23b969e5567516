/* The change feed: readers that are added while it runs, pages that are asked
 * to be short, and how far each reader is behind. */
#include "herd/store.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "herd/thread.h"
#include "store_sample.h"
#include "sys_fault.h"

#define CLIENTS 200
#define NOW_NS  (INT64_C(1000) * HERD_SECOND_NS)
#define WEEK_NS (INT64_C(7) * 24 * 3600 * HERD_SECOND_NS)
#define WRAP_NS (INT64_C(0x100000000) * HERD_MS_NS)

static size_t blocks_before;
static struct store *store;
static struct sample sample;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	store_free(store);
	store = NULL;
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void open_store(bool shared, unsigned shards)
{
	struct store_options options = {.shards = shards, .shared = shared};

	ck_assert_int_eq(store_new(&options, &store), 0);
}

static void put_at(
	unsigned client, int64_t stamp, uint32_t origin, int64_t now_ns)
{
	struct store_source source = {.origin = origin, .now_ns = now_ns};
	enum store_result result;

	sample_make(&sample, client, stamp, 0, stamp % 3 ? 80 : 200);
	ck_assert_int_eq(sample_put(store, &sample, &source, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
}

/* How many lines the feed still has for the reader. */
static unsigned read_all(unsigned reader, uint32_t skip_origin)
{
	static char dst[65536];
	struct feed_page page = {.dst = dst, .room = sizeof dst};
	unsigned lines = 0;

	for (unsigned shard = 0; shard < store_shards(store); shard++)
		do {
			feed_read(store, reader, shard, skip_origin, &page);
			lines += page.lines;
		} while (page.more);
	return lines;
}

static struct feed_lag measure(
	unsigned reader, uint32_t skip_origin, unsigned max, int64_t now_ns)
{
	struct feed_lag lag = {0};

	for (unsigned shard = 0; shard < store_shards(store); shard++)
		feed_measure(
			store, reader, shard, skip_origin, max, now_ns, &lag);
	return lag;
}

/* --- readers come --------------------------------------------------------- */

START_TEST(reserve_keeps_bookmarks)
{
	open_store(_i, 4);
	put_at(1, 1, 0, 0);
	ck_assert_int_eq(feed_reserve(store, 0), 0);
	ck_assert_int_eq(feed_reserve(store, 2), 0);
	ck_assert_uint_eq(read_all(0, 0), 1);
	ck_assert_uint_eq(read_all(1, 0), 1);
	ck_assert_int_eq(feed_reserve(store, 1), 0); /* there are more */
	put_at(2, 1, 0, 0);
	ck_assert_int_eq(feed_reserve(store, 5), 0);
	ck_assert_uint_eq(read_all(0, 0), 1);
	ck_assert_uint_eq(read_all(1, 0), 1);
	for (unsigned reader = 2; reader < 5; reader++)
		ck_assert_uint_eq(read_all(reader, 0), 2);
	/* The new ones step back as the old ones do. */
	put_at(2, 2, 0, 0);
	put_at(2, 3, 0, 0);
	for (unsigned reader = 0; reader < 5; reader++)
		ck_assert_uint_eq(read_all(reader, 0), 1);
}
END_TEST

START_TEST(reserve_survives_lack_of_memory)
{
	open_store(_i, 4);
	for (unsigned readers = 1; readers < 4; readers++) {
		size_t blocks = sys_fault_blocks();

		sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
		ck_assert_int_eq(feed_reserve(store, readers), -ENOMEM);
		ck_assert(sys_fault_fired(SYS_FAULT_ALLOC));
		ck_assert_uint_eq(sys_fault_blocks(), blocks);
		put_at(readers, 1, 0, 0);
		for (unsigned r = 0; r < readers - 1; r++)
			ck_assert_uint_eq(read_all(r, 0), 1);
		ck_assert_int_eq(feed_reserve(store, readers), 0);
		ck_assert_uint_eq(read_all(readers - 1, 0), readers);
	}
}
END_TEST

#define WRITERS 3
#define PUTS    6000 /* per writer */
#define READERS 24

static atomic_uint writers_left;

struct writer {
	struct thread thread;
	uint64_t random;
	unsigned first; /* of its own clients */
	struct sample sample;
	bool failed;
};

/* Each has clients of its own, so that every put is news. */
static void write_all(void *arg)
{
	struct writer *w = arg;

	for (int64_t stamp = 1; stamp <= PUTS; stamp++) {
		uint64_t r = sample_random(&w->random);
		unsigned client = w->first + (unsigned)(r % CLIENTS);
		struct store_source source = {.now_ns = stamp};
		enum store_result result = STORE_STALE;

		if (stamp <= CLIENTS) /* so that each is known at the end */
			client = w->first + (unsigned)(stamp - 1);
		sample_make(&w->sample, client, stamp, 0,
			r >> 20 & 1 ? 80 : (r >> 24) % 400);
		if (sample_put(store, &w->sample, &source, &result) ||
			result != STORE_NEWER)
			w->failed = true;
	}
	atomic_fetch_sub(&writers_left, 1);
}

/* The last stamp that each reader was given of each client. */
static int64_t given[READERS][WRITERS * CLIENTS];

static void follow_shard(unsigned reader, unsigned shard)
{
	static char dst[65536];
	struct feed_page page = {.dst = dst, .room = sizeof dst};

	do {
		const char *line = dst;

		feed_read(store, reader, shard, 0, &page);
		for (unsigned i = 0; i < page.lines; i++) {
			int64_t *last = &given[reader][sample_client(line)];

			ck_assert_int_gt(sample_stamp(line), *last);
			*last = sample_stamp(line);
			line = strchr(line, '\n') + 1;
		}
	} while (page.more);
}

static void follow(unsigned reader)
{
	for (unsigned shard = 0; shard < store_shards(store); shard++)
		follow_shard(reader, shard);
}

START_TEST(reserves_under_many_writers)
{
	static struct writer writers[WRITERS];
	unsigned readers = 0;

	open_store(true, 1u << _i);
	memset(given, 0, sizeof given);
	atomic_store(&writers_left, WRITERS);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].random = 77 + i;
		writers[i].first = i * CLIENTS;
		ck_assert_int_eq(thread_start(&writers[i].thread, "writer", -1,
					 write_all, &writers[i]),
			0);
	}
	while (readers < READERS || atomic_load(&writers_left)) {
		if (readers < READERS)
			ck_assert_int_eq(feed_reserve(store, ++readers), 0);
		for (unsigned r = 0; r < readers; r++)
			follow(r);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		thread_join(&writers[i].thread);
		ck_assert(!writers[i].failed);
	}
	for (unsigned r = 0; r < READERS; r++) {
		follow(r);
		ck_assert_mem_eq(given[r], given[0], sizeof given[0]);
	}
	ck_assert_uint_eq(store_count(store), WRITERS * CLIENTS);
}
END_TEST

/* --- short pages ---------------------------------------------------------- */

START_TEST(gives_as_many_as_asked_for)
{
	static char dst[65536];
	struct feed_page page = {
		.dst = dst, .room = sizeof dst, .max_lines = 2};

	open_store(_i, 1);
	ck_assert_int_eq(feed_reserve(store, 1), 0);
	put_at(1, 1, 0, 0);
	put_at(2, 1, 7, 0); /* left out: does not count */
	put_at(3, 1, 0, 0);
	put_at(4, 1, 0, 0);
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, 2);
	ck_assert(page.more);
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, 1);
	ck_assert_uint_eq(sample_client(dst), 4);
	ck_assert(!page.more);

	for (unsigned i = 0; i < FEED_PAGE_LINES + 1; i++)
		put_at(i, 2, 0, 0);
	page.max_lines = 1000; /* one lock hold has its limit all the same */
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, FEED_PAGE_LINES);
	ck_assert(page.more);
}
END_TEST

/* --- how far behind ------------------------------------------------------- */

/* Against a model, and what feed_read then gives. */
START_TEST(measures_what_will_be_read)
{
	int64_t changed[CLIENTS] = {0}; /* since the last reading; 0: not */
	uint32_t origin[CLIENTS] = {0};
	uint64_t random = 5;

	open_store(_i & 1, _i & 2 ? 8 : 1);
	ck_assert_int_eq(feed_reserve(store, 1), 0);
	for (int64_t stamp = 1; stamp < 20000; stamp++) {
		uint64_t r = sample_random(&random);
		unsigned client = (unsigned)(r % CLIENTS);
		int64_t now_ns = NOW_NS + stamp * HERD_MS_NS;
		int64_t oldest = now_ns;
		uint64_t lines = 0;
		struct feed_lag lag;

		changed[client] = now_ns;
		origin[client] = (uint32_t)(r >> 20) % 3;
		put_at(client, stamp, origin[client], now_ns);
		if (r >> 30 & 63)
			continue;
		for (unsigned i = 0; i < CLIENTS; i++)
			if (changed[i] && origin[i] != 2) {
				lines++;
				if (changed[i] < oldest)
					oldest = changed[i];
			}
		lag = measure(0, 2, CLIENTS, now_ns);
		ck_assert_uint_eq(lag.lines, lines);
		ck_assert_int_eq(lag.age_ns, now_ns - oldest);
		ck_assert(!lag.more);
		ck_assert_uint_eq(read_all(0, 2), lines);
		lag = measure(0, 2, CLIENTS, now_ns);
		ck_assert_uint_eq(lag.lines, 0);
		ck_assert_int_eq(lag.age_ns, 0);
		memset(changed, 0, sizeof changed);
	}
}
END_TEST

START_TEST(measures_so_many_at_once)
{
	struct feed_lag lag;

	open_store(_i, 1);
	ck_assert_int_eq(feed_reserve(store, 1), 0);
	lag = measure(0, 0, 0, NOW_NS);
	ck_assert(!lag.more);
	for (unsigned i = 0; i < 10; i++)
		put_at(i, 1, i % 2, NOW_NS + i * HERD_SECOND_NS);
	lag = measure(0, 0, 0, NOW_NS);
	ck_assert_uint_eq(lag.lines, 0);
	ck_assert(lag.more);
	lag = measure(0, 1, 9, NOW_NS + 60 * HERD_SECOND_NS);
	ck_assert_uint_eq(lag.lines, 5);
	ck_assert_int_eq(lag.age_ns, 60 * HERD_SECOND_NS);
	ck_assert(lag.more);
	lag = measure(0, 1, 10, NOW_NS);
	ck_assert_uint_eq(lag.lines, 5);
	ck_assert(!lag.more);
}
END_TEST

/* When the change was, when the look is, how old it is said to be. */
static const struct {
	int64_t changed_ns, now_ns, age_ns;
} ages[] = {
	{NOW_NS, NOW_NS, 0},
	{NOW_NS, NOW_NS + HERD_MS_NS, HERD_MS_NS},
	{NOW_NS + HERD_SECOND_NS, NOW_NS, 0}, /* another thread's clock */
	{0, 3 * WEEK_NS - HERD_MS_NS, 3 * WEEK_NS - HERD_MS_NS},
	{0, 3 * WEEK_NS + HERD_MS_NS, 3 * WEEK_NS},
	{0, 7 * WEEK_NS, 3 * WEEK_NS},
	/* The milliseconds start over. */
	{WRAP_NS - HERD_MS_NS, WRAP_NS + 10 * HERD_MS_NS, 11 * HERD_MS_NS},
	{WRAP_NS + HERD_MS_NS, WRAP_NS - HERD_MS_NS, 0},
};

START_TEST(tells_ages)
{
	struct feed_lag lag;

	open_store(false, 1);
	ck_assert_int_eq(feed_reserve(store, 1), 0);
	put_at(1, 1, 0, ages[_i].changed_ns);
	lag = measure(0, 0, 1, ages[_i].now_ns);
	ck_assert_uint_eq(lag.lines, 1);
	ck_assert_int_eq(lag.age_ns, ages[_i].age_ns);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("feed_lag");
	TCase *tcase = tcase_create("feed_lag");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, reserve_keeps_bookmarks, 0, 2);
	tcase_add_loop_test(tcase, reserve_survives_lack_of_memory, 0, 2);
	tcase_add_loop_test(tcase, reserves_under_many_writers, 0, 4);
	tcase_add_loop_test(tcase, gives_as_many_as_asked_for, 0, 2);
	tcase_add_loop_test(tcase, measures_what_will_be_read, 0, 4);
	tcase_add_loop_test(tcase, measures_so_many_at_once, 0, 2);
	tcase_add_loop_test(tcase, tells_ages, 0, HERD_COUNT(ages));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
