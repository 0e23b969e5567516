/* wires - segments on their way, and what keeps them from arriving; see
 * network.h. Each pipe has one segment on its way at a time: what is sent
 * meanwhile leaves with the next. */
#include "wires.h"

#include <errno.h>

#define RESEND_NS      HERD_SECOND_NS /* at the most, after mending */
#define KEEPALIVE_NS   (60 * HERD_SECOND_NS)
#define PROBE_NS       (10 * HERD_SECOND_NS)
#define DEAD_AFTER_NS  (120 * HERD_SECOND_NS)
#define CLIENT_LATENCY (2 * HERD_MS_NS)

struct net_conns wires;

static bool cuts[SIM_PLACES][SIM_PLACES];
static bool off[SIM_PLACES];

/* --- paths ---------------------------------------------------------------- */

bool wires_pass(size_t from, size_t to)
{
	return !cuts[from][to] && !off[from] && !off[to];
}

static int64_t latency(size_t from, size_t to)
{
	int64_t most = from == SIM_CLIENTS || to == SIM_CLIENTS
			       ? CLIENT_LATENCY
			       : sim.manner.latency_ns;

	return rng_between(&sim.rng, most / 8, most);
}

void wires_set_out(struct timer *timer, size_t from, size_t to)
{
	if (!timer_is_set(timer))
		sim_after(timer, latency(from, to));
}

void wires_drop(struct pipe *p)
{
	sim_cancel(&p->delivery);
	sim_cancel(&p->ack);
	p->held = false;
	p->ack_held = false;
}

void wires_end_with(struct net_end *e, int error)
{
	if (e->closed || e->gone || e->state == NET_DEAD)
		return;
	e->state = NET_DEAD;
	e->error = error;
	wires_drop(out_of(e));
	wires_drop(into(e));
	net_changed(e);
}

/* A reset on its way to this end. */
void wires_reset(struct net_end *e)
{
	if (!e->closed && !e->gone)
		wires_set_out(&e->reset, other(e)->place, e->place);
}

static void on_reset(struct timer *timer)
{
	struct net_end *e = HERD_CONTAINER(timer, struct net_end, reset);

	if (wires_pass(other(e)->place, e->place))
		wires_end_with(e, ECONNRESET);
}

static void on_keepalive(struct timer *timer)
{
	struct net_conn *c = HERD_CONTAINER(timer, struct net_conn, keepalive);
	struct net_end *e = &c->end[1];
	struct net_end *o = &c->end[0];
	int64_t idle = sim.now_ns - c->heard_ns;

	if (e->state != NET_OPEN || e->closed || e->gone)
		return;
	if (idle < KEEPALIVE_NS) {
		sim_after(timer, KEEPALIVE_NS - idle);
	} else if (wires_pass(e->place, o->place) &&
		   wires_pass(o->place, e->place)) {
		if (o->gone || (o->closed && !c->pipe[0].fin))
			wires_end_with(e, ECONNRESET);
		c->heard_ns = sim.now_ns;
		sim_after(timer, KEEPALIVE_NS);
	} else if (idle >= DEAD_AFTER_NS) {
		wires_end_with(e, ETIMEDOUT);
	} else {
		sim_after(timer, PROBE_NS);
	}
}

/* --- bytes on their way --------------------------------------------------- */

static bool is_due(const struct pipe *p)
{
	return p->arrived < p->sent || (p->fin && !p->fin_arrived);
}

void wires_send_on(struct net_end *from)
{
	struct pipe *p = out_of(from);

	if (is_due(p) && !p->held && !from->gone &&
		(p->arrived - p->read < sim.manner.receive_room))
		wires_set_out(&p->delivery, from->place, other(from)->place);
}

/* Move what there is room for; all of it, or a piece. */
static void move_bytes(struct pipe *p)
{
	uint64_t len = p->sent - p->arrived;
	uint64_t room = sim.manner.receive_room - (p->arrived - p->read);

	if (len > room)
		len = room;
	if (len > 1 && rng_chance(&sim.rng, sim.manner.split))
		len = 1 + rng_below(&sim.rng, len);
	p->arrived += len;
	if (p->fin && p->arrived == p->sent)
		p->fin_arrived = true;
}

static void arrive(struct timer *timer)
{
	struct pipe *p = HERD_CONTAINER(timer, struct pipe, delivery);
	struct net_end *from = p->from;
	struct net_end *to = other(from);

	if (!wires_pass(from->place, to->place)) {
		p->held = true;
		return;
	}
	if (to->state == NET_DEAD)
		return;
	if (to->gone || to->closed) {
		if (p->arrived < p->sent || to->gone)
			wires_reset(from);
		p->arrived = p->sent;
		p->read = p->sent;
		p->fin_arrived = p->fin;
		return;
	}
	move_bytes(p);
	if (to->side == 1)
		to->conn->heard_ns = sim.now_ns;
	if (!p->ack_held)
		wires_set_out(&p->ack, to->place, from->place);
	wires_send_on(from);
	net_changed(to);
}

static void acknowledge(struct timer *timer)
{
	struct pipe *p = HERD_CONTAINER(timer, struct pipe, ack);
	struct net_end *from = p->from;

	if (!wires_pass(other(from)->place, from->place)) {
		p->ack_held = true;
		return;
	}
	p->acked = p->arrived;
	net_changed(from);
}

/* What was held back sets out again where it can. */
static void let_go(void)
{
	struct net_conn *c;

	TAILQ_FOREACH(c, &wires, all) {
		for (int k = 0; k < 2; k++) {
			struct pipe *p = &c->pipe[k];
			size_t from = c->end[k].place;
			size_t to = c->end[!k].place;

			if (p->held && wires_pass(from, to)) {
				p->held = false;
				sim_after(&p->delivery,
					rng_between(&sim.rng, 0, RESEND_NS));
			}
			if (p->ack_held && wires_pass(to, from)) {
				p->ack_held = false;
				sim_after(&p->ack,
					rng_between(&sim.rng, 0, RESEND_NS));
			}
		}
		if (c->dial_held) {
			c->dial_held = false;
			sim_after(
				&c->dial, rng_between(&sim.rng, 0, RESEND_NS));
		}
	}
}

/* --- trouble -------------------------------------------------------------- */

void net_cut(size_t from, size_t to, bool cut)
{
	cuts[from][to] = cut;
	if (!cut)
		let_go();
}

bool net_is_cut(size_t from, size_t to)
{
	return cuts[from][to];
}

void net_power(size_t node, bool on)
{
	off[node] = !on;
	if (on)
		let_go();
}

/* --- life ----------------------------------------------------------------- */

void wires_init(void)
{
	TAILQ_INIT(&wires);
	memset(cuts, 0, sizeof cuts);
	memset(off, 0, sizeof off);
}

void wires_connect(struct net_conn *c)
{
	c->keepalive.on_due = on_keepalive;
	for (unsigned k = 0; k < 2; k++) {
		c->end[k].reset.on_due = on_reset;
		c->pipe[k].from = &c->end[k];
		c->pipe[k].delivery.on_due = arrive;
		c->pipe[k].ack.on_due = acknowledge;
	}
}

void wires_keep_alive(struct net_conn *c)
{
	c->heard_ns = sim.now_ns;
	sim_after(&c->keepalive, KEEPALIVE_NS);
}
