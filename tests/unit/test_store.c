/* The store against a plain model: one thread and many, good hashes and bad. */
#include "herd/store.h"

#include <check.h>
#include <errno.h>

#include "herd/thread.h"
#include "store_sample.h"
#include "sys_fault.h"

static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static uint64_t hash_all_equal(struct text id)
{
	(void)id;
	return 42;
}

static uint64_t hash_low_bits_equal(struct text id)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < id.len; i++)
		hash = hash * 31 + (unsigned char)id.ptr[i];
	return hash << 16 | 0xffff;
}

static const struct store_options kinds[] = {
	{.shards = 0, .shared = false},
	{.shards = 0, .shared = true},
	{.shards = 1, .shared = true},
	{.shards = 16, .shared = false},
	{.shards = 1, .shared = false, .hash = hash_all_equal},
	{.shards = 4, .shared = true, .hash = hash_all_equal},
	{.shards = 1, .shared = true, .hash = hash_low_bits_equal},
};

static struct store *store_of_kind(int kind)
{
	struct store *store;

	ck_assert_int_eq(store_new(&kinds[kind], &store), 0);
	return store;
}

static int put(struct store *store, const struct sample *sample,
	enum store_result *ret_result)
{
	return sample_put(store, sample, &(struct store_source){0}, ret_result);
}

static int get(struct store *store, unsigned client, struct buf *into)
{
	char id[32];
	int len = snprintf(id, sizeof id, "client-%u", client);
	struct text text = {id, (size_t)len};

	return store_get(store, store_key_of(store, text), text, into);
}

/* --- one thread ----------------------------------------------------------- */

#define MODEL_CLIENTS 400
#define MODEL_PUTS    12000

struct model {
	struct text line[MODEL_CLIENTS]; /* owned; NULL: not known */
	int64_t stamp_ns[MODEL_CLIENTS];
	size_t count;
};

static bool model_put(
	struct model *m, unsigned client, const struct sighting *s)
{
	struct text *held = &m->line[client];
	char *copy;

	if (held->ptr && !sighting_wins(s->line, s->stamp_ns, *held,
				 m->stamp_ns[client]))
		return false;
	copy = malloc(s->line.len);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, s->line.ptr, s->line.len);
	if (!held->ptr)
		m->count++;
	free((void *)(uintptr_t)held->ptr);
	*held = (struct text){copy, s->line.len};
	m->stamp_ns[client] = s->stamp_ns;
	return true;
}

static void assert_holds(
	struct store *store, unsigned client, struct text expected)
{
	struct buf line = {0};

	if (!expected.ptr) {
		ck_assert_int_eq(get(store, client, &line), -ENOENT);
		ck_assert_uint_eq(buf_len(&line), 0);
	} else {
		ck_assert_int_eq(get(store, client, &line), 0);
		ck_assert(text_equal(expected,
			(struct text){buf_front(&line), buf_len(&line)}));
	}
	buf_fini(&line);
}

START_TEST(agrees_with_model)
{
	struct store *store = store_of_kind(_i);
	struct model *m = calloc(1, sizeof *m);
	struct sample *sample = malloc(sizeof *sample);
	uint64_t random = 4711;

	ck_assert(m && sample);
	for (int i = 0; i < MODEL_PUTS; i++) {
		unsigned client =
			(unsigned)(sample_random(&random) % MODEL_CLIENTS);
		int64_t stamp = (int64_t)(sample_random(&random) % 50);
		unsigned variant = (unsigned)(sample_random(&random) % 10);
		enum store_result result;

		sample_make(sample, client, stamp, variant,
			sample_random_len(&random));
		ck_assert_int_eq(put(store, sample, &result), 0);
		ck_assert_int_eq(result == STORE_NEWER,
			model_put(m, client, &sample->s));
		client = (unsigned)(sample_random(&random) % MODEL_CLIENTS);
		assert_holds(store, client, m->line[client]);
		ck_assert_uint_eq(store_count(store), m->count);
	}
	for (unsigned client = 0; client < MODEL_CLIENTS; client++) {
		assert_holds(store, client, m->line[client]);
		free((void *)(uintptr_t)m->line[client].ptr);
	}
	free(m);
	free(sample);
	store_free(store);
}
END_TEST

START_TEST(appends_to_what_is_there)
{
	struct store *store = store_of_kind(_i);
	struct sample *sample = malloc(sizeof *sample);
	struct buf into = {0};
	enum store_result result;

	ck_assert_ptr_nonnull(sample);
	sample_make(sample, 1, 1, 0, 5000);
	ck_assert_int_eq(put(store, sample, &result), 0);
	ck_assert_int_eq(buf_append(&into, "> ", 2), 0);
	ck_assert_int_eq(get(store, 1, &into), 0);
	ck_assert_uint_eq(buf_len(&into), 2 + 5000);
	ck_assert_mem_eq(buf_front(&into), "> ", 2);
	ck_assert_mem_eq(buf_front(&into) + 2, sample->line, 5000);
	ck_assert_int_eq(get(store, 2, &into), -ENOENT);
	ck_assert_uint_eq(buf_len(&into), 2 + 5000);
	buf_fini(&into);
	free(sample);
	store_free(store);
}
END_TEST

/* One id that starts another, and one that appears elsewhere in its line. */
START_TEST(tells_ids_apart)
{
	static const char *const lines[] = {
		"AT Hands +0.000000001 ab +34-118 1",
		"AT Hands +0.000000001 abc +34-118 1",
		"AT Hands +0.000000001 a +34-118 1",
		"AT Hands +0.000000001 Hands +34-118 1",
		"AT Hands +0.000000001 +34-118 +34-118 1",
	};
	struct store *store = store_of_kind(_i);

	for (unsigned round = 0; round < 2; round++)
		for (size_t i = 0; i < HERD_COUNT(lines); i++) {
			struct text line = text_of(lines[i]);
			const char *id =
				lines[i] + strlen("AT Hands +0.000000001 ");
			struct sighting s = {
				.line = line,
				.id = {id, (size_t)(strchr(id, ' ') - id)},
				.stamp_ns = 1,
			};
			struct buf held = {0};
			struct store_source source = {0};
			enum store_result result;
			struct store_key key = store_key_of(store, s.id);

			ck_assert_int_eq(
				store_put(store, key, &s, &source, &result), 0);
			ck_assert_int_eq(
				result, round ? STORE_STALE : STORE_NEWER);
			ck_assert_int_eq(store_get(store, key, s.id, &held), 0);
			ck_assert(
				text_equal(line, (struct text){buf_front(&held),
							 buf_len(&held)}));
			buf_fini(&held);
		}
	ck_assert_uint_eq(store_count(store), HERD_COUNT(lines));
	store_free(store);
}
END_TEST

START_TEST(spreads_ids_over_all_shards)
{
	struct store *store;
	struct store_options options = {.shards = 1u << _i};
	unsigned used = 0;
	bool seen[STORE_BUCKETS] = {false};

	ck_assert_int_eq(store_new(&options, &store), 0);
	ck_assert_uint_eq(store_shards(store), 1u << _i);
	for (unsigned client = 0; client < 20 * STORE_BUCKETS; client++) {
		char id[32];
		snprintf(id, sizeof id, "client-%u", client);
		uint32_t shard = store_key_of(store, text_of(id)).shard;
		ck_assert_uint_lt(shard, store_shards(store));
		used += !seen[shard];
		seen[shard] = true;
	}
	ck_assert_uint_eq(used, store_shards(store));
	store_free(store);
}
END_TEST

/* --- many threads --------------------------------------------------------- */

#define WRITERS        4
#define SHARED_CLIENTS 64
#define SHARED_PUTS    4000 /* per thread */

struct writer {
	struct thread thread;
	struct store *store;
	uint64_t random;
	struct sample *sample;
	struct model model; /* the winners among what this thread put */
	int64_t seen[SHARED_CLIENTS];
	bool failed;
};

/* What is read is whole, of the client asked for, and never older than what
 * was read before. */
static void check_one(struct writer *w, unsigned client, struct buf *line)
{
	int r = get(w->store, client, line);

	if (r == -ENOENT && !w->seen[client])
		return;
	if (r || buf_append(line, "", 1)) {
		w->failed = true;
		return;
	}
	const char *text = buf_front(line);
	int64_t stamp = sample_stamp(text);
	if (sample_client(text) != client || stamp < w->seen[client])
		w->failed = true;
	w->seen[client] = stamp;
	buf_clear(line);
}

static void write_and_read(void *arg)
{
	struct writer *w = arg;
	struct buf line = {0};

	for (int i = 0; i < SHARED_PUTS; i++) {
		uint64_t r = sample_random(&w->random);
		unsigned client = (unsigned)(r % SHARED_CLIENTS);
		int64_t stamp = 1 + i / 8;
		enum store_result result;

		sample_make(w->sample, client, stamp, (unsigned)(r >> 20) % 10,
			sample_random_len(&w->random));
		model_put(&w->model, client, &w->sample->s);
		if (put(w->store, w->sample, &result))
			w->failed = true;
		check_one(w, (unsigned)(r >> 40) % SHARED_CLIENTS, &line);
	}
	buf_fini(&line);
}

START_TEST(many_threads_agree_with_model)
{
	struct store *store = store_of_kind(_i);
	struct writer *writers = calloc(WRITERS, sizeof *writers);

	ck_assert_ptr_nonnull(writers);
	for (unsigned i = 0; i < WRITERS; i++) {
		struct writer *w = &writers[i];
		w->store = store;
		w->random = 1000 + i;
		w->sample = malloc(sizeof *w->sample);
		ck_assert_ptr_nonnull(w->sample);
		ck_assert_int_eq(thread_start(&w->thread, "writer", -1,
					 write_and_read, w),
			0);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		thread_join(&writers[i].thread);

	struct model *all = &writers[0].model;
	for (unsigned i = 0; i < WRITERS; i++) {
		struct model *m = &writers[i].model;
		ck_assert(!writers[i].failed);
		free(writers[i].sample);
		for (unsigned c = 0; i && c < SHARED_CLIENTS; c++) {
			struct sighting s = {
				.line = m->line[c],
				.stamp_ns = m->stamp_ns[c],
			};
			if (s.line.ptr)
				model_put(all, c, &s);
			free((void *)(uintptr_t)m->line[c].ptr);
		}
	}
	for (unsigned c = 0; c < SHARED_CLIENTS; c++) {
		assert_holds(store, c, all->line[c]);
		free((void *)(uintptr_t)all->line[c].ptr);
	}
	ck_assert_uint_eq(store_count(store), all->count);
	free(writers);
	store_free(store);
}
END_TEST

/* --- no memory ------------------------------------------------------------ */

START_TEST(new_survives_lack_of_memory)
{
	struct store *store = NULL;

	for (unsigned n = 0;; n++) {
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		int r = store_new(&kinds[_i], &store);
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			ck_assert_int_eq(r, 0);
			ck_assert_uint_gt(n, 0);
			break;
		}
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_ptr_null(store);
		ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	}
	store_free(store);
	store_free(NULL);

	store = NULL;
	sys_fault_reset();
	sys_fault_fail(SYS_FAULT_RANDOM, 0, 1, EIO);
	ck_assert_int_eq(store_new(&kinds[_i], &store), -EIO);
	ck_assert_ptr_null(store);
}
END_TEST

/* Each put is tried with its first allocation failing, then the second...: new
 * ids, among them such that the table must grow, and lines that outgrow their
 * entry or leave too much of it idle. */
START_TEST(put_survives_lack_of_memory)
{
	static const size_t lens[] = {80, 200, 3000, 100};
	struct store *store = store_of_kind(_i);
	struct sample *sample = malloc(sizeof *sample);
	struct model m = {.count = 0};
	unsigned most = 0;

	ck_assert_ptr_nonnull(sample);
	for (unsigned i = 0; i < 4 * 100; i++) {
		unsigned client = i % 100;
		size_t blocks = sys_fault_blocks();
		unsigned n = 0;

		sample_make(sample, client, i, 0, lens[i / 100]);
		for (;; n++) {
			enum store_result result = STORE_STALE;

			sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
			int r = put(store, sample, &result);
			bool fired = sys_fault_fired(SYS_FAULT_ALLOC);
			sys_fault_fail(SYS_FAULT_ALLOC, 0, 0, 0);
			if (!fired) {
				ck_assert_int_eq(r, 0);
				ck_assert_int_eq(result, STORE_NEWER);
				break;
			}
			ck_assert_int_eq(r, -ENOMEM);
			ck_assert_int_eq(result, STORE_STALE);
			assert_holds(store, client, m.line[client]);
			ck_assert_uint_eq(store_count(store), m.count);
			ck_assert_uint_eq(sys_fault_blocks(), blocks);
		}
		ck_assert_uint_ge(n, 1);
		most = n > most ? n : most;
		ck_assert(model_put(&m, client, &sample->s));
		assert_holds(store, client, m.line[client]);
	}
	ck_assert_uint_eq(most, 2);
	for (unsigned client = 0; client < 100; client++)
		free((void *)(uintptr_t)m.line[client].ptr);
	free(sample);
	store_free(store);
}
END_TEST

START_TEST(get_survives_lack_of_memory)
{
	struct store *store = store_of_kind(_i);
	struct sample *sample = malloc(sizeof *sample);
	struct buf into = {0};
	enum store_result result;

	ck_assert_ptr_nonnull(sample);
	sample_make(sample, 1, 1, 0, 5000);
	ck_assert_int_eq(put(store, sample, &result), 0);
	for (unsigned n = 0;; n++) {
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		int r = get(store, 1, &into);
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			ck_assert_int_eq(r, 0);
			break;
		}
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_uint_eq(buf_len(&into), 0);
		buf_fini(&into);
	}
	ck_assert_uint_eq(buf_len(&into), 5000);
	buf_fini(&into);
	free(sample);
	store_free(store);
}
END_TEST

/* The usual put touches the heap not at all, neither do stale ones. */
START_TEST(allocates_only_when_it_must)
{
	struct store *store = store_of_kind(_i);
	struct sample *sample = malloc(sizeof *sample);
	enum store_result result;

	ck_assert_ptr_nonnull(sample);
	sample_make(sample, 1, 10, 0, 90);
	ck_assert_int_eq(put(store, sample, &result), 0);
	unsigned calls = sys_fault_calls(SYS_FAULT_ALLOC);
	sample_make(sample, 1, 11, 0, 80);
	ck_assert_int_eq(put(store, sample, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	sample_make(sample, 1, 12, 0, 90);
	ck_assert_int_eq(put(store, sample, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
	sample_make(sample, 1, 9, 0, 5000);
	ck_assert_int_eq(put(store, sample, &result), 0);
	ck_assert_int_eq(result, STORE_STALE);
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_ALLOC), calls);
	free(sample);
	store_free(store);
}
END_TEST

int main(void)
{
	const int kind_count = HERD_COUNT(kinds);
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, agrees_with_model, 0, kind_count);
	tcase_add_loop_test(tcase, appends_to_what_is_there, 0, kind_count);
	tcase_add_loop_test(tcase, tells_ids_apart, 0, kind_count);
	tcase_add_loop_test(tcase, spreads_ids_over_all_shards, 0, 11);
	for (int i = 0; i < kind_count; i++)
		if (kinds[i].shared)
			tcase_add_loop_test(
				tcase, many_threads_agree_with_model, i, i + 1);
	tcase_add_loop_test(tcase, new_survives_lack_of_memory, 0, kind_count);
	tcase_add_loop_test(tcase, put_survives_lack_of_memory, 0, kind_count);
	tcase_add_loop_test(tcase, get_survives_lack_of_memory, 0, kind_count);
	tcase_add_loop_test(tcase, allocates_only_when_it_must, 0, kind_count);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
