/* bench_flood - see bench_flood.h.
 *
 *   set up --> link --> first update through --> load --> drain --> figures
 *
 * The first update shows that there is a way from one end to the other; it is not
 * counted. What follows it stands in files of its own, see flood_parts.h. */
#include "flood_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "herd/sys.h"
#include "signals.h"

#define AGAIN_NS (HERD_SECOND_NS / 2) /* unless the first has arrived */
#define LOOK_MS  5                    /* how often something is looked for */

int flood_fail(struct bench *b, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->error, BENCH_FLOOD_ERROR_MAX, format, args);
	va_end(args);
	return rc;
}

const char *flood_written(const struct bench *b)
{
	return way_name(&b->way, b->way.write);
}

const char *flood_watched(const struct bench *b)
{
	return way_name(&b->way, b->way.watch);
}

const char *flood_played(const struct bench *b)
{
	return way_name(&b->way, b->way.as);
}

bool flood_is_plain(const struct bench *b)
{
	return b->way.conf->servers[b->way.watch].plain;
}

/* --- what arrives ------------------------------------------------------------ */

static void count_time(struct bench *b, int64_t intended_ns, int64_t now_ns)
{
	histogram_add(&b->second, now_ns - intended_ns, 1);
	if (intended_ns >= b->counted_ns)
		histogram_add(&b->latency, now_ns - intended_ns, 1);
}

/* A plain server may still have had it to tell, from an earlier measurement. */
static bool is_owed(const struct bench *b, const struct line *line)
{
	return flood_is_plain(b) && line->verb == LINE_AT &&
	       line->at.stamp_ns < b->updates.first_ns - HERD_MS_NS;
}

static void on_line(
	void *arg, bool watched, const struct line *line, int64_t now_ns)
{
	struct bench *b = arg;
	uint64_t number;

	if (is_owed(b, line))
		return;
	if (!numbered_find(
		    &b->updates, line, writer_sent(b->writer), &number) ||
		!text_equal(line->at.server, text_of(flood_written(b)))) {
		if (!*b->wrong)
			snprintf(b->wrong, sizeof b->wrong, "%.*s",
				(int)line->body.len, line->body.ptr);
		return;
	}
	if (!watched) {
		b->others++;
		return;
	}
	if (arrivals_take(&b->arrivals, number) && b->interval_ns > 0 &&
		number >= b->arrivals.first)
		count_time(b, flood_intended_ns(b, number), now_ns);
}

uint64_t flood_missing(const struct bench *b)
{
	return arrivals_missing(&b->arrivals, writer_sent(b->writer));
}

/* Whatever makes going on pointless. */
static int check(struct bench *b)
{
	const char *trouble = writer_trouble(b->writer);

	if (trouble)
		return flood_fail(b, -EPROTO, "%s", trouble);
	if (*b->wrong)
		return flood_fail(b, -EPROTO,
			"%s sends what is no update of this measurement: "
			"\"%s\"",
			flood_watched(b), b->wrong);
	if (!member_is_linked(b->member))
		return flood_fail(b, -ECONNRESET,
			"the link of %s has ended: %s", flood_watched(b),
			member_trouble(b->member));
	return 0;
}

/* --- while it runs ----------------------------------------------------------- */

static void on_signal(struct reactor_io *io, uint32_t events)
{
	struct bench *b = HERD_CONTAINER(io, struct bench, signals);

	(void)events;
	b->interrupted += signals_take(io->fd);
}

int flood_give_up(struct bench *b, const char *when)
{
	return flood_fail(b, -EINTR, "interrupted %s", when);
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
		(unsigned long long)flood_missing(b), times);
	b->shown_ns = now_ns;
	b->shown = sent;
	b->second = (struct histogram){0};
}

int flood_round(struct bench *b, const char *what)
{
	reactor_round(b->reactor, LOOK_MS);
	show_progress(b, what);
	return check(b);
}

/* --- setting up -------------------------------------------------------------- */

/* Rounds until it is linked, there is no hope, or the patience ends. */
static int await_link(struct bench *b)
{
	int64_t limit_ns = sys_monotonic_ns() + FLOOD_PATIENCE_NS;
	const char *trouble = NULL;

	while (!member_is_linked(b->member) && !trouble && !b->interrupted &&
		sys_monotonic_ns() < limit_ns) {
		reactor_round(b->reactor, LOOK_MS);
		trouble = member_trouble(b->member);
	}
	if (member_is_linked(b->member))
		return 0;
	if (b->interrupted)
		return flood_give_up(b, "before anything was measured");
	if (trouble)
		return flood_fail(b, -EPROTO, "%s does not link to %s: %s",
			flood_watched(b), flood_played(b), trouble);
	return flood_fail(b, -ETIMEDOUT,
		"%s has not linked to %s within %d s: does it run, with this "
		"configuration?",
		flood_watched(b), flood_played(b),
		(int)(FLOOD_PATIENCE_NS / HERD_SECOND_NS));
}

int flood_drain(struct bench *b, int64_t patience_ns)
{
	int64_t limit_ns = sys_monotonic_ns() + patience_ns;
	unsigned before = b->interrupted;
	int rc = 0;

	while (!rc && sys_monotonic_ns() < limit_ns &&
		b->interrupted == before &&
		(flood_missing(b) ||
			writer_answered(b->writer) < writer_sent(b->writer)))
		rc = flood_round(b, "waiting");
	return rc;
}

static int explain_first(struct bench *b)
{
	int seconds = (int)(FLOOD_PATIENCE_NS / HERD_SECOND_NS);

	if (b->interrupted)
		return flood_give_up(b, "before anything was measured");
	if (!writer_answered(b->writer))
		return flood_fail(b, -ETIMEDOUT,
			"%s has not answered within %d s", flood_written(b),
			seconds);
	if (flood_is_plain(b))
		return flood_fail(b, -ETIMEDOUT,
			"%s has not told %s of an update at %s within %d s: do "
			"all servers between them run, and does it dial from "
			"the address that the configuration has?",
			flood_watched(b), flood_played(b), flood_written(b),
			seconds);
	return flood_fail(b, -ETIMEDOUT,
		"an update at %s has not reached %s within %d s: do all "
		"servers between them run?",
		flood_written(b), flood_watched(b), seconds);
}

/* The first update, and others after it as long as none has come from a plain
 * server, which may lose what it had to say before it was connected. */
static int send_first(struct bench *b)
{
	int64_t now_ns = sys_monotonic_ns();
	int64_t limit_ns = now_ns + FLOOD_PATIENCE_NS;
	int64_t again_ns = now_ns;
	bool through = false;
	int rc = 0;

	while (!rc && !through && !b->interrupted && now_ns < limit_ns) {
		if (now_ns >= again_ns) {
			writer_send(b->writer, 1);
			again_ns = flood_is_plain(b) ? now_ns + AGAIN_NS
						     : limit_ns;
		}
		rc = flood_round(b, "waiting");
		through = b->arrivals.arrived &&
			  writer_answered(b->writer) == writer_sent(b->writer);
		now_ns = sys_monotonic_ns();
	}
	if (rc)
		return rc;
	arrivals_start(&b->arrivals, writer_sent(b->writer));
	return through ? 0 : explain_first(b);
}

static bool any_plain(const struct conf *conf)
{
	for (size_t i = 0; i < conf->server_count; i++)
		if (conf->servers[i].plain)
			return true;
	return false;
}

/* Stamps are from now on, a whole microsecond: what a plain server makes of them
 * is no further away than it has to be. */
static struct numbered number_updates(const struct bench *b)
{
	int64_t now_ns = sys_realtime_ns();

	return (struct numbered){.ids = b->o->ids,
		.first_ns = now_ns - now_ns % 1000,
		.rewritten = any_plain(b->way.conf)};
}

static int set_up(struct bench *b)
{
	const struct bench_options *o = b->o;
	int rc;

	b->updates = number_updates(b);
	rc = arrivals_init(&b->arrivals, o->ids);
	if (!rc)
		rc = reactor_new(false, &b->reactor);
	if (!rc)
		rc = signals_open(&b->signals.fd);
	if (!rc)
		rc = reactor_watch(b->reactor, &b->signals, EPOLLIN);
	if (rc)
		return flood_fail(
			b, rc, "cannot start: %s", sys_error_text(rc));
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
	arrivals_fini(&b->arrivals);
	conf_free(b->way.conf);
}

static int measure(struct bench *b, struct figures *f)
{
	struct messages messages;
	int rc = flood_messages_start(b, &messages);

	if (!rc) {
		figures_add_count(f, "hops", b->way.hops);
		rc = b->o->rate > 0 ? flood_measure_latency(b, f)
				    : flood_measure_most(b, f);
	}
	if (!rc)
		rc = flood_messages_tell(b, &messages, f);
	flood_messages_free(&messages);
	if (rc)
		return rc;
	figures_add_count(f, "superseded", b->arrivals.superseded);
	figures_add_count(f, "repeated", b->arrivals.repeated);
	if (b->others)
		figures_add_count(f, "lines_of_others", b->others);
	return 0;
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
	if (!rc)
		rc = measure(&b, f);
	progress_end(&b.progress);
	tear_down(&b);
	return rc;
}
