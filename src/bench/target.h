/* target - the server under load: where it is, and connections to it.
 *
 * A connection takes a port of ours, and there are 28,000 of them for each pair
 * of addresses, each in use for a minute after it was closed. All of 127.0.0.0/8
 * is this machine: to a server on it, connections may come from many addresses.
 * Threads: any. */
#ifndef HERD_TARGET_H
#define HERD_TARGET_H

#include "herd/address.h"
#include "herd/base.h"

#define TARGET_ERROR     512
#define TARGET_TIMEOUT_S 10

/* Look up HOST:PORT; of several addresses, the first that answers. 0; -errno,
 * with `error` (TARGET_ERROR bytes): -EINVAL: that is no HOST:PORT. */
HERD_MUST_CHECK int target_find(
	const char *text, struct address *ret_address, char *error);

/* The source address for connection `number`, if it is to have one of its own,
 * because `total` are more than one address has ports for: 127.0.0.2 and on, by
 * turns. false: any will do. */
bool target_source(const struct address *to, uint64_t total, uint64_t number,
	struct address *ret_from);

/* Connect, waiting for it. from NULL: any. 0; -errno. */
HERD_MUST_CHECK int target_connect(
	const struct address *to, const struct address *from, int *ret_fd);

/* A sentence about what cannot be connected to, in `error`. */
void target_explain(const struct address *to, int rc, char *error);

#endif
