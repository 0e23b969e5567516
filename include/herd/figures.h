/* figures - what a benchmark has found, for people or as JSON.
 *
 * Names are words joined by underscores and end with their unit
 * ("requests_per_s", "server_cpu_us"): they are the keys of the JSON, and a
 * table for people says the same. Running out of memory is remembered and told
 * at the end.
 * Threads: owner only. */
#ifndef HERD_FIGURES_H
#define HERD_FIGURES_H

#include <stdio.h>

#include "herd/base.h"
#include "herd/histogram.h"

struct figures;

HERD_MUST_CHECK int figures_new(struct figures **ret_figures); /* 0; -ENOMEM */
void figures_free(struct figures *f);

/* `name`: a literal. Texts are copied, and may hold any bytes: those that are
 * not ASCII come out as if of Latin-1. They are printed in this order. What is no
 * number (NaN, an infinity) is null in JSON, and "-" for people. */
void figures_add_text(struct figures *f, const char *name, const char *value);
void figures_add_count(struct figures *f, const char *name, uint64_t value);
void figures_add(struct figures *f, const char *name, double value);

/* A group: members whose names come from outside (threads, servers). */
void figures_open(struct figures *f, const char *name);
void figures_add_member(struct figures *f, const char *member, double value);
void figures_close(struct figures *f);

/* A distribution of times, as a group in microseconds: count, mean_us, min_us,
 * p50_us, p75_us, p90_us, p99_us, p99_9_us, p99_99_us, max_us. Only the count if
 * that is 0. */
void figures_add_times(
	struct figures *f, const char *name, const struct histogram *ns);

/* A line for each, or one JSON object in one line. 0; -ENOMEM: some are
 * missing; the -errno of the stream. */
HERD_MUST_CHECK int figures_print(
	const struct figures *f, FILE *stream, bool json);

#endif
