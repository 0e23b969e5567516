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

int feed_open(struct store *store, unsigned readers)
{
	struct entry **bookmarks = NULL;

	HERD_ASSERT(!store->bookmarks);
	if (readers) {
		bookmarks = sys_alloc_zero((size_t)store->shard_count * readers,
			sizeof *bookmarks);
		if (!bookmarks)
			return -ENOMEM;
	}

	store->bookmarks = bookmarks;
	store->readers = readers;
	for (unsigned i = 0; i < store->shard_count; i++)
		store->shards[i].bookmarks =
			readers ? bookmarks + (size_t)i * readers : NULL;
	return 0;
}

void feed_rewind(struct store *store, unsigned reader)
{
	HERD_ASSERT(reader < store->readers);
	for (unsigned i = 0; i < store->shard_count; i++) {
		struct shard *shard = &store->shards[i];

		shard_lock_read(store, shard);
		shard->bookmarks[reader] = NULL;
		shard_unlock(store, shard);
	}
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
	for (unsigned r = 0; r < store->readers; r++)
		if (shard->bookmarks[r] == entry)
			shard->bookmarks[r] = entry->older;

	if (entry->older)
		entry->older->newer = entry->newer;
	else
		shard->oldest = entry->newer;
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		shard->newest = entry->older;
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
	memcpy(page->dst + page->len, entry->line, entry->line_len);
	page->dst[page->len + entry->line_len] = '\n';
	page->len += len;
	page->lines++;
	return true;
}

void feed_read(struct store *store, unsigned reader, unsigned shard_index,
	uint32_t skip_origin, struct feed_page *page)
{
	struct shard *shard = &store->shards[shard_index];
	struct entry *seen;
	struct entry *next;

	HERD_ASSERT(
		reader < store->readers && shard_index < store->shard_count);
	page->len = 0;
	page->lines = 0;
	page->wanted = 0;

	shard_lock_read(store, shard);
	seen = shard->bookmarks[reader];
	next = seen ? seen->newer : shard->oldest;
	for (int i = 0; next && i < FEED_PAGE_LINES; i++) {
		bool skip = skip_origin && next->origin == skip_origin;

		if (!skip && !page_add(page, next))
			break;
		seen = next;
		next = next->newer;
	}
	shard->bookmarks[reader] = seen;
	page->more = next != NULL;
	shard_unlock(store, shard);
}
