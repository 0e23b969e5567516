/* nearby_new - Nearby Search as the Places API (New) answers it: errors are a
 * status of HTTP and an object that says why, nothing found is "{}", and a
 * client gets the fields its mask names. */
#include "herd/nearby_new.h"

#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "herd/field_mask.h"
#include "herd/json_writer.h"

#define MESSAGE_MAX 512

/* --- errors --------------------------------------------------------------- */

static const char *status_name(unsigned status)
{
	switch (status) {
	case 400:
		return "INVALID_ARGUMENT";
	case 401:
		return "UNAUTHENTICATED";
	case 403:
		return "PERMISSION_DENIED";
	case 404:
		return "NOT_FOUND";
	case 429:
		return "RESOURCE_EXHAUSTED";
	case 500:
		return "INTERNAL";
	case 503:
		return "UNAVAILABLE";
	case 504:
		return "DEADLINE_EXCEEDED";
	default:
		return "UNKNOWN";
	}
}

int nearby_new_error(unsigned status, const char *message, struct buf *out)
{
	struct json_writer w = JSON_WRITER(&json_new, out);

	json_open_object(&w, NULL);
	json_open_object(&w, "error");
	json_decimal(&w, "code", status, 0);
	json_string(&w, "message", text_of(message));
	json_string(&w, "status", text_of(status_name(status)));
	json_close_object(&w);
	json_close_object(&w);
	return json_finish(&w);
}

/* --- the question --------------------------------------------------------- */

struct wish {
	unsigned fields;
	double latitude;
	double longitude;
	double radius_m;
	size_t room;
};

/* What is wrong with a question: `status` is 0 while all is well. */
struct verdict {
	unsigned status;
	char message[MESSAGE_MAX];
};

HERD_PRINTF(3, 4)
static bool refuse(struct verdict *v, unsigned status, const char *format, ...)
{
	va_list args;

	v->status = status;
	va_start(args, format);
	vsnprintf(v->message, sizeof v->message, format, args);
	va_end(args);
	return false;
}

static bool check_key(struct verdict *v, const char *api_key, const char *given)
{
	if (!api_key)
		return true;
	if (!given)
		return refuse(v, 403,
			"Method doesn't allow unregistered callers: put your "
			"API key into the header X-Goog-Api-Key.");
	return strcmp(api_key, given) == 0 ||
	       refuse(v, 400,
		       "API key not valid. Please pass a valid API key.");
}

static bool take_mask(struct verdict *v, const char *mask, unsigned *ret_fields)
{
	struct text path;

	if (!mask || !*mask)
		return refuse(v, 400,
			"FieldMask is a required parameter. Set the header "
			"X-Goog-FieldMask to the fields you want, like "
			"places.id,places.displayName, or to * for all.");
	return field_mask_parse(mask, ret_fields, &path) ||
	       refuse(v, 400,
		       "Error expanding 'fields' parameter. Cannot find "
		       "matching fields for path '%.*s'.",
		       (int)(path.len < 100 ? path.len : 100), path.ptr);
}

/* The service refuses what it does not know, so that a misspelt name is not
 * taken for a wish that was heard. `known` is ended by NULL. */
static bool check_names(struct verdict *v, struct json_object *object,
	const char *where, const char *const *known)
{
	json_object_object_foreach(object, key, value)
	{
		size_t i = 0;

		(void)value;
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return refuse(v, 400,
				"Invalid JSON payload received. Unknown name "
				"\"%.100s\"%s%s: Cannot find field.",
				key, *where ? " at " : "", where);
	}
	return true;
}

static bool take_object(struct verdict *v, struct json_object *parent,
	const char *key, const char *where, const char *const *known,
	struct json_object **ret_object)
{
	struct json_object *found;

	if (!json_object_object_get_ex(parent, key, &found) ||
		!json_object_is_type(found, json_type_object))
		return refuse(v, 400, "%s: expected an object.", where);
	*ret_object = found;
	return check_names(v, found, where, known);
}

/* `otherwise` stands for a number that is not there. */
static bool take_number(struct verdict *v, struct json_object *parent,
	const char *key, double low, double high, double otherwise,
	double *ret_value)
{
	struct json_object *found;

	*ret_value = otherwise;
	if (!json_object_object_get_ex(parent, key, &found))
		return true;
	*ret_value = json_object_get_double(found);
	if (!json_object_is_type(found, json_type_double) &&
		!json_object_is_type(found, json_type_int))
		return refuse(v, 400, "%s: expected a number.", key);
	return (*ret_value >= low && *ret_value <= high) ||
	       refuse(v, 400, "%s: expected a number from %g to %g.", key, low,
		       high);
}

static bool take_circle(
	struct verdict *v, struct json_object *root, struct wish *wish)
{
	static const char *const restrictions[] = {"circle", NULL};
	static const char *const circles[] = {"center", "radius", NULL};
	static const char *const centers[] = {"latitude", "longitude", NULL};
	struct json_object *restriction = NULL;
	struct json_object *circle = NULL;
	struct json_object *center = NULL;

	return take_object(v, root, "locationRestriction",
		       "locationRestriction", restrictions, &restriction) &&
	       take_object(v, restriction, "circle",
		       "locationRestriction.circle", circles, &circle) &&
	       take_object(v, circle, "center",
		       "locationRestriction.circle.center", centers, &center) &&
	       take_number(
		       v, center, "latitude", -90, 90, 0, &wish->latitude) &&
	       take_number(v, center, "longitude", -180, 180, 0,
		       &wish->longitude) &&
	       take_number(v, circle, "radius", 0, NEARBY_RADIUS_MAX_M, 0,
		       &wish->radius_m) &&
	       (wish->radius_m > 0 ||
		       refuse(v, 400,
			       "locationRestriction.circle.radius: expected "
			       "metres, more than 0 and at most %d.",
			       NEARBY_RADIUS_MAX_M));
}

static bool take_body(
	struct verdict *v, struct json_object *root, struct wish *wish)
{
	/* Those that choose among kinds of places choose nothing here. */
	static const char *const known[] = {"maxResultCount",
		"locationRestriction", "languageCode", "regionCode",
		"rankPreference", "includedTypes", "excludedTypes",
		"includedPrimaryTypes", "excludedPrimaryTypes",
		"routingParameters", NULL};
	double room;

	if (!json_object_is_type(root, json_type_object))
		return refuse(v, 400,
			"Invalid JSON payload received. Expected an object.");
	if (!check_names(v, root, "", known) || !take_circle(v, root, wish) ||
		!take_number(v, root, "maxResultCount", 1, NEARBY_ANSWER_MAX,
			NEARBY_ANSWER_MAX, &room))
		return false;
	if (room != floor(room))
		return refuse(
			v, 400, "maxResultCount: expected a whole number.");
	wish->room = (size_t)room;
	return true;
}

static bool parse_body(struct verdict *v, struct text body, struct wish *wish)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;
	bool good;

	if (!tokener || body.len > INT32_MAX) {
		json_tokener_free(tokener);
		return refuse(v, 500, "Out of memory.");
	}
	json_tokener_set_flags(
		tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, body.ptr, (int)body.len);
	good = root ? take_body(v, root, wish)
		    : refuse(v, 400,
			      "Invalid JSON payload received. %s at byte %zu.",
			      json_tokener_error_desc(
				      json_tokener_get_error(tokener)),
			      json_tokener_get_parse_end(tokener));
	json_object_put(root);
	json_tokener_free(tokener);
	return good;
}

/* --- the answer ----------------------------------------------------------- */

static void put_point(struct json_writer *w, const char *key, bool latitude,
	int64_t latitude_value, bool longitude, int64_t longitude_value,
	unsigned decimals)
{
	if (!latitude && !longitude)
		return;
	json_open_object(w, key);
	if (latitude)
		json_decimal(w, "latitude", latitude_value, decimals);
	if (longitude)
		json_decimal(w, "longitude", longitude_value, decimals);
	json_close_object(w);
}

static void put_viewport(
	struct json_writer *w, unsigned fields, const struct place *p)
{
	struct place_view view = place_view(p);

	if (!(fields & (FIELD_LOW_LATITUDE | FIELD_LOW_LONGITUDE |
			       FIELD_HIGH_LATITUDE | FIELD_HIGH_LONGITUDE)))
		return;
	json_open_object(w, "viewport");
	put_point(w, "low", fields & FIELD_LOW_LATITUDE, view.south,
		fields & FIELD_LOW_LONGITUDE, view.west, PLACE_VIEW_DECIMALS);
	put_point(w, "high", fields & FIELD_HIGH_LATITUDE, view.north,
		fields & FIELD_HIGH_LONGITUDE, view.east, PLACE_VIEW_DECIMALS);
	json_close_object(w);
}

/* In the order of the service's own definition. */
static void put_place(
	struct json_writer *w, unsigned fields, const struct place *p)
{
	char name[] = "places/0123456789012345678";
	char *id = strchr(name, '/') + 1;
	char address[PLACE_ADDRESS_MAX];

	_Static_assert(sizeof name == 7 + PLACE_ID_LEN + 1, "an id fits");
	place_id(p, id);
	json_open_object(w, NULL);
	if (fields & FIELD_NAME)
		json_string(w, "name", text_of(name));
	if (fields & FIELD_ID)
		json_string(w, "id", text_of(id));
	if (fields & FIELD_TYPES)
		json_strings(w, "types", p->types);
	if (fields & FIELD_ADDRESS)
		json_string(w, "formattedAddress", place_address(p, address));
	put_point(w, "location", fields & FIELD_LATITUDE, p->at.latitude_e7,
		fields & FIELD_LONGITUDE, p->at.longitude_e7, 7);
	put_viewport(w, fields, p);
	if (fields & FIELD_DISPLAY_NAME) {
		json_open_object(w, "displayName");
		json_string(w, "text", p->name);
		json_close_object(w);
	}
	if (fields & FIELD_PRIMARY_TYPE)
		json_string(w, "primaryType", text_of(p->types[0]));
	json_close_object(w);
}

static int put_places(const struct gazetteer *g, unsigned fields,
	const struct globe_hit *hits, size_t count, struct buf *out)
{
	struct json_writer w = JSON_WRITER(&json_new, out);

	json_open_object(&w, NULL);
	if (count > 0)
		json_open_array(&w, "places");
	for (size_t i = 0; i < count; i++) {
		struct place p = gazetteer_place(g, hits[i].point);

		put_place(&w, fields, &p);
	}
	if (count > 0)
		json_close_array(&w);
	json_close_object(&w);
	return json_finish(&w);
}

int nearby_new_answer(const struct gazetteer *g, const char *api_key,
	const struct nearby_new_question *q, struct buf *out,
	struct nearby_answer *ret_answer)
{
	struct globe_hit hits[NEARBY_ANSWER_MAX];
	struct verdict v = {.status = 0};
	struct wish wish = {.room = 0};

	if (!check_key(&v, api_key, q->key) ||
		!take_mask(&v, q->field_mask, &wish.fields) ||
		!parse_body(&v, q->body, &wish)) {
		*ret_answer = (struct nearby_answer){.status = v.status};
		return nearby_new_error(v.status, v.message, out);
	}
	*ret_answer = (struct nearby_answer){
		.status = 200,
		.latitude = wish.latitude,
		.longitude = wish.longitude,
		.radius_m = wish.radius_m,
		.found = gazetteer_nearest(g, wish.latitude, wish.longitude,
			wish.radius_m, wish.room, hits),
	};
	return put_places(g, wish.fields, hits, ret_answer->found, out);
}
