/* p_places_server - herd-places over real HTTP and HTTPS: both services, many
 * at a time, failing on demand, and how it starts and stops. */
#include <check.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "herd_proc.h"
#include "places_client.h"

#define CAMPUS "location=34.068930,-118.445127"
#define BODY                                                                   \
	"{\"locationRestriction\": {\"circle\": {\"center\": {\"latitude\": "  \
	"34.068930, \"longitude\": -118.445127}, \"radius\": 10000}}}"

/* --- both services -------------------------------------------------------- */

static void check_campus(const struct reply *r, const char *name_format)
{
	static const char *const names[] = {
		"Bel Air", "Westwood", "Beverly Hills", "Studio City"};
	const char *before = r->body;
	char text[64];

	for (size_t i = 0; i < HERD_COUNT(names); i++) {
		snprintf(text, sizeof text, "%s\"%s\"", name_format, names[i]);
		before = strstr(before, text);
		ck_assert_msg(before, "%s missing, or not in order", names[i]);
	}
}

START_TEST(answers_legacy)
{
	const struct reply *r;

	START_WITH_DATA("--log");
	r = places_get(PLACES_LEGACY CAMPUS "&radius=10000&key=secret");
	places_check_json(r, 200);
	places_check_has(
		r, "{\n   \"html_attributions\" : [],\n   \"results\" : [\n");
	places_check_has(r, "\n   ],\n   \"status\" : \"OK\"\n}\n");
	ck_assert_uint_eq(herd_count(r->body, "\"place_id\" : "), 15);
	check_campus(r, "\"name\" : ");
	r = places_get(PLACES_LEGACY CAMPUS "&radius=50000");
	ck_assert_uint_eq(herd_count(r->body, "\"place_id\" : "), 20);
	r = places_get(PLACES_LEGACY "location=-60,-30&radius=50000");
	ck_assert_str_eq(r->body, "{\n   \"html_attributions\" : [],\n"
				  "   \"results\" : [],\n"
				  "   \"status\" : \"ZERO_RESULTS\"\n}\n");
	/* As a form, a plus sign means a space. */
	r = places_get(PLACES_LEGACY "location=+34,-118&radius=10");
	places_check_has(r, "INVALID_REQUEST");
	r = places_get(PLACES_LEGACY "location=%2B34%2C-118&radius=10");
	places_check_has(r, "ZERO_RESULTS");
	ck_assert_uint_eq(
		herd_count(places_said(places_server.out), " us\n"), 5);
	ck_assert_ptr_nonnull(strstr(places_said(places_server.out),
		"GET /maps/api/place/nearbysearch/json 34.06893,-118.44513 "
		"10000 m: 200, 15 places, "));
	ck_assert_ptr_null(strstr(places_said(places_server.out), "secret"));
	places_stop();
}
END_TEST

START_TEST(answers_new)
{
	const struct reply *r;

	START_WITH_DATA("--log");
	r = places_post(MASK("places.displayName,places.location"), BODY);
	places_check_json(r, 200);
	places_check_has(
		r, "{\n  \"places\": [\n    {\n      \"location\": {\n");
	ck_assert_uint_eq(herd_count(r->body, "\"latitude\": "), 15);
	ck_assert_uint_eq(herd_count(r->body, "\"id\": "), 0);
	check_campus(r, "\"text\": ");
	r = places_post(MASK("places.id"),
		"{\"maxResultCount\": 3, \"locationRestriction\": {\"circle\": "
		"{\"center\": {\"latitude\": 48.86, \"longitude\": 2.35}, "
		"\"radius\": 5000.0}}}");
	places_check_json(r, 200);
	ck_assert_uint_eq(herd_count(r->body, "\"id\": "), 3);
	r = places_post((const char *const[]){NULL}, BODY);
	places_check_json(r, 400);
	places_check_has(r, "\"status\": \"INVALID_ARGUMENT\"");
	ck_assert_uint_eq(
		herd_count(places_said(places_server.out), " us\n"), 3);
	places_stop();
}
END_TEST

START_TEST(serves_https)
{
	START_WITH_DATA("--cert", places_source("tests/tls/server.pem"),
		"--key", places_source("tests/tls/server-key.pem"));
	ck_assert_int_eq(strncmp(places_server.url, "https://", 8), 0);
	check_campus(places_get(PLACES_LEGACY CAMPUS "&radius=10000"),
		"\"name\" : ");
	check_campus(
		places_post(MASK("places.displayName"), BODY), "\"text\": ");
	places_stop();
}
END_TEST

START_TEST(serves_points_of_ones_own)
{
	START("--geojson",
		places_write("points.json",
			"{\"type\": \"FeatureCollection\", \"features\": ["
			"{\"type\": \"Feature\", \"geometry\": {\"type\": "
			"\"Point\", \"coordinates\": [-118.4452, 34.069]}, "
			"\"properties\": {\"name\": \"Café <1>\"}}]}"));
	places_check_has(places_get(PLACES_LEGACY CAMPUS "&radius=100"),
		"\"name\" : \"Café \\u003c1\\u003e\"");
	places_check_has(places_get(PLACES_LEGACY CAMPUS "&radius=100"),
		"\"types\" : [ \"point_of_interest\", \"establishment\" ]");
	places_check_has(
		places_get(PLACES_LEGACY CAMPUS "&radius=1"), "ZERO_RESULTS");
	places_stop();
}
END_TEST

START_TEST(asks_for_the_key)
{
	START_WITH_DATA("--api-key-file", places_write("key", "right\n"));
	places_check_has(places_get(PLACES_LEGACY CAMPUS "&radius=10000"),
		"REQUEST_DENIED");
	places_check_has(
		places_get(PLACES_LEGACY CAMPUS "&radius=10000&key=wrong"),
		"REQUEST_DENIED");
	places_check_has(
		places_get(PLACES_LEGACY CAMPUS "&radius=10000&key=right"),
		"\"OK\"");
	places_check_json(places_post(MASK("*"), BODY), 403);
	places_check_json(places_post(KEY("wrong", "*"), BODY), 400);
	places_check_json(places_post(KEY("right", "*"), BODY), 200);
	places_stop();
}
END_TEST

START_TEST(fails_on_demand)
{
	START_WITH_DATA("--fail", "429");
	places_check_json(
		places_get(PLACES_LEGACY CAMPUS "&radius=10000"), 429);
	places_check_has(places_get(PLACES_LEGACY CAMPUS "&radius=10000"),
		"OVER_QUERY_LIMIT");
	places_check_json(places_post(MASK("*"), BODY), 429);
	places_check_has(places_post(MASK("*"), BODY), "RESOURCE_EXHAUSTED");
	places_check_json(places_get("/"), 429);
	places_stop();
}
END_TEST

START_TEST(knows_no_other_page)
{
	static char large[100000];
	const struct reply *r;

	START_WITH_DATA("--log");
	r = places_get("/a%0Ab");
	places_check_json(r, 404);
	places_check_has(r, "\"status\": \"NOT_FOUND\"");
	ck_assert_ptr_nonnull(
		strstr(places_said(places_server.out), "GET /a\\x0ab: 404"));
	places_check_json(places_get(PLACES_NEW), 404);
	memset(large, ' ', sizeof large - 1);
	places_check_json(places_post(MASK("*"), large), 413);
	places_stop();
}
END_TEST

/* --- many, slow and rude clients ------------------------------------------ */

#define MANY     200
#define DELAY_MS 300

static size_t count_threads(void)
{
	char path[64];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)places_server.pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* All at once; how many answers were good. */
static size_t perform_all(CURLM *multi)
{
	size_t good = 0;
	int running = 1;
	int left;
	CURLMsg *message;

	while (running) {
		ck_assert_int_eq(curl_multi_perform(multi, &running), CURLM_OK);
		if (running)
			curl_multi_poll(multi, NULL, 0, 100, NULL);
		while ((message = curl_multi_info_read(multi, &left))) {
			CURL *curl = message->easy_handle;

			ck_assert_int_eq(message->data.result, CURLE_OK);
			curl_multi_remove_handle(multi, curl);
			curl_easy_cleanup(curl);
			good++;
		}
	}
	return good;
}

/* One after the other they would take a minute. */
START_TEST(lets_many_wait_at_a_time)
{
	static struct reply replies[MANY];
	CURLM *multi = curl_multi_init();
	int64_t began = herd_monotonic_ns();
	int64_t took;

	START_WITH_DATA("--delay", "300");
	for (int i = 0; i < MANY; i++)
		curl_multi_add_handle(multi,
			places_request(PLACES_LEGACY CAMPUS "&radius=10000",
				&replies[i]));
	began = herd_monotonic_ns();
	ck_assert_uint_eq(perform_all(multi), MANY);
	took = herd_monotonic_ns() - began;
	ck_assert_int_ge(took, DELAY_MS * HERD_MS_NS);
	ck_assert_int_lt(
		took, (int64_t)(60 * DELAY_MS * herd_slow()) * HERD_MS_NS);
	for (int i = 0; i < MANY; i++)
		check_campus(&replies[i], "\"name\" : ");
	curl_multi_cleanup(multi);
	/* Sanitizers may bring threads of their own. */
	if (herd_slow() <= 1)
		ck_assert_uint_eq(count_threads(), 1);
	places_stop();
}
END_TEST

static int connect_raw(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port;

	ck_assert_int_eq(
		sscanf(places_server.url, "http://127.0.0.1:%u", &port), 1);
	to.sin_port = htons((uint16_t)port);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void send_raw(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
		(ssize_t)strlen(text));
}

/* --- who asks again ------------------------------------------------------- */

#define AT_ONCE 300
#define TRIES   10

/* All of it, as its head says. */
static void await_answer(struct pollfd *fd)
{
	char answer[65536];
	size_t len = 0;
	size_t wanted = 1;

	while (len < wanted) {
		const char *length, *body;
		ssize_t n;

		ck_assert_int_gt(poll(fd, 1, (int)(1e3 * HERD_PATIENCE)), 0);
		n = recv(fd->fd, answer + len, sizeof answer - 1 - len, 0);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
		answer[len] = '\0';
		wanted = len + 1;
		length = strstr(answer, "Content-Length: ");
		body = strstr(answer, "\r\n\r\n");
		if (length && body)
			wanted = (size_t)(body + 4 - answer) +
				 strtoul(strchr(length, ' '), NULL, 10);
	}
	ck_assert_uint_eq(len, wanted);
}

/* Many ask, and are due together: the server is stopped meanwhile. Who is answered
 * first asks again at once: it should be DELAY_MS until that is answered, whatever
 * is yet to be done for the others. If it was not even read before them, it is as
 * much after the last of them. Between the two is a half of what they took. */
static bool is_read_in_between(struct pollfd *fds, const char *question)
{
	int64_t first_ns, last_ns;

	for (size_t i = 0; i < AT_ONCE; i++)
		send_raw(fds[i].fd, question);
	(void)poll(NULL, 0, DELAY_MS / 2);
	ck_assert_int_eq(kill(places_server.pid, SIGSTOP), 0);
	(void)poll(NULL, 0, DELAY_MS);
	ck_assert_int_eq(kill(places_server.pid, SIGCONT), 0);
	await_answer(&fds[0]);
	send_raw(fds[0].fd, question);
	first_ns = herd_monotonic_ns();
	for (size_t i = 1; i < AT_ONCE; i++)
		await_answer(&fds[i]);
	last_ns = herd_monotonic_ns();
	await_answer(&fds[0]);
	return herd_monotonic_ns() - DELAY_MS * HERD_MS_NS <
	       first_ns + (last_ns - first_ns) / 2;
}

START_TEST(reads_questions_between_answers)
{
	struct pollfd fds[AT_ONCE];
	bool so = false;

	START_WITH_DATA("--delay", "300");
	for (size_t i = 0; i < AT_ONCE; i++)
		fds[i] = (struct pollfd){.fd = connect_raw(), .events = POLLIN};
	/* Once is enough: this process may be late itself. */
	for (int i = 0; i < TRIES && !so; i++)
		so = is_read_in_between(fds,
			"GET " PLACES_LEGACY CAMPUS "&radius=50000 HTTP/1.1"
			"\r\nHost: x\r\n\r\n");
	ck_assert(so);
	for (size_t i = 0; i < AT_ONCE; i++)
		close(fds[i].fd);
	places_stop();
}
END_TEST

START_TEST(stops_while_requests_wait)
{
	int fds[5];

	START_WITH_DATA("--delay", "600000");
	for (size_t i = 0; i < HERD_COUNT(fds); i++) {
		fds[i] = connect_raw();
		send_raw(fds[i], "GET " PLACES_LEGACY CAMPUS
				 "&radius=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	/* A client that leaves meanwhile. */
	close(fds[0]);
	places_stop_by(SIGINT);
	for (size_t i = 1; i < HERD_COUNT(fds); i++)
		close(fds[i]);
}
END_TEST

START_TEST(survives_rude_clients)
{
	static const char *const rude[] = {"", "\r\n\r\n", "\x16\x03\x01",
		"GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
		"POST " PLACES_NEW
		" HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999"
		"\r\n\r\n{",
		"POST " PLACES_NEW
		" HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST " PLACES_NEW
		" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
		"\r\n\r\nzz\r\n",
		"GET " PLACES_LEGACY
		"location=%&radius=%zz&key HTTP/1.1\r\nHost: x"
		"\r\n\r\n"};

	START_WITH_DATA("--log");
	for (size_t i = 0; i < HERD_COUNT(rude); i++) {
		int fd = connect_raw();

		send_raw(fd, rude[i]);
		close(fd);
	}
	check_campus(places_get(PLACES_LEGACY CAMPUS "&radius=10000"),
		"\"name\" : ");
	places_stop();
}
END_TEST

/* --- start and stop ------------------------------------------------------- */

START_TEST(takes_an_inherited_socket)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	places_spawn((const char *const[]){"--data",
			     places_source("data/places.tsv"), NULL},
		fd);
	places_await();
	snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(at.sin_port));
	ck_assert_str_eq(places_server.url, url);
	check_campus(places_get(PLACES_LEGACY CAMPUS "&radius=10000"),
		"\"name\" : ");
	places_stop();
	close(fd);
}
END_TEST

static void check_refusal(int status, const char *words)
{
	ck_assert_int_eq(places_await_exit(), status);
	ck_assert_msg(strstr(places_said(places_server.err), words),
		"no '%s' in: %s", words, places_said(places_server.err));
	ck_assert_uint_eq(herd_count(places_said(places_server.err), "\n"), 1);
	ck_assert_str_eq(places_said(places_server.out), "");
}

static const struct {
	const char *args[4];
	const char *words;
} misuses[] = {
	{{"--nonsense"}, "nonsense"},
	{{"file"}, "'file' is no option"},
	{{"--listen"}, "argument"},
	{{"--listen", "12080"}, "no ADDRESS:PORT, like 127.0.0.1:12080"},
	{{"--listen", ":12080"}, "no ADDRESS:PORT"},
	{{"--listen", "localhost:12080"}, "no ADDRESS:PORT"},
	{{"--listen", "::1:12080"}, "no ADDRESS:PORT"},
	{{"--listen", "[::1:12080"}, "no ADDRESS:PORT"},
	{{"--listen", "[127.0.0.1]:12080"}, "no ADDRESS:PORT"},
	{{"--listen", "127.0.0.1:65536"}, "no ADDRESS:PORT"},
	{{"--listen", "127.0.0.1:"}, "no ADDRESS:PORT"},
	{{"--delay", "1.5"}, "no number of milliseconds"},
	{{"--delay", "3600001"}, "no number of milliseconds"},
	{{"--fail", "200"}, "no status of HTTP from 300 to 599"},
	{{"--fail", "600"}, "no status of HTTP from 300 to 599"},
	{{"--cert", "x"}, "--key is missing"},
	{{"--key", "x"}, "--cert is missing"},
};

START_TEST(refuses_misuse)
{
	places_spawn(misuses[_i].args, -1);
	check_refusal(2, misuses[_i].words);
}
END_TEST

#define REFUSED(words, ...)                                                    \
	do {                                                                   \
		places_spawn((const char *const[]){"--listen", "127.0.0.1:0",  \
				     __VA_ARGS__, NULL},                       \
			-1);                                                   \
		check_refusal(1, words);                                       \
	} while (0)

START_TEST(says_why_it_does_not_start)
{
	const char *data = places_source("data/places.tsv");
	const char *pem = places_source("tests/tls/server.pem");
	const char *ca = places_source("tests/tls/ca.pem");

	REFUSED("/no/such: No such file", "--data", "/no/such");
	REFUSED("/: Is a directory", "--data", "/");
	REFUSED("tsv: line 1: expected a latitude", "--data",
		places_write("tsv", "x\n"));
	REFUSED("points.json: expected {", "--geojson",
		places_write("points.json", "{}"));
	REFUSED("/no/such: No such file", "--api-key-file", "/no/such");
	REFUSED("key: expected one word", "--api-key-file",
		places_write("key", "\n"));
	REFUSED("key: expected one word", "--api-key-file",
		places_write("key", "a b\n"));
	REFUSED("/no/such: No such file", "--cert", "/no/such", "--key", pem);
	REFUSED("server.pem", "--data", data, "--cert", ca, "--key", pem);
	REFUSED("cannot listen on 192.0.2.1:0", "--listen", "192.0.2.1:0",
		"--data", data);
}
END_TEST

START_TEST(tells_about_itself)
{
	places_spawn((const char *const[]){"-V", NULL}, -1);
	ck_assert_int_eq(places_await_exit(), 0);
	ck_assert_int_eq(
		strncmp(places_said(places_server.out), "herd-places ", 12), 0);
	places_spawn((const char *const[]){"--help", NULL}, -1);
	ck_assert_int_eq(places_await_exit(), 0);
	ck_assert_ptr_nonnull(
		strstr(places_said(places_server.out), "--geojson FILE"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("p_places_server");
	TCase *tcase = tcase_create("p_places_server");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, places_set_up, places_tear_down);
	tcase_add_test(tcase, answers_legacy);
	tcase_add_test(tcase, answers_new);
	tcase_add_test(tcase, serves_https);
	tcase_add_test(tcase, serves_points_of_ones_own);
	tcase_add_test(tcase, asks_for_the_key);
	tcase_add_test(tcase, fails_on_demand);
	tcase_add_test(tcase, knows_no_other_page);
	tcase_add_test(tcase, lets_many_wait_at_a_time);
	tcase_add_test(tcase, reads_questions_between_answers);
	tcase_add_test(tcase, stops_while_requests_wait);
	tcase_add_test(tcase, survives_rude_clients);
	tcase_add_test(tcase, takes_an_inherited_socket);
	tcase_add_loop_test(tcase, refuses_misuse, 0, HERD_COUNT(misuses));
	tcase_add_test(tcase, says_why_it_does_not_start);
	tcase_add_test(tcase, tells_about_itself);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
