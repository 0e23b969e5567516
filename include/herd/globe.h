/* globe - which points of the Earth lie nearest to one.
 *
 * Distances are great circles on a sphere of GLOBE_RADIUS_M; real ones differ
 * by up to half a percent.
 * Threads: immutable once made; any may ask. */
#ifndef HERD_GLOBE_H
#define HERD_GLOBE_H

#include "herd/base.h"

#define GLOBE_RADIUS_M 6371008.8 /* mean radius */

/* In 1/10,000,000 of a degree, about a centimetre: latitude within 90,
 * longitude within 180 degrees, ends included. */
struct globe_point {
	int32_t latitude_e7;
	int32_t longitude_e7;
};

struct globe_hit {
	uint32_t point; /* its place in the array the globe was made of */
	double distance_m;
};

struct globe;

/* A globe with `count` points, which are copied. 0; -ENOMEM. */
HERD_MUST_CHECK int globe_new(const struct globe_point *points, uint32_t count,
	struct globe **ret_globe);
void globe_free(struct globe *globe);

/* The points within `radius_m` metres of a place given in degrees, at most
 * `room` of them, nearest first; of points at the same distance the one with
 * the lower number. How many were found. */
size_t globe_nearest(const struct globe *globe, double latitude,
	double longitude, double radius_m, size_t room,
	struct globe_hit *ret_hits);

#endif
