/* r_last_answers - answers that wait for a slow reader must all arrive, however
 * the connection comes to its end. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "herd_client.h"
#include "herd_proc.h"

#define BIG       60000 /* bytes of an answer, nearly */
#define QUESTIONS 50    /* the answers fit no socket */
#define OVERLONG  70000

static const char question[] = "WHATSAT big 0 0\n";

static struct herd *one(int design)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.general = "stop_timeout = 30.0;",
		.log = "messages = false;",
	});
}

/* A client with a location that is very long to tell; the answer to
 * `question`. */
static struct text make_big(struct herd *h)
{
	char *zeros = calloc(1, BIG + 1);

	ck_assert_ptr_nonnull(zeros);
	memset(zeros, '0', BIG);
	herd_iamat(h, "Goloman", "big", herd_printf(h, "+1.%s+1", zeros), "5");
	free(zeros);
	return herd_exchange(h, "Goloman", text_of(question));
}

static void expect_answers(struct client *c, struct text answer, int count)
{
	for (int i = 0; i < count; i++)
		ck_assert(text_equal(client_bytes(c, answer.len), answer));
}

/* Ask, without reading, until the server takes no more. With so much white
 * space that what it has read by then asks for megabytes, not hundreds. */
static void ask_until_stuck(struct client *c)
{
	static const int quiet_ms = 300;
	struct pollfd p = {.fd = client_fd(c), .events = POLLOUT};
	int flags = fcntl(p.fd, F_GETFL);
	char padded[2048];

	memset(padded, ' ', sizeof padded);
	memcpy(padded + sizeof padded - sizeof question + 1, question,
		sizeof question - 1);
	ck_assert_int_eq(fcntl(p.fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (poll(&p, 1, quiet_ms) == 1 && !(p.revents & (POLLERR | POLLHUP)))
		if (send(p.fd, padded, sizeof padded, MSG_NOSIGNAL) < 0)
			ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(fcntl(p.fd, F_SETFL, flags), 0);
}

/* The end of input used to throw away what waited behind an over-long line. */
START_TEST(overlong_line_and_end_of_input)
{
	struct herd *h = one(_i);
	struct text answer = make_big(h);
	char *overlong = malloc(OVERLONG);

	ck_assert_ptr_nonnull(overlong);
	memset(overlong, 'x', OVERLONG);
	/* How much waits when the end is seen depends on the sockets. */
	for (int count = QUESTIONS; count < 3 * QUESTIONS; count += 7) {
		struct client *c = client_open(h, "Goloman");

		for (int i = 0; i < count; i++)
			client_send(c, question);
		client_send_bytes(c, (struct text){overlong, OVERLONG});
		client_finish(c);
		expect_answers(c, answer, count);
		ck_assert_uint_eq(client_rest(c).len, 2 + 128 + 1);
		client_close(c);
	}
	free(overlong);
	herd_free(h);
}
END_TEST

/* A stopping server used to close with input unread: the kernel then sends a
 * reset, and drops the answers that had not left. */
START_TEST(stop_with_input_unread)
{
	struct herd *h = one(_i);
	struct text answer = make_big(h);
	struct client *c = client_open(h, "Goloman");
	struct text rest;

	ask_until_stuck(c);
	herd_signal(h, "Goloman", SIGTERM);
	rest = client_rest(c); /* fails on a reset */
	ck_assert_uint_gt(rest.len, 0);
	ck_assert_uint_eq(rest.len % answer.len, 0);
	client_close(c);
	ck_assert_int_eq(herd_wait_exit(h, "Goloman"), 0);
	herd_free(h);
}
END_TEST

/* A client that never stops asking used to take all of a short stop_timeout,
 * and nothing was left for the neighbours. */
START_TEST(stop_with_a_client_that_goes_on)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.general = "stop_timeout = 1.5;",
		.log = "messages = false;",
	});
	struct client *c = client_open(h, "Goloman");
	struct pollfd p = {.fd = client_fd(c), .events = POLLOUT};
	ssize_t sent = 0;

	herd_signal(h, "Goloman", SIGTERM);
	while (sent >= 0 && poll(&p, 1, -1) == 1)
		sent = send(p.fd, question, sizeof question - 1, MSG_NOSIGNAL);
	ck_assert_int_eq(herd_wait_exit(h, "Goloman"), 0);
	herd_wait_log(h, "Goloman", "stopped: all was done", 1);
	client_close(c);
	herd_free(h);
}
END_TEST

/* Bytes that the kernel holds of what the server sent to us. Both ports count:
 * another connection may have one of them. */
static unsigned long held_by_the_kernel(struct client *c)
{
	struct sockaddr_in us, server;
	socklen_t len = sizeof us;
	unsigned long held = 0;
	FILE *tcp = fopen("/proc/net/tcp", "r");
	char line[512];

	ck_assert_ptr_nonnull(tcp);
	ck_assert_int_eq(
		getsockname(client_fd(c), (struct sockaddr *)&us, &len), 0);
	ck_assert_int_eq(
		getpeername(client_fd(c), (struct sockaddr *)&server, &len), 0);
	while (fgets(line, sizeof line, tcp)) {
		unsigned from, to;
		unsigned long queued;

		if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %lx:", &from, &to,
			    &queued) == 3 &&
			from == ntohs(server.sin_port) &&
			to == ntohs(us.sin_port))
			held = queued;
	}
	fclose(tcp);
	return held;
}

/* The kernel used to hold four megabytes for a client that does not read, and
 * to say that there was room again only when a third of them had left: a slow
 * but steady reader was taken for one that is stuck. */
START_TEST(little_waits_in_the_kernel)
{
	struct herd *h = one(_i);
	struct client *c;
	unsigned long held;

	make_big(h);
	c = client_open(h, "Goloman");
	ask_until_stuck(c);
	while (!(held = held_by_the_kernel(c)))
		; /* the server has not come so far; Check's time-out ends it */
	ck_assert_uint_lt(held, 1024 * 1024);
	client_close(c);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, stop_with_a_client_that_goes_on);
	herd_add_test(tcase, little_waits_in_the_kernel);
	herd_add_test(tcase, overlong_line_and_end_of_input);
	herd_add_test(tcase, stop_with_input_unread);
}

int main(void)
{
	return herd_main("r_last_answers", add_tests, 60);
}
