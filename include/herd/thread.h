/* thread - named threads, pinned when asked.
 * Signals are blocked in every thread started here: main takes them through
 * a signalfd. */
#ifndef HERD_THREAD_H
#define HERD_THREAD_H

#include <pthread.h>

#include "herd/base.h"

struct thread {
	pthread_t id;
	void (*run)(void *arg);
	void *arg;
	char name[16]; /* as in ps -L and top -H; the kernel's limit */
	int cpu;       /* -1: not pinned */
};

/* Run run(arg) on a thread of its own. `t` must live until thread_join.
 * 0; -EAGAIN: the system has no room for another thread. */
HERD_MUST_CHECK int thread_start(struct thread *t, const char *name, int cpu,
	void (*run)(void *arg), void *arg);

/* Wait until run() has returned. */
void thread_join(struct thread *t);

/* The CPUs this process may run on, in ascending order; their number is
 * always at least 1. Fills at most `room`. */
size_t thread_usable_cpus(int *ret_cpus, size_t room);

#endif
