/* h_manager - what herdd tells a service manager, and when: sd_notify(3). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "herd_client.h"
#include "herd_proc.h"

/* The socket of a manager, in the herd's directory; the servers started from
 * now on inherit its name. */
static int manager(struct herd *h)
{
	const char *path = herd_path(h, "notify");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof at.sun_path);
	memcpy(at.sun_path, path, strlen(path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static const char *told(struct herd *h, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char state[512];
	ssize_t len;

	ck_assert_int_eq(
		poll(&p, 1, herd_left_ms(herd_deadline(HERD_PATIENCE))), 1);
	len = recv(fd, state, sizeof state, 0);
	ck_assert_int_gt(len, 0);
	return herd_printf(h, "%.*s", (int)len, state);
}

static void check_told_no_more(int fd)
{
	char byte;

	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

START_TEST(ready_and_stopping)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.general = "stop_timeout = 7;",
	});
	int fd = manager(h);
	const char *state;

	/* Nobody else listens on the port: who is ready must be reachable. */
	herd_unlisten(h, "Goloman");
	herd_start(h, "Goloman");
	state = told(h, fd);
	ck_assert_msg(
		starts_with(state, "READY=1\nSTATUS=Serving: "), "%s", state);
	ck_assert_ptr_nonnull(strstr(state, herd_design(_i)));
	herd_iamat(h, "Goloman", "x", "+1+1", "1");
	check_told_no_more(fd);
	herd_stop(h, "Goloman");
	state = told(h, fd);
	ck_assert_msg(starts_with(state, "STOPPING=1\nSTATUS="), "%s", state);
	/* More than stop_timeout, in microseconds. */
	ck_assert_msg(
		strstr(state, "\nEXTEND_TIMEOUT_USEC=12000000"), "%s", state);
	check_told_no_more(fd);
	close(fd);
	unlink(herd_path(h, "notify"));
	herd_free(h);
}
END_TEST

/* The manager is told before the work begins, not when it is done. */
START_TEST(stopping_is_told_first)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
		.general = "stop_timeout = 60;",
	});
	int fd = manager(h);

	herd_start_all(h);
	told(h, fd);
	told(h, fd);
	herd_wait_log(h, "Goloman", "connected to Hands", 1);
	herd_signal(h, "Hands", SIGSTOP);
	herd_iamat(h, "Goloman", "x", "+1+1", "1");
	/* It waits for the PONG of Hands now, ... */
	herd_signal(h, "Goloman", SIGTERM);
	ck_assert(starts_with(told(h, fd), "STOPPING=1\n"));
	/* ... and is done when that comes. */
	herd_signal(h, "Hands", SIGCONT);
	ck_assert_int_eq(herd_wait_exit(h, "Goloman"), 0);
	close(fd);
	unlink(herd_path(h, "notify"));
	herd_free(h);
}
END_TEST

START_TEST(reloading)
{
	struct herd *h =
		herd_new(&(struct herd_setup){.design = herd_design(_i)});
	int fd = manager(h);
	int64_t before_us;
	long long at_us;
	const char *state;

	herd_start(h, "Goloman");
	state = told(h, fd);
	for (int i = 0; i < 2; i++) {
		before_us = herd_monotonic_ns() / 1000;
		herd_signal(h, "Goloman", SIGHUP);
		ck_assert_int_eq(sscanf(told(h, fd),
					 "RELOADING=1\nSTATUS=Reading the "
					 "configuration again\n"
					 "MONOTONIC_USEC=%lld",
					 &at_us),
			1);
		ck_assert_int_ge(at_us, before_us);
		ck_assert_int_le(at_us, herd_monotonic_ns() / 1000);
		ck_assert_str_eq(told(h, fd), state);
	}
	/* There is no such file any more. */
	unlink(herd_conf(h, "Goloman"));
	herd_signal(h, "Goloman", SIGHUP);
	ck_assert(starts_with(told(h, fd), "RELOADING=1\n"));
	ck_assert_str_eq(told(h, fd),
		herd_printf(h, "%s; a new configuration was not taken", state));
	check_told_no_more(fd);
	close(fd);
	unlink(herd_path(h, "notify"));
	herd_free(h);
}
END_TEST

START_TEST(a_manager_that_is_gone)
{
	struct herd *h =
		herd_new(&(struct herd_setup){.design = herd_design(_i)});

	setenv("NOTIFY_SOCKET", herd_path(h, "nothing"), 1);
	herd_start(h, "Goloman");
	herd_wait_log(h, "Goloman",
		"warning cannot tell the service manager: "
		"No such file or directory",
		1);
	herd_iamat(h, "Goloman", "x", "+1+1", "1");
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, ready_and_stopping);
	herd_add_test(tcase, stopping_is_told_first);
	herd_add_test(tcase, reloading);
	herd_add_test(tcase, a_manager_that_is_gone);
}

int main(void)
{
	return herd_main("h_manager", add_tests, 30);
}
