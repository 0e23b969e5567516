/* nearby_legacy - answers in the form of Google's legacy Nearby Search.
 * Pure; threads: any. */
#ifndef HERD_NEARBY_LEGACY_H
#define HERD_NEARBY_LEGACY_H

#include "herd/buf.h"
#include "herd/nearby_answer.h"

#define NEARBY_LEGACY_PATH "/maps/api/place/nearbysearch/json"

/* Parameters of the URL, decoded; NULL: not there. */
struct nearby_legacy_question {
	const char *location; /* "LAT,LNG" in degrees */
	const char *radius;   /* metres */
	const char *key;
};

/* Append the answer to `out`. `api_key` is the one that is right; NULL: any
 * is. 0; -ENOMEM. */
HERD_MUST_CHECK int nearby_legacy_answer(const struct gazetteer *g,
	const char *api_key, const struct nearby_legacy_question *q,
	struct buf *out, struct nearby_answer *ret_answer);

/* Append what the service says when it fails with this status of HTTP. */
HERD_MUST_CHECK int nearby_legacy_fail(unsigned status, struct buf *out);

#endif
