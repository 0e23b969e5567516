/* whatsat_table - the answer to a WHATSAT, as people read it.
 *
 *   kiwi at +34.068930-118.445127, heard by Goloman 12 s ago (clock ...)
 *   #  NAME      DISTANCE  KIND      VICINITY
 *   1  Bel Air     1.9 km  locality  Bel Air, Los Angeles, CA, US
 *   1 place within 10 km
 *
 * Places may have the form of Google's legacy Nearby Search or of the Places
 * API (New). Columns that a narrow terminal has no room for are cut, and then
 * left out, the last ones first. What others wrote is made safe by screen.h.
 * Pure; threads: any. */
#ifndef HERD_WHATSAT_TABLE_H
#define HERD_WHATSAT_TABLE_H

#include "herd/buf.h"

struct whatsat_view {
	const char *radius_km; /* of the question, as it was asked */
	bool nothing;          /* no places were asked for */
	size_t width;          /* columns of the terminal */
	int64_t now_ns;        /* since the epoch */
};

/* Append what the answer says. 0; -EBADMSG: it is none of the forms known
 * here, or says more than a table can show; -ENOMEM. What was appended before
 * an error is to be dropped. */
HERD_MUST_CHECK int whatsat_table(
	struct text answer, const struct whatsat_view *view, struct buf *out);

#endif
