/* log - rings of raw events, and the writer that makes lines of them.
 *
 * A thread that logs pays for one copy into its own ring. Everything dear, the
 * formatting and the write(2), is done by the writer, for many events at once.
 *
 * Falling asleep without missing an event:
 *
 *   log_write, log_flush             log_may_sleep
 *   1. publish                       1. asleep = 1
 *   2. exchange(asleep, 0)           2. look at all rings
 *      was it 1? wake                   anything there? stay awake
 *
 * Both touch `asleep` by an exchange. Whichever comes second sees what the
 * other did before: either the writer sees the event, or the producer sees the
 * sleeper. Waiting for room in a ring is the same the other way round, with
 * `waiting` in place of `asleep`.
 *
 * What cannot be written to the file (the disk is full) is dropped and
 * counted, whatever log.full says: it would block every client until an
 * operator comes. */
#include "herd/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "herd/sys.h"
#include "log_format.h"
#include "ring.h"

#define RING_SIZE_DEFAULT ((size_t)1024 * 1024)
#define RING_SIZE_MIN     ((size_t)16 * 1024) /* two of the longest records */
#define BATCH_SIZE        ((size_t)128 * 1024)

/* An event on its way; followed by its bytes. */
struct record {
	int64_t time_ns;
	uint64_t number[3];
	const char *name;
	const char *why;
	size_t full_len;        /* of the bytes */
	struct address address; /* AF_UNSPEC: none */
	uint16_t event;
	uint16_t len; /* of the bytes, as far as they are here */
};

struct log_ring {
	struct ring ring;
	struct log *log;       /* [I] */
	struct log_ring *next; /* [I] */
	int room_fd;           /* [I] signalled when there is room; -1: the
				* producer is the writer */

	_Alignas(HERD_CACHE_LINE) bool unflushed; /* [O] producer */
	_Atomic uint64_t dropped; /* [A] the producer's; the writer reads */
	atomic_bool waiting;      /* [A] see above */
};

struct log {
	bool shared;                         /* [I] */
	size_t ring_size;                    /* [I] */
	atomic_bool wait;                    /* [A] */
	atomic_bool wanted[LOG_EVENT_COUNT]; /* [A] */
	void (*wake)(void *arg);             /* [I] */
	void *wake_arg;                      /* [I] */
	struct log_ring *rings;              /* [I] */

	_Alignas(HERD_CACHE_LINE) atomic_bool asleep; /* [A] see above */

	/* [O] All of these are the writer's. */
	_Alignas(HERD_CACHE_LINE) int fd;
	const char *path;
	struct log_calendar calendar;
	char *batch;
	size_t batch_len;
	bool mid_line;           /* the file ends with a piece of a line */
	uint64_t lost;           /* lines that could not be written */
	int lost_rc;             /* why: -errno */
	uint64_t drops_seen;     /* of all rings, when last looked at */
	uint64_t drops_reported; /* of those, in the file */
};

/* --- set-up --------------------------------------------------------------- */

int log_open(const char *path, int *ret_fd)
{
	int fd = open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static size_t usable_ring_size(size_t wanted)
{
	size_t size = RING_SIZE_MIN;

	if (wanted == 0)
		return RING_SIZE_DEFAULT;
	while (size < wanted)
		size *= 2;
	return size;
}

/* Nothing else hangs on these: a thread that sees one a little later has
 * logged a little earlier. */
void log_choose(struct log *log, enum log_level level, bool messages, bool wait)
{
	atomic_store_explicit(&log->wait, wait, memory_order_relaxed);
	for (size_t i = 0; i < LOG_EVENT_COUNT; i++) {
		enum log_event event = (enum log_event)i;
		bool wanted = log_event_level(event) <= level &&
			      (messages || !log_event_is_message(event));

		atomic_store_explicit(
			&log->wanted[i], wanted, memory_order_relaxed);
	}
}

int log_new(const struct log_options *options, struct log **ret_log)
{
	int rc;
	struct log *log = sys_alloc_aligned(HERD_CACHE_LINE, sizeof *log);

	if (!log)
		return -ENOMEM;
	memset(log, 0, sizeof *log);
	log->path = options->path;
	log->shared = options->shared;
	log->ring_size = usable_ring_size(options->ring_size);
	log_choose(log, options->level, options->messages, options->wait);
	log->batch = sys_alloc(BATCH_SIZE);
	if (!log->batch) {
		rc = -ENOMEM;
		goto out_free_log;
	}
	rc = log_open(log->path, &log->fd);
	if (rc)
		goto out_free_batch;
	*ret_log = log;
	return 0;

out_free_batch:
	sys_free(log->batch);
out_free_log:
	sys_free(log);
	return rc;
}

int log_ring_new(struct log *log, struct log_ring **ret_ring)
{
	int rc = -ENOMEM;
	struct log_ring *ring =
		sys_alloc_aligned(HERD_CACHE_LINE, sizeof *ring);
	char *bytes = sys_alloc(log->ring_size);

	if (!ring || !bytes)
		goto out_free;
	memset(ring, 0, sizeof *ring);
	ring->ring.bytes = bytes;
	ring->ring.size = log->ring_size;
	ring->log = log;
	ring->room_fd = -1;
	if (log->shared) {
		ring->room_fd = eventfd(0, EFD_CLOEXEC);
		if (ring->room_fd < 0) {
			rc = -errno;
			goto out_free;
		}
	}
	ring->next = log->rings;
	log->rings = ring;
	*ret_ring = ring;
	return 0;

out_free:
	sys_free(bytes);
	sys_free(ring);
	return rc;
}

void log_on_wake(struct log *log, void (*wake)(void *arg), void *arg)
{
	log->wake = wake;
	log->wake_arg = arg;
}

/* --- the threads that log ------------------------------------------------- */

bool log_wants(const struct log_ring *ring, enum log_event event)
{
	return atomic_load_explicit(
		&ring->log->wanted[event], memory_order_relaxed);
}

static void wake_writer(struct log *log)
{
	if (atomic_exchange(&log->asleep, false) && log->wake)
		log->wake(log->wake_arg);
}

static void *wait_for_room(struct log_ring *ring, size_t len)
{
	struct log *log = ring->log;
	void *space;

	while (!(space = ring_reserve(&ring->ring, len))) {
		eventfd_t signals;

		if (!log->shared) {
			log_drain(log);
			continue;
		}
		atomic_exchange(&ring->waiting, true);
		space = ring_reserve(&ring->ring, len);
		if (space)
			break;
		wake_writer(log);
		/* A signal may be left from an earlier wait: the loop looks
		 * for itself. */
		(void)eventfd_read(ring->room_fd, &signals);
	}
	return space;
}

void log_write(struct log_ring *ring, enum log_event event,
	const struct log_facts *facts)
{
	const struct log *log = ring->log;
	size_t len = facts->bytes.len;
	struct record *record;

	if (!log_wants(ring, event))
		return;
	if (len > LOG_BYTES_MAX)
		len = LOG_BYTES_MAX;

	ring->unflushed = true;
	record = ring_reserve(&ring->ring, sizeof *record + len);
	if (!record && atomic_load_explicit(&log->wait, memory_order_relaxed))
		record = wait_for_room(ring, sizeof *record + len);
	if (!record) {
		atomic_fetch_add_explicit(
			&ring->dropped, 1, memory_order_relaxed);
		return;
	}
	record->time_ns = facts->time_ns ? facts->time_ns : sys_realtime_ns();
	memcpy(record->number, facts->number, sizeof record->number);
	record->name = facts->name;
	record->why = facts->why;
	record->full_len = facts->bytes.len;
	if (facts->address)
		record->address = *facts->address;
	else
		record->address.any.sa_family = AF_UNSPEC;
	record->event = (uint16_t)event;
	record->len = (uint16_t)len;
	if (len > 0)
		memcpy(record + 1, facts->bytes.ptr, len);
	ring_publish(&ring->ring);
}

void log_flush(struct log_ring *ring)
{
	if (!ring->unflushed)
		return;
	ring->unflushed = false;
	wake_writer(ring->log);
}

/* --- the writer ----------------------------------------------------------- */

static uint64_t count_lines(const char *src, size_t len)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += src[i] == '\n';
	return lines;
}

/* Write as much as the file takes; how much that was. */
static size_t write_bytes(struct log *log, const char *src, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = sys_write(log->fd, src + done, len - done);
		if (n <= 0) {
			log->lost_rc = n < 0 ? (int)n : -EIO;
			break;
		}
		done += (size_t)n;
	}
	if (done > 0)
		log->mid_line = src[done - 1] != '\n';
	return done;
}

/* Say that `count` lines are missing. False: even that could not be written;
 * it is tried again with the next batch. */
static bool report(struct log *log, uint64_t count, const char *why)
{
	char line[1 + LOG_LINE_MAX] = "\n";
	const struct log_facts facts = {
		.time_ns = sys_realtime_ns(),
		.why = why,
		.number = {count},
	};
	size_t skip = log->mid_line ? 0 : 1;
	size_t len = 1 + log_format_line(&log->calendar, LOG_LINES_DROPPED,
				 &facts, 0, line + 1);

	return write_bytes(log, line + skip, len - skip) == len - skip;
}

/* False: lines were lost, and the file still takes nothing. */
static bool report_lost(struct log *log)
{
	char why[128];

	if (log->lost == 0)
		return true;
	snprintf(why, sizeof why, "cannot write: %s",
		sys_error_text(log->lost_rc));
	if (!report(log, log->lost, why))
		return false;
	log->lost = 0;
	return true;
}

static void report_drops(struct log *log)
{
	uint64_t count = log->drops_seen - log->drops_reported;

	if (count > 0 && report_lost(log) && report(log, count, "ring full"))
		log->drops_reported += count;
}

static void write_batch(struct log *log)
{
	size_t done = 0;

	if (report_lost(log))
		done = write_bytes(log, log->batch, log->batch_len);
	log->lost += count_lines(log->batch + done, log->batch_len - done);
	log->batch_len = 0;
}

static void add_line(struct log *log, const struct record *record)
{
	const struct log_facts facts = {
		.time_ns = record->time_ns,
		.address = record->address.any.sa_family == AF_UNSPEC
				   ? NULL
				   : &record->address,
		.name = record->name,
		.why = record->why,
		.bytes = {(const char *)(record + 1), record->len},
		.number = {record->number[0], record->number[1],
			record->number[2]},
	};

	if (BATCH_SIZE - log->batch_len < LOG_LINE_MAX)
		write_batch(log);
	log->batch_len +=
		log_format_line(&log->calendar, (enum log_event)record->event,
			&facts, record->full_len, log->batch + log->batch_len);
}

/* The ring whose first record is the oldest, and until when it has the word:
 * the time of the first record of the next one. NULL: all are empty. */
static struct log_ring *oldest_ring(struct log *log, int64_t *ret_until_ns)
{
	struct log_ring *oldest = NULL;
	int64_t oldest_ns = INT64_MAX;
	int64_t next_ns = INT64_MAX;

	for (struct log_ring *ring = log->rings; ring; ring = ring->next) {
		const struct record *record = ring_peek(&ring->ring);
		if (!record)
			continue;
		if (!oldest || record->time_ns < oldest_ns) {
			next_ns = oldest_ns;
			oldest_ns = record->time_ns;
			oldest = ring;
		} else if (record->time_ns < next_ns) {
			next_ns = record->time_ns;
		}
	}
	*ret_until_ns = next_ns;
	return oldest;
}

/* How much there is to see is settled before the first line is made: rings
 * that are filled as fast as they are drained must not keep the writer from
 * anything else. */
static bool look_at_rings(struct log *log)
{
	bool any = false;
	uint64_t dropped = 0;

	for (struct log_ring *ring = log->rings; ring; ring = ring->next) {
		any |= ring_look(&ring->ring);
		dropped += atomic_load_explicit(
			&ring->dropped, memory_order_relaxed);
	}
	any |= dropped != log->drops_seen;
	log->drops_seen = dropped;
	return any;
}

static void signal_room(struct log *log)
{
	for (struct log_ring *ring = log->rings; ring; ring = ring->next) {
		if (ring->room_fd >= 0 &&
			atomic_exchange(&ring->waiting, false))
			(void)eventfd_write(ring->room_fd, 1);
	}
}

bool log_drain(struct log *log)
{
	struct log_ring *ring;
	int64_t until_ns;

	if (!look_at_rings(log))
		return false;
	while ((ring = oldest_ring(log, &until_ns))) {
		const struct record *record;

		while ((record = ring_peek(&ring->ring)) &&
			record->time_ns <= until_ns) {
			add_line(log, record);
			ring_pop(&ring->ring);
		}
	}
	signal_room(log);
	write_batch(log);
	report_drops(log);
	return true;
}

bool log_may_sleep(struct log *log)
{
	uint64_t drops_seen = log->drops_seen;

	atomic_exchange(&log->asleep, true);
	if (!look_at_rings(log))
		return true;
	/* The drops too are for log_drain to find. */
	log->drops_seen = drops_seen;
	atomic_exchange(&log->asleep, false);
	return false;
}

int log_reopen(struct log *log)
{
	int fd = -1;
	int rc;

	log_drain(log);
	rc = log_open(log->path, &fd);
	if (!rc)
		log_move(log, log->path, fd);
	return rc;
}

void log_move(struct log *log, const char *path, int fd)
{
	log_drain(log);
	close(log->fd);
	log->fd = fd;
	log->path = path;
	/* A new file owes nothing to the half line the old one ends with. */
	if (lseek(fd, 0, SEEK_END) == 0)
		log->mid_line = false;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	log_drain(log);
	(void)report_lost(log);
	report_drops(log);
	while (log->rings) {
		struct log_ring *ring = log->rings;
		log->rings = ring->next;
		if (ring->room_fd >= 0)
			close(ring->room_fd);
		sys_free(ring->ring.bytes);
		sys_free(ring);
	}
	close(log->fd);
	sys_free(log->batch);
	sys_free(log);
}
