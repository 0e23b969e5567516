/* nearby_answer - how a place is shown, whichever service is asked. */
#include "herd/nearby_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#define E7_TO_VIEW  INT64_C(1000000)
#define VIEW_DEGREE (E7_TO_VIEW * INT64_C(10000000))
#define VIEW_HALF   INT64_C(13489802915) /* 0.0013489802915 degrees */

void place_id(const struct place *p, char ret_id[PLACE_ID_LEN + 1])
{
	char place[GAZETTEER_NAME_MAX + 32];
	int len = snprintf(place, sizeof place, "%" PRId32 " %" PRId32 " %.*s",
		p->at.latitude_e7, p->at.longitude_e7, (int)p->name.len,
		p->name.ptr);

	snprintf(ret_id, PLACE_ID_LEN + 1, "gn-%016" PRIx64,
		(uint64_t)XXH3_64bits(place, (size_t)len));
}

struct text place_address(const struct place *p, char room[PLACE_ADDRESS_MAX])
{
	size_t len = p->name.len;

	memcpy(room, p->name.ptr, len);
	if (p->region.len) {
		memcpy(room + len, ", ", 2);
		memcpy(room + len + 2, p->region.ptr, p->region.len);
		len += 2 + p->region.len;
	}
	return (struct text){room, len};
}

static int64_t bounded(int64_t latitude)
{
	int64_t pole = 90 * VIEW_DEGREE;

	return latitude > pole ? pole : latitude < -pole ? -pole : latitude;
}

static int64_t wrapped(int64_t longitude)
{
	int64_t half = 180 * VIEW_DEGREE;

	if (longitude > half)
		return longitude - 2 * half;
	return longitude < -half ? longitude + 2 * half : longitude;
}

struct place_view place_view(const struct place *p)
{
	int64_t latitude = p->at.latitude_e7 * E7_TO_VIEW;
	int64_t longitude = p->at.longitude_e7 * E7_TO_VIEW;

	return (struct place_view){
		.south = bounded(latitude - VIEW_HALF),
		.west = wrapped(longitude - VIEW_HALF),
		.north = bounded(latitude + VIEW_HALF),
		.east = wrapped(longitude + VIEW_HALF),
	};
}
