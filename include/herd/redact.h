/* redact - takes a secret out of bytes on their way to others.
 * Pure; threads: any. */
#ifndef HERD_REDACT_H
#define HERD_REDACT_H

#include "herd/base.h"

/* Remove every occurrence of `secret` (ASCII, not empty, no '%' or '\') from
 * bytes[0..len), in place, also where its characters are escaped as in JSON
 * (\/, \u0041) or in a URL (%41). What is left when it is gone may hold it
 * again, put together from both sides: that goes too. The new length. */
size_t redact(char *bytes, size_t len, struct text secret);

#endif
