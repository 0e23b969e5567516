/* crowd - very many clients that all speak at once, through one connection, in
 * a process of its own, so that the test can do something else meanwhile.
 *
 * Client n is called "crowd-" and n as fourteen digits: twenty bytes. Its lines
 * are of one length, whatever n and the stamp.
 *
 * Threads: owner only. Errors: whatever goes wrong, no answer for
 * HERD_PATIENCE included, fails the running test. */
#ifndef TESTS_CROWD_H
#define TESTS_CROWD_H

#include "herd_proc.h"

#define CROWD_STAMP 1500000000 /* the first */

struct crowd {
	unsigned first, clients; /* who speaks */
	unsigned rounds;         /* how often each, of ten thousand by turns */
	unsigned stamp;          /* of the first round; then one more each */
};

/* Each client says `rounds` times where it is, to one server. */
pid_t crowd_start(
	struct herd *h, const char *server, const struct crowd *crowd);

/* Whether all was said and answered; until then, call again. */
bool crowd_is_done(pid_t crowd);

/* Start, and wait until it is done; the seconds it took. */
double crowd_say(struct herd *h, const char *server, const struct crowd *crowd);

/* The id of a client. Good until the next call. */
const char *crowd_id(unsigned client);

#endif
