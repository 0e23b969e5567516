/* plan - what a seed means: a herd, how its machines and wires are, and what
 * happens when. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "sim.h"

#define PLAN_EVENTS  400
#define PLAN_NODES   20 /* servers, at the most */
#define PLAN_WORKERS 3
#define PLAN_IDS     48 /* clients, at the most */
#define PLAN_LINES   16 /* of one update, at the most */

enum plan_kind {
	PLAN_UPDATE, /* a: server, lines of update */
	PLAN_CUT,    /* a -> b, and back if `both` */
	PLAN_MEND,   /* a -> b and back */
	PLAN_SPLIT,  /* `set` of servers from all others */
	PLAN_MEND_ALL,
	PLAN_RESET,  /* connections between a and b */
	PLAN_CRASH,  /* a; `both`: its machine, not only the process */
	PLAN_STOP,   /* a: SIGTERM */
	PLAN_START,  /* a, if it does not run */
	PLAN_PAUSE,  /* a, for length_ns */
	PLAN_CLOCK,  /* a's wall clock moves by length_ns */
	PLAN_RELOAD, /* a, with b as a neighbour if `both`, or without */
	PLAN_KINDS
};

struct plan_line {
	unsigned id;
	unsigned place;
	int64_t stamp_ns;
	bool far; /* with blanks and a longer form of the stamp */
};

struct plan_event {
	enum plan_kind kind;
	int64_t at_ns;
	size_t a, b;
	bool both;
	uint32_t set;
	int64_t length_ns;
	struct plan_line line[PLAN_LINES];
	unsigned line_count;
	bool linger; /* the client stays a while instead of half-closing */
	bool rude;   /* it closes without waiting for its answers */
};

struct plan {
	uint64_t seed;
	size_t nodes;
	bool edge[SIM_NODES][SIM_NODES]; /* both ways */
	bool is_tree;
	unsigned workers[SIM_NODES]; /* 0: the single-threaded design */
	int64_t realtime_offset_ns[SIM_NODES];
	bool secret;
	int64_t sync_interval_ns;
	unsigned shards;
	unsigned ids;    /* clients that move */
	unsigned id_len; /* bytes of padding in ids */
	struct sim_manner manner;
	int64_t end_ns; /* of trouble */
	struct plan_event event[PLAN_EVENTS];
	size_t count;
};

void plan_make(uint64_t seed, struct plan *ret_plan);
void plan_print(const struct plan *plan, const bool *dropped);
void plan_say_event(const struct plan_event *e, char *dst, size_t room);

#endif
