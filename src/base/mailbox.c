/* mailbox - messages from any thread to the one that owns the box.
 *
 * Two arrays of the same size: senders fill one, the owner empties the other,
 * and taking the queue is a swap of the two under the lock. So the owner runs
 * messages without holding it, and what they post in turn is for the next
 * time. */
#include "herd/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "herd/sys.h"

int mailbox_init(struct mailbox *m, bool shared, size_t capacity)
{
	int event_fd = -1;
	int rc = -ENOMEM;
	size_t room = capacity + 1;
	struct message *queue = sys_alloc_zero(room, sizeof *queue);
	struct message *taken = sys_alloc_zero(room, sizeof *taken);

	if (!queue || !taken)
		goto out_free;
	if (shared) {
		event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (event_fd < 0) {
			rc = -errno;
			goto out_free;
		}
	}
	*m = (struct mailbox){
		.shared = shared,
		.event_fd = event_fd,
		.room = room,
		.queue = queue,
		.taken = taken,
	};
	pthread_mutex_init(&m->lock, NULL);
	return 0;

out_free:
	sys_free(taken);
	sys_free(queue);
	return rc;
}

void mailbox_fini(struct mailbox *m)
{
	pthread_mutex_destroy(&m->lock);
	if (m->shared)
		close(m->event_fd);
	sys_free(m->taken);
	sys_free(m->queue);
}

static void lock(struct mailbox *m)
{
	if (m->shared)
		pthread_mutex_lock(&m->lock);
}

static void unlock(struct mailbox *m)
{
	if (m->shared)
		pthread_mutex_unlock(&m->lock);
}

/* Append unless `room` messages are there already. */
static int post(struct mailbox *m, const struct message *message, size_t room)
{
	size_t before;

	lock(m);
	before = m->count;
	if (before < room)
		m->queue[m->count++] = *message;
	unlock(m);

	if (before >= room)
		return -EAGAIN;
	if (before == 0)
		mailbox_wake(m);
	return 0;
}

int mailbox_post(struct mailbox *m, void (*fn)(void *, intptr_t), void *to,
	intptr_t what)
{
	return post(m, &(struct message){fn, to, what}, m->room - 1);
}

void mailbox_post_last(struct mailbox *m, void (*fn)(void *, intptr_t),
	void *to, intptr_t what)
{
	int rc = post(m, &(struct message){fn, to, what}, m->room);

	HERD_ASSERT(rc == 0);
}

void mailbox_wake(struct mailbox *m)
{
	if (!m->shared) {
		m->woken = true;
		return;
	}
	/* Fails only when 2^64 - 2 wake-ups are waiting, and then there is one
	 * too many anyhow. */
	(void)eventfd_write(m->event_fd, 1);
}

bool mailbox_receive(struct mailbox *m)
{
	struct message *messages;
	eventfd_t wakeups;
	size_t count;

	/* First, and whether or not there was one to read: see the header. */
	if (m->shared)
		(void)eventfd_read(m->event_fd, &wakeups);
	else
		m->woken = false;

	lock(m);
	messages = m->queue;
	count = m->count;
	m->queue = m->taken;
	m->taken = messages;
	m->count = 0;
	unlock(m);

	for (size_t i = 0; i < count; i++)
		messages[i].fn(messages[i].to, messages[i].what);
	return count > 0;
}
