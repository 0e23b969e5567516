/* worker - a reactor's worth of sessions; see worker.h. */
#include "herd/worker.h"

#include <errno.h>
#include <stdatomic.h>

#include "herd/conn.h"
#include "herd/line.h"
#include "herd/sys.h"
#include "herd/turns.h"

#define RESUME_MAX 64 /* sessions, in a round */

struct worker {
	/* Written by the acceptor and by the worker, once per connection. */
	_Alignas(HERD_CACHE_LINE) atomic_uint clients; /* [A] a gauge */

	_Alignas(HERD_CACHE_LINE) struct worker_options options; /* [I] */
	struct session_env env;                                  /* [O] */
	struct reactor_hook hook;                                /* [O] */
	uint64_t changed[PEER_SHARD_WORDS]; /* [O] shards, this round */
	bool any_changed;                   /* [O] */
	bool drained;                       /* [O] */
};

/* The ready ones first: one that becomes ready has been seen by then. `act` may
 * close the session it is given, and no other. */
static void for_each_session(struct worker *w,
	void (*act)(struct worker *w, struct session *s, intptr_t what),
	intptr_t what)
{
	struct session_queue *const queues[] = {&w->env.ready, &w->env.waiting};
	struct session *next;

	for (size_t i = 0; i < HERD_COUNT(queues); i++)
		for (struct session *s = TAILQ_FIRST(queues[i]); s; s = next) {
			next = TAILQ_NEXT(s, queue);
			act(w, s, what);
		}
}

/* --- what sessions tell --------------------------------------------------- */

static void on_update(struct session_env *env, uint32_t shard)
{
	struct worker *w = HERD_CONTAINER(env, struct worker, env);

	w->changed[shard / 64] |= UINT64_C(1) << shard % 64;
	w->any_changed = true;
}

static void end_replaced(struct worker *w, struct session *s, intptr_t what)
{
	size_t neighbour = (size_t)what;

	if (session_is_link(s) && s->link->neighbour == neighbour &&
		!neighbours_link_is_newest(
			w->env.neighbours, neighbour, s->link->number))
		session_end(s, "a newer link replaces it");
}

/* A neighbour proved who it is on another link: it uses that one. */
static void on_replaced(void *to, intptr_t what)
{
	for_each_session(to, end_replaced, what);
}

/* Where one cannot be told now, an older link stays until it is found dead.
 * Without a secret anyone at the neighbour's address could end its links. */
static void replace_older(struct worker *w, size_t neighbour)
{
	if (!neighbours_secret(w->env.neighbours).len)
		return;
	for (size_t i = 0; i < w->options.worker_count; i++) {
		struct worker *other = w->options.workers[i];

		(void)!mailbox_post(reactor_mailbox(other->options.reactor),
			on_replaced, other, (intptr_t)neighbour);
	}
}

static void on_link(
	struct session_env *env, size_t neighbour, uint32_t incarnation)
{
	struct worker *w = HERD_CONTAINER(env, struct worker, env);

	atomic_fetch_sub_explicit(&w->clients, 1, memory_order_relaxed);
	replace_older(w, neighbour);
	flood_was_heard(w->options.flood, neighbour, incarnation);
}

static void on_gone(struct session_env *env, bool was_link)
{
	struct worker *w = HERD_CONTAINER(env, struct worker, env);

	if (!was_link)
		atomic_fetch_sub_explicit(&w->clients, 1, memory_order_relaxed);
}

/* --- sessions come -------------------------------------------------------- */

static void on_adopt(void *to, intptr_t what)
{
	struct worker *w = to;
	struct session *s = (struct session *)what;

	session_start(s, &w->env);
}

int worker_adopt(struct worker *w, struct session *s)
{
	int rc = mailbox_post(
		reactor_mailbox(w->options.reactor), on_adopt, w, (intptr_t)s);

	if (!rc)
		atomic_fetch_add_explicit(&w->clients, 1, memory_order_relaxed);
	return rc;
}

unsigned worker_clients(const struct worker *w)
{
	return atomic_load_explicit(&w->clients, memory_order_relaxed);
}

static void stop(struct worker *w, struct session *s, intptr_t what)
{
	(void)w;
	(void)what;
	session_stop(s);
}

static void on_drain(void *to, intptr_t what)
{
	struct worker *w = to;

	w->env.stopping = true;
	for_each_session(w, stop, what);
}

void worker_drain(struct worker *w)
{
	mailbox_post_last(reactor_mailbox(w->options.reactor), on_drain, w, 0);
}

/* --- another configuration ------------------------------------------------ */

static void end_moved(struct worker *w, struct session *s, intptr_t what)
{
	struct neighbours *nb = w->env.neighbours;

	(void)what;
	if (s->link && !neighbours_is_from(nb, s->link->neighbour, &s->address))
		session_end(s, neighbours_is_active(nb, s->link->neighbour)
				       ? "the configuration has moved it"
				       : "the configuration names it no more");
}

static void on_conf(void *to, intptr_t what)
{
	struct worker *w = to;

	w->env.conf = (const struct conf *)what;
	places_update(w->env.places, w->env.conf);
	for_each_session(w, end_moved, what);
}

int worker_update(struct worker *w, const struct conf *conf)
{
	return mailbox_post(reactor_mailbox(w->options.reactor), on_conf, w,
		(intptr_t)conf);
}

/* --- the end of each round ------------------------------------------------ */

/* Those that become ready again, or for whom there was no time, have their turn
 * in the next round. */
static void resume_ready(struct worker *w)
{
	struct session *last = TAILQ_LAST(&w->env.ready, session_queue);
	struct session *s = NULL;

	for (int i = 0; i < RESUME_MAX && last && s != last; i++) {
		s = TAILQ_FIRST(&w->env.ready);
		session_resume(s);
	}
}

static bool on_round(struct reactor_hook *hook)
{
	struct worker *w = HERD_CONTAINER(hook, struct worker, hook);

	resume_ready(w);
	if (w->any_changed) {
		flood_changed(w->options.flood, w->changed);
		memset(w->changed, 0, sizeof w->changed);
		w->any_changed = false;
	}
	log_flush(w->env.log);
	if (w->env.stopping && !w->drained && TAILQ_EMPTY(&w->env.ready) &&
		TAILQ_EMPTY(&w->env.waiting)) {
		w->drained = true;
		w->options.on_drained(w->options.arg);
	}
	return !TAILQ_EMPTY(&w->env.ready);
}

/* --- life ----------------------------------------------------------------- */

int worker_new(const struct worker_options *options, struct worker **ret_worker)
{
	struct worker *w = sys_alloc_aligned(HERD_CACHE_LINE, sizeof *w);
	int rc;

	if (!w)
		return -ENOMEM;
	memset(w, 0, sizeof *w);
	w->options = *options;
	w->env = (struct session_env){.reactor = options->reactor,
		.store = options->store,
		.neighbours = options->neighbours,
		.log = options->log,
		.conf = options->conf,
		.server = text_of(options->server),
		.page = sys_alloc(CONN_READ_MAX),
		.normal = sys_alloc(LINE_LINK_MAX + 1),
		.on_update = on_update,
		.on_link = on_link,
		.on_gone = on_gone};
	TAILQ_INIT(&w->env.ready);
	TAILQ_INIT(&w->env.waiting);
	w->env.to = &w->env.out;
	w->hook.on_round = on_round;
	rc = w->env.page && w->env.normal ? 0 : -ENOMEM;
	/* Its hook comes before ours, which resumes whom it has answered. */
	if (!rc)
		rc = places_new(options->places, options->reactor, options->log,
			&w->env.places);
	if (rc) {
		worker_free(w);
		return rc;
	}
	reactor_hook_add(options->reactor, &w->hook);
	*ret_worker = w;
	return 0;
}

/* It says nothing any more. */
static void drop(struct worker *w, struct session *s, intptr_t what)
{
	(void)what;
	reactor_timer_clear(w->options.reactor, &s->timer);
	turns_drop(s);
	session_free(s);
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	for_each_session(w, drop, 0);
	places_free(w->env.places);
	buf_fini(&w->env.out);
	sys_free(w->env.page);
	sys_free(w->env.normal);
	sys_free(w);
}
