/* herd_sums - do two servers hold the same? The test asks as a neighbour of
 * theirs that it plays, called Relay, over links that say nothing but SYNC.
 *
 * Threads: owner only. Errors: whatever goes wrong fails the running test. */
#ifndef TESTS_HERD_SUMS_H
#define TESTS_HERD_SUMS_H

#include "herd_client.h"

/* A link that Relay dials. */
struct client *sums_link(struct herd *h, const char *server);

/* The server's answer: the digest of what it holds. false: it is being
 * repaired. */
struct sum {
	char text[32];
};
bool sums_ask(struct client *link, struct sum *ret_sum);

/* Whether they hold the same now; wait until they do. */
bool sums_are_equal(struct client *a, struct client *b);
void sums_wait_equal(struct client *a, struct client *b);

#endif
