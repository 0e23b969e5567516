/* control_socket - a file to connect to; see the header.
 *
 * The file must at no time be open to more than it is meant for: a new one
 * takes its mode from the socket's own inode, less the umask, and nobody can
 * connect before listen(). So fchmod() comes before bind(), and what the umask
 * has taken away is given back between bind() and listen(). */
#include "herd/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "herd/sys.h"

#define MODE    (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)
#define BACKLOG 16

static int open_directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Where a path is too long, /proc shortens it. */
static socklen_t make_address(int directory, const char *path, const char *file,
	struct sockaddr_un *ret_address)
{
	size_t room = sizeof ret_address->sun_path;
	int n;

	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(ret_address->sun_path, room, "%s/%s", path, file);
	if (n < 0 || (size_t)n >= room)
		snprintf(ret_address->sun_path, room, "/proc/self/fd/%d/%s",
			directory, file);
	return sizeof *ret_address;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static void name_file(const char *name, char file[CONF_NAME_MAX + 6])
{
	snprintf(file, CONF_NAME_MAX + 6, "%s.sock", name);
}

static int connect_in(
	int directory, const char *path, const char *file, int *ret_fd)
{
	struct sockaddr_un address;
	socklen_t len = make_address(directory, path, file, &address);
	int fd = new_socket();
	int rc;

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, len)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int control_socket_connect(const char *path, const char *name, int *ret_fd)
{
	char file[CONF_NAME_MAX + sizeof ".sock"];
	int directory = open_directory(path);
	int rc;

	if (directory < 0)
		return directory;
	name_file(name, file);
	rc = connect_in(directory, path, file, ret_fd);
	close(directory);
	return rc;
}

/* --- the server's end ----------------------------------------------------- */

/* Remove the file of a server that is gone. */
static int remove_stale(const struct control_socket *s, const char *path)
{
	struct stat st;
	int other = -1;
	int rc;

	if (fstatat(s->directory, s->file, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	/* connect() would not tell it from a socket that nobody listens on. */
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	rc = connect_in(s->directory, path, s->file, &other);
	if (!rc)
		close(other);
	if (!rc || rc == -EAGAIN)
		return -EADDRINUSE;
	if (rc != -ECONNREFUSED)
		return rc;
	return unlinkat(s->directory, s->file, 0) ? -errno : 0;
}

static int bind_file(const struct control_socket *s, const char *path)
{
	struct sockaddr_un address;
	socklen_t len = make_address(s->directory, path, s->file, &address);
	int rc = 0;

	if (!bind(s->fd, (struct sockaddr *)&address, len))
		return 0;
	rc = errno == EADDRINUSE ? remove_stale(s, path) : -errno;
	if (!rc && bind(s->fd, (struct sockaddr *)&address, len))
		rc = -errno;
	return rc;
}

static int listen_in(struct control_socket *s, const char *path)
{
	struct stat st;
	int rc;

	if (fchmod(s->fd, MODE))
		return -errno;
	rc = bind_file(s, path);
	if (rc)
		return rc;
	if (fchmodat(s->directory, s->file, MODE, 0) ||
		fstatat(s->directory, s->file, &st, AT_SYMLINK_NOFOLLOW) ||
		listen(s->fd, BACKLOG)) {
		rc = -errno;
		(void)unlinkat(s->directory, s->file, 0);
		return rc;
	}
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return 0;
}

static const char *hint(int rc)
{
	switch (rc) {
	case -EADDRINUSE:
		return "somebody answers there: is this server running "
		       "already?";
	case -ENOTSOCK:
		return "there is a file of that name that is no socket";
	default:
		return "control.directory, or without it log.directory, must be "
		       "a directory that this user can write to";
	}
}

int control_socket_open(const char *directory, const char *name,
	struct control_socket *ret_socket, char *error)
{
	struct control_socket s = {.fd = -1};
	int rc;

	name_file(name, s.file);
	s.directory = open_directory(directory);
	/* One level is made, not a whole path: that would hide a typo. */
	if (s.directory == -ENOENT && !mkdir(directory, 0750))
		s.directory = open_directory(directory);
	rc = s.directory < 0 ? s.directory : 0;
	if (!rc) {
		s.fd = new_socket();
		rc = s.fd < 0 ? s.fd : listen_in(&s, directory);
	}
	if (!rc) {
		*ret_socket = s;
		return 0;
	}
	snprintf(error, CONF_ERROR_MAX,
		"cannot make the control socket %.700s/%s: %s (%s)", directory,
		s.file, sys_error_text(rc), hint(rc));
	if (s.fd >= 0)
		close(s.fd);
	if (s.directory >= 0)
		close(s.directory);
	return rc;
}

/* Whether that directory has our file. */
static bool is_in(const struct control_socket *s, int directory)
{
	struct stat st;

	return !fstatat(directory, s->file, &st, AT_SYMLINK_NOFOLLOW) &&
	       st.st_dev == s->device && st.st_ino == s->inode;
}

bool control_socket_is_in(const struct control_socket *s, const char *directory)
{
	int fd = open_directory(directory);
	bool is = fd >= 0 && is_in(s, fd);

	if (fd >= 0)
		close(fd);
	return is;
}

void control_socket_close(struct control_socket *s)
{
	if (s->fd < 0)
		return;
	if (is_in(s, s->directory))
		(void)unlinkat(s->directory, s->file, 0);
	close(s->fd);
	close(s->directory);
	s->fd = -1;
}
