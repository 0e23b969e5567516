/* provider - the providers there are, and what their questions share. */
#include "herd/provider.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "herd/digits.h"

#define PROVIDER(id, name) extern const struct provider provider_##id;
#include "herd/providers.def"
#undef PROVIDER

static const struct provider *const providers[] = {
#define PROVIDER(id, name) &provider_##id,
#include "herd/providers.def"
#undef PROVIDER
};

const struct provider *provider_find(const char *name)
{
	for (size_t i = 0; i < HERD_COUNT(providers); i++) {
		if (!strcmp(providers[i]->name, name))
			return providers[i];
	}
	return NULL;
}

int provider_write_degrees(struct text degrees, struct buf *out)
{
	const char *end = degrees.ptr + degrees.len;
	const char *first = degrees.ptr + 1;
	const char *point;
	char *to;

	while (end - first > 1 && first[0] == '0' && first[1] != '.')
		first++;
	point = digits_skip(first, end);
	if (end - point > 1 + PROVIDER_DECIMALS)
		end = point + 1 + PROVIDER_DECIMALS;
	if (end - point == 1)
		end = point;

	to = buf_reserve(out, 1 + (size_t)(end - first));
	if (!to)
		return -ENOMEM;
	if (degrees.ptr[0] == '-')
		*to++ = '-';
	memcpy(to, first, (size_t)(end - first));
	buf_commit(out, (size_t)(end - first) + (degrees.ptr[0] == '-'));
	return 0;
}

int provider_write_metres(int64_t um, struct buf *out)
{
	char metres[sizeof "9223372036854.775807"];
	size_t len;

	if (um < 1)
		um = 1;
	len = (size_t)snprintf(metres, sizeof metres, "%" PRId64 ".%06" PRId64,
		um / 1000000, um % 1000000);
	while (metres[len - 1] == '0')
		len--;
	if (metres[len - 1] == '.')
		len--;
	return buf_append(out, metres, len);
}
