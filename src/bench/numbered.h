/* numbered - updates that tell which they are: from an AT line follows the
 * number of the update that it is of.
 *
 * Update n is of client n % ids; its stamp is n nanoseconds after the first's,
 * and its location goes by n as well.
 *
 * Plain servers (herd(7)) may keep stamps as floating-point numbers and write
 * them anew. For these the stamps are a microsecond apart, which a double can
 * tell, and a line is of an update if server, id and location are, and the stamp
 * is less than a microsecond away. Pure; threads: any. */
#ifndef BENCH_NUMBERED_H
#define BENCH_NUMBERED_H

#include "herd/base.h"
#include "herd/line.h"

#define NUMBERED_MAX 80 /* bytes of "ID LOCATION STAMP" */

struct numbered {
	uint64_t ids;
	int64_t first_ns; /* stamp of update 0 */
	bool rewritten;   /* stamps and differences may be, on their way */
};

/* Write "ID LOCATION STAMP", no NUL, to dst[NUMBERED_MAX]; its length. */
size_t numbered_format(const struct numbered *u, uint64_t number, char *dst);

/* Which update an AT line is of: to the byte, unless it may be rewritten.
 * false: of none below `sent`. */
HERD_MUST_CHECK bool numbered_find(const struct numbered *u,
	const struct line *at, uint64_t sent, uint64_t *ret_number);

#endif
