/* The digests of the store against a model of what it holds. */
#include "herd/store.h"

#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "herd/thread.h"
#include "store_sample.h"
#include "sys_fault.h"

#define SEED    0x1234567890abcdef
#define CLIENTS 3000

static const struct store_options kinds[] = {
	{.shards = 1, .seed = SEED},
	{.shards = 8, .seed = SEED},
	{.shards = 1024, .seed = SEED},
	{.shards = 1, .shared = true},
	{.shards = 8, .shared = true, .seed = 1},
	{.shards = 0, .shared = true, .seed = UINT64_MAX},
};

static size_t blocks_before;
static struct store *store;
static uint64_t seed;
static struct sample sample;

/* Of each client, the hash of the line that must be held; and its bucket. */
static uint64_t hashes[CLIENTS];
static unsigned buckets[CLIENTS];

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	memset(hashes, 0, sizeof hashes);
}

static void tear_down(void)
{
	store_free(store);
	store = NULL;
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void open_store(const struct store_options *options)
{
	ck_assert_int_eq(store_new(options, &store), 0);
	seed = options->seed;
}

static uint64_t hash_of(struct text bytes)
{
	return XXH3_64bits_withSeed(bytes.ptr, bytes.len, seed);
}

static void note(unsigned client)
{
	hashes[client] = hash_of(sample.s.line);
	buckets[client] = (unsigned)(hash_of(sample.s.id) >> 54);
}

static enum store_result put(
	unsigned client, int64_t stamp, unsigned variant, size_t len)
{
	enum store_result result;

	sample_make(&sample, client, stamp, variant, len);
	ck_assert_int_eq(
		sample_put(store, &sample, &(struct store_source){0}, &result),
		0);
	if (result == STORE_NEWER)
		note(client);
	return result;
}

static void assert_digests(void)
{
	uint64_t expected[STORE_BUCKETS] = {0};
	uint64_t digests[STORE_BUCKETS];
	uint64_t all = 0;

	for (unsigned client = 0; client < CLIENTS; client++) {
		expected[buckets[client]] ^= hashes[client];
		all ^= hashes[client];
	}
	store_digests(store, digests);
	ck_assert_mem_eq(digests, expected, sizeof digests);
	ck_assert_uint_eq(store_digest(store), all);
}

START_TEST(agree_with_model)
{
	uint64_t random = 4711;
	unsigned stale = 0;

	open_store(&kinds[_i]);
	assert_digests();
	for (int i = 0; i < 20000; i++) {
		unsigned client = (unsigned)(sample_random(&random) % CLIENTS);
		int64_t stamp = (int64_t)(sample_random(&random) % 50);
		unsigned variant = (unsigned)(sample_random(&random) % 10);
		size_t len = sample_random_len(&random);

		stale += put(client, stamp, variant, len) == STORE_STALE;
		if (i % 97 == 0)
			assert_digests();
	}
	ck_assert_uint_gt(stale, 1000);
	assert_digests();
}
END_TEST

/* One kind of change after the other, each looked at by itself. */
START_TEST(follow_each_kind_of_change)
{
	open_store(&kinds[_i]);
	ck_assert_uint_eq(store_digest(store), 0);
	put(1, 1, 0, 80);
	assert_digests();
	put(1, 2, 0, 80); /* the line fits */
	assert_digests();
	put(1, 3, 0, 800); /* outgrows its entry */
	assert_digests();
	put(1, 4, 0, 80); /* would leave it idle */
	assert_digests();
	ck_assert_int_eq(put(1, 4, 0, 80), STORE_STALE);
	ck_assert_int_eq(put(1, 3, 0, 80), STORE_STALE);
	assert_digests();
	put(2, 4, 0, 80);
	assert_digests();
	ck_assert_uint_ne(store_digest(store), 0);
}
END_TEST

START_TEST(survive_lack_of_memory)
{
	open_store(&kinds[_i]);
	for (unsigned i = 0; i < 300; i++) {
		struct store_source source = {0};
		enum store_result result;
		int rc;

		for (unsigned n = 0;; n++) {
			sample_make(&sample, i % 100, i, 0, 80 + i / 100 * 500);
			sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
			rc = sample_put(store, &sample, &source, &result);
			if (!sys_fault_fired(SYS_FAULT_ALLOC))
				break;
			ck_assert_int_eq(rc, -ENOMEM);
			assert_digests();
		}
		ck_assert_int_eq(rc, 0);
		note(i % 100);
		assert_digests();
	}
}
END_TEST

/* The same lines: the same digests, in whatever order they came and however
 * many shards there are; with another seed, others. */
START_TEST(depend_on_lines_and_seed)
{
	uint64_t first[STORE_BUCKETS];
	uint64_t digests[STORE_BUCKETS];

	for (size_t kind = 0; kind < HERD_COUNT(kinds); kind++) {
		open_store(&kinds[kind]);
		for (unsigned i = 0; i < 1000; i++)
			put(kind % 2 ? i : 999 - i, 1, 0, 80);
		store_digests(store, digests);
		if (kind == 0)
			memcpy(first, digests, sizeof first);
		ck_assert_int_eq(!memcmp(first, digests, sizeof first),
			kinds[kind].seed == SEED);
		store_free(store);
		store = NULL;
	}
}
END_TEST

START_TEST(line_hash_is_seeded_xxh3)
{
	struct text line = text_of("AT Hands +0.000000001 kiwi +34-118 5");

	open_store(&kinds[_i]);
	ck_assert_uint_eq(store_line_hash(store, line), hash_of(line));
}
END_TEST

/* --- many threads --------------------------------------------------------- */

#define WRITERS 3
#define PUTS    4000 /* per writer */

static atomic_uint writers_left;

struct writer {
	struct thread thread;
	uint64_t random;
	unsigned number;
	struct sample sample;
	bool failed;
};

/* All write to the same clients; stamps are one writer's alone, so that the
 * greatest wins. */
static void write_all(void *arg)
{
	struct writer *w = arg;

	for (int64_t i = 1; i <= PUTS; i++) {
		uint64_t r = sample_random(&w->random);
		enum store_result result;

		sample_make(&w->sample, (unsigned)(r % 100),
			i * WRITERS + w->number, 0,
			r >> 20 & 1 ? 80 : (r >> 24) % 400);
		if (sample_put(store, &w->sample, &(struct store_source){0},
			    &result))
			w->failed = true;
	}
	atomic_fetch_sub(&writers_left, 1);
}

START_TEST(follow_many_writers)
{
	static struct writer writers[WRITERS];

	open_store(&kinds[_i]);
	atomic_store(&writers_left, WRITERS);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].random = 77 + i;
		writers[i].number = i;
		ck_assert_int_eq(thread_start(&writers[i].thread, "writer", -1,
					 write_all, &writers[i]),
			0);
	}
	while (atomic_load(&writers_left))
		(void)store_digest(store);
	for (unsigned i = 0; i < WRITERS; i++) {
		thread_join(&writers[i].thread);
		ck_assert(!writers[i].failed);
	}
	for (unsigned client = 0; client < 100; client++) {
		struct buf held = {0};

		sample_make(&sample, client, 1, 0, 80);
		ck_assert_int_eq(
			store_get(store, store_key_of(store, sample.s.id),
				sample.s.id, &held),
			0);
		sample.s.line = (struct text){buf_front(&held), buf_len(&held)};
		note(client);
		buf_fini(&held);
	}
	assert_digests();
}
END_TEST

int main(void)
{
	const int kind_count = HERD_COUNT(kinds);
	Suite *suite = suite_create("digest");
	TCase *tcase = tcase_create("digest");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, agree_with_model, 0, kind_count);
	tcase_add_loop_test(tcase, follow_each_kind_of_change, 0, kind_count);
	tcase_add_loop_test(tcase, survive_lack_of_memory, 0, kind_count);
	tcase_add_test(tcase, depend_on_lines_and_seed);
	tcase_add_loop_test(tcase, line_hash_is_seeded_xxh3, 0, kind_count);
	tcase_add_loop_test(tcase, follow_many_writers, 3, kind_count);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
