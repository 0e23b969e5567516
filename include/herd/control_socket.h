/* control_socket - the local socket by which people ask a server how it is:
 * DIRECTORY/NAME.sock, for the user and the group that own it (mode 0660).
 *
 * An address of a UNIX socket has room for 107 bytes, a path for 4095: where it
 * is too long, both ends reach it by way of the opened directory.
 *
 * Threads: owner only. */
#ifndef HERD_CONTROL_SOCKET_H
#define HERD_CONTROL_SOCKET_H

#include <sys/types.h>

#include "herd/base.h"
#include "herd/conf.h"

struct control_socket {
	int fd;        /* listening and non-blocking; -1: none */
	int directory; /* it is in */
	char file[CONF_NAME_MAX + sizeof ".sock"];
	dev_t device; /* of the file: it is removed only if it is still ours */
	ino_t inode;
};

/* Make the socket of server `name` and listen on it. The file of one that
 * nobody listens on any more is replaced. A directory that is missing is made,
 * the one it lies in has to be there.
 * 0; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int control_socket_open(const char *directory, const char *name,
	struct control_socket *ret_socket, char *error);

/* Whether its file lies there: a directory may have several paths. */
bool control_socket_is_in(
	const struct control_socket *s, const char *directory);

/* Close it, remove the file. */
void control_socket_close(struct control_socket *s);

/* Connect to the server `name`; the socket is non-blocking. 0; -ENOENT or
 * -ECONNREFUSED: nobody is there; -EAGAIN: too many are before us; other
 * -errno. */
HERD_MUST_CHECK int control_socket_connect(
	const char *directory, const char *name, int *ret_fd);

#endif
