/* network - the ends of connections, as the processes see them; see network.h.
 * What is between the ends stands in wires.c. */
#include "wires.h"

#include <errno.h>
#include <stdlib.h>

#define FD_FIRST 5000
#define FDS      (1 << 17)
#define PORT     12000

static unsigned lines[SIM_PLACES][SIM_PLACES];
static int64_t last_line_ns;
static struct {
	net_accept_fn *on_accept;
	void *arg;
} listeners[SIM_NODES];
static struct net_totals totals;
static struct net_end *fds[FDS];
static int used_fds; /* so many were ever needed */
static int free_fds[FDS];
static int free_count;

static void on_dial(struct timer *timer);
/* --- ends ----------------------------------------------------------------- */

void net_changed(struct net_end *e)
{
	if (e->closed || e->gone)
		return;
	if (e->on_change)
		e->on_change(e);
	else if (e->io)
		sim_kick(e->reactor);
}

static void open_end(struct net_end *e, size_t place, enum net_state state)
{
	e->place = place;
	e->state = state;
	if (!free_count) {
		HERD_ASSERT(used_fds < FDS);
		free_fds[free_count++] = FD_FIRST + used_fds++;
	}
	e->fd = free_fds[--free_count];
	fds[e->fd - FD_FIRST] = e;
}

struct net_end *net_end_of(int fd)
{
	HERD_ASSERT(
		fd >= FD_FIRST && fd < FD_FIRST + FDS && fds[fd - FD_FIRST]);
	return fds[fd - FD_FIRST];
}

size_t net_other_place(const struct net_end *e)
{
	return other(e)->place;
}

/* --- dialling ------------------------------------------------------------- */

static struct net_conn *new_conn(size_t from, size_t to)
{
	struct net_conn *c = calloc(1, sizeof *c);

	HERD_ASSERT(c);
	TAILQ_INSERT_TAIL(&wires, c, all);
	c->dial.on_due = on_dial;
	for (unsigned k = 0; k < 2; k++) {
		c->end[k].conn = c;
		c->end[k].side = k;
		c->end[k].fd = -1;
	}
	wires_connect(c);
	open_end(&c->end[0], from, NET_DIALLING);
	c->end[1].place = to;
	return c;
}

static void free_conn(struct net_conn *c)
{
	for (int k = 0; k < 2; k++) {
		wires_drop(&c->pipe[k]);
		sim_cancel(&c->end[k].reset);
		free(c->pipe[k].bytes);
	}
	sim_cancel(&c->dial);
	sim_cancel(&c->keepalive);
	TAILQ_REMOVE(&wires, c, all);
	free(c);
}

/* Once neither end has a process, nothing can come of it any more. */
static void free_if_over(struct net_conn *c)
{
	bool here = c->end[0].closed || c->end[0].gone;
	bool there = c->end[1].state == NET_NONE || c->end[1].closed ||
		     c->end[1].gone;

	if (here && there)
		free_conn(c);
}

struct net_end *net_dial(size_t from, size_t to)
{
	struct net_conn *c = new_conn(from, to);

	wires_set_out(&c->dial, from, to);
	return &c->end[0];
}

static void meet_listener(struct net_conn *c)
{
	struct net_end *e = &c->end[1];

	if (!listeners[e->place].on_accept) {
		c->step = REFUSED;
		wires_set_out(&c->dial, e->place, c->end[0].place);
		return;
	}
	c->step = ACCEPTED;
	open_end(e, e->place, NET_OPEN);
	wires_keep_alive(c);
	wires_set_out(&c->dial, e->place, c->end[0].place);
	listeners[e->place].on_accept(listeners[e->place].arg, e);
}

static void on_dial(struct timer *timer)
{
	struct net_conn *c = HERD_CONTAINER(timer, struct net_conn, dial);
	struct net_end *e = &c->end[0];
	size_t to = c->end[1].place;

	if (c->step == SYN ? !wires_pass(e->place, to)
			   : !wires_pass(to, e->place)) {
		c->dial_held = true;
	} else if (c->step == SYN) {
		meet_listener(c);
	} else if (c->step == REFUSED || c->end[1].gone) {
		wires_end_with(e, ECONNREFUSED);
	} else {
		e->state = NET_OPEN;
		net_changed(e);
	}
}

/* --- what processes do ---------------------------------------------------- */

void net_listen(size_t node, net_accept_fn *on_accept, void *arg)
{
	listeners[node].on_accept = on_accept;
	listeners[node].arg = arg;
}

static void give_fd_back(struct net_end *e)
{
	fds[e->fd - FD_FIRST] = NULL;
	free_fds[free_count++] = e->fd;
	e->fd = -1;
	e->io = NULL;
	e->on_change = NULL;
}

void net_close(struct net_end *e)
{
	struct pipe *p = into(e);

	give_fd_back(e);
	if (sim.self && sim.self->vanishing) {
		e->gone = true;
		wires_drop(out_of(e));
		out_of(e)->sent = out_of(e)->arrived;
		sim_cancel(&e->conn->dial);
	} else if (e->state == NET_DIALLING) {
		/* Should the other end have accepted, it will be told. */
		e->closed = true;
		sim_cancel(&e->conn->dial);
		wires_reset(other(e));
	} else if (e->state == NET_OPEN && p->read < p->arrived) {
		e->closed = true;
		wires_drop(out_of(e));
		out_of(e)->sent = out_of(e)->arrived;
		wires_reset(other(e));
	} else {
		net_shut(e);
		e->closed = true;
	}
	free_if_over(e->conn);
}

void net_shut(struct net_end *e)
{
	if (e->state != NET_OPEN)
		return;
	out_of(e)->fin = true;
	wires_send_on(e);
}

static int take_error(struct net_end *e)
{
	int error = e->error;

	e->error = 0;
	return error;
}

ssize_t net_read(struct net_end *e, void *dst, size_t room)
{
	struct pipe *p = into(e);
	size_t len = p->arrived - p->read;

	if (e->state == NET_DIALLING)
		return -EAGAIN;
	if (!len && e->error)
		return -take_error(e);
	if (!len)
		return p->fin_arrived || e->state == NET_DEAD ? 0 : -EAGAIN;
	if (len > room)
		len = room;
	memcpy(dst, p->bytes + (p->read - p->base), len);
	p->read += len;
	wires_send_on(other(e));
	return (ssize_t)len;
}

static void append(struct pipe *p, const char *src, size_t len)
{
	if (p->read > p->base &&
		(p->read - p->base > 4096 || p->read == p->sent)) {
		memmove(p->bytes, p->bytes + (p->read - p->base),
			p->sent - p->read);
		p->base = p->read;
	}
	if (p->sent - p->base + len > p->room) {
		p->room = 2 * (p->sent - p->base + len);
		p->bytes = realloc(p->bytes, p->room);
		HERD_ASSERT(p->bytes);
	}
	memcpy(p->bytes + (p->sent - p->base), src, len);
	p->sent += len;
}

/* The AT lines among bytes that set out from node to node. */
static void count_lines(struct net_end *e, const char *src, size_t len)
{
	static const char at[] = "AT ";
	struct pipe *p = out_of(e);
	const char *end = src + len;

	while (src < end) {
		if (p->matched < 3) {
			p->matched =
				*src++ == at[p->matched] ? p->matched + 1 : 4;
			if (p->matched == 3) {
				lines[e->place][other(e)->place]++;
				totals.lines++;
				last_line_ns = sim.now_ns;
			}
			if (src[-1] != '\n')
				continue;
		} else {
			src = memchr(src, '\n', (size_t)(end - src));
			if (!src)
				return;
			src++;
		}
		p->matched = 0;
	}
}

ssize_t net_send(struct net_end *e, const void *src, size_t len)
{
	struct pipe *p = out_of(e);
	size_t room;

	if (e->state == NET_DIALLING)
		return -EAGAIN;
	if (e->state == NET_DEAD && e->error)
		return -take_error(e);
	if (e->state == NET_DEAD || p->fin)
		return -EPIPE;
	HERD_ASSERT(p->sent - p->acked <= sim.manner.send_room);
	room = sim.manner.send_room - (p->sent - p->acked);
	if (!room)
		return -EAGAIN;
	if (len > room)
		len = room;
	append(p, src, len);
	if (e->place != SIM_CLIENTS && net_other_place(e) != SIM_CLIENTS)
		totals.bytes += len;
	if (e->side == 0 && e->place != SIM_CLIENTS)
		count_lines(e, src, len);
	wires_send_on(e);
	return (ssize_t)len;
}

uint32_t net_events(const struct net_end *e)
{
	const struct pipe *in = into(e);
	const struct pipe *out = out_of(e);
	uint32_t events = 0;

	if (e->state == NET_DIALLING)
		return 0;
	if (e->state == NET_DEAD)
		return EPOLLIN | EPOLLOUT | EPOLLHUP |
		       (e->error ? (uint32_t)EPOLLERR : 0);
	if (in->read < in->arrived || in->fin_arrived)
		events |= EPOLLIN;
	if (out->sent - out->acked < sim.manner.send_room)
		events |= EPOLLOUT;
	if (in->fin_arrived && out->fin)
		events |= EPOLLHUP;
	return events;
}

bool net_is_quiet(const struct net_end *e)
{
	return into(e)->read == into(e)->arrived &&
	       out_of(e)->sent == out_of(e)->acked;
}

uint64_t net_acked(const struct net_end *e)
{
	return out_of(e)->acked;
}

/* --- trouble -------------------------------------------------------------- */

void net_reset_between(size_t a, size_t b)
{
	struct net_conn *c;

	TAILQ_FOREACH(c, &wires, all) {
		if ((c->end[0].place != a || c->end[1].place != b) &&
			(c->end[0].place != b || c->end[1].place != a))
			continue;
		if (c->end[1].state == NET_NONE)
			continue;
		wires_end_with(&c->end[0], ECONNRESET);
		wires_end_with(&c->end[1], ECONNRESET);
	}
}

bool net_has_link(size_t from, size_t to)
{
	struct net_conn *c;

	TAILQ_FOREACH(c, &wires, all)
		if (c->end[0].place == from && c->end[1].place == to &&
			is_alive(&c->end[0]) && is_alive(&c->end[1]))
			return true;
	return false;
}

unsigned net_lines(size_t from, size_t to)
{
	return lines[from][to];
}

void net_forget_lines(void)
{
	memset(lines, 0, sizeof lines);
}

struct net_totals net_totals(void)
{
	return totals;
}

int64_t net_last_line_ns(void)
{
	return last_line_ns;
}

/* --- life ----------------------------------------------------------------- */

struct address net_address(size_t place)
{
	struct address a = {0};

	a.v4.sin_family = AF_INET;
	a.v4.sin_port = htons(PORT);
	a.v4.sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)place);
	return a;
}

void net_init(void)
{
	wires_init();
	memset(listeners, 0, sizeof listeners);
	memset(fds, 0, (size_t)used_fds * sizeof *fds);
	net_forget_lines();
	last_line_ns = 0;
	totals = (struct net_totals){0};
	free_count = 0;
	used_fds = 0;
}

void net_fini(void)
{
	struct net_conn *c;

	while ((c = TAILQ_FIRST(&wires)))
		free_conn(c);
}
