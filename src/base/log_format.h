/* log_format - one event as one line of text.
 * Pure, but for the calendar kept between lines. Owner only: the writer. */
#ifndef HERD_LOG_FORMAT_H
#define HERD_LOG_FORMAT_H

#include "herd/log.h"

#define LOG_LINE_MAX 4096 /* bytes of a line, its LF included */

/* The last second that was written out: most lines share theirs. All-zero is
 * none. */
struct log_calendar {
	int64_t second;
	size_t len;
	char text[40]; /* "2026-11-21T01:42:08" */
};

/* What log_event is called and how much it matters. */
enum log_level log_event_level(enum log_event event);
bool log_event_is_message(enum log_event event);

/* Write the line to dst[LOG_LINE_MAX] and return its length. facts->bytes may
 * be the front of what there was; `full_len` says how much that was. */
size_t log_format_line(struct log_calendar *calendar, enum log_event event,
	const struct log_facts *facts, size_t full_len, char *dst);

#endif
