/* digits - runs of decimal digits, eight in one step.
 *
 * A word is tested and converted as a whole: no loop, and no branch that
 * depends on how many digits there are.
 * Pure; threads: any. */
#ifndef HERD_DIGITS_H
#define HERD_DIGITS_H

#include "herd/word.h"

/* 0 to 9; more if `c` is no digit. */
static inline unsigned digits_of(char c)
{
	return (unsigned)(unsigned char)c - '0';
}

/* 0 to 15; more if `c` is no hex digit, of either case. */
static inline unsigned digits_hex_of(char c)
{
	unsigned letter = ((unsigned)(unsigned char)c | 0x20) - 'a';

	return letter < 6 ? letter + 10 : digits_of(c) < 10 ? digits_of(c) : 16;
}

static const uint32_t digits_power_of_10[10] = {1, 10, 100, 1000, 10000, 100000,
	1000000, 10000000, 100000000, 1000000000};

/* How many bytes of `word` are digits before the first that is none. A digit is
 * 0 to 9 once '0' is taken from it, and has a high half of zero before and after
 * 6 is added. What carries over goes into bytes behind one that is no digit. */
static inline size_t digits_count(uint64_t word)
{
	uint64_t values = word ^ WORD_OF('0');
	uint64_t others = (values | (values + WORD_OF(6))) & WORD_OF(0xf0);

	return others ? (size_t)__builtin_ctzll(others) / 8 : WORD_BYTES;
}

/* The first `count` digits of `word`, 1 to WORD_BYTES, a byte each, the last one
 * lowest: 180 is 0x010800. Such numbers compare as the decimals do. */
static inline uint64_t digits_order(uint64_t word, size_t count)
{
	return __builtin_bswap64(
		(word ^ WORD_OF('0')) << (WORD_BYTES - count) * 8);
}

/* Whether all bytes of `word` are digits, and then their value. */
static inline bool digits_only(uint64_t word)
{
	return digits_count(word) == WORD_BYTES;
}

static inline uint32_t digits_value(uint64_t word)
{
	/* Neighbours are joined to pairs, pairs to fours, and these to eight. */
	word ^= WORD_OF('0');
	word = word * 10 + (word >> 8);
	word &= UINT64_C(0x00ff00ff00ff00ff);
	word = word * 100 + (word >> 16);
	word &= UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(word * 10000 + (word >> 32));
}

/* The digits from `p` on, WORD_BYTES at the most: how many, and their value
 * (0 if there are none). */
static inline size_t digits_take(
	const char *p, const char *end, uint32_t *ret_value)
{
	uint64_t word = word_load(p, end);
	size_t count = digits_count(word);

	if (!count) {
		*ret_value = 0;
		return 0;
	}
	/* Zeros come in front as the other bytes go. */
	word = (word ^ WORD_OF('0')) << (WORD_BYTES - count) * 8;
	*ret_value = digits_value(word ^ WORD_OF('0'));
	return count;
}

/* Eight digits of a number below 10^8, leading zeros and all, as a word: halves
 * are taken to fours, these to pairs, and pairs to digits, each as a whole. */
static inline uint64_t digits_word(uint32_t value)
{
	uint64_t word = value / 10000 | (uint64_t)(value % 10000) << 32;
	uint64_t high;

	high = (word * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
	word = high | (word - high * 100) << 16;
	high = (word * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	word = high | (word - high * 10) << 8;
	return word | WORD_OF('0');
}

/* The first byte from `p` on that is no digit, or `end`. */
static inline const char *digits_skip(const char *p, const char *end)
{
	size_t count;

	do {
		count = digits_count(word_load(p, end));
		p += count;
	} while (count == WORD_BYTES);
	return p;
}

#endif
