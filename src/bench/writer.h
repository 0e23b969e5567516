/* writer - clients of one server that say where they are, by numbers.
 *
 * Every answer has to be the AT line of the update that is due on its
 * connection.
 * Threads: owner only, that of the reactor. */
#ifndef BENCH_WRITER_H
#define BENCH_WRITER_H

#include "herd/conf.h"
#include "herd/reactor.h"
#include "numbered.h"

struct writer;

struct writer_options {
	struct reactor *reactor;
	const struct conf_server *server; /* borrowed until writer_free */
	const struct numbered *updates;   /* borrowed, likewise */
	unsigned connections, pipeline;
};

/* Connected to the server. 0 or -errno, and in `error` (CONF_ERROR_MAX bytes)
 * one line for people. */
HERD_MUST_CHECK int writer_new(const struct writer_options *options,
	struct writer **ret_writer, char *error);
void writer_free(struct writer *w);

/* Send the next updates, connections taking turns. */
void writer_send(struct writer *w, uint64_t count);

/* From now on, or no longer, as many as `pipeline` are under way on each
 * connection. */
void writer_keep_busy(struct writer *w, bool busy);

uint64_t writer_sent(const struct writer *w);
uint64_t writer_answered(const struct writer *w);

/* What has gone wrong, one line for people; NULL: nothing. */
const char *writer_trouble(const struct writer *w);

#endif
