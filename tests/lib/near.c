/* near - see the header. */
#include "near.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

static const char excuse_start[] = "{\n   \"error_message\" : \"";
static const char excuse_end[] = "\",\n"
				 "   \"html_attributions\" : [],\n"
				 "   \"results\" : [],\n"
				 "   \"status\" : \"UNKNOWN_ERROR\"\n"
				 "}";

void near_up(struct near *n, const struct herd_setup *setup, const char *key)
{
	struct herd_setup ours = *setup;
	const char *places = setup->places ? setup->places : "";
	char url[64] = "";

	n->provider = double_new();
	if (!strstr(places, "url"))
		snprintf(url, sizeof url,
			"url = \"http://127.0.0.1:%" PRIu16 NEAR_PATH "\";",
			double_port(n->provider));
	/* As few descriptors as that takes, everybody may have. */
	snprintf(n->places, sizeof n->places, "%s %s %s %s", url,
		key ? "key_file = \"key\";" : "",
		strstr(places, "transfers") ? "" : "transfers = 100;", places);
	ours.places = n->places;
	n->h = herd_new(&ours);
	if (key)
		herd_write(n->h, "key", key);
	herd_start_all(n->h);
	n->client = client_open(n->h, "Goloman");
	n->at = herd_iamat(
		n->h, "Goloman", "kiwi", NEAR_LOCATION, "1520023934.918963997");
}

void near_free(struct near *n)
{
	client_close(n->client);
	herd_free(n->h);
	double_free(n->provider);
}

const char *near_http(struct herd *h, const char *json)
{
	return herd_printf(h,
		"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(json), json);
}

void near_ask(struct near *n, const char *line)
{
	client_send(n->client, herd_printf(n->h, "%s\n", line));
}

struct asked *near_asked(struct near *n, struct client *c)
{
	struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	for (;;) {
		struct asked *a = double_next(n->provider);

		if (a || poll(&p, 1, 0) == 1)
			return a;
		ck_assert_msg(!herd_late(deadline),
			"neither a question nor an answer");
		herd_back_off(&tries);
	}
}

void near_leave(struct near *n)
{
	client_reset(n->client);
	n->client = client_open(n->h, "Goloman");
}

/* --- answers -------------------------------------------------------------- */

const char *near_json(struct herd *h, struct client *c, const char *at)
{
	const char *json = "";
	const char *line = client_line(c);

	ck_assert_str_eq(line, at);
	/* The only empty line is what ends it. */
	while (*(line = client_line(c)))
		json = herd_printf(h, "%s%s%s", json, *json ? "\n" : "", line);
	return json;
}

void near_expect(
	struct herd *h, struct client *c, const char *at, const char *json)
{
	ck_assert_str_eq(near_json(h, c, at), json);
}

const char *near_no_excuse(const char *json)
{
	size_t start = strlen(excuse_start);
	size_t message;

	if (strncmp(json, excuse_start, start) != 0)
		return "it does not begin with a message";
	message = strcspn(json + start, "\"\\");
	if (message == 0)
		return "the message is empty";
	if (strcmp(json + start + message, excuse_end) != 0)
		return "it does not go on as it should";
	return NULL;
}

void near_expect_excuse(
	struct herd *h, struct client *c, const char *at, const char *what)
{
	const char *json = near_json(h, c, at);
	const char *wrong = near_no_excuse(json);

	ck_assert_msg(!wrong, "%s: %s:\n%s", what, wrong, json);
}

/* --- checks --------------------------------------------------------------- */

void near_check_good(struct near *n)
{
	static unsigned asked;
	struct asked *a;

	near_ask(n, herd_printf(n->h, "WHATSAT kiwi 49.%03u 20", ++asked));
	a = double_await(n->provider);
	asked_answer(a, 200, NEAR_GOOD);
	near_expect(n->h, n->client, n->at, NEAR_GOOD);
}

void near_await_good(struct near *n)
{
	struct text good = text_of(near_http(n->h, NEAR_GOOD));
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	static unsigned asked;
	const char *json;

	do {
		struct asked *a;

		ck_assert_msg(!herd_late(deadline), "nothing is in time");
		near_ask(n,
			herd_printf(n->h, "WHATSAT kiwi 48.%03u 20", ++asked));
		while ((a = near_asked(n, n->client)))
			(void)asked_try(a, good);
		json = near_json(n->h, n->client, n->at);
	} while (!near_no_excuse(json));
	ck_assert_str_eq(json, NEAR_GOOD);
}

void near_check_others(struct near *n)
{
	herd_iamat(n->h, "Goloman", "other", "+1+1", "5");
}

void near_check_waits(struct client *c)
{
	struct pollfd p = {.fd = client_fd(c), .events = POLLIN};

	ck_assert_msg(poll(&p, 1, 0) == 0, "an answer has come, or the end");
}
