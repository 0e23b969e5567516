/* flood_paced - flood with a rate: how long is an update on its way? See
 * bench_flood.h. */
#include "flood_parts.h"

#include <errno.h>
#include <sys/timerfd.h>

#include "herd/sys.h"

int64_t flood_intended_ns(const struct bench *b, uint64_t number)
{
	return b->start_ns +
	       (int64_t)((double)(number - b->arrivals.first) * b->interval_ns);
}

/* Wake up when the next update is to be sent, to the microsecond, which epoll's
 * own clock is too coarse for. */
static int set_tick(struct bench *b)
{
	int64_t due_ns = flood_intended_ns(b, writer_sent(b->writer));
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
	while (flood_intended_ns(b, writer_sent(b->writer) + due) <= now_ns &&
		flood_intended_ns(b, writer_sent(b->writer) + due) < b->end_ns)
		due++;
	writer_send(b->writer, due);
	if (flood_intended_ns(b, writer_sent(b->writer)) >= b->end_ns ||
		set_tick(b))
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

	b->interval_ns = (double)second_ns / o->rate;
	b->start_ns = sys_monotonic_ns() + HERD_MS_NS;
	b->counted_ns =
		b->start_ns + (int64_t)(o->warm_up_s * (double)second_ns);
	b->end_ns = b->counted_ns + (int64_t)(o->time_s * (double)second_ns);
	rc = start_ticking(b);
	if (rc)
		flood_fail(b, rc, "cannot keep time: %s", sys_error_text(rc));
	while (!rc && !b->interrupted &&
		(now_ns = sys_monotonic_ns()) < b->end_ns)
		rc = flood_round(
			b, now_ns < b->counted_ns ? "warm-up" : "flood");
	stop_ticking(b);
	return rc;
}

int flood_measure_latency(struct bench *b, struct figures *f)
{
	int rc = keep_the_rate(b);

	if (!rc)
		rc = flood_drain(b, FLOOD_LATE_NS);
	if (rc)
		return rc;
	figures_add_count(
		f, "updates", writer_sent(b->writer) - b->arrivals.first);
	figures_add(f, "rate_per_s", b->o->rate);
	figures_add_times(f, "flood_latency", &b->latency);
	figures_add_count(f, "lost", flood_missing(b));
	return 0;
}
