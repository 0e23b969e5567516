/* f_control - the control socket and what herdctl makes of it: who may open it,
 * what is held, by all servers alike, whatever else goes on. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd_client.h"
#include "tool.h"

#define LOCATION "+34.068930-118.445127"
#define MANY     100000
#define NOBODY   65534

static struct herd_output dump_tool(struct herd *h, const char *server)
{
	return RUN(h, "-c", herd_conf(h, server), "dump", server);
}

static const char *socket_path(struct herd *h, const char *server)
{
	return herd_path(h, herd_printf(h, "%s.sock", server));
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* --- the socket's file ---------------------------------------------------- */

static void check_file(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_uint_eq(st.st_gid, getegid());
}

START_TEST(file_is_for_owner_and_group)
{
	static const mode_t umasks[] = {0, 022, 077};
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *path = socket_path(h, "Goloman");

	for (size_t i = 0; i < HERD_COUNT(umasks); i++) {
		mode_t before = umask(umasks[i]);

		herd_start(h, "Goloman");
		umask(before);
		check_file(path);
		herd_stop(h, "Goloman");
		ck_assert(!exists(path));
	}
	herd_free(h);
}
END_TEST

/* What connecting as nobody comes to: 0 or an errno. */
static int connect_as_nobody(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	pid_t pid = fork();
	int status;
	int fd;

	ck_assert_int_ge(pid, 0);
	if (pid) {
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFEXITED(status));
		return WEXITSTATUS(status);
	}
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		_exit(255);
	_exit(connect(fd, (struct sockaddr *)&to, sizeof to) ? errno : 0);
}

START_TEST(others_cannot_connect)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *path = socket_path(h, "Goloman");

	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(herd_dir(h), 0755), 0);
		ck_assert_int_eq(connect_as_nobody(path), EACCES);
		/* It is the socket's own mode that keeps them out. */
		ck_assert_int_eq(chmod(path, 0666), 0);
		ck_assert_int_eq(connect_as_nobody(path), 0);
	}
	herd_free(h);
}
END_TEST

START_TEST(file_of_a_dead_server_is_replaced)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *path = socket_path(h, "Goloman");
	struct herd_output o;

	herd_kill(h, "Goloman");
	ck_assert(exists(path));
	o = dump_tool(h, "Goloman");
	check_bad(&o, 1, "Goloman: not running (no one at ");
	herd_start(h, "Goloman");
	check_file(path);
	o = dump_tool(h, "Goloman");
	check_good(&o, "");
	herd_stop(h, "Goloman");
	ck_assert(!exists(path));
	herd_free(h);
}
END_TEST

/* A server of the same name on the port of another. */
static struct herd_output run_second(struct herd *h)
{
	const char *text = herd_printf(h,
		"servers = ( { name = \"Goloman\"; host = \"127.0.0.1\"; "
		"port = %d; } ); log = { directory = \".\"; };\n",
		herd_port(h, "Hands"));
	const char *conf = herd_write(h, "second.conf", text);

	return herd_run(h, (const char *const[]){"-c", conf, "Goloman", NULL});
}

START_TEST(file_of_a_live_server_is_not)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman Hands",
	});
	struct herd_output o;

	herd_unlisten(h, "Hands");
	herd_start(h, "Goloman");
	o = run_second(h);
	check_bad(&o, 1, "somebody answers there");
	check_file(socket_path(h, "Goloman"));
	o = dump_tool(h, "Goloman");
	check_good(&o, "");
	herd_free(h);
}
END_TEST

START_TEST(other_files_are_left_alone)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.topology = "Goloman Hands",
	});
	struct herd_output o;

	herd_unlisten(h, "Hands");
	herd_write(h, "Goloman.sock", "precious");
	o = run_second(h);
	check_bad(&o, 1, "a file of that name that is no socket");
	ck_assert_str_eq(herd_read(h, "Goloman.sock"), "precious");
	herd_free(h);
}
END_TEST

/* Stopping removes the socket it made, not one that somebody put there since. */
START_TEST(file_of_another_is_not_removed)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});

	ck_assert_int_eq(unlink(socket_path(h, "Goloman")), 0);
	herd_write(h, "Goloman.sock", "another's");
	herd_stop(h, "Goloman");
	ck_assert_str_eq(herd_read(h, "Goloman.sock"), "another's");
	herd_free(h);
}
END_TEST

#define TEN   "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

START_TEST(directory_of_its_own_and_long)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.general =
			"control = { directory = \"" FIFTY FIFTY FIFTY "\"; };",
	});
	const char *path = herd_path(h, FIFTY FIFTY FIFTY "/Goloman.sock");
	const char *at = herd_iamat(h, "Goloman", "kiwi", LOCATION, "5");
	struct herd_output o = dump_tool(h, "Goloman");

	check_file(path);
	ck_assert(!exists(socket_path(h, "Goloman")));
	check_good(&o, herd_printf(h, "%s\n", at));
	herd_kill(h, "Goloman");
	herd_start(h, "Goloman");
	o = dump_tool(h, "Goloman");
	check_good(&o, "");
	herd_stop(h, "Goloman");
	ck_assert(!exists(path));
	ck_assert_int_eq(rmdir(herd_path(h, FIFTY FIFTY FIFTY)), 0);
	herd_free(h);
}
END_TEST

START_TEST(directory_that_cannot_be)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.topology = "Goloman",
		.general = "control = { directory = \"no/such\"; };",
	});
	const char *conf = herd_conf(h, "Goloman");
	struct herd_output o;

	herd_unlisten(h, "Goloman");
	o = herd_run(h, (const char *const[]){"-c", conf, "Goloman", NULL});
	check_bad(&o, 1, "cannot make the control socket ");
	check_bad(&o, 1, "No such file or directory (control.directory");
	herd_free(h);
}
END_TEST

/* --- requests ------------------------------------------------------------- */

START_TEST(other_requests_are_refused)
{
	static const char *const requests[] = {"", "dump", "status", "DUMP ",
		" DUMP", "DUMPS", "DUM", "IAMAT a +1+1 1"};
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});

	for (size_t i = 0; i < HERD_COUNT(requests); i++) {
		struct text reply = herd_control(h, "Goloman", requests[i]);

		ck_assert_msg(!strncmp(reply.ptr, "ERROR what is asked", 19),
			"%s: %s", requests[i], reply.ptr);
		ck_assert_uint_eq(herd_count(reply.ptr, "\n"), 1);
	}
	ck_assert_str_eq(herd_control(h, "Goloman", "DUMP").ptr, "END\n");
	herd_free(h);
}
END_TEST

START_TEST(requests_in_pieces)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	struct client *c = client_open_control(h, "Goloman");
	char many[300];

	client_send(c, "DU");
	/* Another's whole request in between: the piece has arrived by then. */
	ck_assert_str_eq(herd_control(h, "Goloman", "DUMP").ptr, "END\n");
	client_send(c, "MP\n");
	ck_assert_str_eq(client_line(c), "END");
	ck_assert(client_ends_within(c, HERD_PATIENCE));
	client_close(c);

	c = client_open_control(h, "Goloman");
	client_send(c, "DUMP");
	client_finish(c);
	ck_assert_uint_eq(client_rest(c).len, 0);
	client_close(c);

	c = client_open_control(h, "Goloman");
	memset(many, 'x', sizeof many);
	client_send_bytes(c, (struct text){many, sizeof many});
	ck_assert_str_eq(client_line(c), "ERROR the request is too long");
	ck_assert(client_ends_within(c, HERD_PATIENCE));
	client_close(c);
	herd_free(h);
}
END_TEST

/* --- dumps ---------------------------------------------------------------- */

START_TEST(a_herd_agrees)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = "mixed",
		.topology = HERD_FIVE,
	});
	const char *lines[40];
	const char *first = NULL;

	for (size_t i = 0; i < HERD_COUNT(lines); i++)
		lines[i] = herd_iamat(h, herd_name(h, i % 5),
			herd_printf(h, "k%zu", i * 7919), LOCATION,
			herd_printf(h, "%zu", i));
	for (size_t i = 0; i < HERD_COUNT(lines); i++)
		herd_wait_known_by_all(
			h, herd_printf(h, "k%zu", i * 7919), lines[i]);
	for (size_t i = 0; i < 5; i++) {
		struct herd_output o = dump_tool(h, herd_name(h, i));
		struct text raw = herd_control(h, herd_name(h, i), "DUMP");

		if (!first)
			first = o.out;
		check_good(&o, first);
		ck_assert_str_eq(raw.ptr + raw.len - 5, "\nEND\n");
		for (size_t k = 0; k < HERD_COUNT(lines); k++)
			ck_assert_ptr_nonnull(strstr(
				raw.ptr, herd_printf(h, "%s\n", lines[k])));
		ck_assert_uint_eq(
			herd_count(raw.ptr, "\n"), HERD_COUNT(lines) + 1);
	}
	ck_assert_uint_eq(herd_count(first, "\n"), HERD_COUNT(lines));
	for (const char *next; (next = strchr(first, '\n') + 1), *next;
		first = next)
		ck_assert_int_lt(strcmp(first, next), 0);
	herd_free(h);
}
END_TEST

static struct herd *with_many(int design)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.log = "messages = false;",
	});
	char *request = malloc(MANY * 32);
	size_t len = 0;

	ck_assert_ptr_nonnull(request);
	for (int i = 0; i < MANY; i++)
		len += (size_t)sprintf(
			request + len, "IAMAT k%d +1.5-1.5 1\n", i);
	herd_exchange(h, "Goloman", (struct text){request, len});
	free(request);
	return h;
}

/* Update clients and add new ones, until killed. */
HERD_NORETURN static void go_on_updating(struct herd *h)
{
	struct client *c = client_open(h, "Goloman");
	char request[100 * 40];

	for (unsigned round = 1;; round++) {
		size_t len = 0;

		for (unsigned i = 0; i < 100; i++) {
			unsigned n = (round * 100 + i) * 7919 % MANY;

			len += (size_t)sprintf(request + len,
				i % 2 ? "IAMAT n%u +2-2 %u\n"
				      : "IAMAT k%u +2-2 %u\n",
				n, round + 1);
		}
		client_send_bytes(c, (struct text){request, len});
		for (unsigned i = 0; i < 100; i++)
			client_line(c);
	}
}

/* Each client of with_many once, and no other one twice. */
static void check_each_once(const char *dump)
{
	static unsigned char seen[2][MANY];
	size_t known = 0;

	memset(seen, 0, sizeof seen);
	for (const char *line = dump; *line; line = strchr(line, '\n') + 1) {
		/* Behind "AT Goloman " and the difference. */
		const char *id = strchr(line + strlen("AT Goloman "), ' ') + 1;
		char kind = *id;
		unsigned long n = strtoul(id + 1, NULL, 10);

		ck_assert_uint_lt(n, MANY);
		ck_assert_msg(!seen[kind == 'n'][n]++, "%c%lu twice", kind, n);
		known += kind == 'k';
	}
	ck_assert_uint_eq(known, MANY);
}

START_TEST(many_clients_that_change)
{
	struct herd *h = with_many(_i);
	pid_t updater = fork();
	struct herd_output o;

	ck_assert_int_ge(updater, 0);
	if (!updater)
		go_on_updating(h);
	for (int i = 0; i < 3; i++) {
		o = dump_tool(h, "Goloman");
		check_good(&o, o.out);
		check_each_once(o.out);
	}
	kill(updater, SIGKILL);
	waitpid(updater, NULL, 0);
	herd_free(h);
}
END_TEST

/* As many as are served at a time read nothing; nobody else notices, and they
 * get all of it in the end. */
START_TEST(slow_readers)
{
	struct herd *h = with_many(_i);
	struct client *slow[8];
	size_t memory = herd_memory(h, "Goloman");

	for (size_t i = 0; i < HERD_COUNT(slow); i++) {
		slow[i] = client_open_control(h, "Goloman");
		client_send(slow[i], "DUMP\n");
	}
	for (size_t i = 0; i < HERD_COUNT(slow); i++)
		ck_assert_int_eq(strncmp(client_line(slow[i]), "AT ", 3), 0);
	for (int i = 0; i < 100; i++)
		herd_iamat(h, "Goloman", "kiwi", LOCATION,
			herd_printf(h, "%d", i));
	ck_assert_uint_lt(herd_memory(h, "Goloman"), memory + (8 << 20));
	for (size_t i = 0; i < HERD_COUNT(slow); i++) {
		struct text rest = client_rest(slow[i]);

		ck_assert_uint_ge(herd_count(rest.ptr, "\n"), MANY);
		ck_assert_str_eq(rest.ptr + rest.len - 5, "\nEND\n");
		client_close(slow[i]);
	}
	herd_free(h);
}
END_TEST

/* --- what herdctl says of bad servers ------------------------------------- */

static int listen_as(struct herd *h, const char *server)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, socket_path(h, server));
	unlink(at.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

#define KIWI  "AT Goloman +0.1 kiwi +1+1 1"
#define OTHER "AT Goloman +0.1 emu +1+1 1"

START_TEST(replies_that_are_not_right)
{
	static const struct {
		const char *reply, *out, *error;
	} cases[] = {
		{OTHER "\n" KIWI "\nEND\n", OTHER "\n" KIWI "\n", NULL},
		{KIWI "\n" OTHER "\nEND\n", OTHER "\n" KIWI "\n", NULL},
		{KIWI "\n" OTHER "\n", "", "not complete"},
		{KIWI "\n" OTHER "\nEND", "", "not complete"},
		{KIWI "\n" OTHER, "", "not complete"},
		{KIWI "\n" OTHER "END\n", "", "not complete"},
		{"", "", "not complete"},
		{"ERROR not today\n", "", "Goloman: not today"},
		{KIWI "\nhello\nEND\n", "", "no AT lines"},
		{KIWI "\n\nEND\n", "", "no AT lines"},
	};
	struct herd *h = herd_new(&(struct herd_setup){0});
	const char *conf = herd_conf(h, "Goloman");
	int fd = listen_as(h, "Goloman");

	herd_write(h, "in", "");
	for (size_t i = 0; i < HERD_COUNT(cases); i++) {
		pid_t tool = tool_start(h, "in",
			(const char *const[]){"-c", conf, "dump", NULL});
		struct client *c = client_accept(fd);
		struct herd_output o;

		ck_assert_str_eq(client_line(c), "DUMP");
		client_send(c, cases[i].reply);
		client_close(c);
		o = tool_end(h, tool);
		if (cases[i].error)
			check_bad(&o, 1, cases[i].error);
		else
			check_good(&o, cases[i].out);
		ck_assert_str_eq(o.out, cases[i].out);
	}
	close(fd);
	herd_free(h);
}
END_TEST

START_TEST(a_silent_server)
{
	struct herd *h = herd_new(&(struct herd_setup){0});
	const char *conf = herd_conf(h, "Goloman");
	int fd = listen_as(h, "Goloman");
	struct herd_output o = RUN(h, "-c", conf, "-t", "0.05", "dump");

	check_bad(&o, 1, "Goloman: no reply: Connection timed out");
	close(fd);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, file_is_for_owner_and_group);
	herd_add_test(tcase, others_cannot_connect);
	herd_add_test(tcase, file_of_a_dead_server_is_replaced);
	herd_add_test(tcase, file_of_a_live_server_is_not);
	tcase_add_test(tcase, other_files_are_left_alone);
	herd_add_test(tcase, file_of_another_is_not_removed);
	herd_add_test(tcase, directory_of_its_own_and_long);
	tcase_add_test(tcase, directory_that_cannot_be);
	herd_add_test(tcase, other_requests_are_refused);
	herd_add_test(tcase, requests_in_pieces);
	tcase_add_test(tcase, a_herd_agrees);
	herd_add_test(tcase, many_clients_that_change);
	herd_add_test(tcase, slow_readers);
	tcase_add_test(tcase, replies_that_are_not_right);
	tcase_add_test(tcase, a_silent_server);
}

int main(void)
{
	return herd_main("f_control", add_tests, 30);
}
