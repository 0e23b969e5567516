/* sys - the calls whose failure or value a test must be able to choose.
 *
 * herdd links src/base/sys.c, thin wrappers over the kernel and the C library.
 * Unit tests link tests/lib/sys_fault.c instead: the same symbols plus a
 * script (fail the nth call, short reads, a clock that is set by hand). No
 * hook of that kind ships.
 *
 * Threads: any. Errors: -errno, never errno. EINTR is handled inside. */
#ifndef HERD_SYS_H
#define HERD_SYS_H

#include <sys/types.h>

#include "herd/address.h"
#include "herd/base.h"

/* What an error (-errno) is called, for people: a literal. */
const char *sys_error_text(int rc);

/* Nanoseconds since the epoch; and since some fixed point, never going back. */
int64_t sys_realtime_ns(void);
int64_t sys_monotonic_ns(void);

/* Fill `len` bytes with randomness fit for keys. 0 or -errno. */
HERD_MUST_CHECK int sys_random(void *dst, size_t len);

/* Heap. NULL on failure (also when count * size overflows); sys_free accepts
 * NULL. sys_resize keeps the old block on failure. */
HERD_MUST_CHECK void *sys_alloc(size_t size);
HERD_MUST_CHECK void *sys_alloc_zero(size_t count, size_t size);
HERD_MUST_CHECK void *sys_alloc_aligned(size_t alignment, size_t size);
HERD_MUST_CHECK void *sys_resize(void *block, size_t size);
void sys_free(void *block);

/* Bytes moved, 0 at end of file (sys_read), or -errno; -EAGAIN when a
 * non-blocking descriptor would block. sys_send is for sockets and never
 * raises SIGPIPE; sys_write is for files. */
HERD_MUST_CHECK ssize_t sys_read(int fd, void *dst, size_t room);
HERD_MUST_CHECK ssize_t sys_send(int fd, const void *src, size_t len);
HERD_MUST_CHECK ssize_t sys_write(int fd, const void *src, size_t len);

/* Accept one connection, non-blocking and close-on-exec. 0 or -errno. */
HERD_MUST_CHECK int sys_accept(
	int listener, struct address *ret_peer, int *ret_fd);

/* A new non-blocking TCP socket on its way to `to`, from the local host
 * `from` (its port is ignored; NULL: any). 0 (connected or connecting: wait
 * for writability, then sys_connected) or -errno. */
HERD_MUST_CHECK int sys_connect(
	const struct address *to, const struct address *from, int *ret_fd);

/* How a sys_connect ended: 0 or -errno. */
HERD_MUST_CHECK int sys_connected(int fd);

void sys_close(int fd);

/* --- what TCP knows of a connection ---------------------------------------
 * Failing is of no consequence to those who ask: the connection is then about
 * to end anyhow. */

/* We send no more, and still read. */
void sys_shut_sending(int fd);

/* Nothing is on its way: no byte unread here, none not acknowledged there. */
bool sys_is_quiet(int fd);

/* Bytes of ours that the other end's kernel has acknowledged. 0 or -errno. */
HERD_MUST_CHECK int sys_bytes_acked(int fd, uint64_t *ret_bytes);

/* Who is at the other end. 0 or -errno. */
HERD_MUST_CHECK int sys_peer_address(int fd, struct address *ret_address);

/* Take no more for sending once `bytes` wait unsent. */
void sys_limit_unsent(int fd, int bytes);

#define SYS_LISTEN_BACKLOG 4096 /* connections that may wait for sys_accept */

/* A new non-blocking, listening TCP socket on `at`. 0 or -errno. */
HERD_MUST_CHECK int sys_listen(const struct address *at, int *ret_fd);

/* Make a listening TCP socket, sys_listen's or one inherited, what the rest
 * expects: non-blocking, close-on-exec, and with the options that the sockets
 * accepted from it inherit (no delay, keep-alive). 0 or -errno. */
HERD_MUST_CHECK int sys_listener_options(int fd);

#endif
