/* Sightings by the number, for the tests of the store and of its feed. */
#ifndef TESTS_STORE_SAMPLE_H
#define TESTS_STORE_SAMPLE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/store.h"

#define SAMPLE_LINE_MAX (100 * 1024)
#define SAMPLE_LINE_MIN 80 /* shorter ones come out as long as they must be */

struct sample {
	struct sighting s;
	char line[SAMPLE_LINE_MAX + 1];
};

/* The line of `client` at `stamp`; `variant` (0 to 9) tells lines with equal
 * stamps apart, the smaller one wins. `len` is made up for in the location. */
static inline void sample_make(struct sample *sample, unsigned client,
	int64_t stamp, unsigned variant, size_t len)
{
	char tail[64];
	int tail_len = snprintf(tail, sizeof tail, "-118.4 %" PRId64, stamp);
	int id_at = snprintf(sample->line, sizeof sample->line,
		"AT Hands +0.00000000%u ", variant);
	int at =
		id_at + snprintf(sample->line + id_at, 64, "client-%u", client);
	size_t id_end = (size_t)at;

	at += snprintf(sample->line + at, 64, " +34.0");
	while ((size_t)at + (size_t)tail_len < len)
		sample->line[at++] = '0';
	memcpy(sample->line + at, tail, (size_t)tail_len + 1);
	sample->s = (struct sighting){
		.line = {sample->line, (size_t)(at + tail_len)},
		.id = {sample->line + id_at, id_end - (size_t)id_at},
		.stamp_ns = stamp,
	};
}

static inline int sample_put(struct store *store, const struct sample *sample,
	const struct store_source *source, enum store_result *ret_result)
{
	return store_put(store, store_key_of(store, sample->s.id), &sample->s,
		source, ret_result);
}

/* What a line of sample_make tells. `line` ends with a LF or a NUL. */
static inline unsigned sample_client(const char *line)
{
	return (unsigned)strtoul(strstr(line, "client-") + 7, NULL, 10);
}

static inline int64_t sample_stamp(const char *line)
{
	return strtoll(strstr(line, "-118.4 ") + 7, NULL, 10);
}

/* xorshift: the same numbers on every run. */
static inline uint64_t sample_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Mostly lines that fit where the last one was; some that do not; a few long
 * ones. */
static inline size_t sample_random_len(uint64_t *state)
{
	uint64_t r = sample_random(state);

	if (r % 200 == 0)
		return r / 200 % SAMPLE_LINE_MAX;
	if (r % 4 == 0)
		return r / 4 % 400;
	return SAMPLE_LINE_MIN;
}

#endif
