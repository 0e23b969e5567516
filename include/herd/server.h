/* server - one server of the herd: its roles, their reactors and threads, wired
 * together, started in order and stopped in order.
 *
 *   threaded: main | acceptor | worker 0..N-1 | flood | log   a thread each
 *   single:   all of them on the reactor of the main thread
 *
 * Stopping (SIGTERM, SIGINT), each step when the one before is done, all within
 * stop_timeout:
 *
 *   acceptor   closes the listening sockets
 *   workers    answer what has arrived, close their connections
 *   flood      sends what is new to every reachable neighbour, waits for PONGs
 *   all        end; the log is written out
 *
 * Threads: main only. */
#ifndef HERD_SERVER_H
#define HERD_SERVER_H

#include "herd/base.h"
#include "herd/conf.h"
#include "herd/secret_file.h"

struct server;

/* Set conf->servers[self] up, sockets open, no thread running yet; all signals
 * it handles are blocked from here on. `conf` is borrowed until server_free.
 * 0; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int server_new(const struct conf *conf, size_t self,
	struct server **ret_server, char *error);

/* Serve until told to stop. 0; -errno if it could not be started, and in
 * `error` why. */
HERD_MUST_CHECK int server_run(struct server *s, char *error);

void server_free(struct server *s);

/* Whether neighbours can be told from others: by a secret, because all servers
 * are on loopback addresses, or as peers.trust_addresses says so. Looks names
 * up. 0; -EPERM, and in `error` what would be right. */
HERD_MUST_CHECK int server_check_trust(const struct conf *conf, char *error);

/* Read peers.secret_file; without one, an empty secret. The caller ends it with
 * secret_file_fini. 0; -EINVAL, and in `error` what would be right. */
HERD_MUST_CHECK int server_read_secret(
	const struct conf *conf, struct secret_file *ret_secret, char *error);

/* Raise the soft descriptor limit to the hard one, and tell how many clients
 * fit: limits.connections or a little less. 0; -EMFILE, and in `error` what
 * would be right; -errno of the limit itself. */
HERD_MUST_CHECK int server_check_descriptors(
	const struct conf *conf, unsigned *ret_connections, char *error);

#endif
