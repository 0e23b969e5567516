/* screen - lines of text for a terminal, by the columns they take there.
 *
 * Texts are from others, in UTF-8 as far as they keep to it, and are made
 * safe: white space becomes a space; what would turn the direction of writing
 * is left out; whatever else is no printable character of the locale
 * (LC_CTYPE, set by the caller's main) becomes a '?'. So nothing but the
 * screen's own line ends controls the terminal.
 *
 * Running out of memory is remembered and told at the end, so that callers need
 * not ask at every step.
 * Threads: owner only. */
#ifndef HERD_SCREEN_H
#define HERD_SCREEN_H

#include "herd/buf.h"

struct screen {
	struct buf *out;
	size_t owed;   /* spaces, if anything follows on the line */
	bool overflow; /* no memory: `out` is not complete */
};

/* How many columns the text takes. */
size_t screen_width(struct text text);

/* Put the text into at most `columns`; of a longer one the end is cut off and
 * "…" stands there, or "..." where the locale has none. The columns it took. */
size_t screen_put(struct screen *s, struct text text, size_t columns);

/* Words of our own, in ASCII; at most 127 bytes. */
HERD_PRINTF(2, 3)
void screen_print(struct screen *s, const char *format, ...);

/* So many spaces; none at the end of a line. */
void screen_skip(struct screen *s, size_t columns);
void screen_end_line(struct screen *s);

/* 0; -ENOMEM: `out` is not complete. */
HERD_MUST_CHECK int screen_finish(const struct screen *s);

#endif
