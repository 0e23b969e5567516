/* cost - what a herd of N servers costs, by simulation and by arithmetic:
 * doc/performance/scaling.md.
 *
 *   cost [--tsv] [SHAPE SERVERS]   a line for each herd, or for this one
 *   cost --check                   small herds; wrong predictions fail
 *
 * Each herd is built of the code that ships and brought up; then it is
 *
 *   idle  for a minute: bytes on a link each second,
 *   slow  updates, one after the other: messages, bytes, time until all know,
 *   fast  updates of many clients at once, from all over the herd,
 *   again updates of few clients, each sooner than the one before has spread.
 *
 * Everything is decided by a seed: it is the same table every time. */
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "run.h"
#include "world.h"

#define LATENCY_NS  HERD_MS_NS     /* of a hop at the most; at least 1/8 */
#define WAKE_NS     INT64_C(20000) /* until a thread runs, at the most */
#define LOOK_NS     INT64_C(20000)
#define PATIENCE_NS (60 * HERD_SECOND_NS)
#define REST_NS     (100 * HERD_MS_NS)
#define IDLE_S      60
#define IDS         48
#define FEW_IDS     4
#define SLOW        16
#define BURST       IDS
#define BURST_NS    (5 * HERD_MS_NS)
#define EPOCH_S     INT64_C(1700000000)

/* --- shapes ------------------------------------------------------------------ */

static void join(struct plan *p, size_t a, size_t b)
{
	p->edge[a][b] = true;
	p->edge[b][a] = true;
}

static void draw_chain(struct plan *p)
{
	for (size_t i = 1; i < p->nodes; i++)
		join(p, i - 1, i);
}

static void draw_ring(struct plan *p)
{
	draw_chain(p);
	if (p->nodes > 2)
		join(p, 0, p->nodes - 1);
}

static void draw_star(struct plan *p)
{
	for (size_t i = 1; i < p->nodes; i++)
		join(p, 0, i);
}

static void draw_tree(struct plan *p)
{
	for (size_t i = 1; i < p->nodes; i++)
		join(p, (i - 1) / 2, i);
}

/* Rings through all servers in random order, two of them: four neighbours, or
 * three where they meet. */
static void draw_rings(struct plan *p)
{
	struct rng rng = {p->nodes};
	size_t order[SIM_NODES];

	draw_ring(p);
	for (size_t i = 0; i < p->nodes; i++) {
		size_t j = rng_below(&rng, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 1; i < p->nodes; i++)
		join(p, order[i - 1], order[i]);
	if (p->nodes > 2)
		join(p, order[0], order[p->nodes - 1]);
}

static void draw_mesh(struct plan *p)
{
	for (size_t i = 0; i < p->nodes; i++)
		for (size_t j = 0; j < i; j++)
			join(p, i, j);
}

static const struct shape {
	const char *name;
	void (*draw)(struct plan *p);
} shapes[] = {
	{"chain", draw_chain},
	{"ring", draw_ring},
	{"star", draw_star},
	{"tree", draw_tree},
	{"rings", draw_rings},
	{"mesh", draw_mesh},
};

static const size_t sizes[] = {2, 5, 10, 20, 50, 100, 200};

/* --- a herd and what is found out about it ------------------------------------ */

struct found {
	const char *shape;
	size_t servers, edges, hops; /* of the farthest two */
	double predicted;            /* messages of an update that is alone */
	double slow, fast, again;    /* messages of an update */
	double bytes;                /* of a slow update, on all links */
	double time_ms, time_most_ms;
	double idle_bytes; /* on a link, each way, a second */
	double link_bytes; /* of memory, at both ends */
};

static struct plan the_plan;
static struct plan_event events[SLOW + 2 * BURST];
static size_t event_count;
static int64_t stamp_s;

static void plan_herd(const struct shape *shape, size_t servers)
{
	the_plan = (struct plan){.seed = 1,
		.nodes = servers,
		.sync_interval_ns = 30 * HERD_SECOND_NS,
		.shards = 1024,
		.ids = IDS,
		.id_len = 16,
		.manner = {.latency_ns = LATENCY_NS,
			.wake_ns = WAKE_NS,
			.send_room = 1 << 17,
			.receive_room = 1 << 17}};
	if (shape)
		shape->draw(&the_plan);
	event_count = 0;
	stamp_s = EPOCH_S;
}

static size_t count_edges(void)
{
	size_t count = 0;

	for (size_t i = 0; i < the_plan.nodes; i++)
		for (size_t j = 0; j < i; j++)
			count += the_plan.edge[i][j];
	return count;
}

/* How far the farthest server is from this one. */
static size_t farthest(size_t from)
{
	size_t far[SIM_NODES] = {0};
	size_t queue[SIM_NODES] = {from};
	size_t end = 1;

	for (size_t at = 0; at < end; at++)
		for (size_t j = 0; j < the_plan.nodes; j++)
			if (the_plan.edge[queue[at]][j] && !far[j] &&
				j != from) {
				far[j] = far[queue[at]] + 1;
				queue[end++] = j;
			}
	return far[queue[end - 1]];
}

static size_t diameter(void)
{
	size_t most = 0;

	for (size_t i = 0; i < the_plan.nodes; i++)
		if (farthest(i) > most)
			most = farthest(i);
	return most;
}

/* --- what happens ---------------------------------------------------------------- */

HERD_NORETURN static void die(const char *what)
{
	printf("%zu servers, %zu edges: %s%s%s\n", the_plan.nodes,
		count_edges(), what, *sim.failure ? ": " : "", sim.failure);
	exit(1);
}

static void await(bool (*is_so)(void), const char *what)
{
	int64_t limit = sim.now_ns + PATIENCE_NS;

	while (!is_so()) {
		sim_run_until(sim.now_ns + LOOK_NS);
		if (*sim.failure || sim.now_ns > limit)
			die(what);
	}
}

static bool is_whole(void)
{
	for (size_t i = 0; i < the_plan.nodes; i++)
		for (size_t j = 0; j < the_plan.nodes; j++)
			if (the_plan.edge[i][j] &&
				(!nodes[i].up[j] || !nodes[j].links[i]))
				return false;
	return true;
}

/* What has been said settles: nothing is under way. */
static void rest(void)
{
	do
		sim_run_until(sim.now_ns + REST_NS);
	while (sim.now_ns - net_last_line_ns() < REST_NS && !*sim.failure);
	if (*sim.failure)
		die("failed");
}

/* The newest update of a client, at one server. */
static void update(unsigned id, size_t server)
{
	struct plan_event *e = &events[event_count++];

	*e = (struct plan_event){.kind = PLAN_UPDATE,
		.a = server,
		.line_count = 1,
		.line = {{.id = id, .stamp_ns = ++stamp_s * HERD_SECOND_NS}}};
	clients_update(e);
}

static bool knows(size_t server)
{
	const struct plan_line *l = &events[event_count - 1].line[0];
	char room[512], stamp[32];
	struct buf line = {0};
	bool found;

	snprintf(stamp, sizeof stamp, " %" PRId64 ".",
		l->stamp_ns / HERD_SECOND_NS);
	found = node_line(server, client_id(l->id, room), &line) &&
		memmem(buf_front(&line), buf_len(&line), stamp, strlen(stamp));
	buf_fini(&line);
	return found;
}

static bool first_knows(void)
{
	return knows(events[event_count - 1].a);
}

static bool all_know(void)
{
	for (size_t i = 0; i < the_plan.nodes; i++)
		if (!knows(i))
			return false;
	return true;
}

/* --- phases -------------------------------------------------------------------- */

/* Memory of all servers while no edge is there, to compare with. */
static size_t bytes_without_edges(size_t servers)
{
	size_t bytes;

	plan_herd(NULL, servers);
	run_begin(&the_plan, NULL);
	sim_run_until(HERD_SECOND_NS);
	bytes = sim.bytes;
	run_end();
	return bytes;
}

static void stay_idle(struct found *f)
{
	uint64_t before = net_totals().bytes;

	sim_run_until(sim.now_ns + IDLE_S * HERD_SECOND_NS);
	f->idle_bytes = (double)(net_totals().bytes - before) / IDLE_S /
			(double)(2 * f->edges);
}

static void update_slowly(struct found *f)
{
	struct net_totals before = net_totals();
	double sum_ms = 0;

	for (unsigned i = 0; i < SLOW; i++) {
		int64_t start_ns;
		double ms;

		update(i, rng_below(&sim.rng, the_plan.nodes));
		await(first_knows, "an update is lost");
		start_ns = sim.now_ns;
		await(all_know, "an update does not reach all");
		ms = (double)(sim.now_ns - start_ns) / 1e6;
		sum_ms += ms;
		if (ms > f->time_most_ms)
			f->time_most_ms = ms;
		rest();
	}
	f->time_ms = sum_ms / SLOW;
	f->slow = (double)(net_totals().lines - before.lines) / SLOW;
	f->bytes = (double)(net_totals().bytes - before.bytes) / SLOW;
}

static double update_at_once(unsigned ids)
{
	uint64_t before = net_totals().lines;

	for (unsigned i = 0; i < BURST; i++) {
		update(i % ids, rng_below(&sim.rng, the_plan.nodes));
		sim_run_until(sim.now_ns + BURST_NS / BURST);
	}
	rest();
	if (!model_is_equal(false))
		die("the servers do not agree");
	return (double)(net_totals().lines - before) / BURST;
}

static void find(const struct shape *shape, size_t servers, struct found *f)
{
	size_t bare = bytes_without_edges(servers);

	*f = (struct found){.shape = shape->name, .servers = servers};
	plan_herd(shape, servers);
	f->edges = count_edges();
	f->hops = diameter();
	f->predicted = 2 * (double)f->edges - (double)(servers - 1);
	run_begin(&the_plan, NULL);
	await(is_whole, "the links do not come up");
	rest();
	f->link_bytes =
		((double)sim.bytes - (double)bare) / (double)(2 * f->edges);
	stay_idle(f);
	update_slowly(f);
	f->fast = update_at_once(IDS);
	f->again = update_at_once(FEW_IDS);
	run_end();
}

/* --- telling ---------------------------------------------------------------------- */

static const char *const heads[] = {"shape", "servers", "edges", "hops",
	"predicted", "slow", "error", "fast", "again", "bytes", "ms", "ms_most",
	"idle_B/s", "link_B"};

static double error_percent(const struct found *f)
{
	return 100 * (f->slow - f->predicted) / f->predicted;
}

static void tell_heads(bool tsv)
{
	for (size_t i = 0; i < HERD_COUNT(heads); i++)
		printf(tsv ? "%s%s" : "%s%9s", i && tsv ? "\t" : "", heads[i]);
	printf("\n");
}

static void tell(const struct found *f, bool tsv)
{
	printf(tsv ? "%s\t%zu\t%zu\t%zu\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%.0f"
		     "\t%.2f\t%.2f\t%.1f\t%.0f\n"
		   : "%9s%9zu%9zu%9zu%9.0f%9.1f%8.1f%%%9.1f%9.1f%9.0f"
		     "%9.2f%9.2f%9.1f%9.0f\n",
		f->shape, f->servers, f->edges, f->hops, f->predicted, f->slow,
		error_percent(f), f->fast, f->again, f->bytes, f->time_ms,
		f->time_most_ms, f->idle_bytes, f->link_bytes);
	fflush(stdout);
}

/* --- checking --------------------------------------------------------------------- */

/* An update crosses every edge of a tree once; in other herds it may be told to
 * a server by two at the same moment, which then need not be told. */
static bool is_as_predicted(const struct found *f)
{
	bool is_tree = f->edges == f->servers - 1;
	double least = is_tree ? 0 : 5; /* percent */

	return f->slow <= f->predicted && error_percent(f) >= -least &&
	       f->fast <= f->predicted && f->again <= f->predicted &&
	       f->time_most_ms <= (double)f->hops * 1.1 + 0.1;
}

static int check(void)
{
	static const size_t few[] = {2, 5, 20};
	unsigned passed = 0;
	unsigned failed = 0;
	struct found f;

	for (size_t i = 0; i < HERD_COUNT(shapes); i++) {
		for (size_t j = 0; j < HERD_COUNT(few); j++) {
			find(&shapes[i], few[j], &f);
			if (is_as_predicted(&f)) {
				passed++;
				continue;
			}
			failed++;
			tell_heads(false);
			tell(&f, false);
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}

/* In place of the one that ships. */
void herd_panic(const char *file, int line, const char *what)
{
	printf("%zu servers, at %.6f s: %s:%d: assertion failed: %s\n",
		the_plan.nodes, (double)sim.now_ns / 1e9, file, line, what);
	fflush(stdout);
	abort();
}

HERD_NORETURN static void usage(void)
{
	fprintf(stderr, "Usage: cost [--tsv] [SHAPE SERVERS] | --check\n"
			"SHAPE: chain, ring, star, tree, rings or mesh\n");
	exit(2);
}

static void tell_one(const char *name, const char *servers, bool tsv)
{
	size_t count = strtoul(servers, NULL, 10);
	struct found f;

	for (size_t i = 0; i < HERD_COUNT(shapes); i++) {
		if (strcmp(shapes[i].name, name) != 0)
			continue;
		if (count < 2 || count > SIM_NODES)
			usage();
		find(&shapes[i], count, &f);
		tell(&f, tsv);
		return;
	}
	usage();
}

static void tell_all(bool tsv)
{
	struct found f;

	for (size_t i = 0; i < HERD_COUNT(shapes); i++) {
		for (size_t j = 0; j < HERD_COUNT(sizes); j++) {
			find(&shapes[i], sizes[j], &f);
			tell(&f, tsv);
		}
	}
}

/* Of a block that is mapped on its own malloc says another size. */
static void measure_alike(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"tsv", no_argument, NULL, 't'},
		{"check", no_argument, NULL, 'c'}, {0}};
	bool tsv = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c' && argc == 2)
			return check();
		if (c != 't')
			usage();
		tsv = true;
	}
	if (argc - optind != 0 && argc - optind != 2)
		usage();
	measure_alike();
	tell_heads(tsv);
	if (argc - optind == 2)
		tell_one(argv[optind], argv[optind + 1], tsv);
	else
		tell_all(tsv);
	return 0;
}
