/* control_status - the reply to STATUS. Private to src/server. */
#ifndef HERD_CONTROL_STATUS_H
#define HERD_CONTROL_STATUS_H

#include "herd/buf.h"
#include "herd/control.h"

/* Append it, "END" included. 0; -ENOMEM. */
HERD_MUST_CHECK int control_write_status(const struct control_options *options,
	int64_t uptime_ns, const struct flood_report *report, struct buf *into);

#endif
