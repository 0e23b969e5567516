/* doors - the sockets on which a server of the configuration listens, held by
 * somebody else.
 * Threads: owner only, that of the reactor. */
#ifndef BENCH_DOORS_H
#define BENCH_DOORS_H

#include "herd/address.h"
#include "herd/conf.h"
#include "herd/neighbours.h"
#include "herd/reactor.h"

#define DOORS_MAX NEIGHBOUR_ADDRESSES

struct door {
	struct reactor_io io;
	struct doors *doors;
};

struct doors {
	struct reactor *reactor;
	/* A connection has come: 0, and `fd` is taken; else it is closed. */
	int (*on_open)(void *arg, int fd, const struct address *address);
	void *arg;
	struct door all[DOORS_MAX];
	size_t count;
};

/* What is above `all` is set; neither it nor `arg` moves until doors_close,
 * which is due even if this fails. 0 or -errno, and in `error` (CONF_ERROR_MAX
 * bytes) one line for people. */
HERD_MUST_CHECK int doors_open(
	struct doors *d, const struct conf_server *server, char *error);
void doors_close(struct doors *d);

#endif
