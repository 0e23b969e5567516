/* plan - a seed's herd and its events; see plan.h. */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>

#define FLAPS    40
#define EPOCH_NS (INT64_C(1600000000) * HERD_SECOND_NS)

struct maker {
	struct rng rng;
	struct plan *plan;
	int64_t at_ns;
	int64_t last_stamp_ns;
};

static struct plan_event *add(struct maker *m, enum plan_kind kind)
{
	struct plan *plan = m->plan;
	struct plan_event *e = &plan->event[plan->count];

	HERD_ASSERT(plan->count < PLAN_EVENTS);
	*e = (struct plan_event){.kind = kind, .at_ns = m->at_ns};
	e->a = rng_below(&m->rng, plan->nodes);
	plan->count++;
	return e;
}

/* --- the herd ------------------------------------------------------------- */

static size_t how_many(struct rng *rng)
{
	uint64_t dice = rng_below(rng, 100);

	if (dice < 65)
		return 2 + rng_below(rng, 4);
	if (dice < 94)
		return 3 + rng_below(rng, 7);
	return 8 + rng_below(rng, PLAN_NODES - 7);
}

/* A tree, and some edges more. */
static void draw_edges(struct plan *plan, struct rng *rng)
{
	size_t more = rng_chance(rng, 30) ? 0 : rng_below(rng, plan->nodes + 1);

	for (size_t i = 1; i < plan->nodes; i++) {
		size_t j = rng_chance(rng, 30) ? i - 1 : rng_below(rng, i);

		plan->edge[i][j] = plan->edge[j][i] = true;
	}
	plan->is_tree = !more;
	while (more-- > 0) {
		size_t i = rng_below(rng, plan->nodes);
		size_t j = rng_below(rng, plan->nodes);

		if (i != j)
			plan->edge[i][j] = plan->edge[j][i] = true;
	}
}

static void choose_manner(struct plan *plan, struct rng *rng)
{
	static const size_t rooms[] = {300, 1500, 8192, 65536, 262144};
	static const int64_t latencies_ms[] = {1, 1, 5, 20, 100};

	plan->manner = (struct sim_manner){
		.latency_ns = latencies_ms[rng_below(rng, 5)] * HERD_MS_NS,
		.wake_ns =
			rng_chance(rng, 20) ? 5 * HERD_MS_NS : HERD_MS_NS / 10,
		.send_room = rooms[rng_below(rng, 5)],
		.receive_room = rooms[rng_below(rng, 5)],
		.preempt = rng_chance(rng, 50) ? 40 : 0,
		.split = rng_chance(rng, 50) ? 30 : 0};
}

static void choose_herd(struct plan *plan, struct rng *rng)
{
	plan->nodes = how_many(rng);
	draw_edges(plan, rng);
	choose_manner(plan, rng);
	for (size_t i = 0; i < plan->nodes; i++) {
		if (rng_chance(rng, 70))
			plan->workers[i] =
				1 + (unsigned)rng_below(rng, PLAN_WORKERS);
		plan->realtime_offset_ns[i] =
			EPOCH_NS +
			(rng_chance(rng, 50)
					? 0
					: rng_between(rng, -30 * HERD_SECOND_NS,
						  30 * HERD_SECOND_NS));
	}
	plan->secret = rng_chance(rng, 25);
	plan->sync_interval_ns = rng_between(rng, 2, 20) * HERD_SECOND_NS;
	plan->shards = 1u << rng_below(rng, 4);
	plan->ids = rng_chance(rng, 20)   ? 2
		    : rng_chance(rng, 60) ? 8
					  : PLAN_IDS;
	plan->id_len = rng_chance(rng, 15) ? 400 : (unsigned)rng_below(rng, 24);
}

/* --- what happens --------------------------------------------------------- */

/* Mostly the time it is; often one that was there before, so that stamps are
 * equal and lines come again. */
static int64_t next_stamp(struct maker *m)
{
	uint64_t dice = rng_below(&m->rng, 100);
	int64_t stamp = EPOCH_NS + m->at_ns;

	if (dice < 25 && m->last_stamp_ns)
		return m->last_stamp_ns;
	if (dice < 45)
		stamp += rng_between(
			&m->rng, -20 * HERD_SECOND_NS, 20 * HERD_SECOND_NS);
	m->last_stamp_ns = stamp;
	return stamp;
}

static struct plan_event *add_update(struct maker *m)
{
	struct plan_event *e = add(m, PLAN_UPDATE);

	e->line_count = 1;
	if (rng_chance(&m->rng, 30))
		e->line_count += (unsigned)rng_below(&m->rng,
			m->plan->ids > 8 ? PLAN_LINES : PLAN_LINES / 4);
	for (unsigned i = 0; i < e->line_count; i++)
		e->line[i] = (struct plan_line){
			.id = (unsigned)rng_below(&m->rng, m->plan->ids),
			.place = (unsigned)rng_below(&m->rng, 3),
			.stamp_ns = next_stamp(m),
			.far = rng_chance(&m->rng, 10)};
	e->linger = rng_chance(&m->rng, 30);
	e->rude = rng_chance(&m->rng, 5);
	return e;
}

/* The same line once more, at another server. */
static void add_retry(struct maker *m)
{
	size_t last = m->plan->count - 1;
	struct plan_event *e = add(m, PLAN_UPDATE);
	size_t a = e->a;

	if (m->plan->event[last].kind != PLAN_UPDATE) {
		m->plan->count--;
		return;
	}
	*e = m->plan->event[last];
	e->a = a;
	e->at_ns = m->at_ns;
}

/* A neighbour of a. */
static size_t next_to(struct maker *m, size_t a)
{
	size_t b = rng_below(&m->rng, m->plan->nodes);

	while (!m->plan->edge[a][b])
		b = (b + 1) % m->plan->nodes;
	return b;
}

/* Something that lasts: now its start, its end some time later. */
static void add_trouble(struct maker *m)
{
	static const enum plan_kind kinds[] = {PLAN_CUT, PLAN_CUT, PLAN_SPLIT,
		PLAN_RESET, PLAN_CRASH, PLAN_CRASH, PLAN_STOP, PLAN_PAUSE,
		PLAN_CLOCK};
	enum plan_kind kind = kinds[rng_below(&m->rng, HERD_COUNT(kinds))];
	struct plan_event *e = add(m, kind);
	struct plan_event *end = NULL;
	int64_t most = rng_chance(&m->rng, 30) ? 20 : 3;
	int64_t length =
		rng_between(&m->rng, HERD_MS_NS, most * HERD_SECOND_NS);

	e->b = next_to(m, e->a);
	e->both = rng_chance(&m->rng, 50);
	e->set = (uint32_t)rng_next(&m->rng);
	e->length_ns = length;
	if (kind == PLAN_CLOCK)
		e->length_ns = rng_between(
			&m->rng, -10 * HERD_SECOND_NS, 10 * HERD_SECOND_NS);
	if (kind == PLAN_CUT)
		end = add(m, PLAN_MEND);
	else if (kind == PLAN_SPLIT)
		end = add(m, PLAN_MEND_ALL);
	else if (kind == PLAN_CRASH || kind == PLAN_STOP)
		end = add(m, PLAN_START);
	if (end) {
		end->a = e->a;
		end->b = e->b;
		end->at_ns += length;
	}
	/* It stops with work at hand. */
	if (kind == PLAN_STOP)
		add_update(m)->a = e->a;
	if (kind == PLAN_STOP)
		e->at_ns += rng_between(&m->rng, 0, 20 * HERD_MS_NS);
}

/* An edge is taken out of the herd, and comes back: each end reloads when it
 * is told to. */
static void add_reloads(struct maker *m)
{
	size_t a = rng_below(&m->rng, m->plan->nodes);
	size_t b = next_to(m, a);

	for (int i = 0; i < 4; i++) {
		struct plan_event *e = add(m, PLAN_RELOAD);

		e->a = i % 2 ? b : a;
		e->b = i % 2 ? a : b;
		e->both = i >= 2;
		e->at_ns += rng_between(&m->rng, 0, HERD_SECOND_NS);
		if (i >= 2)
			e->at_ns += rng_between(
				&m->rng, HERD_SECOND_NS, 5 * HERD_SECOND_NS);
	}
}

/* An edge whose connections are reset again and again. */
static void add_flapping(struct maker *m)
{
	size_t a = rng_below(&m->rng, m->plan->nodes);
	size_t b = next_to(m, a);
	int64_t begun_ns = m->at_ns;

	for (int i = 0; i < FLAPS && m->plan->count < PLAN_EVENTS - 2; i++) {
		struct plan_event *e = add(m, PLAN_RESET);

		e->a = a;
		e->b = b;
		m->at_ns +=
			rng_between(&m->rng, 10 * HERD_MS_NS, HERD_SECOND_NS);
	}
	if (m->plan->end_ns < m->at_ns)
		m->plan->end_ns = m->at_ns;
	m->at_ns = begun_ns;
}

static void sort_events(struct plan *plan)
{
	for (size_t i = 1; i < plan->count; i++) {
		struct plan_event e = plan->event[i];
		size_t at = i;

		for (; at > 0 && plan->event[at - 1].at_ns > e.at_ns; at--)
			plan->event[at] = plan->event[at - 1];
		plan->event[at] = e;
	}
}

void plan_make(uint64_t seed, struct plan *plan)
{
	struct maker m = {.rng = {seed * 7919 + 17}, .plan = plan};
	size_t wanted;
	unsigned trouble;
	int64_t pause;

	memset(plan, 0, sizeof *plan);
	plan->seed = seed;
	choose_herd(plan, &m.rng);
	wanted = 5 + rng_below(&m.rng, rng_chance(&m.rng, 10) ? 250 : 50);
	trouble = rng_chance(&m.rng, 15) ? 0
					 : 5 + (unsigned)rng_below(&m.rng, 35);
	pause = rng_chance(&m.rng, 50) ? 100 * HERD_MS_NS : HERD_SECOND_NS;
	while (plan->count < wanted && plan->count < PLAN_EVENTS - 4) {
		m.at_ns += rng_between(&m.rng, 0, pause);
		if (trouble && rng_below(&m.rng, 400) == 0)
			add_flapping(&m);
		else if (trouble && rng_below(&m.rng, 80) == 0)
			add_reloads(&m);
		else if (rng_chance(&m.rng, trouble))
			add_trouble(&m);
		else if (plan->count && rng_chance(&m.rng, 15))
			add_retry(&m);
		else
			(void)add_update(&m);
	}
	sort_events(plan);
	if (plan->end_ns < m.at_ns)
		plan->end_ns = m.at_ns;
	plan->end_ns += rng_between(&m.rng, 0, 3 * HERD_SECOND_NS);
}

/* --- for people ----------------------------------------------------------- */

void plan_say_event(const struct plan_event *e, char *dst, size_t room)
{
	static const char *const names[PLAN_KINDS] = {"update", "cut", "mend",
		"split", "mend all", "reset", "crash", "stop", "start", "pause",
		"clock", "reload"};
	int n = snprintf(dst, room, "%9.6f s  %-8s %zu", (double)e->at_ns / 1e9,
		names[e->kind], e->a);

	switch (e->kind) {
	case PLAN_CUT:
		snprintf(dst + n, room - (size_t)n, " -%s %zu",
			e->both ? "-" : ">", e->b);
		break;
	case PLAN_MEND:
	case PLAN_RESET:
		snprintf(dst + n, room - (size_t)n, " -- %zu", e->b);
		break;
	case PLAN_SPLIT:
		snprintf(dst + n, room - (size_t)n, " set %#" PRIx32, e->set);
		break;
	case PLAN_CRASH:
		snprintf(dst + n, room - (size_t)n, " %s",
			e->both ? "machine" : "process");
		break;
	case PLAN_PAUSE:
	case PLAN_CLOCK:
		snprintf(dst + n, room - (size_t)n, " %+.6f s",
			(double)e->length_ns / 1e9);
		break;
	case PLAN_UPDATE:
		snprintf(dst + n, room - (size_t)n,
			"%s%s: %u lines, first of client %u at place %u, "
			"%" PRId64,
			e->linger ? " lingering" : "", e->rude ? " rude" : "",
			e->line_count, e->line[0].id, e->line[0].place,
			e->line[0].stamp_ns);
		break;
	case PLAN_RELOAD:
		snprintf(dst + n, room - (size_t)n, " %s %zu",
			e->both ? "with" : "without", e->b);
		break;
	case PLAN_MEND_ALL:
	case PLAN_STOP:
	case PLAN_START:
	case PLAN_KINDS:
		break;
	}
}

void plan_print(const struct plan *plan, const bool *dropped)
{
	char text[160];

	printf("seed %" PRIu64
	       ": %zu servers, %u clients, %u shards, %s, compare every "
	       "%" PRId64 " s, trouble until %.3f s\n",
		plan->seed, plan->nodes, plan->ids, plan->shards,
		plan->secret ? "a secret" : "no secret",
		plan->sync_interval_ns / HERD_SECOND_NS,
		(double)plan->end_ns / 1e9);
	printf("latency %g ms, wake %g ms, rooms %zu and %zu, preempt %u %%, "
	       "split %u %%\n",
		(double)plan->manner.latency_ns / 1e6,
		(double)plan->manner.wake_ns / 1e6, plan->manner.send_room,
		plan->manner.receive_room, plan->manner.preempt,
		plan->manner.split);
	for (size_t i = 0; i < plan->nodes; i++) {
		printf("server %zu: %u workers, neighbours", i,
			plan->workers[i]);
		for (size_t j = 0; j < plan->nodes; j++)
			if (plan->edge[i][j])
				printf(" %zu", j);
		printf("\n");
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (dropped && dropped[i])
			continue;
		plan_say_event(&plan->event[i], text, sizeof text);
		printf("%4zu %s\n", i, text);
	}
}
