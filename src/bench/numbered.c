/* numbered - see numbered.h. */
#include "numbered.h"

#define ID_DIGITS 14            /* with "flood-": 20 bytes */
#define STEP_NS   INT64_C(1000) /* that a double can tell until 2038 */

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

static int64_t step_ns(const struct numbered *u)
{
	return u->rewritten ? STEP_NS : 1;
}

size_t numbered_format(const struct numbered *u, uint64_t number, char *dst)
{
	uint64_t stamp_ns =
		(uint64_t)u->first_ns + number * (uint64_t)step_ns(u);
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

/* ID LOCATION STAMP, as they stand in a normal line, and last. */
static bool is_exactly(struct text update, const struct line *at)
{
	const char *end = at->body.ptr + at->body.len;

	return at->at.normal &&
	       text_equal(update, (struct text){at->at.id.ptr,
					  (size_t)(end - at->at.id.ptr)});
}

/* ID and LOCATION, wherever they stand. */
static bool is_but_for_stamp(struct text update, const struct line *at)
{
	size_t id_len = at->at.id.len;
	size_t len = id_len + 1 + at->at.location.len;

	return len < update.len && update.ptr[id_len] == ' ' &&
	       update.ptr[len] == ' ' &&
	       !memcmp(update.ptr, at->at.id.ptr, id_len) &&
	       !memcmp(update.ptr + id_len + 1, at->at.location.ptr,
		       at->at.location.len);
}

static bool is_of(
	const struct numbered *u, const struct line *at, uint64_t number)
{
	char text[NUMBERED_MAX];
	struct text update = {text, numbered_format(u, number, text)};

	return u->rewritten ? is_but_for_stamp(update, at)
			    : is_exactly(update, at);
}

bool numbered_find(const struct numbered *u, const struct line *at,
	uint64_t sent, uint64_t *ret_number)
{
	int64_t step = step_ns(u);
	int64_t after_ns;

	if (at->verb != LINE_AT)
		return false;
	after_ns = at->at.stamp_ns - u->first_ns;
	if (after_ns <= -step)
		return false;
	/* The one of that very stamp, or the two that are less than a step
	 * away. */
	for (int64_t n = after_ns < 0 ? 0 : after_ns / step;
		n * step < after_ns + step && (uint64_t)n < sent; n++) {
		if (is_of(u, at, (uint64_t)n)) {
			*ret_number = (uint64_t)n;
			return true;
		}
	}
	return false;
}
