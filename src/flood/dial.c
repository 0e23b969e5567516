/* dial - a peer looks its neighbour's name up and connects; see peer.h. */
#include "herd/peer.h"

#include <errno.h>

#include "herd/sys.h"

#include "peer_parts.h"

#define RESOLVE_POLL_NS (100 * HERD_MS_NS)

void peer_stop_resolving(struct peer *p)
{
	resolver_free(p->resolver);
	p->resolver = NULL;
}

static void resolve(struct peer *p)
{
	const struct conf_server *s =
		neighbours_server(p->env->neighbours, p->which);

	p->state = PEER_RESOLVING;
	if (resolver_new(&p->resolver) ||
		resolver_start(p->resolver, s->host, s->port))
		peer_lose(p, "cannot look its name up now");
	else
		peer_set_timer(p, RESOLVE_POLL_NS);
}

static void connect_to(struct peer *p, const struct address *address)
{
	const struct address *source = p->env->source;
	int fd;
	int rc;

	if (source && source->any.sa_family != address->any.sa_family)
		source = NULL;
	rc = sys_connect(address, source, &fd);
	/* Our own host name may stand for an address that is not on this
	 * machine (address translation): then the kernel chooses. */
	if (rc == -EADDRNOTAVAIL && source)
		rc = sys_connect(address, NULL, &fd);
	if (rc) {
		peer_lose(p, sys_error_text(rc));
		return;
	}
	/* A finer point; without it there is only more in the kernel. */
	sys_limit_unsent(fd, PEER_PAGE_FULL);
	conn_init(&p->conn, fd, peer_on_ready);
	p->state = PEER_CONNECTING;
	rc = reactor_watch(p->env->reactor, &p->conn.io, EPOLLOUT);
	if (rc)
		peer_lose(p, sys_error_text(rc));
	else
		peer_set_timer(p,
			p->draining ? PEER_LAST_DIAL_NS : HANDSHAKE_LIMIT_NS);
}

void peer_dial(struct peer *p)
{
	struct address address;

	if (neighbours_address(
		    p->env->neighbours, p->which, p->attempt, &address))
		connect_to(p, &address);
	else
		resolve(p);
}

/* A plain neighbour must be known by its address before it tells us anything;
 * we may have nothing to tell it for long. */
void peer_look_up(struct peer *p)
{
	struct address address;

	if (!neighbours_address(p->env->neighbours, p->which, 0, &address))
		resolve(p);
}

/* A plain neighbour is dialled when there is something to tell it: that is for
 * the pump to find out, at the end of this round. */
void peer_dial_again(struct peer *p)
{
	if (!p->plain) {
		peer_dial(p);
		return;
	}
	reactor_timer_clear(p->env->reactor, &p->timer);
	p->state = PEER_IDLE;
}

/* A name that led nowhere may lead elsewhere by now. */
void peer_redial(struct peer *p)
{
	const struct conf_server *s =
		neighbours_server(p->env->neighbours, p->which);
	struct address numeric;

	if (p->attempt && address_parse(s->host, s->port, &numeric))
		resolve(p);
	else
		peer_dial_again(p);
}

void peer_ask_resolver(struct peer *p)
{
	struct address found[NEIGHBOUR_ADDRESSES];
	struct address address;
	size_t count;
	int rc = resolver_poll(p->resolver, found, HERD_COUNT(found), &count);

	if (rc == -EINPROGRESS) {
		peer_set_timer(p, RESOLVE_POLL_NS);
		return;
	}
	peer_stop_resolving(p);
	if (!rc)
		neighbours_set_addresses(
			p->env->neighbours, p->which, p->moves, found, count);
	if (neighbours_address(
		    p->env->neighbours, p->which, p->attempt, &address))
		peer_dial_again(p);
	else
		peer_lose(p, "its name cannot be resolved");
}
