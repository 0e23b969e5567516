/* notify - one datagram to the service manager; see notify.h. */
#include "herd/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* The address that `name` stands for, and its length. 0 or -errno. */
static int parse_socket(
	const char *name, struct sockaddr_un *ret_at, socklen_t *ret_len)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	if ((*name != '/' && *name != '@') || len < 2)
		return -EINVAL;
	/* A path ends with a zero byte; an abstract name has no end but its
	 * length, and starts with that byte. */
	if (len + (*name == '/') > sizeof at.sun_path)
		return -ENAMETOOLONG;
	memcpy(at.sun_path, name, len);
	if (*name == '@')
		at.sun_path[0] = '\0';
	*ret_at = at;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
			       (*name == '/'));
	return 0;
}

int notify_send(const char *state)
{
	const struct timeval timeout = {.tv_sec = NOTIFY_TIMEOUT_MS / 1000,
		.tv_usec = NOTIFY_TIMEOUT_MS % 1000 * 1000};
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at;
	socklen_t len;
	ssize_t sent;
	int fd, rc;

	if (!name)
		return 0;
	rc = parse_socket(name, &at, &len);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A socket whose owner has stopped reading must not hold us up. */
	rc = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout)
		     ? -errno
		     : 0;
	if (!rc) {
		do
			sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
				(const struct sockaddr *)&at, len);
		while (sent < 0 && errno == EINTR);
		rc = sent < 0 ? -errno : 0;
	}
	close(fd);
	return rc;
}
