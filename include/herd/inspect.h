/* inspect - the commands of herdctl that look at servers of this machine, by
 * their control sockets.
 *
 * They print what they find, and say on standard error what is wrong. They
 * return the exit status: 0, or 1 if a server could not be looked at.
 * Threads: owner only; blocks. */
#ifndef HERD_INSPECT_H
#define HERD_INSPECT_H

#include "herd/base.h"
#include "herd/conf.h"

struct inspect {
	const struct conf *conf;
	char **names; /* servers of conf */
	size_t count; /* 0: none was named */
	int timeout_ms;
	bool raw; /* no tables */
};

/* All that one server knows, the first of the file if none was named. */
HERD_MUST_CHECK int inspect_dump(const struct inspect *in);

/* How the servers are; of those in the file that have a socket here, if none
 * was named. */
HERD_MUST_CHECK int inspect_status(const struct inspect *in);

#endif
