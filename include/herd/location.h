/* location - ISO 6709 in decimal degrees: "+34.068930-118.445127".
 * Pure; threads: any. */
#ifndef HERD_LOCATION_H
#define HERD_LOCATION_H

#include "herd/base.h"

/* The two numbers inside a location field, signs included, trailing '/' not. */
struct location {
	struct text latitude;
	struct text longitude;
};

/* Two signed decimals run together, each one or more digits with an optional
 * fraction ("+5.0-118."), optional trailing '/'; latitude within 90,
 * longitude within 180 degrees, ends included. false: anything else. */
HERD_MUST_CHECK bool location_parse(
	struct text field, struct location *ret_location);

#endif
