/* resolver - look a host name up without holding up the loop.
 *
 * glibc's getaddrinfo_a does the waiting on a helper thread of its own; the
 * loop asks now and then whether it is done. A look-up cannot be cancelled:
 * what is still under way at resolver_free is left to end by itself.
 *
 * Threads: owner only. */
#ifndef HERD_RESOLVER_H
#define HERD_RESOLVER_H

#include "herd/address.h"
#include "herd/base.h"

struct resolver; /* one look-up at a time */

/* 0; -ENOMEM. */
HERD_MUST_CHECK int resolver_new(struct resolver **ret_resolver);

/* Accepts NULL. */
void resolver_free(struct resolver *r);

/* Start looking `host` up. 0; -EAGAIN: no resources. */
HERD_MUST_CHECK int resolver_start(
	struct resolver *r, const char *host, uint16_t port);

/* -EINPROGRESS: ask again later. 0: done. -ENOENT: there is no such name, or
 * nobody to ask. */
HERD_MUST_CHECK int resolver_poll(struct resolver *r,
	struct address *ret_addresses, size_t room, size_t *ret_count);

#endif
