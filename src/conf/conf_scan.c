/* conf_scan - what must be caught before libconfig sees the text.
 *
 * libconfig 1.5 cuts an integer that is too long for an int to its low 32 bits
 * (4294967297 becomes 1), takes a comment that is never closed for the end of
 * the file, and ends the process when a file it is told to include cannot be
 * read. None of these can be told afterwards, so a look at the bare tokens
 * comes first: texts, comments, names, numbers. */
#include "conf_reader.h"

#include <string.h>

/* The most digits that surely fit an int; no option needs as many. */
#define DIGITS_MAX 9

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* One past the closing quote, or NULL. */
static const char *skip_quoted(const char *at)
{
	at++;
	while (*at && *at != '"') {
		if (*at == '\\' && at[1])
			at++;
		at++;
	}
	return *at ? at + 1 : NULL;
}

/* One past a block comment, or NULL. */
static const char *skip_block(const char *at)
{
	const char *end = strstr(at + 2, "*/");

	return end ? end + 2 : NULL;
}

static int count_lines(const char *from, const char *to)
{
	int lines = 0;

	for (; from < to; from++)
		lines += *from == '\n';
	return lines;
}

/* One past the number at `at`, or NULL when libconfig would cut it. Numbers
 * with a fraction or an exponent are doubles, those with an L have 64 bits and
 * hexadecimal ones are refused when their option is read. */
static const char *skip_number(const char *at)
{
	const char *first = at + strspn(at, "0");
	const char *end = first + strspn(first, DIGITS);

	if (end - first > DIGITS_MAX && (!*end || !strchr(".eEL", *end)))
		return NULL;
	return end + strspn(end, "." DIGITS LETTERS);
}

int conf_scan(struct conf_reader *r, const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len);
	const char *at = text;
	int line = 1;

	if (nul)
		return conf_complain(r, 1 + count_lines(text, nul),
			"a NUL byte; a configuration file is text");
	while (*at) {
		const char *next = at + 1;

		if (*at == '"') {
			next = skip_quoted(at);
			if (!next)
				return conf_complain(r, line,
					"this text has no end; a closing "
					"quote is missing");
		} else if (*at == '#' || (*at == '/' && at[1] == '/')) {
			next = strchrnul(at, '\n');
		} else if (*at == '/' && at[1] == '*') {
			next = skip_block(at);
			if (!next)
				return conf_complain(r, line,
					"this comment has no end; */ is "
					"missing");
		} else if (!strncmp(at, "@include", 8)) {
			return conf_complain(r, line,
				"@include is not supported; one file "
				"describes the whole herd");
		} else if (strchr(LETTERS "*_", *at)) {
			next = at + strspn(at, LETTERS DIGITS "*_-");
		} else if (strchr(DIGITS ".", *at)) {
			next = *at == '.' ? at + strspn(at, "." DIGITS)
					  : skip_number(at);
			if (!next)
				return conf_complain(r, line,
					"%.*s is too large for any option; "
					"ranges are in herd.conf(5)",
					(int)strspn(at, DIGITS), at);
		}
		line += count_lines(at, next);
		at = next;
	}
	return 0;
}
