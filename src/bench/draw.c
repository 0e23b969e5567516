/* draw - xoshiro256**, and what is made of its words. */
#include "herd/draw.h"

#include <math.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t turn(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

/* SplitMix64, as its authors advise for filling the state. */
static uint64_t split(uint64_t *state)
{
	uint64_t word = *state += GOLDEN;

	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

void draw_init(struct draw *d, uint64_t seed, uint64_t stream)
{
	uint64_t state = stream;

	/* The stream is mixed first: seeds and streams are small numbers, and
	 * their sum would be the same for many pairs. */
	state = split(&state) ^ seed;
	for (size_t i = 0; i < HERD_COUNT(d->state); i++)
		d->state[i] = split(&state);
}

uint64_t draw_word(struct draw *d)
{
	uint64_t *s = d->state;
	uint64_t word = turn(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = turn(s[3], 45);
	return word;
}

/* The upper half of the product; its lower half tells when a word is one of the
 * few that would make some results likelier than others (Lemire, 2019). */
uint64_t draw_below(struct draw *d, uint64_t limit)
{
	__extension__ typedef unsigned __int128 product;
	product p = (product)draw_word(d) * limit;

	if ((uint64_t)p < limit) {
		uint64_t surplus = -limit % limit;

		while ((uint64_t)p < surplus)
			p = (product)draw_word(d) * limit;
	}
	return (uint64_t)(p >> 64);
}

double draw_unit(struct draw *d)
{
	return (double)((draw_word(d) >> 11) + 1) * 0x1p-53;
}

double draw_gap(struct draw *d, double mean)
{
	return -log(draw_unit(d)) * mean;
}

/* --- Zipf -----------------------------------------------------------------
 * The law's bars are covered by the area under h(x) = x^-exponent. A point of
 * that area is drawn by the inverse of its integral; what lies outside of its
 * bar is thrown away, which is seldom. */

/* log(1 + x) / x and (exp(x) - 1) / x, also where x is about 0. */
static double log1p_over(double x)
{
	return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double expm1_over(double x)
{
	return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double height(const struct zipf *z, double x)
{
	return exp(-z->exponent * log(x));
}

static double integral(const struct zipf *z, double x)
{
	return expm1_over((1 - z->exponent) * log(x)) * log(x);
}

static double inverse(const struct zipf *z, double area)
{
	double t = area * (1 - z->exponent);

	return exp(log1p_over(t < -1 ? -1 : t) * area);
}

void zipf_init(struct zipf *z, uint64_t count, double exponent)
{
	z->count = count;
	z->exponent = exponent;
	z->head = integral(z, 1.5) - 1;
	z->tail = integral(z, (double)count + 0.5);
	z->shift = 2 - inverse(z, integral(z, 2.5) - height(z, 2));
}

uint64_t draw_zipf(struct draw *d, const struct zipf *z)
{
	for (;;) {
		double area = z->tail + draw_unit(d) * (z->head - z->tail);
		double x = inverse(z, area);
		double last = (double)z->count;
		double rank = floor(x + 0.5);

		rank = rank < 1 ? 1 : rank > last ? last : rank;
		if (rank - x <= z->shift ||
			area >= integral(z, rank + 0.5) - height(z, rank))
			return (uint64_t)rank - 1;
	}
}
