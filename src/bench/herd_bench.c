/* herd-bench - load for a server, and what it costs; herd-bench(1).
 *
 *   bench_options   what is to be done
 *   measure         threads that do it, the time that counts, the cost
 *     driver        such a thread
 *       loop        lasting connections: closed, open, clients
 *         stream    one of them, with requests under way
 *       connects    connections that last one request
 *       idle        connections that say nothing
 *     cost          what the server used
 *   bench_flood     updates through a herd: numbered, by writer, to member
 *   figures         what there is to say */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "connects.h"
#include "herd/bench_flood.h"
#include "herd/bench_options.h"
#include "herd/figures.h"
#include "herd/sys.h"
#include "idle.h"
#include "loop.h"
#include "measure.h"
#include "target.h"

static int complain(const char *text)
{
	fprintf(stderr, "herd-bench: %s\n", text);
	return EXIT_FAILURE;
}

/* As many connections as there may be descriptors. */
static void raise_limit(void)
{
	struct rlimit limit;

	/* UNTESTED: neither can fail for a limit of one's own. */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* --- what was asked for, and what came out -------------------------------- */

static void tell_load(struct figures *f, const struct bench_options *o)
{
	figures_add_text(f, "mode", bench_mode_name(o->mode));
	figures_add_text(f, "protocol", o->protocol);
	figures_add_text(f, "target", o->target_text);
	figures_add_count(f, "connections", o->connections);
	if (o->mode == BENCH_CLOSED || o->mode == BENCH_CLIENTS)
		figures_add_count(f, "pipeline", o->pipeline);
	figures_add_count(f, "threads", o->threads);
	figures_add_count(f, "ids", o->ids);
	if (o->zipf > 0)
		figures_add(f, "zipf", o->zipf);
	if (o->reads > 0)
		figures_add(f, "reads_percent", o->reads * 100);
	if (o->mode == BENCH_OPEN)
		figures_add(f, "rate_asked_per_s", o->rate);
}

/* What the server's memory has grown by, for each of so many. */
static void tell_growth(struct figures *f, const char *name,
	const struct bench_options *o, const struct measurement *m,
	uint64_t count)
{
	int64_t grown = m->cost.memory_bytes - m->memory_before_bytes;

	if (!o->pid_count || m->cost_unknown)
		return;
	figures_add_count(f, "server_memory_before_bytes",
		(uint64_t)m->memory_before_bytes);
	figures_add(f, name, (double)grown / (double)count);
}

/* How well we did ourselves, and what the times do not know. */
static void tell_account(struct figures *f, const struct bench_options *o,
	const struct drivers_account *a)
{
	if (o->mode == BENCH_CLOSED || o->mode == BENCH_OPEN ||
		o->mode == BENCH_CONNECT) {
		figures_add_count(f, "unanswered", a->unanswered);
		figures_add(
			f, "unanswered_longest_us", (double)a->oldest_ns / 1e3);
	}
	if (o->mode == BENCH_OPEN)
		figures_add(
			f, "generator_late_p99_us", (double)a->late_ns / 1e3);
	figures_add(f, "generator_busy", a->busy);
}

static void tell_measurement(struct figures *f, const struct bench_options *o,
	const struct measurement *m)
{
	double seconds = (double)m->cost.time_ns / 1e9;
	uint64_t count = m->times.count;
	bool idle = o->mode == BENCH_IDLE;

	figures_add_count(f, idle ? "connected" : "requests", count);
	figures_add_count(f, "errors", m->wrong);
	if (m->first_wrong[0])
		figures_add_text(f, "first_error", m->first_wrong);
	figures_add(f, "seconds", seconds);
	figures_add(f, idle ? "connections_per_s" : "requests_per_s",
		(double)count / seconds);
	figures_add_times(f, idle ? "connect_time" : "latency", &m->times);
	if (idle)
		tell_growth(
			f, "server_memory_per_connection_bytes", o, m, count);
	if (o->mode == BENCH_CLIENTS)
		tell_growth(f, "server_memory_per_client_bytes", o, m, count);
	tell_account(f, o, &m->account);
	measure_tell_cost(f, o, m);
}

static int print(const struct figures *f, bool json)
{
	int rc = figures_print(f, stdout, json);

	if (!rc && fflush(stdout))
		rc = -errno;
	if (!rc)
		return 0;
	fprintf(stderr, "herd-bench: cannot tell what was found: %s\n",
		sys_error_text(rc));
	return EXIT_FAILURE;
}

/* --- the modes ------------------------------------------------------------ */

static int run_load(const struct bench_options *o, struct figures *f)
{
	static const struct driver_work *const works[] = {
		[BENCH_CLOSED] = &loop_closed,
		[BENCH_OPEN] = &loop_open,
		[BENCH_CONNECT] = &connects_work,
		[BENCH_IDLE] = &idle_work,
		[BENCH_CLIENTS] = &loop_clients,
	};
	bool to_the_end = o->mode == BENCH_IDLE || o->mode == BENCH_CLIENTS;
	char error[MEASURE_ERROR];
	struct measurement m;

	if (measure(o, works[o->mode], to_the_end, &m, error))
		return complain(error);
	tell_load(f, o);
	tell_measurement(f, o, &m);
	if (print(f, o->json))
		return EXIT_FAILURE;
	measure_warn(o, &m);
	if (m.failure[0])
		return complain(m.failure);
	if (m.wrong) {
		fprintf(stderr,
			"herd-bench: %llu answers were wrong; the first: %s\n",
			(unsigned long long)m.wrong, m.first_wrong);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int run_flood(const struct bench_options *o, struct figures *f)
{
	char error[BENCH_FLOOD_ERROR_MAX];

	figures_add_text(f, "mode", bench_mode_name(o->mode));
	figures_add_text(f, "write", o->write);
	figures_add_text(f, "watch", o->watch);
	figures_add_count(f, "connections", o->connections);
	figures_add_count(f, "ids", o->ids);
	if (bench_flood(o, f, error))
		return complain(error);
	return print(f, o->json);
}

int main(int argc, char **argv)
{
	char error[TARGET_ERROR];
	struct bench_options o;
	struct figures *f;
	int status = bench_options_parse(argc, argv, &o);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
	if (o.target_text) {
		int rc = target_find(o.target_text, &o.target, error);

		if (rc) {
			complain(error);
			return rc == -EINVAL ? 2 : EXIT_FAILURE;
		}
	}
	if (figures_new(&f))
		return complain("out of memory");
	status = o.mode == BENCH_FLOOD ? run_flood(&o, f) : run_load(&o, f);
	figures_free(f);
	return status;
}
