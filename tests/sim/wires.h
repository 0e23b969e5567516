/* wires - connections from inside: what network.c, their ends, and wires.c,
 * what is between them, share. */
#ifndef TESTS_SIM_WIRES_H
#define TESTS_SIM_WIRES_H

#include "network.h"

/* One direction. All counts are of bytes since the connection was made. */
struct pipe {
	struct net_end *from;
	char *bytes; /* from `base` on */
	size_t room;
	uint64_t base, read, arrived, sent, acked;
	bool fin, fin_arrived; /* behind the last byte */
	struct timer delivery, ack;
	bool held, ack_held;
	unsigned matched; /* bytes of "AT " at the start of the line at hand;
			   * 4: not one */
};

struct net_conn {
	TAILQ_ENTRY(net_conn) all;
	struct net_end end[2];
	struct pipe pipe[2]; /* [k]: what end k sends */
	struct timer dial;   /* the SYN, then what answers it */
	enum {
		SYN,
		ACCEPTED,
		REFUSED
	} step;
	bool dial_held;
	struct timer keepalive;
	int64_t heard_ns; /* by the acceptor */
};

TAILQ_HEAD(net_conns, net_conn);
extern struct net_conns wires;

static inline struct net_end *other(const struct net_end *e)
{
	return &e->conn->end[!e->side];
}

static inline struct pipe *out_of(const struct net_end *e)
{
	return &e->conn->pipe[e->side];
}

static inline struct pipe *into(const struct net_end *e)
{
	return &e->conn->pipe[!e->side];
}

static inline bool is_alive(const struct net_end *e)
{
	return e->state == NET_OPEN && !e->closed && !e->gone;
}

void wires_init(void);
void wires_connect(struct net_conn *c);

/* Whether anything gets from here to there now. */
bool wires_pass(size_t from, size_t to);

/* Have `timer` come due when what sets out now arrives, if it is not set. */
void wires_set_out(struct timer *timer, size_t from, size_t to);

/* Something may have become ready. */
void net_changed(struct net_end *e);

/* What this end has to send sets out, if nothing of it is on its way. */
void wires_send_on(struct net_end *from);

/* Nothing of it arrives any more. */
void wires_drop(struct pipe *p);

/* The end is told of an error; a reset sets out towards it. */
void wires_end_with(struct net_end *e, int error);
void wires_reset(struct net_end *e);

/* From now on the acceptor looks whether the dialler is still there. */
void wires_keep_alive(struct net_conn *c);

#endif
