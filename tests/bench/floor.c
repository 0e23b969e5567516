/* floor - answers IAMAT as herdd does, and knows nobody: the least that a server
 * of this protocol can cost.
 *
 * Four fields with single spaces between them are split, nothing is checked; the
 * stamp becomes an integer, the answer is written by copying. There is no map.
 * See bare.h. */
#include "bare.h"

#include "herd/digits.h"
#include "herd/stamp.h"

#define AT "AT Floor "

/* The value of `field`, "1520023934.918963997", in ns. */
static int64_t read_stamp(const char *field, const char *end)
{
	static const uint64_t power[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
	uint64_t whole = 0; /* may wrap: nothing is checked */
	uint32_t digits;
	size_t n;

	do {
		n = digits_take(field, end, &digits);
		whole = whole * power[n] + digits;
		field += n;
	} while (n == WORD_BYTES);
	if (field >= end || *field != '.')
		return (int64_t)(whole * HERD_SECOND_NS);
	n = digits_take(++field, end, &digits);
	whole = whole * HERD_SECOND_NS + digits * 10 * power[8 - n];
	if (n == WORD_BYTES && field + n < end && digits_of(field[n]) < 10)
		whole += digits_of(field[n]);
	return (int64_t)whole;
}

/* Where the next field begins; `end`: nowhere. */
static const char *next(const char *p, const char *end)
{
	const char *space = memchr(p, ' ', (size_t)(end - p));

	return space ? space + 1 : end;
}

static char *answer_line(
	const char *line, const char *end, int64_t now_ns, char *out)
{
	const char *id = next(line, end);
	const char *stamp = next(next(id, end), end);

	if (stamp == end) {
		*out++ = '?';
		*out++ = ' ';
		id = line;
	} else {
		memcpy(out, AT, sizeof AT - 1);
		out = stamp_format_difference(
			now_ns - read_stamp(stamp, end), out + sizeof AT - 1);
		*out++ = ' ';
	}
	memcpy(out, id, (size_t)(end - id));
	out += end - id;
	*out++ = '\n';
	return out;
}

static size_t answer(
	const char *in, size_t len, int64_t now_ns, char *out, size_t *ret_len)
{
	const char *line = in;
	char *start = out;
	const char *end;

	while ((end = memchr(line, '\n', (size_t)(in + len - line)))) {
		out = answer_line(line, end, now_ns, out);
		line = end + 1;
	}
	*ret_len = (size_t)(out - start);
	return (size_t)(line - in);
}

int main(int argc, char **argv)
{
	return bare_main("floor", argc, argv, answer);
}
