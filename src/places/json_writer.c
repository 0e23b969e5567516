/* json_writer - JSON in the layouts of Google's services; see the header.
 *
 *     {                             {
 *        "types" : [ "a" ],           "types": [
 *        "lat" : 34.5                   "a"
 *     }                               ],
 *                                     "lat": 34.5
 *                                   } */
#include "herd/json_writer.h"

#include <errno.h>

#define DECIMALS_MAX 18

const struct json_layout json_legacy = {
	.indent = 3,
	.colon = " : ",
	.short_arrays = true,
	.fit_for_html = true,
};

const struct json_layout json_new = {
	.indent = 2,
	.colon = ": ",
};

static void put(struct json_writer *w, const char *bytes, size_t len)
{
	if (buf_append(w->out, bytes, len))
		w->overflow = true;
}

static void put_text(struct json_writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* What sets members apart: a space, or a line and its indentation. */
static void put_gap(struct json_writer *w)
{
	static const char spaces[] = "                                ";
	size_t left = (size_t)w->depth * w->layout->indent;

	if (w->one_line) {
		put(w, " ", 1);
		return;
	}
	put(w, "\n", 1);
	while (left > 0) {
		size_t some =
			left < sizeof spaces - 1 ? left : sizeof spaces - 1;

		put(w, spaces, some);
		left -= some;
	}
}

static void put_escape(struct json_writer *w, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *found = c ? strchr(plain, c) : NULL;
	unsigned char byte = (unsigned char)c;
	char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

	if (found)
		escape[1] = letters[found - plain];
	put(w, escape, found ? 2 : sizeof escape);
}

static bool needs_escape(const struct json_writer *w, char c)
{
	switch (c) {
	case '"':
	case '\\':
	case 0x7f:
		return true;
	case '<':
	case '>':
	case '&':
		return w->layout->fit_for_html;
	default:
		return (unsigned char)c < 0x20;
	}
}

static void put_string(struct json_writer *w, struct text s)
{
	size_t start = 0;

	put(w, "\"", 1);
	for (size_t i = 0; i < s.len; i++) {
		if (!needs_escape(w, s.ptr[i]))
			continue;
		put(w, s.ptr + start, i - start);
		put_escape(w, s.ptr[i]);
		start = i + 1;
	}
	put(w, s.ptr + start, s.len - start);
	put(w, "\"", 1);
}

/* Whatever stands before a value. */
static void begin(struct json_writer *w, const char *key)
{
	if (w->filled)
		put(w, ",", 1);
	if (w->depth > 0)
		put_gap(w);
	w->filled = true;
	/* Our own words: nothing to escape. */
	if (key) {
		put(w, "\"", 1);
		put_text(w, key);
		put(w, "\"", 1);
		put_text(w, w->layout->colon);
	}
}

static void open_value(struct json_writer *w, const char *key, char bracket)
{
	begin(w, key);
	put(w, &bracket, 1);
	w->depth++;
	w->filled = false;
}

static void close_value(struct json_writer *w, char bracket)
{
	w->depth--;
	if (w->filled)
		put_gap(w);
	put(w, &bracket, 1);
	w->filled = true;
	w->one_line = false;
}

void json_open_object(struct json_writer *w, const char *key)
{
	open_value(w, key, '{');
}

void json_close_object(struct json_writer *w)
{
	close_value(w, '}');
}

void json_open_array(struct json_writer *w, const char *key)
{
	open_value(w, key, '[');
}

void json_open_strings(struct json_writer *w, const char *key)
{
	open_value(w, key, '[');
	w->one_line = w->layout->short_arrays;
}

void json_close_array(struct json_writer *w)
{
	close_value(w, ']');
}

void json_string(struct json_writer *w, const char *key, struct text value)
{
	begin(w, key);
	put_string(w, value);
}

void json_decimal(struct json_writer *w, const char *key, int64_t value,
	unsigned decimals)
{
	/* Backwards from the end: sign, digits of an int64_t, and a point. */
	char digits[1 + 19 + 1];
	char *first = digits + sizeof digits;
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	HERD_ASSERT(decimals <= DECIMALS_MAX);
	while (decimals > 0 && left % 10 == 0) {
		left /= 10;
		decimals--;
	}
	for (unsigned place = 0; left > 0 || place <= decimals; place++) {
		if (place > 0 && place == decimals)
			*--first = '.';
		*--first = (char)('0' + left % 10);
		left /= 10;
	}
	if (value < 0)
		*--first = '-';
	begin(w, key);
	put(w, first, (size_t)(digits + sizeof digits - first));
}

void json_number(struct json_writer *w, const char *key, struct text digits)
{
	begin(w, key);
	put(w, digits.ptr, digits.len);
}

void json_strings(
	struct json_writer *w, const char *key, const char *const *values)
{
	json_open_strings(w, key);
	for (; *values; values++)
		json_string(w, NULL, text_of(*values));
	json_close_array(w);
}

int json_finish(struct json_writer *w)
{
	put(w, "\n", 1);
	return w->overflow ? -ENOMEM : 0;
}
