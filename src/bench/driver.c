/* driver - starting, turning and stopping the threads that make load. */
#include "driver.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "herd/sys.h"

static void post(int event_fd)
{
	/* Cannot fail: the counter is far from full. */
	(void)!write(event_fd, &(uint64_t){1}, sizeof(uint64_t));
}

static void hear(int event_fd)
{
	uint64_t count;

	(void)!read(event_fd, &count, sizeof count);
}

/* --- the driver's --------------------------------------------------------- */

void driver_fail(struct driver *d, const char *format, ...)
{
	va_list args;

	if (d->failure[0])
		return;
	va_start(args, format);
	vsnprintf(d->failure, sizeof d->failure, format, args);
	va_end(args);
}

/* As much of a text as fits into a line for people. */
static size_t put_escaped(char *dst, size_t room, struct text text)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && len + 5 < room; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '\n')
			len += (size_t)snprintf(dst + len, room - len, "\\n");
		else if (c == '\r')
			len += (size_t)snprintf(dst + len, room - len, "\\r");
		else if (c < ' ' || c > '~')
			len += (size_t)snprintf(
				dst + len, room - len, "\\x%02x", c);
		else
			dst[len++] = (char)c;
	}
	dst[len] = '\0';
	return len;
}

void driver_note_wrong(struct driver *d, struct speaker *s,
	const struct request *r, struct text answer)
{
	char request[DIALECT_ROOM];
	size_t request_len = r ? speaker_ask(s, request, r) : 0;
	char *text = d->first_wrong;
	size_t room = sizeof d->first_wrong;
	size_t len = 0;

	atomic_fetch_add_explicit(&d->wrong, 1, memory_order_relaxed);
	if (text[0])
		return;
	if (r) {
		len = (size_t)snprintf(text, room, "asked \"");
		len += put_escaped(text + len, room / 3,
			(struct text){request, request_len});
		len += (size_t)snprintf(text + len, room - len, "\", ");
	}
	len += (size_t)snprintf(text + len, room - len, "answered \"");
	len += put_escaped(text + len, room - len - 2, answer);
	snprintf(text + len, room - len, "\"");
}

bool driver_should_stop(struct driver *d)
{
	/* Acquire: the window that comes next was main's until now. */
	unsigned turn = atomic_load_explicit(&d->turn, memory_order_acquire);

	if (turn != atomic_load_explicit(&d->seen, memory_order_relaxed)) {
		atomic_store_explicit(&d->seen, turn, memory_order_release);
		post(d->all->post_fd);
	}
	return atomic_load_explicit(&d->stop, memory_order_relaxed);
}

static void set_state(struct driver *d, enum driver_state state)
{
	atomic_store_explicit(&d->state, (int)state, memory_order_release);
	post(d->all->post_fd);
}

/* Until main has set one of these. */
static void wait_for(struct driver *d, _Atomic bool *a, _Atomic bool *b)
{
	struct pollfd wake = {.fd = d->wake_fd, .events = POLLIN};

	while (!atomic_load(a) && !atomic_load(b))
		if (poll(&wake, 1, -1) > 0)
			hear(d->wake_fd);
}

static int64_t thread_cpu_ns(void)
{
	struct timespec t;

	/* UNTESTED: a thread has such a clock. */
	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t))
		return 0;
	return t.tv_sec * HERD_SECOND_NS + t.tv_nsec;
}

static void run_work(struct driver *d)
{
	int64_t begun_ns = sys_monotonic_ns();
	int64_t cpu_ns = thread_cpu_ns();
	int64_t took_ns;

	d->work->run(d);
	took_ns = sys_monotonic_ns() - begun_ns;
	if (took_ns > 0)
		d->busy = (double)(thread_cpu_ns() - cpu_ns) / (double)took_ns;
}

static void run_driver(void *arg)
{
	struct driver *d = arg;

	/* Wake-ups at the nanosecond asked for, as far as the kernel can. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	if (d->work->patient)
		(void)sched_setscheduler(
			0, SCHED_BATCH, &(struct sched_param){0});
	d->work->prepare(d);
	if (!d->failure[0]) {
		set_state(d, DRIVER_READY);
		wait_for(d, &d->go, &d->stop);
		if (!atomic_load(&d->stop))
			run_work(d);
	}
	set_state(d, DRIVER_DONE);
	/* What it holds at the server is measured before it goes. */
	wait_for(d, &d->stop, &d->stop);
	d->work->tidy(d);
}

/* --- main's --------------------------------------------------------------- */

static enum driver_state state_of(const struct driver *d)
{
	return (enum driver_state)atomic_load_explicit(
		&d->state, memory_order_acquire);
}

/* CPUs are shared out in turn, connections evenly. */
static int start_driver(struct drivers *ds, struct driver *d, unsigned index)
{
	const struct bench_options *o = d->o;
	char name[16];
	int cpu = o->cpu_count ? o->cpus[index % o->cpu_count] : -1;
	int rc;

	d->all = ds;
	d->index = index;
	d->dialect = dialect_find(o->protocol);
	d->connections = o->connections / o->threads +
			 (index < o->connections % o->threads);
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->wake_fd < 0)
		return -errno;
	snprintf(name, sizeof name, "load %u", index);
	rc = thread_start(&d->thread, name, cpu, run_driver, d);
	if (rc)
		close(d->wake_fd);
	return rc;
}

static void wake_all(struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		post(ds->all[i].wake_fd);
}

static int start_all(struct drivers *ds, const struct bench_options *o,
	const struct driver_work *work)
{
	int rc = 0;

	for (unsigned i = 0; i < o->threads && !rc; i++) {
		ds->all[i].o = o;
		ds->all[i].work = work;
		rc = start_driver(ds, &ds->all[i], i);
		ds->count += rc == 0;
	}
	return rc;
}

int drivers_start(struct drivers *ds, const struct bench_options *o,
	const struct driver_work *work, char *error)
{
	int rc = -ENOMEM;

	*ds = (struct drivers){.post_fd = eventfd(0, EFD_CLOEXEC)};
	if (ds->post_fd < 0)
		rc = -errno;
	else
		ds->all = sys_alloc_zero(o->threads, sizeof *ds->all);
	if (ds->all)
		rc = start_all(ds, o, work);
	if (!rc)
		return 0;
	snprintf(error, DRIVER_TEXT, "cannot start thread %u%s: %s", ds->count,
		rc == -EINVAL ? " on its CPU (is there one of that number?)"
			      : "",
		sys_error_text(rc));
	if (ds->all)
		drivers_stop(ds);
	drivers_free(ds);
	return rc;
}

bool drivers_are_ready(const struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		if (state_of(&ds->all[i]) == DRIVER_PREPARING)
			return false;
	return true;
}

void drivers_hear(struct drivers *ds)
{
	hear(ds->post_fd);
}

void drivers_go(struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		atomic_store(&ds->all[i].go, true);
	wake_all(ds);
}

static void take_window(struct histogram *into, struct histogram *window)
{
	histogram_merge(into, window);
	memset(window, 0, sizeof *window);
}

void drivers_turn(struct drivers *ds, struct histogram *into)
{
	for (unsigned i = 0; i < ds->count; i++)
		atomic_fetch_add(&ds->all[i].turn, 1);
	wake_all(ds);
	for (unsigned i = 0; i < ds->count; i++) {
		struct driver *d = &ds->all[i];
		unsigned turn = atomic_load(&d->turn);

		while (state_of(d) != DRIVER_DONE &&
			atomic_load_explicit(&d->seen, memory_order_acquire) !=
				turn)
			hear(ds->post_fd);
		take_window(into, &d->windows[(turn - 1) & 1]);
		if (state_of(d) == DRIVER_DONE)
			take_window(into, &d->windows[turn & 1]);
	}
}

bool drivers_are_done(const struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		if (state_of(&ds->all[i]) != DRIVER_DONE)
			return false;
	return true;
}

uint64_t drivers_wrong(const struct drivers *ds)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < ds->count; i++)
		wrong += atomic_load_explicit(
			&ds->all[i].wrong, memory_order_relaxed);
	return wrong;
}

struct drivers_account drivers_account(const struct drivers *ds)
{
	struct drivers_account a = {0};
	struct histogram late = {0};

	for (unsigned i = 0; i < ds->count; i++) {
		const struct driver *d = &ds->all[i];

		a.unanswered += d->unanswered;
		if (d->oldest_ns > a.oldest_ns)
			a.oldest_ns = d->oldest_ns;
		if (d->busy > a.busy)
			a.busy = d->busy;
		histogram_merge(&late, &d->late);
	}
	a.late_ns = histogram_percentile(&late, 99);
	return a;
}

const char *drivers_failure(const struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		if (ds->all[i].failure[0])
			return ds->all[i].failure;
	return NULL;
}

const char *drivers_first_wrong(const struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		if (ds->all[i].first_wrong[0])
			return ds->all[i].first_wrong;
	return NULL;
}

void drivers_stop(struct drivers *ds)
{
	for (unsigned i = 0; i < ds->count; i++)
		atomic_store(&ds->all[i].stop, true);
	wake_all(ds);
	for (unsigned i = 0; i < ds->count; i++)
		thread_join(&ds->all[i].thread);
	for (unsigned i = 0; i < ds->count; i++)
		close(ds->all[i].wake_fd);
}

void drivers_free(struct drivers *ds)
{
	if (ds->post_fd >= 0)
		close(ds->post_fd);
	sys_free(ds->all);
	*ds = (struct drivers){.post_fd = -1};
}
