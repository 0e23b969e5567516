/* near - one server, the provider it asks (a double), and a client that asks
 * what is near.
 *
 *   client --WHATSAT--> Goloman --HTTP--> double
 *
 * Threads: owner only (the one thread of the test). Errors: whatever goes
 * wrong, deadlines included, fails the running test. */
#ifndef TESTS_NEAR_H
#define TESTS_NEAR_H

#include "herd_client.h"
#include "herd_proc.h"
#include "provider_double.h"

struct near {
	struct herd *h;
	struct provider_double *provider;
	struct client *client; /* of Goloman */
	const char *at;        /* of the client id "kiwi", told to Goloman */
	char places[1024];
};

/* The path of the double that the herd is told. */
#define NEAR_PATH "/near/json"

#define NEAR_LOCATION "+34.068930-118.445127"

/* A herd of that setup, all of it serving. places.url comes on top of what it
 * says of places, unless it has one, and places.key_file if there is a key
 * (else NULL). */
void near_up(struct near *n, const struct herd_setup *setup, const char *key);

/* The double goes last: herdd must end well with it as without. */
void near_free(struct near *n);

/* A good answer of the legacy form, and an error of it. */
#define NEAR_GOOD                                                              \
	"{\n   \"html_attributions\" : [],\n   \"results\" : [\n"              \
	"      {\n         \"name\" : \"Westwood\"\n      }\n   ],\n"          \
	"   \"status\" : \"OK\"\n}"
#define NEAR_DENIED                                                            \
	"{\"error_message\":\"no\",\"results\":[],\"status\":"                 \
	"\"REQUEST_DENIED\"}"

/* What HTTP makes of it. */
const char *near_http(struct herd *h, const char *json);

/* Send a line, its LF added. */
void near_ask(struct near *n, const char *line);

/* The answer to a WHATSAT: after exactly this AT line comes the JSON, and after
 * it exactly two LF. Kept until herd_free. */
const char *near_json(struct herd *h, struct client *c, const char *at);

/* The same, and what it must be. */
void near_expect(
	struct herd *h, struct client *c, const char *at, const char *json);

/* Exactly what stands in for an answer: NULL, or why it is something else. */
const char *near_no_excuse(const char *json);

/* The same as an answer; `what` should have led to it. */
void near_expect_excuse(
	struct herd *h, struct client *c, const char *at, const char *what);

/* The next request of the provider; NULL: this client has its answer before. */
struct asked *near_asked(struct near *n, struct client *c);

/* The client goes, with all it asked for; there is a new one. */
void near_leave(struct near *n);

/* Ask for something not asked before; the provider is asked and its answer
 * arrives. */
void near_check_good(struct near *n);

/* The same where places.timeout is short and the machine may be busy: asks until
 * an answer is in time. */
void near_await_good(struct near *n);

/* Whoever asks something else on a connection of its own is answered. */
void near_check_others(struct near *n);

/* Nothing has come for this client up to now. */
void near_check_waits(struct client *c);

#endif
