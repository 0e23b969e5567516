/* Fetching entries ahead changes nothing, whatever happens to them meanwhile.
 * What it is good for, time, is measured elsewhere. */
#include "herd/store.h"

#include <check.h>
#include <stdatomic.h>

#include "herd/thread.h"
#include "store_sample.h"
#include "sys_fault.h"

#define FEW  200  /* are no large store, in one shard */
#define MANY 3000 /* are one */

static const struct store_options options = {.shards = 1, .shared = true};
static size_t blocks_before;
static struct store *store;
static atomic_bool ended;
static bool all_news = true;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	ck_assert_int_eq(store_new(&options, &store), 0);
}

static void tear_down(void)
{
	store_free(store);
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void prefetch(struct sample *sample, unsigned client)
{
	sample_make(sample, client, 1, 0, 80);
	store_prefetch(store, store_key_of(store, sample->s.id));
}

/* Clients up to `count`; their lines outgrow what they have. Whether all were
 * news. */
static bool fill(struct sample *sample, unsigned count, int64_t stamp)
{
	struct store_source source = {0};
	enum store_result result;
	bool news = true;

	for (unsigned client = 0; client < count; client++) {
		sample_make(sample, client, stamp, 0, 80 * (size_t)stamp);
		news &= !sample_put(store, sample, &source, &result) &&
			result == STORE_NEWER;
	}
	return news;
}

START_TEST(is_of_use_where_there_are_many)
{
	static struct sample sample;

	ck_assert(!store_is_large(store));
	ck_assert(fill(&sample, FEW, 1));
	ck_assert(!store_is_large(store));
	ck_assert(fill(&sample, MANY, 2));
	ck_assert(store_is_large(store));
}
END_TEST

START_TEST(changes_nothing)
{
	static struct sample sample;
	uint64_t digest;

	prefetch(&sample, 0); /* there is no table yet */
	ck_assert(fill(&sample, FEW, 1));
	digest = store_digest(store);
	for (unsigned client = 0; client < 2 * FEW; client++)
		prefetch(&sample, client);
	ck_assert_uint_eq(store_count(store), FEW);
	ck_assert_uint_eq(store_digest(store), digest);
}
END_TEST

static void write_all(void *arg)
{
	static struct sample sample;

	(void)arg;
	for (int64_t stamp = 1; stamp < 8; stamp++)
		all_news &= fill(&sample, MANY, stamp);
	atomic_store(&ended, true);
}

/* Tables grow and entries are freed under it: for the sanitizers. */
START_TEST(goes_on_beside_a_writer)
{
	static struct sample sample;
	struct thread writer;

	ck_assert_int_eq(
		thread_start(&writer, "writer", -1, write_all, NULL), 0);
	for (unsigned n = 0; !atomic_load(&ended); n++)
		prefetch(&sample, n % MANY);
	thread_join(&writer);
	ck_assert(all_news);
	ck_assert_uint_eq(store_count(store), MANY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prefetch");
	TCase *tcase = tcase_create("prefetch");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, is_of_use_where_there_are_many);
	tcase_add_test(tcase, changes_nothing);
	tcase_add_test(tcase, goes_on_beside_a_writer);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
