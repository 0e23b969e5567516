/* tool - herdctl, or another tool, as a child of the test; see the header. */
#include "tool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *host_port(struct herd *h, const char *server)
{
	return herd_printf(h, "127.0.0.1:%" PRIu16, herd_port(h, server));
}

/* `args` begins with the program; out -1: a file. */
static void become(
	struct herd *h, const char *input, int out, const char **args)
{
	int in = open(herd_path(h, input), O_RDONLY);
	int err = open(herd_path(h, "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (out < 0)
		out = open(herd_path(h, "out"), O_WRONLY | O_CREAT | O_TRUNC,
			0600);
	setenv("LC_ALL", "C.UTF-8", 1);
	if (in < 0 || out < 0 || err < 0 || dup2(in, STDIN_FILENO) < 0 ||
		dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	execv(args[0], (char **)(void *)args);
	_exit(127);
}

static pid_t start(struct herd *h, const char *program, const char *input,
	int out, const char *const *args)
{
	const char *all[TOOL_ARGS_MAX] = {program};
	pid_t pid;

	for (size_t i = 0; args[i]; i++) {
		ck_assert_uint_lt(i + 2, TOOL_ARGS_MAX);
		all[i + 1] = args[i];
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		become(h, input, out, all);
	return pid;
}

pid_t tool_start_to(
	struct herd *h, const char *input, int out, const char *const *args)
{
	const char *tool = getenv("HERDCTL");

	return start(h, tool ? tool : "./herdctl", input, out, args);
}

pid_t tool_start_other(
	struct herd *h, const char *variable, const char *const *args)
{
	const char *program = getenv(variable);

	ck_assert_msg(program, "%s is not set", variable);
	herd_write(h, "in", "");
	/* Whoever looks at what it has said must not see the last one's. */
	herd_write(h, "out", "");
	herd_write(h, "err", "");
	return start(h, program, "in", -1, args);
}

pid_t tool_start(struct herd *h, const char *input, const char *const *args)
{
	return tool_start_to(h, input, -1, args);
}

struct herd_output tool_end_within(struct herd *h, pid_t pid, double seconds)
{
	int64_t deadline = herd_deadline(seconds);
	unsigned tries = 0;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		ck_assert_msg(!herd_late(deadline), "the tool does not end");
		herd_back_off(&tries);
	}
	return (struct herd_output){
		.exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status),
		.out = herd_read(h, "out"),
		.err = herd_read(h, "err"),
	};
}

struct herd_output tool_end(struct herd *h, pid_t pid)
{
	return tool_end_within(h, pid, HERD_PATIENCE);
}

struct herd_output tool_run(struct herd *h, const char *const *args)
{
	herd_write(h, "in", "");
	return tool_end(h, tool_start(h, "in", args));
}

void check_good(const struct herd_output *o, const char *out)
{
	ck_assert_msg(o->exit_status == 0, "exit status %d: %s", o->exit_status,
		o->err);
	ck_assert_str_eq(o->out, out);
	ck_assert_str_eq(o->err, "");
}

void check_bad(const struct herd_output *o, int exit_status, const char *words)
{
	ck_assert_msg(o->exit_status == exit_status,
		"exit status %d instead of %d: %s", o->exit_status, exit_status,
		o->err);
	ck_assert_msg(strstr(o->err, words), "no '%s' in: %s", words, o->err);
	ck_assert_uint_eq(herd_count(o->err, "\n"), 1);
}
