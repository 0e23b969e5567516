/* node - a simulated server: wired like server.c's, with a reactor for each
 * role or one for all, and ended in three ways. */
#include <stdio.h>

#include "herd/session.h"
#include "world.h"

struct node nodes[SIM_NODES];

const char *node_of_ring(const struct log_ring *ring)
{
	return node_name(ring->node->index);
}

/* --- what the log tells --------------------------------------------------- */

static size_t node_called(const char *name)
{
	for (size_t i = 0; i < plan->nodes; i++)
		if (!strcmp(node_name(i), name))
			return i;
	HERD_ASSERT(!"a name of the herd");
	return 0;
}

/* The first that a session says: its worker has it. */
static void session_has_come(struct node *n, const struct address *address)
{
	for (size_t i = 0; i < n->handed_count; i++) {
		if (&n->handed[i]->address != address)
			continue;
		n->handed[i] = n->handed[--n->handed_count];
		return;
	}
}

void node_on_log(struct log_ring *ring, enum log_event event,
	const struct log_facts *facts)
{
	struct node *n = ring->node;
	size_t other;

	if (event == LOG_CLIENT_CONNECTED) {
		session_has_come(n, facts->address);
	} else if (event == LOG_PEER_CONNECTED) {
		other = node_called(facts->name);
		n->up[other] = true;
		n->up_life[other] = nodes[other].life;
	} else if (event == LOG_PEER_LOST) {
		n->up[node_called(facts->name)] = false;
	} else if (event == LOG_PEER_ACCEPTED) {
		n->links[node_called(facts->name)]++;
	} else if (event == LOG_PEER_CLOSED) {
		n->links[node_called(facts->name)]--;
	} else if (event == LOG_PEER_SKIPPED) {
		sim_fail("%s skips a line from %s: %.*s (%s)",
			node_name(n->index), facts->name, (int)facts->bytes.len,
			facts->bytes.ptr, facts->why);
	}
}

/* --- accepting ------------------------------------------------------------ */

static void on_accept(void *arg, struct net_end *end)
{
	struct node *n = arg;

	if (n->accepted_count == ACCEPT_ROOM) {
		net_close(end);
		return;
	}
	n->accepted[n->accepted_count++] = end;
	sim_kick(n->acceptor);
}

static bool on_accept_round(struct reactor_hook *hook)
{
	struct node *n = HERD_CONTAINER(hook, struct node, accept_hook);

	for (size_t i = 0; i < n->accepted_count; i++) {
		struct net_end *end = n->accepted[i];
		struct address from = net_address(net_other_place(end));
		size_t w = rng_below(&n->process.rng, n->worker_count);
		struct session *s;

		HERD_ASSERT(!session_new(end->fd, &from, false, &s));
		if (n->handed_count == ACCEPT_ROOM ||
			worker_adopt(n->worker[w], s))
			session_free(s);
		else
			n->handed[n->handed_count++] = s;
	}
	n->accepted_count = 0;
	return false;
}

/* --- stopping ------------------------------------------------------------- */

static void tear_down(struct node *n)
{
	struct sim_process *self = sim.self;

	sim.self = &n->process;
	net_listen(n->index, NULL, NULL);
	sim_cancel(&n->exit);
	for (size_t i = 0; i < n->accepted_count; i++)
		net_close(n->accepted[i]);
	for (size_t i = 0; i < n->handed_count; i++)
		session_free(n->handed[i]);
	for (size_t i = 0; i < n->worker_count; i++)
		worker_free(n->worker[i]);
	flood_free(n->flood);
	neighbours_free(n->neighbours);
	store_free(n->store);
	for (size_t i = 0; i < n->worker_count; i++)
		if (n->worker_reactor[i] != n->acceptor)
			reactor_free(n->worker_reactor[i]);
	if (n->flood_reactor != n->acceptor)
		reactor_free(n->flood_reactor);
	reactor_free(n->acceptor);
	eras_end(n);
	n->state = NODE_DOWN;
	sim.self = self;
}

static void on_flood_drained(void *arg)
{
	struct node *n = arg;

	sim_say("%s has stopped", node_name(n->index));
	/* All of it has arrived at those with whom it had a link. */
	for (size_t j = 0; j < plan->nodes; j++)
		if (n->up[j] && n->up_life[j] == nodes[j].life &&
			nodes[j].state == NODE_UP)
			model_promise_all(n->index, j);
	sim_after(&n->exit, 0);
}

static void on_worker_drained(void *arg)
{
	struct node *n = arg;

	if (--n->workers_left == 0)
		flood_drain(n->flood);
}

static void on_exit_due(struct timer *timer)
{
	struct node *n = HERD_CONTAINER(timer, struct node, exit);

	tear_down(n);
	if (n->restart)
		node_start(n->index);
}

void node_stop(size_t index)
{
	struct node *n = &nodes[index];

	if (n->state != NODE_UP)
		return;
	n->state = NODE_STOPPING;
	n->restart = false;
	n->workers_left = n->worker_count;
	net_listen(index, NULL, NULL);
	sim.self = &n->process;
	(void)on_accept_round(&n->accept_hook);
	for (size_t i = 0; i < n->worker_count; i++)
		worker_drain(n->worker[i]);
	sim.self = NULL;
	sim_after(&n->exit, NODE_STOP_NS);
}

void node_crash(size_t index, bool machine)
{
	struct node *n = &nodes[index];

	if (n->state == NODE_DOWN)
		return;
	if (machine)
		net_power(index, false);
	n->process.vanishing = machine;
	tear_down(n);
}

/* --- starting ------------------------------------------------------------- */

static struct text secret(void)
{
	return text_of(plan->secret ? "0123456789abcdef" : "");
}

static void make_reactors(struct node *n)
{
	bool single = plan->workers[n->index] == 0;

	n->worker_count = single ? 1 : plan->workers[n->index];
	HERD_ASSERT(!reactor_new(!single, &n->acceptor));
	n->flood_reactor = n->acceptor;
	n->worker_reactor[0] = n->acceptor;
	if (single)
		return;
	HERD_ASSERT(!reactor_new(true, &n->flood_reactor));
	for (size_t i = 0; i < n->worker_count; i++)
		HERD_ASSERT(!reactor_new(true, &n->worker_reactor[i]));
}

static void make_flood(struct node *n, const struct conf *conf)
{
	struct flood_options options = {.reactor = n->flood_reactor,
		.store = n->store,
		.neighbours = n->neighbours,
		.log = &n->ring,
		.conf = conf,
		.on_drained = on_flood_drained,
		.arg = n};

	HERD_ASSERT(!flood_new(&options, &n->flood));
}

static void make_workers(struct node *n, const struct conf *conf)
{
	for (size_t i = 0; i < n->worker_count; i++) {
		struct worker_options options = {
			.reactor = n->worker_reactor[i],
			.store = n->store,
			.neighbours = n->neighbours,
			.flood = n->flood,
			.workers = n->worker,
			.worker_count = n->worker_count,
			.log = &n->ring,
			.conf = conf,
			.server = node_name(n->index),
			.on_drained = on_worker_drained,
			.arg = n};

		HERD_ASSERT(!worker_new(&options, &n->worker[i]));
	}
}

static void begin_life(struct node *n)
{
	n->state = NODE_UP;
	n->life++;
	n->accepted_count = 0;
	n->handed_count = 0;
	memset(n->up, 0, sizeof n->up);
	memset(n->links, 0, sizeof n->links);
	n->process.vanishing = false;
	n->process.rng.state = rng_next(&sim.rng);
	n->process.monotonic_offset_ns =
		rng_between(&sim.rng, 0, 1000 * HERD_SECOND_NS);
}

void node_start(size_t index)
{
	struct node *n = &nodes[index];
	struct store_options options = {.shards = plan->shards,
		.seed = store_seed_of(secret()),
		.shared = plan->workers[index] > 0};
	const struct conf *conf;

	n->restart = true;
	if (n->state != NODE_DOWN)
		return;
	begin_life(n);
	sim_say("%s starts, life %u", node_name(index), n->life);
	sim_enter(&n->process);
	conf = era_begin(n);
	make_reactors(n);
	HERD_ASSERT(!store_new(&options, &n->store));
	HERD_ASSERT(!neighbours_new(conf, index, &n->neighbours));
	neighbours_set_secret(n->neighbours, secret());
	make_flood(n, conf);
	make_workers(n, conf);
	n->accept_hook.on_round = on_accept_round;
	reactor_hook_add(n->acceptor, &n->accept_hook);
	flood_start(n->flood);
	sim_enter(NULL);
	net_power(index, true);
	net_listen(index, on_accept, n);
}

bool node_line(size_t index, struct text id, struct buf *into)
{
	struct store *store = nodes[index].store;

	return !store_get(store, store_key_of(store, id), id, into);
}

void nodes_init(void)
{
	memset(nodes, 0, plan->nodes * sizeof *nodes);
	eras_init();
	for (size_t i = 0; i < plan->nodes; i++) {
		struct node *n = &nodes[i];

		n->index = i;
		n->ring.node = n;
		n->exit.on_due = on_exit_due;
		n->again.on_due = era_on_again;
		n->process.node = i;
		n->process.realtime_offset_ns = plan->realtime_offset_ns[i];
		node_start(i);
	}
}

void nodes_fini(void)
{
	for (size_t i = 0; i < plan->nodes; i++)
		if (nodes[i].state != NODE_DOWN)
			tear_down(&nodes[i]);
}
