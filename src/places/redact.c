/* redact - looks for the secret forwards, from every byte that may begin it.
 *
 *   bytes   0 ....... to           from ....... len
 *           |  clean  |  (a hole)   |  to be seen |
 *
 * In clean and what follows it together, no occurrence begins in clean. When
 * one is taken out behind clean, only an occurrence that reaches across the
 * joint can be new, so it begins less than one longest spelling before it: so
 * many bytes go back over the hole to be seen once more. As every occurrence is
 * at least as long as the secret, this adds a constant number of looks at a
 * byte, however cleverly the bytes are nested. */
#include "herd/redact.h"

#include "herd/digits.h"
#include "herd/word.h"

#define SPELLING_MAX 6 /* \u0041 */

static bool is_hex(const char *p, size_t count, char c)
{
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++) {
		if (digits_hex_of(p[i]) > 15)
			return false;
		value = value << 4 | digits_hex_of(p[i]);
	}
	return value == (unsigned char)c;
}

/* How long the escape of c at p is; 0: there is none. */
static size_t match_escape(const char *p, size_t left, char c)
{
	if (*p == '%')
		return left >= 3 && is_hex(p + 1, 2, c) ? 3 : 0;
	if (*p != '\\' || left < 2)
		return 0;
	if (p[1] == 'u')
		return left >= 6 && is_hex(p + 2, 4, c) ? 6 : 0;
	return p[1] == c && (c == '/' || c == '"') ? 2 : 0;
}

/* How long the secret at p is; 0: it is not there. There is one way to read it,
 * as no character of the secret begins an escape. */
static size_t match(const char *p, size_t len, struct text secret)
{
	size_t at = 0;

	for (size_t i = 0; i < secret.len; i++) {
		char c = secret.ptr[i];
		size_t size = 1;

		if (at == len)
			return 0;
		if (p[at] != c)
			size = match_escape(p + at, len - at, c);
		if (!size)
			return 0;
		at += size;
	}
	return at;
}

/* The next byte that may begin an occurrence, or end. */
static const char *find_start(const char *p, const char *end, char first)
{
	const uint64_t firsts = WORD_OF((uint64_t)(unsigned char)first);

	while (p < end) {
		uint64_t word = word_load(p, end);
		uint64_t marks = word_below(word ^ firsts, 1) |
				 word_below(word ^ WORD_OF('%'), 1) |
				 word_below(word ^ WORD_OF('\\'), 1);

		if (marks)
			return p + word_first(marks);
		if ((size_t)(end - p) < WORD_BYTES)
			return end;
		p += WORD_BYTES;
	}
	return end;
}

size_t redact(char *bytes, size_t len, struct text secret)
{
	size_t from = 0;
	size_t to = 0;

	while (from < len) {
		const char *at = bytes + from;
		size_t found = match(at, len - from, secret);
		size_t move;

		if (found) {
			from += found;
			move = SPELLING_MAX * secret.len - 1;
			if (move > to)
				move = to;
			from -= move;
			to -= move;
			memmove(bytes + from, bytes + to, move);
			continue;
		}
		move = (size_t)(find_start(at + 1, bytes + len, *secret.ptr) -
				at);
		if (to != from)
			memmove(bytes + to, bytes + from, move);
		from += move;
		to += move;
	}
	return to;
}
