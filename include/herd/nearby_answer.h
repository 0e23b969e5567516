/* nearby_answer - what the answers of both services have in common.
 * Pure; threads: any. */
#ifndef HERD_NEARBY_ANSWER_H
#define HERD_NEARBY_ANSWER_H

#include "herd/gazetteer.h"

#define NEARBY_ANSWER_MAX   20    /* places in one answer */
#define NEARBY_RADIUS_MAX_M 50000 /* that may be asked for */

/* What was asked, and how it went; the rest is in the answer's bytes. */
struct nearby_answer {
	unsigned status; /* of HTTP */
	double latitude; /* what was asked for, if it made sense */
	double longitude;
	double radius_m;
	size_t found; /* places in the answer */
};

/* A place's id: the same wherever and whenever a place of this name is there.
 * NUL-terminated. */
#define PLACE_ID_LEN 19
void place_id(const struct place *p, char ret_id[PLACE_ID_LEN + 1]);

/* Its name and region. */
#define PLACE_ADDRESS_MAX (2 * GAZETTEER_NAME_MAX + 2)
struct text place_address(const struct place *p, char room[PLACE_ADDRESS_MAX]);

/* What a map should show: 300 m each way, as Google says for a mere point. In
 * 1e-13 of a degree; across the 180th meridian the western edge is greater. */
#define PLACE_VIEW_DECIMALS 13
struct place_view {
	int64_t south, west, north, east;
};
struct place_view place_view(const struct place *p);

#endif
