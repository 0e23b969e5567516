/* mailbox - messages from any thread to the one that owns the box.
 *
 *   sender:   lock; was it empty? append; unlock; if it was empty, write eventfd
 *   receiver: read eventfd FIRST, then lock; take the whole queue; unlock
 *
 * In the other order a message that comes between the two steps would be left
 * without a wake-up. A box that is not `shared` (the single-threaded design)
 * takes no lock and has no eventfd: its owner looks into it every round.
 *
 * Locks: one mutex per box, a leaf. Bounded, with one slot kept for
 * mailbox_post_last, so that "stop" always gets through. */
#ifndef HERD_MAILBOX_H
#define HERD_MAILBOX_H

#include <pthread.h>

#include "herd/base.h"

/* `fn(to, what)` is run by the owner; `what` is a descriptor or a pointer,
 * whose ownership moves with the message. */
struct message {
	void (*fn)(void *to, intptr_t what);
	void *to;
	intptr_t what;
};

struct mailbox {
	bool shared;           /* [I] */
	int event_fd;          /* [I] -1 unless shared */
	size_t room;           /* [I] messages, the reserved one included */
	pthread_mutex_t lock;  /* [I] */
	struct message *queue; /* [L] */
	size_t count;          /* [L] */
	struct message *taken; /* [O] the other half: swapped with queue */
	bool woken;            /* [O] mailbox_wake of a box not shared */
};

/* Room for `capacity` messages. 0 or -errno. */
HERD_MUST_CHECK int mailbox_init(
	struct mailbox *m, bool shared, size_t capacity);
void mailbox_fini(struct mailbox *m);

/* Threads: any. 0; -EAGAIN: the box is full and the sender still owns
 * `what`. */
HERD_MUST_CHECK int mailbox_post(struct mailbox *m,
	void (*fn)(void *, intptr_t), void *to, intptr_t what);

/* The same into the reserved slot: cannot fail, but must not be repeated before
 * it was received. */
void mailbox_post_last(struct mailbox *m, void (*fn)(void *, intptr_t),
	void *to, intptr_t what);

/* Threads: any. Make the owner look into its box, without a message. */
void mailbox_wake(struct mailbox *m);

/* Owner only. Run every message posted so far; true if there were any. */
bool mailbox_receive(struct mailbox *m);

#endif
