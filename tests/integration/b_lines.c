/* b_lines - from bytes to commands: white space, splitting, pipelining,
 * half-close, the length of a line. herd(7), "Lines". */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "herd_client.h"
#include "herd_proc.h"

static struct herd *one(int design, const char *limits)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.limits = limits,
	});
}

#define BYTES(literal)                                                         \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

/* Requests and the whole answer to them, both as bytes. */
struct exchange {
	struct text request;
	struct text answer;
};

static void check_exchange(struct herd *h, const struct exchange *e, size_t i)
{
	struct text answer = herd_exchange(h, "Goloman", e->request);

	ck_assert_msg(text_equal(answer, e->answer),
		"case %zu: '%s' instead of '%s'", i, answer.ptr, e->answer.ptr);
}

static const struct exchange space_cases[] = {
	/* Surrounding white space goes, inner stays. */
	{BYTES(" \t\r\f\vx \t\r\f\vy \t\r\f\v\n"), BYTES("? x \t\r\f\vy\n")},
	{BYTES("x\r\n"), BYTES("? x\n")},
	{BYTES("\rx\n"), BYTES("? x\n")},
	/* Blank lines are no commands. */
	{BYTES("\n\n\r\n \t\f\v\r\n\n"), BYTES("")},
	{BYTES("\nx\n\ny\n\n"), BYTES("? x\n? y\n")},
	{BYTES(""), BYTES("")},
	{BYTES("   "), BYTES("")},
	/* Every other byte is an ordinary one: at the ends too. */
	{BYTES("\0x\0\n"), BYTES("? \0x\0\n")},
	{BYTES("\0\n"), BYTES("? \0\n")},
	{BYTES("\x1cx\x1d\x1e\x1f\n"), BYTES("? \x1cx\x1d\x1e\x1f\n")},
	{BYTES("\x01\x07\x08\x0e\x1b\x7f\n"),
		BYTES("? \x01\x07\x08\x0e\x1b\x7f\n")},
	/* White space in Unicode or Latin-1, not here. */
	{BYTES("\x85x\xa0\n"), BYTES("? \x85x\xa0\n")},
	{BYTES("\xc2\x85x\xe2\x80\xa8\xe3\x80\x80\n"),
		BYTES("? \xc2\x85x\xe2\x80\xa8\xe3\x80\x80\n")},
	{BYTES("\x80\xff\xfe\n"), BYTES("? \x80\xff\xfe\n")},
};

START_TEST(white_space)
{
	struct herd *h = one(_i, NULL);

	for (size_t i = 0; i < HERD_COUNT(space_cases); i++)
		check_exchange(h, &space_cases[i], i);
	herd_free(h);
}
END_TEST

/* All six separate fields; of the others each may stand in a client's name. */
START_TEST(every_byte_as_separator)
{
	struct herd *h = one(_i, NULL);
	struct client *c = client_open(h, "Goloman");

	for (int byte = 1; byte < 256; byte++) {
		char request[] = "IAMAT a?b +1+1 5\nend\n";
		bool space = byte == ' ' || (byte >= '\t' && byte <= '\r');
		const char *line;

		request[7] = (char)byte;
		client_send(c, request);
		line = client_line(c);
		ck_assert_msg(!strncmp(line, space ? "? " : "AT ", 2),
			"byte %#x: %s", (unsigned)byte, line);
		if (byte == '\n')
			ck_assert_str_eq(client_line(c), "? b +1+1 5");
		ck_assert_str_eq(client_line(c), "? end");
	}
	for (const char *byte = " \t\r\f\v"; *byte; byte++) {
		char request[] = "  IAMAT  a  +1+1  5  \nend\n";

		for (char *p = request; *p != '\n'; p++) {
			if (*p == ' ')
				*p = *byte;
		}
		client_send(c, request);
		ck_assert_int_eq(strncmp(client_line(c), "AT ", 3), 0);
		ck_assert_str_eq(client_line(c), "? end");
	}
	client_close(c);
	herd_free(h);
}
END_TEST

/* Wait until the server has read what was sent: only then is the next piece a
 * segment of its own. */
static void wait_taken(struct client *c)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;
	int left = 1;

	while (ioctl(client_fd(c), TIOCOUTQ, &left) == 0 && left) {
		ck_assert(!herd_late(deadline));
		herd_back_off(&tries);
	}
}

START_TEST(split_at_every_byte)
{
	static const char request[] =
		"IAMAT kiwi +34.06-118.44 1520023934.918963997\r\n"
		"bad \r\n\r\nWHATSAT kiwi 0 0\r\n";
	struct herd *h = one(_i, NULL);
	const char *known = herd_iamat(
		h, "Goloman", "kiwi", "+34.06-118.44", "1520023934.918963998");
	const char *expected = herd_printf(h, "? bad\n%s" HERD_NOTHING, known);

	for (size_t at = 1; at < sizeof request - 1; at++) {
		struct client *c = client_open(h, "Goloman");
		struct text rest = {request + at, sizeof request - 1 - at};

		client_send_bytes(c, (struct text){request, at});
		wait_taken(c);
		client_send_bytes(c, rest);
		ck_assert_int_eq(strncmp(client_line(c), "AT ", 3), 0);
		ck_assert_mem_eq(client_bytes(c, strlen(expected)).ptr,
			expected, strlen(expected));
		client_close(c);
	}
	herd_free(h);
}
END_TEST

START_TEST(byte_by_byte)
{
	static const char request[] = " one \ntwo\n";
	struct herd *h = one(_i, NULL);
	struct client *c = client_open(h, "Goloman");

	for (const char *p = request; *p; p++) {
		client_send_bytes(c, (struct text){p, 1});
		wait_taken(c);
	}
	ck_assert_str_eq(client_line(c), "? one");
	ck_assert_str_eq(client_line(c), "? two");
	client_close(c);
	herd_free(h);
}
END_TEST

/* One segment in, one segment out, in order. */
START_TEST(many_in_one_segment)
{
	struct herd *h = one(_i, NULL);
	struct client *c = client_open(h, "Goloman");
	char request[4096] = "";
	char expected[8192] = "";
	char answer[sizeof expected];

	for (int i = 0; i < 300; i++) {
		sprintf(request + strlen(request), "cmd %d\n", i);
		sprintf(expected + strlen(expected), "? cmd %d\n", i);
	}
	for (int round = 0; round < 20; round++) {
		struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
		ssize_t len;

		client_send(c, request);
		ck_assert_int_eq(
			poll(&p, 1, herd_left_ms(herd_deadline(HERD_PATIENCE))),
			1);
		len = recv(client_fd(c), answer, sizeof answer, 0);
		ck_assert_int_eq(len, (ssize_t)strlen(expected));
		ck_assert_mem_eq(answer, expected, (size_t)len);
	}
	client_close(c);
	herd_free(h);
}
END_TEST

/* What graders do: connect, send, half-close, one read. */
START_TEST(one_read_gets_a_whole_answer)
{
	struct herd *h = one(_i, NULL);
	const char *known = herd_iamat(h, "Goloman", "kiwi", "+1+1", "1");
	const char *expected = herd_printf(h, "%s" HERD_NOTHING, known);

	for (int round = 0; round < 20; round++) {
		struct client *c = client_open(h, "Goloman");
		struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
		char answer[1024];
		ssize_t len;

		client_send(c, "WHATSAT kiwi 0 5\n");
		client_finish(c);
		ck_assert_int_eq(
			poll(&p, 1, herd_left_ms(herd_deadline(HERD_PATIENCE))),
			1);
		len = recv(client_fd(c), answer, sizeof answer - 1, 0);
		ck_assert_int_ge(len, 0);
		answer[len] = '\0';
		ck_assert_str_eq(answer, expected);
		client_close(c);
	}
	herd_free(h);
}
END_TEST

START_TEST(half_close)
{
	struct herd *h = one(_i, NULL);

	ck_assert_str_eq(herd_ask(h, "Goloman", "a\nb"), "? a\n? b\n");
	ck_assert_str_eq(herd_ask(h, "Goloman", "a\n b \r"), "? a\n? b\n");
	ck_assert_str_eq(herd_ask(h, "Goloman", "a\n  "), "? a\n");
	ck_assert_str_eq(herd_ask(h, "Goloman", ""), "");
	ck_assert_ptr_nonnull(strstr(
		herd_ask(h, "Goloman", "IAMAT x +1+1 5"), " x +1+1 5\n"));
	ck_assert_ptr_nonnull(
		strstr(herd_ask(h, "Goloman", "WHATSAT x 0 0"), "\n}\n\n"));
	herd_free(h);
}
END_TEST

/* No greeting, no end before the client's. */
START_TEST(stays_open_and_silent)
{
	struct herd *h = one(_i, NULL);
	struct client *c = client_open(h, "Goloman");
	struct client *other = client_open(h, "Goloman");

	client_send(other, "x\n");
	client_line(other);
	for (int i = 0; i < 3; i++) {
		client_send(c, "? invalid\n");
		ck_assert_str_eq(client_line(c), "? ? invalid");
	}
	ck_assert_ptr_null(client_line_within(other, 0.05));
	client_send(other, "y\n");
	ck_assert_str_eq(client_line(other), "? y");
	client_close(c);
	client_close(other);
	herd_free(h);
}
END_TEST

/* --- length --------------------------------------------------------------- */

/* A line of `len` bytes: digits in a row, so that a shift would show. */
static char *long_line(size_t len)
{
	char *line = malloc(len + 2);

	ck_assert_ptr_nonnull(line);
	for (size_t i = 0; i < len; i++)
		line[i] = (char)('0' + i % 10);
	line[len] = '\n';
	line[len + 1] = '\0';
	return line;
}

static void check_longest_line(struct herd *h, size_t limit)
{
	char *line = long_line(limit);
	const char *answer = herd_ask(h, "Goloman", line);

	ck_assert_str_eq(answer, herd_printf(h, "? %s", line));
	free(line);
}

/* `? `, its first 128 bytes, LF, and nothing more: what follows is discarded
 * for a second at the most, which may be long on a busy machine. */
static void check_overlong_line(
	struct herd *h, size_t len, bool with_end, bool finish)
{
	struct client *c = client_open(h, "Goloman");
	char *line = long_line(len);
	const char *expected = herd_printf(h, "AT\n? before\n? %.128s\n", line);
	int64_t start = herd_monotonic_ns();
	struct text all;

	client_send(c, "AT\nbefore\n");
	client_send_bytes(c, (struct text){line, len + with_end});
	if (with_end)
		client_send(c, "after\n");
	if (finish)
		client_finish(c);
	all = client_rest(c);
	ck_assert_str_eq(all.ptr, herd_printf(h, "? %s", expected));
	ck_assert_msg(
		herd_monotonic_ns() - start < (int64_t)(6 * herd_slow() * 1e9),
		"too late");
	client_close(c);
	free(line);
}

START_TEST(length_of_a_line)
{
	static const struct {
		const char *limits;
		size_t limit;
	} cases[] = {
		{"connections = 200;", 65536},
		{"connections = 200; line = 1000;", 1000},
		{"connections = 200; line = 128;", 128},
	};

	for (size_t i = 0; i < HERD_COUNT(cases); i++) {
		struct herd *h = one(_i, cases[i].limits);
		size_t limit = cases[i].limit;

		check_longest_line(h, limit);
		check_overlong_line(h, limit + 1, true, false);
		check_overlong_line(h, limit + 1, true, true);
		check_overlong_line(h, limit + 1, false, false);
		check_overlong_line(h, limit + 1, false, true);
		check_overlong_line(h, limit * 10, false, true);
		check_longest_line(h, limit);
		herd_free(h);
	}
}
END_TEST

/* A client that goes on sending is not waited for longer than a second. */
START_TEST(endless_line)
{
	struct herd *h = one(_i, "connections = 200; line = 128;");
	struct client *c = client_open(h, "Goloman");
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	static char chunk[4096];

	memset(chunk, 'x', sizeof chunk);
	for (;;) {
		struct pollfd p = {.fd = client_fd(c), .events = POLLOUT};

		ck_assert(!herd_late(deadline));
		if (poll(&p, 1, herd_left_ms(deadline)) == 1 &&
			send(client_fd(c), chunk, sizeof chunk,
				MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
			p.revents & (POLLERR | POLLHUP))
			break;
	}
	client_close(c);
	ck_assert_str_eq(herd_ask(h, "Goloman", "x\n"), "? x\n");
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, white_space);
	herd_add_test(tcase, every_byte_as_separator);
	herd_add_test(tcase, split_at_every_byte);
	herd_add_test(tcase, byte_by_byte);
	herd_add_test(tcase, many_in_one_segment);
	herd_add_test(tcase, one_read_gets_a_whole_answer);
	herd_add_test(tcase, half_close);
	herd_add_test(tcase, stays_open_and_silent);
	herd_add_test(tcase, length_of_a_line);
	herd_add_test(tcase, endless_line);
}

int main(void)
{
	return herd_main("b_lines", add_tests, 60);
}
