/* e_overload - more clients, bytes and impatience than one wishes for: herdd
 * serves the others meanwhile, grows no more than a little, and recovers. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd_client.h"
#include "herd_proc.h"

static struct herd *one(int design, const char *limits)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.limits = limits,
		.log = "messages = false;",
	});
}

static void check_served(struct herd *h)
{
	ck_assert_str_eq(herd_ask(h, "Goloman", "hello\n"), "? hello\n");
}

static size_t open_descriptors(struct herd *h)
{
	DIR *dir = opendir(
		herd_printf(h, "/proc/%d/fd", (int)herd_pid(h, "Goloman")));
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void wait_descriptors(struct herd *h, size_t count)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (open_descriptors(h) != count) {
		ck_assert_msg(!herd_late(deadline),
			"%zu descriptors instead of %zu", open_descriptors(h),
			count);
		herd_back_off(&tries);
	}
}

/* --- many ----------------------------------------------------------------- */

#define THOUSAND 1000

START_TEST(a_thousand_connections)
{
	static struct client *clients[THOUSAND];
	struct rlimit limit;
	struct herd *h;
	size_t before;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 2000) {
		fputs("no thousand connections: ulimit -Hn is below 2000\n",
			stderr);
		return;
	}
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	h = one(_i, "connections = 1500;");
	check_served(h);
	before = open_descriptors(h);
	for (int i = 0; i < THOUSAND; i++)
		clients[i] = client_open(h, "Goloman");
	for (int i = 0; i < THOUSAND; i++)
		client_send(clients[i],
			herd_printf(h, "IAMAT k%d +1+1 5\nWHATSAT k%d 0 0\n", i,
				i));
	for (int i = THOUSAND - 1; i >= 0; i--) {
		const char *line = client_line(clients[i]);

		ck_assert_ptr_nonnull(
			strstr(line, herd_printf(h, " k%d +1+1 5", i)));
		ck_assert_str_eq(
			client_line(clients[i]), herd_printf(h, "%s", line));
		client_bytes(clients[i], strlen(HERD_NOTHING) - 1);
	}
	wait_descriptors(h, before + THOUSAND);
	for (int i = 0; i < THOUSAND; i++)
		client_close(clients[i]);
	wait_descriptors(h, before);
	herd_free(h);
}
END_TEST

START_TEST(connections_that_break_off)
{
	static const char request[] = "IAMAT k +1+1 5\nhello\nWHATS";
	struct herd *h = one(_i, NULL);
	size_t before;

	check_served(h);
	before = open_descriptors(h);
	for (size_t i = 0; i < 300; i++) {
		struct client *c = client_open(h, "Goloman");

		client_send_bytes(
			c, (struct text){request, i % sizeof request});
		if (i % 3 == 0)
			client_finish(c);
		if (i % 2)
			client_reset(c);
		else
			client_close(c);
	}
	wait_descriptors(h, before);
	check_served(h);
	herd_free(h);
}
END_TEST

/* --- clients that do not read --------------------------------------------- */

#define REQUEST_LEN 1000

/* "00000042 xxx...x\n" */
static void format_request(char *dst, int number)
{
	memset(dst, 'x', REQUEST_LEN);
	dst[snprintf(dst, 12, "%08d", number)] = ' ';
	dst[REQUEST_LEN - 1] = '\n';
}

/* Send requests without reading until the server takes no more; the number of
 * requests and how much of the last was sent. */
static int send_until_stuck(struct client *c, size_t *ret_last)
{
	char request[REQUEST_LEN];

	for (int number = 0; number < 40000; number++) {
		struct text rest = {request, sizeof request};

		format_request(request, number);
		while (rest.len) {
			struct pollfd p = {
				.fd = client_fd(c), .events = POLLOUT};
			ssize_t sent;

			if (!poll(&p, 1, (int)(300 * herd_slow()))) {
				*ret_last = sizeof request - rest.len;
				return number;
			}
			sent = send(p.fd, rest.ptr, rest.len,
				MSG_NOSIGNAL | MSG_DONTWAIT);
			ck_assert_msg(sent > 0 || errno == EAGAIN, "send: %s",
				strerror(errno));
			if (sent > 0) {
				rest.ptr += sent;
				rest.len -= (size_t)sent;
			}
		}
	}
	ck_abort_msg("40 MB of requests were taken, their answers unread");
	return 0;
}

#define SLOW_READERS 3

START_TEST(slow_readers)
{
	struct herd *h = one(_i, NULL);
	struct client *clients[SLOW_READERS];
	int counts[SLOW_READERS];
	size_t lasts[SLOW_READERS];
	size_t memory;

	check_served(h);
	memory = herd_memory(h, "Goloman");
	for (int i = 0; i < SLOW_READERS; i++) {
		clients[i] = client_open(h, "Goloman");
		counts[i] = send_until_stuck(clients[i], &lasts[i]);
		check_served(h);
	}
	/* 256 KiB of answers each, 64 KiB of input, and rounding. */
	ck_assert_uint_lt(herd_memory(h, "Goloman"), memory + (8 << 20));
	for (int i = 0; i < SLOW_READERS; i++) {
		char expected[REQUEST_LEN + 1];
		char request[REQUEST_LEN];
		struct text rest;

		format_request(request, counts[i]);
		for (int n = 0; n < counts[i]; n++) {
			format_request(expected, n);
			expected[REQUEST_LEN - 1] = '\0';
			ck_assert_str_eq(client_line(clients[i]) + 2, expected);
		}
		rest = client_talk(
			clients[i], (struct text){request + lasts[i],
					    sizeof request - lasts[i]});
		ck_assert_uint_eq(rest.len, REQUEST_LEN + 2);
		ck_assert_mem_eq(rest.ptr + 2, request, REQUEST_LEN);
		client_close(clients[i]);
	}
	herd_free(h);
}
END_TEST

/* Send without ever reading, until the server has had enough. */
static void send_until_closed(struct client *c)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	struct pollfd p = {.fd = client_fd(c), .events = POLLOUT};
	char request[REQUEST_LEN];
	ssize_t sent = 0;

	format_request(request, 0);
	while (sent >= 0 || errno == EAGAIN) {
		ck_assert_msg(!herd_late(deadline), "it is not closed");
		poll(&p, 1, herd_left_ms(deadline));
		sent = send(p.fd, request, sizeof request,
			MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

START_TEST(a_stuck_client_is_closed)
{
	struct herd *h = one(_i, "connections = 200; write_timeout = 1.0;");
	struct client *patient = client_open(h, "Goloman");
	struct client *c = client_open(h, "Goloman");

	send_until_closed(c);
	herd_wait_log(h, "Goloman", "write_timeout", 1);
	check_served(h);
	/* Who owes nothing may be silent for as long as it likes. */
	client_send(patient, "hello\n");
	ck_assert_str_eq(client_line(patient), "? hello");
	client_close(patient);
	client_close(c);
	herd_free(h);
}
END_TEST

/* --- too many ------------------------------------------------------------- */

/* Whether a new connection is served, or closed without a word. */
static bool is_served(struct herd *h)
{
	struct client *c = client_open(h, "Goloman");
	ssize_t sent = send(client_fd(c), "hello\n", 6, MSG_NOSIGNAL);
	const char *line =
		sent == 6 ? client_line_within(c, HERD_PATIENCE) : NULL;
	bool served = line;

	if (served)
		ck_assert_str_eq(line, "? hello");
	client_close(c);
	return served;
}

static void wait_served(struct herd *h)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (!is_served(h)) {
		ck_assert_msg(!herd_late(deadline), "nobody is served");
		herd_back_off(&tries);
	}
}

static void open_clients(struct herd *h, struct client **clients, int count)
{
	for (int i = 0; i < count; i++) {
		clients[i] = client_open(h, "Goloman");
		client_send(clients[i], "hello\n");
		ck_assert_str_eq(client_line(clients[i]), "? hello");
	}
}

START_TEST(limit_of_connections)
{
	struct herd *h = one(_i, "connections = 5;");
	struct client *clients[5];

	open_clients(h, clients, 5);
	for (int i = 0; i < 10; i++)
		ck_assert(!is_served(h));
	herd_wait_log(h, "Goloman", "client refused 127.0.0.1:", 10);
	for (int i = 0; i < 5; i++) {
		client_send(clients[i], "still here\n");
		ck_assert_str_eq(client_line(clients[i]), "? still here");
	}
	client_close(clients[0]);
	wait_served(h);
	for (int i = 1; i < 5; i++)
		client_close(clients[i]);
	wait_served(h);
	herd_free(h);
}
END_TEST

/* Neighbours are let in above the limit, and their address does not help a
 * client. */
START_TEST(limit_of_connections_and_neighbours)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Xenia",
		.limits = "connections = 5;",
	});
	struct client *clients[5];
	struct client *link;

	herd_unlisten(h, "Xenia");
	herd_start(h, "Goloman");
	open_clients(h, clients, 5);
	ck_assert(!is_served(h));
	link = client_open(h, "Goloman");
	client_send(link, "HERD 1 Xenia Goloman 0123456789abcdef\nPING 1\n");
	ck_assert_int_eq(
		strncmp(client_line(link), "HERD 1 Goloman Xenia ", 21), 0);
	ck_assert_str_eq(client_line(link), "PONG 1");
	client_close(clients[0]);
	wait_served(h);
	for (int i = 1; i < 5; i++)
		client_close(clients[i]);
	client_close(link);
	herd_free(h);
}
END_TEST

/* No descriptor left: some are turned away, nothing spins, it passes. */
START_TEST(out_of_descriptors)
{
	struct herd *h = one(_i, NULL);
	struct client *clients[30];
	struct rlimit limit;
	size_t before;
	size_t served = 0;

	check_served(h);
	before = open_descriptors(h);
	limit = (struct rlimit){before + 10, before + 10};
	ck_assert_int_eq(
		prlimit(herd_pid(h, "Goloman"), RLIMIT_NOFILE, &limit, NULL),
		0);
	for (size_t i = 0; i < HERD_COUNT(clients); i++) {
		clients[i] = client_open(h, "Goloman");
		client_send(clients[i], "hello\n");
	}
	herd_wait_log(h, "Goloman", "cannot accept: ", 1);
	for (size_t i = 0; i < HERD_COUNT(clients); i++)
		served += client_line_within(clients[i],
				  i < 8 ? HERD_PATIENCE : 0.02) != NULL;
	ck_assert_uint_ge(served, 8);
	ck_assert_uint_le(served, 10);
	for (size_t i = 0; i < HERD_COUNT(clients); i++)
		client_close(clients[i]);
	wait_served(h);
	wait_descriptors(h, before);
	ck_assert_uint_lt(
		herd_count(herd_read(h, "Goloman.log"), "cannot accept"), 10);
	herd_free(h);
}
END_TEST

/* --- one that wants everything -------------------------------------------- */

/* A process that sends as fast as it can and throws the answers away. */
static pid_t start_flooder(struct herd *h)
{
	pid_t test = getpid();
	pid_t flooder = fork();
	struct client *c;
	static char burst[64000];

	ck_assert_int_ge(flooder, 0);
	if (flooder)
		return flooder;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(0);
	c = client_open(h, "Goloman");
	for (size_t i = 0; i + 16 <= sizeof burst; i += 16)
		memcpy(burst + i, "IAMAT k +1+1 55\n", 16);
	for (;;) {
		struct pollfd p = {
			.fd = client_fd(c), .events = POLLIN | POLLOUT};
		static char answers[65536];

		poll(&p, 1, -1);
		if (p.revents & POLLOUT)
			(void)!send(p.fd, burst, sizeof burst / 16 * 16,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		if (recv(p.fd, answers, sizeof answers, MSG_DONTWAIT) == 0)
			_exit(0);
	}
}

#define FLOODERS 4

START_TEST(a_flooder_does_not_starve_others)
{
	struct herd *h = one(_i, NULL);
	pid_t flooders[FLOODERS];
	struct client *c = client_open(h, "Goloman");

	for (int i = 0; i < FLOODERS; i++)
		flooders[i] = start_flooder(h);
	for (int i = 0; i < 50; i++) {
		int64_t start = herd_monotonic_ns();

		client_send(c, "hello\n");
		ck_assert_str_eq(client_line(c), "? hello");
		check_served(h);
		ck_assert_msg((double)(herd_monotonic_ns() - start) <
				      3e9 * herd_slow(),
			"answered after more than three seconds");
	}
	for (int i = 0; i < FLOODERS; i++) {
		kill(flooders[i], SIGKILL);
		waitpid(flooders[i], NULL, 0);
	}
	client_close(c);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, a_thousand_connections);
	herd_add_test(tcase, connections_that_break_off);
	herd_add_test(tcase, slow_readers);
	herd_add_test(tcase, a_stuck_client_is_closed);
	herd_add_test(tcase, limit_of_connections);
	herd_add_test(tcase, limit_of_connections_and_neighbours);
	herd_add_test(tcase, out_of_descriptors);
	herd_add_test(tcase, a_flooder_does_not_starve_others);
}

int main(void)
{
	return herd_main("e_overload", add_tests, 60);
}
