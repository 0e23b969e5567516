/* stamp - decimal numbers as integers: POSIX times, time differences, radii.
 * Nanoseconds in a signed 64-bit integer; never a double, which cannot tell
 * neighbouring nanoseconds of today's dates apart. Pure; threads: any. */
#ifndef HERD_STAMP_H
#define HERD_STAMP_H

#include "herd/base.h"

/* Digits with an optional fraction ("5", "5.", "5.25"), no sign, no exponent:
 * the value times 10^9. Digits after the ninth do not count, but ret_rest
 * tells whether one of them was not zero. false: not of that form, or more
 * than an int64_t holds. */
HERD_MUST_CHECK bool stamp_parse(
	struct text field, int64_t *ret_ns, bool *ret_rest);

/* A difference in herd's own form: sign, digits, exactly nine decimals, of a
 * size an int64_t of nanoseconds holds. */
HERD_MUST_CHECK bool stamp_parse_difference(struct text field, int64_t *ret_ns);

/* Any decimal number as other implementations write differences: optional
 * sign, digits with optional fraction, optional exponent. In nanoseconds,
 * cut towards zero, saturated at the ends of int64_t. false: no number. */
HERD_MUST_CHECK bool stamp_parse_any(struct text field, int64_t *ret_ns);

/* Longest difference: sign, ten digits, point, nine decimals. */
#define STAMP_DIFFERENCE_MAX 21

/* Write "+0.263873386" (always signed, nine decimals) to dst, which has room
 * for STAMP_DIFFERENCE_MAX bytes; return one past the last byte written. */
char *stamp_format_difference(int64_t ns, char *dst);

#endif
