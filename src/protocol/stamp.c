/* stamp - decimal numbers as integers of nanoseconds.
 *
 * Two readers. The one for times and for herd's own differences stands on the
 * path of every IAMAT, so it goes over its digits once and refuses what is too
 * large as it goes. The one for other implementations' differences first finds
 * out where the digits and the exponent are, for it is the exponent that says
 * how many digits count; then it takes just those. */
#include "herd/stamp.h"

#include "herd/digits.h"

#define SECONDS_MAX   ((uint64_t)(INT64_MAX / HERD_SECOND_NS))
#define MAGNITUDE_MAX ((uint64_t)INT64_MAX + 1) /* of INT64_MIN */
#define DECIMALS      9

/* An exponent is not counted beyond this; no field is as long. */
#define EXPONENT_ENOUGH INT64_C(100000000000000000)

static bool is_sign(char c)
{
	return c == '+' || c == '-';
}

static int64_t with_sign(uint64_t magnitude, bool negative)
{
	return (int64_t)(negative ? 0 - magnitude : magnitude);
}

/* Digits with an optional fraction, of less than SECONDS_MAX + 1. */
static HERD_HOT bool parse_decimal(
	struct text field, uint64_t *ret_magnitude, bool *ret_rest)
{
	const char *end = field.ptr + field.len;
	const char *p = field.ptr;
	uint64_t seconds = 0;
	uint32_t value;
	uint32_t fraction = 0;
	size_t count;
	unsigned rest = 0;

	do {
		count = digits_take(p, end, &value);
		p += count;
		seconds = seconds * digits_power_of_10[count] + value;
		if (seconds > SECONDS_MAX)
			return false;
	} while (count == WORD_BYTES);
	if (p == field.ptr)
		return false;
	count = 0;
	if (p < end && *p == '.') {
		count = digits_take(++p, end, &fraction);
		p += count;
		if (count == WORD_BYTES && p < end && digits_of(*p) <= 9) {
			fraction = fraction * 10 + digits_of(*p++);
			count++;
		}
		for (; p < end && digits_of(*p) <= 9; p++)
			rest |= digits_of(*p);
	}
	if (p < end)
		return false;
	*ret_magnitude =
		seconds * (uint64_t)HERD_SECOND_NS +
		(uint64_t)fraction * digits_power_of_10[DECIMALS - count];
	*ret_rest = rest != 0;
	return true;
}

/* Times of these centuries with all nine decimals, as most clients send them. */
static bool parse_usual(struct text field, int64_t *ret_ns)
{
	static const char form[] = "1520023934.918963997";
	const char *p = field.ptr;
	uint64_t first, last; /* eight digits each */
	unsigned d8, d9, d11; /* those between */

	if (field.len != sizeof form - 1 || p[10] != '.')
		return false;
	first = word_load(p, p + WORD_BYTES);
	last = word_load(p + 12, p + 12 + WORD_BYTES);
	d8 = digits_of(p[8]);
	d9 = digits_of(p[9]);
	d11 = digits_of(p[11]);
	if (!digits_only(first) || !digits_only(last) || d8 > 9 || d9 > 9 ||
		d11 > 9 || digits_value(first) >= SECONDS_MAX / 100)
		return false;
	*ret_ns = ((int64_t)digits_value(first) * 100 + d8 * 10 + d9) *
			  HERD_SECOND_NS +
		  (int64_t)d11 * 100000000 + digits_value(last);
	return true;
}

bool stamp_parse(struct text field, int64_t *ret_ns, bool *ret_rest)
{
	uint64_t magnitude;
	bool rest;

	if (parse_usual(field, ret_ns)) {
		*ret_rest = false;
		return true;
	}
	if (!field.len || !parse_decimal(field, &magnitude, &rest) ||
		magnitude > INT64_MAX)
		return false;
	*ret_ns = (int64_t)magnitude;
	*ret_rest = rest;
	return true;
}

bool stamp_parse_difference(struct text field, int64_t *ret_ns)
{
	uint64_t magnitude;
	bool negative;
	bool rest;

	/* With its point here, a decimal has nine digits after it. */
	if (field.len < sizeof "+0.000000000" - 1 || !is_sign(*field.ptr) ||
		field.ptr[field.len - DECIMALS - 1] != '.')
		return false;
	negative = *field.ptr == '-';
	if (!parse_decimal((struct text){field.ptr + 1, field.len - 1},
		    &magnitude, &rest) ||
		magnitude > MAGNITUDE_MAX - !negative)
		return false;
	*ret_ns = with_sign(magnitude, negative);
	return true;
}

/* The exponent from its 'e' on: *p is left where it ends, or where it was if
 * there is none. */
static int64_t parse_exponent(const char **p, const char *end)
{
	const char *digits = *p;
	int64_t exponent = 0;
	bool negative = false;

	if (digits == end || (*digits != 'e' && *digits != 'E'))
		return 0;
	digits++;
	if (digits < end && is_sign(*digits))
		negative = *digits++ == '-';
	if (digits == end || digits_of(*digits) > 9)
		return 0;
	for (; digits < end && digits_of(*digits) <= 9; digits++) {
		if (exponent < EXPONENT_ENOUGH)
			exponent = exponent * 10 + digits_of(*digits);
	}
	*p = digits;
	return negative ? -exponent : exponent;
}

static uint64_t append_digit(uint64_t magnitude, unsigned digit)
{
	if (magnitude > (MAGNITUDE_MAX - digit) / 10)
		return MAGNITUDE_MAX;
	return magnitude * 10 + digit;
}

bool stamp_parse_any(struct text field, int64_t *ret_ns)
{
	const char *p = field.ptr;
	const char *end;
	const char *digits;
	const char *digits_end;
	uint64_t magnitude = 0;
	bool negative = false;
	int64_t wanted;

	if (!field.len)
		return false;
	end = p + field.len;
	if (is_sign(*p))
		negative = *p++ == '-';
	digits = p;
	p = digits_skip(p, end);
	if (p == digits)
		return false;
	wanted = p - digits + DECIMALS;
	if (p < end && *p == '.')
		p = digits_skip(p + 1, end);
	digits_end = p;
	wanted += parse_exponent(&p, end);
	if (p < end)
		return false;

	/* The first `wanted` digits, followed by zeros if there are fewer, are
	 * the nanoseconds. */
	for (p = digits; p < digits_end && wanted > 0; p++) {
		if (*p == '.')
			continue;
		magnitude = append_digit(magnitude, digits_of(*p));
		wanted--;
	}
	for (; wanted > 0 && magnitude > 0 && magnitude < MAGNITUDE_MAX;
		wanted--)
		magnitude = append_digit(magnitude, 0);
	if (magnitude == MAGNITUDE_MAX && !negative)
		magnitude--;
	*ret_ns = with_sign(magnitude, negative);
	return true;
}

/* `value` without leading zeros; one past its last digit. */
static char *format_whole(uint64_t value, char *dst)
{
	char digits[10];
	char *p = digits + sizeof digits;
	size_t len;

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	len = (size_t)(digits + sizeof digits - p);
	memcpy(dst, p, len);
	return dst + len;
}

char *stamp_format_difference(int64_t ns, char *dst)
{
	uint64_t magnitude = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t seconds = magnitude / (uint64_t)HERD_SECOND_NS;
	uint32_t fraction = (uint32_t)(magnitude % (uint64_t)HERD_SECOND_NS);

	*dst++ = ns < 0 ? '-' : '+';
	if (seconds <= 9) /* the usual case */
		*dst++ = (char)('0' + seconds);
	else
		dst = format_whole(seconds, dst);
	*dst++ = '.';
	*dst++ = (char)('0' + fraction / 100000000);
	word_store(dst, digits_word(fraction % 100000000));
	return dst + WORD_BYTES;
}
