/* d_places - WHATSAT answered by a provider of the legacy form: what it is
 * asked, and its very bytes in the answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "near.h"

#define KEY "secret-key"

static void up(struct near *n, int design, const char *key)
{
	near_up(n, &(struct herd_setup){.design = herd_design(design)}, key);
}

/* --- the question --------------------------------------------------------- */

START_TEST(the_request)
{
	struct near n;
	struct asked *a;

	up(&n, _i, KEY "\n");
	near_ask(&n, "WHATSAT kiwi 10 5");
	a = double_await(n.provider);
	ck_assert_str_eq(a->method, "GET");
	ck_assert_str_eq(a->target,
		NEAR_PATH "?location=34.068930,-118.445127&radius=10000"
			  "&key=" KEY);
	ck_assert_ptr_null(strchr(a->target, '+'));
	ck_assert_uint_eq(a->body.len, 0);
	ck_assert_str_eq(
		asked_header(a, "Host"), herd_printf(n.h, "127.0.0.1:%" PRIu16,
						 double_port(n.provider)));
	ck_assert_ptr_null(asked_header(a, "X-Goog-Api-Key"));
	ck_assert_ptr_null(asked_header(a, "X-Goog-FieldMask"));
	asked_answer(a, 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_free(&n);
}
END_TEST

/* What clients write, and what the provider is asked. */
static const struct {
	const char *location, *radius;
	const char *query;
} questions[] = {
	{"+34.068930-118.445127", "10", "34.068930,-118.445127&radius=10000"},
	{"-34.5+118.25", "50", "-34.5,118.25&radius=50000"},
	{"+34-118", "0.5", "34,-118&radius=500"},
	{"+5.0-118.", "1.5", "5.0,-118&radius=1500"},
	{"+0034.50-000118.0/", "007", "34.50,-118.0&radius=7000"},
	{"+0+0", "0.0001", "0,0&radius=0.1"},
	{"+90-180", "49.999", "90,-180&radius=49999"},
};

START_TEST(questions_of_all_forms)
{
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(questions); i++) {
		const char *id = herd_printf(n.h, "k%zu", i);
		const char *at = herd_iamat(
			n.h, "Goloman", id, questions[i].location, "5");
		struct asked *a;

		near_ask(&n, herd_printf(n.h, "WHATSAT %s %s 20", id,
				     questions[i].radius));
		a = double_await(n.provider);
		ck_assert_str_eq(
			a->target, herd_printf(n.h, NEAR_PATH "?location=%s",
					   questions[i].query));
		asked_answer(a, 200, NEAR_GOOD);
		near_expect(n.h, n.client, at, NEAR_GOOD);
	}
	near_free(&n);
}
END_TEST

/* A URL may have parameters of its own, a key characters that URLs lack. */
START_TEST(url_and_key_with_punctuation)
{
	struct provider_double *provider = double_new();
	char places[256];
	struct herd *h;
	struct client *c;
	struct asked *a;
	const char *at;

	snprintf(places, sizeof places,
		"url = \"http://127.0.0.1:%" PRIu16 "/a%%20b?language=de\";"
		"key_file = \"key\";",
		double_port(provider));
	h = herd_new(&(struct herd_setup){
		.design = herd_design(_i), .places = places});
	herd_write(h, "key", "K/y+&=#?\"~");
	herd_start_all(h);
	at = herd_iamat(h, "Goloman", "kiwi", "+1-2", "5");
	c = client_open(h, "Goloman");
	client_send(c, "WHATSAT kiwi 1 1\n");
	a = double_await(provider);
	ck_assert_str_eq(a->target,
		"/a%20b?language=de&location=1,-2&radius=1000"
		"&key=K%2Fy%2B%26%3D%23%3F%22~");
	asked_answer(a, 200, NEAR_GOOD);
	near_expect(h, c, at, NEAR_GOOD);
	client_close(c);
	herd_free(h);
	double_free(provider);
}
END_TEST

/* Nobody needs to be asked for that. */
START_TEST(nothing_to_ask)
{
	struct near n;

	up(&n, _i, KEY);
	near_ask(&n, "WHATSAT kiwi 0 5\nWHATSAT kiwi 10 0\nWHATSAT kiwi 0.0 0\n"
		     "WHATSAT plum 10 5\nWHATSAT kiwi 50.1 5\n"
		     "WHATSAT kiwi 10 21\n WHATSAT  kiwi\t10 ");
	client_finish(n.client);
	ck_assert_str_eq(client_rest(n.client).ptr,
		herd_printf(n.h,
			"%s" HERD_NOTHING "%s" HERD_NOTHING "%s" HERD_NOTHING
			"? WHATSAT plum 10 5\n? WHATSAT kiwi 50.1 5\n"
			"? WHATSAT kiwi 10 21\n? WHATSAT  kiwi\t10\n",
			n.at, n.at, n.at));
	ck_assert_uint_eq(double_connections(n.provider), 0);
	near_free(&n);
}
END_TEST

START_TEST(nobody_to_ask)
{
	static const char *const places[] = {NULL, "provider = \"google\";"};

	for (size_t i = 0; i < HERD_COUNT(places); i++) {
		struct herd *h = herd_up(&(struct herd_setup){
			.design = herd_design(_i),
			.places = places[i],
		});
		struct client *c = client_open(h, "Goloman");
		const char *at = herd_iamat(h, "Goloman", "kiwi", "+1-2", "5");

		client_send(c, "WHATSAT kiwi 10 5\nhello\n");
		near_expect_excuse(h, c, at, "nobody to ask");
		ck_assert_str_eq(client_line(c), "? hello");
		client_close(c);
		herd_free(h);
	}
}
END_TEST

/* --- the answer ----------------------------------------------------------- */

/* The whole answer to a question, every byte of it, the provider having sent
 * these. */
static const char *answer_of(
	struct near *n, const char *question, const char *json)
{
	struct client *c = client_open(n->h, "Goloman");
	struct text answer;

	client_send(c, herd_printf(n->h, "%s\n", question));
	client_finish(c);
	asked_answer(double_await(n->provider), 200, json);
	answer = herd_keep(n->h, client_rest(c));
	client_close(c);
	return answer.ptr;
}

#define FIRST  "{ \"name\":\"a]\",\"n\" :[1, 2 ,[{}]]}"
#define SECOND "\"\\\"}]\xc3\xa9\""
#define THIRD  "\t{\n\"name\" : \"c\"}"

START_TEST(cut_to_the_bound)
{
	static const char start[] = " {\"status\":\"OK\" ,\"results\":[ " FIRST;
	static const char end[] = "\n ] , \"more\":{\"results\":[1,2,3]}}\t";
	struct near n;
	const char *json;

	up(&n, _i, NULL);
	json = herd_printf(
		n.h, "%s\r\n , " SECOND " ,\n" THIRD "%s", start, end);
	ck_assert_str_eq(answer_of(&n, "WHATSAT kiwi 1 1", json),
		herd_printf(n.h, "%s\n%s%s\n\n", n.at, start, end));
	ck_assert_str_eq(answer_of(&n, "WHATSAT kiwi 1 2", json),
		herd_printf(n.h, "%s\n%s\r\n , " SECOND "%s\n\n", n.at, start,
			end));
	ck_assert_str_eq(answer_of(&n, "WHATSAT kiwi 1 3", json),
		herd_printf(n.h, "%s\n%s\n\n", n.at, json));
	ck_assert_str_eq(answer_of(&n, "WHATSAT kiwi 1 20", json),
		herd_printf(n.h, "%s\n%s\n\n", n.at, json));
	near_free(&n);
}
END_TEST

START_TEST(runs_of_line_feeds)
{
	struct near n;

	up(&n, _i, NULL);
	ck_assert_str_eq(
		answer_of(&n, "WHATSAT kiwi 1 1",
			"\n\n{\n\n\n\"results\":\n[\n\n],\r\n\r\n\"status\":"
			"\"\\n\\n\"\n\n}\n\n\n"),
		herd_printf(n.h,
			"%s\n\n{\n\"results\":\n[\n],\r\n\r\n\"status\":"
			"\"\\n\\n\"\n}\n\n",
			n.at));
	ck_assert_str_eq(answer_of(&n, "WHATSAT kiwi 1 1", "{}\r\n"),
		herd_printf(n.h, "%s\n{}\r\n\n", n.at));
	near_free(&n);
}
END_TEST

/* Legacy errors are of status 200; another status changes nothing, as long as
 * what comes is an object. */
START_TEST(errors_in_the_providers_own_bytes)
{
	static const unsigned statuses[] = {
		200, 201, 400, 401, 403, 404, 429, 500, 502, 503, 599};
	static const char *const words[] = {"OVER_QUERY_LIMIT",
		"REQUEST_DENIED", "INVALID_REQUEST", "ZERO_RESULTS",
		"UNKNOWN_ERROR", "no such status"};
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(statuses); i++) {
		const char *json = herd_printf(n.h,
			"{ \"error_message\":\"%u\",\"results\":[ ] ,\n"
			"\"status\":\"%s\"}",
			statuses[i], words[i % HERD_COUNT(words)]);

		near_ask(&n, "WHATSAT kiwi 10 1");
		asked_answer(double_await(n.provider), statuses[i], json);
		near_expect(n.h, n.client, n.at, json);
	}
	near_free(&n);
}
END_TEST

/* Any object is passed on: what is to be cut need not be there. */
START_TEST(objects_without_results)
{
	static const char *const objects[] = {"{}", "{\"results\":{}}",
		"{\"results\":null,\"status\":5}", "{\"Results\":[1,2,3]}",
		"{\"a\":{\"results\":[1,2]}}", "{\"\":[]}"};
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(objects); i++) {
		near_ask(&n, "WHATSAT kiwi 10 1");
		asked_answer(double_await(n.provider), 200, objects[i]);
		near_expect(n.h, n.client, n.at, objects[i]);
	}
	near_free(&n);
}
END_TEST

/* --- HTTP ----------------------------------------------------------------- */

#define CHUNKED                                                                \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"                \
	"1\r\n{\r\na;x=\"y\"\r\n\"status\":5\r\n1\r\n}\r\n0\r\nTrailer: z\r\n" \
	"\r\n"

/* Answers of all the forms that HTTP/1 has, each in one piece and then byte by
 * byte. */
static const char *const replies[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"status\":5}",
	"HTTP/1.1 200\r\ncontent-length:12\r\nX: y\r\n\r\n{\"status\":5}",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n"
	"\r\nHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"status\":5}",
	CHUNKED,
	/* Up to the end of the connection. */
	"HTTP/1.0 200 OK\r\n\r\n{\"status\":5}",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":5}",
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
	"Content-Length: 12\r\n\r\n{\"status\":5}",
};

START_TEST(replies_of_all_forms)
{
	struct near n;

	up(&n, _i, NULL);
	for (size_t i = 0; i < HERD_COUNT(replies) * 2; i++) {
		const char *reply = replies[i / 2];
		struct asked *a;

		near_ask(&n, "WHATSAT kiwi 10 1");
		a = double_await(n.provider);
		if (i % 2)
			for (; *reply; reply++)
				asked_say_bytes(a, (struct text){reply, 1});
		else
			asked_say(a, reply);
		if (!strstr(replies[i / 2], "Length: ") &&
			replies[i / 2] != replies[3])
			asked_close(a);
		near_expect(n.h, n.client, n.at, "{\"status\":5}");
	}
	near_free(&n);
}
END_TEST

/* One connection serves many questions. */
START_TEST(connections_are_kept)
{
	struct near n;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i), .general = "workers = 1;"},
		NULL);
	for (int i = 0; i < 20; i++)
		near_check_good(&n);
	ck_assert_uint_eq(double_connections(n.provider), 1);
	near_free(&n);
}
END_TEST

/* A kept connection may be closed at any time: that is no failure. */
START_TEST(a_kept_connection_closes)
{
	struct near n;
	struct asked *first;
	struct asked *second;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i), .general = "workers = 1;"},
		NULL);
	near_ask(&n, "WHATSAT kiwi 10 1");
	first = double_await(n.provider);
	asked_answer(first, 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	asked_close(first);
	near_check_good(&n);
	/* With the question already on its way. */
	near_ask(&n, "WHATSAT kiwi 11 1");
	second = double_await(n.provider);
	asked_reset(second);
	asked_answer(double_await(n.provider), 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_free(&n);
}
END_TEST

/* What comes when nothing was asked is no answer to the next question. */
START_TEST(a_kept_connection_says_more)
{
	static const char *const more[] = {
		"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"a\": \"b\"} ",
		"x",
	};
	struct near n;
	struct asked *a;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i), .general = "workers = 1;"},
		NULL);
	for (size_t i = 0; i < HERD_COUNT(more); i++) {
		near_ask(&n, "WHATSAT kiwi 10 1");
		a = double_await(n.provider);
		asked_answer(a, 200, NEAR_GOOD);
		near_expect(n.h, n.client, n.at, NEAR_GOOD);
		asked_say(a, more[i]);
	}
	near_check_good(&n);
	ck_assert_uint_eq(double_connections(n.provider), HERD_COUNT(more) + 1);
	near_free(&n);
}
END_TEST

START_TEST(through_a_proxy)
{
	struct provider_double *proxy = double_new();
	char places[256];
	struct near n;
	struct asked *a;

	snprintf(places, sizeof places,
		"url = \"http://places.test:81/x\"; "
		"proxy = \"http://127.0.0.1:%" PRIu16 "\";",
		double_port(proxy));
	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i), .places = places},
		NULL);
	near_ask(&n, "WHATSAT kiwi 10 5");
	a = double_await(proxy);
	ck_assert_str_eq(a->target, "http://places.test:81/x?location=34.068930"
				    ",-118.445127&radius=10000");
	ck_assert_str_eq(asked_header(a, "Host"), "places.test:81");
	asked_answer(a, 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_free(&n);
	double_free(proxy);
}
END_TEST

START_TEST(no_proxy_of_the_environment)
{
	static const char *const names[] = {
		"http_proxy", "all_proxy", "ALL_PROXY"};
	struct near n;

	for (size_t i = 0; i < HERD_COUNT(names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	up(&n, _i, NULL);
	near_check_good(&n);
	near_free(&n);
	for (size_t i = 0; i < HERD_COUNT(names); i++)
		unsetenv(names[i]);
}
END_TEST

/* --- the herd ------------------------------------------------------------- */

/* Whichever server is asked, the AT line is of the one that was told; each asks
 * the provider itself. */
START_TEST(asked_at_another_server)
{
	struct near n;
	struct client *c;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i), .topology = "Goloman-Hands"},
		NULL);
	herd_wait_known(n.h, "Hands", "kiwi", n.at);
	c = client_open(n.h, "Hands");
	near_ask(&n, "WHATSAT kiwi 10 5");
	client_send(c, "WHATSAT kiwi 10 5\n");
	asked_answer(double_await(n.provider), 200, NEAR_GOOD);
	asked_answer(double_await(n.provider), 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_expect(n.h, c, n.at, NEAR_GOOD);
	client_close(c);
	near_free(&n);
}
END_TEST

/* Every worker asks for its own clients, on connections of its own. */
START_TEST(several_workers)
{
	enum {
		CLIENTS = 12,
		ROUNDS = 10
	};
	struct client *clients[CLIENTS];
	struct near n;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i), .general = "workers = 3;"},
		NULL);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = client_open(n.h, "Goloman");
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++)
			client_send(clients[i],
				herd_printf(n.h, "WHATSAT kiwi %d.%d 5\n",
					1 + i, round));
		for (int i = 0; i < CLIENTS; i++) {
			struct asked *a = double_await(n.provider);
			const char *radius = strstr(a->target, "&radius=");

			asked_answer(a, 200,
				herd_printf(n.h, "{\"s\":\"%s\"}", radius));
		}
		for (int i = 0; i < CLIENTS; i++)
			near_expect(n.h, clients[i], n.at,
				herd_printf(n.h, "{\"s\":\"&radius=%d\"}",
					1000 * (1 + i) + 100 * round));
	}
	ck_assert_uint_eq(double_requests(n.provider), CLIENTS * ROUNDS);
	ck_assert_uint_le(double_connections(n.provider), CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		client_close(clients[i]);
	near_free(&n);
}
END_TEST

/* ThreadSanitizer runs one of its own in every process. */
#ifdef __SANITIZE_THREAD__
#	define SANITIZER_THREADS 1
#else
#	define SANITIZER_THREADS 0
#endif

/* Whoever asks the provider needs no thread for it. */
START_TEST(count_of_threads)
{
	struct near n;
	size_t before;

	up(&n, _i, NULL);
	before = herd_threads(n.h, "Goloman");
	near_ask(&n, "WHATSAT kiwi 10 5");
	double_await(n.provider);
	ck_assert_uint_eq(herd_threads(n.h, "Goloman"), before);
	if (!strcmp(herd_design(_i), "single"))
		ck_assert_uint_eq(before, 1 + SANITIZER_THREADS);
	client_reset(n.client);
	n.client = client_open(n.h, "Goloman");
	near_check_good(&n);
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, the_request);
	herd_add_test(tcase, questions_of_all_forms);
	herd_add_test(tcase, url_and_key_with_punctuation);
	herd_add_test(tcase, nothing_to_ask);
	herd_add_test(tcase, nobody_to_ask);
	herd_add_test(tcase, cut_to_the_bound);
	herd_add_test(tcase, runs_of_line_feeds);
	herd_add_test(tcase, errors_in_the_providers_own_bytes);
	herd_add_test(tcase, objects_without_results);
	herd_add_test(tcase, replies_of_all_forms);
	herd_add_test(tcase, connections_are_kept);
	herd_add_test(tcase, a_kept_connection_closes);
	herd_add_test(tcase, a_kept_connection_says_more);
	herd_add_test(tcase, through_a_proxy);
	herd_add_test(tcase, no_proxy_of_the_environment);
	herd_add_test(tcase, asked_at_another_server);
	herd_add_test(tcase, several_workers);
	herd_add_test(tcase, count_of_threads);
}

int main(void)
{
	return herd_main("d_places", add_tests, 30);
}
