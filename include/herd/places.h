/* places - asks the provider what is near a point, and blocks nobody.
 *
 *   places_ask --> fetch --> transfer --> provider
 *                    |  (waits while too many are under way)
 *                    '-- queries: all who asked the same, each with its own
 *                        bound and deadline
 *
 * One for each worker, on the worker's reactor: a curl multi handle that says
 * which sockets it wants watched and when it wants to be called again. What all
 * workers share (key, headers, caches of names and TLS sessions) is a
 * places_common.
 *
 * Questions that read the same to the provider share one transfer as long as it
 * is younger than places.timeout; it is cancelled when nobody waits for it any
 * more. Answers are handed out at the end of the reactor's round, never from
 * within places_ask.
 *
 * Threads: owner only (the worker), unless said otherwise. */
#ifndef HERD_PLACES_H
#define HERD_PLACES_H

#include <sys/queue.h>

#include "herd/base.h"
#include "herd/conf.h"
#include "herd/log.h"
#include "herd/provider.h"
#include "herd/reactor.h"

struct places_common;
struct places;
struct places_query;

/* An answer that many wait for: one copy, which lives as long as anybody holds
 * it. */
struct places_answer {
	unsigned holders;
	struct buf bytes;
};

void places_answer_hold(struct places_answer *answer);
void places_answer_drop(struct places_answer *answer);

/* The answer, without LF at the end: head and tail are to be run together. They
 * live for the call, or as long as `shared` is held; NULL: it cannot be. It is
 * always an object of JSON: where the provider failed, one that says so. */
typedef void places_answer_fn(struct places_query *query, struct text head,
	struct text tail, struct places_answer *shared);

/* Embedded in whatever waits; the asker sets on_answer. */
struct places_query {
	places_answer_fn *on_answer;

	/* Of places. */
	struct places *places;
	struct fetch *fetch; /* NULL: nothing is under way */
	unsigned bound;
	struct timer deadline;
	TAILQ_ENTRY(places_query) waiting;
};

/* Start-up only. Reads the key, which a change of the file does not change any
 * more. `shared`: workers are on different threads;
 * `workers` divide places.transfers among themselves. 0; -errno, and in `error`
 * (CONF_ERROR_MAX bytes) a line for people. */
HERD_MUST_CHECK int places_common_new(const struct conf *conf, bool shared,
	size_t workers, struct places_common **ret_common, char *error);

/* Where the provider is asked; NULL: nobody is. */
const char *places_common_url(const struct places_common *common);

/* When no places is left that uses it. Accepts NULL. */
void places_common_free(struct places_common *common);

/* Start-up only. 0 or -errno. */
HERD_MUST_CHECK int places_new(struct places_common *common,
	struct reactor *reactor, struct log_ring *log,
	struct places **ret_places);

/* Another configuration is in force: conf_keep has made it one that differs in
 * log.places_body only. */
void places_update(struct places *places, const struct conf *conf);

/* After the reactor has stopped (which calls it no more), when no query is
 * waiting. Accepts NULL. */
void places_free(struct places *places);

/* Ask. The question is read during the call only; the query, which must not be
 * waiting, stays where it is until its answer or places_cancel. on_answer is
 * called once, at most timeout_ns from now, unless the query is cancelled
 * before. 0; -ENOENT: nobody is configured to be asked; -ENOMEM;
 * on_answer is then never called: see places_excuse. */
HERD_MUST_CHECK int places_ask(struct places *places,
	const struct provider_question *question, int64_t timeout_ns,
	struct places_query *query);

/* Leave; nothing happens when it is not waiting. */
void places_cancel(struct places_query *query);

/* Wait until `due_ns` (monotonic) at the most, or less. */
void places_hurry(struct places_query *query, int64_t due_ns);

/* What to answer when places_ask failed: an object without LF at its end. */
struct text places_excuse(int rc);

#endif
