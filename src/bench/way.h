/* way - the servers of a herd that an update passes from where it is written to
 * where it is watched.
 * Threads: owner only. */
#ifndef BENCH_WAY_H
#define BENCH_WAY_H

#include "herd/bench_options.h"
#include "herd/conf.h"

struct way {
	struct conf *conf;       /* conf_free */
	size_t write, watch, as; /* servers of it */
	unsigned hops;           /* links on the shortest way, that to us the
				  * last */
};

/* 0; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int way_find(
	const struct bench_options *o, struct way *ret_way, char *error);

static inline const char *way_name(const struct way *w, size_t server)
{
	return w->conf->servers[server].name;
}

#endif
