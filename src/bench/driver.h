/* driver - a thread that makes load, and what it has seen.
 *
 *   main             driver
 *   drivers_start ──► prepare: connections of its own, clients made known
 *            ◄─────── ready
 *   drivers_go ─────► run: adds times to the window of its turn
 *   drivers_turn ───► next turn, the other window
 *            ◄─────── seen; main takes what is in the window left
 *   drivers_stop ───► run returns
 *
 * So times are taken by one thread and collected by another, without a lock and
 * without an atomic per request; and what one turn has seen is whole.
 *
 * Threads: what is marked driver_ is for the driver's own, drivers_ for main. */
#ifndef HERD_DRIVER_H
#define HERD_DRIVER_H

#include <stdatomic.h>

#include "herd/bench_options.h"
#include "herd/dialect.h"
#include "herd/histogram.h"
#include "herd/thread.h"

#define DRIVER_TEXT 512

struct drivers;
struct driver;

/* What drivers do: a mode of herd-bench. Both give up, with driver_fail, if
 * they cannot. */
struct driver_work {
	/* Whatever comes before the measurement. */
	void (*prepare)(struct driver *d);
	/* Until driver_should_stop, or there is nothing left to do. */
	void (*run)(struct driver *d);
	void (*tidy)(struct driver *d);
	/* It waits for the server in all it does, so it need not be woken
	 * before the server has nothing more to do: on the same CPU, both then
	 * work through many requests at a time. */
	bool patient;
};

enum driver_state {
	DRIVER_PREPARING,
	DRIVER_READY,
	DRIVER_DONE, /* run has returned */
};

struct driver {
	struct drivers *all;            /* [I] */
	const struct bench_options *o;  /* [I] */
	const struct dialect *dialect;  /* [I] */
	const struct driver_work *work; /* [I] */
	unsigned index;                 /* [I] */
	unsigned connections;           /* [I] its share */
	struct thread thread;           /* [I] */
	int wake_fd; /* [I] an eventfd: main has something to say */

	_Atomic unsigned turn;  /* [A] set by main */
	_Atomic unsigned seen;  /* [A] set by the driver, after its last touch
				 * of the window before */
	_Atomic bool go, stop;  /* [A] set by main */
	_Atomic int state;      /* [A] enum driver_state, set by the driver */
	_Atomic uint64_t wrong; /* [A] answers that were wrong: a counter */

	void *own;                   /* [O] of the work */
	struct histogram windows[2]; /* [O] that of the turn; else main's */

	/* [O] until the thread has ended */
	uint64_t unanswered;   /* requests, when it was stopped */
	int64_t oldest_ns;     /* for how long the oldest of them had waited */
	double busy;           /* part of its time it was on a CPU */
	struct histogram late; /* open: how long after a request was to be sent
				* it came to it */
	char failure[DRIVER_TEXT];     /* why it gave up; "" */
	char first_wrong[DRIVER_TEXT]; /* question and answer; "" */
};

/* --- the driver's ---------------------------------------------------------- */

/* Something went wrong that ends this driver's work: the first is kept. */
HERD_PRINTF(2, 3)
void driver_fail(struct driver *d, const char *format, ...);

/* An answer was wrong; the first is kept for people. r NULL: nobody knows to
 * which request. */
void driver_note_wrong(struct driver *d, struct speaker *s,
	const struct request *r, struct text answer);

/* Call it once per round, and soon after wake_fd was readable. true: stop. */
bool driver_should_stop(struct driver *d);

/* So many requests have taken that long. */
static inline void driver_add(struct driver *d, int64_t ns, uint64_t times)
{
	unsigned turn = atomic_load_explicit(&d->seen, memory_order_relaxed);

	histogram_add(&d->windows[turn & 1], ns, times);
}

/* --- main's ---------------------------------------------------------------- */

struct drivers {
	struct driver *all;
	unsigned count; /* started */
	int post_fd;    /* readable: some driver has something to say */
};

/* Start o->threads of them. 0; -errno, and none runs. `error`: DRIVER_TEXT
 * bytes. */
HERD_MUST_CHECK int drivers_start(struct drivers *ds,
	const struct bench_options *o, const struct driver_work *work,
	char *error);

/* What post_fd had to say has been heard: look at what follows. */
void drivers_hear(struct drivers *ds);
bool drivers_are_ready(const struct drivers *ds); /* or done */
bool drivers_are_done(const struct drivers *ds);

void drivers_go(struct drivers *ds);

/* Add to `into` what was seen since the last turn. */
void drivers_turn(struct drivers *ds, struct histogram *into);

uint64_t drivers_wrong(const struct drivers *ds);

/* How well the drivers themselves did. */
struct drivers_account {
	uint64_t unanswered; /* of all of them */
	int64_t oldest_ns;   /* of any */
	double busy;         /* of the busiest */
	int64_t late_ns;     /* 99 of a hundred requests were no later */
};

/* After drivers_stop. */
struct drivers_account drivers_account(const struct drivers *ds);

/* Why a driver gave up, or NULL; the first wrong answer, or NULL. After
 * drivers_stop. */
const char *drivers_failure(const struct drivers *ds);
const char *drivers_first_wrong(const struct drivers *ds);

/* Have them end; they are still to be asked. */
void drivers_stop(struct drivers *ds);
void drivers_free(struct drivers *ds);

#endif
