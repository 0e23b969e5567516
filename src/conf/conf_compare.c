/* conf_compare - what differs between two configurations of a running server,
 * by the table of options, and what of it has to wait for a restart. */
#include <string.h>

#include "conf_reader.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Of what the table says is stored. */
static bool same_value(
	const struct conf_option *option, const void *a, const void *b)
{
	const char *x = (const char *)a + option->offset;
	const char *y = (const char *)b + option->offset;

	switch (option->type) {
	case CONF_BOOL:
	case CONF_WHOLE:
	case CONF_SECONDS:
	case CONF_CHOICE:
		return !memcmp(x, y, option->size);
	case CONF_WORD:
	case CONF_TEXT:
	case CONF_PATH:
		return same_text(
			*(const char *const *)x, *(const char *const *)y);
	case CONF_TEXTS:
	case CONF_SERVERS:
		break;
	}
	return true;
}

static bool same_listen(
	const struct conf_server *a, const struct conf_server *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++)
		if (strcmp(a->listen[i], b->listen[i]) != 0)
			return false;
	return true;
}

static bool same_neighbours(
	const struct conf_server *a, const struct conf_server *b)
{
	return a->neighbour_count == b->neighbour_count &&
	       (!a->neighbour_count ||
		       !memcmp(a->neighbours, b->neighbours,
			       a->neighbour_count * sizeof *a->neighbours));
}

/* What other servers see of one. */
static bool same_server(
	const struct conf_server *a, const struct conf_server *b)
{
	for (size_t i = 0; i < conf_server_table.count; i++)
		if (!same_value(&conf_server_table.options[i], a, b))
			return false;
	return same_neighbours(a, b);
}

/* The servers and the edges between them; where we are ourselves is another
 * matter. */
static bool same_herd(const struct conf *a, size_t self_a, const struct conf *b,
	size_t self_b)
{
	if (a->server_count != b->server_count || self_a != self_b)
		return false;
	for (size_t i = 0; i < a->server_count; i++) {
		const struct conf_server *x = &a->servers[i];
		const struct conf_server *y = &b->servers[i];

		if (i == self_a ? !same_neighbours(x, y) : !same_server(x, y))
			return false;
	}
	return true;
}

void conf_compare(const struct conf *a, size_t self_a, const struct conf *b,
	size_t self_b, conf_differs_fn *differs, void *arg)
{
	const struct conf_server *us_a = &a->servers[self_a];
	const struct conf_server *us_b = &b->servers[self_b];

	for (size_t i = 0; i < conf_table.count; i++) {
		const struct conf_option *option = &conf_table.options[i];
		bool same = option->type == CONF_SERVERS
				    ? same_herd(a, self_a, b, self_b)
				    : same_value(option, a, b);

		if (!same)
			differs(arg, option->name, option->live);
	}
	for (size_t i = 0; i < conf_server_table.count; i++) {
		const struct conf_option *option =
			&conf_server_table.options[i];

		if (!same_value(option, us_a, us_b))
			differs(arg, option->name, false);
	}
	if (!same_listen(us_a, us_b))
		differs(arg, "servers.listen", false);
}

static void copy_dead(
	const struct conf_table *table, const void *from, void *to)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct conf_option *option = &table->options[i];

		if (!option->live)
			memcpy((char *)to + option->offset,
				(const char *)from + option->offset,
				option->size);
	}
}

void conf_keep(const struct conf *now, size_t self_now, struct conf *next,
	size_t self_next)
{
	const struct conf_server *us_now = &now->servers[self_now];
	struct conf_server *us_next = &next->servers[self_next];

	copy_dead(&conf_table, now, next);
	copy_dead(&conf_server_table, us_now, us_next);
	us_next->listen = us_now->listen;
	us_next->listen_count = us_now->listen_count;
}
