/* control - answers who asks a server how it is, and what it holds, on a local
 * socket: for herdctl(1). What is asked and answered stands in herdd(8).
 *
 *   listener --> asker: one line in --> pages out --> "END", closed
 *
 * Whoever may open the socket's file may ask. A reply is made a page at a time,
 * each when the one before has left, so that who reads slowly costs a page, and
 * in the single-threaded design nobody waits for longer than a page takes.
 *
 * Threads: owner only (main's reactor), or start-up. */
#ifndef HERD_CONTROL_H
#define HERD_CONTROL_H

#include "herd/base.h"
#include "herd/flood.h"
#include "herd/neighbours.h"
#include "herd/reactor.h"
#include "herd/store.h"
#include "herd/worker.h"

struct control;

struct control_options {
	struct reactor *reactor; /* it lives there */
	struct store *store;
	struct neighbours *neighbours;
	struct flood *flood;
	struct worker *const *workers; /* borrowed */
	size_t worker_count;
	const char *directory; /* where its socket is made */
	const char *server;    /* our name */
	const char *design;    /* a word */
};

#define CONTROL_ASKERS      8 /* at a time; others wait to be accepted */
#define CONTROL_REQUEST_MAX 256
#define CONTROL_PATIENCE_NS (10 * HERD_SECOND_NS) /* with who does nothing */
#define CONTROL_FLOOD_NS    (2 * HERD_SECOND_NS)  /* with our flood thread */

/* 0; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int control_new(const struct control_options *options,
	struct control **ret_control, char *error);

/* Have the socket in another directory (borrowed) from now on; who is being
 * answered is not disturbed. 0; -errno, and in `error` why it stays. */
HERD_MUST_CHECK int control_move(
	struct control *c, const char *directory, char *error);

/* After its reactor has stopped. Accepts NULL. */
void control_free(struct control *c);

#endif
