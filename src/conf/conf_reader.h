/* conf_reader - what the files that read the configuration share.
 *
 *   stream --> text --> conf_scan --> libconfig --> conf_read_group --> conf
 *                                                     `-> conf_read_servers
 *
 * Private to src/conf. Every function that fails has put the line for people
 * into reader->error before it returns. */
#ifndef HERD_CONF_READER_H
#define HERD_CONF_READER_H

#include <libconfig.h>
#include <stdio.h>

#include "herd/base.h"
#include "herd/conf.h"

enum conf_type {
	CONF_BOOL,    /* true or false -> bool */
	CONF_WHOLE,   /* a whole number -> an unsigned integer of any width */
	CONF_SECONDS, /* a number -> int64_t nanoseconds */
	CONF_CHOICE,  /* one of `words` -> its place among them, bool or enum */
	CONF_WORD,    /* one of `words` -> const char * */
	CONF_TEXT,    /* a string -> const char * */
	CONF_PATH,    /* a string -> const char *, made absolute */
	CONF_TEXTS,   /* strings in [ ] or ( ): checked here, read by servers */
	CONF_SERVERS, /* the list of servers */
};

struct conf_option {
	const char *name; /* with its dotted path: "log.level" */
	enum conf_type type;
	bool required;
	bool live;         /* takes effect while herdd runs */
	const char *unit;  /* of a number; else what would be right */
	double min, max;   /* of a number */
	double number;     /* default of a number or bool */
	const char *text;  /* default of the others; NULL: none */
	const char *words; /* "drop|wait": those known, in enum order */
	bool (*fits)(const char *text); /* NULL: any text but the empty one */
	size_t offset, size; /* of the member; size 0: nothing is stored */
	const char *help;
};

/* One table per struct that is filled: conf, and conf_server. */
struct conf_table {
	const struct conf_option *options;
	size_t count;
};

extern const struct conf_table conf_table;
extern const struct conf_table conf_server_table;

struct conf_reader {
	const char *path;   /* as the caller named it, for messages */
	struct text folder; /* absolute, ends in '/': relative paths go on */
	struct conf_box *box;
	char *error; /* CONF_ERROR_MAX bytes */
};

/* --- conf.c --------------------------------------------------------------- */

/* Write "FILE:LINE: ..." (no line when 0) and return -EINVAL. */
HERD_MUST_CHECK HERD_PRINTF(3, 4) int conf_complain(
	struct conf_reader *r, int line, const char *format, ...);

/* Zeroed memory that lives as long as the configuration. NULL: there is none,
 * and the error says so. */
HERD_MUST_CHECK void *conf_take(
	struct conf_reader *r, size_t count, size_t size);

/* A copy of head and tail run together. NULL as above. */
HERD_MUST_CHECK const char *conf_take_text(
	struct conf_reader *r, struct text head, const char *tail);

/* "Goloman, Hands, Holiday", cut with "..." where it does not fit. */
void conf_list_servers(const struct conf *conf, char *dst, size_t room);

/* --- conf_table.c --------------------------------------------------------- */

#define CONF_PHRASE 256 /* room for the phrases below */

/* NULL: not in this table. */
const struct conf_option *conf_table_find(
	const struct conf_table *table, const char *name);

/* Whether some option's path starts with `name` and a dot. */
bool conf_table_has_group(const struct conf_table *table, const char *name);

/* The length of the group's name in "log.level"; 0: it is in none. */
size_t conf_group_len(const char *name);

/* Print at the end of the string in dst; what does not fit is cut. */
HERD_PRINTF(3, 4)
void conf_append(char *dst, size_t room, const char *format, ...);

/* What would be right: "bytes, 128 to 65536". */
void conf_option_right(const struct conf_option *option, char *dst);

/* The place of `word` among words ("drop|wait"). false: not there. */
HERD_MUST_CHECK bool conf_word_index(
	const char *words, const char *word, unsigned *ret_index);

/* --- conf_nearest.c ------------------------------------------------------- */

/* The known option or group, of any table, that looks most like `name`. */
void conf_table_nearest(const char *name, char *dst);

/* --- conf_scan.c ---------------------------------------------------------- */

/* Refuse what libconfig would misread without a word, or die of. text[len] is
 * NUL. */
HERD_MUST_CHECK int conf_scan(
	struct conf_reader *r, const char *text, size_t len);

/* --- conf_value.c --------------------------------------------------------- */

void conf_set_defaults(const struct conf_table *table, void *base);

/* Read every member of `group` into the struct at `base`; `prefix` is the
 * group's own path with its dot ("log."), or "". */
HERD_MUST_CHECK int conf_read_group(struct conf_reader *r,
	const struct conf_table *table, const char *prefix,
	const config_setting_t *group, void *base);

/* The line a setting starts in. */
int conf_line(const config_setting_t *setting);

/* --- conf_servers.c ------------------------------------------------------- */

HERD_MUST_CHECK int conf_read_servers(
	struct conf_reader *r, const config_setting_t *list, struct conf *conf);

bool conf_is_server_name(const char *text);
bool conf_is_host(const char *text);
bool conf_is_listen(const char *text);

#endif
