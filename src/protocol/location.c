/* location - reads ISO 6709 in decimal degrees.
 *
 * A location is kept and sent as it was written; all that has to be known of
 * its numbers is whether they lie within the globe. So they are compared with
 * their bounds as digits, however many there are: a double would let the
 * twentieth decimal of 90.00000000000000000001 slip through. */
#include "herd/location.h"

#include "herd/digits.h"

/* Past zeros that change nothing: all but one in front of the last digit. */
static const char *skip_padding(const char *p, const char *end)
{
	while (end - p > 1 && p[0] == '0' && digits_of(p[1]) <= 9)
		p++;
	return p;
}

static bool is_zeros(const char *p, const char *end)
{
	while (p < end && *p == '0')
		p++;
	return p == end;
}

/* One signed decimal of size `limit` at most, as digits_order has it; where it
 * ends, or NULL. */
static HERD_HOT const char *parse_degrees(
	const char *p, const char *end, uint64_t limit, struct text *ret_number)
{
	const char *start = p;
	uint64_t word;
	uint64_t whole;
	size_t count;

	if (p == end || (*p != '+' && *p != '-'))
		return NULL;
	word = word_load(++p, end);
	count = digits_count(word);
	if (count == WORD_BYTES) {
		p = skip_padding(p, end);
		word = word_load(p, end);
		count = digits_count(word);
	}
	if (!count)
		return NULL;
	whole = digits_order(word, count);
	if (whole > limit)
		return NULL;
	p += count;
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
	p = parse_degrees(field.ptr, end, 0x0900, &location.latitude);
	if (!p)
		return false;
	p = parse_degrees(p, end, 0x010800, &location.longitude);
	if (!p)
		return false;
	if (p < end && *p == '/')
		p++;
	if (p < end)
		return false;
	*ret_location = location;
	return true;
}
