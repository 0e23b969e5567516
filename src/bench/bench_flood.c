/* bench_flood - see bench_flood.h.
 *
 *   set up --> link --> first update through --> load --> drain --> figures
 *
 * One thread does all of it. The first update shows that there is a way from
 * one end to the other; it is not counted. */
#include "herd/bench_flood.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/timerfd.h>

#include "digests.h"
#include "herd/sys.h"
#include "member.h"
#include "progress.h"
#include "signals.h"
#include "way.h"
#include "writer.h"

#define PATIENCE_NS (10 * HERD_SECOND_NS) /* for what happens within seconds */
#define LATE_NS     (2 * HERD_SECOND_NS)
#define AGREE_NS    (60 * HERD_SECOND_NS)
#define LOOK_MS     5 /* how often something is looked for */

struct bench {
	const struct bench_options *o;
	char *error;
	struct way way;
	struct reactor *reactor;
	struct member *member;
	struct writer *writer;
	struct numbered updates;

	/* What has arrived: the newest of each client, as number + 1. */
	uint64_t *newest;
	uint64_t arrived, superseded, repeated, others;
	char wrong[200]; /* the first line that is not one of ours */

	/* With a rate: update `first` + i was to be sent at start_ns + i
	 * intervals, and counts from counted_ns on. */
	uint64_t first;
	int64_t start_ns, counted_ns, end_ns;
	double interval_ns;
	struct histogram latency;
	struct reactor_io tick; /* a timerfd */

	struct reactor_io signals;
	unsigned interrupted; /* so many times */

	/* Of the time since the last line of progress. */
	struct progress progress;
	int64_t shown_ns;
	uint64_t shown; /* updates sent before */
	struct histogram second;
};

HERD_PRINTF(3, 4)
static int fail(struct bench *b, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->error, BENCH_FLOOD_ERROR_MAX, format, args);
	va_end(args);
	return rc;
}

static const char *written_name(const struct bench *b)
{
	return way_name(&b->way, b->way.write);
}

static const char *watched_name(const struct bench *b)
{
	return way_name(&b->way, b->way.watch);
}

static const char *played_name(const struct bench *b)
{
	return way_name(&b->way, b->way.as);
}

/* --- what arrives ------------------------------------------------------------ */

/* When it was to be sent. */
static int64_t intended_ns(const struct bench *b, uint64_t number)
{
	return b->start_ns +
	       (int64_t)((double)(number - b->first) * b->interval_ns);
}

static void count_time(struct bench *b, int64_t intended_ns, int64_t now_ns)
{
	histogram_add(&b->second, now_ns - intended_ns, 1);
	if (intended_ns >= b->counted_ns)
		histogram_add(&b->latency, now_ns - intended_ns, 1);
}

static void on_line(
	void *arg, bool watched, const struct line *line, int64_t now_ns)
{
	struct bench *b = arg;
	uint64_t *newest;
	uint64_t number, before;

	if (!numbered_find(
		    &b->updates, line, writer_sent(b->writer), &number) ||
		!text_equal(line->at.server, text_of(written_name(b)))) {
		if (!*b->wrong)
			snprintf(b->wrong, sizeof b->wrong, "%.*s",
				(int)line->body.len, line->body.ptr);
		return;
	}
	if (!watched) {
		b->others++;
		return;
	}
	newest = &b->newest[number % b->updates.ids];
	if (number < *newest) {
		b->repeated++;
		return;
	}
	/* Those of this client in between never come. */
	before = *newest ? (*newest - 1) / b->updates.ids + 1 : 0;
	b->superseded += number / b->updates.ids - before;
	b->arrived++;
	*newest = number + 1;
	if (b->interval_ns > 0 && number >= b->first)
		count_time(b, intended_ns(b, number), now_ns);
}

static uint64_t missing(const struct bench *b)
{
	return writer_sent(b->writer) - b->arrived - b->superseded;
}

/* Whatever makes going on pointless. */
static int check(struct bench *b)
{
	const char *trouble = writer_trouble(b->writer);

	if (trouble)
		return fail(b, -EPROTO, "%s", trouble);
	if (*b->wrong)
		return fail(b, -EPROTO,
			"%s sends what is no update of this measurement: "
			"\"%s\"",
			watched_name(b), b->wrong);
	if (!member_is_linked(b->member))
		return fail(b, -ECONNRESET, "the link of %s has ended: %s",
			watched_name(b), member_trouble(b->member));
	return 0;
}

/* --- while it runs ----------------------------------------------------------- */

static void on_signal(struct reactor_io *io, uint32_t events)
{
	struct bench *b = HERD_CONTAINER(io, struct bench, signals);

	(void)events;
	b->interrupted += signals_take(io->fd);
}

/* After SIGINT or SIGTERM there is nothing to tell. */
static int give_up(struct bench *b, const char *when)
{
	return fail(b, -EINTR, "interrupted %s", when);
}

static void show_progress(struct bench *b, const char *what)
{
	int64_t now_ns = sys_monotonic_ns();
	uint64_t sent = writer_sent(b->writer);
	double seconds = (double)(now_ns - b->shown_ns) / 1e9;
	char times[64] = "";

	if (now_ns - b->shown_ns < HERD_SECOND_NS)
		return;
	if (b->second.count)
		snprintf(times, sizeof times, ", p50 %.1f us, p99 %.1f us",
			(double)histogram_percentile(&b->second, 50) / 1e3,
			(double)histogram_percentile(&b->second, 99) / 1e3);
	progress_say(&b->progress,
		"%s: %.0f updates/s, %llu have not arrived yet%s", what,
		(double)(sent - b->shown) / seconds,
		(unsigned long long)missing(b), times);
	b->shown_ns = now_ns;
	b->shown = sent;
	b->second = (struct histogram){0};
}

/* A round of the reactor, and what there is to see after it. */
static int go_round(struct bench *b, const char *what)
{
	reactor_round(b->reactor, LOOK_MS);
	show_progress(b, what);
	return check(b);
}

/* --- setting up -------------------------------------------------------------- */

/* Rounds until it is linked, there is no hope, or the patience ends. */
static int await_link(struct bench *b)
{
	int64_t limit_ns = sys_monotonic_ns() + PATIENCE_NS;
	const char *trouble = NULL;

	while (!member_is_linked(b->member) && !trouble && !b->interrupted &&
		sys_monotonic_ns() < limit_ns) {
		reactor_round(b->reactor, LOOK_MS);
		trouble = member_trouble(b->member);
	}
	if (member_is_linked(b->member))
		return 0;
	if (b->interrupted)
		return give_up(b, "before anything was measured");
	if (trouble)
		return fail(b, -EPROTO, "%s does not link to %s: %s",
			watched_name(b), played_name(b), trouble);
	return fail(b, -ETIMEDOUT,
		"%s has not linked to %s within %d s: does it run, with this "
		"configuration?",
		watched_name(b), played_name(b),
		(int)(PATIENCE_NS / HERD_SECOND_NS));
}

/* Rounds until everything sent is answered and has arrived, or for so long, or
 * until interrupted. */
static int drain(struct bench *b, int64_t patience_ns)
{
	int64_t limit_ns = sys_monotonic_ns() + patience_ns;
	unsigned before = b->interrupted;
	int rc = 0;

	while (!rc && sys_monotonic_ns() < limit_ns &&
		b->interrupted == before &&
		(missing(b) ||
			writer_answered(b->writer) < writer_sent(b->writer)))
		rc = go_round(b, "waiting");
	return rc;
}

static int send_first(struct bench *b)
{
	int seconds = (int)(PATIENCE_NS / HERD_SECOND_NS);
	int rc;

	writer_send(b->writer, 1);
	rc = drain(b, PATIENCE_NS);
	if (rc || !missing(b))
		return rc;
	if (b->interrupted)
		return give_up(b, "before anything was measured");
	if (!writer_answered(b->writer))
		return fail(b, -ETIMEDOUT, "%s has not answered within %d s",
			written_name(b), seconds);
	return fail(b, -ETIMEDOUT,
		"an update at %s has not reached %s within %d s: do all "
		"servers between them run?",
		written_name(b), watched_name(b), seconds);
}

static int set_up(struct bench *b)
{
	const struct bench_options *o = b->o;
	int rc;

	b->updates = (struct numbered){o->ids, sys_realtime_ns()};
	b->newest = sys_alloc_zero(o->ids, sizeof *b->newest);
	rc = b->newest ? reactor_new(false, &b->reactor) : -ENOMEM;
	if (!rc)
		rc = signals_open(&b->signals.fd);
	if (!rc)
		rc = reactor_watch(b->reactor, &b->signals, EPOLLIN);
	if (rc)
		return fail(b, rc, "cannot start: %s", sys_error_text(rc));
	rc = member_new(&(struct member_options){.reactor = b->reactor,
				.conf = b->way.conf,
				.self = b->way.as,
				.watched = b->way.watch,
				.on_line = on_line,
				.arg = b},
		&b->member, b->error);
	if (!rc)
		rc = writer_new(
			&(struct writer_options){.reactor = b->reactor,
				.server = &b->way.conf->servers[b->way.write],
				.updates = &b->updates,
				.connections = o->connections,
				.pipeline = o->pipeline},
			&b->writer, b->error);
	if (!rc)
		rc = await_link(b);
	return rc ? rc : send_first(b);
}

static void tear_down(struct bench *b)
{
	member_free(b->member);
	writer_free(b->writer);
	if (b->signals.fd >= 0) {
		reactor_unwatch(b->reactor, &b->signals);
		sys_close(b->signals.fd);
	}
	reactor_free(b->reactor);
	sys_free(b->newest);
	conf_free(b->way.conf);
}

/* --- with a rate -------------------------------------------------------------- */

/* Wake up when the next update is to be sent, to the microsecond, which epoll's
 * own clock is too coarse for. */
static int set_tick(struct bench *b)
{
	int64_t due_ns = intended_ns(b, writer_sent(b->writer));
	struct itimerspec when = {
		.it_value = {.tv_sec = due_ns / HERD_SECOND_NS,
			.tv_nsec = due_ns % HERD_SECOND_NS}};

	if (timerfd_settime(b->tick.fd, TFD_TIMER_ABSTIME, &when, NULL))
		return -errno;
	return 0;
}

static void on_tick(struct reactor_io *io, uint32_t events)
{
	struct bench *b = HERD_CONTAINER(io, struct bench, tick);
	int64_t now_ns = sys_monotonic_ns();
	uint64_t due = 0;

	(void)events;
	while (intended_ns(b, writer_sent(b->writer) + due) <= now_ns &&
		intended_ns(b, writer_sent(b->writer) + due) < b->end_ns)
		due++;
	writer_send(b->writer, due);
	if (intended_ns(b, writer_sent(b->writer)) >= b->end_ns || set_tick(b))
		reactor_unwatch(b->reactor, io);
}

static int start_ticking(struct bench *b)
{
	int rc;

	b->tick.on_ready = on_tick;
	b->tick.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (b->tick.fd < 0)
		return -errno;
	rc = set_tick(b);
	return rc ? rc : reactor_watch(b->reactor, &b->tick, EPOLLIN);
}

static void stop_ticking(struct bench *b)
{
	if (b->tick.fd < 0)
		return;
	reactor_unwatch(b->reactor, &b->tick);
	sys_close(b->tick.fd);
}

static int keep_the_rate(struct bench *b)
{
	const struct bench_options *o = b->o;
	int64_t second_ns = HERD_SECOND_NS;
	int64_t now_ns;
	int rc;

	b->first = writer_sent(b->writer);
	b->interval_ns = (double)second_ns / o->rate;
	b->start_ns = sys_monotonic_ns() + HERD_MS_NS;
	b->counted_ns =
		b->start_ns + (int64_t)(o->warm_up_s * (double)second_ns);
	b->end_ns = b->counted_ns + (int64_t)(o->time_s * (double)second_ns);
	rc = start_ticking(b);
	if (rc)
		fail(b, rc, "cannot keep time: %s", sys_error_text(rc));
	while (!rc && !b->interrupted &&
		(now_ns = sys_monotonic_ns()) < b->end_ns)
		rc = go_round(b, now_ns < b->counted_ns ? "warm-up" : "flood");
	stop_ticking(b);
	return rc;
}

static int measure_latency(struct bench *b, struct figures *f)
{
	int rc = keep_the_rate(b);

	if (!rc)
		rc = drain(b, LATE_NS);
	if (rc)
		return rc;
	figures_add_count(f, "updates", writer_sent(b->writer) - b->first);
	figures_add(f, "rate_per_s", b->o->rate);
	figures_add_times(f, "flood_latency", &b->latency);
	figures_add_count(f, "lost", missing(b));
	return 0;
}

/* --- as many as it takes ------------------------------------------------------ */

/* Rounds until the servers agree, and everything has arrived. */
static int await_agreement(
	struct bench *b, const struct digests *d, int64_t *ret_ns)
{
	int64_t limit_ns = sys_monotonic_ns() + AGREE_NS;
	unsigned before = b->interrupted;
	bool agree = false;
	int rc = 0;

	while (!rc && (!agree || missing(b))) {
		if (sys_monotonic_ns() > limit_ns)
			return fail(b, -ETIMEDOUT,
				"after %d s the servers do not agree yet, or "
				"updates are missing: %llu",
				(int)(AGREE_NS / HERD_SECOND_NS),
				(unsigned long long)missing(b));
		if (b->interrupted != before)
			return give_up(b, "before the servers agreed");
		rc = go_round(b, "agreeing");
		if (!rc && !agree)
			rc = digests_agree(d, &agree, b->error);
	}
	*ret_ns = sys_monotonic_ns();
	return rc;
}

static int load_and_agree(struct bench *b, const struct digests *d,
	int64_t *ret_written_ns, int64_t *ret_agreed_ns)
{
	int64_t end_ns = sys_monotonic_ns() +
			 (int64_t)(b->o->time_s * (double)HERD_SECOND_NS);
	int rc = 0;

	writer_keep_busy(b->writer, true);
	while (!rc && !b->interrupted && sys_monotonic_ns() < end_ns)
		rc = go_round(b, "flood");
	writer_keep_busy(b->writer, false);
	end_ns = sys_monotonic_ns() + PATIENCE_NS;
	while (!rc && writer_answered(b->writer) < writer_sent(b->writer)) {
		rc = go_round(b, "waiting");
		if (!rc && sys_monotonic_ns() > end_ns)
			rc = fail(b, -ETIMEDOUT, "%s has stopped answering",
				written_name(b));
	}
	*ret_written_ns = sys_monotonic_ns();
	return rc ? rc : await_agreement(b, d, ret_agreed_ns);
}

static int take_cost(struct bench *b, struct cost *ret_cost)
{
	int rc = cost_take(b->o->pids, b->o->pid_count, ret_cost);

	return rc ? fail(b, rc, "cannot read what the servers use: %s",
			    cost_explain(rc))
		  : 0;
}

static void tell_convergence(struct bench *b, struct figures *f,
	const struct cost *cost, int64_t agreed_ns, int64_t settled_ns)
{
	double updates = (double)(writer_answered(b->writer) - b->first);

	figures_add_count(f, "updates", (uint64_t)updates);
	figures_add(f, "updates_per_s_until_all_agree",
		updates * (double)HERD_SECOND_NS / (double)agreed_ns);
	figures_add(f, "agree_s", (double)settled_ns / (double)HERD_SECOND_NS);
	figures_add_count(
		f, "member_lines", b->arrived + b->repeated - b->first);
	if (b->o->pid_count)
		figures_add(f, "cpu_us_per_update",
			(double)cost->cpu_ns / 1e3 / updates);
	figures_add(f, "other_load", cost_other_load(cost));
}

static int measure_convergence(struct bench *b, struct figures *f)
{
	int64_t start_ns, written_ns = 0, agreed_ns = 0;
	struct cost before, after;
	struct digests d;
	int rc = digests_find(b->way.conf, &d, b->error);

	if (rc)
		return rc;
	if (!d.count)
		rc = fail(b, -ENOENT,
			"no server of %s runs on this machine (no one at "
			"%s/NAME.sock): without one, whether they agree "
			"cannot be seen",
			b->o->conf_path, conf_control_directory(b->way.conf));
	if (!rc)
		rc = take_cost(b, &before);
	b->first = writer_sent(b->writer);
	start_ns = sys_monotonic_ns();
	if (!rc)
		rc = load_and_agree(b, &d, &written_ns, &agreed_ns);
	if (!rc)
		rc = take_cost(b, &after);
	if (!rc) {
		cost_subtract(&after, &before);
		figures_add_count(f, "servers_compared", d.count);
		tell_convergence(b, f, &after, agreed_ns - start_ns,
			agreed_ns - written_ns);
	}
	digests_free(&d);
	return rc;
}

int bench_flood(const struct bench_options *o, struct figures *f, char *error)
{
	struct bench b = {.o = o,
		.error = error,
		.signals = {.fd = -1, .on_ready = on_signal},
		.progress = {.quiet = o->quiet},
		.shown_ns = sys_monotonic_ns()};
	int rc = way_find(o, &b.way, error);

	if (!rc)
		rc = set_up(&b);
	if (!rc) {
		figures_add_count(f, "hops", b.way.hops);
		rc = o->rate > 0 ? measure_latency(&b, f)
				 : measure_convergence(&b, f);
	}
	if (!rc) {
		figures_add_count(f, "superseded", b.superseded);
		figures_add_count(f, "repeated", b.repeated);
		if (b.others)
			figures_add_count(f, "lines_of_others", b.others);
	}
	progress_end(&b.progress);
	tear_down(&b);
	return rc;
}
