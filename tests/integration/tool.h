/* tool - herdctl, and other tools, as the tests run them.
 *
 * Its input and output are files of the herd's directory. Errors: whatever goes
 * wrong fails the running test. Threads: owner only. */
#ifndef TESTS_TOOL_H
#define TESTS_TOOL_H

#include "herd_proc.h"

#define TOOL_ARGS_MAX 40 /* with the program and NULL */

/* Where a server is: HOST:PORT. */
const char *host_port(struct herd *h, const char *server);

/* Start it with these arguments (NULL ends them); `input` is a file of the
 * herd's directory. tool_start_to: standard output is this descriptor. */
pid_t tool_start(struct herd *h, const char *input, const char *const *args);
pid_t tool_start_to(
	struct herd *h, const char *input, int out, const char *const *args);

/* Wait until it has ended; what the files "out" and "err" hold. tool_end: within
 * HERD_PATIENCE. */
struct herd_output tool_end_within(struct herd *h, pid_t pid, double seconds);
struct herd_output tool_end(struct herd *h, pid_t pid);

/* Run it without input. */
struct herd_output tool_run(struct herd *h, const char *const *args);

/* Another program: that which the environment names. */
pid_t tool_start_other(
	struct herd *h, const char *variable, const char *const *args);

#define RUN(h, ...) tool_run(h, (const char *const[]){__VA_ARGS__, NULL})

/* Exit status 0, this output, and nothing on standard error. */
void check_good(const struct herd_output *o, const char *out);

/* One line on standard error that says `words`. */
void check_bad(const struct herd_output *o, int exit_status, const char *words);

#endif
