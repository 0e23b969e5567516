/* sim - what the parts of the simulator share: the one clock, the queue of
 * what is to happen, randomness, and how a run fails.
 *
 *   plan (seed) --> world: servers, clients ----> the code that ships
 *                     |                             |        |
 *                     v                          sys.h   reactor.h
 *                  network  <----------------- sim_sys.c  sim_reactor.c
 *
 * Everything happens in one thread, in the order of sim.events. Nothing looks
 * at a real clock, a real socket, or at an address in memory: a seed gives the
 * same run every time. */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "herd/base.h"
#include "herd/timers.h"

#define SIM_NODES   200       /* servers of a herd, at the most */
#define SIM_CLIENTS SIM_NODES /* the place in the network where clients are */
#define SIM_PLACES  (SIM_NODES + 1)

/* splitmix64 */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound);
int64_t rng_between(struct rng *rng, int64_t low, int64_t high);
bool rng_chance(struct rng *rng, unsigned percent);

struct reactor;

/* A process as the seam sees it: whose clock is read, whose sockets close. */
struct sim_process {
	size_t node;
	int64_t realtime_offset_ns;
	int64_t monotonic_offset_ns;
	int64_t paused_until_ns;
	bool vanishing; /* its machine lost power: nobody hears it close */
	struct rng rng;
	struct reactor *reactors;
};

/* How this seed's machines and wires are. */
struct sim_manner {
	int64_t latency_ns;  /* at the most, of one segment */
	int64_t wake_ns;     /* at the most, until a thread runs */
	size_t send_room;    /* bytes that the kernel keeps for a sender */
	size_t receive_room; /* ... for a receiver */
	unsigned preempt;    /* percent */
	unsigned split;      /* percent of segments that arrive in pieces */
};

struct sim {
	int64_t now_ns;
	struct timers events;
	uint64_t steps;
	struct rng rng;
	struct sim_process *self; /* whose code runs; NULL: the world's */
	struct sim_manner manner;
	size_t blocks; /* allocated and not freed */
	size_t bytes, most_bytes;
	bool verbose;
	char failure[512]; /* the first one */
};

extern struct sim sim;

/* Have `timer` come due so long from now. */
void sim_after(struct timer *timer, int64_t wait_ns);
void sim_cancel(struct timer *timer);

/* Let things happen until then. */
void sim_run_until(int64_t ns);

/* What is wrong; the run goes on, only the first is kept. */
void sim_fail(const char *format, ...) HERD_PRINTF(1, 2);

/* With --verbose: a line about what happens. */
void sim_say(const char *format, ...) HERD_PRINTF(1, 2);

/* --- sim_reactor.c -------------------------------------------------------- */

/* Something a reactor may wait for has happened. */
void sim_kick(struct reactor *r);

/* A point at which the scheduler may take the processor from this thread and
 * let others of its process run. */
void sim_preempt(void);

/* It was paused, and goes on. */
void sim_resume(struct sim_process *process);

/* Reactors made from now on are that process's. */
void sim_enter(struct sim_process *process);

#endif
