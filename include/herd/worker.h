/* worker - serves its share of the connections.
 *
 * At the end of each round a worker brings back the sessions that have lines
 * left, and tells flood which shards changed: once per round, not per update.
 *
 * Threads: owner only (its reactor's), unless said otherwise. */
#ifndef HERD_WORKER_H
#define HERD_WORKER_H

#include "herd/base.h"
#include "herd/conf.h"
#include "herd/flood.h"
#include "herd/log.h"
#include "herd/places.h"
#include "herd/reactor.h"
#include "herd/session.h"
#include "herd/store.h"

struct worker;

struct worker_options {
	struct reactor *reactor; /* it lives there */
	struct store *store;
	struct neighbours *neighbours;
	struct flood *flood;
	struct places_common *places;
	struct worker **workers; /* of the server, when they run */
	size_t worker_count;
	struct log_ring *log;
	const struct conf *conf;
	const char *server; /* our name */
	/* Called once on the worker's thread, after worker_drain. */
	void (*on_drained)(void *arg);
	void *arg;
};

/* Start-up only. 0 or -errno. */
HERD_MUST_CHECK int worker_new(
	const struct worker_options *options, struct worker **ret_worker);

/* After its reactor has stopped: closes what is still open. Accepts NULL. */
void worker_free(struct worker *w);

/* Threads: any. Hand a session over. 0; -EAGAIN: its mailbox is full and the
 * caller still owns the session. */
HERD_MUST_CHECK int worker_adopt(struct worker *w, struct session *s);

/* Threads: any. Clients it has, those on their way to it included; links do
 * not count. */
unsigned worker_clients(const struct worker *w);

/* Threads: any; after neighbours_update. Another configuration is in force:
 * links whose neighbour it does not know, or not at their address, are closed.
 * 0; -EAGAIN: its mailbox is full. */
HERD_MUST_CHECK int worker_update(struct worker *w, const struct conf *conf);

/* Threads: any, when no more sessions will be handed over. Answer what has
 * arrived, close, call on_drained. */
void worker_drain(struct worker *w);

#endif
