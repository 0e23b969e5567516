/* herd_client - see the header. Sockets are blocking and every wait is a poll
 * with a deadline, so that a server that does not answer fails a test instead
 * of hanging it. */
#include "herd_client.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK 65536

struct client {
	int fd;
	char *data; /* read and not handed out yet: start to end */
	size_t start, end, room;
	bool eof;
};

static struct client *client_new(int fd)
{
	struct client *c = calloc(1, sizeof *c);

	ck_assert_ptr_nonnull(c);
	c->fd = fd;
	/* What a test sends in pieces is meant to arrive in pieces. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return c;
}

struct client *client_open(struct herd *h, const char *server)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(herd_port(h, server)),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_msg(!connect(fd, (struct sockaddr *)&to, sizeof to),
		"connect to %s: %s", server, strerror(errno));
	return client_new(fd);
}

struct client *client_open_control(struct herd *h, const char *server)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(to.sun_path, sizeof to.sun_path, "%s/%s.sock", herd_dir(h),
		server);
	ck_assert_msg(!connect(fd, (struct sockaddr *)&to, sizeof to),
		"connect to %s: %s", to.sun_path, strerror(errno));
	return client_new(fd);
}

static bool poll_until(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, herd_left_ms(deadline)) == 1;
}

struct client *client_accept(int listen_fd)
{
	int fd;

	ck_assert_msg(
		poll_until(listen_fd, POLLIN, herd_deadline(HERD_PATIENCE)),
		"nobody connects");
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return client_new(fd);
}

int client_fd(struct client *c)
{
	return c->fd;
}

void client_close(struct client *c)
{
	close(c->fd);
	free(c->data);
	free(c);
}

void client_reset(struct client *c)
{
	struct linger abort = {.l_onoff = 1, .l_linger = 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
	client_close(c);
}

/* --- send ----------------------------------------------------------------- */

/* As much as the socket takes now. */
static void send_some(struct client *c, struct text *bytes)
{
	ssize_t len = send(
		c->fd, bytes->ptr, bytes->len, MSG_NOSIGNAL | MSG_DONTWAIT);

	ck_assert_msg(len > 0 || errno == EAGAIN, "send: %s", strerror(errno));
	if (len > 0) {
		bytes->ptr += len;
		bytes->len -= (size_t)len;
	}
}

void client_send_bytes(struct client *c, struct text bytes)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (bytes.len) {
		ck_assert_msg(poll_until(c->fd, POLLOUT, deadline),
			"the server does not read");
		send_some(c, &bytes);
	}
}

void client_send(struct client *c, const char *text)
{
	client_send_bytes(c, text_of(text));
}

void client_finish(struct client *c)
{
	ck_assert_int_eq(shutdown(c->fd, SHUT_WR), 0);
}

/* --- receive -------------------------------------------------------------- */

/* What is readable now; the end of the connection, a reset too, is noted. */
static void receive_some(struct client *c)
{
	ssize_t len;

	if (c->start == c->end)
		c->start = c->end = 0;
	if (c->room - c->end < CHUNK + 1) {
		c->room = c->end * 2 + CHUNK + 1;
		c->data = realloc(c->data, c->room);
		ck_assert_ptr_nonnull(c->data);
	}
	len = recv(c->fd, c->data + c->end, CHUNK, MSG_DONTWAIT);
	if (len > 0)
		c->end += (size_t)len;
	else if (len == 0 || errno != EAGAIN)
		c->eof = true;
}

static bool receive_until(struct client *c, int64_t deadline)
{
	if (c->eof || !poll_until(c->fd, POLLIN, deadline))
		return false;
	receive_some(c);
	return true;
}

static struct text take(struct client *c, size_t len)
{
	struct text bytes = {c->data + c->start, len};

	c->start += len;
	return bytes;
}

const char *client_line_within(struct client *c, double seconds)
{
	int64_t deadline = herd_deadline(seconds);
	size_t seen = 0;

	for (;;) {
		size_t have = c->end - c->start;
		char *lf = have > seen ? memchr(c->data + c->start + seen, '\n',
						 have - seen)
				       : NULL;

		if (lf) {
			*lf = '\0';
			have = (size_t)(lf - (c->data + c->start));
			return take(c, have + 1).ptr;
		}
		seen = have;
		if (!receive_until(c, deadline))
			return NULL;
	}
}

const char *client_line(struct client *c)
{
	const char *line = client_line_within(c, HERD_PATIENCE);

	ck_assert_msg(line, "%s instead of a line",
		c->eof ? "end of file" : "nothing");
	return line;
}

/* 1024 digests of nothing, in base64. */
static void say_nothing_held(struct client *link)
{
	char sums[5 + 10924 + 2] = "SUMS ";

	memset(sums + 5, 'A', 10923);
	strcpy(sums + 5 + 10923, "=\n");
	client_send(link, sums);
}

const char *client_update(struct client *link)
{
	for (;;) {
		const char *line = client_line(link);
		unsigned long long number;
		unsigned bucket;
		char answer[64];

		if (sscanf(line, "PING %llu", &number) == 1) {
			snprintf(answer, sizeof answer, "PONG %llu\n", number);
			client_send(link, answer);
		} else if (sscanf(line, "LIST %u", &bucket) == 1) {
			snprintf(answer, sizeof answer, "HASHES %u\n", bucket);
			client_send(link, answer);
		} else if (!strcmp(line, "SYNC")) {
			client_send(link, "SUM AAAAAAAAAAA=\n");
		} else if (!strcmp(line, "SUMS")) {
			say_nothing_held(link);
		} else if (strcmp(line, "DONE") != 0) {
			return line;
		}
	}
}

struct text client_bytes(struct client *c, size_t len)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (c->end - c->start < len) {
		ck_assert_msg(receive_until(c, deadline),
			"%zu bytes instead of %zu", c->end - c->start, len);
	}
	return take(c, len);
}

struct text client_rest(struct client *c)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (receive_until(c, deadline))
		;
	ck_assert_msg(c->eof, "no end of file");
	c->data[c->end] = '\0';
	return take(c, c->end - c->start);
}

bool client_ends_within(struct client *c, double seconds)
{
	int64_t deadline = herd_deadline(seconds);

	while (receive_until(c, deadline))
		c->start = c->end = 0;
	return c->eof;
}

struct text client_talk(struct client *c, struct text request)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (request.len && !c->eof) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLOUT};

		ck_assert_msg(poll(&p, 1, herd_left_ms(deadline)) == 1,
			"the server neither reads nor writes");
		if (p.revents & POLLIN)
			receive_some(c);
		if (p.revents & POLLOUT)
			send_some(c, &request);
	}
	client_finish(c);
	return client_rest(c);
}

/* --- questions ------------------------------------------------------------ */

struct text herd_exchange(
	struct herd *h, const char *server, struct text request)
{
	struct client *c = client_open(h, server);
	struct text answer = herd_keep(h, client_talk(c, request));

	client_close(c);
	return answer;
}

struct text herd_control(
	struct herd *h, const char *server, const char *request)
{
	struct client *c = client_open_control(h, server);
	struct text reply;

	client_send(c, herd_printf(h, "%s\n", request));
	reply = herd_keep(h, client_rest(c));
	client_close(c);
	return reply;
}

const char *herd_ask(struct herd *h, const char *server, const char *request)
{
	return herd_exchange(h, server, text_of(request)).ptr;
}

const char *herd_iamat(struct herd *h, const char *server, const char *id,
	const char *location, const char *stamp)
{
	const char *request =
		herd_printf(h, "IAMAT %s %s %s\n", id, location, stamp);
	struct client *c = client_open(h, server);
	struct text answer;

	client_send(c, request);
	answer = herd_keep(h, text_of(client_line(c)));
	client_close(c);
	ck_assert_msg(!strncmp(answer.ptr, "AT ", 3), "%s", answer.ptr);
	return answer.ptr;
}

void herd_wait_known(
	struct herd *h, const char *server, const char *id, const char *at_line)
{
	const char *request = herd_printf(h, "WHATSAT %s 0 0\n", id);
	const char *expected = herd_printf(h, "%s" HERD_NOTHING, at_line);
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	struct client *c = client_open(h, server);
	unsigned tries = 0;

	for (;;) {
		const char *line;

		client_send(c, request);
		line = client_line(c);
		if (!strcmp(line, at_line))
			break;
		ck_assert_msg(!herd_late(deadline),
			"%s says\n%s\ninstead of\n%s", server, line, at_line);
		if (strncmp(line, "? ", 2))
			client_bytes(c, strlen(HERD_NOTHING) - 1);
		herd_back_off(&tries);
	}
	client_close(c);
	ck_assert_str_eq(herd_ask(h, server, request), expected);
}

void herd_wait_known_by_all(struct herd *h, const char *id, const char *at_line)
{
	for (size_t i = 0; i < herd_size(h); i++)
		herd_wait_known(h, herd_name(h, i), id, at_line);
}

/* "+0.263873386" in nanoseconds, only if exactly of that form. */
static int64_t read_difference(const char *text, size_t len)
{
	int64_t ns = 0;

	ck_assert_msg(len >= 12 && (*text == '+' || *text == '-') &&
			      text[len - 10] == '.',
		"difference %.*s", (int)len, text);
	for (size_t i = 1; i < len; i++) {
		if (i == len - 10)
			continue;
		ck_assert_msg(text[i] >= '0' && text[i] <= '9',
			"difference %.*s", (int)len, text);
		ns = ns * 10 + (text[i] - '0');
	}
	ck_assert_msg(len == 12 || text[1] != '0', "leading zero");
	return *text == '-' ? -ns : ns;
}

/* Digits with at most nine decimals, which is all the tests use it for. */
static int64_t read_stamp(const char *text)
{
	int64_t ns = 0;
	int decimals = -1;

	for (; *text; text++) {
		if (*text == '.') {
			decimals = 0;
			continue;
		}
		if (decimals == 9)
			break;
		ns = ns * 10 + (*text - '0');
		decimals += decimals >= 0;
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 9; decimals++)
		ns *= 10;
	return ns;
}

void herd_check_at(struct herd *h, const char *line, const char *server,
	const char *id, const char *location, const char *stamp,
	int64_t after_ns, int64_t before_ns)
{
	const char *start = herd_printf(h, "AT %s ", server);
	const char *end = herd_printf(h, " %s %s %s", id, location, stamp);
	size_t len = strlen(line);
	size_t rest = strlen(start) + strlen(end);
	int64_t difference;
	int64_t received;

	ck_assert_msg(len > rest && !strncmp(line, start, strlen(start)) &&
			      !strcmp(line + len - strlen(end), end),
		"'%s' is not '%s...%s'", line, start, end);
	difference = read_difference(line + strlen(start), len - rest);
	received = read_stamp(stamp) + difference;
	ck_assert_msg(after_ns <= received && received <= before_ns,
		"%s was not received between %" PRId64 " and %" PRId64, line,
		after_ns, before_ns);
}

const char *herd_stamp(struct herd *h, int64_t ns)
{
	return herd_printf(h, "%" PRId64 ".%09" PRId64, ns / HERD_SECOND_NS,
		ns % HERD_SECOND_NS);
}
