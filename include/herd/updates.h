/* updates - what neighbours tell: AT lines, on links and from plain neighbours.
 *
 * Nothing is answered. A reason to end the connection is left in
 * session->doomed.
 *
 * Threads: owner only (the session's worker). */
#ifndef HERD_UPDATES_H
#define HERD_UPDATES_H

#include "herd/answer.h"

/* An AT line on a link. */
void updates_take(struct session *s, const struct answer_line *l);

/* The line of a client, who may be a plain neighbour. false: it is no AT line,
 * or none of them is at that address. */
HERD_MUST_CHECK bool updates_take_plain(
	struct session *s, const struct answer_line *l);

/* Whether a line that begins like this may become such a one. */
HERD_MUST_CHECK bool updates_may_be_plain(
	const struct session *s, struct text start);

#endif
