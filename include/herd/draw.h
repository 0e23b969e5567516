/* draw - random numbers for loads: quick, repeatable from a seed, and of no use
 * for secrets. Plain values; threads: owner only. */
#ifndef HERD_DRAW_H
#define HERD_DRAW_H

#include "herd/base.h"

struct draw {
	uint64_t state[4]; /* xoshiro256** (Blackman and Vigna, 2018) */
};

/* Different streams of one seed have nothing to do with one another. */
void draw_init(struct draw *d, uint64_t seed, uint64_t stream);

uint64_t draw_word(struct draw *d);
uint64_t draw_below(struct draw *d, uint64_t limit); /* even; limit >= 1 */
double draw_unit(struct draw *d);                    /* in (0, 1] */

/* The time to the next event of a Poisson process: exponential. */
double draw_gap(struct draw *d, double mean);

/* Zipf's law over `count` ranks: rank k (from 0) comes up in proportion to
 * (k + 1)^-exponent. By rejection-inversion (Hoermann and Derflinger, 1996): no
 * table, whatever the count. */
struct zipf {
	uint64_t count;
	double exponent;          /* > 0 */
	double head, tail, shift; /* draw_zipf's own */
};

void zipf_init(struct zipf *z, uint64_t count, double exponent);
uint64_t draw_zipf(struct draw *d, const struct zipf *z); /* below count */

#endif
