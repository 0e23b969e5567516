/* places_http - the two services over HTTP or HTTPS, on one thread.
 *
 * Threads: owner only. */
#ifndef HERD_PLACES_HTTP_H
#define HERD_PLACES_HTTP_H

#include "herd/gazetteer.h"

#define PLACES_HTTP_ERROR_MAX 512

/* Everything is borrowed, except listen_fd. */
struct places_http_settings {
	const struct gazetteer *gazetteer;
	const char *api_key;  /* NULL: any will do */
	const char *cert_pem; /* NULL, and key_pem NULL: plain HTTP */
	const char *key_pem;
	int listen_fd;     /* from sys_listen */
	unsigned limit;    /* connections at a time */
	unsigned delay_ms; /* before each answer */
	unsigned fail;     /* answer everything with this status; 0: don't */
	bool log;          /* a line per request on standard output */
};

struct places_http;

/* 0: listen_fd is the server's own now; -errno, and in `error`
 * (PLACES_HTTP_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int places_http_new(const struct places_http_settings *set,
	struct places_http **ret_http, char *error);

/* Serve until there is something to read from stop_fd. 0 or -errno. */
HERD_MUST_CHECK int places_http_run(struct places_http *http, int stop_fd);

/* Ends what is under way. */
void places_http_free(struct places_http *http);

#endif
