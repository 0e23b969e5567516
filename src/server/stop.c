/* stop - how a server ends: step by step, each when the one before has reported
 * to main; see server.h. A deadline ends it in any case. */
#include <stdio.h>

#include "herd/sys.h"

#include "parts.h"

/* From the end of stop_timeout to that of the process. */
#define STOP_SPARE_NS (5 * HERD_SECOND_NS)

/* --- the steps ------------------------------------------------------------ */

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

void stop_threads(struct server *s)
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
	server_say(s, LOG_STOPPED, why);
	reactor_stop(s->main.reactor);
}

void stop_on_deadline(struct timer *timer)
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

void stop_flood_drained(void *arg)
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

void stop_worker_drained(void *arg)
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

void stop_acceptor_closed(void *arg)
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
	server_tell_manager(s, state);
}

void stop_begin(struct server *s, const char *why)
{
	if (s->stopping) {
		finish(s, "told twice");
		return;
	}
	s->stopping = true;
	server_say(s, LOG_STOPPING, why);
	reactor_timer_set(s->main.reactor, &s->deadline,
		reactor_now_ns(s->main.reactor) + s->conf->stop_timeout_ns);
	acceptor_close(s->acceptor);
	tell_stopping(s);
}
