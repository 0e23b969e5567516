/* feed - what changed in the store, in order, for any number of readers.
 *
 *      oldest                          newest
 *        A  <-->  B  <-->  C  <-->  D
 *                 ^                 ^
 *         bookmark of 0     bookmark of 1
 *
 * The entries themselves are the queue: a shard links them in order of last
 * change, and an update moves its entry to the end. To reader 0 above, C and D
 * are news; reader 1 has seen all there is. When B changes, it goes behind D,
 * and the bookmark at it steps back to A: what was between A and B has been
 * delivered, what comes after A has not. So nobody who is slow makes anything
 * grow, and everybody gets the last line of every client that changed.
 *
 * The entries carry no number, though a number would tell "changed since" too:
 * the bookmark alone defines what is new. That costs a writer a look at every
 * reader's bookmark, and readers are as few as neighbours; it saves eight bytes
 * for each of millions of clients, and there is one truth instead of two that
 * must agree. */
#include "herd/store.h"

#include <errno.h>

#include "herd/sys.h"
#include "shard.h"

int feed_reserve(struct store *store, unsigned readers)
{
	unsigned had = atomic_load(&store->readers);
	struct entry **old = store->bookmarks;
	struct entry **bookmarks;

	if (readers <= had)
		return 0;
	bookmarks = sys_alloc_zero(
		(size_t)store->shard_count * readers, sizeof *bookmarks);
	if (!bookmarks)
		return -ENOMEM;

	for (unsigned i = 0; i < store->shard_count; i++) {
		struct shard *shard = &store->shards[i];
		struct entry **mine = bookmarks + (size_t)i * readers;

		shard_lock_write(store, shard);
		for (unsigned r = 0; r < had; r++)
			mine[r] = shard->bookmarks[r];
		shard->bookmarks = mine;
		shard_unlock(store, shard);
	}
	/* Last, so that no writer looks for more bookmarks than its shard has.
	 * It may still miss the new ones, which are at the start and have
	 * nothing to step back from. */
	atomic_store(&store->readers, readers);
	store->bookmarks = bookmarks;
	sys_free(old);
	return 0;
}

/* Put a reader's bookmarks to the end, or else to the start. */
static void set_bookmarks(struct store *store, unsigned reader, bool end)
{
	HERD_ASSERT(reader < atomic_load(&store->readers));
	for (unsigned i = 0; i < store->shard_count; i++) {
		struct shard *shard = &store->shards[i];

		shard_lock_read(store, shard);
		shard->bookmarks[reader] = end ? shard->newest : NULL;
		shard_unlock(store, shard);
	}
}

void feed_rewind(struct store *store, unsigned reader)
{
	set_bookmarks(store, reader, false);
}

void feed_skip(struct store *store, unsigned reader)
{
	set_bookmarks(store, reader, true);
}

void feed_append(struct shard *shard, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = shard->newest;
	if (shard->newest)
		shard->newest->newer = entry;
	else
		shard->oldest = entry;
	shard->newest = entry;
}

void feed_remove(
	const struct store *store, struct shard *shard, struct entry *entry)
{
	unsigned readers =
		atomic_load_explicit(&store->readers, memory_order_relaxed);

	for (unsigned r = 0; r < readers; r++)
		if (shard->bookmarks[r] == entry)
			shard->bookmarks[r] = entry->older;

	if (shard->digested == entry)
		shard->digested = entry->older;

	if (entry->older)
		entry->older->newer = entry->newer;
	else
		shard->oldest = entry->newer;
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		shard->newest = entry->older;
}

static struct entry *first_unread(const struct shard *shard, unsigned reader)
{
	const struct entry *seen = shard->bookmarks[reader];

	return seen ? seen->newer : shard->oldest;
}

static bool left_out(const struct entry *entry, uint32_t skip_origin)
{
	return skip_origin && entry->origin == skip_origin;
}

/* Copy an entry's line and LF to the page. false: it does not fit. */
static bool page_add(struct feed_page *page, const struct entry *entry)
{
	size_t len = (size_t)entry->line_len + 1;

	if (len > page->room - page->len) {
		if (!page->len)
			page->wanted = len;
		return false;
	}
	page->len += entry_copy(entry, page->dst + page->len);
	page->lines++;
	return true;
}

void feed_read(struct store *store, unsigned reader, unsigned shard_index,
	uint32_t skip_origin, struct feed_page *page)
{
	struct shard *shard = &store->shards[shard_index];
	unsigned max_lines =
		page->max_lines ? page->max_lines : FEED_PAGE_LINES;
	struct entry *next;

	HERD_ASSERT(reader < atomic_load(&store->readers) &&
		    shard_index < store->shard_count);
	page->len = 0;
	page->lines = 0;
	page->wanted = 0;

	shard_lock_read(store, shard);
	next = first_unread(shard, reader);
	for (int i = 0; next && i < FEED_PAGE_LINES && page->lines < max_lines;
		i++) {
		if (!left_out(next, skip_origin) && !page_add(page, next))
			break;
		shard->bookmarks[reader] = next;
		next = next->newer;
	}
	page->more = next != NULL;
	shard_unlock(store, shard);
}

void feed_measure(struct store *store, unsigned reader, unsigned shard_index,
	uint32_t skip_origin, unsigned max, int64_t now_ns,
	struct feed_lag *lag)
{
	struct shard *shard = &store->shards[shard_index];
	const struct entry *next;

	HERD_ASSERT(reader < atomic_load(&store->readers) &&
		    shard_index < store->shard_count);
	shard_lock_read(store, shard);
	next = first_unread(shard, reader);
	for (unsigned i = 0; next && i < max; i++, next = next->newer) {
		int64_t age_ns;

		if (left_out(next, skip_origin))
			continue;
		age_ns = entry_age_ns(next, now_ns);
		lag->lines++;
		if (age_ns > lag->age_ns)
			lag->age_ns = age_ns;
	}
	lag->more |= next != NULL;
	shard_unlock(store, shard);
}
