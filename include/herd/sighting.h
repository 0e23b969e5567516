/* sighting - a client seen at a place at a time: the AT line and what of it
 * decides which of two is newer. A value; its texts belong to the caller.
 * Pure; threads: any. */
#ifndef HERD_SIGHTING_H
#define HERD_SIGHTING_H

#include "herd/base.h"

struct sighting {
	struct text line; /* normal form: six fields, single spaces, no LF */
	struct text id;   /* a piece of line */
	int64_t stamp_ns; /* the client's clock */
};

/* The third to last say in "which is newer" when two stamps are equal: a
 * difference in our own form wins over any other; then the smaller one; then
 * the bytewise smaller line. `a` and `b` are whole lines in normal form with
 * the same stamp_ns. <0: a wins; 0: the same bytes; >0: b wins. */
int sighting_compare_lines(struct text a, struct text b);

/* Whether `a` replaces `b` (herd(7), "Which location is newer"). Every server
 * comes to the same answer, in whatever order it hears. */
static inline bool sighting_wins(struct text a_line, int64_t a_stamp_ns,
	struct text b_line, int64_t b_stamp_ns)
{
	if (a_stamp_ns != b_stamp_ns)
		return a_stamp_ns > b_stamp_ns;
	return sighting_compare_lines(a_line, b_line) < 0;
}

/* Whether `s`, from a plain neighbour, is but the line held come back with its
 * numbers rewritten: same server, id and location, and stamps that differ by
 * less than a microsecond. `held` is in normal form. */
bool sighting_echoes(
	struct text held, int64_t held_stamp_ns, const struct sighting *s);

#endif
