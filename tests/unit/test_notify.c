/* test_notify - what the service manager is told, and what becomes of it when
 * there is none. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "herd/notify.h"

static char dir[] = "/tmp/test_notify.XXXXXX";
static char path[sizeof dir + 2];

static void set_up(void)
{
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
}

static void tear_down(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* A manager's socket; `len` bytes of the name count, from the first. */
static int manager(const char *name, size_t len)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_le(len, sizeof at.sun_path);
	memcpy(at.sun_path, name, len);
	ck_assert_int_eq(
		bind(fd, (struct sockaddr *)&at,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    len)),
		0);
	return fd;
}

static void expect_datagram(int fd, const char *expected)
{
	char got[256];
	ssize_t len = recv(fd, got, sizeof got - 1, 0);

	ck_assert_int_ge(len, 0);
	got[len] = '\0';
	ck_assert_str_eq(got, expected);
	ck_assert_int_eq(recv(fd, got, sizeof got, 0), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

/* How many descriptors this process has open. */
static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(reaches_a_path)
{
	int fd = manager(path, strlen(path));
	int before = descriptors();

	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(notify_send("READY=1\nSTATUS=all well"), 0);
	expect_datagram(fd, "READY=1\nSTATUS=all well");
	ck_assert_int_eq(notify_send("STOPPING=1"), 0);
	expect_datagram(fd, "STOPPING=1");
	ck_assert_int_eq(descriptors(), before);
	close(fd);
}
END_TEST

/* Up to the longest name: no byte is added. */
START_TEST(reaches_an_abstract_name)
{
	const size_t room = sizeof((struct sockaddr_un *)0)->sun_path;
	const size_t lens[] = {20, room - 1, room};
	size_t len = lens[_i];
	char name[256];
	int fd;

	memset(name, 'n', sizeof name);
	/* Other runs of this test have other names. */
	name[snprintf(name, sizeof name, "@%d-", (int)getpid())] = 'n';
	name[len] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = manager(name, len);
	ck_assert_int_eq(notify_send("READY=1"), 0);
	expect_datagram(fd, "READY=1");
	close(fd);
}
END_TEST

START_TEST(without_a_manager_all_is_well)
{
	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_eq(notify_send("READY=1"), 0);
}
END_TEST

START_TEST(refuses_what_names_no_socket)
{
	char name[256];

	setenv("NOTIFY_SOCKET", "", 1);
	ck_assert_int_eq(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/", 1);
	ck_assert_int_eq(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "@", 1);
	ck_assert_int_eq(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	ck_assert_int_eq(notify_send("READY=1"), -EINVAL);

	memset(name, 'x', sizeof name);
	name[0] = '/';
	name[sizeof((struct sockaddr_un *)0)->sun_path] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	ck_assert_int_eq(notify_send("READY=1"), -ENAMETOOLONG);
	memset(name, 'x', sizeof name);
	name[0] = '@';
	name[sizeof((struct sockaddr_un *)0)->sun_path + 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	ck_assert_int_eq(notify_send("READY=1"), -ENAMETOOLONG);
}
END_TEST

START_TEST(reports_that_nobody_listens)
{
	int before = descriptors();
	int fd;

	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(notify_send("READY=1"), -ENOENT);
	fd = manager(path, strlen(path));
	close(fd);
	ck_assert_int_eq(notify_send("READY=1"), -ECONNREFUSED);
	ck_assert_int_eq(descriptors(), before);
}
END_TEST

/* A manager that reads nothing holds us up for a second, not for ever. */
START_TEST(gives_up_on_a_full_socket)
{
	int fd = manager(path, strlen(path));
	int rc = 0;

	setenv("NOTIFY_SOCKET", path, 1);
	for (int i = 0; i < 100000 && !rc; i++)
		rc = notify_send("STATUS=and another");
	ck_assert_int_eq(rc, -EAGAIN);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tcase = tcase_create("notify");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, reaches_a_path);
	tcase_add_loop_test(tcase, reaches_an_abstract_name, 0, 3);
	tcase_add_test(tcase, without_a_manager_all_is_well);
	tcase_add_test(tcase, refuses_what_names_no_socket);
	tcase_add_test(tcase, reports_that_nobody_listens);
	tcase_add_test(tcase, gives_up_on_a_full_socket);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
