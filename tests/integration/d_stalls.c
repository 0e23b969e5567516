/* d_stalls - a provider that takes its time, or never comes to an end: clients
 * are answered within places.timeout, and all others at once.
 *
 * That others do not wait is looked at where places.timeout is longer than the
 * test lasts: so a busy machine cannot end the stall before it was seen. Where
 * it is short, nobody but the clock says what must have happened already. */
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "near.h"

#define FOREVER 60  /* seconds: no test lasts so long */
#define TIMEOUT 0.4 /* seconds, of the provider */

/* What a busy machine may add, to nothing or to TIMEOUT. Less than the default
 * of places.timeout, and than what libraries wait for by default. */
#define SLACK 4.0

/* `timeout` in seconds is stretched like all other times. */
static void up(struct near *n, int design, double timeout, const char *places)
{
	char all[256];

	snprintf(all, sizeof all, "timeout = %.3f; %s", timeout * herd_slow(),
		places);
	near_up(n,
		&(struct herd_setup){
			.design = herd_design(design),
			.general = "workers = 1;",
			.places = all,
		},
		NULL);
}

/* Neither before its time nor long after it. */
static void expect_late_excuse(
	struct near *n, struct client *c, int64_t asked_ns, const char *what)
{
	double unit = herd_slow() * (double)HERD_SECOND_NS;
	int64_t took;

	near_expect_excuse(n->h, c, n->at, what);
	took = herd_monotonic_ns() - asked_ns;
	ck_assert_msg(took >= (int64_t)(TIMEOUT * unit) &&
			      took < (int64_t)((TIMEOUT + SLACK) * unit),
		"%s: answered after %" PRId64 " ms", what, took / HERD_MS_NS);
}

/* --- not even a connection ------------------------------------------------ */

static int listening_socket(int backlog, struct sockaddr_in *ret_at)
{
	socklen_t len = sizeof *ret_at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_at = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		bind(fd, (struct sockaddr *)ret_at, sizeof *ret_at), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret_at, &len), 0);
	return fd;
}

static void check_others_at_once(struct near *n)
{
	int64_t deadline = herd_deadline(SLACK);

	near_check_others(n);
	ck_assert_msg(!herd_late(deadline), "others had to wait");
}

/* Who asks waits; nobody else does. */
static void check_others_meanwhile(struct near *n)
{
	check_others_at_once(n);
	near_check_waits(n->client);
	near_leave(n);
	near_check_others(n);
}

/* A provider that nobody can talk to. */
static void check_stall_at(int design, const char *url)
{
	const char *what = "no connection";
	struct near n;
	int64_t now;

	up(&n, design, FOREVER, url);
	near_ask(&n, "WHATSAT kiwi 10 5");
	check_others_meanwhile(&n);
	near_free(&n);
	up(&n, design, TIMEOUT, url);
	now = herd_monotonic_ns();
	near_ask(&n, "WHATSAT kiwi 10 5");
	expect_late_excuse(&n, n.client, now, what);
	near_check_others(&n);
	/* The server at its stop does not wait for it either. */
	near_ask(&n, "WHATSAT kiwi 20 5");
	near_leave(&n);
	near_check_others(&n);
	near_free(&n);
}

static void check_silence_at(
	int design, const char *scheme, const struct sockaddr_in *at)
{
	char url[128];

	snprintf(url, sizeof url, "url = \"%s://127.0.0.1:%" PRIu16 "/\";",
		scheme, ntohs(at->sin_port));
	check_stall_at(design, url);
}

/* The kernel holds one connection for this socket; further ones get no answer
 * as long as that is not accepted. */
START_TEST(while_connecting)
{
	enum {
		ENOUGH = 4
	};
	struct sockaddr_in at;
	int fd = listening_socket(0, &at);
	int waiting[ENOUGH];

	for (int i = 0; i < ENOUGH; i++) {
		waiting[i] = socket(
			AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&at, sizeof at);
	}
	check_silence_at(_i, "http", &at);
	for (int i = 0; i < ENOUGH; i++)
		close(waiting[i]);
	close(fd);
}
END_TEST

/* Connections are accepted by the kernel, and nobody says a word. */
START_TEST(in_the_tls_handshake)
{
	struct sockaddr_in at;
	int fd = listening_socket(16, &at);

	check_silence_at(_i, "https", &at);
	close(fd);
}
END_TEST

/* Sanitizers want to be loaded first. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#	define CAN_PRELOAD false
#else
#	define CAN_PRELOAD true
#endif

/* Whoever looks the name up may never come back: nobody waits for him, the
 * server at its stop included. */
START_TEST(while_its_name_is_looked_up)
{
	const char *slow_names = getenv("HERD_SLOW_NAMES");

	if (!CAN_PRELOAD || !slow_names)
		return;
	setenv("LD_PRELOAD", slow_names, 1);
	check_stall_at(_i, "url = \"http://slow.test/\";");
	unsetenv("LD_PRELOAD");
}
END_TEST

/* A thread each would be a thread for everybody who asks. */
START_TEST(many_wait_for_its_name)
{
	const char *slow_names = getenv("HERD_SLOW_NAMES");
	struct client *clients[4];
	size_t threads;
	struct near n;

	if (!CAN_PRELOAD || !slow_names)
		return;
	setenv("LD_PRELOAD", slow_names, 1);
	up(&n, _i, FOREVER, "url = \"http://slow.test/\";");
	unsetenv("LD_PRELOAD");
	threads = herd_threads(n.h, "Goloman");
	for (size_t i = 0; i < HERD_COUNT(clients); i++) {
		clients[i] = client_open(n.h, "Goloman");
		for (size_t km = 1; km <= 25; km++)
			client_send(clients[i],
				herd_printf(n.h, "WHATSAT kiwi %zu.%zu 5\n", km,
					i));
	}
	for (size_t i = 0; i < HERD_COUNT(clients); i++)
		near_check_waits(clients[i]);
	check_others_at_once(&n);
	ck_assert_uint_le(herd_threads(n.h, "Goloman"), threads + 20);
	for (size_t i = 0; i < HERD_COUNT(clients); i++)
		client_reset(clients[i]);
	near_free(&n);
}
END_TEST

/* Eight of its addresses refuse, the ninth answers. */
START_TEST(one_of_several_addresses)
{
	const char *slow_names = getenv("HERD_SLOW_NAMES");
	struct provider_double *provider;
	char places[64];
	struct near n;

	if (!CAN_PRELOAD || !slow_names)
		return;
	provider = double_new();
	snprintf(places, sizeof places,
		"url = \"http://several.test:%" PRIu16 "/\";",
		double_port(provider));
	setenv("LD_PRELOAD", slow_names, 1);
	up(&n, _i, FOREVER, places);
	unsetenv("LD_PRELOAD");
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(provider), 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_free(&n);
	double_free(provider);
}
END_TEST

/* --- in the middle -------------------------------------------------------- */

#define OK         "HTTP/1.1 200 OK\r\n"
#define OK_CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

/* What the provider says before it falls silent. */
static const char *const beginnings[] = {
	"",
	"HTTP",
	OK,
	OK "Content-Length: 2\r",
	"HTTP/1.1 100 Continue\r\n\r\n",
	OK "Content-Length: 2\r\n\r\n",
	OK "Content-Length: 2\r\n\r\n{",
	/* All that is needed, but not all that was announced. */
	OK "Content-Length: 3\r\n\r\n{}",
	OK "\r\n{}",
	OK_CHUNKED,
	OK_CHUNKED "2\r\n{}\r\n",
	OK_CHUNKED "2\r\n{}\r\n0\r\nTrailer: x\r\n",
};

/* All at the same time: number i asks about i + 1 kilometres. */
static struct client *ask_kilometres(struct near *n, size_t i)
{
	struct client *c = client_open(n->h, "Goloman");

	client_send(c, herd_printf(n->h, "WHATSAT kiwi %zu 5\n", i + 1));
	return c;
}

static size_t kilometres_of(const struct asked *a)
{
	const char *radius = strstr(a->target, "radius=");

	ck_assert_ptr_nonnull(radius);
	return strtoul(radius + strlen("radius="), NULL, 10) / 1000;
}

START_TEST(in_the_middle_of_answers)
{
	struct client *clients[HERD_COUNT(beginnings)];
	struct near n;

	up(&n, _i, FOREVER, "");
	for (size_t i = 0; i < HERD_COUNT(beginnings); i++) {
		clients[i] = ask_kilometres(&n, i);
		asked_say(double_await(n.provider), beginnings[i]);
	}
	check_others_at_once(&n);
	near_check_good(&n);
	for (size_t i = 0; i < HERD_COUNT(beginnings); i++)
		near_check_waits(clients[i]);
	for (size_t i = 0; i < HERD_COUNT(beginnings); i++)
		client_reset(clients[i]);
	double_await_cancelled(n.provider, HERD_COUNT(beginnings));
	near_check_good(&n);
	near_free(&n);
}
END_TEST

START_TEST(in_the_middle_for_too_long)
{
	struct client *clients[HERD_COUNT(beginnings)];
	int64_t asked[HERD_COUNT(beginnings)];
	struct near n;
	struct asked *a;

	up(&n, _i, TIMEOUT, "");
	for (size_t i = 0; i < HERD_COUNT(beginnings); i++) {
		asked[i] = herd_monotonic_ns();
		clients[i] = ask_kilometres(&n, i);
	}
	for (size_t i = 0; i < HERD_COUNT(beginnings); i++) {
		while ((a = near_asked(&n, clients[i])))
			(void)asked_try(
				a, text_of(beginnings[kilometres_of(a) - 1]));
		expect_late_excuse(&n, clients[i], asked[i], beginnings[i]);
		client_close(clients[i]);
	}
	double_await_cancelled(n.provider, double_requests(n.provider));
	near_await_good(&n);
	near_free(&n);
}
END_TEST

/* As long as the provider is heard, and the client has no answer. */
static void say_bit_by_bit(struct asked *a, struct client *c)
{
	struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
	bool heard = asked_try(a, text_of(OK_CHUNKED "1\r\n{\r\n"));
	unsigned tries = 0;

	while (heard && poll(&p, 1, 0) == 0) {
		heard = asked_try(a, text_of("1\r\n \r\n"));
		herd_back_off(&tries);
	}
}

/* An answer that comes bit by bit is in time only as a whole. */
START_TEST(bit_by_bit)
{
	struct near n;
	struct asked *a;
	int64_t now;

	up(&n, _i, TIMEOUT, "");
	now = herd_monotonic_ns();
	near_ask(&n, "WHATSAT kiwi 10 5");
	while ((a = near_asked(&n, n.client)))
		say_bit_by_bit(a, n.client);
	expect_late_excuse(&n, n.client, now, "bit by bit");
	near_await_good(&n);
	near_free(&n);
}
END_TEST

/* --- without an end ------------------------------------------------------- */

#define OK_GZIP "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08"

/* "{ " and 258 spaces; then 2064 spaces, again and again: 13 bytes of fixed
 * Huffman codes, which end where they began within a byte. */
#define GZIP_START  OK_GZIP "\0\0\0\0\0\0\x03\xaa\x56\x18\x05"
#define GZIP_SPACES "\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x28\x18\x05"

#define BYTES(literal)                                                         \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

/* Floods, and whether they end because they are too long or too late. */
static const struct {
	struct text start, rest;
	bool late;
} floods[] = {
	{BYTES(OK "\r\n{"), BYTES(" "), false},
	{BYTES(OK "Content-Length: 9999999999\r\n\r\n{"), BYTES(" "), false},
	{BYTES(OK_CHUNKED), BYTES("4\r\n    \r\n"), false},
	{BYTES(OK), BYTES("X: y\r\n"), false},
	{BYTES(OK "X: "), BYTES("y"), false},
	{BYTES("HTTP/1.1 "), BYTES("1"), false},
	{BYTES(""), BYTES("HTTP/1.1 100 Continue\r\n\r\n"), false},
	{BYTES(OK_CHUNKED "2\r\n{}\r\n0\r\n"), BYTES("X: y\r\n"), false},
	{BYTES(GZIP_START), BYTES(GZIP_SPACES), false},
	/* What curl reads without a word to herdd. */
	{BYTES(OK_CHUNKED "2;x="), BYTES("y"), true},
	{BYTES(OK_GZIP "\x08\0\0\0\0\0\x03"), BYTES("name"), true},
};

static struct asked *start_flood(struct near *n, size_t i)
{
	struct asked *a;

	near_ask(n, "WHATSAT kiwi 10 5");
	a = double_await(n->provider);
	asked_say_bytes(a, floods[i].start);
	asked_flood(a, floods[i].rest);
	check_others_at_once(n);
	return a;
}

/* What is not noticed in time fails by the patience of tests. */
START_TEST(endless_answers_are_too_long)
{
	struct near n;

	up(&n, _i, FOREVER, "");
	for (size_t i = 0; i < HERD_COUNT(floods); i++) {
		const char *what = herd_printf(n.h, "flood %zu", i);
		struct asked *a;

		if (floods[i].late)
			continue;
		a = start_flood(&n, i);
		near_expect_excuse(n.h, n.client, n.at, what);
		asked_flood_ends(a);
		near_check_good(&n);
	}
	near_free(&n);
}
END_TEST

START_TEST(endless_answers_go_on)
{
	struct near n;

	up(&n, _i, FOREVER, "");
	for (size_t i = 0; i < HERD_COUNT(floods); i++) {
		struct asked *a;

		if (!floods[i].late)
			continue;
		a = start_flood(&n, i);
		near_check_waits(n.client);
		near_leave(&n);
		asked_flood_ends(a);
		near_check_good(&n);
	}
	near_free(&n);
}
END_TEST

static void check_late_flood(struct near *n, size_t i)
{
	int64_t now = herd_monotonic_ns();
	struct asked *a;
	struct asked *flooding = NULL;

	near_ask(n, "WHATSAT kiwi 10 5");
	while ((a = near_asked(n, n->client))) {
		if (!asked_try(a, floods[i].start))
			continue;
		asked_flood(a, floods[i].rest);
		flooding = a;
	}
	expect_late_excuse(
		n, n->client, now, herd_printf(n->h, "flood %zu", i));
	if (flooding)
		asked_flood_ends(flooding);
	near_await_good(n);
}

START_TEST(endless_answers_are_too_late)
{
	struct near n;

	up(&n, _i, TIMEOUT, "");
	for (size_t i = 0; i < HERD_COUNT(floods); i++)
		if (floods[i].late)
			check_late_flood(&n, i);
	near_free(&n);
}
END_TEST

/* The longest answer there is. */
START_TEST(a_mebibyte)
{
	enum {
		MEBIBYTE = 1048576
	};
	static char json[MEBIBYTE + 2];
	struct near n;
	struct text got;

	memset(json, ' ', sizeof json - 1);
	memcpy(json, "{\"a\":\"", 6);
	json[MEBIBYTE - 2] = '"';
	json[MEBIBYTE - 1] = '}';
	json[MEBIBYTE] = '\0';
	json[MEBIBYTE + 1] = '\0';
	up(&n, _i, FOREVER, "");
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, json);
	ck_assert_str_eq(client_line(n.client), n.at);
	got = client_bytes(n.client, MEBIBYTE + 2);
	ck_assert(!memcmp(got.ptr, json, MEBIBYTE));
	ck_assert(!memcmp(got.ptr + MEBIBYTE, "\n\n", 2));
	json[MEBIBYTE] = ' ';
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, json);
	near_expect_excuse(n.h, n.client, n.at, "a byte too much");
	near_check_good(&n);
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, while_its_name_is_looked_up);
	herd_add_test(tcase, many_wait_for_its_name);
	herd_add_test(tcase, one_of_several_addresses);
	herd_add_test(tcase, while_connecting);
	herd_add_test(tcase, in_the_tls_handshake);
	herd_add_test(tcase, in_the_middle_of_answers);
	herd_add_test(tcase, in_the_middle_for_too_long);
	herd_add_test(tcase, bit_by_bit);
	herd_add_test(tcase, endless_answers_are_too_long);
	herd_add_test(tcase, endless_answers_go_on);
	herd_add_test(tcase, endless_answers_are_too_late);
	herd_add_test(tcase, a_mebibyte);
}

int main(void)
{
	return herd_main("d_stalls", add_tests, 60);
}
