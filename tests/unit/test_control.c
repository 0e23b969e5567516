/* test_control - who asks and does not go on, who does not read, and a server
 * short of memory or descriptors. What is answered: f_control. */
#include "herd/control.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "herd/conf.h"
#include "herd/control_socket.h"
#include "herd/sys.h"
#include "scene.h"
#include "sys_fault.h"

#define CLIENTS 10000 /* their lines do not fit a socket's buffers */

static char dir[] = "/tmp/test_control.XXXXXX";
static struct control *control;
static struct reactor *flood_reactor; /* it goes on only when it is to */
static struct flood *flood;
static char error[CONF_ERROR_MAX];

static int open_control(void)
{
	struct control_options options = {.reactor = scene.reactor,
		.store = scene.store,
		.neighbours = scene.neighbours,
		.flood = flood,
		.directory = dir,
		.server = "Us",
		.design = "threaded"};

	*error = '\0';
	return control_new(&options, &control, error);
}

static void ignore_news(const uint64_t *words)
{
	(void)words;
}

static void open_flood(void)
{
	struct flood_options options = {.store = scene.store,
		.neighbours = scene.neighbours,
		.log = scene.ring,
		.conf = scene.conf};

	ck_assert_int_eq(reactor_new(false, &flood_reactor), 0);
	options.reactor = flood_reactor;
	ck_assert_int_eq(flood_new(&options, &flood), 0);
}

/* The control is opened by the tests of how it starts. */
static void set_up_closed(void)
{
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	scene_begin(1, 0, false);
	scene.on_news = ignore_news;
	open_flood();
	control = NULL;
}

static void set_up(void)
{
	set_up_closed();
	ck_assert_int_eq(open_control(), 0);
}

static void tear_down(void)
{
	control_free(control);
	ck_assert_int_eq(rmdir(dir), 0); /* the socket is gone */
	flood_free(flood);
	reactor_free(flood_reactor);
	scene_end();
}

static void fill_store(int clients, long stamp)
{
	char id[16];

	for (int i = 0; i < clients; i++) {
		snprintf(id, sizeof id, "id%d", i);
		scene_put(id, stamp, 0);
	}
}

/* --- an asker ------------------------------------------------------------- */

static int ask(const char *request)
{
	ssize_t len = (ssize_t)strlen(request);
	int fd;

	ck_assert_int_eq(control_socket_connect(dir, "Us", &fd), 0);
	ck_assert_int_eq(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
	return fd;
}

static void go_on(void)
{
	for (int i = 0; i < 20; i++)
		reactor_round(scene.reactor, 0);
}

/* The next bytes: how many; 0: it was closed; -EAGAIN: none. */
static ssize_t take(int fd, char *dst, size_t room)
{
	ssize_t n = recv(fd, dst, room, 0);

	return n < 0 && errno == ECONNRESET ? 0 : n < 0 ? -errno : n;
}

static bool is_closed(int fd)
{
	char byte;
	ssize_t n = take(fd, &byte, 1);

	ck_assert_int_le(n, 0);
	return n == 0;
}

/* Read all of a dump; false: it ends without END. */
static bool take_dump(int fd)
{
	static char all[CLIENTS * 80];
	size_t len = 0;
	size_t lines = 0;
	ssize_t n;

	while ((n = take(fd, all + len, sizeof all - len))) {
		ck_assert(n > 0 || n == -EAGAIN);
		if (n > 0)
			len += (size_t)n;
		reactor_round(scene.reactor, 0);
	}
	close(fd);
	for (size_t i = 0; i < len; i++)
		lines += all[i] == '\n';
	if (len < 4 || memcmp(all + len - 4, "END\n", 4))
		return false;
	ck_assert_uint_eq(lines, store_count(scene.store) + 1);
	return true;
}

START_TEST(who_asks_nothing_is_closed)
{
	int idle = ask("");
	int piece = ask("DU");

	go_on();
	scene_advance(CONTROL_PATIENCE_NS - HERD_MS_NS);
	ck_assert(!is_closed(idle));
	/* More of it buys no time. */
	ck_assert_int_eq(send(piece, "M", 1, MSG_NOSIGNAL), 1);
	go_on();
	ck_assert(!is_closed(piece));
	scene_advance(2 * HERD_MS_NS);
	ck_assert(is_closed(idle));
	ck_assert(is_closed(piece));
	close(idle);
	close(piece);
	ck_assert(take_dump(ask("DUMP\n")));
}
END_TEST

START_TEST(who_reads_nothing_is_closed)
{
	int slow;
	int stuck;

	fill_store(CLIENTS, 1);
	slow = ask("DUMP\n");
	stuck = ask("DUMP\n");
	go_on();
	for (int i = 0; i < 3; i++) {
		static char some[200000];

		scene_advance(CONTROL_PATIENCE_NS - HERD_MS_NS);
		ck_assert_int_gt(take(slow, some, sizeof some), 0);
		go_on();
	}
	close(slow);
	ck_assert(!take_dump(stuck));
}
END_TEST

START_TEST(who_reads_slowly_is_not)
{
	static char some[200000];
	int fd;

	fill_store(CLIENTS, 1);
	sys_fault_short(SYS_FAULT_SEND, 10000); /* less than a page */
	fd = ask("DUMP\n");
	reactor_round(scene.reactor, 0);
	reactor_round(scene.reactor, 0);
	for (int i = 0; i < 3; i++) {
		scene_advance(CONTROL_PATIENCE_NS - HERD_MS_NS);
		ck_assert_int_gt(take(fd, some, sizeof some), 0);
	}
	ck_assert(!is_closed(fd));
	close(fd);
}
END_TEST

START_TEST(more_than_there_are_places)
{
	int fd[CONTROL_ASKERS + 2];
	char byte;

	for (size_t i = 0; i < HERD_COUNT(fd); i++)
		fd[i] = ask(i < CONTROL_ASKERS ? "" : "DUMP\n");
	go_on();
	ck_assert_int_eq(take(fd[CONTROL_ASKERS], &byte, 1), -EAGAIN);
	/* Nothing to do, though somebody waits: the loop sleeps. */
	close(fd[3]);
	go_on();
	ck_assert(take_dump(fd[CONTROL_ASKERS]));
	ck_assert(take_dump(fd[CONTROL_ASKERS + 1]));
	ck_assert(!is_closed(fd[0]));
	for (size_t i = 0; i < CONTROL_ASKERS; i++)
		if (i != 3)
			close(fd[i]);
	/* All places are free again. */
	go_on();
	for (size_t i = 0; i < HERD_COUNT(fd); i++)
		ck_assert(take_dump(ask("DUMP\n")));
}
END_TEST

START_TEST(without_descriptors_it_rests)
{
	int fd;
	unsigned calls;

	sys_fault_fail(SYS_FAULT_ACCEPT, 0, 1, EMFILE);
	fd = ask("DUMP\n");
	go_on();
	calls = sys_fault_calls(SYS_FAULT_ACCEPT);
	ck_assert_uint_eq(calls, 1); /* it does not spin */
	scene_advance(100 * HERD_MS_NS);
	ck_assert(take_dump(fd));
}
END_TEST

START_TEST(in_small_steps)
{
	for (int i = 0; i < 100; i++)
		scene_put((char[]){'a', (char)('!' + i % 90), '\0'}, i, 0);
	sys_fault_short(SYS_FAULT_SEND, 7);
	sys_fault_short(SYS_FAULT_READ, 1);
	ck_assert(take_dump(ask("DUMP\n")));
}
END_TEST

START_TEST(who_fails_leaves)
{
	fill_store(CLIENTS, 1);
	sys_fault_fail(SYS_FAULT_SEND, 2, 1, EPIPE);
	ck_assert(!take_dump(ask("DUMP\n")));
	sys_fault_fail(SYS_FAULT_READ, 0, 1, EIO);
	ck_assert(!take_dump(ask("DUMP\n")));
	/* The rest of a page that the socket does not take. */
	sys_fault_reset();
	sys_fault_clock_set(SCENE_START_NS, SCENE_START_NS);
	sys_fault_short(SYS_FAULT_SEND, 1000);
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert(!take_dump(ask("DUMP\n")));
	sys_fault_short(SYS_FAULT_SEND, 0);
	ck_assert(take_dump(ask("DUMP\n")));
}
END_TEST

START_TEST(ends_with_askers)
{
	static char some[200000];
	int asking = ask("DU");
	int waiting = ask("STATUS\n");
	int dumping;
	int fd;

	fill_store(CLIENTS, 1);
	dumping = ask("DUMP\n");
	go_on();
	control_free(control);
	control = NULL;
	ck_assert_int_eq(control_socket_connect(dir, "Us", &fd), -ENOENT);
	while (take(dumping, some, sizeof some) > 0)
		;
	ck_assert(is_closed(dumping));
	ck_assert(is_closed(asking));
	ck_assert(is_closed(waiting));
	close(dumping);
	close(asking);
	close(waiting);
}
END_TEST

START_TEST(starts_or_leaves_nothing)
{
	unsigned n = 0;

	for (;; n++) {
		size_t before = sys_fault_blocks();
		int rc;

		control = NULL;
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = open_control();
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_str_eq(error, "Cannot allocate memory");
		ck_assert_uint_eq(sys_fault_blocks(), before);
	}
	ck_assert_uint_ge(n, 2);
	ck_assert(take_dump(ask("DUMP\n")));
}
END_TEST

/* --- status --------------------------------------------------------------- */

/* All there is, as a string. */
static const char *take_reply(int fd)
{
	static char reply[4096];
	ssize_t len;

	go_on();
	len = take(fd, reply, sizeof reply - 1);
	ck_assert_int_gt(len, 0);
	reply[len] = '\0';
	ck_assert(is_closed(fd));
	close(fd);
	return reply;
}

static void expect_status(int fd)
{
	const char *reply = take_reply(fd);

	ck_assert_msg(!strncmp(reply, "server Us\n", 10), "%s", reply);
	ck_assert_str_eq(reply + strlen(reply) - 5, "\nEND\n");
	ck_assert_ptr_nonnull(strstr(reply, "\nlink Able state waiting\n"));
}

static void let_flood_go_on(void)
{
	for (int i = 0; i < 3; i++)
		reactor_round(flood_reactor, 0);
}

START_TEST(status_awaits_flood)
{
	int others[CONTROL_ASKERS - 2];
	int first = ask("STATUS\n");
	int second;
	int third;

	go_on();
	second = ask("STATUS\n");
	third = ask("STATUS\n");
	go_on();
	ck_assert(!is_closed(first));
	ck_assert(!is_closed(second));
	/* Who goes away is not waited for: all places but two are free. */
	close(third);
	for (size_t i = 0; i < HERD_COUNT(others); i++)
		others[i] = ask(i + 1 < HERD_COUNT(others) ? "" : "?\n");
	go_on();
	take_reply(others[HERD_COUNT(others) - 1]);
	for (size_t i = 0; i < HERD_COUNT(others) - 1; i++)
		close(others[i]);
	let_flood_go_on();
	expect_status(first);
	expect_status(second);
}
END_TEST

START_TEST(status_does_not_wait_for_ever)
{
	int fd = ask("STATUS\n");

	go_on();
	scene_advance(CONTROL_FLOOD_NS);
	ck_assert_str_eq(
		take_reply(fd), "ERROR the flood thread does not answer\n");
	/* What is asked next is answered by what was asked first. */
	fd = ask("STATUS\n");
	go_on();
	let_flood_go_on();
	expect_status(fd);
	fd = ask("STATUS\n");
	go_on();
	ck_assert(!is_closed(fd));
	let_flood_go_on();
	expect_status(fd);
}
END_TEST

static void ignore_message(void *to, intptr_t what)
{
	(void)to;
	(void)what;
}

START_TEST(status_of_a_flood_far_behind)
{
	struct mailbox *box = reactor_mailbox(flood_reactor);
	int fd;

	while (!mailbox_post(box, ignore_message, NULL, 0))
		;
	fd = ask("STATUS\n");
	ck_assert_str_eq(
		take_reply(fd), "ERROR the flood thread is far behind\n");
	let_flood_go_on();
	fd = ask("STATUS\n");
	go_on();
	let_flood_go_on();
	expect_status(fd);
}
END_TEST

/* Nobody looks at more than PEER_LAG_MAX changes. */
START_TEST(status_counts_only_so_far)
{
	int fd = ask("STATUS\n");
	const char *lag;
	char *end;
	long lines;

	fill_store(CLIENTS, 1);
	go_on();
	let_flood_go_on();
	lag = strstr(take_reply(fd), "lag_changes ") + strlen("lag_changes ");
	ck_assert_int_eq(strncmp(lag, "10000\n", 6), 0);

	fill_store(PEER_LAG_MAX * 3 / 2, 2);
	fd = ask("STATUS\n");
	go_on();
	let_flood_go_on();
	lag = strstr(take_reply(fd), "lag_changes ") + strlen("lag_changes ");
	lines = strtol(lag, &end, 10);
	ck_assert_int_eq(strncmp(end, "+\n", 2), 0);
	ck_assert_int_le(lines, PEER_LAG_MAX);
	ck_assert_int_gt(lines, PEER_LAG_MAX * 9 / 10);
}
END_TEST

START_TEST(status_without_memory)
{
	unsigned n = 0;

	for (;; n++) {
		int fd;

		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		fd = ask("STATUS\n");
		go_on();
		let_flood_go_on();
		go_on();
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			expect_status(fd);
			break;
		}
		ck_assert_str_eq(
			take_reply(fd), "ERROR Cannot allocate memory\n");
	}
	ck_assert_uint_ge(n, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("control");
	TCase *closed = tcase_create("closed");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, who_asks_nothing_is_closed);
	tcase_add_test(tcase, who_reads_nothing_is_closed);
	tcase_add_test(tcase, who_reads_slowly_is_not);
	tcase_add_test(tcase, more_than_there_are_places);
	tcase_add_test(tcase, without_descriptors_it_rests);
	tcase_add_test(tcase, in_small_steps);
	tcase_add_test(tcase, who_fails_leaves);
	tcase_add_test(tcase, ends_with_askers);
	tcase_add_test(tcase, status_awaits_flood);
	tcase_add_test(tcase, status_does_not_wait_for_ever);
	tcase_add_test(tcase, status_of_a_flood_far_behind);
	tcase_add_test(tcase, status_counts_only_so_far);
	tcase_add_test(tcase, status_without_memory);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(closed, set_up_closed, tear_down);
	tcase_add_test(closed, starts_or_leaves_nothing);
	suite_add_tcase(suite, closed);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
