/* field_mask - field masks: which fields of a place a client wants.
 * Pure; threads: any. */
#ifndef HERD_FIELD_MASK_H
#define HERD_FIELD_MASK_H

#include "herd/base.h"

enum {
	FIELD_NAME = 1 << 0,
	FIELD_ID = 1 << 1,
	FIELD_TYPES = 1 << 2,
	FIELD_ADDRESS = 1 << 3,
	FIELD_LATITUDE = 1 << 4,
	FIELD_LONGITUDE = 1 << 5,
	FIELD_LOW_LATITUDE = 1 << 6,
	FIELD_LOW_LONGITUDE = 1 << 7,
	FIELD_HIGH_LATITUDE = 1 << 8,
	FIELD_HIGH_LONGITUDE = 1 << 9,
	FIELD_DISPLAY_NAME = 1 << 10,
	FIELD_PRIMARY_TYPE = 1 << 11,
	FIELD_ALL = (1 << 12) - 1,
};

/* "places.id,places.location", "*": the bits of what is wanted. A field that
 * the service knows and no gazetteer has (a rating) is no bit and no error.
 * false: some path is wrong, and ret_path is that one. */
HERD_MUST_CHECK bool field_mask_parse(
	const char *mask, unsigned *ret_fields, struct text *ret_path);

#endif
