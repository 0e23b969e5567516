/* notify - tell the service manager how the server is doing.
 *
 * The protocol is that of sd_notify(3): lines "NAME=VALUE" in one datagram to
 * the socket that the environment names, which is not worth a library.
 *
 * Threads: any. */
#ifndef HERD_NOTIFY_H
#define HERD_NOTIFY_H

#include "herd/base.h"

/* Longer than this the manager does not wait for what we say. */
#define NOTIFY_TIMEOUT_MS 1000

/* Send `state` to $NOTIFY_SOCKET: a path, or @ and a name in the abstract
 * namespace. Without that variable nobody wants to know, which is fine.
 * 0; -EINVAL if it is neither, -ENAMETOOLONG if no socket can be called so,
 * -EAGAIN after NOTIFY_TIMEOUT_MS; or another -errno. */
HERD_MUST_CHECK int notify_send(const char *state);

#endif
