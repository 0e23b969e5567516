/* places_client - see the header. */
#include "places_client.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd_proc.h"

#define ARGS_MAX 16

/* --- the server ----------------------------------------------------------- */

struct places_server places_server;

void places_set_up(void)
{
	strcpy(places_server.dir, "/tmp/herd-places-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(places_server.dir));
	ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), 0);
}

static const char *in_dir(const char *file)
{
	static char paths[4][64];
	static unsigned next;
	char *path = paths[next++ % HERD_COUNT(paths)];

	snprintf(path, sizeof paths[0], "%s/%s", places_server.dir, file);
	return path;
}

const char *places_source(const char *file)
{
	static char paths[4][4096];
	static unsigned next;
	const char *top = getenv("TOP_SRCDIR");
	char *path = paths[next++ % HERD_COUNT(paths)];

	snprintf(path, sizeof paths[0], "%s/%s", top ? top : ".", file);
	return path;
}

const char *places_write(const char *file, const char *text)
{
	const char *path = in_dir(file);
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	return path;
}

void places_tear_down(void)
{
	static const char *const files[] = {
		"out", "err", "points.json", "key", "tsv"};

	for (size_t i = 0; i < HERD_COUNT(files); i++)
		unlink(in_dir(files[i]));
	rmdir(places_server.dir);
	curl_global_cleanup();
}

HERD_NORETURN static void become(
	const char *const *args, int listen_fd, pid_t parent)
{
	const char *program = getenv("HERD_PLACES");
	const char *argv[ARGS_MAX + 2] = {program ? program : "./herd-places"};
	char pid[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGINT, SIG_DFL);
	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	dup2(fileno(places_server.out), STDOUT_FILENO);
	dup2(fileno(places_server.err), STDERR_FILENO);
	if (listen_fd >= 0) {
		dup2(listen_fd, 3);
		snprintf(pid, sizeof pid, "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
	}
	execv(argv[0], (char **)(void *)argv);
	_exit(127);
}

void places_spawn(const char *const *args, int listen_fd)
{
	pid_t self = getpid();

	places_server.out = fopen(in_dir("out"), "w+e");
	places_server.err = fopen(in_dir("err"), "w+e");
	places_server.pid = fork();
	ck_assert_int_ge(places_server.pid, 0);
	if (!places_server.pid)
		become(args, listen_fd, self);
}

const char *places_said(FILE *stream)
{
	static char text[65536];
	ssize_t len = pread(fileno(stream), text, sizeof text - 1, 0);

	ck_assert_int_ge(len, 0);
	text[len] = '\0';
	return text;
}

void places_await(void)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;
	const char *url;

	while (!(url = strstr(places_said(places_server.out), " on http")) ||
		!strchr(url, '\n')) {
		ck_assert_msg(waitpid(places_server.pid, NULL, WNOHANG) == 0,
			"ended by itself: %s", places_said(places_server.err));
		ck_assert_msg(!herd_late(deadline), "does not start");
		herd_back_off(&tries);
	}
	ck_assert_int_eq(sscanf(url, " on %90s", places_server.url), 1);
}

void places_start(const char *const *args)
{
	const char *all[ARGS_MAX] = {"--listen", "127.0.0.1:0"};

	for (size_t i = 0; args[i]; i++)
		all[i + 2] = args[i];
	places_spawn(all, -1);
	places_await();
}

int places_await_exit(void)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;
	int status;

	while (!waitpid(places_server.pid, &status, WNOHANG)) {
		ck_assert_msg(!herd_late(deadline), "does not end");
		herd_back_off(&tries);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void places_stop_by(int signal)
{
	kill(places_server.pid, signal);
	ck_assert_int_eq(places_await_exit(), 0);
	ck_assert_str_eq(places_said(places_server.err), "");
}

void places_stop(void)
{
	places_stop_by(SIGTERM);
}

/* --- the client ----------------------------------------------------------- */

static size_t take(char *bytes, size_t size, size_t count, void *cls)
{
	struct reply *r = cls;
	size_t len = size * count;

	ck_assert_uint_lt(r->len + len, sizeof r->body);
	memcpy(r->body + r->len, bytes, len);
	r->len += len;
	r->body[r->len] = '\0';
	return len;
}

CURL *places_request(const char *path, struct reply *r)
{
	CURL *curl = curl_easy_init();
	char url[512];

	ck_assert_ptr_nonnull(curl);
	snprintf(url, sizeof url, "%s%s", places_server.url, path);
	r->len = 0;
	r->body[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(
		curl, CURLOPT_TIMEOUT, (long)(HERD_PATIENCE * herd_slow()));
	curl_easy_setopt(
		curl, CURLOPT_CAINFO, places_source("tests/tls/ca.pem"));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
	return curl;
}

static void take_head(CURL *curl, struct reply *r)
{
	const char *type = NULL;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	snprintf(r->type, sizeof r->type, "%s", type ? type : "");
}

static const struct reply *perform(CURL *curl, struct reply *r)
{
	CURLcode code = curl_easy_perform(curl);

	ck_assert_msg(code == CURLE_OK, "%s", curl_easy_strerror(code));
	take_head(curl, r);
	curl_easy_cleanup(curl);
	return r;
}

const struct reply *places_get(const char *path)
{
	static struct reply r;

	return perform(places_request(path, &r), &r);
}

const struct reply *places_post(const char *const *headers, const char *body)
{
	static struct reply r;
	CURL *curl = places_request(PLACES_NEW, &r);
	struct curl_slist *list = NULL;

	for (; *headers; headers++)
		list = curl_slist_append(list, *headers);
	list = curl_slist_append(list, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	perform(curl, &r);
	curl_slist_free_all(list);
	return &r;
}

void places_check_json(const struct reply *r, long status)
{
	ck_assert_int_eq(r->status, status);
	ck_assert_str_eq(r->type, "application/json; charset=UTF-8");
	ck_assert_msg(r->body[0] == '{', "%s", r->body);
}

void places_check_has(const struct reply *r, const char *text)
{
	ck_assert_msg(strstr(r->body, text), "no '%s' in: %s", text, r->body);
}
