/* timers - what is due first: a pairing heap whose links live in the timers, so
 * that setting one allocates nothing and cannot fail.
 * (Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.)
 * Threads: owner only. */
#ifndef HERD_TIMERS_H
#define HERD_TIMERS_H

#include "herd/base.h"

/* Embedded in whatever waits; all-zero but for on_due is a timer not set. */
struct timer {
	struct timer **link; /* what points to this one; NULL: it is not set */
	struct timer *child; /* the first of those due no earlier */
	struct timer *next;  /* sibling */
	int64_t due_ns;      /* monotonic */
	void (*on_due)(struct timer *timer);
};

/* All-zero is empty. It stays where it is while a timer is set. */
struct timers {
	struct timer *first; /* due before all others; NULL: none */
};

static inline bool timer_is_set(const struct timer *t)
{
	return t->link;
}

/* Set `t`, or move it if it is set. */
void timers_set(struct timers *heap, struct timer *t, int64_t due_ns);

/* Take `t` out, if it is set. */
void timers_clear(struct timers *heap, struct timer *t);

#endif
