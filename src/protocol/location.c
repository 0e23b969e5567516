/* location - reads ISO 6709 in decimal degrees.
 *
 * A location is kept and sent as it was written; all that has to be known of
 * its numbers is whether they lie within the globe. So they are compared with
 * their bounds as digits, however many there are: a double would let the
 * twentieth decimal of 90.00000000000000000001 slip through. */
#include "herd/location.h"

#include "herd/digits.h"

static bool is_zeros(const char *p, const char *end)
{
	while (p < end && *p == '0')
		p++;
	return p == end;
}

/* One signed decimal of size `limit` at most; where it ends, or NULL. */
static const char *parse_degrees(
	const char *p, const char *end, uint32_t limit, struct text *ret_number)
{
	const char *start = p;
	const char *digits;
	uint32_t whole = 0;

	if (p == end || (*p != '+' && *p != '-'))
		return NULL;
	digits = ++p;
	for (; p < end && digits_of(*p) <= 9; p++) {
		whole = whole * 10 + digits_of(*p);
		if (whole > limit)
			return NULL;
	}
	if (p == digits)
		return NULL;
	if (p < end && *p == '.') {
		const char *fraction = p + 1;

		p = digits_skip(fraction, end);
		if (whole == limit && !is_zeros(fraction, p))
			return NULL;
	}
	*ret_number = (struct text){start, (size_t)(p - start)};
	return p;
}

bool location_parse(struct text field, struct location *ret_location)
{
	struct location location;
	const char *end;
	const char *p;

	if (!field.len)
		return false;
	end = field.ptr + field.len;
	p = parse_degrees(field.ptr, end, 90, &location.latitude);
	if (!p)
		return false;
	p = parse_degrees(p, end, 180, &location.longitude);
	if (!p)
		return false;
	if (p < end && *p == '/')
		p++;
	if (p < end)
		return false;
	*ret_location = location;
	return true;
}
