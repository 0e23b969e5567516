/* drawer - which requests come next: ids, reads or updates, stamps.
 * Threads: owner only. */
#ifndef HERD_DRAWER_H
#define HERD_DRAWER_H

#include "driver.h"
#include "herd/draw.h"

struct drawer {
	struct draw draw;
	uint64_t ids;
	uint32_t *ahead; /* drawn by Zipf's law, in advance; NULL: even */
	uint32_t ahead_at;
	uint64_t reads_below; /* a word below it means a read; 0: none */
	/* Updates of each of these come first, in order. */
	uint64_t next, end;
	int64_t stamp_ns; /* the last one given */
	unsigned stamp_step;
};

/* As the driver's options have it. 0; -ENOMEM. drawer_fini in either case. */
HERD_MUST_CHECK int drawer_init(struct drawer *w, const struct driver *d);
void drawer_fini(struct drawer *w);

/* now_ns: since the epoch. Stamps of several threads are never the same, and
 * each is later than the last of its thread. */
struct request drawer_next(struct drawer *w, int64_t now_ns);

#endif
