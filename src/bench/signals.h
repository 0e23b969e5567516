/* signals - SIGINT and SIGTERM, as something to wait for: they end a
 * measurement, not the program.
 * Threads: main, before it starts others. */
#ifndef BENCH_SIGNALS_H
#define BENCH_SIGNALS_H

#include "herd/base.h"

/* From now on they come as input of *ret_fd, which does not block. 0; -errno.
 * Close it as any descriptor. */
HERD_MUST_CHECK int signals_open(int *ret_fd);

/* How many have come since the last time. */
unsigned signals_take(int fd);

#endif
