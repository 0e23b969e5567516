/* json_reader - JSON from others, parsed by json-c and looked into by name and
 * type.
 *
 * A member of another type than the one asked for counts as missing, as does
 * every member of what is no object, so that one question is enough.
 * Threads: owner only. */
#ifndef HERD_JSON_READER_H
#define HERD_JSON_READER_H

#include <json-c/json.h>

#include "herd/base.h"

/* One value in UTF-8, with at most `depth` arrays and objects in each other.
 * Released with json_object_put. NULL: it is no JSON, or there is no memory. */
HERD_MUST_CHECK struct json_object *json_parse(struct text json, int depth);

/* Borrowed from `object`, which may be NULL. NULL: there is no such member. */
struct json_object *json_member(
	struct json_object *object, const char *key, enum json_type type);
struct json_object *json_number_member(
	struct json_object *object, const char *key);

/* What a string says; lives as long as it does. Empty for NULL. */
struct text json_text(struct json_object *string);

/* The same of the member of that name. */
static inline struct text json_text_member(
	struct json_object *object, const char *key)
{
	return json_text(json_member(object, key, json_type_string));
}

#endif
