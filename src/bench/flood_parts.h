/* flood_parts - what the files of herd-bench's mode "flood" share:
 *
 *   bench_flood    sets up, first update, and the figures that both ways have
 *   flood_paced    with a rate: how long does an update take
 *   flood_most     without: how many do the servers take
 *   flood_messages what the servers have sent each other for it
 *
 * One thread does all of it. */
#ifndef BENCH_FLOOD_PARTS_H
#define BENCH_FLOOD_PARTS_H

#include "arrivals.h"
#include "herd/bench_flood.h"
#include "herd/histogram.h"
#include "member.h"
#include "progress.h"
#include "survey.h"
#include "way.h"
#include "writer.h"

#define FLOOD_PATIENCE_NS                                                      \
	(10 * HERD_SECOND_NS) /* for what happens within seconds */
#define FLOOD_LATE_NS (2 * HERD_SECOND_NS)

struct bench {
	const struct bench_options *o;
	char *error;
	struct way way;
	struct reactor *reactor;
	struct member *member;
	struct writer *writer;
	struct numbered updates;

	struct arrivals arrivals;
	uint64_t others; /* lines of others than the watched server */
	char wrong[200]; /* the first line that is not one of ours */

	/* With a rate: update arrivals.first + i was to be sent at start_ns + i
	 * intervals, and counts from counted_ns on. */
	int64_t start_ns, counted_ns, end_ns;
	double interval_ns;
	struct histogram latency;
	struct reactor_io tick; /* a timerfd */

	struct reactor_io signals;
	unsigned interrupted; /* so many times */

	/* Of the time since the last line of progress. */
	struct progress progress;
	int64_t shown_ns;
	uint64_t shown; /* updates sent before */
	struct histogram second;
};

/* Say why in b->error; rc. */
HERD_PRINTF(3, 4)
int flood_fail(struct bench *b, int rc, const char *format, ...);

/* After SIGINT or SIGTERM there is nothing to tell. */
int flood_give_up(struct bench *b, const char *when);

const char *flood_written(const struct bench *b);
const char *flood_watched(const struct bench *b);
const char *flood_played(const struct bench *b);

/* The watched server is plain. */
bool flood_is_plain(const struct bench *b);

uint64_t flood_missing(const struct bench *b);

/* A round of the reactor, and what there is to see after it: 0, or what makes
 * going on pointless. */
HERD_MUST_CHECK int flood_round(struct bench *b, const char *what);

/* Rounds until everything sent is answered and has arrived, or for so long, or
 * until interrupted. */
HERD_MUST_CHECK int flood_drain(struct bench *b, int64_t patience_ns);

/* --- flood_paced ------------------------------------------------------------- */

/* When that update was to be sent. */
int64_t flood_intended_ns(const struct bench *b, uint64_t number);

HERD_MUST_CHECK int flood_measure_latency(struct bench *b, struct figures *f);

/* --- flood_most -------------------------------------------------------------- */

HERD_MUST_CHECK int flood_measure_most(struct bench *b, struct figures *f);

/* --- flood_messages ---------------------------------------------------------- */

struct messages {
	struct survey survey;
	struct survey_sums before;
};

/* Count from here; that it cannot be is no error. 0, or what flood_round has. */
HERD_MUST_CHECK int flood_messages_start(struct bench *b, struct messages *m);

/* Tell what was counted, if anything was; 0 as above. */
HERD_MUST_CHECK int flood_messages_tell(
	struct bench *b, struct messages *m, struct figures *f);
void flood_messages_free(struct messages *m);

#endif
