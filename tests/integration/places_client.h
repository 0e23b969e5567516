/* places_client - one herd-places under test, and requests to it.
 *
 * The server is a child of the test and dies with it. Whatever goes wrong,
 * deadlines included, fails the running test. Threads: owner only. */
#ifndef TESTS_PLACES_CLIENT_H
#define TESTS_PLACES_CLIENT_H

#include <curl/curl.h>
#include <stdio.h>
#include <sys/types.h>

#include "herd/base.h"

#define PLACES_LEGACY "/maps/api/place/nearbysearch/json?"
#define PLACES_NEW    "/v1/places:searchNearby"

/* One per test. */
extern struct places_server {
	char dir[32];
	pid_t pid;
	char url[96]; /* what it announces */
	FILE *out;
	FILE *err;
} places_server;

/* For a checked fixture. */
void places_set_up(void);
void places_tear_down(void);

/* A file of the sources; one of the test's directory, written. A few paths live
 * at a time: enough for one command line. */
const char *places_source(const char *file);
const char *places_write(const char *file, const char *text);

/* Run it with arguments that NULL ends, and with a listening socket to inherit
 * (-1: none). */
void places_spawn(const char *const *args, int listen_fd);

/* Wait until it serves. */
void places_await(void);

/* Both, on a port of the system's choice. */
void places_start(const char *const *args);

#define START(...) places_start((const char *const[]){__VA_ARGS__, NULL})
#define START_WITH_DATA(...)                                                   \
	START("--data", places_source("data/places.tsv"), __VA_ARGS__)

/* All of a stream so far; lives until the next call. */
const char *places_said(FILE *stream);

/* The exit status; 128 and more: of a signal. */
int places_await_exit(void);

/* It ends well, and had nothing to complain about. */
void places_stop_by(int signal);
void places_stop(void);

struct reply {
	long status;
	char type[64];
	size_t len;
	char body[65536];
};

/* A request that is not sent yet; the answer goes to `r`. */
CURL *places_request(const char *path, struct reply *r);

/* The answer lives until the next one. `headers` are ended by NULL. */
const struct reply *places_get(const char *path);
const struct reply *places_post(const char *const *headers, const char *body);

#define MASK(mask) ((const char *const[]){"X-Goog-FieldMask: " mask, NULL})
#define KEY(key, mask)                                                         \
	((const char *const[]){                                                \
		"X-Goog-Api-Key: " key, "X-Goog-FieldMask: " mask, NULL})

void places_check_json(const struct reply *r, long status);
void places_check_has(const struct reply *r, const char *text);

#endif
