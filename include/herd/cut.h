/* cut - a provider's JSON judged by RFC 8259, and cut to so many results, every
 * other byte left alone.
 *
 * It is judged here and not by json-c, which lets pass what is no JSON even in
 * its strict mode (keys in single quotes, NaN); and whoever looks for the ends
 * of elements reads every byte anyway. Pure; threads: any. */
#ifndef HERD_CUT_H
#define HERD_CUT_H

#include "herd/base.h"
#include "herd/line.h"

#define CUT_DEPTH_MAX 64 /* arrays and objects in each other */

struct cut {
	struct text json; /* borrowed from whoever had it measured */
	/* Where the elements of the array end, as far as anybody may want
	 * them: ends[0] is the byte after the first. */
	size_t ends[LINE_BOUND_MAX];
	size_t end_count;
	size_t last_end;    /* the byte after the last element; 0: none */
	struct text status; /* the top-level text of that name, between its
			     * quotes; empty: there is none */
};

/* Make every run of LF one, and drop those at the end, in place. The new
 * length. */
size_t cut_squeeze(char *json, size_t len);

/* Read a text that must be one JSON object in UTF-8. `array` is the name of
 * the top-level member whose elements are counted; it need not be there, nor
 * be an array. NULL; or why the text is refused, a literal. */
HERD_MUST_CHECK const char *cut_measure(
	struct text json, const char *array, struct cut *ret_cut);

/* The text with at most `bound` (1 to LINE_BOUND_MAX) elements in that array:
 * head and tail, to be run together. */
void cut_at(const struct cut *cut, unsigned bound, struct text *ret_head,
	struct text *ret_tail);

#endif
