/* loop - an epoll set and its streams; see loop.h. */
#include "loop.h"

#include <sys/epoll.h>

#include "herd/sys.h"
#include "stream.h"

#define EVENTS 256

#define PRELOAD_PIPELINE 32   /* requests under way while ids are made known */
#define PATIENCE_MS      5000 /* for any answer, where each is needed */

/* Waking up takes about this long: for less, the thread stays awake. */
#define SPIN_NS 50000

#define OPEN_RING       65536
#define OPEN_RING_TOTAL ((uint32_t)1 << 22)
#define OPEN_RING_LEAST 1024

struct loop {
	struct streams streams;
	struct epoll_event events[EVENTS];

	/* closed */
	uint64_t budget; /* requests that may still be sent */

	/* open */
	double gap_ns;       /* between requests, on average */
	double next_ns;      /* when the next one arrives */
	bool stuck;          /* it waits for room; others wait behind it */
	struct stream *next; /* and where; NULL: not drawn yet */
	struct stream **due; /* with something to send */
	unsigned due_count;
};

/* What is open when the work ends. */
static void note_unanswered(struct driver *d)
{
	const struct loop *l = d->own;
	int64_t now_ns = sys_monotonic_ns();
	int64_t oldest_ns;

	d->unanswered = streams_unanswered(&l->streams, &oldest_ns);
	if (l->gap_ns > 0 && l->next_ns < (double)now_ns) {
		/* Those that have not even got a place yet. */
		d->unanswered += 1 + (uint64_t)(((double)now_ns - l->next_ns) /
						l->gap_ns);
		if (l->next_ns < (double)oldest_ns)
			oldest_ns = (int64_t)l->next_ns;
	}
	if (d->unanswered)
		d->oldest_ns = now_ns - oldest_ns;
}

/* --- closed --------------------------------------------------------------- */

static void ask(struct loop *l, struct stream *st, unsigned count)
{
	struct streams *s = &l->streams;

	if (count > l->budget)
		count = (unsigned)l->budget;
	l->budget -= count;
	for (unsigned i = 0; i < count; i++)
		stream_arrive(s, st, s->now_ns);
	stream_send(s, st);
}

/* Wait, for ever if timeout_ms is -1, and answer with requests what was
 * answered. How many answers there were. */
static unsigned round_closed(struct loop *l, int timeout_ms)
{
	struct streams *s = &l->streams;
	int count = epoll_wait(s->epoll_fd, l->events, EVENTS, timeout_ms);
	unsigned answers = 0;

	for (int i = 0; i < count; i++) {
		struct stream *st = l->events[i].data.ptr;
		unsigned now;

		if (!st) /* main's word */
			continue;
		now = stream_ready(s, st, l->events[i].events);
		answers += now;
		if (st->fd >= 0)
			ask(l, st, now);
	}
	return answers;
}

static void begin(struct loop *l, unsigned pipeline)
{
	struct streams *s = &l->streams;

	for (unsigned i = 0; i < s->count; i++) {
		streams_now(s);
		if (s->all[i].fd >= 0)
			ask(l, &s->all[i], pipeline);
	}
}

static void run_closed(struct driver *d)
{
	struct loop *l = d->own;

	l->budget = UINT64_MAX;
	begin(l, d->o->pipeline);
	while (!driver_should_stop(d) && l->streams.alive)
		(void)round_closed(l, -1);
	note_unanswered(d);
}

/* Each id of this driver's share, once. A lost connection takes some with it,
 * so that is the end. */
static void tell_all(struct driver *d, unsigned pipeline)
{
	struct loop *l = d->own;
	struct drawer *w = &l->streams.drawer;
	int64_t last_ns = sys_monotonic_ns();
	uint64_t left;

	w->next = w->ids * d->index / d->o->threads;
	w->end = w->ids * (d->index + 1) / d->o->threads;
	left = l->budget = w->end - w->next;
	begin(l, pipeline);
	while (left && !driver_should_stop(d) && !d->failure[0]) {
		unsigned answers = round_closed(l, PATIENCE_MS);
		int64_t now_ns = sys_monotonic_ns();

		left -= answers;
		if (answers)
			last_ns = now_ns;
		else if (now_ns - last_ns >= PATIENCE_MS * HERD_MS_NS)
			driver_fail(d,
				"no answer for %d s, while clients were made "
				"known",
				PATIENCE_MS / 1000);
	}
}

/* --- open ----------------------------------------------------------------- */

static void mark_due(struct loop *l, struct stream *st)
{
	if (st->due || !stream_wants_to_send(st))
		return;
	st->due = true;
	l->due[l->due_count++] = st;
}

static void send_due(struct loop *l)
{
	for (unsigned i = 0; i < l->due_count; i++) {
		l->due[i]->due = false;
		stream_send(&l->streams, l->due[i]);
	}
	l->due_count = 0;
}

/* A connection that lives, all of them alike. */
static struct stream *draw_stream(struct streams *s)
{
	struct stream *st;

	do
		st = &s->all[draw_below(&s->drawer.draw, s->count)];
	while (st->fd < 0);
	return st;
}

/* Whatever has arrived by now. One for whom there is no room waits, and so does
 * who comes after, each with its own time. How late we are is noted, but where
 * it is for such a one. */
static void arrive(struct driver *d)
{
	struct loop *l = d->own;
	struct streams *s = &l->streams;

	while (s->alive && l->next_ns <= (double)s->now_ns) {
		if (!l->next || l->next->fd < 0)
			l->next = draw_stream(s);
		if (!stream_room(s, l->next)) {
			l->stuck = true;
			return;
		}
		if (!l->stuck)
			histogram_add(
				&d->late, s->now_ns - (int64_t)l->next_ns, 1);
		stream_arrive(s, l->next, (int64_t)l->next_ns);
		mark_due(l, l->next);
		l->next = NULL;
		l->next_ns += draw_gap(&s->drawer.draw, l->gap_ns);
	}
	l->stuck = false;
}

static int wait_open(struct loop *l)
{
	struct streams *s = &l->streams;
	int64_t left_ns = (int64_t)l->next_ns - streams_now(s) - SPIN_NS;
	struct timespec timeout = {0};

	if (left_ns > 0) {
		timeout.tv_sec = left_ns / HERD_SECOND_NS;
		timeout.tv_nsec = left_ns % HERD_SECOND_NS;
	}
	return epoll_pwait2(s->epoll_fd, l->events, EVENTS,
		l->stuck ? NULL : &timeout, NULL);
}

static void run_open(struct driver *d)
{
	struct loop *l = d->own;
	struct streams *s = &l->streams;

	l->gap_ns = 1e9 * d->o->threads / d->o->rate;
	l->next_ns =
		(double)streams_now(s) + draw_gap(&s->drawer.draw, l->gap_ns);
	while (!driver_should_stop(d) && s->alive) {
		int count;

		arrive(d);
		send_due(l);
		count = wait_open(l);
		for (int i = 0; i < count; i++) {
			struct stream *st = l->events[i].data.ptr;

			if (!st) /* main's word */
				continue;
			(void)stream_ready(s, st, l->events[i].events);
			mark_due(l, st);
		}
	}
	note_unanswered(d);
}

/* --- preparing, tidying --------------------------------------------------- */

/* Who is asked about has to be known. */
static void preload(struct driver *d)
{
	if (d->o->reads > 0)
		tell_all(d, PRELOAD_PIPELINE);
}

static struct loop *prepare(struct driver *d, uint32_t ring)
{
	struct loop *l = sys_alloc_zero(1, sizeof *l);

	if (!l) {
		driver_fail(d, "out of memory");
		return NULL;
	}
	d->own = l;
	return streams_init(&l->streams, d, ring) ? NULL : l;
}

static void prepare_closed(struct driver *d)
{
	uint32_t ring = d->o->pipeline;

	if (d->o->reads > 0 && ring < PRELOAD_PIPELINE)
		ring = PRELOAD_PIPELINE;
	if (prepare(d, ring))
		preload(d);
}

static void prepare_clients(struct driver *d)
{
	(void)prepare(d, d->o->pipeline);
}

static void run_clients(struct driver *d)
{
	tell_all(d, d->o->pipeline);
}

static void prepare_open(struct driver *d)
{
	uint32_t ring = OPEN_RING;
	struct loop *l;

	while (ring > OPEN_RING_LEAST &&
		ring > OPEN_RING_TOTAL / d->connections)
		ring /= 2;
	l = prepare(d, ring);
	if (!l)
		return;
	l->due = sys_alloc_zero(d->connections, sizeof(struct stream *));
	if (l->due)
		preload(d);
	else
		driver_fail(d, "out of memory");
}

static void tidy(struct driver *d)
{
	struct loop *l = d->own;

	if (!l)
		return;
	streams_fini(&l->streams);
	sys_free(l->due);
	sys_free(l);
	d->own = NULL;
}

const struct driver_work loop_closed = {prepare_closed, run_closed, tidy, true};
const struct driver_work loop_open = {prepare_open, run_open, tidy, false};
const struct driver_work loop_clients = {
	prepare_clients, run_clients, tidy, true};
