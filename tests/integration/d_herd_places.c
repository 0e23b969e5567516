/* d_herd_places - WHATSAT answered by herd-places: both services, over HTTP and
 * HTTPS, to clients of all workers. */
#include <inttypes.h>
#include <stdio.h>

#include "near.h"
#include "places_client.h"

#define CLIENTS    12
#define LEGACY_URL "/maps/api/place/nearbysearch/json"
#define QUESTION   "location=34.068930,-118.445127&radius=10000"
#define TAIL       "\n   ],\n   \"status\" : \"OK\"\n}"

/* All there is, where it does not matter: read in no time. */
#define START_WITH_ONE(...)                                                    \
	START("--geojson",                                                     \
		places_write("points.json",                                    \
			"{\"type\":\"FeatureCollection\",\"features\":[{"      \
			"\"type\":\"Feature\",\"geometry\":{\"type\":"         \
			"\"Point\",\"coordinates\":[-118.4452,34.069]},"       \
			"\"properties\":{\"name\":\"Westwood\"}}]}"),          \
		__VA_ARGS__)

#define HTTPS                                                                  \
	"--cert", places_source("tests/tls/server.pem"), "--key",              \
		places_source("tests/tls/server-key.pem")

static struct client *clients[CLIENTS];
static const char *at; /* of the client id "kiwi" */

/* A herd whose provider is herd-places, started before. */
static struct herd *herd_of(int design, const char *path, const char *places)
{
	static char all[1024];
	struct herd *h;

	snprintf(all, sizeof all,
		"url = \"%s%s\"; ca_file = \"%s\"; transfers = 300; %s",
		places_server.url, path, places_source("tests/tls/ca.pem"),
		places);
	h = herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.general = "workers = 3;",
		.places = all,
	});
	at = herd_iamat(h, "Goloman", "kiwi", NEAR_LOCATION, "5");
	return h;
}

/* Clients that have all asked at the same time. */
static void ask(struct herd *h, const char *question)
{
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = client_open(h, "Goloman");
	for (int i = 0; i < CLIENTS; i++)
		client_send(clients[i], herd_printf(h, "%s\n", question));
}

static void expect(struct herd *h, const char *json)
{
	for (int i = 0; i < CLIENTS; i++) {
		near_expect(h, clients[i], at, json);
		client_close(clients[i]);
	}
}

/* The whole answer of the legacy service, and the same with fewer places. */
static const char *whole(struct herd *h)
{
	const char *body = places_get(PLACES_LEGACY QUESTION)->body;

	return herd_printf(h, "%.*s", (int)strlen(body) - 1, body);
}

static const char *first(struct herd *h, unsigned count)
{
	const char *body = whole(h);
	const char *end = body;

	for (unsigned i = 0; i < count; i++)
		end = strstr(end + 1, "\n      }");
	return herd_printf(h, "%.*s\n      }" TAIL, (int)(end - body), body);
}

/* --- both services -------------------------------------------------------- */

static void check_legacy(int design)
{
	struct herd *h = herd_of(design, LEGACY_URL, "");

	ck_assert_uint_eq(herd_count(whole(h), "\"place_id\" : "), 15);
	ask(h, "WHATSAT kiwi 10 5");
	expect(h, first(h, 5));
	ask(h, "WHATSAT kiwi 10 20");
	expect(h, whole(h));
	herd_free(h);
	places_stop();
}

START_TEST(legacy_by_http)
{
	START_WITH_DATA("--log");
	check_legacy(_i);
}
END_TEST

START_TEST(legacy_by_https)
{
	START_WITH_DATA(HTTPS);
	check_legacy(_i);
}
END_TEST

/* With all fields there are, nobody can tell that another service was asked. */
static void check_new(int design)
{
	struct herd *h = herd_of(design, PLACES_NEW,
		"provider = \"google\"; field_mask = \"*\";");

	ask(h, "WHATSAT kiwi 10 5");
	expect(h, first(h, 5));
	ask(h, "WHATSAT kiwi 10 20");
	expect(h, whole(h));
	herd_free(h);
	places_stop();
}

START_TEST(new_by_http)
{
	START_WITH_DATA("--log");
	check_new(_i);
}
END_TEST

START_TEST(new_by_https)
{
	START_WITH_DATA(HTTPS);
	check_new(_i);
}
END_TEST

/* Out at sea. */
START_TEST(nothing_near)
{
	static const char *const paths[] = {LEGACY_URL, PLACES_NEW};

	START_WITH_ONE("--log");
	for (size_t i = 0; i < HERD_COUNT(paths); i++) {
		struct herd *h = herd_of(
			_i, paths[i], i ? "provider = \"google\";" : "");
		const char *line =
			herd_iamat(h, "Goloman", "plum", "-60-30", "5");

		ck_assert_str_eq(herd_ask(h, "Goloman", "WHATSAT plum 50 20"),
			herd_printf(h, "%s" HERD_NOTHING, line));
		herd_free(h);
	}
	places_stop();
}
END_TEST

/* --- refusals ------------------------------------------------------------- */

static const char *answer_of(struct herd *h)
{
	struct client *c = client_open(h, "Goloman");
	const char *json;

	client_send(c, "WHATSAT kiwi 10 5\n");
	json = near_json(h, c, at);
	client_close(c);
	return json;
}

static void check_status(
	int design, const char *path, const char *places, const char *status)
{
	struct herd *h = herd_of(design, path, places);
	const char *json = answer_of(h);

	ck_assert_msg(strstr(json, herd_printf(h, "\n   \"status\" : \"%s\"\n}",
					   status)),
		"no %s in: %s", status, json);
	herd_free(h);
}

START_TEST(a_key_is_asked_for)
{
	const char *key = places_write("key", "right\n");
	char with_key[128];
	char new_with_key[192];

	snprintf(with_key, sizeof with_key, "key_file = \"%s\";", key);
	snprintf(new_with_key, sizeof new_with_key, "%s provider = \"google\";",
		with_key);
	START_WITH_ONE("--api-key-file", key);
	check_status(_i, LEGACY_URL, "", "REQUEST_DENIED");
	check_status(_i, LEGACY_URL, with_key, "OK");
	check_status(
		_i, PLACES_NEW, "provider = \"google\";", "REQUEST_DENIED");
	check_status(_i, PLACES_NEW, new_with_key, "OK");
	places_stop();
}
END_TEST

START_TEST(failures_on_demand)
{
	START_WITH_ONE("--fail", "429");
	check_status(_i, LEGACY_URL, "", "OVER_QUERY_LIMIT");
	check_status(
		_i, PLACES_NEW, "provider = \"google\";", "OVER_QUERY_LIMIT");
	places_stop();
}
END_TEST

/* --- certificates --------------------------------------------------------- */

static void check_untrusted(int design, const char *ca_file)
{
	char all[512];
	struct herd *h;
	const char *json;
	const char *wrong;

	snprintf(all, sizeof all, "url = \"%s%s\"; transfers = 100; %s",
		places_server.url, LEGACY_URL, ca_file);
	h = herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.places = all,
	});
	at = herd_iamat(h, "Goloman", "kiwi", NEAR_LOCATION, "5");
	json = answer_of(h);
	wrong = near_no_excuse(json);
	ck_assert_msg(!wrong, "%s:\n%s", wrong, json);
	herd_wait_log(h, "Goloman", " places failed: ", 1);
	herd_free(h);
	ck_assert_uint_eq(
		herd_count(places_said(places_server.out), " us\n"), 0);
}

/* Not of this authority, or of none that is known; or there is no such file. */
START_TEST(a_certificate_of_somebody)
{
	START_WITH_ONE("--log", HTTPS);
	check_untrusted(_i, "");
	places_stop();
}
END_TEST

/* The certificate is good for 127.0.0.1, and for no other address. */
START_TEST(a_certificate_of_another_name)
{
	char ca_file[256];

	snprintf(ca_file, sizeof ca_file, "ca_file = \"%s\";",
		places_source("tests/tls/ca.pem"));
	START_WITH_ONE("--listen", "127.0.0.2:0", "--log", HTTPS);
	check_untrusted(_i, ca_file);
	places_stop();
}
END_TEST

/* --- many ----------------------------------------------------------------- */

/* One after the other would take half a minute. */
START_TEST(many_at_a_time)
{
	enum {
		EACH = 20,
		DELAY_MS = 200
	};
	int64_t began;
	struct herd *h;

	START_WITH_ONE("--delay", "200");
	h = herd_of(_i, LEGACY_URL, "timeout = 60;");
	began = herd_monotonic_ns();
	ask(h, "WHATSAT kiwi 10 5");
	for (int i = 0; i < CLIENTS; i++)
		for (int k = 0; k < EACH; k++)
			client_send(clients[i],
				herd_printf(h, "WHATSAT kiwi %d.%02d 5\n",
					20 + i, k));
	for (int i = 0; i < CLIENTS; i++)
		for (int k = 0; k <= EACH; k++)
			ck_assert_ptr_nonnull(
				strstr(near_json(h, clients[i], at), TAIL));
	ck_assert_int_lt(herd_monotonic_ns() - began,
		(int64_t)(60 * DELAY_MS * herd_slow()) * HERD_MS_NS);
	for (int i = 0; i < CLIENTS; i++)
		client_close(clients[i]);
	herd_free(h);
	places_stop();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, places_set_up, places_tear_down);
	herd_add_test(tcase, legacy_by_http);
	herd_add_test(tcase, legacy_by_https);
	herd_add_test(tcase, new_by_http);
	herd_add_test(tcase, new_by_https);
	herd_add_test(tcase, nothing_near);
	herd_add_test(tcase, a_key_is_asked_for);
	herd_add_test(tcase, failures_on_demand);
	herd_add_test(tcase, a_certificate_of_somebody);
	herd_add_test(tcase, a_certificate_of_another_name);
	herd_add_test(tcase, many_at_a_time);
}

int main(void)
{
	return herd_main("d_herd_places", add_tests, 60);
}
