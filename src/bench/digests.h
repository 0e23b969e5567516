/* digests - whether the servers of a herd that run on this machine hold the
 * same, by their control sockets.
 * Threads: owner only; blocks, while they answer. */
#ifndef BENCH_DIGESTS_H
#define BENCH_DIGESTS_H

#include "herd/conf.h"

/* Server indices. */
struct digests {
	const struct conf *conf; /* borrowed */
	size_t *servers;
	size_t count;
};

/* Those that answer now. 0; -ENOMEM; -errno, and in `error` (CONF_ERROR_MAX
 * bytes) what is wrong with one that is there. */
HERD_MUST_CHECK int digests_find(
	const struct conf *conf, struct digests *ret_digests, char *error);
void digests_free(struct digests *d);

/* Ask all, the first one first. 0; -errno and `error` as above. */
HERD_MUST_CHECK int digests_agree(
	const struct digests *d, bool *ret_agree, char *error);

#endif
