/* network - TCP between the servers of a simulated herd, and their clients.
 *
 * A connection is two ends and a pipe each way. What is sent arrives a while
 * later, whole or in pieces, and is acknowledged a while after that. Where a
 * path is cut, or a machine is off, segments and acknowledgements are held
 * back, and arrive some time after it is mended; resets are lost. */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include <sys/queue.h>
#include <sys/types.h>

#include "herd/address.h"
#include "herd/reactor.h"
#include "sim.h"

struct net_conn;

enum net_state {
	NET_NONE,
	NET_DIALLING,
	NET_OPEN,
	NET_DEAD, /* reset, refused or timed out: `error` */
};

struct net_end {
	struct net_conn *conn;
	unsigned side; /* 0 dialled */
	size_t place;  /* a node, or SIM_CLIENTS */
	int fd;
	enum net_state state;
	int error;          /* not told yet */
	bool closed;        /* by its process */
	bool gone;          /* without a word: its machine lost power */
	struct timer reset; /* on its way to it */

	/* Who waits: a reactor, or one of the world's clients. */
	struct reactor *reactor;
	struct reactor_io *io;
	TAILQ_ENTRY(net_end) watched;
	void (*on_change)(struct net_end *end);
	void *arg;
};

TAILQ_HEAD(net_ends, net_end);

/* Start anew. */
void net_init(void);
void net_fini(void);

/* Where a node is, and where the clients are. */
struct address net_address(size_t place);

/* Who listens on a node; NULL: dials are refused. The callee owns the end. */
typedef void net_accept_fn(void *arg, struct net_end *end);
void net_listen(size_t node, net_accept_fn *on_accept, void *arg);

struct net_end *net_dial(size_t from, size_t to);
struct net_end *net_end_of(int fd);
void net_close(struct net_end *end);
ssize_t net_read(struct net_end *end, void *dst, size_t room);
ssize_t net_send(struct net_end *end, const void *src, size_t len);
void net_shut(struct net_end *end); /* sends no more */
uint32_t net_events(const struct net_end *end);
bool net_is_quiet(const struct net_end *end);
uint64_t net_acked(const struct net_end *end);
size_t net_other_place(const struct net_end *end);

/* --- trouble -------------------------------------------------------------- */

/* One way; mending lets go of what is held back. */
void net_cut(size_t from, size_t to, bool cut);
bool net_is_cut(size_t from, size_t to);
void net_power(size_t node, bool on);

/* Every connection between the two is reset, at once. */
void net_reset_between(size_t a, size_t b);

/* Whether one has dialled the other, and both ends are alive. */
bool net_has_link(size_t from, size_t to);

/* AT lines that have set out from one node to another since the last
 * net_forget_lines, and when the last of all did. */
unsigned net_lines(size_t from, size_t to);
void net_forget_lines(void);
int64_t net_last_line_ns(void);

/* Between servers, since net_init: AT lines, and bytes of whatever they say. */
struct net_totals {
	uint64_t lines, bytes;
};
struct net_totals net_totals(void);

#endif
