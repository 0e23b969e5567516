/* liveness - is anybody there still, at the other end of a link that is up?
 *
 * How a dead neighbour is told from a slow one: it is dead ten seconds after its
 * last sign of life, a PONG or bytes that its kernel acknowledged. As it is asked
 * for one every two seconds, one that vanished is dead after eight to ten.
 * TCP_USER_TIMEOUT would not do: it also kills a live neighbour whose window is
 * full because it has much to read. TCP_NOTSENT_LOWAT keeps lines that cannot
 * leave yet out of the kernel's queue, so that they wait in the store and
 * coalesce there. */
#include "herd/peer.h"

#include <stdio.h>

#include "herd/sys.h"

#include "peer_parts.h"

#define TICK_NS       (250 * HERD_MS_NS)
#define PING_EVERY_NS (2 * HERD_SECOND_NS)
#define DEAD_AFTER_NS (10 * HERD_SECOND_NS)

void peer_begin_life(struct peer *p)
{
	p->alive_ns = peer_now(p);
	p->pinged_ns = peer_now(p);
	p->ponged = true;
	p->acked = 0;
	peer_set_timer(p, TICK_NS);
}

int peer_send_ping(struct peer *p)
{
	char line[32];
	int len = snprintf(line, sizeof line, "PING %llu\n",
		(unsigned long long)++p->ping);
	int rc;

	p->ponged = false;
	p->pinged_ns = peer_now(p);
	rc = conn_send(&p->conn, line, (size_t)len);
	return rc ? rc : conn_watch(&p->conn, p->env->reactor, true);
}

static void note_life(struct peer *p, int64_t at_ns)
{
	if (p->alive_ns < at_ns)
		p->alive_ns = at_ns;
}

/* What was acknowledged since the last look counts as if it had been right
 * after that look: a neighbour that vanished then must not be noticed late. */
static void look_at_acks(struct peer *p)
{
	uint64_t acked;

	if (sys_bytes_acked(p->conn.io.fd, &acked) || acked == p->acked)
		return;
	p->acked = acked;
	note_life(p, peer_now(p) - TICK_NS);
}

/* If no PING went out for long, it was we who did not run: the neighbour gets
 * the time that it has for any other. */
static int ping_if_idle(struct peer *p)
{
	if (!p->ponged || buf_len(&p->conn.out))
		return 0;
	if (p->draining)
		note_life(p, peer_now(p)); /* nothing is owed to us */
	if (p->draining || peer_now(p) - p->pinged_ns < PING_EVERY_NS)
		return 0;
	note_life(p, peer_now(p) - PING_EVERY_NS - TICK_NS);
	return peer_send_ping(p);
}

void peer_look_for_life(struct peer *p)
{
	int64_t left_ns;
	int rc;

	look_at_acks(p);
	rc = ping_if_idle(p);
	if (rc) {
		peer_lose(p, sys_error_text(rc));
		return;
	}
	left_ns = p->alive_ns + DEAD_AFTER_NS - peer_now(p);
	if (left_ns <= 0)
		peer_lose(p, "no sign of life for 10 s");
	else
		peer_set_timer(p, left_ns < TICK_NS ? left_ns : TICK_NS);
}
