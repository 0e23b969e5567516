/* turns - answers of a client that have to wait for their turn.
 *
 * A WHATSAT waits for the places provider; what was asked after it is answered
 * at once, but may not overtake it. So as long as a session has turns, each of
 * its answers becomes one; they leave from the front, as far as they are
 * finished. A session that waits for nobody has none, and pays nothing.
 *
 * Threads: owner only (the session's worker). */
#ifndef HERD_TURNS_H
#define HERD_TURNS_H

#include "herd/base.h"
#include "herd/buf.h"
#include "herd/places.h"
#include "herd/session.h"

#define TURNS_ASKING_MAX 32 /* questions to the provider, per session */

struct turn {
	TAILQ_ENTRY(turn) next;
	struct session *session;
	struct buf text; /* the answer so far, or all of it but the places */
	struct places_answer *shared; /* what the next two lie in; NULL: they
				       * are in text */
	struct text head, tail;       /* the places */
	size_t counted;               /* bytes of memory, see turns.bytes */
	bool asking;                  /* the places are still to come */
	struct places_query query;
};

TAILQ_HEAD(turn_queue, turn);

/* session->turns; NULL when there is none. */
struct turns {
	struct turn_queue queue;
	size_t bytes;    /* that they hold and will send */
	unsigned asking; /* turns that are */
};

/* Another turn, behind all others; the session owns it. NULL: no memory. */
HERD_MUST_CHECK struct turn *turns_add(struct session *s);

/* The caller has appended to turn->text: count its bytes. */
void turns_count(struct turn *turn);

/* Ask the provider what is near; its answer will be appended, and the session
 * resumed. Where it cannot be asked an excuse is appended at once. The question
 * is read during the call only. */
void turns_ask(struct turn *turn, const struct provider_question *question);

/* Move finished turns from the front to env->out, until SESSION_OUT_MAX bytes
 * wait there and in conn.out; each is told to on_leave. false: none was moved.
 * Without memory the session is doomed. */
bool turns_leave(struct session *s,
	void (*on_leave)(struct session *s, struct text answer));

/* Nobody waits for the provider longer than until due_ns (monotonic). */
void turns_hurry(struct session *s, int64_t due_ns);

/* The session ends: drop them all. */
void turns_drop(struct session *s);

/* May another question be asked? */
static inline bool turns_have_room(const struct session *s)
{
	return !s->turns || s->turns->asking < TURNS_ASKING_MAX;
}

/* Bytes of answers, those to come included, for which the worker's experience
 * has to do. */
static inline size_t turns_bytes(const struct session *s)
{
	return s->turns ? s->turns->bytes +
				  s->turns->asking * s->env->places_bytes
			: 0;
}

#endif
