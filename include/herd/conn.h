/* conn - a TCP connection on a reactor: one read per readiness event, and two
 * buffers for what is left over.
 *
 * Bytes are read into a buffer of the thread (scratch) and used in place; a
 * connection keeps only its unfinished line (`in`) and its unwritten rest
 * (`out`), so that an idle one owns no buffer at all.
 *
 * Threads: owner of the reactor only. */
#ifndef HERD_CONN_H
#define HERD_CONN_H

#include <sys/types.h>

#include "herd/base.h"
#include "herd/buf.h"
#include "herd/reactor.h"

struct conn {
	struct reactor_io io; /* its fd is -1 when closed */
	struct buf in;        /* received, not used yet: an unfinished line */
	struct buf out;       /* to be sent as soon as the socket takes it */
};

/* Bytes per readiness event: the bound on how long one connection may keep the
 * others waiting. */
#define CONN_READ_MAX 65536

/* Embed a connected or connecting socket; conn owns `fd` from now on. Nothing
 * is watched yet; which reactor is to do it the owner of the conn knows. */
void conn_init(struct conn *c, int fd,
	void (*on_ready)(struct reactor_io *, uint32_t events));

/* Unwatch, close, free the buffers. May be called twice. `reactor`: that of the
 * thread that owns it; NULL: it has never been watched. */
void conn_close(struct conn *c, struct reactor *reactor);

/* Read once into dst, which has CONN_READ_MAX bytes of room. Bytes read;
 * 0: end of file; -EAGAIN: nothing there; other -errno: broken. */
HERD_MUST_CHECK ssize_t conn_read(struct conn *c, char *dst);

/* Send, behind what still waits in `out`; what the socket does not take now
 * waits there. 0; -ENOMEM or the socket's -errno: close the connection. */
HERD_MUST_CHECK int conn_send(struct conn *c, const void *src, size_t len);

/* Send what waits. Bytes that left, or -errno. */
HERD_MUST_CHECK ssize_t conn_flush(struct conn *c);

/* Watch for input if `reading`, for room to write while `out` waits, and for
 * the connection to break (EPOLLHUP, EPOLLERR). 0 or -errno. */
HERD_MUST_CHECK int conn_watch(
	struct conn *c, struct reactor *reactor, bool reading);

/* Take one line off the front of *bytes, without its LF. false: there is no
 * LF; *bytes is unchanged. */
bool conn_take_line(struct text *bytes, struct text *ret_line);

#endif
