/* peer_parts - a peer from inside: what peer.c, its life, pump.c, what it sends,
 * and plain.c, how it sends that to a plain neighbour, share. Private to
 * src/flood.
 *
 * Threads: owner only (flood's reactor). */
#ifndef HERD_PEER_PARTS_H
#define HERD_PEER_PARTS_H

#include "herd/peer.h"

static inline const char *peer_name(const struct peer *p)
{
	return neighbours_name(p->env->neighbours, p->which);
}

#define PEER_BACKOFF_MIN_NS (50 * HERD_MS_NS)

/* From WAITING or IDLE: connect, or look the name up. */
void peer_dial(struct peer *p);

/* Whatever the state: there is no link now, because of `why`. */
void peer_lose(struct peer *p, const char *why);

/* 0 or -errno. */
HERD_MUST_CHECK int peer_send_ping(struct peer *p);

/* --- pump.c --------------------------------------------------------------- */

/* The next shard with news, from next_shard on and round; false: none. */
HERD_MUST_CHECK bool peer_find_behind(
	const struct peer *p, unsigned *ret_shard);

void peer_log_flooded(struct peer *p, struct text lines);

/* --- plain.c: the same of a plain neighbour ------------------------------- */

/* It is one from now on. */
void plain_begin(struct peer *p);

/* CONNECTING or SENDING. */
void plain_on_ready(struct peer *p, uint32_t events);

/* SENDING. */
void plain_on_timer(struct peer *p);

bool plain_pump(struct peer *p);
bool plain_drained(const struct peer *p);

#endif
