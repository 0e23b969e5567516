/* d_failures - a provider that cannot be reached, or answers anything but JSON:
 * the client is told so in the form it knows, and nobody else notices. What
 * takes its time stands in d_stalls.c. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "near.h"

static void up(struct near *n, int design, const char *places)
{
	/* No failure here is one of time. */
	near_up(n,
		&(struct herd_setup){
			.design = herd_design(design),
			.general = "workers = 1;",
			.places = places ? places : "timeout = 60;",
		},
		NULL);
}

static void expect_excuse(struct near *n, const char *what)
{
	near_expect_excuse(n->h, n->client, n->at, what);
	near_check_others(n);
}

/* --- no connection -------------------------------------------------------- */

static void check_no_connection(int design, const char *url)
{
	struct near n;

	up(&n, design, url);
	for (int i = 0; i < 3; i++) {
		near_ask(&n, "WHATSAT kiwi 10 5");
		expect_excuse(&n, url);
	}
	near_free(&n);
}

/* No label of a name has more than 63 characters, so that nobody is asked. */
START_TEST(a_name_that_is_not_known)
{
	check_no_connection(_i,
		"timeout = 60; url = \"http://"
		"0123456789012345678901234567890123456789012345678901234567890"
		"123.test/\";");
}
END_TEST

/* A port of the system's choice that nobody listens on. */
static int bound_socket(uint16_t *ret_port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

START_TEST(a_connection_refused)
{
	uint16_t port;
	int fd = bound_socket(&port);
	char places[128];

	snprintf(places, sizeof places,
		"timeout = 60; url = \"http://127.0.0.1:%" PRIu16 "/\";", port);
	check_no_connection(_i, places);
	close(fd);
}
END_TEST

START_TEST(http_where_https_is_wanted)
{
	uint16_t port;
	int fd = bound_socket(&port);
	char places[128];
	struct near n;

	ck_assert_int_eq(listen(fd, 16), 0);
	snprintf(places, sizeof places,
		"timeout = 60; url = \"https://127.0.0.1:%" PRIu16 "/\";",
		port);
	up(&n, _i, places);
	for (int i = 0; i < 3; i++) {
		struct client *c;

		near_ask(&n, "WHATSAT kiwi 10 5");
		c = client_accept(fd);
		/* It begins a handshake, and sends no request. */
		ck_assert_int_eq(*client_bytes(c, 1).ptr, 0x16);
		client_send(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
		expect_excuse(&n, "no TLS");
		client_close(c);
	}
	near_free(&n);
	close(fd);
}
END_TEST

/* --- connections that break ----------------------------------------------- */

#define OK_LENGTH(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n"
#define OK_CHUNKED        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Where the provider closes its connection. */
static const char *const breaks[] = {
	"",
	"H",
	"HTTP/1.1 200 O",
	OK_LENGTH("2"),
	OK_LENGTH("2") "\r\n",
	OK_LENGTH("2") "\r\n{",
	OK_LENGTH("3") "\r\n{}",
	OK_CHUNKED,
	OK_CHUNKED "2\r\n{",
	OK_CHUNKED "2\r\n{}\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
};

START_TEST(connections_that_break_off)
{
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(breaks) * 2; i++) {
		struct asked *a;

		near_ask(&n, "WHATSAT kiwi 10 5");
		a = double_await(n.provider);
		asked_say(a, breaks[i / 2]);
		near_check_waits(n.client);
		if (i % 2)
			asked_reset(a);
		else
			asked_close(a);
		expect_excuse(&n, breaks[i / 2]);
	}
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* --- answers that are none of HTTP ---------------------------------------- */

static const char *const no_http[] = {
	"{\"status\":\"OK\"}\n",
	"220 smtp.example ESMTP\r\n",
	"SSH-2.0-OpenSSH_9.2\r\n",
	"HTTP/1.1 2000 OK\r\n\r\n",
	"HTTP/3.7 200 OK\r\n\r\n{}",
	OK_LENGTH("-1") "\r\n{}",
	OK_LENGTH("2x") "Content-Length: 3\r\n\r\n{}",
	OK_CHUNKED "x\r\n{}\r\n0\r\n\r\n",
	OK_CHUNKED "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
	OK_CHUNKED "1\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n"
	"\r\n\x1f\x8b{}",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
	"HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\n\r\n",
};

START_TEST(answers_that_are_no_http)
{
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(no_http); i++) {
		struct asked *a;

		near_ask(&n, "WHATSAT kiwi 10 5");
		a = double_await(n.provider);
		asked_say(a, no_http[i]);
		asked_close(a);
		expect_excuse(&n, no_http[i]);
		near_check_good(&n);
	}
	near_free(&n);
}
END_TEST

/* What comes behind an answer belongs to no other. */
START_TEST(more_than_content_length)
{
	struct near n;

	up(&n, _i, NULL);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_say(double_await(n.provider),
		OK_LENGTH("2") "\r\n{}" OK_LENGTH("11") "\r\n{\"wrong\":1}");
	near_expect(n.h, n.client, n.at, "{}");
	near_check_good(&n);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_say(double_await(n.provider), OK_LENGTH("1") "\r\n{}");
	expect_excuse(&n, "a length too small");
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* --- answers of other kinds ----------------------------------------------- */

/* An answer with headers of its own; the connection stays open. */
static void say(
	struct asked *a, unsigned status, const char *headers, struct text body)
{
	char head[512];

	snprintf(head, sizeof head,
		"HTTP/1.1 %u Because\r\n%sContent-Length: %zu\r\n\r\n", status,
		headers, body.len);
	asked_say(a, head);
	asked_say_bytes(a, body);
}

START_TEST(redirects_are_not_followed)
{
	static const unsigned statuses[] = {300, 301, 302, 303, 307, 308};
	struct provider_double *other = double_new();
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(statuses); i++) {
		const char *location = herd_printf(n.h,
			"Location: http://127.0.0.1:%" PRIu16 "/\r\n"
			"Refresh: 0; url=http://127.0.0.1:%" PRIu16 "/\r\n",
			double_port(other), double_port(other));

		near_ask(&n, "WHATSAT kiwi 10 5");
		say(double_await(n.provider), statuses[i], location,
			text_of("<html>Moved</html>"));
		expect_excuse(&n, location);
		near_check_good(&n);
	}
	ck_assert_uint_eq(double_connections(other), 0);
	near_free(&n);
	double_free(other);
}
END_TEST

#define HTML "<!DOCTYPE html><html><body>Sorry</body></html>\n"

START_TEST(pages_for_people)
{
	static const unsigned statuses[] = {
		200, 400, 401, 403, 404, 407, 429, 500, 502, 503, 504, 599};
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(statuses); i++) {
		near_ask(&n, "WHATSAT kiwi 10 5");
		say(double_await(n.provider), statuses[i],
			"Content-Type: text/html\r\n"
			"WWW-Authenticate: Basic realm=\"x\"\r\n"
			"Retry-After: 1\r\n",
			text_of(i % 2 ? HTML : ""));
		expect_excuse(&n, "a page");
	}
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* Texts that are not one object of JSON, by RFC 8259. */
static const char *const no_json[] = {
	"",
	" \n",
	"null",
	"5",
	"\"text\"",
	"[]",
	"[{\"results\":[]}]",
	"{",
	"{\"results\":[",
	"{\"results\":[{\"name\":\"a\"},",
	"{\"results\":[]",
	"{'results':[]}",
	"{results:[]}",
	"{\"results\":[NaN]}",
	"{\"results\":[Infinity]}",
	"{\"results\":[TRUE]}",
	"{\"results\":[01]}",
	"{\"results\":[.5]}",
	"{\"results\":[1.]}",
	"{\"results\":[+1]}",
	"{\"results\":[0x1]}",
	"{\"results\":[1,]}",
	"{\"results\":[],}",
	"{\"results\":[1 2]}",
	"{\"results\" []}",
	"{\"results\":[]}x",
	"{\"results\":[]} {}",
	"{\"results\":[]}}",
	"{} // comment",
	"/* comment */ {}",
	"{\"a\":\"tab\there\"}",
	"{\"a\":\"\x01\"}",
	"{\"a\":\"\\x41\"}",
	"{\"a\":\"\\u12G4\"}",
	"{\"a\":\"open}",
	"{\"a\":\"\xff\"}",
	"{\"a\":\"\xc0\x80\"}",
	"{\"a\":\"\xed\xa0\x80\"}",
	"{\"\xe9\":1}",
	"\xef\xbb\xbf{}",
	"{\"results\":[1],\"results\":[2]}",
	HTML,
};

START_TEST(answers_that_are_no_json)
{
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(no_json); i++) {
		near_ask(&n, "WHATSAT kiwi 10 5");
		asked_answer(double_await(n.provider), 200, no_json[i]);
		expect_excuse(&n, no_json[i]);
	}
	near_ask(&n, "WHATSAT kiwi 10 5");
	say(double_await(n.provider), 200, "", (struct text){"{\"\0\":1}", 7});
	expect_excuse(&n, "a NUL");
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* Brackets in brackets, more than anybody needs. */
START_TEST(answers_that_are_too_deep)
{
	enum {
		DEEP = 10000
	};
	char json[2 * DEEP + 8];
	struct near n;

	memset(json, '[', sizeof json);
	memcpy(json, "{\"a\":", 5);
	memset(json + 5 + DEEP, ']', DEEP);
	strcpy(json + 5 + 2 * DEEP, "}");
	up(&n, _i, NULL);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, json);
	expect_excuse(&n, "too deep");
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* --- compressed answers --------------------------------------------------- */

/* {"status":5}, stored. */
static const char gzip[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x0c"
			   "\x00\xf3\xff{\"status\":5}\x75\xe3\x75\x0e\x0c\x00"
			   "\x00\x00";

START_TEST(compressed_answers)
{
	struct text whole = {gzip, sizeof gzip - 1};
	struct text cut = {gzip, sizeof gzip - 12};
	char bad[sizeof gzip];
	struct near n;
	struct asked *a;

	up(&n, _i, NULL);
	near_ask(&n, "WHATSAT kiwi 10 5");
	a = double_await(n.provider);
	ck_assert_str_eq(asked_header(a, "Accept-Encoding"), "gzip");
	say(a, 200, "Content-Encoding: gzip\r\n", whole);
	near_expect(n.h, n.client, n.at, "{\"status\":5}");

	near_ask(&n, "WHATSAT kiwi 10 5");
	say(double_await(n.provider), 200, "Content-Encoding: gzip\r\n", cut);
	expect_excuse(&n, "cut in the middle");
	memcpy(bad, gzip, sizeof gzip);
	bad[10] = '\x07'; /* no kind of block */
	near_ask(&n, "WHATSAT kiwi 10 5");
	say(double_await(n.provider), 200, "Content-Encoding: gzip\r\n",
		(struct text){bad, sizeof gzip - 1});
	expect_excuse(&n, "not compressed in this way");
	near_ask(&n, "WHATSAT kiwi 10 5");
	say(double_await(n.provider), 200, "", whole);
	expect_excuse(&n, "compressed without a word");
	near_ask(&n, "WHATSAT kiwi 10 5");
	say(double_await(n.provider), 200, "Content-Encoding: rot13\r\n",
		text_of("{\"fgnghf\":5}"));
	expect_excuse(&n, "compressed as nobody knows");
	near_check_good(&n);
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, a_name_that_is_not_known);
	herd_add_test(tcase, a_connection_refused);
	herd_add_test(tcase, http_where_https_is_wanted);
	herd_add_test(tcase, connections_that_break_off);
	herd_add_test(tcase, answers_that_are_no_http);
	herd_add_test(tcase, more_than_content_length);
	herd_add_test(tcase, redirects_are_not_followed);
	herd_add_test(tcase, pages_for_people);
	herd_add_test(tcase, answers_that_are_no_json);
	herd_add_test(tcase, answers_that_are_too_deep);
	herd_add_test(tcase, compressed_answers);
}

int main(void)
{
	return herd_main("d_failures", add_tests, 30);
}
