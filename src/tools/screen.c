/* screen - text for a terminal; see the header.
 *
 * Every character is decoded and then written anew in the locale's encoding, so
 * that the decoder may be lenient: an escape that hides in a longer form than
 * it should have is found out as the control character it is. */
#include "herd/screen.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#define PRINT_MAX 128

/* A character as the terminal gets it. */
struct glyph {
	char bytes[MB_LEN_MAX];
	size_t len;
	size_t width; /* columns; 0: it joins the one before */
};

/* --- characters ----------------------------------------------------------- */

/* The character at p, 0 where there is none. The byte after it. */
static const char *decode(const char *p, const char *end, wchar_t *ret_c)
{
	unsigned char first = (unsigned char)*p;
	unsigned value = first;
	int more = 0;

	*ret_c = 0;
	if (first >= 0xc0)
		more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	else if (first >= 0x80)
		return p + 1;
	if (more >= end - p)
		return p + 1;
	if (more)
		value &= 0x3fu >> more;
	for (int i = 1; i <= more; i++) {
		unsigned char next = (unsigned char)p[i];

		if ((next & 0xc0) != 0x80)
			return p + 1;
		value = value << 6 | (next & 0x3f);
	}
	*ret_c = (wchar_t)value;
	return p + 1 + more;
}

/* Embeddings, overrides and isolates of the bidirectional algorithm: with them
 * a name could reorder what stands beside it. */
static bool turns_direction(wchar_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* false: the locale has no such character to print. */
static bool render(wchar_t c, struct glyph *g)
{
	mbstate_t state = {0};
	int width = wcwidth(c);

	if (c == 0 || width < 0)
		return false;
	g->len = wcrtomb(g->bytes, c, &state);
	g->width = (size_t)width;
	return g->len != (size_t)-1;
}

static const char *take_glyph(
	const char *p, const char *end, struct glyph *ret_glyph)
{
	wchar_t c;

	p = decode(p, end, &c);
	if (c >= '\t' && c <= '\r')
		c = ' ';
	if (turns_direction(c))
		*ret_glyph = (struct glyph){.len = 0};
	else if (!render(c, ret_glyph))
		*ret_glyph = (struct glyph){"?", 1, 1};
	return p;
}

size_t screen_width(struct text text)
{
	const char *p = text.ptr;
	const char *end = p + text.len;
	size_t width = 0;
	struct glyph g;

	while (p < end) {
		p = take_glyph(p, end, &g);
		width += g.width;
	}
	return width;
}

/* --- lines ---------------------------------------------------------------- */

static void append(struct screen *s, const char *bytes, size_t len)
{
	if (buf_append(s->out, bytes, len))
		s->overflow = true;
}

static void put(struct screen *s, const char *bytes, size_t len)
{
	for (; len > 0 && s->owed > 0; s->owed--)
		append(s, " ", 1);
	append(s, bytes, len);
}

static struct glyph ellipsis(void)
{
	struct glyph g;

	return render(0x2026, &g) ? g : (struct glyph){"...", 3, 3};
}

size_t screen_put(struct screen *s, struct text text, size_t columns)
{
	const char *p = text.ptr;
	const char *end = p + text.len;
	struct glyph mark = {.len = 0};
	size_t used = 0;
	struct glyph g;

	if (screen_width(text) > columns && ellipsis().width <= columns)
		mark = ellipsis();
	while (p < end) {
		p = take_glyph(p, end, &g);
		if (used + g.width + mark.width > columns)
			break;
		put(s, g.bytes, g.len);
		used += g.width;
	}
	put(s, mark.bytes, mark.len);
	return used + mark.width;
}

void screen_print(struct screen *s, const char *format, ...)
{
	char words[PRINT_MAX];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(words, sizeof words, format, args);
	va_end(args);
	HERD_ASSERT(len >= 0 && (size_t)len < sizeof words);
	put(s, words, (size_t)len);
}

void screen_skip(struct screen *s, size_t columns)
{
	s->owed += columns;
}

void screen_end_line(struct screen *s)
{
	s->owed = 0;
	append(s, "\n", 1);
}

int screen_finish(const struct screen *s)
{
	return s->overflow ? -ENOMEM : 0;
}
