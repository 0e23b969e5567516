/* nearby_http - the two services over HTTP or HTTPS, on one thread.
 *
 * Threads: owner only. */
#ifndef HERD_NEARBY_HTTP_H
#define HERD_NEARBY_HTTP_H

#include "herd/gazetteer.h"

#define NEARBY_HTTP_ERROR_MAX 512

/* Everything is borrowed, except listen_fd. */
struct nearby_http_settings {
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

struct nearby_http;

/* 0: listen_fd is the server's own now; -errno, and in `error`
 * (NEARBY_HTTP_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int nearby_http_new(const struct nearby_http_settings *set,
	struct nearby_http **ret_http, char *error);

/* Serve until there is something to read from stop_fd. 0 or -errno. */
HERD_MUST_CHECK int nearby_http_run(struct nearby_http *http, int stop_fd);

/* Ends what is under way. */
void nearby_http_free(struct nearby_http *http);

#endif
