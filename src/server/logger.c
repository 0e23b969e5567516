/* logger - when to drain the log; see logger.h. */
#include "herd/logger.h"

#include <errno.h>

#include "herd/sys.h"

#define LOOK_AGAIN_NS (5 * HERD_MS_NS)

struct logger {
	struct log *log;          /* [I] */
	struct reactor *reactor;  /* [I] */
	struct log_ring *ring;    /* [O] */
	struct reactor_hook hook; /* [O] */
	struct timer look_again;  /* [O] set: we have not gone to sleep */
};

static void on_look_again(struct timer *timer)
{
	/* The hook at the end of this round does the work. */
	(void)timer;
}

static bool on_round(struct reactor_hook *hook)
{
	struct logger *l = HERD_CONTAINER(hook, struct logger, hook);

	if (timer_is_set(&l->look_again))
		return false;
	if (log_drain(l->log)) {
		reactor_timer_set(l->reactor, &l->look_again,
			reactor_now_ns(l->reactor) + LOOK_AGAIN_NS);
		return false;
	}
	return !log_may_sleep(l->log);
}

/* --- what others call ----------------------------------------------------- */

static void wake(void *arg)
{
	struct logger *l = arg;

	mailbox_wake(reactor_mailbox(l->reactor));
}

static void on_reopen(void *to, intptr_t what)
{
	struct logger *l = to;
	int rc = log_reopen(l->log);

	(void)what;
	/* Said in the new file; or in the old one, which is kept then. */
	if (rc)
		log_write(l->ring, LOG_REOPEN_FAILED,
			&(struct log_facts){.why = sys_error_text(rc)});
	else
		log_write(l->ring, LOG_REOPENED, &(struct log_facts){0});
}

void logger_reopen(struct logger *l)
{
	/* Where the box is full, thousands of reopenings are under way. */
	(void)!mailbox_post(reactor_mailbox(l->reactor), on_reopen, l, 0);
}

static void on_move(void *to, intptr_t what)
{
	struct logger *l = to;
	const struct logger_file *file = (const struct logger_file *)what;

	/* Said in the old file. */
	log_write(l->ring, LOG_MOVED,
		&(struct log_facts){.bytes = text_of(file->path)});
	log_move(l->log, file->path, file->fd);
}

int logger_move(struct logger *l, const struct logger_file *file)
{
	return mailbox_post(
		reactor_mailbox(l->reactor), on_move, l, (intptr_t)file);
}

/* --- life ----------------------------------------------------------------- */

int logger_new(struct log *log, struct reactor *reactor, struct log_ring *ring,
	struct logger **ret_logger)
{
	struct logger *l = sys_alloc_zero(1, sizeof *l);

	if (!l)
		return -ENOMEM;
	l->log = log;
	l->reactor = reactor;
	l->ring = ring;
	l->hook.on_round = on_round;
	l->look_again.on_due = on_look_again;
	log_on_wake(log, wake, l);
	reactor_hook_add(reactor, &l->hook);
	*ret_logger = l;
	return 0;
}

void logger_free(struct logger *l)
{
	sys_free(l);
}
