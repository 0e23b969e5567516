/* dump - the map of a server, in order: two servers that hold the same print
 * the same bytes.
 * Threads: owner only. */
#ifndef HERD_DUMP_H
#define HERD_DUMP_H

#include <stdio.h>

#include "herd/base.h"

/* Print the AT lines of a reply to DUMP, sorted by their bytes as `LC_ALL=C
 * sort` does. A client that was met twice, because the map grew meanwhile, is
 * printed once: the line that wins.
 * 0; -EBADMSG: there is a line that is no AT line, nothing was printed;
 * -ENOMEM, the same; -errno of the output. */
HERD_MUST_CHECK int dump_print(struct text reply, FILE *out);

#endif
