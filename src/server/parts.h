/* parts - a server from inside: what server.c, which sets it up and runs it,
 * and stop.c, which ends it, share. Private to src/server.
 *
 * Threads: main only, but for what stop.c says. */
#ifndef HERD_PARTS_H
#define HERD_PARTS_H

#include "herd/acceptor.h"
#include "herd/flood.h"
#include "herd/listeners.h"
#include "herd/log.h"
#include "herd/logger.h"
#include "herd/neighbours.h"
#include "herd/places.h"
#include "herd/reactor.h"
#include "herd/server.h"
#include "herd/store.h"
#include "herd/thread.h"
#include "herd/worker.h"

#define CPUS_MAX   1024
#define PATH_ROOM  4096
#define ABOUT_ROOM 160
#define STATE_ROOM 256

/* Where a role works: a loop, the ring of the thread that runs it, and the
 * thread. In the single-threaded design all seats share main's. */
struct seat {
	struct reactor *reactor;
	struct log_ring *log;
	struct thread thread;
	bool running;
};

struct server {
	const struct conf *conf;
	const struct conf_server *self;
	char about[ABOUT_ROOM]; /* of the design, for the log */
	char log_path[PATH_ROOM];
	unsigned connections; /* clients, at the most */
	size_t worker_count;
	int worker_cpus[CPUS_MAX];
	bool pinned;
	struct address source; /* of our links */
	bool has_source;

	struct secret_file secret; /* of the herd */
	struct listeners listeners;
	struct log *log;
	struct logger *logger;
	struct store *store;
	struct neighbours *neighbours;
	struct flood *flood;
	struct places_common *places;
	struct worker **workers;
	struct acceptor *acceptor;

	struct seat main, acceptor_seat, flood_seat, log_seat;
	struct seat *worker_seats;

	struct reactor_io signals;
	struct reactor_hook main_hook;
	struct timer deadline; /* of stopping */
	bool stopping, finished;
	size_t workers_left; /* to drain */
};

void server_say(struct server *s, enum log_event event, const char *why);
void server_tell_manager(struct server *s, const char *state);

/* --- stop.c --------------------------------------------------------------- */

/* Block the signals herdd handles and watch for them on main's reactor.
 * 0 or -errno. */
HERD_MUST_CHECK int stop_open_signals(struct server *s);

/* What the roles call when their part of stopping is done, each on its own
 * thread; `arg` is the server. */
void stop_acceptor_closed(void *arg);
void stop_worker_drained(void *arg);
void stop_flood_drained(void *arg);

void stop_on_deadline(struct timer *timer);

/* End and join all threads but main. */
void stop_threads(struct server *s);

#endif
