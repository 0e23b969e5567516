/* measure - the main thread's part; see measure.h. */
#include "measure.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "herd/sys.h"
#include "progress.h"
#include "signals.h"

#define PATIENCE_NS (10 * HERD_SECOND_NS)

/* From where on a measurement is doubtful. */
#define OTHER_LOAD_DOUBTFUL 0.05 /* of all CPUs */
#define STOLEN_DOUBTFUL     0.01 /* of a CPU */
#define BUSY_DOUBTFUL       0.95 /* of a thread's time */
#define UNANSWERED_DOUBTFUL 0.05 /* of what was answered, at a rate */
#define LONG_WAIT_NS        HERD_SECOND_NS

struct watchman {
	const struct bench_options *o;
	struct drivers drivers;
	struct progress progress;
	int signal_fd;
	bool interrupted;
};

/* Until a driver has something to say, a signal has come, or `until_ns`. */
static void wait_for_word(struct watchman *w, int64_t until_ns)
{
	struct pollfd fds[] = {
		{.fd = w->drivers.post_fd, .events = POLLIN},
		{.fd = w->signal_fd, .events = POLLIN},
	};
	int64_t left_ns = until_ns - sys_monotonic_ns();
	struct timespec timeout = {
		left_ns / HERD_SECOND_NS, left_ns % HERD_SECOND_NS};

	if (left_ns <= 0 || ppoll(fds, HERD_COUNT(fds), &timeout, NULL) <= 0)
		return;
	if (fds[0].revents)
		drivers_hear(&w->drivers);
	if (fds[1].revents)
		w->interrupted = signals_take(w->signal_fd) > 0;
}

/* Let time pass, second by second, until `end_ns` or the work is done. What was
 * seen is added to `into`. */
static void pass(struct watchman *w, const char *what, int64_t end_ns,
	struct histogram *into)
{
	int64_t begun_ns = sys_monotonic_ns();
	int64_t last_ns = begun_ns;

	while (!w->interrupted && !drivers_are_done(&w->drivers)) {
		struct histogram second = {0};
		int64_t second_ns = last_ns + HERD_SECOND_NS;
		int64_t now_ns;

		wait_for_word(w, second_ns < end_ns ? second_ns : end_ns);
		now_ns = sys_monotonic_ns();
		if (now_ns >= end_ns)
			return;
		if (now_ns < second_ns)
			continue;
		drivers_turn(&w->drivers, &second);
		histogram_merge(into, &second);
		progress_show(&w->progress, what, &second,
			(double)(now_ns - last_ns) / 1e9,
			drivers_wrong(&w->drivers));
		last_ns = now_ns;
	}
}

/* Nothing was answered in the time there was: that is worth some more. */
static void wait_for_one(struct watchman *w, struct histogram *into)
{
	int64_t limit_ns = sys_monotonic_ns() + PATIENCE_NS;
	int64_t now_ns;

	while (into->count == 0 && !w->interrupted &&
		!drivers_are_done(&w->drivers) &&
		(now_ns = sys_monotonic_ns()) < limit_ns) {
		pass(w, "waiting", now_ns + PATIENCE_NS / 100, into);
		drivers_turn(&w->drivers, into);
	}
}

static int take_cost(
	const struct bench_options *o, struct cost *ret_cost, char *error)
{
	int rc = cost_take(o->pids, o->pid_count, ret_cost);

	if (rc)
		snprintf(error, MEASURE_ERROR,
			"cannot see what the server uses: %s",
			cost_explain(rc));
	return rc;
}

static int64_t later(int64_t from_ns, double seconds)
{
	return from_ns + (int64_t)(seconds * 1e9);
}

/* NULL: what is there stays. */
static void copy_text(char *dst, const char *text)
{
	if (text)
		snprintf(dst, DRIVER_TEXT, "%.*s", DRIVER_TEXT - 1, text);
}

/* The server may have ended under the load: that is told beside what was found
 * until then. */
static void take_difference(
	struct watchman *w, const struct cost *before, struct measurement *m)
{
	char error[MEASURE_ERROR];

	if (!take_cost(w->o, &m->cost, error)) {
		cost_subtract(&m->cost, before);
		return;
	}
	copy_text(m->failure, error);
	m->cost_unknown = true;
	m->cost.time_ns = sys_monotonic_ns() - before->time_ns;
}

/* The drivers are ready: the warm-up, then what counts. */
static int measure_load(
	struct watchman *w, bool to_the_end, struct measurement *m, char *error)
{
	struct cost before;
	int64_t now_ns = sys_monotonic_ns();
	int rc = 0;

	if (!to_the_end) {
		drivers_go(&w->drivers);
		pass(w, "warm-up", later(now_ns, w->o->warm_up_s), &m->times);
		drivers_turn(&w->drivers, &m->times);
		memset(&m->times, 0, sizeof m->times);
	}
	rc = take_cost(w->o, &before, error);
	if (rc)
		return rc;
	if (to_the_end)
		drivers_go(&w->drivers);
	now_ns = sys_monotonic_ns();
	pass(w, bench_mode_name(w->o->mode),
		to_the_end ? INT64_MAX : later(now_ns, w->o->time_s),
		&m->times);
	drivers_turn(&w->drivers, &m->times);
	wait_for_one(w, &m->times);
	take_difference(w, &before, m);
	return 0;
}

/* There is not one time to tell. Answers that belong to no request are most
 * often of another protocol, which the first of them shows. */
static int explain_nothing(
	const struct watchman *w, const struct measurement *m, char *error)
{
	bool shown = !w->interrupted && m->first_wrong[0];

	snprintf(error, MEASURE_ERROR, "%s%s%s%s",
		w->interrupted  ? "interrupted before anything was measured"
		: m->failure[0] ? m->failure
				: "no answer came in that time",
		shown ? "; the first wrong one: " : "",
		shown ? m->first_wrong : "", shown ? " (--protocol?)" : "");
	return w->interrupted ? -EINTR : -EIO;
}

int measure(const struct bench_options *o, const struct driver_work *work,
	bool to_the_end, struct measurement *ret_m, char *error)
{
	struct watchman w = {.o = o, .progress = {.quiet = o->quiet}};
	struct cost at_first;
	int rc = take_cost(o, &at_first, error);

	if (rc)
		return rc;
	memset(ret_m, 0, sizeof *ret_m);
	ret_m->memory_before_bytes = at_first.memory_bytes;
	rc = signals_open(&w.signal_fd);
	if (rc) {
		snprintf(error, MEASURE_ERROR, "cannot watch for signals: %s",
			sys_error_text(rc));
		return rc;
	}
	rc = drivers_start(&w.drivers, o, work, error);
	if (rc)
		goto out_close;
	while (!drivers_are_ready(&w.drivers) && !w.interrupted)
		wait_for_word(&w, INT64_MAX);
	if (!w.interrupted && !drivers_are_done(&w.drivers))
		rc = measure_load(&w, to_the_end, ret_m, error);
	progress_end(&w.progress);
	drivers_stop(&w.drivers);
	ret_m->wrong = drivers_wrong(&w.drivers);
	copy_text(ret_m->first_wrong, drivers_first_wrong(&w.drivers));
	copy_text(ret_m->failure, drivers_failure(&w.drivers));
	ret_m->account = drivers_account(&w.drivers);
	drivers_free(&w.drivers);
	if (!rc && ret_m->times.count == 0)
		rc = explain_nothing(&w, ret_m, error);
out_close:
	close(w.signal_fd);
	return rc;
}

/* --- telling -------------------------------------------------------------- */

static double per(int64_t ns, uint64_t requests)
{
	return (double)ns / 1e3 / (double)(requests ? requests : 1);
}

/* Threads of one name are one figure: JSON wants each key once. */
static void tell_threads(
	struct figures *f, const struct cost *c, uint64_t requests)
{
	figures_open(f, "server_thread_cpu_us");
	for (size_t i = 0; i < c->thread_count; i++) {
		const char *name = c->threads[i].name;
		int64_t ns = 0;
		size_t first = 0;

		while (strcmp(c->threads[first].name, name) != 0)
			first++;
		if (first != i)
			continue;
		for (size_t j = i; j < c->thread_count; j++)
			if (!strcmp(c->threads[j].name, name))
				ns += c->threads[j].cpu_ns;
		figures_add_member(f, name, per(ns, requests));
	}
	figures_close(f);
}

void measure_tell_cost(struct figures *f, const struct bench_options *o,
	const struct measurement *m)
{
	const struct cost *difference = &m->cost;
	uint64_t requests = m->times.count;

	if (m->cost_unknown)
		return;
	figures_add(
		f, "generator_cpu_us", per(difference->own_cpu_ns, requests));
	if (o->pid_count) {
		figures_add(
			f, "server_cpu_us", per(difference->cpu_ns, requests));
		tell_threads(f, difference, requests);
		figures_add_count(f, "server_memory_bytes",
			(uint64_t)difference->memory_bytes);
	}
	figures_add(f, "other_load", cost_other_load(difference));
}

static void warn_of_machine(
	const struct bench_options *o, const struct measurement *m)
{
	double other = cost_other_load(&m->cost);
	double stolen = (double)m->cost.machine_stolen_ns /
			(double)(m->cost.time_ns > 0 ? m->cost.time_ns : 1);
	/* A server of which nothing is known is one of the others. */
	bool known = o->pid_count || !address_is_loopback(&o->target);

	if (known && other > OTHER_LOAD_DOUBTFUL)
		fprintf(stderr,
			"herd-bench: warning: other programs used %.0f %% of "
			"this machine's CPUs meanwhile\n",
			other * 100);
	if (stolen > STOLEN_DOUBTFUL)
		fprintf(stderr,
			"herd-bench: warning: the hypervisor took %.0f %% of "
			"a CPU away meanwhile\n",
			stolen * 100);
}

/* Is what was found the server's, or ours? */
static void warn_of_generator(
	const struct bench_options *o, const struct measurement *m)
{
	int64_t p99_ns = histogram_percentile(&m->times, 99);

	if (o->mode == BENCH_OPEN && m->account.late_ns > p99_ns / 2)
		fprintf(stderr,
			"herd-bench: warning: it was itself late, by %.0f us "
			"(p99) of the %.0f us told: it needs a CPU of its own, "
			"or more --threads, or a lower --rate\n",
			(double)m->account.late_ns / 1e3, (double)p99_ns / 1e3);
	/* In these, a thread that waits for nothing has nothing to wait for. */
	if ((o->mode == BENCH_CLOSED || o->mode == BENCH_CONNECT ||
		    o->mode == BENCH_CLIENTS) &&
		m->account.busy > BUSY_DOUBTFUL)
		fprintf(stderr,
			"herd-bench: warning: a thread of its own was busy for "
			"%.0f %% of the time: the rate may be its own and not "
			"the server's (--threads)\n",
			m->account.busy * 100);
}

static void warn_of_unanswered(
	const struct bench_options *o, const struct measurement *m)
{
	const struct drivers_account *a = &m->account;
	double part = (double)a->unanswered / (double)m->times.count;

	if (a->oldest_ns > LONG_WAIT_NS ||
		(o->mode == BENCH_OPEN && part > UNANSWERED_DOUBTFUL))
		fprintf(stderr,
			"herd-bench: warning: in the end %llu requests had no "
			"answer, the oldest since %.1f s: the latency told "
			"does not know of them\n",
			(unsigned long long)a->unanswered,
			(double)a->oldest_ns / 1e9);
}

void measure_warn(const struct bench_options *o, const struct measurement *m)
{
	if (!m->cost_unknown)
		warn_of_machine(o, m);
	warn_of_generator(o, m);
	warn_of_unanswered(o, m);
}
