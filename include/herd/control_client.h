/* control_client - ask a server of this machine by its control socket.
 * Threads: owner only; blocks. */
#ifndef HERD_CONTROL_CLIENT_H
#define HERD_CONTROL_CLIENT_H

#include "herd/base.h"
#include "herd/buf.h"
#include "herd/conf.h"

/* Send one request ("DUMP"), take the whole reply, less its last line "END".
 *   directory   of the control sockets
 *   timeout_ms  how long nothing may move
 *   ret_reply   its owner frees it
 * 0; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for people:
 * -ENOENT, -ECONNREFUSED: the server does not run; -EPIPE: the reply is not
 * complete; -EPROTO: the server says that it cannot. */
HERD_MUST_CHECK int control_ask(const char *directory, const char *server,
	const char *request, int timeout_ms, struct buf *ret_reply,
	char *error);

#endif
