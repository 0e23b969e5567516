/* numbered - see numbered.h. */
#include "numbered.h"

#define ID_DIGITS 14 /* with "flood-": 20 bytes */

static char *put_text(char *dst, const char *text)
{
	size_t len = strlen(text);

	memcpy(dst, text, len);
	return dst + len;
}

/* The last `width` digits. */
static char *put_digits(char *dst, uint64_t value, size_t width)
{
	for (size_t i = width; i-- > 0; value /= 10)
		dst[i] = (char)('0' + value % 10);
	return dst + width;
}

size_t numbered_format(const struct numbered *u, uint64_t number, char *dst)
{
	uint64_t stamp_ns = (uint64_t)u->first_ns + number;
	uint64_t second_ns = (uint64_t)HERD_SECOND_NS;
	char *p = put_text(dst, "flood-");

	p = put_digits(p, number % u->ids, ID_DIGITS);
	p = put_text(p, " +34.");
	p = put_digits(p, number, 6);
	p = put_text(p, "-118.");
	p = put_digits(p, number / 7, 6);
	*p++ = ' ';
	p = put_digits(p, stamp_ns / second_ns, 10);
	*p++ = '.';
	p = put_digits(p, stamp_ns % second_ns, 9);
	HERD_ASSERT(p - dst <= NUMBERED_MAX);
	return (size_t)(p - dst);
}

bool numbered_find(const struct numbered *u, const struct line *at,
	uint64_t sent, uint64_t *ret_number)
{
	char text[NUMBERED_MAX];
	uint64_t number;
	size_t len;

	if (at->verb != LINE_AT || !at->at.normal ||
		at->at.stamp_ns < u->first_ns)
		return false;
	number = (uint64_t)(at->at.stamp_ns - u->first_ns);
	if (number >= sent)
		return false;
	len = numbered_format(u, number, text);
	/* In a normal line they stand like this, and last. */
	if (!text_equal((struct text){text, len},
		    (struct text){at->at.id.ptr,
			    (size_t)(at->body.ptr + at->body.len -
				     at->at.id.ptr)}))
		return false;
	*ret_number = number;
	return true;
}
