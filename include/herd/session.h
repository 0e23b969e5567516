/* session - one accepted connection: a client, or a neighbour that dialled us.
 *
 *   read once -> lines -> answer_line() each -> answers gathered -> sent once
 *                                    '-> a turn, while the provider is asked
 *
 * What the socket does not take waits in conn.out; at SESSION_OUT_MAX the
 * session stops taking lines and reading, until half of it has left. Lines that
 * were read but not taken by then wait in conn.in, and the worker's ready list
 * brings the session back.
 *
 * Nothing in here frees the session half-way: whoever finds that it must end
 * sets `doomed`; the last step of an event (settle) closes it.
 *
 * Threads: made by the acceptor, then owner only (its worker). */
#ifndef HERD_SESSION_H
#define HERD_SESSION_H

#include <sys/queue.h>

#include "herd/address.h"
#include "herd/base.h"
#include "herd/buf.h"
#include "herd/conf.h"
#include "herd/conn.h"
#include "herd/handshake.h"
#include "herd/log.h"
#include "herd/neighbours.h"
#include "herd/places.h"
#include "herd/reactor.h"
#include "herd/store.h"

#define SESSION_OUT_MAX 262144 /* bytes of answers that may wait */

struct session;
TAILQ_HEAD(session_queue, session);

/* What the sessions of one worker share; the worker fills and owns it. */
struct session_env {
	struct reactor *reactor;
	struct store *store;
	struct neighbours *neighbours;
	struct places *places;
	struct log_ring *log;
	const struct conf *conf;
	struct text server; /* our name */

	char *page;     /* CONN_READ_MAX bytes: input of the event at hand */
	char *normal;   /* LINE_LINK_MAX + 1 bytes: an AT line put in order; or
			 * lines of the store, each with its LF */
	struct buf out; /* answers of the event at hand */
	struct buf *to; /* where the answer at hand goes: out, or a turn */
	size_t places_bytes; /* what an answer of the provider usually has */
	int64_t now_ns;      /* wall clock of the event at hand */
	unsigned questions;  /* of catching up that were answered in it */
	bool log_received;   /* whether it logs what was received, or sent */
	bool log_sent;
	bool stopping; /* the server stops: so does every new session */
	struct session_queue ready; /* have lines and room for answers, or news
				     * of their turns */
	struct session_queue waiting; /* all others */

	/* The shard has news for the neighbours. */
	void (*on_update)(struct session_env *env, uint32_t shard);
	/* A neighbour has opened a link: it no longer counts as a client. */
	void (*on_link)(struct session_env *env, size_t neighbour,
		uint32_t incarnation);
	/* It is closed and about to be freed. */
	void (*on_gone)(struct session_env *env, bool was_link);
};

/* Once the connection has said hello as a neighbour. */
struct session_link {
	size_t neighbour;
	struct handshake handshake;
	bool proven;          /* it is one; else its proof is to come */
	uint32_t incarnation; /* of the process at the other end */
	uint32_t number;      /* neighbours_link_is_newest */
	bool skipping;        /* in the middle of an over-long line */
	bool repairing;       /* it has the right to repair what we hold */
	int64_t renewed_ns;   /* and last said so */
	uint64_t updates, skipped;
};

/* In the order of their use: what an event of a client touches stands first. */
struct session {
	struct conn conn;
	struct session_env *env;
	struct session_link *link; /* NULL: a client; see session_is_link */
	struct turns *turns;       /* answers that wait; NULL: none */
	const char *doomed;        /* why it ends with this event; NULL */
	const char *discarding;    /* why it ends as soon as its answers have
				    * left, its input being dropped; NULL */
	uint64_t bytes_in, bytes_out;
	uint32_t commands;
	bool is_ready;     /* in env->ready; else in env->waiting */
	bool has_lines;    /* conn.in holds lines not taken yet */
	bool ended;        /* the client sends no more */
	bool shut;         /* discarding, and our sending side is shut down */
	bool must_be_link; /* over limits.connections, or without its proof:
			    * until the timer; or say AT as a plain one */
	bool stopping;     /* the server stops */
	struct address address;
	struct timer timer; /* see on_timer */
	TAILQ_ENTRY(session) queue;
};

/* An idle connection costs this, and nothing else of ours: think twice before
 * you add to it. */
_Static_assert(sizeof(struct session) <= 184, "there are many of them");

/* Make a session of an accepted socket; the session owns it from then on.
 * must_be_link: there is no room for another client, only for a neighbour.
 * Threads: any. 0; -ENOMEM (the caller keeps fd). */
HERD_MUST_CHECK int session_new(int fd, const struct address *address,
	bool must_be_link, struct session **ret_session);

/* Close one that was never started. */
void session_free(struct session *s);

/* Whether it is a link: what has yet to prove it is a client in all else. */
static inline bool session_is_link(const struct session *s)
{
	return s->link && s->link->proven;
}

/* The neighbour that has said hello: of one with s->link, proven or not. */
const char *session_link_name(const struct session *s);

/* Start to serve it. */
void session_start(struct session *s, struct session_env *env);

/* Take the lines that waited: the worker calls it for those in env->ready. */
void session_resume(struct session *s);

/* A turn has its places: have it resumed in this round. */
void session_wake(struct session *s);

/* How long to wait for somebody: `usual_ns`, or less when the server stops. */
int64_t session_patience_ns(const struct session *s, int64_t usual_ns);

/* Close it now. */
void session_end(struct session *s, const char *why);

/* Take what has arrived, answer it, then close. */
void session_stop(struct session *s);

#endif
