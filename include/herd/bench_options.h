/* bench_options - what herd-bench is to do; herd-bench(1) says it for people.
 * A value. */
#ifndef HERD_BENCH_OPTIONS_H
#define HERD_BENCH_OPTIONS_H

#include <sys/types.h>

#include "herd/address.h"
#include "herd/base.h"
#include "herd/cost.h"

#define BENCH_CPUS_MAX 64

enum bench_mode {
	BENCH_CLOSED,  /* so many requests under way on each connection */
	BENCH_OPEN,    /* requests at a rate, whatever the server does */
	BENCH_CONNECT, /* connect, one request, its answer, close; again */
	BENCH_IDLE,    /* connections that say nothing: their memory */
	BENCH_CLIENTS, /* clients known: their memory */
	BENCH_FLOOD,   /* update at one server, watch at another */
};

struct bench_options {
	enum bench_mode mode;
	const char *protocol;  /* a dialect's name */
	struct address target; /* where to; flood: the server written to */
	const char *target_text;

	unsigned connections;
	unsigned pipeline; /* requests under way on each */
	double rate;       /* requests per second, over all; 0: as many as can
			    * be (flood) */
	uint64_t ids;
	double zipf;  /* exponent; 0: all ids alike */
	double reads; /* part of requests that ask (0 to 1): WHATSAT, get */
	const char *radius_km; /* of WHATSAT, as it is sent */
	unsigned bound;        /* of its results */
	double time_s, warm_up_s;
	uint64_t seed;

	unsigned threads;
	int cpus[BENCH_CPUS_MAX]; /* where they are pinned, in turn */
	size_t cpu_count;         /* 0: nowhere */

	pid_t pids[COST_PIDS_MAX]; /* of the server */
	size_t pid_count;

	bool check; /* every answer, to the byte */
	bool talk;  /* idle: each connection has asked once */
	bool json;
	bool quiet; /* no progress line */

	/* flood */
	const char *conf_path;     /* the herd's configuration file */
	const char *write, *watch; /* servers of that file */
	const char *as; /* the server of that file that herd-bench plays: a
			 * neighbour of `watch` */
};

/* Read the command line. -1: go on, and *ret_options is whole but for `target`,
 * which is still to be looked up; else the exit status, and what there is to
 * say has been said. */
HERD_MUST_CHECK int bench_options_parse(
	int argc, char **argv, struct bench_options *ret_options);

const char *bench_mode_name(enum bench_mode mode);

#endif
