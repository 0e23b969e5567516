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

/* How many bytes of `word` are digits before the first that is none. */
static inline size_t digits_count(uint64_t word)
{
	return word_first(~word_below(word ^ WORD_OF('0'), 10) & WORD_OF(0x80));
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
	/* Zeros come in front as the other bytes go. Then neighbours are
	 * joined to pairs, pairs to fours, and these to eight. */
	word = (word ^ WORD_OF('0')) << (WORD_BYTES - count) * 8;
	word = word * 10 + (word >> 8);
	word &= UINT64_C(0x00ff00ff00ff00ff);
	word = word * 100 + (word >> 16);
	word &= UINT64_C(0x0000ffff0000ffff);
	*ret_value = (uint32_t)(word * 10000 + (word >> 32));
	return count;
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
