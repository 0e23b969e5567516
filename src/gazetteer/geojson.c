/* geojson - one's own places, out of a GeoJSON file; see geojson.h.
 *
 * json-c, in its strict mode, decides what is JSON; this file, what is a
 * collection of named points. Strict mode still takes NaN for a number, which
 * no coordinate may be, and keys in single quotes, which do no harm here. */
#include "herd/geojson.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "herd/json_reader.h"

#define DEGREE_E7 1e7

/* Where in the file something is wrong, for people. */
struct trouble {
	size_t feature; /* from 0 */
	char *error;
};

HERD_PRINTF(2, 3)
static int refuse(const struct trouble *t, const char *format, ...)
{
	va_list args;
	int len = snprintf(
		t->error, GAZETTEER_ERROR_MAX, "features[%zu]: ", t->feature);

	va_start(args, format);
	vsnprintf(t->error + len, GAZETTEER_ERROR_MAX - (size_t)len, format,
		args);
	va_end(args);
	return -EINVAL;
}

/* --- JSON ----------------------------------------------------------------- */

static bool is_type(struct json_object *object, const char *type)
{
	return text_equal(json_text_member(object, "type"), text_of(type));
}

static struct json_object *parse(struct text text, char *error)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;
	size_t line = 1;

	if (!tokener || text.len > INT32_MAX) {
		snprintf(error, GAZETTEER_ERROR_MAX,
			tokener ? "larger than 2 GB" : "out of memory");
		json_tokener_free(tokener);
		return NULL;
	}
	json_tokener_set_flags(
		tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	if (!root) {
		enum json_tokener_error e = json_tokener_get_error(tokener);
		size_t end = json_tokener_get_parse_end(tokener);

		for (size_t i = 0; i < end && i < text.len; i++)
			line += text.ptr[i] == '\n';
		snprintf(error, GAZETTEER_ERROR_MAX, "line %zu: not JSON: %s",
			line,
			e == json_tokener_success || e == json_tokener_continue
				? "it is empty or ends too early"
				: json_tokener_error_desc(e));
	}
	json_tokener_free(tokener);
	return root;
}

/* --- features ------------------------------------------------------------- */

static int take_degrees(struct trouble *t, struct json_object *coordinates,
	size_t i, int32_t *ret_e7)
{
	static const char *const names[] = {"longitude", "latitude"};
	static const int bounds[] = {180, 90};
	struct json_object *number = json_object_array_get_idx(coordinates, i);
	double degrees = json_object_get_double(number);

	if (!json_object_is_type(number, json_type_double) &&
		!json_object_is_type(number, json_type_int))
		return refuse(t,
			"geometry.coordinates[%zu] is no number: expected the "
			"%s in degrees",
			i, names[i]);
	if (!(fabs(degrees) <= bounds[i]))
		return refuse(t,
			"geometry.coordinates[%zu] is %g: expected a %s within "
			"%d degrees (the longitude comes first)",
			i, degrees, names[i], bounds[i]);
	*ret_e7 = (int32_t)lround(degrees * DEGREE_E7);
	return 0;
}

static int take_point(struct trouble *t, struct json_object *feature,
	struct globe_point *ret_at)
{
	struct json_object *geometry =
		json_member(feature, "geometry", json_type_object);
	struct json_object *coordinates =
		json_member(geometry, "coordinates", json_type_array);
	int rc;

	if (!is_type(geometry, "Point"))
		return refuse(t, "geometry.type: expected \"Point\"");
	if (!coordinates || json_object_array_length(coordinates) < 2)
		return refuse(t, "geometry.coordinates: expected [LONGITUDE, "
				 "LATITUDE] in degrees");
	rc = take_degrees(t, coordinates, 0, &ret_at->longitude_e7);
	return rc ? rc : take_degrees(t, coordinates, 1, &ret_at->latitude_e7);
}

static int take_feature(
	struct trouble *t, struct json_object *feature, struct gazetteer *g)
{
	struct json_object *properties =
		json_member(feature, "properties", json_type_object);
	struct text name = json_text_member(properties, "name");
	struct text region = json_text_member(properties, "region");
	struct globe_point at;
	int rc;

	if (!is_type(feature, "Feature"))
		return refuse(t, "type: expected \"Feature\"");
	rc = take_point(t, feature, &at);
	if (rc)
		return rc;
	if (name.len == 0 || name.len > GAZETTEER_NAME_MAX)
		return refuse(t,
			"properties.name: expected a text of 1 to %d bytes",
			GAZETTEER_NAME_MAX);
	if (region.len > GAZETTEER_NAME_MAX)
		return refuse(t,
			"properties.region: expected a text of at most %d "
			"bytes",
			GAZETTEER_NAME_MAX);
	return gazetteer_add(g, at, name, region);
}

static int take_collection(
	struct json_object *root, struct gazetteer *g, char *error)
{
	struct trouble t = {.error = error};
	struct json_object *features =
		json_member(root, "features", json_type_array);
	size_t count = features ? json_object_array_length(features) : 0;
	int rc = 0;

	if (!is_type(root, "FeatureCollection") || !features) {
		snprintf(error, GAZETTEER_ERROR_MAX,
			"expected {\"type\": \"FeatureCollection\", "
			"\"features\": [...]}");
		return -EINVAL;
	}
	for (t.feature = 0; t.feature < count && !rc; t.feature++)
		rc = take_feature(
			&t, json_object_array_get_idx(features, t.feature), g);
	return rc;
}

int geojson_parse(
	struct text text, struct gazetteer **ret_gazetteer, char *error)
{
	static const char *const types[] = {
		"point_of_interest", "establishment", NULL};
	struct json_object *root = parse(text, error);
	struct gazetteer *g;
	int rc;

	if (!root)
		return -EINVAL;
	snprintf(error, GAZETTEER_ERROR_MAX, "out of memory");
	rc = gazetteer_new(types, &g);
	if (rc)
		goto out_put_root;
	rc = take_collection(root, g, error);
	if (!rc)
		rc = gazetteer_index(g);
	if (rc)
		gazetteer_free(g);
	else
		*ret_gazetteer = g;
out_put_root:
	json_object_put(root);
	return rc;
}
