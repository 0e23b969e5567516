/* shard - the store from inside: what store.c, feed.c and compare.c share.
 *
 *   shard: lock, groups --> [ 5 hashes, 5 entries ] one cache line
 *                           [ 5 hashes, 5 entries ]
 *                           ...
 *          oldest --> entry <--> entry <--> entry <-- newest
 *                                  ^
 *                   bookmarks[r] --'  the last one reader r was given
 *                        digested       the last one in the digests
 *
 * The table is open addressing by groups of five slots: a group's hashes and
 * pointers lie in one cache line, so finding an entry among a million costs
 * one miss in the table. A full group overflows into the next one. Nothing is
 * ever taken out of a table, so a group that is not full ends the search.
 *
 * Field tags: [I] set at start, [L] under the shard's lock, [A] atomic, [R] by
 * the thread that reads the feed. */
#ifndef HERD_SHARD_H
#define HERD_SHARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "herd/line.h"
#include "herd/store.h"
#include "siphash.h"

#define ENTRY_LEN_BITS  18
#define ENTRY_ROOM_BITS 14
#define ENTRY_STEP      16

/* A client's newest AT line: one allocation, overwritten in place when the
 * next line fits it. The id is a piece of the line, ended by a space. All
 * fields [L]. */
struct entry {
	struct entry *newer; /* neighbours in order of last change */
	struct entry *older;
	int64_t stamp_ns;
	uint32_t origin;
	uint32_t changed_ms; /* monotonic; starts over after 7 weeks */
	uint32_t id_at : ENTRY_LEN_BITS; /* where in line the id starts */
	uint32_t digested : 1;           /* see struct shard */
	uint32_t line_len : ENTRY_LEN_BITS;
	uint32_t room_steps : ENTRY_ROOM_BITS; /* bytes at line, by the step */
	char line[];
};

_Static_assert(sizeof(struct entry) == 40, "there are millions of them");
_Static_assert(LINE_LINK_MAX < 1 << ENTRY_LEN_BITS, "every length fits");
_Static_assert(LINE_LINK_MAX / ENTRY_STEP + 1 < 1 << ENTRY_ROOM_BITS,
	"and every room");

#define GROUP_SLOTS 5

struct group {
	_Alignas(HERD_CACHE_LINE) uint32_t hash[GROUP_SLOTS];
	uint32_t used; /* slots, filled from the first */
	struct entry *entry[GROUP_SLOTS];
};

struct shard {
	_Alignas(HERD_CACHE_LINE) pthread_rwlock_t lock; /* [I] */

	/* Written under the lock; [A] because store_key_of looks at them
	 * without it, only to have memory prefetched. */
	_Atomic(struct group *) groups;
	atomic_size_t mask; /* groups - 1, a power of two less one */

	size_t count;             /* [L] entries */
	size_t limit;             /* [L] entries from which the table doubles */
	struct entry *oldest;     /* [L] */
	struct entry *newest;     /* [L] */
	struct entry **bookmarks; /* [L]; each: its reader writes it under the
				   * read lock, everyone else steps it back
				   * under the write lock; NULL: at the start */

	struct entry *digested; /* [L] up to here the digests have the lines of
				 * the list; NULL: of none */
	unsigned undigested;    /* [L] entries that come after it */
	uint64_t *digests; /* [I]; each [L]: of the shard's buckets, in order */
	uint64_t digest;   /* where it lies if there is but one */
};

struct store {
	/* [I] The table of a shard that holds nothing yet: never written, its
	 * limit being 0. */
	struct group no_group;

	struct shard *shards; /* [I] */
	unsigned shard_count; /* [I] */
	bool shared;          /* [I] */

	uint64_t seed;                 /* [I] of bucket and line hashes */
	struct siphash_key key;        /* [I] of the table hash */
	uint64_t (*hash)(struct text); /* [I] instead of it; NULL: none */
	struct entry **bookmarks;      /* [R] of all shards, in one block */
	atomic_uint readers;           /* [A] see feed_reserve */

	/* [I] of buckets whose shard holds several, in order; each [L] */
	uint64_t digests[STORE_BUCKETS];
};

static inline struct group *table_groups(const struct shard *shard)
{
	return atomic_load_explicit(&shard->groups, memory_order_relaxed);
}

static inline size_t table_mask(const struct shard *shard)
{
	return atomic_load_explicit(&shard->mask, memory_order_relaxed);
}

/* Whether a store of such shards has too many entries for the caches: 64 groups
 * in each of 1024 shards hold 300,000. */
#define SHARD_LARGE_GROUPS 64

static inline bool shard_is_large(const struct shard *shard)
{
	return table_mask(shard) >= SHARD_LARGE_GROUPS;
}

/* Which bucket an id is of; the same on all servers with the same seed. */
unsigned store_bucket_of(const struct store *store, struct text id);

static inline struct text entry_line(const struct entry *e)
{
	return (struct text){e->line, e->line_len};
}

/* The line from its id on. */
static inline struct text entry_from_id(const struct entry *e)
{
	return (struct text){
		e->line + e->id_at, (size_t)e->line_len - e->id_at};
}

/* Copy the line to where there is room for it, and an LF; their length. */
static inline size_t entry_copy(const struct entry *e, char *dst)
{
	memcpy(dst, e->line, e->line_len);
	dst[e->line_len] = '\n';
	return (size_t)e->line_len + 1;
}

/* How many neighbouring buckets lie in each shard. */
static inline unsigned shard_buckets(const struct store *store)
{
	return STORE_BUCKETS / store->shard_count;
}

/* Under the write lock, before an entry's line changes: the digests are to do
 * without it. */
void digest_forget(
	const struct store *store, struct shard *shard, struct entry *entry);

/* Under the write lock, after an entry was appended: sooner or later it is
 * digested. */
void digest_follow(const struct store *store, struct shard *shard);

/* An entry's age. It was changed on the clock of another thread, which may be
 * a little ahead. */
static inline int64_t entry_age_ns(const struct entry *e, int64_t now_ns)
{
	const uint32_t ahead_ms = 60 * 1000;
	const uint32_t oldest_ms = 21 * 24 * 3600 * UINT32_C(1000);
	uint32_t age_ms = (uint32_t)(now_ns / HERD_MS_NS) - e->changed_ms;

	if (age_ms > UINT32_MAX - ahead_ms)
		return 0;
	return (age_ms < oldest_ms ? age_ms : oldest_ms) * HERD_MS_NS;
}

static inline void shard_lock_read(
	const struct store *store, struct shard *shard)
{
	if (store->shared)
		HERD_ASSERT(!pthread_rwlock_rdlock(&shard->lock));
}

static inline void shard_lock_write(
	const struct store *store, struct shard *shard)
{
	if (store->shared)
		HERD_ASSERT(!pthread_rwlock_wrlock(&shard->lock));
}

static inline void shard_unlock(const struct store *store, struct shard *shard)
{
	if (store->shared)
		HERD_ASSERT(!pthread_rwlock_unlock(&shard->lock));
}

/* Under the write lock. Make `entry`, which is in no list, the newest change. */
void feed_append(struct shard *shard, struct entry *entry);

/* Under the write lock. Take `entry` out of the list, stepping bookmarks at it
 * back to the entry before. */
void feed_remove(
	const struct store *store, struct shard *shard, struct entry *entry);

#endif
