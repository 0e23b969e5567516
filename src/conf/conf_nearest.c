/* conf_nearest - the name someone meant who wrote another.
 *
 * A misspelt option is fatal; naming the one it looks like most saves a look
 * into the manual. */
#include "conf_reader.h"

#include <string.h>

static const struct conf_table *const tables[] = {
	&conf_table, &conf_server_table};

#define NAME_MAX_COMPARED 64

/* Levenshtein's distance: how many letters to change, add or leave out
 * between what someone wrote, of which 64 letters will do, and a known name. */
static size_t distance(struct text a, struct text b)
{
	size_t row[NAME_MAX_COMPARED + 1];

	if (a.len > NAME_MAX_COMPARED)
		a.len = NAME_MAX_COMPARED;
	HERD_ASSERT(b.len <= NAME_MAX_COMPARED);
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

			diagonal = row[j];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.len];
}

/* A name that was not written to its end is as near as one letter is. */
static size_t cost(struct text written, struct text known)
{
	if (written.len < known.len &&
		!memcmp(written.ptr, known.ptr, written.len) &&
		!strchr(known.ptr + written.len, '.'))
		return 1;
	return distance(written, known);
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

void conf_table_nearest(const char *name, char *dst)
{
	struct text whole = text_of(name);
	struct text best = text_of("");
	size_t best_distance = SIZE_MAX;

	for (size_t t = 0; t < HERD_COUNT(tables); t++) {
		for (size_t i = 0; i < tables[t]->count; i++) {
			const char *known = tables[t]->options[i].name;
			struct text full = text_of(known);
			struct text group = {known, conf_group_len(known)};
			/* An option put into the wrong group costs one more
			 * than the same mistake in the right one. */
			size_t d = cost(text_of(last_part(name)),
					   text_of(last_part(known))) +
				   1;

			if (cost(whole, full) < d)
				d = cost(whole, full);
			if (d < best_distance) {
				best_distance = d;
				best = full;
			}
			if (group.len &&
				distance(whole, group) < best_distance) {
				best_distance = distance(whole, group);
				best = group;
			}
		}
	}
	snprintf(dst, CONF_PHRASE, "%.*s", (int)best.len, best.ptr);
}
