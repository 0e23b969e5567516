/* handshake - the hello that opens a link between two servers (herd(7)).
 *
 *   dialler  -> HERD 1 Goloman Hands 0123456789abcdef   from, to, boot id
 *   acceptor -> HERD 1 Hands Goloman fedcba9876543210
 *
 * Pure decisions over a parsed line; the sockets belong to session and peer.
 * Threads: any. */
#ifndef HERD_HANDSHAKE_H
#define HERD_HANDSHAKE_H

#include "herd/address.h"
#include "herd/line.h"
#include "herd/neighbours.h"

/* Longest hello we send: two names of 64, the rest is short. */
#define HANDSHAKE_HELLO_MAX 192

/* Write our hello to that neighbour, LF included; its length. */
size_t handshake_hello(const struct neighbours *nb, size_t which, char *dst);

enum handshake_verdict {
	HANDSHAKE_LINK,    /* it is that neighbour: answer and take updates */
	HANDSHAKE_VERSION, /* right names, a version we do not speak: answer
			    * with ours and close */
	HANDSHAKE_INVALID, /* not a neighbour's hello to us: a client's invalid
			    * command */
};

/* Acceptor: judge a LINE_HELLO that came from `address`. ret_which is set
 * unless the verdict is HANDSHAKE_INVALID. */
enum handshake_verdict handshake_judge(struct neighbours *nb,
	const struct line *hello, const struct address *address,
	size_t *ret_which);

/* Dialler: is this line the hello of neighbour `which` to us, in our version?
 * NULL: it is. Else what is wrong with it, for the log (a literal). */
const char *handshake_refusal(
	const struct neighbours *nb, size_t which, const struct line *answer);

#endif
