/* flood - the thread that tells the neighbours what has changed.
 *
 *   worker: store_put() newer -> notes the shard; at the end of its round
 *           flood_changed(): OR into the shared words, wake flood if it sleeps
 *   flood:  takes the words -> every peer that is up looks into those shards
 *
 * Going to sleep: set `asleep`, then look at the words once more; a worker sets
 * a word, then clears `asleep`. All four are sequentially consistent, so one of
 * the two sees the other. */
#ifndef HERD_FLOOD_H
#define HERD_FLOOD_H

#include "herd/base.h"
#include "herd/log.h"
#include "herd/neighbours.h"
#include "herd/peer.h"
#include "herd/reactor.h"
#include "herd/store.h"

struct flood;

struct flood_options {
	struct reactor *reactor; /* flood lives on it */
	struct store *store;     /* its feed is for our peers alone */
	struct neighbours *neighbours;
	struct log_ring *log;
	const struct conf *conf;      /* borrowed */
	const struct address *source; /* of our links; NULL: any */
	/* Called once on flood's thread, after flood_drain. */
	void (*on_drained)(void *arg);
	void *arg;
};

/* Start-up only. */
HERD_MUST_CHECK int flood_new(
	const struct flood_options *options, struct flood **ret_flood);

/* Start-up only, after the workers were attached: where all share a reactor,
 * the news of a round then leaves in that round. The first dials leave with the
 * reactor's first round. */
void flood_start(struct flood *f);

/* After its reactor has stopped. Accepts NULL. */
void flood_free(struct flood *f);

/* Threads: any. These shards (one bit each) have news. */
void flood_changed(struct flood *f, const uint64_t words[PEER_SHARD_WORDS]);

/* Threads: any; after neighbours_update. Another configuration is in force:
 * dial who is new, back or moved, leave who is retired. 0; -EAGAIN: its mailbox
 * is full. */
HERD_MUST_CHECK int flood_update(struct flood *f, const struct conf *conf);

/* Threads: any. Neighbour `which` has dialled us, as that incarnation. */
void flood_was_heard(struct flood *f, size_t which, uint32_t incarnation);

/* How the peers are, for people. */
struct flood_report {
	struct peer_status *peers; /* where they go */
	size_t room;               /* how many of them */
	size_t count;              /* set when filled */
	/* Called on flood's thread, which then forgets the report. */
	void (*on_filled)(struct flood_report *report);
};

/* Threads: any. Have it filled. 0; -EAGAIN: flood's mailbox is full. */
HERD_MUST_CHECK int flood_report(struct flood *f, struct flood_report *report);

/* Threads: any; after the last flood_changed. Send what there is to the
 * neighbours that can be reached, wait for their PONGs, call on_drained. */
void flood_drain(struct flood *f);

#endif
