/* fuzz_cut - any bytes as a provider's answer: what is accepted is JSON to
 * json-c, too; cut to any bound it is again, with the first elements as they
 * were. */
#include "herd/cut.h"

#include <json-c/json.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARRAY "results"

/* What json-c makes of an accepted text. It lets pass more than JSON, so
 * nothing is claimed of what was refused; and to it a value within brackets is
 * one level more, so it may go deeper than we do. */
static struct json_object *parse(struct text json)
{
	struct json_tokener *tokener = json_tokener_new_ex(CUT_DEPTH_MAX + 2);
	struct json_object *object;

	HERD_ASSERT(tokener);
	json_tokener_set_flags(
		tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, json.ptr, (int)json.len);
	HERD_ASSERT(json_tokener_get_error(tokener) == json_tokener_success);
	HERD_ASSERT(json_object_is_type(object, json_type_object));
	json_tokener_free(tokener);
	return object;
}

/* json-c keeps names as C strings: to it "results\u0000x" is a second member
 * called "results", and it keeps the last. It is not asked what is in such a
 * text. */
static bool is_clear(struct text json)
{
	return !memmem(json.ptr, json.len, "\\u0000", 6);
}

/* The elements are the first of `all`. Numbers of any size are compared as
 * json-c reads them, the same bytes in the same way. */
static void check_elements(
	struct text json, size_t count, struct json_object *all)
{
	struct json_object *object = parse(json);
	struct json_object *array = json_object_object_get(object, ARRAY);

	HERD_ASSERT(json_object_is_type(array, json_type_array));
	HERD_ASSERT(json_object_array_length(array) == count);
	for (size_t i = 0; i < count; i++)
		HERD_ASSERT(
			json_object_equal(json_object_array_get_idx(array, i),
				json_object_array_get_idx(all, i)));
	json_object_put(object);
}

/* `all`: the array as it was; NULL: json-c is not asked. */
static void check_bound(
	const struct cut *cut, unsigned bound, struct json_object *all)
{
	struct text head;
	struct text tail;
	struct text json;
	struct cut again;
	char *bytes;

	cut_at(cut, bound, &head, &tail);
	HERD_ASSERT(head.ptr == cut->json.ptr);
	HERD_ASSERT(tail.ptr + tail.len == cut->json.ptr + cut->json.len);
	HERD_ASSERT(head.len + tail.len <= cut->json.len);
	if (head.len == cut->json.len) {
		HERD_ASSERT(cut->end_count <= bound);
		return;
	}
	bytes = malloc(head.len + tail.len);
	HERD_ASSERT(bytes);
	memcpy(bytes, head.ptr, head.len);
	memcpy(bytes + head.len, tail.ptr, tail.len);
	json = (struct text){bytes, head.len + tail.len};
	HERD_ASSERT(!cut_measure(json, ARRAY, &again));
	HERD_ASSERT(again.end_count == bound);
	HERD_ASSERT(again.last_end == head.len);
	HERD_ASSERT(text_equal(again.status, cut->status));
	if (all)
		check_elements(json, bound, all);
	free(bytes);
}

static void check_accepted(const struct cut *cut)
{
	struct json_object *object = parse(cut->json);
	struct json_object *array = NULL;
	size_t count = 0;

	if (is_clear(cut->json)) {
		array = json_object_object_get(object, ARRAY);
		if (!json_object_is_type(array, json_type_array))
			array = NULL;
		if (array)
			count = json_object_array_length(array);
		HERD_ASSERT((cut->last_end > 0) == (count > 0));
		if (count > LINE_BOUND_MAX)
			count = LINE_BOUND_MAX;
		HERD_ASSERT(cut->end_count == count);
	}
	for (unsigned bound = 1; bound <= LINE_BOUND_MAX; bound++)
		check_bound(cut, bound, array);
	json_object_put(object);
}

/* A text without needless LFs is judged as it was. */
static void check_squeezed(struct text json, bool accepted)
{
	char *bytes = malloc(json.len);
	struct cut cut;
	size_t len;

	HERD_ASSERT(bytes || !json.len);
	if (json.len)
		memcpy(bytes, json.ptr, json.len);
	len = cut_squeeze(bytes, json.len);
	HERD_ASSERT(len <= json.len);
	HERD_ASSERT(!len || bytes[len - 1] != '\n');
	HERD_ASSERT(!len || !memmem(bytes, len, "\n\n", 2));
	HERD_ASSERT(accepted ==
		    !cut_measure((struct text){bytes, len}, ARRAY, &cut));
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text json = {(const char *)data, size};
	struct cut cut;
	bool accepted = !cut_measure(json, ARRAY, &cut);

	if (accepted)
		check_accepted(&cut);
	check_squeezed(json, accepted);
	return 0;
}
