/* reactor - one epoll loop; see reactor.h for what a round is.
 *
 * Level-triggered on purpose: whoever reads once per readiness event gets the
 * rest of a busy descriptor's bytes in the next round, after everyone else had
 * a turn. Fairness needs no bookkeeping then. */
#include "herd/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "herd/sys.h"

#define READY_MAX    128
#define MAILBOX_ROOM 4096

struct reactor {
	int epoll_fd;  /* [I] */
	bool shared;   /* [I] */
	bool owned;    /* [O] a thread is in charge: owner */
	bool stopping; /* [O] */
	pthread_t owner;
	int64_t now_ns;                          /* [O] */
	struct mailbox mailbox;                  /* any thread */
	struct reactor_io mail_io;               /* [O] its eventfd */
	struct reactor_hook *hooks, **hooks_end; /* [O] */
	struct timers timers;                    /* [O] */
	struct epoll_event ready[READY_MAX];     /* [O] this round's events */
	int ready_next, ready_count;             /* [O] */
};

static void assert_owner(const struct reactor *r)
{
	HERD_ASSERT(!r->owned || pthread_equal(r->owner, pthread_self()));
}

static void on_mail(struct reactor_io *io, uint32_t events)
{
	struct reactor *r = HERD_CONTAINER(io, struct reactor, mail_io);

	(void)events;
	(void)mailbox_receive(&r->mailbox);
}

int reactor_new(bool shared, struct reactor **ret_reactor)
{
	struct reactor *r = sys_alloc_zero(1, sizeof *r);
	int rc;

	if (!r)
		return -ENOMEM;
	r->shared = shared;
	r->hooks_end = &r->hooks;
	r->now_ns = sys_monotonic_ns();
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd < 0) {
		rc = -errno;
		goto out_free;
	}
	rc = mailbox_init(&r->mailbox, shared, MAILBOX_ROOM);
	if (rc)
		goto out_close;
	if (shared) {
		r->mail_io.fd = r->mailbox.event_fd;
		r->mail_io.on_ready = on_mail;
		rc = reactor_watch(r, &r->mail_io, EPOLLIN);
		if (rc)
			goto out_mailbox;
	}
	*ret_reactor = r;
	return 0;

out_mailbox:
	mailbox_fini(&r->mailbox);
out_close:
	close(r->epoll_fd);
out_free:
	sys_free(r);
	return rc;
}

void reactor_free(struct reactor *r)
{
	if (!r)
		return;
	mailbox_fini(&r->mailbox);
	close(r->epoll_fd);
	sys_free(r);
}

struct mailbox *reactor_mailbox(struct reactor *r)
{
	return &r->mailbox;
}

int64_t reactor_now_ns(const struct reactor *r)
{
	return r->now_ns;
}

void reactor_hook_add(struct reactor *r, struct reactor_hook *hook)
{
	assert_owner(r);
	hook->next = NULL;
	*r->hooks_end = hook;
	r->hooks_end = &hook->next;
}

/* --- descriptors ---------------------------------------------------------- */

int reactor_watch(struct reactor *r, struct reactor_io *io, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = io};
	int op = io->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	assert_owner(r);
	if (events == io->events)
		return 0;
	if (!events) {
		reactor_unwatch(r, io);
		return 0;
	}
	if (epoll_ctl(r->epoll_fd, op, io->fd, &event) < 0)
		return -errno;
	io->events = events;
	return 0;
}

/* Its event may already be among the ones fetched for this round. */
static void forget(struct reactor *r, struct reactor_io *io)
{
	io->events = 0;
	for (int i = r->ready_next; i < r->ready_count; i++)
		if (r->ready[i].data.ptr == io)
			r->ready[i].data.ptr = NULL;
}

void reactor_unwatch(struct reactor *r, struct reactor_io *io)
{
	assert_owner(r);
	if (!io->events)
		return;
	HERD_ASSERT(!epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL));
	forget(r, io);
}

void reactor_close(struct reactor *r, struct reactor_io *io)
{
	assert_owner(r);
	if (io->events)
		forget(r, io);
	sys_close(io->fd);
	io->fd = -1;
}

/* --- timers --------------------------------------------------------------- */

void reactor_timer_set(struct reactor *r, struct timer *timer, int64_t due_ns)
{
	assert_owner(r);
	timers_set(&r->timers, timer, due_ns);
}

void reactor_timer_clear(struct reactor *r, struct timer *timer)
{
	assert_owner(r);
	timers_clear(&r->timers, timer);
}

static void run_due_timers(struct reactor *r)
{
	struct timer *timer;

	while ((timer = r->timers.first) && timer->due_ns <= r->now_ns) {
		timers_clear(&r->timers, timer);
		timer->on_due(timer);
	}
}

/* --- the loop ------------------------------------------------------------- */

/* How long epoll may sleep, in ms; a timer's rest is rounded up, so that the
 * loop does not spin through its last millisecond. */
static int sleep_ms(const struct reactor *r, int max_wait_ms)
{
	int64_t ms;

	if (!r->shared && r->mailbox.woken)
		return 0;
	if (!r->timers.first)
		return max_wait_ms;
	ms = (r->timers.first->due_ns - r->now_ns + HERD_MS_NS - 1) /
	     HERD_MS_NS;
	if (ms < 0)
		ms = 0;
	if (ms > 60 * 1000)
		ms = 60 * 1000;
	return max_wait_ms >= 0 && max_wait_ms < ms ? max_wait_ms : (int)ms;
}

/* Run one round; true if a hook has work left. */
static bool run_round(struct reactor *r, int max_wait_ms)
{
	bool more = false;
	int n = epoll_wait(
		r->epoll_fd, r->ready, READY_MAX, sleep_ms(r, max_wait_ms));

	HERD_ASSERT(n >= 0 || errno == EINTR);
	r->ready_count = n < 0 ? 0 : n;
	r->now_ns = sys_monotonic_ns();
	for (r->ready_next = 0; r->ready_next < r->ready_count;) {
		struct epoll_event *event = &r->ready[r->ready_next++];
		struct reactor_io *io = event->data.ptr;

		if (io)
			io->on_ready(io, event->events);
	}
	run_due_timers(r);
	if (!r->shared)
		(void)mailbox_receive(&r->mailbox);
	for (struct reactor_hook *h = r->hooks; h; h = h->next)
		more |= h->on_round(h);
	return more;
}

static void own(struct reactor *r)
{
	assert_owner(r);
	r->owner = pthread_self();
	r->owned = true;
}

void reactor_round(struct reactor *r, int max_wait_ms)
{
	own(r);
	(void)run_round(r, max_wait_ms);
	r->owned = false;
}

void reactor_run(struct reactor *r)
{
	/* Before the first sleep the hooks look at what was there already. */
	bool more = true;

	own(r);
	while (!r->stopping)
		more = run_round(r, more ? 0 : -1);
	r->owned = false;
}

void reactor_stop(struct reactor *r)
{
	assert_owner(r);
	r->stopping = true;
}
