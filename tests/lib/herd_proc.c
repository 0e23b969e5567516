/* herd_proc - see the header; this file is about processes. Servers are
 * children of the test, which is itself a child of the Check runner and may end
 * at any moment: that is why they ask for SIGKILL at their parent's death. */
#include "herd_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than the default stop_timeout by what a busy machine needs. */
#define STOP_PATIENCE 5.0

#define SERVING "serving on"

static const char *file_of(
	struct herd *h, const struct server *s, const char *ending)
{
	return herd_printf(h, "%s.%s", s->name, ending);
}

/* --- in the child, before exec -------------------------------------------- */

static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
}

static void become_plain(const struct herd *h, int first_fd)
{
	struct rlimit limit = {h->setup.descriptors, h->setup.descriptors};

	/* A shell may have started us with interrupts ignored. */
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (h->setup.descriptors)
		setrlimit(RLIMIT_NOFILE, &limit);
	close_range((unsigned)first_fd, ~0U, 0);
}

static void hand_over(int listen_fd)
{
	char pid[16];

	if (listen_fd == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(listen_fd, 3);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

static const char *herdd_path(void)
{
	const char *path = getenv("HERDD");

	return path ? path : "./herdd";
}

#define ARGS_MAX 8

HERD_NORETURN static void exec_program(
	const char *path, const char *const *args)
{
	char *argv[ARGS_MAX + 2] = {strdup(path)};

	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = strdup(args[i]);
	execv(argv[0], argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static const char *plain_server_path(struct herd *h)
{
	const char *top = getenv("TOP_SRCDIR");

	return herd_printf(h, "%s/tests/lib/plain_server.py", top ? top : ".");
}

HERD_NORETURN static void exec_server(struct herd *h, const struct server *s,
	const char *output, pid_t parent)
{
	const char *const args[] = {"-c", s->conf, s->name, NULL};
	const char *plain_server = plain_server_path(h);
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	die_with(parent);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (s->listen_fd >= 0)
		hand_over(s->listen_fd);
	become_plain(h, s->listen_fd >= 0 ? 4 : 3);
	if (!s->other)
		exec_program(herdd_path(), args);
	if (getenv("HERD_OTHER"))
		exec_program(getenv("HERD_OTHER"), args);
	execlp("python3", "python3", plain_server, "-c", s->conf, s->name,
		NULL);
	fprintf(stderr, "cannot run python3: %s\n", strerror(errno));
	_exit(127);
}

/* --- listening ------------------------------------------------------------ */

static void stop_listening(struct server *s)
{
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	s->listen_fd = -1;
}

void herd_unlisten(struct herd *h, const char *server)
{
	stop_listening(herd_server(h, server));
}

/* --- start ---------------------------------------------------------------- */

/* Whether it knows nothing of a listening socket that it is given. */
static bool binds_itself(const struct server *s)
{
	return getenv(s->other ? "HERD_OTHER" : "HERD_UNLISTEN");
}

static void spawn(struct herd *h, struct server *s)
{
	const char *output = herd_path(h, file_of(h, s, "stderr"));
	pid_t self = getpid();

	ck_assert_msg(!s->pid, "%s runs already", s->name);
	if (binds_itself(s))
		stop_listening(s);
	s->served = herd_count_in_file(h, file_of(h, s, "log"), SERVING);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (!s->pid)
		exec_server(h, s, output, self);
}

/* A server that has died of itself makes every other wait pointless. */
static void assert_runs(struct server *s)
{
	int status;
	pid_t ended = waitpid(s->pid, &status, WNOHANG);

	ck_assert_msg(!ended, "%s ended by itself, status %#x", s->name,
		(unsigned)status);
}

static void await_serving(struct herd *h, struct server *s)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	const char *log = file_of(h, s, "log");
	unsigned tries = 0;

	while (herd_count_in_file(h, log, SERVING) <= s->served) {
		assert_runs(s);
		ck_assert_msg(
			!herd_late(deadline), "%s does not start", s->name);
		herd_back_off(&tries);
	}
}

void herd_start(struct herd *h, const char *server)
{
	struct server *s = herd_server(h, server);

	spawn(h, s);
	await_serving(h, s);
}

void herd_start_all(struct herd *h)
{
	for (size_t i = 0; i < h->count; i++)
		spawn(h, &h->servers[i]);
	for (size_t i = 0; i < h->count; i++)
		await_serving(h, &h->servers[i]);
}

/* --- stop ----------------------------------------------------------------- */

static int await_exit(struct server *s, double patience)
{
	int64_t deadline = herd_deadline(patience);
	unsigned tries = 0;
	int status = 0;

	ck_assert_msg(s->pid, "%s does not run", s->name);
	while (!waitpid(s->pid, &status, WNOHANG)) {
		ck_assert_msg(!herd_late(deadline), "%s does not end", s->name);
		herd_back_off(&tries);
	}
	s->pid = 0;
	return status;
}

static void await_good_exit(struct server *s)
{
	int status = await_exit(s, STOP_PATIENCE);

	ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status),
		"%s ended with status %#x", s->name, (unsigned)status);
}

void herd_stop(struct herd *h, const char *server)
{
	struct server *s = herd_server(h, server);

	kill(s->pid, SIGTERM);
	await_good_exit(s);
}

void herd_kill(struct herd *h, const char *server)
{
	struct server *s = herd_server(h, server);

	kill(s->pid, SIGKILL);
	await_exit(s, STOP_PATIENCE);
}

int herd_wait_exit(struct herd *h, const char *server)
{
	return await_exit(herd_server(h, server), HERD_PATIENCE);
}

void herd_signal(struct herd *h, const char *server, int signal)
{
	struct server *s = herd_server(h, server);
	int status;

	ck_assert_msg(s->pid, "%s does not run", server);
	ck_assert_int_eq(kill(s->pid, signal), 0);
	if (signal == SIGSTOP)
		ck_assert_int_eq(waitpid(s->pid, &status, WUNTRACED), s->pid);
}

void herd_free(struct herd *h)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->servers[i].pid)
			kill(h->servers[i].pid, SIGTERM);
	}
	for (size_t i = 0; i < h->count; i++) {
		struct server *s = &h->servers[i];

		if (s->pid)
			await_good_exit(s);
		if (s->listen_fd >= 0)
			close(s->listen_fd);
		close(s->hold_fd);
	}
	herd_finish_janitor(h);
	while (h->blocks) {
		struct block *block = h->blocks;

		h->blocks = block->next;
		free(block);
	}
	free(h);
}

/* --- looking at them ------------------------------------------------------ */

pid_t herd_pid(struct herd *h, const char *server)
{
	return herd_server(h, server)->pid;
}

size_t herd_threads(struct herd *h, const char *server)
{
	DIR *dir = opendir(
		herd_printf(h, "/proc/%d/task", (int)herd_pid(h, server)));
	struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

size_t herd_memory(struct herd *h, const char *server)
{
	FILE *f = fopen(
		herd_printf(h, "/proc/%d/statm", (int)herd_pid(h, server)),
		"re");
	unsigned long pages = 0;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*u %lu", &pages), 1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

const char *herd_wait_log(
	struct herd *h, const char *server, const char *text, size_t times)
{
	const char *log = file_of(h, herd_server(h, server), "log");
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (herd_count_in_file(h, log, text) < times) {
		ck_assert_msg(!herd_late(deadline),
			"%s does not say \"%s\" %zu times", log, text, times);
		herd_back_off(&tries);
	}
	return herd_read(h, log);
}

/* --- runs that end by themselves ------------------------------------------ */

struct herd_output herd_run(struct herd *h, const char *const *args)
{
	struct server run = {.name = "herdd"};
	FILE *out = tmpfile();
	FILE *err = tmpfile();
	pid_t self = getpid();
	struct herd_output output;
	int status;

	run.pid = fork();
	ck_assert_int_ge(run.pid, 0);
	if (!run.pid) {
		die_with(self);
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		become_plain(h, 3);
		exec_program(herdd_path(), args);
	}
	status = await_exit(&run, HERD_PATIENCE);
	output.exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
					       : 128 + WTERMSIG(status);
	rewind(out);
	rewind(err);
	output.out = herd_read_stream(h, out);
	output.err = herd_read_stream(h, err);
	fclose(out);
	fclose(err);
	return output;
}
