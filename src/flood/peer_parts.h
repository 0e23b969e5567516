/* peer_parts - a peer from inside: what peer.c, its life, dial.c, how that
 * begins, liveness.c, how it is known to go on, pump.c, what it sends, and
 * plain.c, how it sends that to a plain neighbour, share. Private to src/flood.
 *
 * Threads: owner only (flood's reactor). */
#ifndef HERD_PEER_PARTS_H
#define HERD_PEER_PARTS_H

#include "herd/peer.h"

static inline const char *peer_name(const struct peer *p)
{
	return neighbours_name(p->env->neighbours, p->which);
}

static inline int64_t peer_now(const struct peer *p)
{
	return reactor_now_ns(p->env->reactor);
}

static inline void peer_set_timer(struct peer *p, int64_t wait_ns)
{
	reactor_timer_set(p->env->reactor, &p->timer, peer_now(p) + wait_ns);
}

#define PEER_BACKOFF_MIN_NS (50 * HERD_MS_NS)

void peer_on_ready(struct reactor_io *io, uint32_t events);

/* Whatever the state: there is no link now, because of `why`. */
void peer_lose(struct peer *p, const char *why);

/* --- dial.c --------------------------------------------------------------- */

#define PEER_LAST_DIAL_NS (300 * HERD_MS_NS) /* to connect: we are stopping */

/* From WAITING or IDLE: connect, or look the name up. */
void peer_dial(struct peer *p);

void peer_look_up(struct peer *p);
void peer_dial_again(struct peer *p);

/* WAITING is over. */
void peer_redial(struct peer *p);

/* RESOLVING. */
void peer_ask_resolver(struct peer *p);
void peer_stop_resolving(struct peer *p);

/* --- liveness.c ----------------------------------------------------------- */

/* It has come up. */
void peer_begin_life(struct peer *p);

/* While UP: what its timer is for. */
void peer_look_for_life(struct peer *p);

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
