/* geojson - places out of a GeoJSON file (RFC 7946).
 *
 * The file is a FeatureCollection of Points that have properties.name, and may
 * have properties.region. Everything else in it is passed over; what is needed
 * and not there is an error that says what would be right.
 * Threads: start-up only. */
#ifndef HERD_GEOJSON_H
#define HERD_GEOJSON_H

#include "herd/gazetteer.h"

/* An indexed gazetteer. 0; -EINVAL; -ENOMEM; and in `error`
 * (GAZETTEER_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int geojson_parse(
	struct text text, struct gazetteer **ret_gazetteer, char *error);

#endif
