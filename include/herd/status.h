/* status - what servers said of themselves, as tables for people: a row per
 * server, then one per link. Pure; threads: any. */
#ifndef HERD_STATUS_H
#define HERD_STATUS_H

#include "herd/base.h"
#include "herd/buf.h"

/* Append the tables made of one or more replies to STATUS, each less its END.
 * Facts that are not known here are left out. 0; -ENOMEM. */
HERD_MUST_CHECK int status_table(struct text replies, struct buf *into);

#endif
