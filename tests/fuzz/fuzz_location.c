/* fuzz_location - any bytes as a location: its two numbers are the whole of the
 * field, and the globe is symmetric. */
#include "herd/location.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Both signs turned round, a '/' at the end put on or taken off. */
static void check_opposite(const struct location *l, bool slash)
{
	size_t latitude_len = l->latitude.len;
	size_t len = latitude_len + l->longitude.len;
	char *bytes = malloc(len + 1);
	struct location opposite;

	HERD_ASSERT(bytes);
	memcpy(bytes, l->latitude.ptr, len);
	bytes[0] = bytes[0] == '+' ? '-' : '+';
	bytes[latitude_len] = bytes[latitude_len] == '+' ? '-' : '+';
	bytes[len] = '/';
	HERD_ASSERT(location_parse(
		(struct text){bytes, slash ? len : len + 1}, &opposite));
	HERD_ASSERT(opposite.latitude.ptr == bytes);
	HERD_ASSERT(opposite.latitude.len == latitude_len);
	HERD_ASSERT(opposite.longitude.ptr == bytes + latitude_len);
	HERD_ASSERT(opposite.longitude.len == l->longitude.len);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text field = {(const char *)data, size};
	struct location l;
	size_t len;

	if (!location_parse(field, &l))
		return 0;
	HERD_ASSERT(l.latitude.ptr == field.ptr);
	HERD_ASSERT(l.longitude.ptr == field.ptr + l.latitude.len);
	HERD_ASSERT(l.latitude.len >= 2 && l.longitude.len >= 2);
	len = l.latitude.len + l.longitude.len;
	HERD_ASSERT(len == size || (len + 1 == size && data[len] == '/'));
	check_opposite(&l, len < size);
	return 0;
}
