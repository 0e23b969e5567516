/* status - a fact per line becomes a cell of a table; see the header. */
#include "herd/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/conn.h"
#include "herd/screen.h"
#include "herd/sys.h"

#define CELL        96 /* bytes */
#define COLUMNS_MAX 12
#define GAP         2

/* How a value is put for people. */
enum form {
	FORM_AS_IT_IS,
	FORM_DURATION,
	FORM_MEMORY,
};

struct column {
	const char *head;
	const char *fact; /* NULL: set when the row is made */
	enum form form;
	bool right; /* justified */
};

static const struct column server_columns[] = {
	{"SERVER", NULL, FORM_AS_IT_IS, false},
	{"UP", "uptime", FORM_DURATION, true},
	{"KNOWN", "known", FORM_AS_IT_IS, true},
	{"DIGEST", "digest", FORM_AS_IT_IS, false},
	{"CONNECTED", "connected", FORM_AS_IT_IS, true},
	{"MEMORY", "memory", FORM_MEMORY, true},
	{"DESIGN", "design", FORM_AS_IT_IS, false},
	{"VERSION", "version", FORM_AS_IT_IS, false},
	{"PID", "pid", FORM_AS_IT_IS, true},
};

static const struct column link_columns[] = {
	{"FROM", NULL, FORM_AS_IT_IS, false},
	{"TO", NULL, FORM_AS_IT_IS, false},
	{"STATE", "state", FORM_AS_IT_IS, false},
	{"FOR", "for", FORM_DURATION, true},
	{"LAG", "lag_changes", FORM_AS_IT_IS, true},
	{"OLDEST", "lag_seconds", FORM_DURATION, true},
	{"SENT", "sent", FORM_AS_IT_IS, true},
	{"RECEIVED", "received", FORM_AS_IT_IS, true},
	{"IN", "links_in", FORM_AS_IT_IS, true},
	{"REPAIRS", "repairs", FORM_AS_IT_IS, true},
	{"LINES", "repaired", FORM_AS_IT_IS, true},
	{"TROUBLE", "trouble", FORM_AS_IT_IS, false},
};

struct row {
	char cells[COLUMNS_MAX][CELL];
};

struct table {
	const struct column *columns;
	size_t column_count;
	struct row *rows;
	size_t row_count;
};

/* --- reading -------------------------------------------------------------- */

static void put_duration(char *cell, const char *value)
{
	double s = strtod(value, NULL);

	if (s < 120)
		snprintf(cell, CELL, "%.0f s", s);
	else if (s < 120.0 * 60)
		snprintf(cell, CELL, "%.0f min", s / 60);
	else if (s < 48.0 * 3600)
		snprintf(cell, CELL, "%.0f h", s / 3600);
	else
		snprintf(cell, CELL, "%.0f d", s / 86400);
}

static void put_value(char *cell, enum form form, struct text value)
{
	char text[CELL];

	snprintf(text, CELL, "%.*s", (int)value.len, value.ptr);
	if (form == FORM_DURATION)
		put_duration(cell, text);
	else if (form == FORM_MEMORY)
		snprintf(cell, CELL, "%.0f MiB", strtod(text, NULL) / 1048576);
	else
		memcpy(cell, text, CELL);
}

/* A row more; NULL: no memory. */
static struct row *add_row(struct table *t)
{
	struct row *rows =
		sys_resize(t->rows, (t->row_count + 1) * sizeof *rows);

	if (!rows)
		return NULL;
	t->rows = rows;
	rows[t->row_count] = (struct row){0};
	return &rows[t->row_count++];
}

static void put_fact(struct table *t, struct text fact, struct text value)
{
	for (size_t i = 0; t->row_count && i < t->column_count; i++) {
		const struct column *c = &t->columns[i];

		if (c->fact && text_equal(fact, text_of(c->fact)))
			put_value(t->rows[t->row_count - 1].cells[i], c->form,
				value);
	}
}

static bool last_row_is_to(const struct table *links, struct text to)
{
	return links->row_count &&
	       text_equal(
		       to, text_of(links->rows[links->row_count - 1].cells[1]));
}

/* "link NAME FACT VALUE": what is said of a link stands together, and the state
 * comes first. */
static int take_link(struct table *links, const char *from, struct text rest)
{
	struct text to = text_take_word(&rest);
	struct text fact = text_take_word(&rest);
	struct row *row;

	if (text_equal(fact, text_of("state")) || !last_row_is_to(links, to)) {
		row = add_row(links);
		if (!row)
			return -ENOMEM;
		snprintf(row->cells[0], CELL, "%s", from);
		put_value(row->cells[1], FORM_AS_IT_IS, to);
	}
	put_fact(links, fact, rest);
	return 0;
}

static int read_replies(
	struct text replies, struct table *servers, struct table *links)
{
	struct text line;

	while (conn_take_line(&replies, &line)) {
		struct text fact = text_take_word(&line);
		int rc = 0;

		if (text_equal(fact, text_of("server"))) {
			struct row *row = add_row(servers);

			if (!row)
				return -ENOMEM;
			put_value(row->cells[0], FORM_AS_IT_IS, line);
		} else if (!servers->row_count) {
			continue; /* of nobody */
		} else if (text_equal(fact, text_of("link"))) {
			rc = take_link(links,
				servers->rows[servers->row_count - 1].cells[0],
				line);
		} else {
			put_fact(servers, fact, line);
		}
		if (rc)
			return rc;
	}
	return 0;
}

/* --- showing -------------------------------------------------------------- */

static size_t width_of(const struct table *t, size_t column)
{
	size_t width = strlen(t->columns[column].head);

	for (size_t i = 0; i < t->row_count; i++) {
		size_t w = screen_width(text_of(t->rows[i].cells[column]));

		if (w > width)
			width = w;
	}
	return width;
}

static void show_cell(
	struct screen *s, const char *text, size_t width, bool right)
{
	size_t free = width - screen_width(text_of(text));

	if (right)
		screen_skip(s, free);
	screen_put(s, text_of(text), width);
	screen_skip(s, GAP + (right ? 0 : free));
}

static void show(struct screen *s, const struct table *t)
{
	size_t widths[COLUMNS_MAX];

	for (size_t c = 0; c < t->column_count; c++) {
		widths[c] = width_of(t, c);
		show_cell(
			s, t->columns[c].head, widths[c], t->columns[c].right);
	}
	screen_end_line(s);
	for (size_t i = 0; i < t->row_count; i++) {
		for (size_t c = 0; c < t->column_count; c++)
			show_cell(s, t->rows[i].cells[c], widths[c],
				t->columns[c].right);
		screen_end_line(s);
	}
}

int status_table(struct text replies, struct buf *into)
{
	struct table servers = {.columns = server_columns,
		.column_count = HERD_COUNT(server_columns)};
	struct table links = {.columns = link_columns,
		.column_count = HERD_COUNT(link_columns)};
	struct screen screen = {.out = into};
	int rc = read_replies(replies, &servers, &links);

	if (!rc && servers.row_count)
		show(&screen, &servers);
	if (!rc && links.row_count) {
		screen_end_line(&screen);
		show(&screen, &links);
	}
	sys_free(servers.rows);
	sys_free(links.rows);
	return rc ? rc : screen_finish(&screen);
}
