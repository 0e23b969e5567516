/* peer - one neighbour as flood sees it: the link we dial and send updates on,
 * or, if it is a plain one, a connection for each update (plain.c).
 *
 *            timer, or it dialled us              writable
 *   WAITING ------------------------> CONNECTING ---------> GREETING
 *     ^  \                               |                   |    | its hello,
 *     |   name not resolved              | fails, 5 s        |    | if we share
 *     |    \--> RESOLVING                |                   |    v a secret
 *     |                                  |                   +- PROVING
 *     |                                  v                   |    | its proof
 *     +------------------------------- back off <------------+-- UP
 *
 * While UP it has a reader's bookmarks in the store's change feed and a bit for
 * each shard that may hold something after them. There is no other queue: what
 * the socket does not take yet stays in the store, where a newer update of the
 * same client replaces it. What the neighbour missed while there was no link is
 * found by comparing maps (sync.h), and sent when the feed has nothing to send.
 *
 * Threads: owner only (flood's reactor). */
#ifndef HERD_PEER_H
#define HERD_PEER_H

#include "herd/base.h"
#include "herd/conn.h"
#include "herd/handshake.h"
#include "herd/line.h"
#include "herd/log.h"
#include "herd/neighbours.h"
#include "herd/resolver.h"
#include "herd/store.h"
#include "herd/sync.h"

#define PEER_SHARD_WORDS (STORE_BUCKETS / 64)

/* What all peers of a server share; lives as long as flood. */
struct peer_env {
	struct reactor *reactor;
	struct store *store;
	struct neighbours *neighbours;
	struct log_ring *log;
	const struct address *source; /* our links come from here; NULL: any */
	int64_t sync_interval_ns;     /* between comparisons of maps */
	char *page;                   /* PEER_PAGE_ROOM bytes, scratch */
};

#define PEER_PAGE_FULL 65536 /* enough for one write */
#define PEER_PAGE_ROOM SYNC_ROOM

enum peer_state {
	PEER_IDLE, /* plain: no news */
	PEER_WAITING,
	PEER_RESOLVING,
	PEER_CONNECTING,
	PEER_GREETING,
	PEER_PROVING,
	PEER_UP,
	PEER_SENDING, /* plain: one line */
};

struct peer {
	struct conn conn;
	const struct peer_env *env;
	size_t which;    /* neighbour */
	unsigned reader; /* of the change feed */
	enum peer_state state;
	/* WAITING: dial. RESOLVING: ask again. CONNECTING to PROVING: give up.
	 * UP: look after liveness. SENDING: give up; or, when all was sent,
	 * that was it. */
	struct timer timer;
	struct timer sync_timer; /* a round at which a comparison is due */
	struct sync sync;
	struct resolver *resolver; /* RESOLVING; else NULL */
	unsigned moves;            /* neighbours_moves, as we dial it */
	bool retired;              /* no neighbour now: no more dials */
	unsigned attempt;    /* dials since it was last up; plain: dials that
			      * failed */
	int64_t backoff_ns;  /* of the next failure */
	bool draining;       /* we are stopping: no more dials */
	int64_t lost_ns;     /* since when it is not up, or reachable */
	const char *trouble; /* why not: a literal; NULL: no reason yet */
	uint64_t sent;       /* updates, on all its links; not repairs */
	struct handshake handshake; /* from GREETING on */

	bool plain;      /* as of peer_start */
	struct buf held; /* a line taken, but not known to have arrived */
	bool reachable;  /* the last line arrived */

	/* while UP; or plain */
	uint32_t incarnation;              /* of the process we talk to */
	uint64_t behind[PEER_SHARD_WORDS]; /* shards that may hold news */
	unsigned next_shard;               /* they take turns */
	int64_t up_since_ns;
	int64_t alive_ns;  /* last sign of life */
	int64_t pinged_ns; /* last PING */
	uint64_t ping;     /* its number */
	bool ponged;       /* and it was answered */
	bool pinged_last;  /* draining: that PING was the last word */
	uint64_t acked; /* bytes, of TCP_INFO: at the last look; plain: before
			    * the line */
};

/* Nothing happens before peer_start. */
void peer_init(struct peer *p, const struct peer_env *env, size_t which,
	unsigned reader);

/* Dial in the reactor's next round, unless it is retired. */
void peer_start(struct peer *p);
void peer_fini(struct peer *p);

/* The neighbour has dialled us, as this incarnation: if we wait, dial now; if
 * we talk to a process it no longer is, drop that link and dial. */
void peer_was_heard(struct peer *p, uint32_t incarnation);

/* After neighbours_update: close the link to one that is retired; dial one that
 * has moved, or is back, at once. Maps are compared at the interval of now. */
void peer_update(struct peer *p);

/* These shards have news. */
void peer_changed(struct peer *p, const uint64_t words[PEER_SHARD_WORDS]);

/* Send one write's worth of news if there is any and the socket takes it.
 * true: there is more to send right now. */
bool peer_pump(struct peer *p);

/* How a link is, for people. */
struct peer_status {
	size_t which;        /* neighbour */
	const char *name;    /* as long as the configuration */
	const char *state;   /* a word */
	int64_t for_ns;      /* how long it has been up, or not up */
	const char *trouble; /* why it is not up; NULL: it is, or no reason */
	struct feed_lag lag; /* what is to be sent yet */
	uint64_t sent;       /* updates */
	uint64_t comparisons, repairs, repaired; /* of maps; lines */
};

/* Looks at no more than PEER_LAG_MAX entries of the store. */
void peer_get_status(struct peer *p, struct peer_status *ret_status);

#define PEER_LAG_MAX 65536

/* We are stopping: send what there is, then a PING. From then on peer_drained
 * tells whether its PONG has come, or there is nobody to tell. */
void peer_drain(struct peer *p);
bool peer_drained(const struct peer *p);

#endif
