/* tool - what the load drivers have in common. They are benchmark tools, not
 * tests: errors end them. Threads: any. */
#ifndef TESTS_BENCH_TOOL_H
#define TESTS_BENCH_TOOL_H

#include <time.h>

#include "herd/base.h"

/* Called as what? Set first of all. */
extern const char *tool_name;

/* Say what failed, by errno, and exit. */
_Noreturn void tool_die(const char *what);

int64_t tool_clock_ns(clockid_t clock);

/* The clock of the CPU time of all threads of a process. */
clockid_t tool_cpu_clock(const char *pid);

/* A connection to "HOST:PORT", a numeric one. */
int tool_connect(const char *target);

#endif
