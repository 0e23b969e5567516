/* store - the map from client id to newest AT line.
 *
 * Nothing is allocated or freed while a shard is locked. So a store_put that
 * needs memory goes round a loop, the supplies being empty the first time:
 *
 *     lock --> try --> unlock --> done: free what is left of the supplies
 *       ^        \-> unlock --> something is missing: allocate it
 *       |                                                 |
 *       '-------------------------------------------------'
 *
 * The usual put, a client known whose line fits the allocation it has, needs
 * nothing; and whatever happens to the shard between two tries, each of them
 * looks at it afresh.
 *
 * Two hashes, because they serve two masters. The bucket hash is the same on
 * all servers, who compare their maps bucket by bucket; it chooses the shard,
 * so that a bucket lies under one lock. The table hash has a key of this
 * process only, so that no client can aim at a slot.
 *
 * The digests follow the feed, see compare.c. With as many shards as buckets, the
 * usual case, a bucket's lies in the shard itself, so that writers of different
 * shards do not meet in one cache line. */
#include "herd/store.h"

#include <errno.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "herd/sys.h"
#include "shard.h"

#define BUCKET_BITS 10
#define USUAL_LINE  256 /* most lines are shorter */

#define ENTRY_USUAL (3 * HERD_CACHE_LINE) /* most entries are no larger */

_Static_assert(1 << BUCKET_BITS == STORE_BUCKETS, "a bucket's number");

/* Where a table starts to be slow: seven of eight slots in use. */
static size_t table_limit(size_t groups)
{
	return groups * GROUP_SLOTS * 7 / 8;
}

static void table_set(struct shard *shard, struct group *groups, size_t mask)
{
	atomic_store_explicit(&shard->groups, groups, memory_order_relaxed);
	atomic_store_explicit(&shard->mask, mask, memory_order_relaxed);
}

/* Accepts NULL. */
static void table_free(const struct store *store, struct group *groups)
{
	if (groups != &store->no_group)
		sys_free(groups);
}

static bool entry_is_of(const struct entry *e, struct text id)
{
	/* An id is followed by a space in its line, and has none inside. */
	struct text from = entry_from_id(e);

	return id.len < from.len && from.ptr[id.len] == ' ' &&
	       !memcmp(from.ptr, id.ptr, id.len);
}

/* The slot of the entry of `id`, or NULL. */
static struct entry **table_find(
	const struct shard *shard, uint32_t hash, struct text id)
{
	struct group *groups = table_groups(shard);
	size_t mask = table_mask(shard);

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct group *g = &groups[i];

		for (unsigned k = 0; k < g->used; k++)
			if (g->hash[k] == hash && entry_is_of(g->entry[k], id))
				return &g->entry[k];
		if (g->used < GROUP_SLOTS)
			return NULL;
	}
}

/* Add an entry that is not there to a table that has a free slot. */
static void table_add(
	struct group *groups, size_t mask, uint32_t hash, struct entry *entry)
{
	size_t i = hash & mask;
	struct group *g;

	while (groups[i].used == GROUP_SLOTS)
		i = (i + 1) & mask;
	g = &groups[i];
	g->hash[g->used] = hash;
	g->entry[g->used] = entry;
	g->used++;
}

/* Move everything to a larger table; the one that is left is returned. */
static struct group *table_replace(
	struct shard *shard, struct group *groups, size_t mask)
{
	struct group *old = table_groups(shard);
	size_t old_mask = table_mask(shard);

	for (size_t i = 0; i <= old_mask; i++)
		for (unsigned k = 0; k < old[i].used; k++)
			table_add(
				groups, mask, old[i].hash[k], old[i].entry[k]);
	table_set(shard, groups, mask);
	shard->limit = table_limit(mask + 1);
	return old;
}

/* The bytes to allocate for an entry with a line of `line_len`, so that none
 * of what malloc hands out lies idle: its blocks come in steps of 16, each
 * with 8 bytes of malloc's own. The room for the line is then a multiple of 16
 * as well, the header being 40. */
static size_t entry_size(size_t line_len)
{
	return (offsetof(struct entry, line) + line_len + 8 + ENTRY_STEP - 1) /
		       ENTRY_STEP * ENTRY_STEP -
	       8;
}

/* Whether the next line may take the place of the last one. Not when it would
 * leave most of the room idle: one long line must not hold its memory for ever. */
static bool entry_fits(const struct entry *e, size_t line_len)
{
	size_t room = (size_t)e->room_steps * ENTRY_STEP;

	return line_len <= room && line_len >= room / 2;
}

/* The id is a field inside the line: what entry_is_of relies on. */
static bool sighting_is_whole(const struct sighting *s)
{
	const char *end = s->id.ptr + s->id.len;

	return s->line.len <= LINE_LINK_MAX && s->id.ptr > s->line.ptr &&
	       end < s->line.ptr + s->line.len && *end == ' ';
}

/* What is to be put. */
struct put {
	const struct sighting *s;
	const struct store_source *source;
	uint32_t hash; /* of the id, in the table */
};

/* The masks change nothing: they say so to the compiler. */
static void entry_write(struct entry *e, const struct put *put)
{
	const struct sighting *s = put->s;

	e->stamp_ns = s->stamp_ns;
	e->origin = put->source->origin;
	e->changed_ms = (uint32_t)(put->source->now_ns / HERD_MS_NS);
	e->id_at =
		(size_t)(s->id.ptr - s->line.ptr) & ((1 << ENTRY_LEN_BITS) - 1);
	e->digested = false;
	e->line_len = s->line.len & ((1 << ENTRY_LEN_BITS) - 1);
	memcpy(e->line, s->line.ptr, s->line.len);
}

static struct entry *entry_new(const struct put *put)
{
	size_t size = entry_size(put->s->line.len);
	struct entry *e = sys_alloc(size);

	if (!e)
		return NULL;
	e->room_steps = (size - offsetof(struct entry, line)) / ENTRY_STEP &
			((1 << ENTRY_ROOM_BITS) - 1);
	entry_write(e, put);
	return e;
}

/* Memory a put has at hand, and what the last try found missing. */
struct supplies {
	struct entry *entry; /* the sighting's; after the put, the replaced */
	struct group *groups;
	size_t mask; /* of groups */
	bool lack_entry;
	size_t lack_groups; /* a larger table, of that many groups; 0: none */
};

static int supplies_fetch(
	struct supplies *sup, const struct store *store, const struct put *put)
{
	if (sup->lack_entry) {
		sup->entry = entry_new(put);
		if (!sup->entry)
			return -ENOMEM;
	}
	if (sup->lack_groups) {
		size_t size = sup->lack_groups * sizeof *sup->groups;

		table_free(store, sup->groups);
		sup->groups = sys_alloc_aligned(HERD_CACHE_LINE, size);
		if (!sup->groups)
			return -ENOMEM;
		memset(sup->groups, 0, size);
		sup->mask = sup->lack_groups - 1;
	}
	return 0;
}

/* Note what a put that adds an entry, or replaces one, still lacks; false:
 * something. */
static bool supplies_suffice(
	struct supplies *sup, const struct shard *shard, bool replaces)
{
	size_t groups = table_mask(shard) + 1;
	bool full = !replaces && shard->count >= shard->limit;
	bool larger = sup->groups && sup->mask >= groups;

	sup->lack_entry = !sup->entry;
	sup->lack_groups = full && !larger ? groups * 2 : 0;
	return !sup->lack_entry && !sup->lack_groups;
}

/* Add an entry to the shard, or take the place of the one in `slot`. Called
 * under the write lock with everything that is needed. */
static void put_entry(const struct store *store, struct shard *shard,
	uint32_t hash, struct entry **slot, struct supplies *sup)
{
	struct entry *entry = sup->entry;

	if (slot) {
		feed_remove(store, shard, *slot);
		sup->entry = *slot;
		*slot = entry;
	} else {
		if (shard->count >= shard->limit) {
			HERD_ASSERT(sup->groups);
			sup->groups =
				table_replace(shard, sup->groups, sup->mask);
		}
		table_add(table_groups(shard), table_mask(shard), hash, entry);
		sup->entry = NULL;
		shard->count++;
	}
	feed_append(shard, entry);
}

/* Whether what is held stays. */
static bool put_is_stale(const struct put *put, const struct entry *held)
{
	const struct sighting *s = put->s;
	struct text line = entry_line(held);

	if (!sighting_wins(s->line, s->stamp_ns, line, held->stamp_ns))
		return true;
	return put->source->plain && sighting_echoes(line, held->stamp_ns, s);
}

/* Under the write lock. false: something is missing, see sup->lack_*. */
static bool put_try(const struct store *store, struct shard *shard,
	const struct put *put, struct supplies *sup, enum store_result *result)
{
	struct entry **slot = table_find(shard, put->hash, put->s->id);
	struct entry *held = slot ? *slot : NULL;
	bool fits = held && entry_fits(held, put->s->line.len);

	if (held && put_is_stale(put, held)) {
		*result = STORE_STALE;
		return true;
	}
	if (!fits && !supplies_suffice(sup, shard, held))
		return false;

	*result = STORE_NEWER;
	if (held)
		digest_forget(store, shard, held);
	if (fits) {
		feed_remove(store, shard, held);
		entry_write(held, put);
		feed_append(shard, held);
	} else {
		put_entry(store, shard, put->hash, slot, sup);
	}
	digest_follow(store, shard);
	return true;
}

/* One try under the lock. */
static bool put_locked(const struct store *store, struct shard *shard,
	const struct put *put, struct supplies *sup, enum store_result *result)
{
	bool done;

	shard_lock_write(store, shard);
	done = put_try(store, shard, put, sup, result);
	shard_unlock(store, shard);
	return done;
}

/* With whatever memory it takes, some of which the first try missed. */
static int put_with_supplies(struct store *store, struct shard *shard,
	const struct put *put, struct supplies *sup, enum store_result *result)
{
	int rc;

	do
		rc = supplies_fetch(sup, store, put);
	while (!rc && !put_locked(store, shard, put, sup, result));
	sys_free(sup->entry);
	table_free(store, sup->groups);
	return rc;
}

int store_put(struct store *store, struct store_key key,
	const struct sighting *s, const struct store_source *source,
	enum store_result *ret_result)
{
	struct shard *shard = &store->shards[key.shard];
	struct put put = {.s = s, .source = source, .hash = (uint32_t)key.hash};
	struct supplies sup = {0};
	enum store_result result;

	HERD_ASSERT(sighting_is_whole(s));
	if (!put_locked(store, shard, &put, &sup, &result)) {
		int rc = put_with_supplies(store, shard, &put, &sup, &result);

		if (rc)
			return rc;
	}
	*ret_result = result;
	return 0;
}

int store_get(struct store *store, struct store_key key, struct text id,
	struct buf *into)
{
	struct shard *shard = &store->shards[key.shard];
	size_t room = USUAL_LINE;

	for (;;) {
		char *dst = buf_reserve(into, room);
		struct entry **slot;
		size_t len = 0;

		if (!dst)
			return -ENOMEM;
		shard_lock_read(store, shard);
		slot = table_find(shard, (uint32_t)key.hash, id);
		if (slot) {
			len = (*slot)->line_len;
			if (len <= room)
				memcpy(dst, (*slot)->line, len);
		}
		shard_unlock(store, shard);

		if (!slot)
			return -ENOENT;
		if (len <= room) {
			buf_commit(into, len);
			return 0;
		}
		room = len;
	}
}

unsigned store_bucket_of(const struct store *store, struct text id)
{
	return (unsigned)(XXH3_64bits_withSeed(id.ptr, id.len, store->seed) >>
			  (64 - BUCKET_BITS));
}

uint64_t store_line_hash(const struct store *store, struct text line)
{
	return XXH3_64bits_withSeed(line.ptr, line.len, store->seed);
}

struct store_key store_key_of(const struct store *store, struct text id)
{
	struct store_key key = {
		.hash = store->hash ? store->hash(id)
				    : siphash(store->key, 1, 3, id),
		.shard = store_bucket_of(store, id) / shard_buckets(store),
	};
	const struct shard *shard = &store->shards[key.shard];

	/* Without the lock, so groups and mask may be of two tables, or of one
	 * that is gone: then the wrong place is prefetched, no more. */
	__builtin_prefetch(
		table_groups(shard) + ((uint32_t)key.hash & table_mask(shard)));
	return key;
}

bool store_is_large(const struct store *store)
{
	/* Ids are spread evenly: one shard stands for all. */
	return shard_is_large(&store->shards[0]);
}

void store_prefetch(struct store *store, struct store_key key)
{
	struct shard *shard = &store->shards[key.shard];
	const struct group *g;

	shard_lock_read(store, shard);
	g = table_groups(shard) + ((uint32_t)key.hash & table_mask(shard));
	for (unsigned k = 0; k < g->used; k++) {
		const char *entry = (const char *)g->entry[k];

		if (g->hash[k] != (uint32_t)key.hash)
			continue;
		for (size_t at = 0; at < ENTRY_USUAL; at += HERD_CACHE_LINE)
			__builtin_prefetch(entry + at, 1);
	}
	shard_unlock(store, shard);
}

unsigned store_shards(const struct store *store)
{
	return store->shard_count;
}

size_t store_count(struct store *store)
{
	size_t count = 0;

	for (unsigned i = 0; i < store->shard_count; i++) {
		struct shard *shard = &store->shards[i];

		shard_lock_read(store, shard);
		count += shard->count;
		shard_unlock(store, shard);
	}
	return count;
}

uint64_t store_seed_of(struct text secret)
{
	return secret.len ? XXH3_64bits(secret.ptr, secret.len) : 0;
}

int store_new(const struct store_options *options, struct store **ret_store)
{
	unsigned shards = options->shards ? options->shards : STORE_BUCKETS;
	struct store *store;
	int rc = -ENOMEM;

	HERD_ASSERT(shards <= STORE_BUCKETS && !(shards & (shards - 1)));
	store = sys_alloc_aligned(HERD_CACHE_LINE, sizeof *store);
	if (!store)
		return rc;
	*store = (struct store){
		.shard_count = shards,
		.shared = options->shared,
		.seed = options->seed,
		.hash = options->hash,
	};
	store->shards = sys_alloc_aligned(
		HERD_CACHE_LINE, shards * sizeof *store->shards);
	if (!store->shards)
		goto out_free_store;
	rc = sys_random(&store->key, sizeof store->key);
	if (rc)
		goto out_free_shards;

	for (unsigned i = 0; i < shards; i++) {
		struct shard *shard = &store->shards[i];

		*shard = (struct shard){0};
		shard->digests =
			shards == STORE_BUCKETS
				? &shard->digest
				: &store->digests[shard_buckets(store) * i];
		HERD_ASSERT(!pthread_rwlock_init(&shard->lock, NULL));
		table_set(shard, &store->no_group, 0);
	}
	*ret_store = store;
	return 0;

out_free_shards:
	sys_free(store->shards);
out_free_store:
	sys_free(store);
	return rc;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; i < store->shard_count; i++) {
		struct shard *shard = &store->shards[i];

		for (struct entry *e = shard->oldest, *newer; e; e = newer) {
			newer = e->newer;
			sys_free(e);
		}
		table_free(store, table_groups(shard));
		HERD_ASSERT(!pthread_rwlock_destroy(&shard->lock));
	}
	sys_free(store->bookmarks);
	sys_free(store->shards);
	sys_free(store);
}
