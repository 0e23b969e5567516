/* siphash - a keyed hash of short strings (Aumasson and Bernstein, 2012).
 *
 * Who does not know the key can not choose ids that meet in one slot of a
 * table. The store uses SipHash-1-3: one round per eight bytes, three at the
 * end. The rounds are parameters because the published vectors are mostly of
 * SipHash-2-4: one body, two sets of vectors to hold it against. Inline, so
 * that they are constants where it is used. Pure; threads: any. */
#ifndef HERD_SIPHASH_H
#define HERD_SIPHASH_H

#include "herd/word.h"

struct siphash_key {
	uint64_t k0, k1;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void siphash_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[0] = siphash_rotate(v[0], 32);
		v[2] += v[3];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[2] = siphash_rotate(v[2], 32);
	}
}

static inline void siphash_absorb(uint64_t v[4], uint64_t word, unsigned rounds)
{
	v[3] ^= word;
	siphash_rounds(v, rounds);
	v[0] ^= word;
}

static inline uint64_t siphash(struct siphash_key key, unsigned rounds,
	unsigned final_rounds, struct text bytes)
{
	uint64_t v[4] = {
		key.k0 ^ UINT64_C(0x736f6d6570736575),
		key.k1 ^ UINT64_C(0x646f72616e646f6d),
		key.k0 ^ UINT64_C(0x6c7967656e657261),
		key.k1 ^ UINT64_C(0x7465646279746573),
	};
	const char *p = bytes.ptr;
	const char *end = p + bytes.len;

	for (; end - p >= WORD_BYTES; p += WORD_BYTES)
		siphash_absorb(v, word_load(p, end), rounds);
	/* The last word: what is left over, and the length on top. */
	siphash_absorb(
		v, word_load(p, end) | (uint64_t)bytes.len << 56, rounds);

	v[2] ^= 0xff;
	siphash_rounds(v, final_rounds);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
