/* flood_tool - see flood_tool.h. */
#include "flood_tool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 40

pid_t flood_start(struct herd *h, const char *watch, const char *const *args)
{
	const char *program = getenv("HERD_BENCH");
	const char *all[ARGS_MAX] = {program ? program : "./herd-bench",
		"flood", "--json", "--quiet", "--config", herd_conf(h, "Alpha"),
		"--write", "Alpha", "--watch", watch, "--as", "Echo", "-c",
		"4"};
	size_t count = 14;
	pid_t pid;

	for (size_t i = 0; args[i]; i++) {
		ck_assert_uint_lt(count + 1, ARGS_MAX);
		all[count++] = args[i];
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		int flags = O_WRONLY | O_CREAT | O_TRUNC;
		int out = open(herd_path(h, "out"), flags, 0600);
		int err = open(herd_path(h, "err"), flags, 0600);

		if (out < 0 || err < 0 || dup2(out, STDOUT_FILENO) < 0 ||
			dup2(err, STDERR_FILENO) < 0)
			_exit(126);
		execv(all[0], (char **)(void *)all);
		_exit(127);
	}
	return pid;
}

struct herd_output flood_end(struct herd *h, pid_t pid)
{
	int64_t deadline = herd_deadline(3 * HERD_PATIENCE);
	unsigned tries = 0;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		ck_assert_msg(!herd_late(deadline), "herd-bench does not end");
		herd_back_off(&tries);
	}
	return (struct herd_output){
		.exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status),
		.out = herd_read(h, "out"),
		.err = herd_read(h, "err"),
	};
}

json_object *flood_good(const struct herd_output *o)
{
	json_object *all = json_tokener_parse(o->out);

	ck_assert_msg(o->exit_status == 0 && all, "exit status %d: %s%s",
		o->exit_status, o->out, o->err);
	return all;
}

double flood_at(json_object *from, const char *key)
{
	json_object *value;

	ck_assert_msg(json_object_object_get_ex(from, key, &value), "no %s: %s",
		key, json_object_to_json_string(from));
	return json_object_get_double(value);
}

bool flood_has(json_object *from, const char *key)
{
	return json_object_object_get_ex(from, key, NULL);
}

double flood_latency(json_object *from, const char *key)
{
	json_object *value;

	ck_assert(json_object_object_get_ex(from, "flood_latency", &value));
	return flood_at(value, key);
}

void flood_check_bad(const struct herd_output *o, const char *words)
{
	ck_assert_msg(o->exit_status == 1, "exit status %d: %s%s",
		o->exit_status, o->out, o->err);
	ck_assert_msg(strstr(o->err, words), "no '%s' in: %s", words, o->err);
	ck_assert_uint_eq(herd_count(o->err, "\n"), 1);
	ck_assert_str_eq(o->out, "");
}
