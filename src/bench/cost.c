/* cost - CPU time and memory by /proc; see cost.h.
 *
 * A thread that ends while it is looked at is left out; a process that does,
 * or that nobody has waited for yet, is -ESRCH. */
#include "herd/cost.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "herd/sys.h"

#define PATH_ROOM 64

/* Of a process or thread: gone is -ENOENT when its files are opened, -ESRCH
 * when they are read. */
static int gone(int rc)
{
	return rc == -ENOENT ? -ESRCH : rc;
}

/* The first line of a file of /proc, less its LF. 0 or -errno. */
static int read_line(const char *path, char *dst, size_t room)
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	if (!f)
		return gone(-errno);
	errno = 0;
	if (!fgets(dst, (int)room, f))
		rc = errno ? gone(-errno) : -EIO;
	else
		dst[strcspn(dst, "\n")] = '\0';
	fclose(f);
	return rc;
}

static int read_thread(pid_t pid, pid_t tid, struct cost_thread *ret_thread)
{
	struct cost_thread t = {.pid = pid, .tid = tid};
	char path[PATH_ROOM];
	char line[128];
	int rc;

	snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, tid);
	rc = read_line(path, t.name, sizeof t.name);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", pid, tid);
	rc = read_line(path, line, sizeof line);
	if (rc)
		return rc;
	/* Time on a CPU, time waiting for one, and how often. */
	if (sscanf(line, "%" SCNd64, &t.cpu_ns) != 1)
		return -EIO;
	*ret_thread = t;
	return 0;
}

/* The process as a whole, threads included that have ended since. */
static int add_process(pid_t pid, struct cost *into)
{
	struct timespec t;
	clockid_t clock;
	int error = clock_getcpuclockid(pid, &clock);

	if (error)
		return -error;
	if (clock_gettime(clock, &t))
		return -ESRCH; /* it had a clock a moment ago */
	into->cpu_ns += t.tv_sec * HERD_SECOND_NS + t.tv_nsec;
	return 0;
}

static int add_threads(pid_t pid, struct cost *into)
{
	char path[PATH_ROOM];
	struct dirent *entry;
	DIR *tasks;
	int rc = 0;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return gone(-errno);
	while (!rc && (entry = readdir(tasks))) {
		struct cost_thread *t = &into->threads[into->thread_count];
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid <= 0) /* "." and ".." */
			continue;
		into->crowded |= into->thread_count == COST_THREADS_MAX;
		if (into->crowded)
			break;
		rc = read_thread(pid, tid, t);
		if (rc == -ESRCH) {
			rc = 0;
			continue;
		}
		if (rc)
			break;
		into->thread_count++;
	}
	closedir(tasks);
	return rc;
}

static int add_memory(pid_t pid, struct cost *into)
{
	char path[PATH_ROOM];
	char line[256];
	int64_t kib;
	FILE *f;
	int rc = -ESRCH; /* a process that has ended has no such line */

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return gone(-errno);
	while (rc && fgets(line, sizeof line, f)) {
		if (sscanf(line, "RssAnon: %" SCNd64, &kib) != 1)
			continue;
		into->memory_bytes += kib * 1024;
		rc = 0;
	}
	fclose(f);
	return rc;
}

/* proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are
 * of user. */
static int read_machine(struct cost *into)
{
	int64_t tick_ns = HERD_SECOND_NS / sysconf(_SC_CLK_TCK);
	int64_t ticks[8];
	char line[256];
	int rc = read_line("/proc/stat", line, sizeof line);

	if (rc)
		return rc;
	if (sscanf(line,
		    "cpu %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
		    " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
		    &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4],
		    &ticks[5], &ticks[6], &ticks[7]) != 8)
		return -EIO;
	into->machine_busy_ns =
		(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) *
		tick_ns;
	into->machine_stolen_ns = ticks[7] * tick_ns;
	return 0;
}

static int64_t own_cpu_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t))
		return 0;
	return t.tv_sec * HERD_SECOND_NS + t.tv_nsec;
}

int cost_take(const pid_t *pids, size_t count, struct cost *ret_cost)
{
	struct cost c = {.time_ns = sys_monotonic_ns()};
	int rc = read_machine(&c);

	for (size_t i = 0; !rc && i < count; i++) {
		rc = add_process(pids[i], &c);
		if (!rc)
			rc = add_threads(pids[i], &c);
		if (!rc)
			rc = add_memory(pids[i], &c);
	}
	if (rc)
		return rc;
	if (c.crowded)
		c.thread_count = 0;
	c.own_cpu_ns = own_cpu_ns();
	*ret_cost = c;
	return 0;
}

const char *cost_explain(int rc)
{
	if (rc == -ESRCH)
		return "there is no process of that number (--pid), or no "
		       "longer";
	return sys_error_text(rc);
}

static int64_t cpu_of(const struct cost *c, const struct cost_thread *t)
{
	for (size_t i = 0; i < c->thread_count; i++)
		if (c->threads[i].pid == t->pid && c->threads[i].tid == t->tid)
			return c->threads[i].cpu_ns;
	return 0;
}

void cost_subtract(struct cost *after, const struct cost *before)
{
	after->crowded |= before->crowded;
	if (after->crowded)
		after->thread_count = 0;
	for (size_t i = 0; i < after->thread_count; i++) {
		struct cost_thread *t = &after->threads[i];

		t->cpu_ns -= cpu_of(before, t);
	}
	after->cpu_ns -= before->cpu_ns;
	after->own_cpu_ns -= before->own_cpu_ns;
	after->machine_busy_ns -= before->machine_busy_ns;
	after->machine_stolen_ns -= before->machine_stolen_ns;
	after->time_ns -= before->time_ns;
}

double cost_other_load(const struct cost *difference)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double all_ns = (double)difference->time_ns * (double)cpus;
	double other_ns = (double)(difference->machine_busy_ns +
				   difference->machine_stolen_ns -
				   difference->own_cpu_ns - difference->cpu_ns);

	if (all_ns <= 0 || other_ns <= 0)
		return 0;
	return other_ns < all_ns ? other_ns / all_ns : 1;
}
