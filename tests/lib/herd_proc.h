/* herd_proc - a herd of real herdd processes, for the integration tests.
 *
 *   herd_new: temporary directory, a port per server, the configuration
 *   herd_start: fork, fd 3 = listening socket, exec herdd -c FILE NAME
 *   herd_free: SIGTERM to all, every exit status is 0, directory removed
 *
 * Ports are the kernel's choice and are held by the harness for as long as the
 * herd lives, so that a server killed and started again keeps its port and
 * nobody else can take it. The listening socket stays open in the harness too:
 * while a server is down, connections wait in its backlog. A test that needs
 * them refused calls herd_unlisten(); herdd then binds the port itself.
 *
 * Ownership: what is returned as text belongs to the herd and lives until
 * herd_free. Threads: owner only (the one thread of the test).
 * Errors: whatever goes wrong, deadlines included, fails the running test. A
 * test that fails, crashes or is killed leaves its directory behind, and a
 * process that outlives it prints the path and what the servers said; the
 * servers die with the test.
 *
 * Environment: HERDD, the daemon (default ./herdd); HERD_DESIGNS, "threaded",
 * "single" or "both" (default); HERD_SLOW, a factor on all deadlines (without
 * it Check's own CK_TIMEOUT_MULTIPLIER).
 * For servers of the same protocol that are no herdd (contenders_test.sh):
 * HERD_UNLISTEN, if set: every server binds its port itself, as after
 * herd_unlisten; HERD_OTHER, the program that is run, as HERDD is, for the
 * servers named by herd_setup.other, which then bind their ports themselves
 * (default plain_server.py); HERD_SKIP, names of tests that are left out,
 * separated by single spaces. */
#ifndef HERD_PROC_H
#define HERD_PROC_H

#include <check.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "herd/base.h"

struct herd;

/* Topologies: edges "A-B" and lone names, separated by single spaces. */
#define HERD_ONE "Goloman"
#define HERD_FIVE                                                              \
	"Goloman-Hands Goloman-Holiday Goloman-Wilkes Hands-Wilkes "           \
	"Holiday-Welsh Holiday-Wilkes"
#define HERD_CHAIN "Alpha-Bravo Bravo-Charlie Charlie-Delta Delta-Echo"
#define HERD_RING  HERD_CHAIN " Echo-Alpha"

#define HERD_SERVERS_MAX 8

/* All texts are borrowed until herd_free; NULL: the default. */
struct herd_setup {
	const char *design;   /* "threaded", "single", or "mixed": by turns */
	const char *topology; /* HERD_ONE */
	const char *other;    /* servers that are no herdd but HERD_OTHER, and
			       * plain, as "Hands Welsh" */
	const char *plain; /* servers with protocol = "plain", as "Hands Welsh";
			       * "*": all of them */
	const char *general; /* settings outside groups: "workers = 2;" */
	const char *log;     /* settings inside log, added to directory */
	const char *places;  /* settings inside places: none */
	const char *peers;   /* settings inside peers: none */
	const char *limits;  /* settings inside limits: connections = 200; */
	rlim_t descriptors;  /* hard and soft limit; 0: as they are */
};

/* The directory and the configuration; nothing runs yet. */
struct herd *herd_new(const struct herd_setup *setup);

/* The same, and all of it serving. */
struct herd *herd_up(const struct herd_setup *setup);

/* The test was a success: stop what runs as herd_stop does, tidy up. */
void herd_free(struct herd *h);

size_t herd_size(const struct herd *h);
const char *herd_name(const struct herd *h, size_t index);
uint16_t herd_port(struct herd *h, const char *server);
const char *herd_dir(const struct herd *h);

/* The configuration a server is started with: a path. */
const char *herd_conf(struct herd *h, const char *server);

/* The listening socket of a server that is never started, for tests that play
 * a neighbour themselves. Stays the herd's. */
int herd_listener(struct herd *h, const char *server);

/* --- processes ------------------------------------------------------------ */

/* Run it and wait until it serves. */
void herd_start(struct herd *h, const char *server);
void herd_start_all(struct herd *h);

/* From now on nobody listens on the server's port but itself. */
void herd_unlisten(struct herd *h, const char *server);

/* SIGTERM: ends with status 0, and in time. */
void herd_stop(struct herd *h, const char *server);

/* SIGKILL, and wait for the end. */
void herd_kill(struct herd *h, const char *server);

/* Deliver a signal to a running server; SIGSTOP waits until it has stopped. */
void herd_signal(struct herd *h, const char *server, int signal);

/* Wait until the server ends; the status of waitpid. */
int herd_wait_exit(struct herd *h, const char *server);

pid_t herd_pid(struct herd *h, const char *server);
size_t herd_threads(struct herd *h, const char *server); /* at this moment */
size_t herd_memory(struct herd *h, const char *server);  /* resident bytes */

/* Run herdd with at most 8 arguments (NULL ends them) until it ends by itself. */
struct herd_output {
	int exit_status; /* of a normal end; 128 + signal otherwise */
	const char *out;
	const char *err;
};
struct herd_output herd_run(struct herd *h, const char *const *args);

/* --- files ---------------------------------------------------------------- */

/* Write a file into the herd's directory; its path. */
const char *herd_write(struct herd *h, const char *file, const char *text);

/* The path of a file in the herd's directory. */
const char *herd_path(struct herd *h, const char *file);

/* A file of the directory as it is now; "" when there is none. */
const char *herd_read(struct herd *h, const char *file);

/* Wait until NAME.log holds `text` at least `times` times; the whole log. */
const char *herd_wait_log(
	struct herd *h, const char *server, const char *text, size_t times);

size_t herd_count(const char *haystack, const char *needle);

/* Text that is freed with the herd. */
const char *herd_printf(struct herd *h, const char *format, ...)
	HERD_PRINTF(2, 3);

/* As much of `bytes` as there is, and a NUL; freed with the herd. */
struct text herd_keep(struct herd *h, struct text bytes);

/* --- time ----------------------------------------------------------------- */

/* Seconds a wait for something that must happen may take. */
#define HERD_PATIENCE 10.0

int64_t herd_realtime_ns(void);
int64_t herd_monotonic_ns(void);
double herd_slow(void); /* the factor */

/* A moment `seconds` (times herd_slow) from now, for the next three. */
int64_t herd_deadline(double seconds);
bool herd_late(int64_t deadline);
int herd_left_ms(int64_t deadline); /* for poll(); at least 0 */

/* Between two looks at something outside: 1 ms, then more, up to 20. */
void herd_back_off(unsigned *tries);

/* --- programs of tests ---------------------------------------------------- */

/* Run every test once per design; for main(). `timeout` in seconds each. */
int herd_main(const char *name, void (*add)(TCase *tcase), double timeout);

/* Within `add`. In the test, herd_design(_i) names the design. */
#define herd_add_test(tcase, test)                                             \
	herd_add_loop_test(tcase, test, herd_first_design(), herd_end_design())
#define herd_add_loop_test(tcase, test, first, end)                            \
	tcase_add_loop_test(tcase, test, first,                                \
		herd_skips((test)->name) ? (first) : (end))
bool herd_skips(const char *test);
int herd_first_design(void);
int herd_end_design(void);
const char *herd_design(int i);

#endif
