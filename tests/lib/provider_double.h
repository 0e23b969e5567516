/* provider_double - a places provider that the test plays itself: HTTP/1.1 on a
 * port of the system's choice.
 *
 * Nothing happens behind the test's back. Connections are accepted and requests
 * read while the test waits for them or counts them, and nothing is sent but
 * what it says: so the order of events is the test's choice.
 *
 * Threads: owner only (the one thread of the test). Errors: whatever goes
 * wrong, a deadline of HERD_PATIENCE included, fails the running test. */
#ifndef TESTS_PROVIDER_DOUBLE_H
#define TESTS_PROVIDER_DOUBLE_H

#include "herd/base.h"

struct provider_double;
struct double_link;

/* A request that has arrived in full. Lives until double_free. */
struct asked {
	const char *method;
	const char *target;
	const char *head; /* with the request line; lines end with CRLF */
	struct text body;

	/* The double's. */
	struct double_link *link;
	bool answered;
	int flooder; /* 0: none */
};

/* It listens from now on. */
struct provider_double *double_new(void);

/* Closes all connections. Accepts NULL. */
void double_free(struct provider_double *d);

uint16_t double_port(const struct provider_double *d);

/* The next request, in the order of arrival. */
struct asked *double_await(struct provider_double *d);

/* The same if it has arrived already, else NULL. */
struct asked *double_next(struct provider_double *d);

/* The value of a header, NULL: there is none. Lives until the next call. */
const char *asked_header(const struct asked *a, const char *name);

/* --- counting: what has arrived up to now --------------------------------- */

size_t double_connections(struct provider_double *d);
size_t double_requests(struct provider_double *d);

/* Requests whose connection the other side has closed before asked_answer,
 * asked_close or asked_reset. */
size_t double_cancelled(struct provider_double *d);

/* Wait for that many. */
void double_await_cancelled(struct provider_double *d, size_t count);

/* --- answering ------------------------------------------------------------ */

/* Bytes of an answer, whatever they are. */
void asked_say(struct asked *a, const char *text);
void asked_say_bytes(struct asked *a, struct text bytes);

/* The same to who may be tired of waiting; false: he has gone. */
bool asked_try(struct asked *a, struct text bytes);

/* A whole answer of JSON, after which the connection stays open. */
void asked_answer(struct asked *a, unsigned status, const char *json);

/* The end of the connection. */
void asked_close(struct asked *a);
void asked_reset(struct asked *a);

/* Say the same again and again, from a process of its own, until the other side
 * has closed the connection; asked_flood_ends waits for that. */
void asked_flood(struct asked *a, struct text bytes);
void asked_flood_ends(struct asked *a);

#endif
