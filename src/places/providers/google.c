/* google - Nearby Search of Google's Places API (New). It is asked by POST, its
 * errors are a status of HTTP and an object that says why, nothing found is
 * "{}", and members that are 0 are left out, as everywhere in the JSON of
 * protocol buffers.
 *
 * Its answers were judged to be JSON before; here json-c takes them apart.
 * Members of a type that is not theirs are treated as if they were not there:
 * the rest of a place is worth more to a client than none. */
#include <errno.h>
#include <stdio.h>

#include "herd/cut.h"
#include "herd/json_reader.h"
#include "herd/json_writer.h"
#include "herd/provider.h"

/* --- the question --------------------------------------------------------- */

static int write_question(const struct provider_question *q, struct buf *out)
{
	char bound[sizeof "4294967295"];

	snprintf(bound, sizeof bound, "%u", q->bound);
	if (buf_append_string(out, "{\"maxResultCount\": ") ||
		buf_append_string(out, bound) ||
		buf_append_string(out,
			", \"locationRestriction\": {\"circle\": "
			"{\"center\": {\"latitude\": ") ||
		provider_write_degrees(q->latitude, out) ||
		buf_append_string(out, ", \"longitude\": ") ||
		provider_write_degrees(q->longitude, out) ||
		buf_append_string(out, "}, \"radius\": ") ||
		provider_write_metres(q->radius_um, out) ||
		buf_append_string(out, "}}}"))
		return -ENOMEM;
	return 0;
}

/* --- members -------------------------------------------------------------- */

static void put_text(struct json_writer *w, const char *key,
	struct json_object *object, const char *from)
{
	struct json_object *string =
		json_member(object, from, json_type_string);

	if (string)
		json_string(w, key, json_text(string));
}

/* json-c keeps the digits of a fraction as they came. */
static void put_number(struct json_writer *w, const char *key,
	struct json_object *object, const char *from)
{
	struct json_object *number = json_number_member(object, from);
	const char *digits;

	if (!number)
		return;
	digits = json_object_to_json_string(number);
	if (digits)
		json_number(w, key, text_of(digits));
	else
		w->overflow = true; /* UNTESTED: json-c has a heap of its own */
}

/* --- a place, its members in the order of the alphabet -------------------- */

static void put_degrees(struct json_writer *w, const char *key,
	struct json_object *point, const char *from)
{
	if (json_object_object_get_ex(point, from, NULL))
		put_number(w, key, point, from);
	else
		json_decimal(w, key, 0, 0);
}

static void put_point(struct json_writer *w, const char *key,
	struct json_object *object, const char *from)
{
	struct json_object *point = json_member(object, from, json_type_object);

	if (!point)
		return;
	json_open_object(w, key);
	put_degrees(w, "lat", point, "latitude");
	put_degrees(w, "lng", point, "longitude");
	json_close_object(w);
}

static void put_geometry(struct json_writer *w, struct json_object *place)
{
	struct json_object *viewport =
		json_member(place, "viewport", json_type_object);

	if (!viewport && !json_member(place, "location", json_type_object))
		return;
	json_open_object(w, "geometry");
	put_point(w, "location", place, "location");
	if (viewport) {
		json_open_object(w, "viewport");
		put_point(w, "northeast", viewport, "high");
		put_point(w, "southwest", viewport, "low");
		json_close_object(w);
	}
	json_close_object(w);
}

static void put_price_level(struct json_writer *w, struct json_object *place)
{
	static const char *const levels[] = {
		"PRICE_LEVEL_FREE",
		"PRICE_LEVEL_INEXPENSIVE",
		"PRICE_LEVEL_MODERATE",
		"PRICE_LEVEL_EXPENSIVE",
		"PRICE_LEVEL_VERY_EXPENSIVE",
	};
	struct text level = json_text_member(place, "priceLevel");

	for (unsigned i = 0; i < HERD_COUNT(levels); i++) {
		if (text_equal(level, text_of(levels[i])))
			json_decimal(w, "price_level", i, 0);
	}
}

static void put_types(struct json_writer *w, struct json_object *place)
{
	struct json_object *types =
		json_member(place, "types", json_type_array);
	size_t count = types ? json_object_array_length(types) : 0;

	if (!types)
		return;
	json_open_strings(w, "types");
	for (size_t i = 0; i < count; i++) {
		struct json_object *type = json_object_array_get_idx(types, i);

		if (json_object_is_type(type, json_type_string))
			json_string(w, NULL, json_text(type));
	}
	json_close_array(w);
}

static void put_place(struct json_writer *w, struct json_object *place)
{
	json_open_object(w, NULL);
	put_text(w, "business_status", place, "businessStatus");
	put_geometry(w, place);
	put_text(w, "name", json_member(place, "displayName", json_type_object),
		"text");
	put_text(w, "place_id", place, "id");
	put_price_level(w, place);
	put_number(w, "rating", place, "rating");
	put_types(w, place);
	put_number(w, "user_ratings_total", place, "userRatingCount");
	put_text(w, "vicinity", place, "formattedAddress");
	json_close_object(w);
}

/* --- errors --------------------------------------------------------------- */

/* A key that is not valid is called an invalid argument. */
static bool is_key_refused(struct json_object *error)
{
	struct json_object *details =
		json_member(error, "details", json_type_array);
	size_t count = details ? json_object_array_length(details) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *detail =
			json_object_array_get_idx(details, i);

		if (text_equal(json_text_member(detail, "reason"),
			    text_of("API_KEY_INVALID")))
			return true;
	}
	return false;
}

/* The legacy service's word for an error. Those without one, NOT_FOUND among
 * them, are unknown to a search. */
static const char *legacy_status(unsigned status, struct json_object *error)
{
	static const struct {
		const char *word;
		unsigned status; /* where the word is missing; 0: none */
		const char *legacy;
	} known[] = {
		{"RESOURCE_EXHAUSTED", 429, "OVER_QUERY_LIMIT"},
		{"PERMISSION_DENIED", 403, "REQUEST_DENIED"},
		{"UNAUTHENTICATED", 401, "REQUEST_DENIED"},
		{"INVALID_ARGUMENT", 400, "INVALID_REQUEST"},
		{"OUT_OF_RANGE", 0, "INVALID_REQUEST"},
		{"FAILED_PRECONDITION", 0, "INVALID_REQUEST"},
	};
	struct text word = json_text_member(error, "status");

	if (is_key_refused(error))
		return "REQUEST_DENIED";
	for (size_t i = 0; i < HERD_COUNT(known); i++) {
		if (word.len ? text_equal(word, text_of(known[i].word))
			     : status == known[i].status)
			return known[i].legacy;
	}
	return "UNKNOWN_ERROR";
}

/* --- the answer ----------------------------------------------------------- */

/* NULL: there is no array at all, which says that nothing was found. */
static int find_places(
	struct json_object *root, struct json_object **ret_places)
{
	struct json_object *places = NULL;

	if (json_object_object_get_ex(root, "places", &places)) {
		if (!json_object_is_type(places, json_type_array))
			return -EBADMSG;
		for (size_t i = 0; i < json_object_array_length(places); i++) {
			if (!json_object_is_type(
				    json_object_array_get_idx(places, i),
				    json_type_object))
				return -EBADMSG;
		}
	}
	*ret_places = places;
	return 0;
}

/* `error`, and `places`, may be NULL. */
static int write_answer(struct json_object *error, struct json_object *places,
	const char *status, struct buf *out)
{
	struct json_writer w = JSON_WRITER(&json_legacy, out);
	size_t count = places ? json_object_array_length(places) : 0;
	size_t before = buf_len(out);
	int rc;

	json_open_object(&w, NULL);
	put_text(&w, "error_message", error, "message");
	json_open_array(&w, "html_attributions");
	json_close_array(&w);
	json_open_array(&w, "results");
	for (size_t i = 0; i < count; i++)
		put_place(&w, json_object_array_get_idx(places, i));
	json_close_array(&w);
	json_string(&w, "status", text_of(status));
	json_close_object(&w);
	rc = json_finish(&w);
	if (rc)
		buf_truncate(out, before);
	return rc;
}

static int translate_root(
	unsigned status, struct json_object *root, struct buf *out)
{
	struct json_object *error =
		json_member(root, "error", json_type_object);
	struct json_object *places;
	const char *found;

	if (error)
		return write_answer(
			error, NULL, legacy_status(status, error), out);
	if (status / 100 != 2 || find_places(root, &places))
		return -EBADMSG;
	found = places && json_object_array_length(places) > 0 ? "OK"
							       : "ZERO_RESULTS";
	return write_answer(NULL, places, found, out);
}

static int translate(unsigned status, struct text json, struct buf *out)
{
	struct json_object *root = json_parse(json, CUT_DEPTH_MAX);
	int rc = -EBADMSG;

	if (json_object_is_type(root, json_type_object))
		rc = translate_root(status, root, out);
	json_object_put(root);
	return rc;
}

const struct provider provider_google = {
	.name = "google",
	.url = "https://places.googleapis.com/v1/places:searchNearby",
	.results = "places",
	.key_header = "X-Goog-Api-Key",
	.mask_header = "X-Goog-FieldMask",
	.posts = true,
	.write_question = write_question,
	.translate = translate,
};
