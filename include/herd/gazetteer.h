/* gazetteer - named places, and which of them lie nearest to a point.
 *
 * Filled by gazetteer_add, or from a file, then indexed; after that it does not
 * change.
 * Threads: start-up only until indexed, then immutable: any may ask. */
#ifndef HERD_GAZETTEER_H
#define HERD_GAZETTEER_H

#include "herd/globe.h"

#define GAZETTEER_NAME_MAX  1000 /* bytes */
#define GAZETTEER_ERROR_MAX 512

struct gazetteer;

/* The texts belong to the gazetteer and are UTF-8. */
struct place {
	struct globe_point at;
	struct text name;
	struct text region;       /* "California, US"; may be empty */
	const char *const *types; /* what kind it is; NULL ends them */
};

/* An empty gazetteer of places that are all of these `types` (borrowed, NULL
 * ends them). 0; -ENOMEM. */
HERD_MUST_CHECK int gazetteer_new(
	const char *const *types, struct gazetteer **ret_gazetteer);
void gazetteer_free(struct gazetteer *g);

/* The texts are copied, GAZETTEER_NAME_MAX bytes each at the most. 0; -ENOMEM.
 * Places of one region are best added one after the other. */
HERD_MUST_CHECK int gazetteer_add(struct gazetteer *g, struct globe_point at,
	struct text name, struct text region);

/* Get ready for questions; nothing is added any more. 0; -ENOMEM. */
HERD_MUST_CHECK int gazetteer_index(struct gazetteer *g);

/* Places in the format of data/places.tsv, indexed. 0; -EINVAL; -ENOMEM; and
 * in `error` (GAZETTEER_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int gazetteer_parse(
	struct text text, struct gazetteer **ret_gazetteer, char *error);

uint32_t gazetteer_count(const struct gazetteer *g);
struct place gazetteer_place(const struct gazetteer *g, uint32_t number);

/* See globe_nearest. */
size_t gazetteer_nearest(const struct gazetteer *g, double latitude,
	double longitude, double radius_m, size_t room,
	struct globe_hit *ret_hits);

#endif
