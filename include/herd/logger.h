/* logger - the role that writes the log out: log_drain on a reactor.
 *
 * After a drain that found something it looks again every few milliseconds
 * before it sleeps, so that busy threads need not wake it for each round of
 * theirs, and lines leave in batches.
 *
 * Threads: owner only (its reactor's), unless said otherwise. */
#ifndef HERD_LOGGER_H
#define HERD_LOGGER_H

#include "herd/base.h"
#include "herd/log.h"
#include "herd/reactor.h"

struct logger;

/* Start-up only. In the single-threaded design it must be the last role to be
 * attached: what the others log in a round it then sees in that round.
 * `ring` is for what it has to say itself. 0; -ENOMEM. */
HERD_MUST_CHECK int logger_new(struct log *log, struct reactor *reactor,
	struct log_ring *ring, struct logger **ret_logger);

/* After its reactor has stopped. Accepts NULL. */
void logger_free(struct logger *l);

/* A file to go on in: both are the log's from then on, the path until
 * log_free. */
struct logger_file {
	const char *path;
	int fd;
};

/* Threads: any. 0; -EAGAIN: its mailbox is full. */
HERD_MUST_CHECK int logger_move(
	struct logger *l, const struct logger_file *file);

/* Threads: any. Open the file again (logrotate). */
void logger_reopen(struct logger *l);

#endif
