/* thread - pthreads with a name, a CPU and no signals.
 *
 * CPU sets are sized for the largest number of CPUs Linux can be built for:
 * a plain cpu_set_t ends at 1024, and the kernel then refuses to fill it. */
#include "herd/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

#define CPUS_MAX 8192

struct cpus {
	cpu_set_t sets[CPUS_MAX / CPU_SETSIZE];
};

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	/* Here and not by the starter, so that the thread never runs under
	 * another name. Fails only for names longer than 15 bytes. */
	(void)pthread_setname_np(pthread_self(), t->name);
	t->run(t->arg);
	return NULL;
}

/* Start `t` with all signals blocked from its first instruction on: it inherits
 * the mask of the thread that creates it. */
static int create_without_signals(struct thread *t, const pthread_attr_t *attr)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&t->id, attr, run_thread, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int thread_start(struct thread *t, const char *name, int cpu,
	void (*run)(void *arg), void *arg)
{
	pthread_attr_t attr;
	struct cpus cpus = {0};
	int rc;

	*t = (struct thread){.run = run, .arg = arg, .cpu = cpu};
	snprintf(t->name, sizeof t->name, "%s", name);
	rc = -pthread_attr_init(&attr);
	if (rc < 0)
		return rc;
	if (cpu >= 0) {
		CPU_SET_S((size_t)cpu, sizeof cpus, cpus.sets);
		rc = -pthread_attr_setaffinity_np(
			&attr, sizeof cpus, cpus.sets);
		if (rc < 0)
			goto out_destroy_attr;
	}
	rc = create_without_signals(t, &attr);

out_destroy_attr:
	pthread_attr_destroy(&attr);
	return rc;
}

void thread_join(struct thread *t)
{
	int error = pthread_join(t->id, NULL);

	HERD_ASSERT(error == 0);
}

size_t thread_usable_cpus(int *ret_cpus, size_t room)
{
	struct cpus cpus = {0};
	size_t count = 0;

	/* UNTESTED: sandboxes may forbid the question; CPU 0 is a fair guess. */
	if (sched_getaffinity(0, sizeof cpus, cpus.sets) < 0)
		CPU_SET(0, cpus.sets);
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!CPU_ISSET_S(cpu, sizeof cpus, cpus.sets))
			continue;
		if (count < room)
			ret_cpus[count] = (int)cpu;
		count++;
	}
	return count;
}
