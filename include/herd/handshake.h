/* handshake - the hello that opens a link between two servers, and how they
 * prove who they are when the herd shares a secret (herd(7)).
 *
 *   dialler  -> HERD 1 Goloman Hands 0123456789abcdef NONCE   from, to, boot id
 *   acceptor -> HERD 1 Hands Goloman fedcba9876543210 NONCE
 *   dialler  -> PROOF DIGITS
 *   acceptor -> PROOF DIGITS
 *
 * Without a secret there is no nonce, and the hellos are all.
 *
 * Pure decisions over parsed lines, but for the nonce; the sockets belong to
 * session and peer. Threads: any; a struct handshake is its owner's. */
#ifndef HERD_HANDSHAKE_H
#define HERD_HANDSHAKE_H

#include "herd/address.h"
#include "herd/line.h"
#include "herd/neighbours.h"

/* Longest lines we send, LF included: a hello has two names of 64. */
#define HANDSHAKE_HELLO_MAX 256
#define HANDSHAKE_PROOF_MAX 80

/* All of it may take so long: from the dial, and from the dialler's hello. */
#define HANDSHAKE_LIMIT_NS (5 * HERD_SECOND_NS)

/* One handshake, at either end. */
struct handshake {
	char nonce[LINE_NONCE_LEN]; /* ours; unused without a secret, as are
				     * the proofs */
	char boot[LINE_BOOT_MAX];   /* theirs */
	size_t boot_len;
	char proof[LINE_PROOF_LEN];    /* ours */
	char expected[LINE_PROOF_LEN]; /* theirs */
};

enum handshake_end {
	HANDSHAKE_DIALLER,
	HANDSHAKE_ACCEPTOR,
};

/* Choose a nonce if one is needed. 0; the errno of the randomness. */
HERD_MUST_CHECK int handshake_begin(
	const struct neighbours *nb, struct handshake *ret_handshake);

/* Write our hello to that neighbour, LF included, to dst[HANDSHAKE_HELLO_MAX];
 * its length. */
size_t handshake_hello(const struct handshake *h, const struct neighbours *nb,
	size_t which, char *dst);

enum handshake_verdict {
	HANDSHAKE_LINK,    /* it says it is that neighbour */
	HANDSHAKE_REFUSED, /* the same, but no link can come of it: answer with
			    * our hello, so that it knows too, and close */
	HANDSHAKE_INVALID, /* not a neighbour's hello to us: a client's invalid
			    * command */
};

/* Acceptor: judge a LINE_HELLO that came from `address`. ret_which is the
 * neighbour it says it is, or NEIGHBOURS_STRANGER; ret_why (a literal) what is
 * wrong with it, or NULL. */
enum handshake_verdict handshake_judge(struct neighbours *nb,
	const struct line *hello, const struct address *address,
	size_t *ret_which, const char **ret_why);

/* Dialler: is this line the hello of neighbour `which` in answer to ours?
 * NULL: it is. Else what is wrong with it, for the log (a literal). */
const char *handshake_refusal(const struct handshake *h,
	const struct neighbours *nb, size_t which, const struct line *answer);

/* Their hello is a good one: now both proofs are known. 0; -ENOMEM. */
HERD_MUST_CHECK int handshake_meet(struct handshake *h,
	const struct neighbours *nb, size_t which, enum handshake_end us,
	const struct line *theirs);

/* With a secret, when handshake_meet is done: write the line that proves us, LF
 * included, to dst[HANDSHAKE_PROOF_MAX]; its length. Does this line prove
 * them? */
size_t handshake_prove(const struct handshake *h, char *dst);
HERD_MUST_CHECK bool handshake_is_proof(
	const struct handshake *h, const struct line *line);

#endif
