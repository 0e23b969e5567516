/* json_writer - JSON text, laid out as the provider it stands for does it.
 *
 * The caller opens, fills and closes values in order; commas, indentation and
 * escapes are the writer's. Running out of memory is remembered and told at the
 * end, so that callers need not ask at every step.
 * Threads: owner only. */
#ifndef HERD_JSON_WRITER_H
#define HERD_JSON_WRITER_H

#include "herd/buf.h"

struct json_layout {
	unsigned indent;   /* spaces per level */
	const char *colon; /* between key and value */
	bool short_arrays; /* [ "a", "b" ]: strings in one line */
	bool fit_for_html; /* '<', '>', '&' are escaped as well */
};

/* Google's two: the legacy services', and that of the newer ones. */
extern const struct json_layout json_legacy;
extern const struct json_layout json_new;

struct json_writer {
	const struct json_layout *layout;
	struct buf *out;
	unsigned depth;
	bool filled;   /* the innermost open value has a member already */
	bool one_line; /* it is an array of strings in one line */
	bool overflow; /* no memory: `out` is not complete */
};

#define JSON_WRITER(l, b) ((struct json_writer){.layout = (l), .out = (b)})

/* `key` is a plain word; NULL for elements of arrays and for the whole. */
void json_open_object(struct json_writer *w, const char *key);
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w, const char *key);
void json_open_strings(struct json_writer *w, const char *key); /* no others */
void json_close_array(struct json_writer *w);

/* `value` is UTF-8. */
void json_string(struct json_writer *w, const char *key, struct text value);

/* value / 10^decimals, without needless zeros: 340689300, 7 is 34.06893.
 * decimals: at most 18. */
void json_decimal(struct json_writer *w, const char *key, int64_t value,
	unsigned decimals);

/* A number that is JSON already. */
void json_number(struct json_writer *w, const char *key, struct text digits);

/* A whole array of strings; NULL ends them. */
void json_strings(
	struct json_writer *w, const char *key, const char *const *values);

/* The LF at the end of the text. 0; -ENOMEM: it is not complete. */
HERD_MUST_CHECK int json_finish(struct json_writer *w);

#endif
