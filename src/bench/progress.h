/* progress - a line about the last second, rewritten in place on a terminal.
 * Threads: owner only. */
#ifndef HERD_PROGRESS_H
#define HERD_PROGRESS_H

#include "herd/base.h"
#include "herd/histogram.h"

struct progress {
	bool quiet;
	bool in_place; /* a line stands there */
};

/* Any line. */
HERD_PRINTF(2, 3)
void progress_say(struct progress *p, const char *format, ...);

/* That of most modes. second: what was seen in the last `seconds`; what: "warm-up", "3 of 5 s". */
void progress_show(struct progress *p, const char *what,
	const struct histogram *second, double seconds, uint64_t errors);

/* Before anything else is said. */
void progress_end(struct progress *p);

#endif
