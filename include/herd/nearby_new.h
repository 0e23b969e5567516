/* nearby_new - answers in the form of Google's Places API (New), Nearby Search.
 * Pure; threads: any. */
#ifndef HERD_NEARBY_NEW_H
#define HERD_NEARBY_NEW_H

#include "herd/buf.h"
#include "herd/nearby_answer.h"

#define NEARBY_NEW_PATH "/v1/places:searchNearby"

struct nearby_new_question {
	const char *key;        /* X-Goog-Api-Key; NULL: not there */
	const char *field_mask; /* X-Goog-FieldMask; NULL: not there */
	struct text body;
};

/* Append the answer to `out`. `api_key` is the one that is right; NULL: any
 * is. 0; -ENOMEM. */
HERD_MUST_CHECK int nearby_new_answer(const struct gazetteer *g,
	const char *api_key, const struct nearby_new_question *q,
	struct buf *out, struct nearby_answer *ret_answer);

/* Append an error in this service's form. 0; -ENOMEM. */
HERD_MUST_CHECK int nearby_new_error(
	unsigned status, const char *message, struct buf *out);

#endif
