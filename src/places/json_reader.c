/* json_reader - the few ways in which we look into json-c's objects. */
#include "herd/json_reader.h"

#include <limits.h>

struct json_object *json_parse(struct text json, int depth)
{
	/* What is inside of the deepest array counts as a level as well. */
	struct json_tokener *tokener = json_tokener_new_ex(depth + 1);
	struct json_object *root = NULL;

	if (!tokener)
		return NULL; /* UNTESTED: json-c has a heap of its own */
	json_tokener_set_flags(
		tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	if (json.len <= INT_MAX)
		root = json_tokener_parse_ex(tokener, json.ptr, (int)json.len);
	json_tokener_free(tokener);
	return root;
}

struct json_object *json_member(
	struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *found;

	if (!json_object_object_get_ex(object, key, &found) ||
		!json_object_is_type(found, type))
		return NULL;
	return found;
}

struct json_object *json_number_member(
	struct json_object *object, const char *key)
{
	struct json_object *found = json_member(object, key, json_type_double);

	return found ? found : json_member(object, key, json_type_int);
}

struct text json_text(struct json_object *string)
{
	if (!string)
		return (struct text){"", 0};
	return (struct text){json_object_get_string(string),
		(size_t)json_object_get_string_len(string)};
}
