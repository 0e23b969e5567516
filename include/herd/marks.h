/* marks - which bytes of a text are below '!': white space is among them, and
 * little else that anybody sends. Up to 64 bytes in one go, a bit each, the
 * first in the lowest.
 *
 * On x86-64 sixteen bytes are compared by one instruction, which all of these
 * processors have; elsewhere eight, by the arithmetic of word.h.
 * Pure; threads: any. */
#ifndef HERD_MARKS_H
#define HERD_MARKS_H

#ifdef __SSE2__
#	include <emmintrin.h>
#endif

#include "herd/word.h"

#define MARKS_BYTES 64

/* Of eight bytes in a word: the marks, which are their top bits, side by side. */
static inline uint64_t marks_of_word(uint64_t word)
{
	return (word_below(word, '!') >> 7) * UINT64_C(0x0102040810204080) >>
	       56;
}

#ifdef __SSE2__

#	define MARKS_STEP 16

/* Of the sixteen bytes at `p`. */
static inline uint64_t marks_of_step(const char *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i last = _mm_set1_epi8('!' - 1);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last), bytes);

	return (uint64_t)(unsigned)_mm_movemask_epi8(low);
}

#else

#	define MARKS_STEP WORD_BYTES

static inline uint64_t marks_of_step(const char *p)
{
	return marks_of_word(word_load(p, p + WORD_BYTES));
}

#endif

/* Of the `len` bytes at `p`, which are MARKS_BYTES or fewer. `before`: how many
 * bytes in front of them may be looked at. */
static inline uint64_t marks_of(const char *p, size_t len, size_t before)
{
	uint64_t marks = 0;
	size_t at = 0;

	if (len == MARKS_BYTES) {
#pragma GCC unroll 8
		for (; at < MARKS_BYTES; at += MARKS_STEP)
			marks |= marks_of_step(p + at) << at;
		return marks;
	}
	if (len < MARKS_STEP && len + before >= MARKS_STEP)
		return marks_of_step(p + len - MARKS_STEP) >>
		       (MARKS_STEP - len);
	if (len < MARKS_STEP) {
		/* Past the end of the text a word has zeros: no marks of it. */
		for (; at < len; at += WORD_BYTES)
			marks |= marks_of_word(word_load(p + at, p + len))
				 << at;
		return marks & ((UINT64_C(1) << len) - 1);
	}
	for (; at + MARKS_STEP <= len; at += MARKS_STEP)
		marks |= marks_of_step(p + at) << at;
	/* The last step may overlap the one before: the same bytes, the same
	 * marks. */
	if (at < len)
		marks |= marks_of_step(p + len - MARKS_STEP)
			 << (len - MARKS_STEP);
	return marks;
}

#endif
