/* places_mask - field masks: which fields of a place a client wants.
 * Pure; threads: any. */
#ifndef HERD_PLACES_MASK_H
#define HERD_PLACES_MASK_H

#include "herd/base.h"

enum {
	PLACES_NAME = 1 << 0,
	PLACES_ID = 1 << 1,
	PLACES_TYPES = 1 << 2,
	PLACES_ADDRESS = 1 << 3,
	PLACES_LATITUDE = 1 << 4,
	PLACES_LONGITUDE = 1 << 5,
	PLACES_LOW_LATITUDE = 1 << 6,
	PLACES_LOW_LONGITUDE = 1 << 7,
	PLACES_HIGH_LATITUDE = 1 << 8,
	PLACES_HIGH_LONGITUDE = 1 << 9,
	PLACES_DISPLAY_NAME = 1 << 10,
	PLACES_PRIMARY_TYPE = 1 << 11,
	PLACES_ALL = (1 << 12) - 1,
};

/* "places.id,places.location", "*": the bits of what is wanted. A field that
 * the service knows and no gazetteer has (a rating) is no bit and no error.
 * false: some path is wrong, and ret_path is that one. */
HERD_MUST_CHECK bool places_mask_parse(
	const char *mask, unsigned *ret_fields, struct text *ret_path);

#endif
