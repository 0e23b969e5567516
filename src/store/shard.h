/* shard - the store from inside: what store.c and feed.c share.
 *
 *   shard: lock, groups --> [ 5 hashes, 5 entries ] one cache line
 *                           [ 5 hashes, 5 entries ]
 *                           ...
 *          oldest --> entry <--> entry <--> entry <-- newest
 *                                  ^
 *                   bookmarks[r] --'  the last one reader r was given
 *
 * The table is open addressing by groups of five slots: a group's hashes and
 * pointers lie in one cache line, so finding an entry among a million costs
 * one miss in the table. A full group overflows into the next one. Nothing is
 * ever taken out of a table, so a group that is not full ends the search.
 *
 * Field tags: [I] set at start, [L] under the shard's lock, [A] atomic. */
#ifndef HERD_SHARD_H
#define HERD_SHARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "herd/store.h"
#include "siphash.h"

/* A client's newest AT line: one allocation, overwritten in place when the
 * next line fits it. The id is a piece of the line, ended by a space. All
 * fields [L]. */
struct entry {
	struct entry *newer; /* neighbours in order of last change */
	struct entry *older;
	int64_t stamp_ns;
	uint32_t origin;
	uint32_t room; /* bytes at line */
	uint32_t line_len;
	uint32_t id_at; /* where in line the id starts */
	char line[];
};

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
	struct entry **bookmarks; /* [I]; each [L]: its reader writes it under
				   * the read lock, everyone else steps it
				   * back under the write lock; NULL: at the
				   * start */
};

struct store {
	/* [I] The table of a shard that holds nothing yet: never written, its
	 * limit being 0. */
	struct group no_group;

	struct shard *shards; /* [I] */
	unsigned shard_count; /* [I] */
	bool shared;          /* [I] */

	uint64_t seed;                 /* [I] of the bucket hash */
	struct siphash_key key;        /* [I] of the table hash */
	uint64_t (*hash)(struct text); /* [I] instead of it; NULL: none */
	struct entry **bookmarks;      /* [I] of all shards, in one block */
	unsigned readers;              /* [I] */
};

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
