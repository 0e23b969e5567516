/* compare - what two servers need to find where their maps differ: the digests
 * of all buckets, and a walk through the lines of one.
 *
 *      oldest                            newest
 *        A  <-->  B  <-->  C  <-->  D  <-->  E
 *                 ^        '--- undigested --'
 *              digested
 *
 * A digest is the XOR of the hashes of lines. It follows a shard's list of
 * changes as a reader of the feed does, a few entries behind: a client that
 * changes again before its turn costs no hash at all, and when few change
 * often, as is usual, hardly any does. A line that was digested is XORed out
 * before it is replaced. Who asks for the digests has the rest digested first;
 * that it is never more than UNDIGESTED_MAX bounds how long that takes. In a large
 * store hardly a client changes again so soon, so there it is less: of a million
 * clients 32768 lines, none of them in a cache, would take 7 ms.
 *
 * A walk holds no lock between its pages. What makes that work: nothing is ever
 * taken out of a table, and an entry stays in its slot, whatever line it gets,
 * until the shard moves to a larger table. Then the walk starts anew. */
#include "shard.h"

#define WALK_GROUPS 16 /* looked at in one lock hold */

/* Of a shard. */
#define UNDIGESTED_MAX       32 /* as many as are read in one lock hold */
#define UNDIGESTED_MAX_LARGE 4

/* --- digests -------------------------------------------------------------- */

static unsigned bucket_of_entry(
	const struct store *store, const struct entry *e)
{
	struct text id = entry_from_id(e);
	const char *end;

	if (shard_buckets(store) == 1)
		return 0;
	end = memchr(id.ptr, ' ', id.len);
	id.len = (size_t)(end - id.ptr);
	return store_bucket_of(store, id) % shard_buckets(store);
}

/* Into the digest of its bucket, or out of it. */
static void toggle(
	const struct store *store, struct shard *shard, const struct entry *e)
{
	shard->digests[bucket_of_entry(store, e)] ^=
		store_line_hash(store, entry_line(e));
}

void digest_forget(
	const struct store *store, struct shard *shard, struct entry *entry)
{
	if (entry->digested)
		toggle(store, shard, entry);
	else
		shard->undigested--;
}

/* Digest the oldest of those that are not. */
static void digest_one(const struct store *store, struct shard *shard)
{
	struct entry *e =
		shard->digested ? shard->digested->newer : shard->oldest;

	toggle(store, shard, e);
	e->digested = true;
	shard->digested = e;
	shard->undigested--;
}

/* Not part of each put, where it is seldom needed. */
static __attribute__((noinline)) void digest_down_to(
	const struct store *store, struct shard *shard, unsigned most)
{
	while (shard->undigested > most)
		digest_one(store, shard);
}

void digest_follow(const struct store *store, struct shard *shard)
{
	unsigned max =
		shard_is_large(shard) ? UNDIGESTED_MAX_LARGE : UNDIGESTED_MAX;

	if (++shard->undigested > max)
		digest_down_to(store, shard, max);
}

void store_digests(struct store *store, uint64_t ret_digests[STORE_BUCKETS])
{
	unsigned buckets = shard_buckets(store);

	for (unsigned i = 0; i < store->shard_count; i++) {
		struct shard *shard = &store->shards[i];

		shard_lock_write(store, shard);
		digest_down_to(store, shard, 0);
		memcpy(ret_digests + (size_t)i * buckets, shard->digests,
			buckets * sizeof *ret_digests);
		shard_unlock(store, shard);
	}
}

uint64_t store_digest(struct store *store)
{
	uint64_t digests[STORE_BUCKETS];
	uint64_t all = 0;

	store_digests(store, digests);
	for (size_t i = 0; i < STORE_BUCKETS; i++)
		all ^= digests[i];
	return all;
}

/* --- walking -------------------------------------------------------------- */

static bool is_of_bucket(
	const struct store *store, const struct entry *e, unsigned bucket)
{
	return bucket_of_entry(store, e) == bucket % shard_buckets(store);
}

/* Copy an entry's line and LF to the page. false: it is full. */
static bool walk_add(
	struct store_walk *walk, const struct entry *e, int64_t now_ns)
{
	if (walk->lines == STORE_WALK_LINES ||
		e->line_len >= walk->room - walk->len)
		return false;
	walk->len += entry_copy(e, walk->dst + walk->len);
	walk->changed_ns[walk->lines++] = now_ns - entry_age_ns(e, now_ns);
	return true;
}

/* Go on to the end of the group, or to where the page is full. Slots that are
 * free come into use behind the walk, which owes nobody what was added since
 * it started. */
static bool walk_group(const struct store *store, const struct group *g,
	struct store_walk *walk, int64_t now_ns)
{
	size_t first = walk->at % GROUP_SLOTS;

	for (size_t k = first; k < g->used; k++)
		if (is_of_bucket(store, g->entry[k], walk->bucket) &&
			!walk_add(walk, g->entry[k], now_ns)) {
			walk->at += k - first;
			return false;
		}
	walk->at += GROUP_SLOTS - first;
	return true;
}

bool store_walk(struct store *store, struct store_walk *walk, int64_t now_ns)
{
	struct shard *shard =
		&store->shards[walk->bucket / shard_buckets(store)];
	const struct group *groups;
	size_t mask;
	bool more;

	HERD_ASSERT(walk->bucket < STORE_BUCKETS);
	walk->len = 0;
	walk->lines = 0;

	shard_lock_read(store, shard);
	groups = table_groups(shard);
	mask = table_mask(shard);
	if (walk->mask != mask) {
		walk->mask = mask;
		walk->at = 0;
	}
	more = walk->at / GROUP_SLOTS <= mask;
	for (int i = 0; i < WALK_GROUPS && walk->at / GROUP_SLOTS <= mask; i++)
		if (!walk_group(store, &groups[walk->at / GROUP_SLOTS], walk,
			    now_ns))
			break;
	shard_unlock(store, shard);
	return more;
}
