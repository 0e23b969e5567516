/* answer - what one line means to this server, and what is said to it.
 *
 * Answers are appended to session->env->out, or become turns of the session
 * when they have to wait; nothing is sent here. A reason to end the connection
 * is left in session->doomed.
 *
 * Threads: owner only (the session's worker). */
#ifndef HERD_ANSWER_H
#define HERD_ANSWER_H

#include "herd/line.h"
#include "herd/session.h"

/* A line on its way through: parsed first, so that the memory the store needs
 * is under way while its neighbours in the batch are parsed. */
struct answer_line {
	struct text bytes; /* as received, without LF */
	struct line line;
	struct store_key key; /* of the id */
	bool has_key;         /* the verb has one */
};

void answer_parse(struct session *s, const struct line_fields *fields,
	struct answer_line *ret_line);

/* Where the store is large: for all lines of a batch once they are parsed. */
void answer_prefetch(struct session *s, const struct answer_line *l);

/* Obey it. */
void answer_line(struct session *s, const struct answer_line *l);

/* The line is longer than it may be; `start` is its beginning, at least
 * LINE_QUOTE bytes. A client is told and will be discarded; a link skips. */
void answer_overlong(struct session *s, struct text start);

/* Answer a command that is none: "? " and a copy of it. */
void answer_invalid(struct session *s, struct text body);

/* Say this where the answer at hand goes. */
void answer_say(struct session *s, struct text text);

/* Log a line as received; log an answer as sent. */
void answer_log_received(struct session *s, struct text body);
void answer_log(struct session *s, struct text answer);

/* Whether a line that begins with this, or is it, is longer than it may be. */
bool answer_is_overlong(const struct session *s, struct text start);

#endif
