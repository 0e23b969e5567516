/* herd_internal - what the files behind herd_proc.h share. */
#ifndef HERD_INTERNAL_H
#define HERD_INTERNAL_H

#include <stdio.h>

#include "herd_proc.h"

#define HERD_EDGES_MAX 16

struct server {
	char name[32];
	const char *conf;
	bool other; /* no herdd: HERD_OTHER */
	uint16_t port;
	int hold_fd;   /* bound and never listening: the port stays ours */
	int listen_fd; /* -1: herdd binds the port itself */
	pid_t pid;     /* 0: does not run */
	size_t served; /* how often its log said so before this start */
};

/* What the herd owns for the test: freed in one go. */
struct block {
	struct block *next;
	char bytes[];
};

struct herd {
	struct herd_setup setup;
	char dir[32];
	pid_t janitor;
	int verdict_fd;
	struct server servers[HERD_SERVERS_MAX];
	size_t count;
	struct {
		size_t from, to;
	} edges[HERD_EDGES_MAX];
	size_t edge_count;
	struct block *blocks;
};

struct server *herd_server(struct herd *h, const char *name);

/* Whether `names`, separated by single spaces, hold this one, or are "*". */
bool herd_is_among(const char *names, const char *name);

/* How often a file of the directory holds `text`; keeps nothing. */
size_t herd_count_in_file(struct herd *h, const char *file, const char *text);

/* The whole of a stream; its NULs become '?', so that it is a string. */
const char *herd_read_stream(struct herd *h, FILE *stream);

/* Fork the process that tidies up or reports; h->dir exists. */
void herd_start_janitor(struct herd *h);

/* Tell it that all is well, wait until the directory is gone. */
void herd_finish_janitor(struct herd *h);

#endif
