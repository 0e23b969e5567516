/* arrivals - which of the numbered updates sent have arrived where they are
 * watched for, and which need not any more.
 *
 * Of a client only the newest counts: those between two that have arrived never
 * come, they are superseded.
 * Threads: owner only. */
#ifndef BENCH_ARRIVALS_H
#define BENCH_ARRIVALS_H

#include "herd/base.h"

struct arrivals {
	uint64_t ids;     /* clients: update n is of client n % ids */
	uint64_t *newest; /* of each client, as number + 1; 0: none */
	uint64_t first;   /* what is before it does not count */
	uint64_t arrived, superseded, repeated;
};

/* 0; -ENOMEM. */
HERD_MUST_CHECK int arrivals_init(struct arrivals *a, uint64_t ids);
void arrivals_fini(struct arrivals *a);

/* The `sent` updates until now are done with, whether or not they have arrived;
 * it counts anew from here. */
void arrivals_start(struct arrivals *a, uint64_t sent);

/* Update `number` has arrived. false: it, or a newer one of its client, had
 * before. */
bool arrivals_take(struct arrivals *a, uint64_t number);

/* Of `sent` updates. */
uint64_t arrivals_missing(const struct arrivals *a, uint64_t sent);

#endif
