/* panic - the end of a process that has found itself wrong. By stdio, not by
 * the log: the log may be what is wrong. */
#include "herd/base.h"

#include <stdio.h>
#include <stdlib.h>

void herd_panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
	abort();
}
