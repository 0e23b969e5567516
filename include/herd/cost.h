/* cost - what a server's processes use: CPU time and memory, as the kernel
 * counts them; and what else the machine was busy with.
 *
 *   cost_take() before --- load --- cost_take() after: subtract
 *
 * CPU time is that of the process's clock (clock_getcpuclockid(3)), which counts
 * threads that have ended, too: a server may have one for each request. It is
 * told again thread by thread, of those that are there, by the scheduler's
 * statistics (/proc/PID/task/TID/schedstat, proc(5)), so that a log thread can be
 * told from a worker. Memory is RssAnon of /proc/PID/status: what is the process's
 * own, its libraries and socket buffers aside.
 * Threads: owner only. */
#ifndef HERD_COST_H
#define HERD_COST_H

#include <sys/types.h>

#include "herd/base.h"

#define COST_PIDS_MAX    64
#define COST_THREADS_MAX 256
#define COST_NAME_MAX    16 /* of a thread, NUL included */

struct cost_thread {
	pid_t pid, tid;
	char name[COST_NAME_MAX];
	int64_t cpu_ns;
};

struct cost {
	struct cost_thread threads[COST_THREADS_MAX];
	size_t thread_count;
	bool crowded;         /* there are more threads; none of them is told */
	int64_t cpu_ns;       /* of all processes */
	int64_t memory_bytes; /* of all processes */
	int64_t own_cpu_ns;   /* of this process */
	/* Of all CPUs together, by /proc/stat: busy, and stolen by the
	 * hypervisor. In steps of 10 ms. */
	int64_t machine_busy_ns, machine_stolen_ns;
	int64_t time_ns; /* monotonic */
};

/* pids: of the server, of which there may be none.
 * 0; -ESRCH: one of them is gone or has ended; -errno of /proc. */
HERD_MUST_CHECK int cost_take(
	const pid_t *pids, size_t count, struct cost *ret_cost);

/* Why cost_take has failed. */
const char *cost_explain(int rc);

/* `after` less `before`: the CPU times of the processes, and of the threads that
 * are there after. Memory stays what it is after. */
void cost_subtract(struct cost *after, const struct cost *before);

/* Of a difference: what neither we nor the server used, as a part of all CPUs
 * (0 to 1). */
double cost_other_load(const struct cost *difference);

#endif
