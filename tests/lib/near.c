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

void near_ask(struct near *n, const char *line)
{
	client_send(n->client, herd_printf(n->h, "%s\n", line));
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

void near_check_others(struct near *n)
{
	herd_iamat(n->h, "Goloman", "other", "+1+1", "5");
}

void near_check_waits(struct client *c)
{
	struct pollfd p = {.fd = client_fd(c), .events = POLLIN};

	ck_assert_msg(poll(&p, 1, 0) == 0, "an answer has come, or the end");
}
