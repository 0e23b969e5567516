/* listeners - the sockets a server is reached at: inherited, or opened.
 *
 * When LISTEN_PID is this process, or not set, LISTEN_FDS sockets starting with
 * descriptor 3 are used (sd_listen_fds(3)) and the configured addresses are not
 * bound.
 *
 * Threads: start-up only. */
#ifndef HERD_LISTENERS_H
#define HERD_LISTENERS_H

#include "herd/base.h"
#include "herd/conf.h"

#define LISTENERS_MAX 16

struct listeners {
	int fd[LISTENERS_MAX];
	size_t count;
};

/* 0 with at least one socket, non-blocking and with the options that accepted
 * sockets inherit; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for
 * people. */
HERD_MUST_CHECK int listeners_open(const struct conf_server *server,
	struct listeners *ret_listeners, char *error);
void listeners_close(struct listeners *l);

#endif
