/* link - a session that is, or is to become, a neighbour's link to us: its
 * hello and its proof, its updates, its questions when it repairs what we hold
 * (herd(7)). The link that we dial is a peer (peer.h).
 *
 * Who may say AT is decided here: only a connection that has said hello from
 * its neighbour's address, and proven it where the herd has a secret.
 *
 * Like answers, what is said goes to session->env->to, and a reason to end the
 * connection is left in session->doomed.
 *
 * Threads: owner only (the session's worker). */
#ifndef HERD_LINK_H
#define HERD_LINK_H

#include "herd/answer.h"
#include "herd/session.h"

/* A client has said hello. */
void link_answer_hello(struct session *s, const struct line *hello);

/* A line where its proof is to come. */
void link_take_proof(struct session *s, const struct line *line);

/* A line of a link. */
void link_obey(struct session *s, const struct answer_line *l);

/* Leave out what is no line of a link. */
void link_skip(struct session *s, struct text bytes, const char *why);

/* It did not become a link as it had to: it ends. */
void link_does_not_come(struct session *s);

/* It was a link, and ends. */
void link_ends(struct session *s);

#endif
