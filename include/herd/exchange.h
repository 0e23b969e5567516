/* exchange - commands to one server and its answers back, for the tools.
 *
 *   commands --> out --> socket, half-closed at the end of the commands
 *   output <--- kept <-- socket, until the server closes
 *
 * Both directions go through one poll: a server stops reading from a client
 * that does not read its answers, so sending everything first would hang.
 *
 * Threads: owner only; blocks. */
#ifndef HERD_EXCHANGE_H
#define HERD_EXCHANGE_H

#include "herd/address.h"
#include "herd/base.h"
#include "herd/buf.h"

#define EXCHANGE_KEPT_MAX ((size_t)4 << 20) /* bytes of answers */

struct exchange {
	int socket;     /* from exchange_connect; its owner closes it */
	int input;      /* where commands are read from; -1: all are in out */
	int output;     /* where answers are written */
	int timeout_ms; /* how long nothing may move */
	struct buf out; /* not sent yet; its owner frees it */

	/* Answers are kept for who wants to see them whole, and no longer as
	 * soon as they are too long or memory runs out. */
	bool keep;
	struct buf kept; /* not written yet; exchange_write_kept frees it */

	/* Found by exchange_run. */
	int input_error;   /* 0, or -errno that ended the input */
	int output_error;  /* 0, or -errno that ended everything */
	uint64_t received; /* bytes */
	bool refused;      /* some answer was "? " and a copy */

	/* exchange_run's own. */
	int send_error; /* 0, or -errno that ended the sending */
	bool half_closed;
	size_t column; /* in the current line of the answers */
	char last;     /* byte of the answers */
};

/* Connect to the first address of `host` that answers. 0; -errno, with the
 * address tried last in ret_where (ADDRESS_TEXT bytes), or "" where the name
 * could not be resolved. */
HERD_MUST_CHECK int exchange_connect(const char *host, uint16_t port,
	int timeout_ms, char *ret_where, int *ret_fd);

/* Send and receive until the server closes. 0: after everything was sent, at
 * the end of a line; -EPIPE: before that; -ETIMEDOUT: nothing moved; -errno of
 * the connection otherwise. Whatever was answered is kept or written out. */
HERD_MUST_CHECK int exchange_run(struct exchange *x);

/* Write out what is kept, if anything. 0; -errno, also in output_error. */
HERD_MUST_CHECK int exchange_write_kept(struct exchange *x);

#endif
