/* server - the wiring of one server; see server.h for the picture and for the
 * order in which it stops. */
#include "herd/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "herd/acceptor.h"
#include "herd/flood.h"
#include "herd/listeners.h"
#include "herd/log.h"
#include "herd/logger.h"
#include "herd/neighbours.h"
#include "herd/notify.h"
#include "herd/reactor.h"
#include "herd/store.h"
#include "herd/sys.h"
#include "herd/thread.h"
#include "herd/worker.h"

#define CPUS_MAX   1024
#define PATH_ROOM  4096
#define ABOUT_ROOM 160
#define STATE_ROOM 256

/* From the end of stop_timeout to that of the process. */
#define STOP_SPARE_NS (5 * HERD_SECOND_NS)

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

	struct listeners listeners;
	struct log *log;
	struct logger *logger;
	struct store *store;
	struct neighbours *neighbours;
	struct flood *flood;
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

static void say(struct server *s, enum log_event event, const char *why)
{
	log_write(s->main.log, event,
		&(struct log_facts){.name = s->self->name, .why = why});
}

/* The service manager decides nothing on what we fail to tell it that a person
 * could not mend, so that is a line in the log. */
static void tell_manager(struct server *s, const char *state)
{
	int rc = notify_send(state);

	if (rc)
		say(s, LOG_NOTIFY_FAILED, sys_error_text(rc));
}

/* --- stopping ------------------------------------------------------------- */

static void on_stop_reactor(void *to, intptr_t what)
{
	(void)what;
	reactor_stop(to);
}

static void stop_seat(struct seat *seat)
{
	struct mailbox *box;

	if (!seat->running)
		return;
	box = reactor_mailbox(seat->reactor);
	/* The slot for the last word may be taken: by a role's own end. */
	if (mailbox_post(box, on_stop_reactor, seat->reactor, 0))
		mailbox_post_last(box, on_stop_reactor, seat->reactor, 0);
	thread_join(&seat->thread);
	seat->running = false;
}

static void stop_threads(struct server *s)
{
	stop_seat(&s->acceptor_seat);
	for (size_t i = 0; i < s->worker_count; i++)
		stop_seat(&s->worker_seats[i]);
	stop_seat(&s->flood_seat);
	stop_seat(&s->log_seat);
}

static void finish(struct server *s, const char *why)
{
	if (s->finished)
		return;
	s->finished = true;
	say(s, LOG_STOPPED, why);
	reactor_stop(s->main.reactor);
}

static void on_deadline(struct timer *timer)
{
	struct server *s = HERD_CONTAINER(timer, struct server, deadline);

	finish(s, "stop_timeout was over before all was done");
}

/* The three steps report to main, each from its own thread. */

static void report(struct server *s, void (*fn)(void *, intptr_t))
{
	mailbox_post_last(reactor_mailbox(s->main.reactor), fn, s, 0);
}

static void on_flood_drained(void *to, intptr_t what)
{
	(void)what;
	finish(to, "all was done");
}

static void flood_drained(void *arg)
{
	report(arg, on_flood_drained);
}

static void on_worker_drained(void *to, intptr_t what)
{
	struct server *s = to;

	(void)what;
	if (--s->workers_left == 0)
		flood_drain(s->flood);
}

static void worker_drained(void *arg)
{
	struct server *s = arg;
	struct mailbox *box = reactor_mailbox(s->main.reactor);

	/* There are fewer workers than the box has room. */
	if (mailbox_post(box, on_worker_drained, s, 0))
		report(s, on_worker_drained);
}

static void on_acceptor_closed(void *to, intptr_t what)
{
	struct server *s = to;

	(void)what;
	s->workers_left = s->worker_count;
	for (size_t i = 0; i < s->worker_count; i++)
		worker_drain(s->workers[i]);
}

static void acceptor_closed(void *arg)
{
	report(arg, on_acceptor_closed);
}

/* The manager's own patience must outlast stop_timeout, whatever that is. */
static void tell_stopping(struct server *s)
{
	char state[STATE_ROOM];

	snprintf(state, sizeof state,
		"STOPPING=1\nSTATUS=Finishing what was begun\n"
		"EXTEND_TIMEOUT_USEC=%lld",
		(long long)((s->conf->stop_timeout_ns + STOP_SPARE_NS) / 1000));
	tell_manager(s, state);
}

static void begin_to_stop(struct server *s, const char *why)
{
	if (s->stopping) {
		finish(s, "told twice");
		return;
	}
	s->stopping = true;
	say(s, LOG_STOPPING, why);
	reactor_timer_set(s->main.reactor, &s->deadline,
		reactor_now_ns(s->main.reactor) + s->conf->stop_timeout_ns);
	acceptor_close(s->acceptor);
	tell_stopping(s);
}

/* --- signals -------------------------------------------------------------- */

static void on_signal(struct reactor_io *io, uint32_t events)
{
	struct server *s = HERD_CONTAINER(io, struct server, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (sys_read(io->fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	switch (info.ssi_signo) {
	case SIGTERM:
		begin_to_stop(s, "SIGTERM");
		break;
	case SIGINT:
		begin_to_stop(s, "SIGINT");
		break;
	case SIGUSR1:
		logger_reopen(s->logger);
		break;
	default: /* SIGHUP: nothing to read again yet, and no reason to end */
		break;
	}
}

static int open_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	/* SIGXFSZ: a log at its size limit is like a full disk. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
		sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals.fd < 0)
		return -errno;
	s->signals.on_ready = on_signal;
	return reactor_watch(s->main.reactor, &s->signals, EPOLLIN);
}

static bool on_main_round(struct reactor_hook *hook)
{
	struct server *s = HERD_CONTAINER(hook, struct server, main_hook);

	log_flush(s->main.log);
	return false;
}

/* --- setting up ----------------------------------------------------------- */

static int new_seat(struct server *s, struct seat *seat)
{
	int rc;

	if (s->conf->single && seat != &s->main) {
		*seat = s->main;
		return 0;
	}
	rc = reactor_new(!s->conf->single, &seat->reactor);
	return rc ? rc : log_ring_new(s->log, &seat->log);
}

static int make_seats(struct server *s)
{
	int rc = new_seat(s, &s->main);

	if (!rc)
		rc = new_seat(s, &s->acceptor_seat);
	if (!rc)
		rc = new_seat(s, &s->flood_seat);
	if (!rc)
		rc = new_seat(s, &s->log_seat);
	for (size_t i = 0; i < s->worker_count && !rc; i++)
		rc = new_seat(s, &s->worker_seats[i]);
	return rc;
}

/* How many workers, and where. */
static int plan_workers(struct server *s)
{
	size_t cpus = thread_usable_cpus(s->worker_cpus, CPUS_MAX);

	s->worker_count = s->conf->workers ? s->conf->workers : cpus;
	if (s->conf->single)
		s->worker_count = 1;
	s->pinned = !s->conf->single &&
		    s->conf->affinity == CONF_AFFINITY_AUTO &&
		    s->worker_count == cpus && cpus > 1 && cpus <= CPUS_MAX;
	snprintf(s->about, sizeof s->about, "%s design, %zu worker%s%s",
		s->conf->single ? "single-threaded" : "threaded",
		s->worker_count, s->worker_count == 1 ? "" : "s",
		s->pinned ? ", pinned" : "");
	s->workers = sys_alloc_zero(s->worker_count, sizeof *s->workers);
	s->worker_seats =
		sys_alloc_zero(s->worker_count, sizeof *s->worker_seats);
	return s->workers && s->worker_seats ? 0 : -ENOMEM;
}

static int open_log(struct server *s, char *error)
{
	int n = snprintf(s->log_path, sizeof s->log_path, "%s/%s.log",
		s->conf->log.directory, s->self->name);
	struct log_options options = {.path = s->log_path,
		.level = s->conf->log.level,
		.messages = s->conf->log.messages,
		.wait = s->conf->log.wait,
		.shared = !s->conf->single};
	int rc = n > 0 && (size_t)n < sizeof s->log_path ? 0 : -ENAMETOOLONG;

	if (!rc)
		rc = log_new(&options, &s->log);
	if (rc)
		snprintf(error, CONF_ERROR_MAX,
			"cannot open the log %.800s: %s (log.directory must be a "
			"directory that this user can write to)",
			s->log_path, sys_error_text(rc));
	return rc;
}

/* Links leave from the address at which our neighbours know us. */
static void find_source(struct server *s)
{
	size_t count;

	s->has_source =
		!address_resolve(s->self->host, 0, &s->source, 1, &count);
}

static int attach_workers(struct server *s)
{
	int rc = 0;

	for (size_t i = 0; i < s->worker_count && !rc; i++) {
		struct worker_options options = {
			.reactor = s->worker_seats[i].reactor,
			.store = s->store,
			.neighbours = s->neighbours,
			.flood = s->flood,
			.log = s->worker_seats[i].log,
			.conf = s->conf,
			.server = s->self->name,
			.on_drained = worker_drained,
			.arg = s};

		rc = worker_new(&options, &s->workers[i]);
	}
	return rc;
}

static int attach_flood(struct server *s)
{
	struct flood_options options = {.reactor = s->flood_seat.reactor,
		.store = s->store,
		.neighbours = s->neighbours,
		.log = s->flood_seat.log,
		.source = s->has_source ? &s->source : NULL,
		.on_drained = flood_drained,
		.arg = s};

	return flood_new(&options, &s->flood);
}

static int attach_acceptor(struct server *s)
{
	struct acceptor_options options = {.reactor = s->acceptor_seat.reactor,
		.listeners = s->listeners.fd,
		.listener_count = s->listeners.count,
		.workers = s->workers,
		.worker_count = s->worker_count,
		.worker_cpus = s->pinned ? s->worker_cpus : NULL,
		.neighbours = s->neighbours,
		.log = s->acceptor_seat.log,
		.connections = s->connections,
		.on_closed = acceptor_closed,
		.arg = s};

	return acceptor_new(&options, &s->acceptor);
}

/* Order matters in the single-threaded design: workers before flood, flood
 * before the logger, so that a round's news leaves in that round. */
static int attach_roles(struct server *s)
{
	struct store_options options = {.shared = !s->conf->single};
	int rc = store_new(&options, &s->store);

	if (!rc)
		rc = neighbours_new(s->conf,
			(size_t)(s->self - s->conf->servers), &s->neighbours);
	if (!rc)
		rc = attach_flood(s);
	if (!rc)
		rc = attach_workers(s);
	if (!rc)
		rc = attach_acceptor(s);
	if (!rc)
		flood_start(s->flood);
	if (!rc)
		rc = logger_new(s->log, s->log_seat.reactor, s->log_seat.log,
			&s->logger);
	return rc;
}

int server_new(const struct conf *conf, size_t self, struct server **ret_server,
	char *error)
{
	struct server *s = sys_alloc_zero(1, sizeof *s);
	int rc;

	if (!s) {
		snprintf(error, CONF_ERROR_MAX, "%s", sys_error_text(-ENOMEM));
		return -ENOMEM;
	}
	s->conf = conf;
	s->self = &conf->servers[self];
	s->signals.fd = -1;
	s->deadline.on_due = on_deadline;
	s->main_hook.on_round = on_main_round;
	*error = '\0';
	rc = server_check_trust(conf, error);
	if (!rc)
		rc = server_check_descriptors(conf, &s->connections, error);
	if (!rc)
		rc = open_log(s, error);
	if (!rc)
		rc = listeners_open(s->self, &s->listeners, error);
	if (!rc)
		rc = plan_workers(s);
	if (!rc)
		rc = make_seats(s);
	if (!rc)
		rc = open_signals(s);
	if (!rc) {
		find_source(s);
		reactor_hook_add(s->main.reactor, &s->main_hook);
		rc = attach_roles(s);
	}
	if (rc) {
		if (!*error)
			snprintf(error, CONF_ERROR_MAX, "%s",
				sys_error_text(rc));
		server_free(s);
		return rc;
	}
	*ret_server = s;
	return 0;
}

/* --- running -------------------------------------------------------------- */

static void run_reactor(void *arg)
{
	reactor_run(arg);
}

static int start_seat(
	struct server *s, struct seat *seat, const char *name, int cpu)
{
	int rc;

	if (s->conf->single)
		return 0;
	rc = thread_start(&seat->thread, name, cpu, run_reactor, seat->reactor);
	seat->running = !rc;
	return rc;
}

static int start_threads(struct server *s)
{
	char name[sizeof s->main.thread.name];
	int rc = start_seat(s, &s->log_seat, "log", -1);

	if (!rc)
		rc = start_seat(s, &s->flood_seat, "flood", -1);
	for (size_t i = 0; i < s->worker_count && !rc; i++) {
		snprintf(name, sizeof name, "worker %u", (unsigned)i % 10000);
		rc = start_seat(s, &s->worker_seats[i], name,
			s->pinned ? s->worker_cpus[i] : -1);
	}
	return rc ? rc : start_seat(s, &s->acceptor_seat, "acceptor", -1);
}

static void say_what_runs(struct server *s)
{
	say(s, LOG_STARTED, s->about);
	if (s->self->neighbour_count)
		say(s, LOG_TRUSTING,
			"any program on a neighbour's machine can forge "
			"locations");
	if (s->connections < s->conf->limits.connections)
		log_write(s->main.log, LOG_LOWERED,
			&(struct log_facts){.number = {s->connections}});
	for (size_t i = 0; i < s->listeners.count; i++) {
		struct address at = {0};
		socklen_t len = sizeof at;

		(void)getsockname(s->listeners.fd[i], &at.any, &len);
		log_write(s->main.log, LOG_SERVING,
			&(struct log_facts){.address = &at});
	}
	log_flush(s->main.log);
}

static void tell_ready(struct server *s)
{
	char state[STATE_ROOM];

	snprintf(state, sizeof state, "READY=1\nSTATUS=Serving: %s", s->about);
	tell_manager(s, state);
}

int server_run(struct server *s, char *error)
{
	int rc;

	say_what_runs(s);
	rc = start_threads(s);
	if (rc)
		snprintf(error, CONF_ERROR_MAX, "cannot start a thread: %s",
			sys_error_text(rc));
	else {
		tell_ready(s);
		reactor_run(s->main.reactor);
	}
	stop_threads(s);
	return rc;
}

static void free_seat(struct server *s, struct seat *seat)
{
	if (seat == &s->main || seat->reactor != s->main.reactor)
		reactor_free(seat->reactor);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	acceptor_free(s->acceptor);
	for (size_t i = 0; s->workers && i < s->worker_count; i++)
		worker_free(s->workers[i]);
	flood_free(s->flood);
	logger_free(s->logger);
	neighbours_free(s->neighbours);
	store_free(s->store);
	if (!s->acceptor) /* else they were the acceptor's */
		listeners_close(&s->listeners);
	for (size_t i = 0; s->worker_seats && i < s->worker_count; i++)
		free_seat(s, &s->worker_seats[i]);
	free_seat(s, &s->acceptor_seat);
	free_seat(s, &s->flood_seat);
	free_seat(s, &s->log_seat);
	free_seat(s, &s->main);
	if (s->signals.fd >= 0)
		close(s->signals.fd);
	log_free(s->log);
	sys_free(s->workers);
	sys_free(s->worker_seats);
	sys_free(s);
}
