/* The walk through a bucket: nothing is missed, whatever happens meanwhile. */
#include "herd/store.h"

#include <check.h>
#include <stdatomic.h>

#include "herd/line.h"
#include "herd/thread.h"
#include "store_sample.h"
#include "sys_fault.h"

#define CLIENTS 1500
#define BUCKET  77 /* the one that the tests fill */

static const unsigned shards[] = {1, 8, 1024};

static size_t blocks_before;
static struct store *store;
static struct sample sample;
static unsigned members[CLIENTS]; /* clients of BUCKET */
static unsigned bucket_of_others[CLIENTS];
static char dst[4 * (LINE_LINK_MAX + 1)];

/* With as many shards as buckets, a key tells the bucket. */
static void find_members(void)
{
	struct store *guide;
	unsigned count = 0;

	HERD_ASSERT(!store_new(&(struct store_options){0}, &guide));
	for (unsigned client = 0; count < CLIENTS; client++) {
		char id[32];
		int len = snprintf(id, sizeof id, "client-%u", client);
		unsigned bucket =
			store_key_of(guide, (struct text){id, (size_t)len})
				.shard;

		if (bucket == BUCKET)
			members[count++] = client;
		if (client < CLIENTS)
			bucket_of_others[client] = bucket;
	}
	store_free(guide);
}

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

static void open_store(bool shared, unsigned shard_count)
{
	struct store_options options = {
		.shards = shard_count, .shared = shared};

	ck_assert_int_eq(store_new(&options, &store), 0);
}

static void put_at(unsigned client, int64_t stamp, size_t len, int64_t now_ns)
{
	struct store_source source = {.now_ns = now_ns};
	enum store_result result;

	sample_make(&sample, client, stamp, 0, len);
	ck_assert_int_eq(sample_put(store, &sample, &source, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
}

static void put(unsigned client, int64_t stamp, size_t len)
{
	put_at(client, stamp, len, 0);
}

/* How often a walk gave each client, and the stamp it gave last. */
static unsigned times[CLIENTS * 1200];
static int64_t stamps[CLIENTS * 1200];

static void count_page(const struct store_walk *walk)
{
	char *line = walk->dst;
	char *end;

	ck_assert_uint_le(walk->lines, STORE_WALK_LINES);
	ck_assert_uint_le(walk->len, walk->room);
	for (unsigned i = 0; i < walk->lines; i++, line = end + 1) {
		unsigned client = sample_client(line);

		end = memchr(
			line, '\n', (size_t)(walk->dst + walk->len - line));
		ck_assert_ptr_nonnull(end);
		ck_assert_uint_lt(client, HERD_COUNT(times));
		times[client]++;
		stamps[client] = sample_stamp(line);
		*end = '\0';
		ck_assert_uint_lt((size_t)(end - line), sizeof dst);
		sample_make(&sample, client, stamps[client], 0,
			(size_t)(end - line));
		ck_assert_str_eq(line, sample.line);
	}
	ck_assert_ptr_eq(line, walk->dst + walk->len);
}

static void walk_all(unsigned bucket, size_t room)
{
	struct store_walk walk = {.bucket = bucket, .dst = dst, .room = room};

	while (store_walk(store, &walk, 0))
		count_page(&walk);
	ck_assert_uint_eq(walk.lines, 0);
	ck_assert_uint_eq(walk.len, 0);
}

/* --- nothing happens meanwhile -------------------------------------------- */

static const size_t rooms[] = {81, 100, 1000, sizeof dst};

/* Each line once, in its own bucket and nowhere else. */
START_TEST(gives_each_line_once)
{
	open_store(_i & 1, shards[_i / 2 % 3]);
	memset(times, 0, sizeof times);
	for (unsigned client = 0; client < CLIENTS; client++)
		put(client, client, 80);
	for (unsigned bucket = 0; bucket < STORE_BUCKETS; bucket++) {
		walk_all(bucket, rooms[_i / 6]);
		if (bucket % 64)
			continue;
		for (unsigned client = 0; client < CLIENTS; client++)
			ck_assert_uint_eq(times[client],
				bucket_of_others[client] <= bucket);
	}
	for (unsigned client = 0; client < CLIENTS; client++) {
		ck_assert_uint_eq(times[client], 1);
		ck_assert_int_eq(stamps[client], client);
	}
}
END_TEST

START_TEST(fills_its_pages)
{
	struct store_walk walk = {
		.bucket = BUCKET, .dst = dst, .room = sizeof dst};
	unsigned lines = 0;
	unsigned pages = 0;

	open_store(_i, 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		put(members[i], 1, 80);
	for (; store_walk(store, &walk, 0); pages++)
		lines += walk.lines;
	ck_assert_uint_eq(lines, CLIENTS);
	ck_assert_uint_le(pages, 2 * CLIENTS / STORE_WALK_LINES);
}
END_TEST

START_TEST(gives_long_lines)
{
	unsigned clients[] = {members[0], members[1], members[2], members[3]};

	open_store(_i & 1, shards[_i / 2]);
	memset(times, 0, sizeof times);
	for (unsigned i = 0; i < HERD_COUNT(clients); i++)
		put(clients[i], 1, SAMPLE_LINE_MAX - i);
	walk_all(BUCKET, LINE_LINK_MAX + 1);
	for (unsigned i = 0; i < HERD_COUNT(clients); i++)
		ck_assert_uint_eq(times[clients[i]], 1);
}
END_TEST

/* The longest line there is passes through the store unharmed. */
START_TEST(gives_the_longest_line)
{
	static char line[LINE_LINK_MAX];
	struct sighting s = {.line = {line, sizeof line},
		.id = {line + 7, 1},
		.stamp_ns = 1};
	struct store_walk walk = {.dst = dst, .room = sizeof line + 1};
	struct store_source source = {0};
	enum store_result result;
	unsigned found = 0;

	memset(line, '5', sizeof line);
	memcpy(line, "AT A 0 k ", 9);
	open_store(_i & 1, shards[_i / 2]);
	for (; s.stamp_ns < 3; s.stamp_ns++) { /* a new one, and in its place */
		ck_assert_int_eq(store_put(store, store_key_of(store, s.id), &s,
					 &source, &result),
			0);
		ck_assert_int_eq(result, STORE_NEWER);
	}
	for (walk.bucket = 0; walk.bucket < STORE_BUCKETS; walk.bucket++) {
		walk.at = walk.mask = 0;
		while (store_walk(store, &walk, 0)) {
			if (!walk.lines)
				continue;
			found++;
			ck_assert_uint_eq(walk.len, sizeof line + 1);
			ck_assert_mem_eq(dst, line, sizeof line);
			ck_assert_int_eq(dst[sizeof line], '\n');
		}
	}
	ck_assert_uint_eq(found, 1);
}
END_TEST

START_TEST(waits_for_room)
{
	struct store_walk walk = {.bucket = BUCKET, .dst = dst, .room = 80};

	open_store(_i & 1, shards[_i / 2]);
	put(members[0], 1, 80);
	for (int i = 0; i < 3; i++) {
		ck_assert(store_walk(store, &walk, 0));
		ck_assert_uint_eq(walk.lines, 0);
		ck_assert_uint_eq(walk.len, 0);
	}
	walk.room = 81;
	ck_assert(store_walk(store, &walk, 0));
	ck_assert_uint_eq(walk.lines, 1);
	ck_assert_uint_eq(walk.len, 81);
	ck_assert_int_eq(dst[80], '\n');
	while (store_walk(store, &walk, 0))
		ck_assert_uint_eq(walk.lines, 0);
	ck_assert(!store_walk(store, &walk, 0));
}
END_TEST

START_TEST(tells_when_lines_changed)
{
	const int64_t now = INT64_C(5000) * 3600 * HERD_SECOND_NS;
	const int64_t week = INT64_C(7) * 24 * 3600 * HERD_SECOND_NS;
	/* When each was put, and when it is said to have been. */
	const int64_t put_ns[] = {now, now - 5 * HERD_MS_NS,
		now + HERD_SECOND_NS, now - 2 * week, now - 5 * week};
	const int64_t said_ns[] = {
		now, now - 5 * HERD_MS_NS, now, now - 2 * week, now - 3 * week};
	struct store_walk walk = {
		.bucket = BUCKET, .dst = dst, .room = sizeof dst};
	unsigned seen = 0;

	open_store(_i & 1, shards[_i / 2]);
	for (unsigned i = 0; i < HERD_COUNT(put_ns); i++) {
		put_at(members[i], 1, 80, put_ns[i] - HERD_SECOND_NS);
		put_at(members[i], 2 + i, 80, put_ns[i]); /* the last counts */
	}
	while (store_walk(store, &walk, now)) {
		char *line = dst;

		for (unsigned i = 0; i < walk.lines; i++, seen++) {
			int64_t which = sample_stamp(line) - 2;

			ck_assert_int_eq(walk.changed_ns[i], said_ns[which]);
			line = strchr(line, '\n') + 1;
		}
	}
	ck_assert_uint_eq(seen, HERD_COUNT(put_ns));
}
END_TEST

/* --- much happens meanwhile ----------------------------------------------- */

/* Long chains of full groups: a larger table takes most entries back to places
 * where a walk has been. */
static uint64_t hash_in_chains(struct text id)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < id.len; i++)
		hash = hash * 31 + (unsigned char)id.ptr[i];
	return hash << 6;
}

/* Between the pages lines are replaced and the table grows again and again:
 * what was there from the start comes all the same, and as it is by then. */
START_TEST(misses_nothing_while_the_table_grows)
{
	struct store_options options = {.shards = shards[_i / 4],
		.shared = _i & 1,
		.hash = _i & 2 ? hash_in_chains : NULL};
	struct store_walk walk = {.bucket = BUCKET,
		.dst = dst,
		.room = _i & 1 ? 700 : sizeof dst};
	unsigned had = 200;
	unsigned come = _i & 1 ? 10 : 150; /* with each page */
	unsigned known = had;
	uint64_t random = 11;
	int64_t stamp = 2;

	ck_assert_int_eq(store_new(&options, &store), 0);
	memset(times, 0, sizeof times);
	for (unsigned i = 0; i < had; i++)
		put(members[i], 1, 80);
	while (store_walk(store, &walk, 0)) {
		count_page(&walk);
		for (unsigned i = 0; i < come && known < CLIENTS; i++) {
			unsigned which =
				(unsigned)(sample_random(&random) % known);

			put(members[known++], 1, 80);
			put(members[which], stamp++, 80 + which % 300);
		}
	}
	ck_assert_uint_gt(known, 4 * had);
	for (unsigned i = 0; i < had; i++)
		ck_assert_uint_ge(times[members[i]], 1);
}
END_TEST

/* When the table does not grow, nothing comes twice. */
START_TEST(gives_nothing_twice_while_lines_change)
{
	struct store_walk walk = {.bucket = BUCKET,
		.dst = dst,
		.room = _i & 1 ? 700 : sizeof dst};
	int64_t stamp = 2;

	open_store(_i & 2, shards[_i / 4]);
	memset(times, 0, sizeof times);
	for (unsigned i = 0; i < 500; i++)
		put(members[i], 1, 80);
	while (store_walk(store, &walk, 0)) {
		count_page(&walk);
		for (unsigned i = 0; i < 50; i++, stamp++)
			put(members[stamp * 7 % 500], stamp, 80 + i * 5);
	}
	for (unsigned i = 0; i < 500; i++)
		ck_assert_uint_eq(times[members[i]], 1);
}
END_TEST

#define WRITERS 3

static atomic_uint writers_left;

struct writer {
	struct thread thread;
	unsigned number;
	struct sample sample;
	bool failed;
};

/* Old clients change, new ones come. */
static void write_all(void *arg)
{
	struct writer *w = arg;

	for (unsigned i = w->number; i < CLIENTS; i += WRITERS) {
		enum store_result result;

		for (unsigned k = 0; k < 4; k++) {
			unsigned which = k ? i * k % 100 : i;

			sample_make(&w->sample, members[which], i + 2, 0,
				80 + i * k % 250);
			if (sample_put(store, &w->sample,
				    &(struct store_source){0}, &result))
				w->failed = true;
		}
	}
	atomic_fetch_sub(&writers_left, 1);
}

START_TEST(walks_among_many_writers)
{
	static struct writer writers[WRITERS];
	bool last;

	open_store(true, shards[_i]);
	for (unsigned i = 0; i < 100; i++)
		put(members[i], 1, 80);
	atomic_store(&writers_left, WRITERS);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].number = i;
		ck_assert_int_eq(thread_start(&writers[i].thread, "writer", -1,
					 write_all, &writers[i]),
			0);
	}
	do {
		last = atomic_load(&writers_left) == 0;
		memset(times, 0, sizeof times);
		walk_all(BUCKET, sizeof dst);
		for (unsigned i = 0; i < 100; i++)
			ck_assert_uint_ge(times[members[i]], 1);
	} while (!last);
	for (unsigned i = 0; i < WRITERS; i++) {
		thread_join(&writers[i].thread);
		ck_assert(!writers[i].failed);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		ck_assert_uint_eq(times[members[i]], 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("walk");
	TCase *tcase = tcase_create("walk");
	SRunner *runner = srunner_create(suite);

	find_members();
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, gives_each_line_once, 0, 24);
	tcase_add_loop_test(tcase, fills_its_pages, 0, 2);
	tcase_add_loop_test(tcase, gives_long_lines, 0, 6);
	tcase_add_loop_test(tcase, gives_the_longest_line, 0, 6);
	tcase_add_loop_test(tcase, waits_for_room, 0, 6);
	tcase_add_loop_test(tcase, tells_when_lines_changed, 0, 6);
	tcase_add_loop_test(tcase, misses_nothing_while_the_table_grows, 0, 12);
	tcase_add_loop_test(
		tcase, gives_nothing_twice_while_lines_change, 0, 12);
	tcase_add_loop_test(tcase, walks_among_many_writers, 0, 3);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
