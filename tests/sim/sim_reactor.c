/* sim_reactor - herd/reactor.h in a simulated world: the same rounds as
 * src/net/reactor.c's, run when the world's queue says so.
 *
 * The mailbox is the real one. That of a shared reactor has an eventfd, which
 * is ours as well (below): so a wake-up that is lost is lost here, too. Threads
 * of a process take turns, and where the code calls out a thread may lose the
 * processor to another (sim_preempt). */
#include "herd/reactor.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "herd/sys.h"
#include "network.h"

#define READY_MAX    128
#define MAILBOX_ROOM 128
#define EVENT_FIRST  200000
#define EVENTS       512
#define NESTED_MAX   3

struct reactor {
	struct sim_process *process;
	struct reactor *next; /* of the process */
	bool shared, stopping, running;
	bool prompt; /* its round is due for a reason, not for a timer */
	struct timer round;
	int64_t now_ns;
	struct mailbox mailbox;
	struct reactor_hook *hooks, **hooks_end;
	struct timers timers;
	struct net_ends watched;
	struct {
		struct net_end *end; /* NULL: not watched any more */
		uint32_t events;
	} ready[READY_MAX];
	size_t ready_next, ready_count;
};

static struct {
	bool used;
	uint64_t count;
	struct reactor *reactor;
} events[EVENTS];

static struct sim_process *making;
static struct reactor *running;
static unsigned nested;

void sim_enter(struct sim_process *process)
{
	making = process;
	sim.self = process;
}

/* --- when a round is due -------------------------------------------------- */

static int64_t to_world(const struct reactor *r, int64_t monotonic_ns)
{
	return monotonic_ns - r->process->monotonic_offset_ns;
}

void sim_kick(struct reactor *r)
{
	int64_t wait;

	if (r->running || r->prompt)
		return;
	wait = rng_between(&sim.rng, 0, sim.manner.wake_ns);
	if (timer_is_set(&r->round) && r->round.due_ns <= sim.now_ns + wait) {
		r->prompt = true;
		return;
	}
	r->prompt = true;
	sim_after(&r->round, wait);
}

/* Sleep until the first timer; epoll counts in ms, and rounds up. */
static void sleep_until_timer(struct reactor *r)
{
	int64_t wait;

	if (r->running || r->prompt)
		return;
	if (!r->timers.first) {
		sim_cancel(&r->round);
		return;
	}
	wait = to_world(r, r->timers.first->due_ns) - sim.now_ns;
	wait = wait > 0 ? (wait + HERD_MS_NS - 1) / HERD_MS_NS * HERD_MS_NS : 0;
	sim_after(&r->round, wait);
}

static uint32_t asked(const struct net_end *e)
{
	return net_events(e) & (e->io->events | EPOLLERR | EPOLLHUP);
}

static bool has_mail(const struct reactor *r)
{
	if (!r->shared)
		return r->mailbox.woken;
	return events[r->mailbox.event_fd - EVENT_FIRST].count > 0;
}

static bool is_ready(const struct reactor *r)
{
	struct net_end *e;

	if (has_mail(r))
		return true;
	TAILQ_FOREACH(e, &r->watched, watched)
		if (asked(e))
			return true;
	return false;
}

/* --- rounds --------------------------------------------------------------- */

/* From a different descriptor on each time: the kernel promises no order. */
static void find_ready(struct reactor *r)
{
	struct net_end *first = TAILQ_FIRST(&r->watched);
	struct net_end *e;

	r->ready_next = 0;
	r->ready_count = 0;
	TAILQ_FOREACH(e, &r->watched, watched) {
		if (r->ready_count == READY_MAX || !asked(e))
			continue;
		r->ready[r->ready_count].end = e;
		r->ready[r->ready_count++].events = asked(e);
	}
	if (r->ready_count < 2 || rng_chance(&sim.rng, 50))
		return;
	TAILQ_REMOVE(&r->watched, first, watched);
	TAILQ_INSERT_TAIL(&r->watched, first, watched);
}

static void run_due_timers(struct reactor *r)
{
	struct timer *timer;

	while ((timer = r->timers.first) && timer->due_ns <= r->now_ns) {
		timers_clear(&r->timers, timer);
		timer->on_due(timer);
	}
}

static bool run_round(struct reactor *r)
{
	bool mail_first = rng_chance(&sim.rng, 50);
	bool more = false;

	r->now_ns = sys_monotonic_ns();
	find_ready(r);
	if (r->shared && mail_first && has_mail(r))
		(void)mailbox_receive(&r->mailbox);
	while (r->ready_next < r->ready_count) {
		struct net_end *e = r->ready[r->ready_next].end;
		uint32_t ready = r->ready[r->ready_next++].events;

		if (e)
			e->io->on_ready(e->io, ready);
	}
	if (r->shared && !mail_first && has_mail(r))
		(void)mailbox_receive(&r->mailbox);
	run_due_timers(r);
	if (!r->shared)
		(void)mailbox_receive(&r->mailbox);
	for (struct reactor_hook *h = r->hooks; h; h = h->next)
		more |= h->on_round(h);
	return more;
}

static void run(struct reactor *r)
{
	struct sim_process *self = sim.self;
	struct reactor *outer = running;
	bool more;

	sim.steps++;
	sim.self = r->process;
	running = r;
	r->running = true;
	r->prompt = false;
	more = run_round(r);
	r->running = false;
	running = outer;
	sim.self = self;
	if (r->stopping)
		return;
	if (more || is_ready(r))
		sim_kick(r);
	else
		sleep_until_timer(r);
}

static void on_round(struct timer *timer)
{
	struct reactor *r = HERD_CONTAINER(timer, struct reactor, round);

	if (r->process->paused_until_ns > sim.now_ns)
		sim_after(timer, r->process->paused_until_ns - sim.now_ns);
	else
		run(r);
}

void sim_resume(struct sim_process *process)
{
	process->paused_until_ns = 0;
	for (struct reactor *r = process->reactors; r; r = r->next)
		sim_after(&r->round, 0);
}

void sim_preempt(void)
{
	if (!running || nested >= NESTED_MAX ||
		!rng_chance(&sim.rng, sim.manner.preempt))
		return;
	nested++;
	for (struct reactor *r = running->process->reactors; r; r = r->next) {
		if (r->running || !r->prompt || !rng_chance(&sim.rng, 50))
			continue;
		sim_cancel(&r->round);
		run(r);
	}
	nested--;
}

/* --- eventfd(2) ----------------------------------------------------------- */

int eventfd(unsigned int count, int flags)
{
	(void)flags;
	for (int i = 0; i < EVENTS; i++) {
		if (events[i].used)
			continue;
		events[i].used = true;
		events[i].count = count;
		events[i].reactor = NULL;
		return EVENT_FIRST + i;
	}
	errno = EMFILE;
	return -1;
}

int eventfd_read(int fd, eventfd_t *ret_count)
{
	/* Here it matters that the queue is taken afterwards. */
	sim_preempt();
	*ret_count = events[fd - EVENT_FIRST].count;
	events[fd - EVENT_FIRST].count = 0;
	return *ret_count ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t count)
{
	events[fd - EVENT_FIRST].count += count;
	if (events[fd - EVENT_FIRST].reactor)
		sim_kick(events[fd - EVENT_FIRST].reactor);
	return 0;
}

/* --- herd/reactor.h ------------------------------------------------------- */

int reactor_new(bool shared, struct reactor **ret_reactor)
{
	struct reactor *r = sys_alloc_zero(1, sizeof *r);
	int rc;

	if (!r)
		return -ENOMEM;
	r->process = making;
	r->shared = shared;
	r->hooks_end = &r->hooks;
	r->now_ns = sys_monotonic_ns();
	r->round.on_due = on_round;
	TAILQ_INIT(&r->watched);
	rc = mailbox_init(&r->mailbox, shared, MAILBOX_ROOM);
	if (rc) {
		sys_free(r);
		return rc;
	}
	if (shared)
		events[r->mailbox.event_fd - EVENT_FIRST].reactor = r;
	r->next = making->reactors;
	making->reactors = r;
	/* Before the first sleep the hooks look at what was there already. */
	sim_kick(r);
	*ret_reactor = r;
	return 0;
}

void reactor_free(struct reactor *r)
{
	struct reactor **at;

	if (!r)
		return;
	for (at = &r->process->reactors; *at != r;)
		at = &(*at)->next;
	*at = r->next;
	sim_cancel(&r->round);
	if (r->shared)
		events[r->mailbox.event_fd - EVENT_FIRST].used = false;
	mailbox_fini(&r->mailbox);
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
	hook->next = NULL;
	*r->hooks_end = hook;
	r->hooks_end = &hook->next;
}

int reactor_watch(struct reactor *r, struct reactor_io *io, uint32_t wanted)
{
	struct net_end *e = net_end_of(io->fd);

	if (!wanted) {
		reactor_unwatch(r, io);
		return 0;
	}
	if (!io->events) {
		e->io = io;
		e->reactor = r;
		TAILQ_INSERT_TAIL(&r->watched, e, watched);
	}
	io->events = wanted;
	if (asked(e))
		sim_kick(r);
	return 0;
}

void reactor_close(struct reactor *r, struct reactor_io *io)
{
	reactor_unwatch(r, io);
	sys_close(io->fd);
	io->fd = -1;
}

void reactor_unwatch(struct reactor *r, struct reactor_io *io)
{
	struct net_end *e;

	if (!io->events)
		return;
	e = net_end_of(io->fd);
	io->events = 0;
	e->io = NULL;
	TAILQ_REMOVE(&r->watched, e, watched);
	for (size_t i = r->ready_next; i < r->ready_count; i++)
		if (r->ready[i].end == e)
			r->ready[i].end = NULL;
}

void reactor_timer_set(struct reactor *r, struct timer *timer, int64_t due_ns)
{
	timers_set(&r->timers, timer, due_ns);
	sleep_until_timer(r);
}

void reactor_timer_clear(struct reactor *r, struct timer *timer)
{
	timers_clear(&r->timers, timer);
}

void reactor_stop(struct reactor *r)
{
	r->stopping = true;
}
