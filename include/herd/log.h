/* log - one line per event, written off the loops.
 *
 *   worker 0 --ring--\
 *   worker 1 --ring---+--> log_drain: merge by time, format, one write --> file
 *   flood    --ring--/
 *
 * A thread that logs copies the event's raw bytes and numbers into a ring of
 * its own (some nanoseconds) and, once per round of its loop, wakes the writer
 * if that sleeps. The writer formats. A line is: UTC time with microseconds,
 * level, event, facts; bytes that are not printable ASCII are escaped
 * (\n \r \t \\ \xHH), so that one event is one line whatever was received.
 *
 * Rings are single-producer single-consumer: each has one thread that writes
 * into it; log_drain and log_reopen belong to the writer's thread. In the
 * single-threaded design both are the same thread. */
#ifndef HERD_LOG_H
#define HERD_LOG_H

#include "herd/address.h"
#include "herd/base.h"

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

enum log_event {
#define EVENT(name, level, message, template) LOG_##name,
#include "herd/log_events.def"
#undef EVENT
	LOG_EVENT_COUNT
};

/* Of an event's bytes; more are cut, the line then ends with their full
 * number. */
#define LOG_BYTES_MAX 4096

struct log;      /* the file and its writer */
struct log_ring; /* one thread's events on their way there */

struct log_options {
	const char *path;     /* borrowed until log_free */
	enum log_level level; /* less important ones are left out */
	bool messages;        /* log.messages */
	bool wait;            /* log.full = "wait"; else drop and count */
	bool shared;          /* rings and writer are on different threads */
	size_t ring_size;     /* bytes per ring; 0: 1 MiB */
};

/* What an event tells. Only what its template names need be set. */
struct log_facts {
	int64_t time_ns;               /* since the epoch; 0: now */
	const struct address *address; /* copied */
	const char *name;  /* NOT copied: a configured name or a literal */
	const char *why;   /* NOT copied: a literal or strerror-like text
			      * that is never freed */
	struct text bytes; /* copied, at most LOG_BYTES_MAX of them */
	uint64_t number[3];
};

/* Open (append, create with mode 0640) and start no thread. 0; -errno of the
 * open; -ENOMEM. */
HERD_MUST_CHECK int log_new(
	const struct log_options *options, struct log **ret_log);

/* Drain, write and close. Every thread that logs must have ended. Accepts
 * NULL. */
void log_free(struct log *log);

/* Start-up only, before any thread logs. The ring is freed by log_free. */
HERD_MUST_CHECK int log_ring_new(struct log *log, struct log_ring **ret_ring);

/* Start-up only: how to wake the writer; called from any logging thread. */
void log_on_wake(struct log *log, void (*wake)(void *arg), void *arg);

/* Threads: any. These of the options are other ones now. */
void log_choose(
	struct log *log, enum log_level level, bool messages, bool wait);

/* Would this event be written? Worth asking before preparing facts. */
bool log_wants(const struct log_ring *ring, enum log_event event);

/* Ring's thread only. Never fails: when the ring is full, `drop` counts (the
 * writer reports it as one "lines dropped"), `wait` blocks until the writer has
 * made room. */
void log_write(struct log_ring *ring, enum log_event event,
	const struct log_facts *facts);

/* Ring's thread only, at the end of a round: wake the writer if events were
 * written and it sleeps. */
void log_flush(struct log_ring *ring);

/* Writer only. Write out what the rings hold, oldest first; true if there was
 * anything. A write that fails (full disk) is counted and reported as "lines
 * dropped" when writing works again. */
bool log_drain(struct log *log);

/* Writer only. About to sleep: from now on log_flush wakes. false: something
 * came meanwhile, drain again. */
HERD_MUST_CHECK bool log_may_sleep(struct log *log);

/* Writer only. Open the path again (logrotate). On failure the old file stays
 * in use. 0 or -errno. */
HERD_MUST_CHECK int log_reopen(struct log *log);

/* Threads: any. Open a file as log_new does. 0; -errno. */
HERD_MUST_CHECK int log_open(const char *path, int *ret_fd);

/* Writer only. What comes from now on goes to `fd`, which is the log's then;
 * `path`, borrowed until log_free, is what log_reopen opens. */
void log_move(struct log *log, const char *path, int fd);

#endif
