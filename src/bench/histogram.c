/* histogram - slots that grow with the value.
 *
 *   value     0 1 ... 127 | 128 ... 255 | 256, 258 ... 510 | 512, 516 ...
 *   slot      0 1 ... 127 | 128 ... 255 | 256, 257 ... 383 | 384, 385 ...
 *
 * A slot's number is the power of two that the value belongs to and the seven
 * bits that follow its highest. */
#include "herd/histogram.h"

#include <math.h>

#define PARTS (INT64_C(1) << HISTOGRAM_PART_BITS)

/* How many low bits of a value its slot does not know. */
static unsigned dropped_bits(uint64_t value)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);

	return bits > HISTOGRAM_PART_BITS + 1 ? bits - HISTOGRAM_PART_BITS - 1
					      : 0;
}

static size_t slot_of(int64_t value)
{
	unsigned dropped = dropped_bits((uint64_t)value);

	return ((size_t)dropped << HISTOGRAM_PART_BITS) +
	       ((size_t)value >> dropped);
}

/* The highest value of a slot. */
static int64_t slot_end(size_t slot)
{
	size_t power = slot >> HISTOGRAM_PART_BITS;
	unsigned dropped = power > 1 ? (unsigned)power - 1 : 0;
	int64_t part =
		(int64_t)(slot - ((size_t)dropped << HISTOGRAM_PART_BITS));

	return ((part + 1) << dropped) - 1;
}

void histogram_add(struct histogram *h, int64_t value, uint64_t times)
{
	if (times == 0)
		return;
	if (value < 0)
		value = 0;
	if (value > HISTOGRAM_MAX)
		value = HISTOGRAM_MAX;
	if (h->count == 0 || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count += times;
	h->sum += (uint64_t)value * times;
	h->slots[slot_of(value)] += times;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
		into->slots[i] += from->slots[i];
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
	/* Rounding must not make 99.9 % of 1000 one more than 999. */
	double wanted = ceil(percent / 100 * (double)h->count - 1e-6);
	uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted;
	uint64_t seen = 0;

	if (rank >= h->count)
		return h->max;
	for (size_t i = 0; i < HISTOGRAM_SLOTS; i++) {
		seen += h->slots[i];
		if (seen >= rank)
			return slot_end(i) < h->max ? slot_end(i) : h->max;
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}
