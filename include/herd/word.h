/* word - text eight bytes at a time.
 *
 * A word holds the next eight bytes of a text, the first in its lowest byte.
 * Bytes past the end of the text read as 0, and are never touched.
 * Pure; threads: any. */
#ifndef HERD_WORD_H
#define HERD_WORD_H

#include <endian.h>

#include "herd/base.h"

#define WORD_BYTES 8

/* The same byte eight times. */
#define WORD_OF(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The bytes [p, end), WORD_BYTES of them at the most. */
static inline uint64_t word_load(const char *p, const char *end)
{
	size_t left = (size_t)(end - p);
	uint64_t word;

	if (left >= WORD_BYTES) {
		memcpy(&word, p, sizeof word);
		return le64toh(word);
	}
	if (left >= 4) { /* the two halves may overlap */
		uint32_t low;
		uint32_t high;

		memcpy(&low, p, sizeof low);
		memcpy(&high, end - sizeof high, sizeof high);
		return le32toh(low) | (uint64_t)le32toh(high) << (left - 4) * 8;
	}
	if (!left)
		return 0;
	/* First, middle and last of three, two or one. */
	word = (unsigned char)p[0];
	word |= (uint64_t)(unsigned char)p[left / 2] << left / 2 * 8;
	return word | (uint64_t)(unsigned char)p[left - 1] << (left - 1) * 8;
}

/* Write a word as text, its lowest byte first. */
static inline void word_store(char *dst, uint64_t word)
{
	word = htole64(word);
	memcpy(dst, &word, sizeof word);
}

/* Where the lowest marked byte is; WORD_BYTES if none is. A mark is the top
 * bit of a byte. */
static inline size_t word_first(uint64_t marks)
{
	return marks ? (size_t)__builtin_ctzll(marks) / 8 : WORD_BYTES;
}

/* Marks on the bytes below `limit`, itself at most 0x80. Seven bits of each
 * byte are added to, so nothing carries over into the next. */
static inline uint64_t word_below(uint64_t word, unsigned limit)
{
	uint64_t sum = (word & WORD_OF(0x7f)) + WORD_OF(0x80 - limit);

	return ~(sum | word) & WORD_OF(0x80);
}

#endif
