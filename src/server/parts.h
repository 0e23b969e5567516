/* parts - a server from inside: what server.c, which sets it up and runs it,
 * signals.c, reload.c, which has it follow its file, and stop.c, which ends it,
 * share. Private to src/server.
 *
 * Threads: main only, but for what stop.c says. */
#ifndef HERD_PARTS_H
#define HERD_PARTS_H

#include "herd/acceptor.h"
#include "herd/control.h"
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

/* What a reload has brought. All of them are kept until the end: peers,
 * sessions and records on their way to the log point into the configuration
 * that was in force when they were made. */
struct era {
	struct era *before;
	struct conf *conf;
	char log_path[PATH_ROOM];
	struct logger_file log_file; /* .fd -1: nothing to tell the logger */
};

struct server {
	const struct conf *conf; /* in force */
	const struct conf_server *self;
	struct era *era;        /* the latest; NULL: as it was started */
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
	struct control *control;

	struct seat main, acceptor_seat, flood_seat, log_seat;
	struct seat *worker_seats;

	struct reactor_io signals;
	struct reactor_hook main_hook;
	bool *untold;          /* of the configuration in force: see reload.c */
	struct timer again;    /* until it can be told to all */
	struct timer deadline; /* of stopping */
	bool stopping, finished;
	size_t workers_left; /* to drain */
};

void server_say(struct server *s, enum log_event event, const char *why);
void server_tell_manager(struct server *s, const char *state);

/* Serving, and how; `remark` goes on from there. */
void server_tell_ready(struct server *s, const char *remark);

/* Look up those whose address is not known, if that is quick. */
void server_resolve_neighbours(struct server *s);

/* Open a file for the log, its folder being made if that is missing. 0; -errno,
 * and in `error` why. */
HERD_MUST_CHECK int server_open_log(const struct server *s,
	const struct conf *conf, char path[PATH_ROOM], int *ret_fd,
	char *error);

/* --- signals.c ------------------------------------------------------------ */

/* Block the signals herdd handles and watch for them on main's reactor.
 * 0 or -errno. */
HERD_MUST_CHECK int signals_open(struct server *s);

/* --- reload.c ------------------------------------------------------------- */

/* Start-up only. 0; -ENOMEM. */
HERD_MUST_CHECK int reload_init(struct server *s);

/* Read the configuration again, and go by it as far as that is possible. */
void reload(struct server *s);

/* When nothing uses any configuration any more. */
void reload_fini(struct server *s);

/* --- stop.c --------------------------------------------------------------- */

void stop_begin(struct server *s, const char *why);

/* What the roles call when their part of stopping is done, each on its own
 * thread; `arg` is the server. */
void stop_acceptor_closed(void *arg);
void stop_worker_drained(void *arg);
void stop_flood_drained(void *arg);

void stop_on_deadline(struct timer *timer);

/* End and join all threads but main. */
void stop_threads(struct server *s);

#endif
