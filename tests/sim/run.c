/* run - trouble, then peace, then what must be true; see run.h. */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "world.h"

#define STEP_NS     (100 * HERD_MS_NS)
#define SETTLE_NS   (2500 * HERD_MS_NS) /* what was held back arrives */
#define CONVERGE_NS (30 * HERD_SECOND_NS)
#define INTERVALS   3 /* of comparison, and all must be equal */
#define QUIET_NS    (6 * HERD_SECOND_NS)
#define PROBE_NS    (50 * HERD_MS_NS)
#define PROBE_HOP   (6 * HERD_MS_NS)
#define PROBE_STAMP (INT64_C(1700000000) * HERD_SECOND_NS)
#define PROBE_TEXT  " 1700000000."
#define STEPS_MAX   20000000
#define NODE_BYTES  ((size_t)2500000)

struct sim sim;
const struct plan *plan;

static struct timer event_timers[PLAN_EVENTS];

/* --- the queue ------------------------------------------------------------ */

void sim_after(struct timer *timer, int64_t wait_ns)
{
	timers_set(&sim.events, timer, sim.now_ns + wait_ns);
}

void sim_cancel(struct timer *timer)
{
	timers_clear(&sim.events, timer);
}

void sim_run_until(int64_t ns)
{
	struct timer *t;

	while ((t = sim.events.first) && t->due_ns <= ns) {
		sim.now_ns = t->due_ns;
		timers_clear(&sim.events, t);
		t->on_due(t);
		if (++sim.steps > STEPS_MAX) {
			sim_fail("it never comes to rest");
			return;
		}
	}
	sim.now_ns = ns;
}

void sim_fail(const char *format, ...)
{
	va_list args;

	if (*sim.failure)
		return;
	va_start(args, format);
	vsnprintf(sim.failure, sizeof sim.failure, format, args);
	va_end(args);
	sim_say("FAILED: %s", sim.failure);
}

void sim_say(const char *format, ...)
{
	va_list args;

	if (!sim.verbose)
		return;
	printf("%11.6f ", (double)sim.now_ns / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* --- events --------------------------------------------------------------- */

static void cut_off(uint32_t set)
{
	for (size_t i = 0; i < plan->nodes; i++)
		for (size_t j = 0; j < plan->nodes; j++)
			if ((set >> i & 1) != (set >> j & 1))
				net_cut(i, j, true);
}

static void mend_all(void)
{
	for (size_t i = 0; i < plan->nodes; i++)
		for (size_t j = 0; j < plan->nodes; j++)
			if (net_is_cut(i, j))
				net_cut(i, j, false);
}

static void happen(const struct plan_event *e)
{
	switch (e->kind) {
	case PLAN_UPDATE:
		clients_update(e);
		break;
	case PLAN_CUT:
		net_cut(e->a, e->b, true);
		if (e->both)
			net_cut(e->b, e->a, true);
		break;
	case PLAN_MEND:
		net_cut(e->a, e->b, false);
		net_cut(e->b, e->a, false);
		break;
	case PLAN_SPLIT:
		cut_off(e->set);
		break;
	case PLAN_MEND_ALL:
		mend_all();
		break;
	case PLAN_RESET:
		net_reset_between(e->a, e->b);
		break;
	case PLAN_CRASH:
		node_crash(e->a, e->both);
		break;
	case PLAN_STOP:
		node_stop(e->a);
		break;
	case PLAN_START:
		node_start(e->a);
		break;
	case PLAN_PAUSE:
		nodes[e->a].process.paused_until_ns = sim.now_ns + e->length_ns;
		break;
	case PLAN_CLOCK:
		nodes[e->a].process.realtime_offset_ns += e->length_ns;
		break;
	case PLAN_RELOAD:
		node_reload(e->a, e->b, e->both);
		break;
	case PLAN_KINDS:
		break;
	}
}

static void on_event(struct timer *timer)
{
	const struct plan_event *e = &plan->event[timer - event_timers];
	char text[160];

	if (sim.verbose) {
		plan_say_event(e, text, sizeof text);
		sim_say("event %zu: %s", (size_t)(timer - event_timers),
			text + 14);
	}
	happen(e);
}

/* --- the end of trouble --------------------------------------------------- */

static void make_peace(void)
{
	sim_say("peace");
	for (size_t i = 0; i < plan->count; i++)
		sim_cancel(&event_timers[i]);
	mend_all();
	sim.manner.latency_ns = HERD_MS_NS / 2;
	sim.manner.wake_ns = HERD_MS_NS / 10;
	if (sim.manner.send_room < 8192)
		sim.manner.send_room = 8192;
	if (sim.manner.receive_room < 8192)
		sim.manner.receive_room = 8192;
	for (size_t i = 0; i < plan->nodes; i++) {
		sim_resume(&nodes[i].process);
		node_reload_whole(i);
		if (nodes[i].state == NODE_UP)
			model_promise_all(i, i);
		node_start(i);
	}
}

static bool is_at_rest(void)
{
	return clients_are_gone() && model_is_whole(false) &&
	       model_is_equal(false) &&
	       sim.now_ns - net_last_line_ns() >= STEP_NS;
}

static void await_rest(void)
{
	int64_t limit =
		sim.now_ns + CONVERGE_NS + INTERVALS * plan->sync_interval_ns;

	sim_run_until(sim.now_ns + SETTLE_NS);
	while (!is_at_rest()) {
		if (sim.now_ns >= limit) {
			(void)model_is_whole(true);
			(void)model_is_equal(true);
			sim_fail("lines go round and round");
			return;
		}
		sim_run_until(sim.now_ns + STEP_NS);
		if (*sim.failure)
			return;
	}
}

/* A quiet herd floods nothing. */
static void check_silence(void)
{
	net_forget_lines();
	sim_run_until(sim.now_ns + QUIET_NS);
	for (size_t i = 0; i < plan->nodes; i++)
		for (size_t j = 0; j < plan->nodes; j++)
			if (net_lines(i, j))
				sim_fail("%u lines from %s to %s out of the "
					 "blue",
					net_lines(i, j), node_name(i),
					node_name(j));
}

/* Nobody was started anew: each knows the others' only incarnation. */
static bool is_first_life(void)
{
	for (size_t i = 0; i < plan->nodes; i++)
		if (nodes[i].life != 1)
			return false;
	return true;
}

/* One update crosses each edge once, or once each way. Where the herd is a tree
 * it cannot come from two sides, and crosses once; after restarts it may yet
 * come back, when the hello of a process that is gone was heard late. */
static void check_crossings(unsigned updates)
{
	unsigned most = plan->is_tree && is_first_life() ? 1 : 2;

	for (size_t i = 0; i < plan->nodes; i++) {
		for (size_t j = 0; j < i; j++) {
			unsigned to = net_lines(i, j);
			unsigned from = net_lines(j, i);

			if (!plan->edge[i][j] && !to && !from)
				continue;
			if (plan->edge[i][j] && to <= updates &&
				from <= updates && to + from >= updates &&
				to + from <= most * updates)
				continue;
			sim_fail("%u updates went %u times from %s to %s, %u "
				 "times back",
				updates, to, node_name(i), node_name(j), from);
		}
	}
}

static void check_probe(unsigned id, size_t place)
{
	static const char stamp[] = PROBE_TEXT;
	char room[512];
	struct buf line = {0};

	if (!node_line(place, client_id(id, room), &line) ||
		!memmem(buf_front(&line), buf_len(&line), stamp,
			sizeof stamp - 1))
		sim_fail("an update was lost on a quiet herd");
	buf_fini(&line);
}

/* Updates of so many clients, at about the same time, are soon known to all. */
static void probe(unsigned updates)
{
	static struct plan_event e[PLAN_IDS];

	sim_say("%u updates on a quiet herd", updates);
	net_forget_lines();
	for (unsigned i = 0; i < updates; i++) {
		e[i] = (struct plan_event){.kind = PLAN_UPDATE,
			.a = rng_below(&sim.rng, plan->nodes),
			.line_count = 1,
			.line = {{.id = i,
				.place = updates % 2,
				.stamp_ns = PROBE_STAMP + updates}}};
		clients_update(&e[i]);
	}
	sim_run_until(sim.now_ns + PROBE_NS + (int64_t)plan->nodes * PROBE_HOP);
	if (!model_is_equal(true))
		sim_fail("an update takes too long");
	check_crossings(updates);
	for (unsigned i = 0; i < updates; i++)
		check_probe(i, e[i].a);
}

/* --- a run ---------------------------------------------------------------- */

void run_begin(const struct plan *the_plan, const bool *dropped)
{
	bool verbose = sim.verbose;

	plan = the_plan;
	sim = (struct sim){.verbose = verbose,
		.rng = {plan->seed ^ UINT64_C(0x9e3779b97f4a7c15)},
		.manner = plan->manner};
	sim_enter(NULL);
	net_init();
	model_init();
	clients_init();
	nodes_init();
	for (size_t i = 0; i < plan->count; i++) {
		event_timers[i] = (struct timer){.on_due = on_event};
		if (!dropped || !dropped[i])
			sim_after(&event_timers[i], plan->event[i].at_ns);
	}
}

void run_end(void)
{
	clients_fini();
	nodes_fini();
	model_fini();
	net_fini();
	if (sim.blocks)
		sim_fail("%zu blocks of memory are left", sim.blocks);
}

bool run_plan(const struct plan *the_plan, const bool *dropped)
{
	run_begin(the_plan, dropped);
	sim_run_until(plan->end_ns);
	make_peace();
	await_rest();
	if (!*sim.failure)
		check_silence();
	if (!*sim.failure)
		model_check();
	if (!*sim.failure)
		probe(1);
	sim.manner.preempt = 50;
	if (!*sim.failure)
		probe(plan->ids);
	if (sim.most_bytes > plan->nodes * NODE_BYTES)
		sim_fail("%zu bytes were held at once", sim.most_bytes);
	run_end();
	return !*sim.failure;
}

/* --- shrinking ------------------------------------------------------------ */

/* Without these events too? Then they stay dropped. */
static bool try_without(const struct plan *the_plan, bool dropped[PLAN_EVENTS],
	size_t from, size_t len)
{
	bool fewer[PLAN_EVENTS];
	bool any = false;

	memcpy(fewer, dropped, sizeof fewer);
	for (size_t i = from; i < from + len && i < the_plan->count; i++) {
		any |= !fewer[i];
		fewer[i] = true;
	}
	if (!any || run_plan(the_plan, fewer))
		return false;
	memcpy(dropped, fewer, sizeof fewer);
	return true;
}

void run_shrink(const struct plan *the_plan, bool dropped[PLAN_EVENTS])
{
	bool shrunk;

	do {
		shrunk = false;
		for (size_t len = the_plan->count; len > 0; len /= 2)
			for (size_t at = 0; at < the_plan->count; at += len)
				shrunk |=
					try_without(the_plan, dropped, at, len);
	} while (shrunk);
}
