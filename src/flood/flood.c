/* flood - fans changes out to the neighbours; see flood.h for how it sleeps
 * and is woken, peer.c for what one link does. */
#include "herd/flood.h"

#include <errno.h>
#include <stdatomic.h>

#include "herd/sys.h"

#define AGAIN_NS HERD_SECOND_NS

struct flood {
	/* Written by every worker; each on lines of their own. */
	_Alignas(HERD_CACHE_LINE) _Atomic uint64_t
		changed[PEER_SHARD_WORDS];            /* [A] shards with news */
	_Alignas(HERD_CACHE_LINE) atomic_bool asleep; /* [A] about to sleep */

	_Alignas(HERD_CACHE_LINE) struct flood_options options; /* [I] */
	struct peer_env env;                                    /* [O] */
	struct reactor_hook hook;                               /* [O] */
	struct timer again; /* [O] no memory: look at the slots once more */
	bool draining;      /* [O] */
	bool drained;       /* [O] said so */

	/* Peer i is the neighbour of slot i, reader i of the feed. It stays
	 * when the slot is retired. */
	atomic_size_t count;                /* [A] */
	struct peer *peers[NEIGHBOURS_MAX]; /* [O] */
};

/* --- what others call ----------------------------------------------------- */

void flood_changed(struct flood *f, const uint64_t words[PEER_SHARD_WORDS])
{
	/* Nobody to tell? One that joins now reads what it has missed before it
	 * depends on being told: with the lock of the shard in between. */
	if (!atomic_load_explicit(&f->count, memory_order_relaxed))
		return;
	for (size_t i = 0; i < PEER_SHARD_WORDS; i++)
		if (words[i])
			atomic_fetch_or(&f->changed[i], words[i]);
	if (atomic_exchange(&f->asleep, false))
		mailbox_wake(reactor_mailbox(f->options.reactor));
}

/* Neighbour and incarnation in one word of a message. */
static intptr_t pack_heard(size_t which, uint32_t incarnation)
{
	return (intptr_t)((uint64_t)which << 32 | incarnation);
}

static void on_heard(void *to, intptr_t what)
{
	struct flood *f = to;
	size_t which = (uint64_t)what >> 32;

	/* One that is new may have been quicker than its peer, which then dials
	 * by itself. */
	if (which < f->count)
		peer_was_heard(f->peers[which], (uint32_t)what);
}

void flood_was_heard(struct flood *f, size_t which, uint32_t incarnation)
{
	/* A full box only means that the neighbour is dialled a little later,
	 * by its own timer. */
	(void)!mailbox_post(reactor_mailbox(f->options.reactor), on_heard, f,
		pack_heard(which, incarnation));
}

static void on_report(void *to, intptr_t what)
{
	struct flood *f = to;
	struct flood_report *report = (struct flood_report *)what;

	report->count = 0;
	for (size_t i = 0; i < f->count && report->count < report->room; i++)
		if (!f->peers[i]->retired)
			peer_get_status(
				f->peers[i], &report->peers[report->count++]);
	report->on_filled(report);
}

int flood_report(struct flood *f, struct flood_report *report)
{
	return mailbox_post(reactor_mailbox(f->options.reactor), on_report, f,
		(intptr_t)report);
}

static void on_drain(void *to, intptr_t what)
{
	struct flood *f = to;

	(void)what;
	f->draining = true;
	for (size_t i = 0; i < f->count; i++)
		peer_drain(f->peers[i]);
}

void flood_drain(struct flood *f)
{
	mailbox_post_last(reactor_mailbox(f->options.reactor), on_drain, f, 0);
}

/* --- the end of each round ------------------------------------------------ */

static bool take_changes(struct flood *f)
{
	uint64_t words[PEER_SHARD_WORDS];
	uint64_t any = 0;

	for (size_t i = 0; i < PEER_SHARD_WORDS; i++) {
		/* Most words are zero; a look costs less than a write. */
		words[i] = atomic_load(&f->changed[i]);
		if (words[i])
			words[i] = atomic_exchange(&f->changed[i], 0);
		any |= words[i];
	}
	if (!any)
		return false;
	for (size_t i = 0; i < f->count; i++)
		peer_changed(f->peers[i], words);
	return true;
}

static bool may_sleep(struct flood *f)
{
	atomic_store(&f->asleep, true);
	for (size_t i = 0; i < PEER_SHARD_WORDS; i++) {
		if (atomic_load(&f->changed[i])) {
			atomic_store(&f->asleep, false);
			return false;
		}
	}
	return true;
}

static void say_if_drained(struct flood *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (!peer_drained(f->peers[i]))
			return;
	f->drained = true;
	f->options.on_drained(f->options.arg);
}

static bool on_round(struct reactor_hook *hook)
{
	struct flood *f = HERD_CONTAINER(hook, struct flood, hook);
	bool more = take_changes(f);

	for (size_t i = 0; i < f->count; i++)
		more |= peer_pump(f->peers[i]);
	log_flush(f->env.log);
	if (more)
		return true;
	if (f->draining && !f->drained)
		say_if_drained(f);
	return !may_sleep(f);
}

/* --- peers come ----------------------------------------------------------- */

/* A peer for each slot that has none. 0; -ENOMEM: not for all. */
static int add_peers(struct flood *f)
{
	size_t count = neighbours_count(f->options.neighbours);
	int rc = feed_reserve(f->options.store, (unsigned)count);

	while (!rc && f->count < count) {
		struct peer *p = sys_alloc(sizeof *p);

		if (!p)
			return -ENOMEM;
		peer_init(p, &f->env, f->count, (unsigned)f->count);
		f->peers[f->count++] = p;
	}
	return rc;
}

static void update(struct flood *f)
{
	size_t before = f->count;
	int rc;

	if (f->draining)
		return;
	rc = add_peers(f);
	for (size_t i = 0; i < before; i++)
		peer_update(f->peers[i]);
	for (size_t i = before; i < f->count; i++)
		peer_start(f->peers[i]);
	if (rc)
		reactor_timer_set(f->options.reactor, &f->again,
			reactor_now_ns(f->options.reactor) + AGAIN_NS);
}

static void on_again(struct timer *timer)
{
	update(HERD_CONTAINER(timer, struct flood, again));
}

static void use_conf(struct flood *f, const struct conf *conf)
{
	f->env.sync_interval_ns = conf->peers.sync_interval_s * HERD_SECOND_NS;
}

static void on_update(void *to, intptr_t what)
{
	struct flood *f = to;

	use_conf(f, (const struct conf *)what);
	update(f);
}

int flood_update(struct flood *f, const struct conf *conf)
{
	return mailbox_post(reactor_mailbox(f->options.reactor), on_update, f,
		(intptr_t)conf);
}

/* --- life ----------------------------------------------------------------- */

int flood_new(const struct flood_options *options, struct flood **ret_flood)
{
	struct flood *f = sys_alloc_aligned(HERD_CACHE_LINE, sizeof *f);
	int rc = -ENOMEM;

	if (!f)
		return -ENOMEM;
	memset(f, 0, sizeof *f);
	f->options = *options;
	f->hook.on_round = on_round;
	f->again.on_due = on_again;
	f->env = (struct peer_env){.reactor = options->reactor,
		.store = options->store,
		.neighbours = options->neighbours,
		.log = options->log,
		.source = options->source,
		.page = sys_alloc(PEER_PAGE_ROOM)};
	use_conf(f, options->conf);
	if (f->env.page)
		rc = add_peers(f);
	if (rc) {
		flood_free(f);
		return rc;
	}
	*ret_flood = f;
	return 0;
}

void flood_start(struct flood *f)
{
	reactor_hook_add(f->options.reactor, &f->hook);
	for (size_t i = 0; i < f->count; i++)
		peer_start(f->peers[i]);
}

void flood_free(struct flood *f)
{
	if (!f)
		return;
	reactor_timer_clear(f->options.reactor, &f->again);
	for (size_t i = 0; i < f->count; i++) {
		peer_fini(f->peers[i]);
		sys_free(f->peers[i]);
	}
	sys_free(f->env.page);
	sys_free(f);
}
