/* era - the configurations that a simulated server goes by, one after the other;
 * like herdd it keeps them all to its end, as what it has may point into them. */
#include <stdio.h>

#include "herd/sys.h"
#include "world.h"

#define NAME_ROOM 32
#define AGAIN_NS  (10 * HERD_MS_NS)

struct era {
	struct era *before;
	struct conf conf;
	struct conf_server *servers;
	size_t *neighbours; /* of each server, at the most all */
};

static char names[SIM_NODES][NAME_ROOM];
static char hosts[SIM_NODES][NAME_ROOM];

const char *node_name(size_t index)
{
	return names[index];
}

void eras_init(void)
{
	for (size_t i = 0; i < plan->nodes; i++) {
		snprintf(names[i], NAME_ROOM, "s%zu", i);
		snprintf(hosts[i], NAME_ROOM, "10.0.0.%zu", i + 1);
	}
}

/* An edge that this server does not know of is there for the others. */
static bool names_edge(const struct node *n, size_t i, size_t j)
{
	if (i == n->index)
		return plan->edge[i][j] && !n->without[j];
	if (j == n->index)
		return plan->edge[i][j] && !n->without[i];
	return plan->edge[i][j];
}

const struct conf *era_begin(struct node *n)
{
	struct era *era = sys_alloc_zero(1, sizeof *era);
	size_t count = plan->nodes;

	HERD_ASSERT(era);
	era->servers = sys_alloc_zero(count, sizeof *era->servers);
	era->neighbours = sys_alloc_zero(count * count, sizeof(size_t));
	HERD_ASSERT(era->servers && era->neighbours);
	era->before = n->era;
	n->era = era;
	era->conf = (struct conf){.path = "sim",
		.stop_timeout_ns = NODE_STOP_NS,
		.servers = era->servers,
		.server_count = count};
	era->conf.peers.trust_addresses = true;
	era->conf.peers.sync_interval_s =
		(unsigned)(plan->sync_interval_ns / HERD_SECOND_NS);
	era->conf.limits.line = LINE_MAX_DEFAULT;
	era->conf.limits.connections = 1000;
	era->conf.limits.write_timeout_ns = 30 * HERD_SECOND_NS;
	for (size_t i = 0; i < count; i++) {
		struct conf_server *s = &era->servers[i];

		*s = (struct conf_server){.name = names[i],
			.host = hosts[i],
			.port = 12000,
			.neighbours = &era->neighbours[i * count]};
		for (size_t j = 0; j < count; j++)
			if (names_edge(n, i, j))
				s->neighbours[s->neighbour_count++] = j;
	}
	return &era->conf;
}

void eras_end(struct node *n)
{
	struct era *era;

	sim_cancel(&n->again);
	while ((era = n->era)) {
		n->era = era->before;
		sys_free(era->neighbours);
		sys_free(era->servers);
		sys_free(era);
	}
}

/* --- reloading ------------------------------------------------------------ */

/* As reload.c does: a full mailbox is tried again. */
static void tell(struct node *n)
{
	const struct conf *conf = &n->era->conf;
	int rc = flood_update(n->flood, conf);

	for (size_t i = 0; i < n->worker_count; i++)
		if (worker_update(n->worker[i], conf))
			rc = -1;
	if (rc)
		sim_after(&n->again, AGAIN_NS);
}

void era_on_again(struct timer *timer)
{
	struct node *n = HERD_CONTAINER(timer, struct node, again);

	sim.self = &n->process;
	tell(n);
	sim.self = NULL;
}

static void reload(struct node *n)
{
	const struct conf *conf;

	if (n->state != NODE_UP)
		return;
	sim.self = &n->process;
	conf = era_begin(n);
	HERD_ASSERT(!neighbours_update(n->neighbours, conf, n->index));
	tell(n);
	sim.self = NULL;
}

void node_reload(size_t index, size_t neighbour, bool named)
{
	nodes[index].without[neighbour] = !named;
	reload(&nodes[index]);
}

void node_reload_whole(size_t index)
{
	struct node *n = &nodes[index];
	bool any = false;

	for (size_t i = 0; i < plan->nodes; i++) {
		any |= n->without[i];
		n->without[i] = false;
	}
	if (any)
		reload(n);
}
