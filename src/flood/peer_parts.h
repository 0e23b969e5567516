/* peer_parts - a peer from inside: what peer.c, its life, and pump.c, what it
 * sends, share. Private to src/flood.
 *
 * Threads: owner only (flood's reactor). */
#ifndef HERD_PEER_PARTS_H
#define HERD_PEER_PARTS_H

#include "herd/peer.h"

static inline const struct conf_server *peer_server(const struct peer *p)
{
	return neighbours_server(p->env->neighbours, p->which);
}

/* Whatever the state: there is no link now, because of `why`. */
void peer_lose(struct peer *p, const char *why);

/* 0 or -errno. */
HERD_MUST_CHECK int peer_send_ping(struct peer *p);

#endif
