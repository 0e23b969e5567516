/* places_index - which points of the Earth lie nearest to one.
 *
 * Distances are great circles on a sphere of PLACES_EARTH_M; real ones differ
 * by up to half a percent.
 * Threads: immutable once made; any may ask. */
#ifndef HERD_PLACES_INDEX_H
#define HERD_PLACES_INDEX_H

#include "herd/base.h"

#define PLACES_EARTH_M 6371008.8 /* mean radius */

/* In 1/10,000,000 of a degree, about a centimetre: latitude within 90, longitude
 * within 180 degrees, ends included. */
struct places_point {
	int32_t latitude_e7;
	int32_t longitude_e7;
};

struct places_hit {
	uint32_t point; /* its place in the array the index was made of */
	double distance_m;
};

struct places_index;

/* An index of `count` points, which are copied. 0; -ENOMEM. */
HERD_MUST_CHECK int places_index_new(const struct places_point *points,
	uint32_t count, struct places_index **ret_index);
void places_index_free(struct places_index *index);

/* The points within `radius_m` metres of a place given in degrees, at most
 * `room` of them, nearest first; of points at the same distance the one with
 * the lower number. How many were found. */
size_t places_index_nearest(const struct places_index *index, double latitude,
	double longitude, double radius_m, size_t room,
	struct places_hit *ret_hits);

#endif
