/* transfers - requests over HTTP by curl, on a reactor; nothing blocks.
 * Private to src/places.
 *
 * curl says which sockets it wants watched (on_socket) and when it wants to be
 * called again (on_timer). Both only take note: curl must not be called from
 * within its own callbacks. Its sockets are an epoll set of their own, one
 * descriptor to the reactor; what is ready there goes to curl in the round,
 * due timers and finished transfers have their turn in transfers_run.
 *
 * Threads: owner only (the reactor's). */
#ifndef HERD_TRANSFERS_H
#define HERD_TRANSFERS_H

#include "common.h"

/* Requests begun, and sockets served, in a round: sessions that ask for no
 * places wait no longer than that. */
#define TRANSFERS_ROUND_MAX 16

struct transfers;

/* One request and its reply, embedded in whatever asks. */
struct transfer {
	struct handle *handle; /* curl's; NULL: not under way */
	bool named;            /* the provider's name is looked up */
	struct buf reply;      /* the owner frees it */
	size_t header_bytes;
	const char *why; /* we broke it off, a literal; NULL: we did not */
};

/* It is over: `result` is curl's, `words` (for the call) what it adds to that,
 * `status` that of HTTP, 0 if none came. It is no longer under way. */
typedef void transfers_end_fn(
	struct transfer *t, CURLcode result, const char *words, long status);

/* 0 or -errno. */
HERD_MUST_CHECK int transfers_new(struct places_common *common,
	struct reactor *reactor, transfers_end_fn *on_end,
	struct transfers **ret_transfers);

/* When none is under way. Accepts NULL. */
void transfers_free(struct transfers *ts);

/* May another be begun? Not beyond places.transfers, nor while many, or one that
 * is slow, wait for the provider's name. */
bool transfers_have_room(const struct transfers *ts);

/* Ask for `target` at the provider's host, and send `body` if the provider is
 * asked by POST: it is borrowed until the end. 0; -ENOMEM. */
HERD_MUST_CHECK int transfers_begin(struct transfers *ts, struct transfer *t,
	const char *target, struct text body);

/* Break it off, if it is under way; on_end is not called. */
void transfers_abort(struct transfers *ts, struct transfer *t);

/* How far one has come that is under way: a literal, for the log. */
const char *transfers_stage(const struct transfer *t);

/* At the end of each round: on_end is called from here. true: there is more to
 * do at once. */
bool transfers_run(struct transfers *ts);

#endif
