/* timers - what is due first: a pairing heap whose links live in the timers, so
 * that setting one allocates nothing and cannot fail.
 * (Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.)
 * Threads: owner only. */
#ifndef HERD_TIMERS_H
#define HERD_TIMERS_H

#include "herd/base.h"

/* Embedded in whatever waits; all-zero but for on_due is a timer not set. */
struct timer {
	int64_t due_ns; /* monotonic */
	void (*on_due)(struct timer *timer);
	bool set;
	struct timer *child; /* the first of those due no earlier */
	struct timer *next;  /* sibling */
	struct timer *prev;  /* sibling, or the parent of the first child */
};

/* All-zero is empty. */
struct timers {
	struct timer *first; /* due before all others; NULL: none */
};

/* Set `t`, or move it if it is set. */
void timers_set(struct timers *heap, struct timer *t, int64_t due_ns);

/* Take `t` out, if it is set. */
void timers_clear(struct timers *heap, struct timer *t);

#endif
