/* histogram - how often each time was seen, over many powers of ten, in a fixed
 * amount of memory (the idea of HdrHistogram).
 *
 * Values below 128 are exact; above, each power of two is divided into 128
 * parts, so a percentile is at most 0.8 % too high and never too low. Values of
 * more than HISTOGRAM_MAX count as that.
 * Plain values; threads: owner only, merged when the owners are done. */
#ifndef HERD_HISTOGRAM_H
#define HERD_HISTOGRAM_H

#include "herd/base.h"

#define HISTOGRAM_PART_BITS 7
#define HISTOGRAM_MAX_BITS  42 /* 73 minutes of nanoseconds */
#define HISTOGRAM_MAX       ((INT64_C(1) << HISTOGRAM_MAX_BITS) - 1)
#define HISTOGRAM_SLOTS                                                        \
	((HISTOGRAM_MAX_BITS - HISTOGRAM_PART_BITS + 1) << HISTOGRAM_PART_BITS)

/* All-zero is an empty one. */
struct histogram {
	uint64_t count, sum;
	int64_t min, max; /* exact; 0 when empty */
	uint64_t slots[HISTOGRAM_SLOTS];
};

/* Negative values count as 0. */
void histogram_add(struct histogram *h, int64_t value, uint64_t times);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that `percent` (0 to 100) of all are not above; 100: the max.
 * 0 when empty. */
int64_t histogram_percentile(const struct histogram *h, double percent);
double histogram_mean(const struct histogram *h);

#endif
