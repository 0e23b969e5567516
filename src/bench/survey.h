/* survey - how the servers of a herd that run on this machine are, by their
 * control sockets: whether they hold the same, and what they have sent each
 * other.
 * Threads: owner only; blocks, while they answer. */
#ifndef BENCH_SURVEY_H
#define BENCH_SURVEY_H

#include "herd/conf.h"

struct survey {
	const struct conf *conf; /* borrowed */
	size_t played;           /* server: what is sent to it is left out */
	size_t *servers;         /* indices */
	size_t count;
};

struct survey_sums {
	bool settled;  /* all hold the same, and have nothing left to send to
			* whom they reach */
	uint64_t sent; /* AT lines, to their neighbours, since they started */
};

/* Those that answer now. 0; -ENOMEM; -errno, and in `error` (CONF_ERROR_MAX
 * bytes) what is wrong with one that is there. */
HERD_MUST_CHECK int survey_find(const struct conf *conf, size_t played,
	struct survey *ret_survey, char *error);
void survey_free(struct survey *s);

/* Ask until one holds something else than the first. 0; -errno and `error` as
 * above. */
HERD_MUST_CHECK int survey_agree(
	const struct survey *s, bool *ret_agree, char *error);

/* Ask all. 0; -errno and `error` as above. */
HERD_MUST_CHECK int survey_sum(
	const struct survey *s, struct survey_sums *ret_sums, char *error);

#endif
