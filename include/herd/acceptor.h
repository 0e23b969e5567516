/* acceptor - takes connections from the listening sockets and deals them out.
 *
 * A socket goes to the worker that runs on the CPU where its packets arrive
 * (SO_INCOMING_CPU): a request then never changes the CPU, and costs half.
 * Where workers are not pinned, or that worker has far more than its share, it
 * goes to the one with the fewest clients.
 *
 * Threads: owner only (its reactor's), unless said otherwise. */
#ifndef HERD_ACCEPTOR_H
#define HERD_ACCEPTOR_H

#include "herd/base.h"
#include "herd/log.h"
#include "herd/neighbours.h"
#include "herd/reactor.h"
#include "herd/worker.h"

struct acceptor;

struct acceptor_options {
	struct reactor *reactor; /* it lives there */
	const int *listeners;    /* non-blocking; owned by the acceptor */
	size_t listener_count;
	struct worker *const *workers; /* borrowed */
	size_t worker_count;
	const int *worker_cpus; /* worker i is pinned to CPU worker_cpus[i];
				 * NULL: they are not pinned. Borrowed */
	struct neighbours *neighbours;
	struct log_ring *log;
	unsigned connections; /* clients, at the most */
	/* Called once on the acceptor's thread, after acceptor_close. */
	void (*on_closed)(void *arg);
	void *arg;
};

/* Start-up only. 0 or -errno (the listeners are still the caller's). */
HERD_MUST_CHECK int acceptor_new(
	const struct acceptor_options *options, struct acceptor **ret_acceptor);

/* After its reactor has stopped. Accepts NULL. */
void acceptor_free(struct acceptor *a);

/* Threads: any. So many clients from now on; whoever is connected stays.
 * 0; -EAGAIN: its mailbox is full. */
HERD_MUST_CHECK int acceptor_update(struct acceptor *a, unsigned connections);

/* Threads: any. Stop listening, then call on_closed. Connections that were
 * made but not accepted yet are accepted first. */
void acceptor_close(struct acceptor *a);

#endif
