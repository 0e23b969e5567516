/* probe - a log in a directory of its own, and what its file holds.
 *
 * Whatever goes wrong fails the running test. Threads: owner only, but for the
 * writing functions: the ring's. */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "herd/log.h"

extern char probe_path[96]; /* of the file */
extern size_t probe_blocks; /* sys_fault_blocks() before the test */

/* For a checked fixture: the directory; all blocks are freed, it is empty. */
void probe_set_up(void);
void probe_tear_down(void);

/* --- a log ---------------------------------------------------------------- */

/* Its path is ours; its rings are the smallest, so that they wrap soon. */
struct log *probe_open(struct log_options options);

extern const struct log_options probe_everything;

struct log_ring *probe_ring(struct log *log);

#define PROBE_T0      1795225328123456789 /* 2026-11-21T01:42:08.123456789Z */
#define PROBE_T0_TEXT "2026-11-21T01:42:08.123456Z "

/* "link accepted from NAME -", that many seconds after the epoch. */
void probe_write_at(struct log_ring *ring, int64_t second, const char *name);

/* Numbered events, with as many bytes as makes the ring wrap everywhere. */
void probe_write_numbered(struct log_ring *ring, const char *name, int number);

/* --- its file ------------------------------------------------------------- */

/* The whole of a file, to be freed; its length unless ret_len is NULL. */
char *probe_read(const char *file, size_t *ret_len);

void probe_expect(const char *file, const char *expected);

#define PROBE_PRODUCERS 4

struct probe_tally {
	unsigned
		seen[PROBE_PRODUCERS]; /* numbered events, by name "0" to "3" */
	uint64_t dropped;              /* according to the log */
	unsigned odd;                  /* lines that are none of these */
};

struct probe_tally probe_tally(void);

#endif
