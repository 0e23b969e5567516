/* store - who was last seen where; the arbiter of "newer"; the feed of changes.
 *
 *   client id --XXH3--> bucket (top 10 bits) --> shard: [ rwlock
 *             --SipHash-1-3, keyed per process-->         table of entries
 *                                                         list of entries in
 *                                                         order of last change
 *                                                         digest per bucket ]
 *
 * Each shard has a reader-writer lock, a table and a change feed. An update
 * moves its entry to the end of the shard's list; a reader of the feed keeps
 * one bookmark per shard, the last entry it was given, and asks for what comes
 * after it. So a reader that is slow costs no queue, and gets each changed
 * client once, newest. When a bookmarked entry moves, the writer that moves it
 * steps the bookmark back to the entry before.
 *
 * Digests, one per bucket, follow the feed a few entries behind, so that two
 * servers can tell which parts of their maps differ without looking at them.
 *
 * Threads: any, unless said otherwise. Locks: one rwlock per shard, a leaf, at
 * most one at a time; nothing is allocated, called out to or blocked on while
 * it is held. A store that is not `shared` takes none. */
#ifndef HERD_STORE_H
#define HERD_STORE_H

#include "herd/base.h"
#include "herd/buf.h"
#include "herd/sighting.h"

struct store;

#define STORE_BUCKETS 1024 /* of the digests between servers: herd(7) */

struct store_options {
	unsigned shards; /* a power of two, 1 to STORE_BUCKETS; 0: 1024 */
	bool shared;     /* used by more than one thread */
	uint64_t seed;   /* of bucket and line hashes: the herd's */
	/* For tests: a bad hash, on purpose. NULL: SipHash-1-3. */
	uint64_t (*hash)(struct text id);
};

enum store_result {
	STORE_NEWER, /* stored: tell the neighbours */
	STORE_STALE, /* what is held wins; nothing changed */
};

/* What a herd with that secret (of length 0: none) has as its seed. */
uint64_t store_seed_of(struct text secret);

HERD_MUST_CHECK int store_new(
	const struct store_options *options, struct store **ret_store);
void store_free(struct store *store);

unsigned store_shards(const struct store *store);
size_t store_count(struct store *store); /* clients known, summed by shard */

/* Where an id belongs. Computing it ahead of store_put/store_get also has the
 * memory they need fetched into the cache. */
struct store_key {
	uint64_t hash;
	uint32_t shard;
};
struct store_key store_key_of(const struct store *store, struct text id);

/* Have the entry itself fetched as well, which pays where a store is so large
 * that its entries are in no cache. For a batch of keys: store_key_of for all of
 * them, then this for all, then what is to be done with them: each step finds
 * what the one before has fetched. */
bool store_is_large(const struct store *store);
void store_prefetch(struct store *store, struct store_key key);

/* Who told us of an update, and when. */
struct store_source {
	uint32_t origin; /* 0: a client; else a neighbour's incarnation (see
			  * neighbours.h), whose feeds leave the entry out */
	bool plain;      /* a plain neighbour: what echoes the line held
			  * (sighting_echoes) is stale */
	int64_t now_ns;  /* monotonic */
};

/* Record a sighting if it is newer than the one held.
 *   key         of s->id
 *   s           copied if stored
 *   ret_result  set only on success
 * 0; -ENOMEM (store unchanged). */
HERD_MUST_CHECK int store_put(struct store *store, struct store_key key,
	const struct sighting *s, const struct store_source *source,
	enum store_result *ret_result);

/* Append the AT line known for `id`, without LF, to `into`.
 * 0; -ENOENT; -ENOMEM (nothing appended). */
HERD_MUST_CHECK int store_get(struct store *store, struct store_key key,
	struct text id, struct buf *into);

/* --- the change feed ------------------------------------------------------ */

/* One thread only, the one that reads: from now on there are at least so many
 * readers, numbered from 0. The bookmarks of new ones stand at the start.
 * 0; -ENOMEM (as before). */
HERD_MUST_CHECK int feed_reserve(struct store *store, unsigned readers);

/* A reader's own thread only. Put its bookmarks back to the start, so that the
 * whole map is to be read; or to the end, so that only what changes from now
 * on is. */
void feed_rewind(struct store *store, unsigned reader);
void feed_skip(struct store *store, unsigned reader);

struct feed_page {
	char *dst;          /* where lines go, each followed by LF */
	size_t room;        /* bytes at dst */
	unsigned max_lines; /* 0: FEED_PAGE_LINES */
	size_t len;         /* bytes written */
	unsigned lines;     /* lines written */
	bool more;          /* the shard holds more after the bookmark */
	size_t wanted;      /* when the very next line did not fit an untouched
			     * page: the room it needs; else 0 */
};

#define FEED_PAGE_LINES 32 /* entries looked at in one lock hold */

/* A reader's own thread only. What changed in `shard` after the reader's
 * bookmark, oldest change first, leaving out entries that came from
 * `skip_origin` (0: none); the bookmark moves past what was looked at. */
void feed_read(struct store *store, unsigned reader, unsigned shard,
	uint32_t skip_origin, struct feed_page *page);

/* How far a reader is behind: what feed_read would still give it. */
struct feed_lag {
	uint64_t lines;
	int64_t age_ns; /* since the oldest of them changed; 0 without lines */
	bool more;      /* at least: not all were counted */
};

/* A reader's own thread only. Add the lag in `shard` to *lag, which starts out
 * all-zero, looking at no more than `max` entries. */
void feed_measure(struct store *store, unsigned reader, unsigned shard,
	uint32_t skip_origin, unsigned max, int64_t now_ns,
	struct feed_lag *lag);

/* --- comparing maps: herd(7), Catching up --------------------------------- */

/* A digest is the XOR of the hashes of the lines held; 0: none are. */
uint64_t store_line_hash(const struct store *store, struct text line);
uint64_t store_digest(struct store *store); /* of all */
void store_digests(struct store *store, uint64_t ret_digests[STORE_BUCKETS]);

/* --- walking through a bucket --------------------------------------------- */

#define STORE_WALK_LINES 64 /* on a page, at the most */

/* Start with {.bucket = n}; .dst and .room may differ from page to page. */
struct store_walk {
	unsigned bucket;
	char *dst;      /* where lines go, each followed by LF */
	size_t room;    /* bytes at dst; LINE_LINK_MAX + 1 fits every line */
	size_t len;     /* bytes written */
	unsigned lines; /* lines written */
	/* When each of them last changed (monotonic), to about 1 ms, and no
	 * older than three weeks. */
	int64_t changed_ns[STORE_WALK_LINES];
	size_t at, mask; /* the store's own */
};

/* The next lines of the bucket, in no order. What is held throughout the walk
 * comes at least once; twice only if the shard grew meanwhile. A page may be
 * empty though there is more. false: that was all, and this page is empty. */
bool store_walk(struct store *store, struct store_walk *walk, int64_t now_ns);

#endif
