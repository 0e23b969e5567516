/* field_mask - field masks of the Places API (New).
 *
 * A path selects every field that it names or contains: places.location is
 * places.location.latitude and places.location.longitude. */
#include "herd/field_mask.h"

#define PREFIX "places."

static const struct {
	const char *path;
	unsigned field;
} fields[] = {
	{"name", FIELD_NAME},
	{"id", FIELD_ID},
	{"types", FIELD_TYPES},
	{"formattedAddress", FIELD_ADDRESS},
	{"location.latitude", FIELD_LATITUDE},
	{"location.longitude", FIELD_LONGITUDE},
	{"viewport.low.latitude", FIELD_LOW_LATITUDE},
	{"viewport.low.longitude", FIELD_LOW_LONGITUDE},
	{"viewport.high.latitude", FIELD_HIGH_LATITUDE},
	{"viewport.high.longitude", FIELD_HIGH_LONGITUDE},
	{"displayName.text", FIELD_DISPLAY_NAME},
	{"displayName.languageCode", 0},
	{"primaryType", FIELD_PRIMARY_TYPE},
};

/* What a place of Google's may have besides. */
static const char *const absent[] = {
	"accessibilityOptions",
	"addressComponents",
	"adrFormatAddress",
	"allowsDogs",
	"attributions",
	"businessStatus",
	"containingPlaces",
	"currentOpeningHours",
	"curbsidePickup",
	"delivery",
	"dineIn",
	"editorialSummary",
	"evChargeOptions",
	"fuelOptions",
	"goodForChildren",
	"goodForGroups",
	"googleMapsLinks",
	"googleMapsUri",
	"iconBackgroundColor",
	"iconMaskBaseUri",
	"internationalPhoneNumber",
	"nationalPhoneNumber",
	"parkingOptions",
	"paymentOptions",
	"photos",
	"plusCode",
	"postalAddress",
	"priceLevel",
	"priceRange",
	"primaryTypeDisplayName",
	"pureServiceAreaBusiness",
	"rating",
	"regularOpeningHours",
	"reviews",
	"shortFormattedAddress",
	"subDestinations",
	"takeout",
	"timeZone",
	"userRatingCount",
	"utcOffsetMinutes",
	"websiteUri",
};

/* Whether `whole` is `part`, or begins with it and a point. */
static bool is_within(struct text whole, struct text part)
{
	return whole.len >= part.len && part.len > 0 &&
	       memcmp(whole.ptr, part.ptr, part.len) == 0 &&
	       (whole.len == part.len || whole.ptr[part.len] == '.');
}

static bool parse_path(struct text path, unsigned *fields_wanted)
{
	size_t prefix = sizeof PREFIX - 1;
	bool known = false;

	if (text_equal(path, text_of("*")) ||
		text_equal(path, text_of("places")) ||
		text_equal(path, text_of(PREFIX "*"))) {
		*fields_wanted = FIELD_ALL;
		return true;
	}
	if (is_within(path, text_of("routingSummaries")))
		return true;
	if (path.len <= prefix || memcmp(path.ptr, PREFIX, prefix) != 0)
		return false;
	path = (struct text){path.ptr + prefix, path.len - prefix};
	for (size_t i = 0; i < HERD_COUNT(fields); i++) {
		if (!is_within(text_of(fields[i].path), path))
			continue;
		*fields_wanted |= fields[i].field;
		known = true;
	}
	for (size_t i = 0; i < HERD_COUNT(absent) && !known; i++)
		known = is_within(path, text_of(absent[i]));
	return known;
}

bool field_mask_parse(
	const char *mask, unsigned *ret_fields, struct text *ret_path)
{
	unsigned wanted = 0;

	for (const char *p = mask;;) {
		struct text path = {p, strcspn(p, ",")};

		if (!parse_path(path, &wanted)) {
			*ret_path = path;
			return false;
		}
		p += path.len;
		if (*p++ == '\0')
			break;
	}
	*ret_fields = wanted;
	return true;
}
