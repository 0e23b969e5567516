/* way - see way.h. */
#include "way.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "herd/sys.h"

HERD_PRINTF(2, 3)
static int refuse(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, CONF_ERROR_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

static int find_servers(
	const struct bench_options *o, struct way *w, char *error)
{
	int rc = conf_read(o->conf_path, &w->conf, error);

	if (!rc)
		rc = conf_find_server(w->conf, o->write, &w->write, error);
	if (!rc)
		rc = conf_find_server(w->conf, o->watch, &w->watch, error);
	if (!rc)
		rc = conf_find_server(w->conf, o->as, &w->as, error);
	return rc;
}

static bool are_neighbours(const struct conf *conf, size_t a, size_t b)
{
	const struct conf_server *s = &conf->servers[a];

	for (size_t i = 0; i < s->neighbour_count; i++)
		if (s->neighbours[i] == b)
			return true;
	return false;
}

/* Links from `write` to us by way of `watch`; we pass nothing on. 0: there is
 * no way. */
static int count_hops(struct way *w, char *error)
{
	size_t count = w->conf->server_count;
	unsigned *hops = sys_alloc_zero(count, sizeof *hops);
	bool found = true;

	if (!hops) {
		snprintf(error, CONF_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	hops[w->write] = 1;
	for (unsigned round = 1; found && !hops[w->watch]; round++) {
		found = false;
		for (size_t i = 0; i < count; i++) {
			const struct conf_server *s = &w->conf->servers[i];

			if (hops[i] != round)
				continue;
			for (size_t n = 0; n < s->neighbour_count; n++) {
				size_t next = s->neighbours[n];

				if (next == w->as || hops[next])
					continue;
				hops[next] = round + 1;
				found = true;
			}
		}
	}
	w->hops = hops[w->watch];
	sys_free(hops);
	return 0;
}

static int check_servers(struct way *w, const char *path, char *error)
{
	int rc;

	if (w->as == w->write || w->as == w->watch)
		return refuse(error,
			"%s cannot be the server that herd-bench plays, and "
			"%s; name another",
			way_name(w, w->as),
			w->as == w->write ? "the one it writes to"
					  : "the one it watches");
	if (!are_neighbours(w->conf, w->as, w->watch))
		return refuse(error,
			"%s does not talk with %s in %s: herd-bench has to "
			"play a neighbour of the server it watches",
			way_name(w, w->watch), way_name(w, w->as), path);
	/* It would be told of updates one by one. */
	if (w->conf->servers[w->as].plain && !w->conf->servers[w->watch].plain)
		return refuse(error,
			"%s has no link to %s, which is plain: herd-bench "
			"plays a plain server only for another",
			way_name(w, w->watch), way_name(w, w->as));
	rc = count_hops(w, error);
	if (!rc && !w->hops)
		return refuse(error, "no way leads from %s to %s, %s aside",
			way_name(w, w->write), way_name(w, w->watch),
			way_name(w, w->as));
	return rc;
}

int way_find(const struct bench_options *o, struct way *ret_way, char *error)
{
	struct way w = {0};
	int rc = find_servers(o, &w, error);

	if (!rc)
		rc = check_servers(&w, o->conf_path, error);
	if (rc)
		conf_free(w.conf);
	else
		*ret_way = w;
	return rc;
}
