/* A connection: what the socket does not take waits in order, and no longer
 * than need be. */
#include "herd/conn.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys_fault.h"

static size_t blocks_before;
static struct reactor *reactor;
static struct conn conn;
static int other; /* the other end; blocking */
static uint32_t events_seen;

static void on_ready(struct reactor_io *io, uint32_t events)
{
	ck_assert_ptr_eq(HERD_CONTAINER(io, struct conn, io), &conn);
	events_seen |= events;
}

static uint32_t events_now(void)
{
	events_seen = 0;
	reactor_round(reactor, 0);
	return events_seen;
}

static void set_up(void)
{
	int fd[2];

	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	ck_assert_int_eq(reactor_new(false, &reactor), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	other = fd[1];
	conn_init(&conn, fd[0], on_ready);
}

static void tear_down(void)
{
	conn_close(&conn, reactor);
	conn_close(&conn, reactor);
	ck_assert_int_eq(conn.io.fd, -1);
	if (other >= 0)
		close(other);
	reactor_free(reactor);
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void close_other(void)
{
	close(other);
	other = -1;
}

/* --- sending -------------------------------------------------------------- */

static void send_text(const char *text)
{
	ck_assert_int_eq(conn_send(&conn, text, strlen(text)), 0);
}

static void check_arrives(const char *text)
{
	char got[256];
	ssize_t n = recv(other, got, sizeof got - 1, MSG_DONTWAIT);

	got[n < 0 ? 0 : n] = '\0';
	ck_assert_str_eq(got, text);
}

static void check_waits(const char *text)
{
	ck_assert_uint_eq(buf_len(&conn.out), strlen(text));
	ck_assert(!memcmp(buf_front(&conn.out), text, strlen(text)));
}

START_TEST(sends_at_once_what_the_socket_takes)
{
	send_text("one\n");
	ck_assert_uint_eq(buf_len(&conn.out), 0);
	ck_assert_ptr_null(buf_bytes(&conn.out));
	check_arrives("one\n");
	ck_assert_int_eq(conn_flush(&conn), 0);
	ck_assert_int_eq(conn_send(&conn, NULL, 0), 0);
}
END_TEST

START_TEST(keeps_the_rest_in_order)
{
	sys_fault_short(SYS_FAULT_SEND, 3);
	send_text("hello ");
	check_waits("lo ");
	unsigned calls = sys_fault_calls(SYS_FAULT_SEND);
	send_text("world"); /* must not overtake */
	ck_assert_uint_eq(sys_fault_calls(SYS_FAULT_SEND), calls);
	check_waits("lo world");
	check_arrives("hel");
	ck_assert_int_eq(conn_flush(&conn), 3);
	check_waits("world");
	sys_fault_short(SYS_FAULT_SEND, 0);
	ck_assert_int_eq(conn_flush(&conn), 5);
	ck_assert_ptr_null(buf_bytes(&conn.out));
	check_arrives("lo world");
}
END_TEST

START_TEST(a_full_socket_is_no_error)
{
	sys_fault_fail(SYS_FAULT_SEND, 0, 2, EAGAIN);
	send_text("all of it");
	check_waits("all of it");
	ck_assert_int_eq(conn_flush(&conn), 0);
	check_waits("all of it");
	ck_assert_int_eq(conn_flush(&conn), 9);
	check_arrives("all of it");
}
END_TEST

START_TEST(asks_for_room_only_while_something_waits)
{
	ck_assert_int_eq(conn_watch(&conn, reactor, true), 0);
	ck_assert_uint_eq(conn.io.events, EPOLLIN);
	ck_assert_uint_eq(events_now(), 0);

	sys_fault_short(SYS_FAULT_SEND, 1);
	send_text("ab");
	ck_assert_int_eq(conn_watch(&conn, reactor, true), 0);
	ck_assert_uint_eq(conn.io.events, EPOLLIN | EPOLLOUT);
	ck_assert_uint_eq(events_now(), EPOLLOUT);
	ck_assert_int_eq(conn_watch(&conn, reactor, false), 0);
	ck_assert_uint_eq(conn.io.events, EPOLLHUP | EPOLLOUT);

	ck_assert_int_eq(conn_flush(&conn), 1);
	ck_assert_int_eq(conn_watch(&conn, reactor, false), 0);
	ck_assert_uint_eq(conn.io.events, EPOLLHUP);
	ck_assert_int_eq(conn_watch(&conn, reactor, true), 0);
	ck_assert_uint_eq(events_now(), 0);
	ck_assert_int_eq(send(other, "x", 1, 0), 1);
	ck_assert_uint_eq(events_now(), EPOLLIN);
}
END_TEST

START_TEST(tells_of_the_end_while_it_does_not_read)
{
	ck_assert_int_eq(conn_watch(&conn, reactor, false), 0);
	ck_assert_int_eq(send(other, "x", 1, 0), 1);
	ck_assert_uint_eq(events_now(), 0);
	close(other);
	other = -1;
	ck_assert_uint_eq(events_now() & EPOLLHUP, EPOLLHUP);
}
END_TEST

#define LOT (4 * 1024 * 1024) /* more than a socket holds */

/* A whole stream through a socket that is full most of the time. */
START_TEST(nothing_is_lost_or_out_of_order)
{
	unsigned char *sent = malloc(LOT);
	size_t got = 0;
	size_t out = 0;
	bool same = true;

	ck_assert_ptr_nonnull(sent);
	for (size_t i = 0; i < LOT; i++)
		sent[i] = (unsigned char)(i * 2654435761U >> 13);
	while (got < LOT) {
		unsigned char piece[50000];
		size_t len = LOT - out < 37777 ? LOT - out : 37777;
		ssize_t n;

		if (len && buf_len(&conn.out) < 300000) {
			ck_assert_int_eq(conn_send(&conn, sent + out, len), 0);
			out += len;
			continue;
		}
		n = recv(other, piece, sizeof piece, MSG_DONTWAIT);
		if (n > 0) {
			same &= !memcmp(piece, sent + got, (size_t)n);
			got += (size_t)n;
		}
		ck_assert_int_ge(conn_flush(&conn), 0);
	}
	ck_assert(same);
	ck_assert_uint_eq(buf_len(&conn.out), 0);
	free(sent);
}
END_TEST

static const int send_errors[] = {EPIPE, ECONNRESET, ETIMEDOUT};

START_TEST(says_that_it_is_broken)
{
	int error = send_errors[_i];

	sys_fault_fail(SYS_FAULT_SEND, 0, 1, error);
	ck_assert_int_eq(conn_send(&conn, "x", 1), -error);
	ck_assert_uint_eq(buf_len(&conn.out), 0);
	sys_fault_short(SYS_FAULT_SEND, 1);
	send_text("xyz");
	sys_fault_fail(SYS_FAULT_SEND, 0, 1, error);
	ck_assert_int_eq(conn_flush(&conn), -error);
	check_waits("yz");
}
END_TEST

START_TEST(a_reader_who_left_is_no_signal)
{
	close_other();
	ck_assert_int_eq(conn_send(&conn, "x", 1), -EPIPE);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	sys_fault_short(SYS_FAULT_SEND, 1);
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(conn_send(&conn, "abc", 3), -ENOMEM);
	ck_assert(sys_fault_fired(SYS_FAULT_ALLOC));
}
END_TEST

/* --- receiving ------------------------------------------------------------ */

START_TEST(reads_what_is_there)
{
	static char got[CONN_READ_MAX];

	ck_assert_int_eq(conn_read(&conn, got), -EAGAIN);
	ck_assert_int_eq(send(other, "some", 4, 0), 4);
	ck_assert_int_eq(conn_read(&conn, got), 4);
	ck_assert(!memcmp(got, "some", 4));
	ck_assert_int_eq(shutdown(other, SHUT_WR), 0);
	ck_assert_int_eq(conn_read(&conn, got), 0);
	ck_assert_int_eq(conn_watch(&conn, reactor, true), 0);
	ck_assert_uint_eq(events_now() & EPOLLIN, EPOLLIN);
	send_text("still heard"); /* they closed one direction only */
	check_arrives("still heard");
}
END_TEST

START_TEST(says_that_it_cannot_read)
{
	static char got[CONN_READ_MAX];

	sys_fault_fail(SYS_FAULT_READ, 0, 1, ECONNRESET);
	ck_assert_int_eq(conn_read(&conn, got), -ECONNRESET);
}
END_TEST

START_TEST(reads_no_more_than_it_may)
{
	static char sent[CONN_READ_MAX + 1];
	static char got[CONN_READ_MAX];
	int room = 4 * CONN_READ_MAX;
	ssize_t sum = 0;

	ck_assert_int_eq(
		setsockopt(other, SOL_SOCKET, SO_SNDBUF, &room, sizeof room),
		0);
	ck_assert_int_eq(send(other, sent, sizeof sent, 0), sizeof sent);
	while (sum < (ssize_t)sizeof sent) {
		ssize_t n = conn_read(&conn, got);

		ck_assert_int_gt(n, 0);
		ck_assert_int_le(n, CONN_READ_MAX);
		sum += n;
	}
}
END_TEST

/* --- lines ---------------------------------------------------------------- */

static const struct {
	const char *bytes;
	const char *lines[4]; /* up to NULL */
	const char *rest;
} line_cases[] = {
	{"", {NULL}, ""},
	{"no end", {NULL}, "no end"},
	{"\n", {""}, ""},
	{"\n\n", {"", ""}, ""},
	{"one\n", {"one"}, ""},
	{"one\r\n", {"one\r"}, ""},
	{"one\ntwo\nthree\n", {"one", "two", "three"}, ""},
	{"one\n\ntwo", {"one", ""}, "two"},
	{"\nrest", {""}, "rest"},
};

START_TEST(takes_line_by_line)
{
	struct text bytes = text_of(line_cases[_i].bytes);
	struct text line;

	for (const char *const *l = line_cases[_i].lines; *l; l++) {
		ck_assert(conn_take_line(&bytes, &line));
		ck_assert(text_equal(line, text_of(*l)));
	}
	ck_assert(text_equal(bytes, text_of(line_cases[_i].rest)));
	const char *before = bytes.ptr;
	ck_assert(!conn_take_line(&bytes, &line));
	ck_assert_ptr_eq(bytes.ptr, before);
	ck_assert(text_equal(bytes, text_of(line_cases[_i].rest)));
}
END_TEST

START_TEST(takes_lines_of_any_bytes)
{
	struct text bytes = {"a\0b\377\n\0", 6};
	struct text nothing = {NULL, 0};
	struct text line;

	ck_assert(conn_take_line(&bytes, &line));
	ck_assert(text_equal(line, (struct text){"a\0b\377", 4}));
	ck_assert(text_equal(bytes, (struct text){"\0", 1}));
	ck_assert(!conn_take_line(&nothing, &line));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conn");
	TCase *tcase = tcase_create("conn");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, sends_at_once_what_the_socket_takes);
	tcase_add_test(tcase, keeps_the_rest_in_order);
	tcase_add_test(tcase, a_full_socket_is_no_error);
	tcase_add_test(tcase, asks_for_room_only_while_something_waits);
	tcase_add_test(tcase, tells_of_the_end_while_it_does_not_read);
	tcase_add_test(tcase, nothing_is_lost_or_out_of_order);
	tcase_add_loop_test(
		tcase, says_that_it_is_broken, 0, (int)HERD_COUNT(send_errors));
	tcase_add_test(tcase, a_reader_who_left_is_no_signal);
	tcase_add_test(tcase, survives_lack_of_memory);
	tcase_add_test(tcase, reads_what_is_there);
	tcase_add_test(tcase, says_that_it_cannot_read);
	tcase_add_test(tcase, reads_no_more_than_it_may);
	tcase_add_loop_test(
		tcase, takes_line_by_line, 0, (int)HERD_COUNT(line_cases));
	tcase_add_test(tcase, takes_lines_of_any_bytes);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
