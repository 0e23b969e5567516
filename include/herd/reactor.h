/* reactor - one epoll loop with timers, a mailbox and end-of-round hooks.
 *
 *   round:  epoll_wait -> ready descriptors -> due timers -> hooks
 *
 * The mailbox of a shared reactor is one of the descriptors; that of a reactor
 * with one thread is looked into before the hooks.
 *
 * The threaded design gives every role (acceptor, worker, flood, log) a reactor
 * and a thread of its own; the single-threaded one attaches them all to one.
 *
 * Threads: owner only (the thread inside reactor_run; before that, whoever sets
 * things up), but for reactor_mailbox(), whose posting calls anyone may use. */
#ifndef HERD_REACTOR_H
#define HERD_REACTOR_H

#include <sys/epoll.h>

#include "herd/base.h"
#include "herd/mailbox.h"
#include "herd/timers.h"

struct reactor;

/* Embedded in whatever owns the descriptor. */
struct reactor_io {
	int fd;
	uint32_t events; /* what is asked of epoll; 0: not registered */
	void (*on_ready)(struct reactor_io *io, uint32_t events);
};

/* Run at the end of every round, in the order of their adding. Returns true
 * when it has work left: the loop then does not sleep. */
struct reactor_hook {
	bool (*on_round)(struct reactor_hook *hook);
	struct reactor_hook *next;
};

/* `shared`: other threads post to it. 0 or -errno. */
HERD_MUST_CHECK int reactor_new(bool shared, struct reactor **ret_reactor);
void reactor_free(struct reactor *r);

/* Run rounds until reactor_stop. */
void reactor_run(struct reactor *r);

/* One round, for who has a loop of his own; sleeps at most max_wait_ms (-1: as long as there is
 * nothing), whatever a hook said in the round before. */
void reactor_round(struct reactor *r, int max_wait_ms);

/* Owner only. The round under way is the last. */
void reactor_stop(struct reactor *r);

struct mailbox *reactor_mailbox(struct reactor *r);

/* Monotonic time at the start of this round. */
int64_t reactor_now_ns(const struct reactor *r);

/* Level-triggered interest in io->fd: EPOLLIN, EPOLLOUT, both; 0 removes it.
 * After removal on_ready is not called any more, not even for an event that
 * was already fetched: io may be freed at once. 0 or -errno. */
HERD_MUST_CHECK int reactor_watch(
	struct reactor *r, struct reactor_io *io, uint32_t events);
void reactor_unwatch(struct reactor *r, struct reactor_io *io);

/* The same, and close io->fd, of which there must be no duplicate: closing it
 * takes it out of epoll's set, and a call is saved. io->fd is -1 then. */
void reactor_close(struct reactor *r, struct reactor_io *io);

/* Set (or move) a timer; it fires once, in the first round at or after due_ns
 * (monotonic). One that sets itself for now or earlier fires again at once. */
void reactor_timer_set(struct reactor *r, struct timer *timer, int64_t due_ns);
void reactor_timer_clear(struct reactor *r, struct timer *timer);

/* A hook stays until the reactor is freed. */
void reactor_hook_add(struct reactor *r, struct reactor_hook *hook);

#endif
