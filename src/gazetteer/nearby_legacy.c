/* nearby_legacy - Nearby Search as Google's legacy service answers it: status
 * 200 of HTTP whatever happens, and members in the order of the alphabet. */
#include "herd/nearby_legacy.h"

#include <math.h>
#include <stdlib.h>

#include "herd/json_writer.h"

/* --- the answer ----------------------------------------------------------- */

static void put_corner(struct json_writer *w, const char *key, int64_t latitude,
	int64_t longitude, unsigned decimals)
{
	json_open_object(w, key);
	json_decimal(w, "lat", latitude, decimals);
	json_decimal(w, "lng", longitude, decimals);
	json_close_object(w);
}

static void put_geometry(struct json_writer *w, const struct place *p)
{
	struct place_view view = place_view(p);

	json_open_object(w, "geometry");
	put_corner(w, "location", p->at.latitude_e7, p->at.longitude_e7, 7);
	json_open_object(w, "viewport");
	put_corner(w, "northeast", view.north, view.east, PLACE_VIEW_DECIMALS);
	put_corner(w, "southwest", view.south, view.west, PLACE_VIEW_DECIMALS);
	json_close_object(w);
	json_close_object(w);
}

static void put_place(struct json_writer *w, const struct place *p)
{
	char id[PLACE_ID_LEN + 1];
	char address[PLACE_ADDRESS_MAX];

	place_id(p, id);
	json_open_object(w, NULL);
	put_geometry(w, p);
	json_string(w, "name", p->name);
	json_string(w, "place_id", text_of(id));
	json_strings(w, "types", p->types);
	json_string(w, "vicinity", place_address(p, address));
	json_close_object(w);
}

/* error_message may be NULL. */
static void begin(struct json_writer *w, const char *error_message)
{
	json_open_object(w, NULL);
	if (error_message)
		json_string(w, "error_message", text_of(error_message));
	json_open_array(w, "html_attributions");
	json_close_array(w);
	json_open_array(w, "results");
}

static int finish(struct json_writer *w, const char *status)
{
	json_close_array(w);
	json_string(w, "status", text_of(status));
	json_close_object(w);
	return json_finish(w);
}

static int refuse(struct buf *out, const char *status, const char *why)
{
	struct json_writer w = JSON_WRITER(&json_legacy, out);

	begin(&w, why);
	return finish(&w, status);
}

/* --- the question --------------------------------------------------------- */

/* Google takes neither spaces nor hexadecimal numbers; strtod does. */
static bool is_number_until(const char *text, char end, double *ret_value)
{
	size_t len = strspn(text, "+-.0123456789eE");
	char *stop;

	*ret_value = strtod(text, &stop);
	return len > 0 && text[len] == end && stop == text + len &&
	       isfinite(*ret_value);
}

static bool parse_location(
	const char *text, double *ret_latitude, double *ret_longitude)
{
	const char *comma = text ? strchr(text, ',') : NULL;

	return comma && is_number_until(text, ',', ret_latitude) &&
	       is_number_until(comma + 1, '\0', ret_longitude) &&
	       fabs(*ret_latitude) <= 90 && fabs(*ret_longitude) <= 180;
}

static bool parse_radius(const char *text, double *ret_radius)
{
	return text && is_number_until(text, '\0', ret_radius) &&
	       *ret_radius > 0 && *ret_radius <= NEARBY_RADIUS_MAX_M;
}

int nearby_legacy_answer(const struct gazetteer *g, const char *api_key,
	const struct nearby_legacy_question *q, struct buf *out,
	struct nearby_answer *ret_answer)
{
	struct json_writer w = JSON_WRITER(&json_legacy, out);
	struct globe_hit hits[NEARBY_ANSWER_MAX];
	struct nearby_answer a = {.status = 200};

	*ret_answer = a;
	if (api_key && !q->key)
		return refuse(out, "REQUEST_DENIED",
			"You must use an API key to authenticate each "
			"request.");
	if (api_key && strcmp(api_key, q->key) != 0)
		return refuse(out, "REQUEST_DENIED",
			"The provided API key is invalid.");
	if (!parse_location(q->location, &a.latitude, &a.longitude))
		return refuse(out, "INVALID_REQUEST",
			"location: expected LATITUDE,LONGITUDE in degrees, "
			"like 34.068930,-118.445127 (a plus sign in a URL is "
			"%2B, and may be left out).");
	if (!parse_radius(q->radius, &a.radius_m))
		return refuse(out, "INVALID_REQUEST",
			"radius: expected metres, more than 0 and at most "
			"50000.");
	a.found = gazetteer_nearest(
		g, a.latitude, a.longitude, a.radius_m, HERD_COUNT(hits), hits);
	*ret_answer = a;

	begin(&w, NULL);
	for (size_t i = 0; i < a.found; i++) {
		struct place p = gazetteer_place(g, hits[i].point);

		put_place(&w, &p);
	}
	return finish(&w, a.found > 0 ? "OK" : "ZERO_RESULTS");
}

int nearby_legacy_fail(unsigned status, struct buf *out)
{
	const char *name = "UNKNOWN_ERROR";

	if (status == 429)
		name = "OVER_QUERY_LIMIT";
	else if (status == 401 || status == 403)
		name = "REQUEST_DENIED";
	else if (status < 500)
		name = "INVALID_REQUEST";
	return refuse(out, name, "This server was told to fail.");
}
