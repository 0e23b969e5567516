/* acceptor - accept, choose a worker, hand over; see acceptor.h.
 *
 * When the process or the system is out of descriptors, accept(2) fails while
 * the listening socket stays readable. Neither spinning on it nor leaving the
 * client to hang will do: a spare descriptor is given up, the connection
 * accepted and closed, the spare taken back; then we rest for a moment. */
#include "herd/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "herd/session.h"
#include "herd/sys.h"

#define ACCEPT_BATCH 64
#define REST_NS      (100 * HERD_MS_NS)
#define SAY_EVERY_NS (10 * HERD_SECOND_NS)
/* Beyond limits.connections, how many may be under way to prove that they are
 * a neighbour. */
#define UNPROVEN_MAX 32

struct listener {
	struct reactor_io io;
	struct acceptor *acceptor;
};

struct acceptor {
	struct acceptor_options options; /* [O] */
	int spare_fd;         /* [O] given up to get rid of a connection */
	struct session *held; /* [O] accepted, but its worker's box was full */
	struct timer rest;    /* [O] until then we do not listen */
	int64_t said_ns;      /* [O] when a failure was last logged */
	uint64_t failures;    /* [O] since then */
	struct reactor_hook hook;   /* [O] flushes the log */
	struct listener *listeners; /* [O] */
};

static void log_failure(struct acceptor *a, const char *why)
{
	int64_t now_ns = reactor_now_ns(a->options.reactor);

	a->failures++;
	if (a->said_ns && now_ns - a->said_ns < SAY_EVERY_NS)
		return;
	log_write(a->options.log, LOG_ACCEPT_FAILED,
		&(struct log_facts){.why = why, .number = {a->failures}});
	a->said_ns = now_ns;
	a->failures = 0;
}

/* --- to whom -------------------------------------------------------------- */

static unsigned count_clients(const struct acceptor *a)
{
	unsigned all = 0;

	for (size_t i = 0; i < a->options.worker_count; i++)
		all += worker_clients(a->options.workers[i]);
	return all;
}

static struct worker *least_busy(const struct acceptor *a)
{
	struct worker *best = a->options.workers[0];

	for (size_t i = 1; i < a->options.worker_count; i++)
		if (worker_clients(a->options.workers[i]) <
			worker_clients(best))
			best = a->options.workers[i];
	return best;
}

/* The worker on the CPU where this socket's packets arrive; NULL: none. */
static struct worker *worker_there(const struct acceptor *a, int fd)
{
	int cpu;
	socklen_t len = sizeof cpu;

	if (!a->options.worker_cpus ||
		getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &len))
		return NULL;
	for (size_t i = 0; i < a->options.worker_count; i++)
		if (a->options.worker_cpus[i] == cpu)
			return a->options.workers[i];
	return NULL;
}

static struct worker *choose(const struct acceptor *a, int fd, unsigned clients)
{
	struct worker *there = worker_there(a, fd);
	size_t share = clients / a->options.worker_count;

	/* The slack keeps small numbers from being spread for no gain. */
	if (there && worker_clients(there) <= share + share / 2 + 32)
		return there;
	return least_busy(a);
}

/* --- listening ------------------------------------------------------------ */

static void rest(struct acceptor *a)
{
	for (size_t i = 0; i < a->options.listener_count; i++)
		reactor_unwatch(a->options.reactor, &a->listeners[i].io);
	reactor_timer_set(a->options.reactor, &a->rest,
		reactor_now_ns(a->options.reactor) + REST_NS);
}

static int listen_on(struct acceptor *a)
{
	int rc = 0;

	for (size_t i = 0; i < a->options.listener_count && !rc; i++)
		rc = reactor_watch(
			a->options.reactor, &a->listeners[i].io, EPOLLIN);
	return rc;
}

static void hand_over(struct acceptor *a, struct session *s, unsigned clients)
{
	struct worker *w = choose(a, s->conn.io.fd, clients);

	if (worker_adopt(w, s)) {
		/* Its worker is far behind: no haste. */
		a->held = s;
		rest(a);
	}
}

static void on_rested(struct timer *timer)
{
	struct acceptor *a = HERD_CONTAINER(timer, struct acceptor, rest);
	struct session *held = a->held;

	a->held = NULL;
	if (held)
		hand_over(a, held, count_clients(a));
	if (!a->held && listen_on(a))
		rest(a);
}

static void take_in(struct acceptor *a, int fd, const struct address *from)
{
	unsigned clients = count_clients(a);
	bool full = clients >= a->options.connections;
	struct log_facts facts = {.address = from};
	struct session *s;

	if (full && (clients >= a->options.connections + UNPROVEN_MAX ||
			    !neighbours_any_from(a->options.neighbours, from)))
		facts.why = "limits.connections reached";
	else if (session_new(fd, from, full, &s))
		facts.why = "out of memory";
	else
		hand_over(a, s, clients);
	if (facts.why) {
		log_write(a->options.log, LOG_CLIENT_REFUSED, &facts);
		close(fd);
	}
}

/* Out of descriptors: those who wait are told so by being closed, a batch at a
 * time, rather than left to hang. */
static void turn_away(struct acceptor *a, int listener)
{
	struct address from;
	int fd;

	if (a->spare_fd >= 0)
		close(a->spare_fd);
	for (int i = 0; i < ACCEPT_BATCH && !sys_accept(listener, &from, &fd);
		i++)
		close(fd);
	a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	rest(a);
}

/* Accept one connection. false: there is none now. */
static bool accept_one(struct acceptor *a, int listener)
{
	struct address from;
	int fd;
	int rc = sys_accept(listener, &from, &fd);

	if (!rc) {
		take_in(a, fd, &from);
		return !timer_is_set(&a->rest);
	}
	if (rc == -EAGAIN)
		return false;
	log_failure(a, sys_error_text(rc));
	if (rc == -EMFILE || rc == -ENFILE)
		turn_away(a, listener);
	else
		rest(a);
	return false;
}

static void on_ready(struct reactor_io *io, uint32_t events)
{
	struct listener *l = HERD_CONTAINER(io, struct listener, io);

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++)
		if (!accept_one(l->acceptor, io->fd))
			break;
}

static bool on_round(struct reactor_hook *hook)
{
	struct acceptor *a = HERD_CONTAINER(hook, struct acceptor, hook);

	log_flush(a->options.log);
	return false;
}

/* --- life ----------------------------------------------------------------- */

static void close_listeners(struct acceptor *a)
{
	reactor_timer_clear(a->options.reactor, &a->rest);
	for (size_t i = 0; i < a->options.listener_count; i++) {
		reactor_unwatch(a->options.reactor, &a->listeners[i].io);
		close(a->listeners[i].io.fd);
	}
	a->options.listener_count = 0;
}

static void on_close(void *to, intptr_t what)
{
	struct acceptor *a = to;

	(void)what;
	if (timer_is_set(&a->rest)) {
		reactor_timer_clear(a->options.reactor, &a->rest);
		on_rested(&a->rest);
	}
	/* Who has connected before now is served before we stop. */
	for (size_t i = 0; i < a->options.listener_count; i++)
		for (int n = 0; n < SYS_LISTEN_BACKLOG && !a->held; n++)
			if (!accept_one(a, a->listeners[i].io.fd))
				break;
	close_listeners(a);
	a->options.on_closed(a->options.arg);
}

static void on_connections(void *to, intptr_t what)
{
	struct acceptor *a = to;

	a->options.connections = (unsigned)what;
}

int acceptor_update(struct acceptor *a, unsigned connections)
{
	return mailbox_post(reactor_mailbox(a->options.reactor), on_connections,
		a, (intptr_t)connections);
}

void acceptor_close(struct acceptor *a)
{
	mailbox_post_last(reactor_mailbox(a->options.reactor), on_close, a, 0);
}

int acceptor_new(
	const struct acceptor_options *options, struct acceptor **ret_acceptor)
{
	struct acceptor *a = sys_alloc_zero(1, sizeof *a);
	int rc = -ENOMEM;

	if (!a)
		return -ENOMEM;
	a->options = *options;
	a->rest.on_due = on_rested;
	a->hook.on_round = on_round;
	a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	a->listeners =
		sys_alloc_zero(options->listener_count, sizeof *a->listeners);
	if (!a->listeners)
		goto out_free;
	for (size_t i = 0; i < options->listener_count; i++)
		a->listeners[i] =
			(struct listener){.io = {.fd = options->listeners[i],
						  .on_ready = on_ready},
				.acceptor = a};
	rc = listen_on(a);
	if (rc)
		goto out_free;
	reactor_hook_add(options->reactor, &a->hook);
	*ret_acceptor = a;
	return 0;

out_free:
	a->options.listener_count = 0;
	acceptor_free(a);
	return rc;
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	close_listeners(a);
	if (a->held)
		session_free(a->held);
	if (a->spare_fd >= 0)
		close(a->spare_fd);
	sys_free(a->listeners);
	sys_free(a);
}
