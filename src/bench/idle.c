/* idle - see idle.h. */
#include "idle.h"

#include <errno.h>
#include <poll.h>

#include "drawer.h"
#include "herd/sys.h"
#include "target.h"

#define IN_ROOM     65536
#define STRETCH     256 /* connections until one asks: less than a backlog */
#define LAST_TO_ASK 16

struct idle {
	struct driver *driver;
	int *fds;
	unsigned count; /* open */
	struct drawer drawer;
	struct speaker speaker;
	char in[IN_ROOM];
};

static int wait_readable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&wait, 1, TARGET_TIMEOUT_S * 1000);
	while (ready < 0 && errno == EINTR);
	return ready > 0 ? 0 : ready < 0 ? -errno : -ETIMEDOUT;
}

static void judge(struct idle *x, const struct request *r, struct text answer)
{
	bool wrong = speaker_is_refusal(&x->speaker, r->read, answer);

	if (!wrong && x->driver->o->check)
		wrong = !speaker_is_right(&x->speaker, r, answer);
	if (wrong)
		driver_note_wrong(x->driver, &x->speaker, r, answer);
}

/* A request on one of them, and its answer. */
static int ask(struct idle *x, int fd)
{
	char request[DIALECT_ROOM];
	struct request r = drawer_next(&x->drawer, sys_realtime_ns());
	size_t len = speaker_ask(&x->speaker, request, &r);
	struct text answer = {x->in, 0};
	ssize_t moved = sys_send(fd, request, len);
	size_t got = 0;

	if (moved < 0)
		return (int)moved;
	while (!answer.len) {
		int rc = got < IN_ROOM ? wait_readable(fd) : -EMSGSIZE;

		if (rc)
			return rc;
		moved = sys_read(fd, x->in + got, IN_ROOM - got);
		if (moved <= 0)
			return moved ? (int)moved : -ECONNRESET;
		got += (size_t)moved;
		answer.len =
			speaker_answer_len(&x->speaker, r.read, x->in, got);
	}
	judge(x, &r, answer);
	return 0;
}

static int open_one(struct idle *x)
{
	const struct bench_options *o = x->driver->o;
	uint64_t number = (uint64_t)x->count * o->threads + x->driver->index;
	int64_t begun_ns = sys_monotonic_ns();
	struct address from;
	bool spread = target_source(&o->target, o->connections, number, &from);
	int rc = target_connect(
		&o->target, spread ? &from : NULL, &x->fds[x->count]);

	if (rc)
		return rc;
	driver_add(x->driver, sys_monotonic_ns() - begun_ns, 1);
	x->count++;
	if (o->talk || x->count % STRETCH == 0)
		rc = ask(x, x->fds[x->count - 1]);
	return rc;
}

static void run(struct driver *d)
{
	struct idle *x = d->own;
	char error[TARGET_ERROR];
	unsigned i;
	int rc = 0;

	while (!rc && x->count < d->connections && !driver_should_stop(d))
		rc = open_one(x);
	i = x->count > LAST_TO_ASK ? x->count - LAST_TO_ASK : 0;
	for (; !rc && i < x->count; i++)
		rc = ask(x, x->fds[i]);
	if (!rc)
		return;
	target_explain(&d->o->target, rc, error);
	driver_fail(d, "%u connections are open; then: %s", x->count, error);
}

static void prepare(struct driver *d)
{
	struct idle *x = sys_alloc_zero(1, sizeof *x);

	d->own = x;
	if (x) {
		x->driver = d;
		x->fds = sys_alloc_zero(d->connections, sizeof *x->fds);
		speaker_init(
			&x->speaker, d->dialect, d->o->radius_km, d->o->bound);
	}
	if (!x || !x->fds || drawer_init(&x->drawer, d))
		driver_fail(d, "out of memory");
}

static void tidy(struct driver *d)
{
	struct idle *x = d->own;

	if (!x)
		return;
	for (unsigned i = 0; i < x->count; i++)
		sys_close(x->fds[i]);
	drawer_fini(&x->drawer);
	sys_free(x->fds);
	sys_free(x);
	d->own = NULL;
}

const struct driver_work idle_work = {prepare, run, tidy, false};
