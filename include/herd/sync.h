/* sync - catching up: the dialler of a link finds out what the acceptor lacks,
 * and sends it (herd(7)). holdings.h is the acceptor's side.
 *
 *   IDLE --SYNC--> SUMMING --its SUM differs: SUMS--> SORTING
 *    ^               |  equal, or WAIT                   | its SUMS
 *    |               v                                   v
 *    +<--------------+<-------------------DONE-------- REPAIRING
 *                                    for each bucket that differs:
 *                                    LIST, its HASHES, the lines it lacks
 *
 * What is compared is what this server held when it asked, all of which the
 * acceptor had been sent by then; so that with nothing else going on equal
 * servers find themselves equal. What changed within the last two seconds is
 * left to the feed, unless `hurry`.
 *
 * There is no socket in here: the peer hands lines in and sends what comes out.
 * Threads: owner only (flood's reactor). */
#ifndef HERD_SYNC_H
#define HERD_SYNC_H

#include "herd/base.h"
#include "herd/line.h"
#include "herd/store.h"

#define SYNC_LISTS      16      /* asked for ahead of the bucket at hand */
#define SYNC_HASHES_MAX 4194304 /* in all lists at a time */

enum sync_state {
	SYNC_IDLE,
	SYNC_SUMMING,
	SYNC_SORTING,
	SYNC_REPAIRING,
};

/* What the acceptor holds in one bucket. */
struct sync_list {
	uint64_t *hashes; /* sorted once complete */
	size_t count, room;
	unsigned bucket;
	bool complete;
};

/* How often a bucket may be repaired. */
struct sync_pace {
	uint8_t tries; /* rounds in a row in which it differed */
	uint8_t skip;  /* rounds in which it is left alone from now on */
};

struct sync {
	struct store *store;
	enum sync_state state;
	bool asks;      /* the state's question is still to be sent */
	bool hurry;     /* the server stops: whatever is missing, now */
	bool settled;   /* a round has found all that was older than the link */
	int64_t up_ns;  /* lines that changed later are in the feed */
	int64_t due_ns; /* IDLE: the next round */
	uint64_t ours;  /* SUMMING: what we held when we asked */
	uint64_t sums[STORE_BUCKETS]; /* SORTING: the same by bucket */
	struct sync_pace pace[STORE_BUCKETS];

	/* REPAIRING: buckets that differ and are not done; those among them of
	 * which the acceptor has nothing. */
	uint64_t differs[STORE_BUCKETS / 64];
	uint64_t empty[STORE_BUCKETS / 64];
	struct sync_list lists[SYNC_LISTS]; /* asked for, oldest first from */
	unsigned first_list, list_count;    /* first_list, and round */
	size_t hashes;                      /* in all of them */
	unsigned bucket;                    /* at hand */
	bool walking;                       /* ... and under way */
	bool lacked;                        /* ... and it lacked something */
	struct store_walk walk;
	unsigned next_ask; /* buckets before it have been asked for */
	bool missed_young; /* lines from before the link were too young */
	unsigned stuck;    /* a bucket that will not agree; or STORE_BUCKETS */

	uint64_t round_lines, round_buckets;  /* repaired in this round */
	uint64_t comparisons, repairs, lines; /* ever */
};

void sync_init(struct sync *s, struct store *store);

/* The link is up; or gone. What changed after up_ns is in the feed: the time just
 * after its bookmarks went to the end, later than that of the round. */
void sync_begin(struct sync *s, int64_t up_ns, int64_t now_ns);
void sync_end(struct sync *s);

/* The server stops: find everything that is missing as soon as can be. */
void sync_hurry(struct sync *s, int64_t now_ns);

/* The interval has changed: the next round no later than that. */
void sync_bring_forward(struct sync *s, int64_t due_ns);

/* The acceptor has said something. NULL; or why the link must end (a literal). */
HERD_MUST_CHECK const char *sync_take(struct sync *s, const struct line *line,
	int64_t now_ns, int64_t interval_ns);

/* The feed has nothing to send: write what is to be said next, at most `room`
 * bytes, which is SYNC_ROOM or more; its length. 0: nothing. ret_updates: these
 * are AT lines. */
#define SYNC_ROOM (65536 + LINE_LINK_MAX + 1)
size_t sync_pump(struct sync *s, int64_t now_ns, int64_t interval_ns, char *dst,
	size_t room, bool *ret_updates);

/* Whether sync_pump would get on by now; if not it will once the acceptor says
 * something, or at due_ns while IDLE. */
bool sync_has_work(struct sync *s, int64_t now_ns);

#endif
