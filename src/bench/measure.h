/* measure - a measurement from beginning to end: threads that make load, the
 * time that counts, what it cost, and what there is to say about it.
 * Threads: main only. */
#ifndef HERD_MEASURE_H
#define HERD_MEASURE_H

#include "driver.h"
#include "herd/figures.h"
#include "herd/histogram.h"

/* In `error`, one line for people. */
#define MEASURE_ERROR (3 * DRIVER_TEXT)

struct measurement {
	/* Of what was measured, the warm-up aside. */
	struct histogram times;
	struct cost cost;  /* a difference */
	bool cost_unknown; /* a process of the server's has ended: of `cost`
			    * only the time is right */
	struct drivers_account account; /* the warm-up included */
	int64_t memory_before_bytes;    /* of the server, before all load */
	uint64_t wrong;                 /* answers, the warm-up's included */
	char first_wrong[DRIVER_TEXT];  /* "" */
	char failure[DRIVER_TEXT];      /* a thread gave up; "" */
};

/* Let o->threads do `work`: for o->warm_up_s and then o->time_s, or until they
 * are done if `to_the_end`, or until SIGINT or SIGTERM. 0, and ret_m is what
 * was found up to then, be it that something failed; -errno: nothing was
 * measured. */
HERD_MUST_CHECK int measure(const struct bench_options *o,
	const struct driver_work *work, bool to_the_end,
	struct measurement *ret_m, char *error);

/* What costs what: the same figures for all modes. */
void measure_tell_cost(struct figures *f, const struct bench_options *o,
	const struct measurement *m);

/* Lines on standard error about what makes a measurement doubtful. */
void measure_warn(const struct bench_options *o, const struct measurement *m);

#endif
