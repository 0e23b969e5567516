/* control_client - one request, one reply; see the header. */
#include "herd/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "herd/conn.h"
#include "herd/control_socket.h"
#include "herd/sys.h"

#define CHUNK 65536

static const char end_line[] = "END\n";
static const char error_word[] = "ERROR ";

/* 0; -ETIMEDOUT; -errno. */
static int await_input(int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&ready, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int take_all(int fd, int timeout_ms, struct buf *reply)
{
	for (;;) {
		int rc = await_input(fd, timeout_ms);
		char *room = rc ? NULL : buf_reserve(reply, CHUNK);
		ssize_t n;

		if (rc)
			return rc;
		n = room ? sys_read(fd, room, CHUNK) : -ENOMEM;
		if (n > 0)
			buf_commit(reply, (size_t)n);
		else if (n != -EAGAIN)
			return (int)n;
	}
}

static int converse(
	int fd, const char *request, int timeout_ms, struct buf *reply)
{
	char line[64];
	int len = snprintf(line, sizeof line, "%s\n", request);
	/* A new socket has room for it. */
	ssize_t n = sys_send(fd, line, (size_t)len);

	return n < 0 ? (int)n : take_all(fd, timeout_ms, reply);
}

/* Take the last line off: it must be "END". */
static int judge(struct buf *reply, const char *server, char *error)
{
	size_t len = buf_len(reply);
	size_t end = strlen(end_line);
	size_t word = strlen(error_word);
	struct text all = buf_text(reply);
	struct text rest = all;
	struct text line;

	if (len > word && !memcmp(all.ptr, error_word, word) &&
		conn_take_line(&rest, &line)) {
		snprintf(error, CONF_ERROR_MAX, "%s: %.*s", server,
			(int)(line.len - word), line.ptr + word);
		return -EPROTO;
	}
	if (len < end || memcmp(all.ptr + len - end, end_line, end) ||
		(len > end && all.ptr[len - end - 1] != '\n')) {
		snprintf(error, CONF_ERROR_MAX,
			"%s: its reply is not complete: it stopped, or waited "
			"for us too long",
			server);
		return -EPIPE;
	}
	buf_truncate(reply, len - end);
	return 0;
}

static const char *hint(int rc)
{
	switch (rc) {
	case -EACCES:
		return " (its socket is for the user who runs the server and "
		       "for that user's group, mode 660; \"id\" tells which "
		       "groups are yours)";
	case -EAGAIN:
		return " (too many are asking it now)";
	default:
		return "";
	}
}

int control_ask(const char *directory, const char *server, const char *request,
	int timeout_ms, struct buf *ret_reply, char *error)
{
	struct buf reply = {0};
	int fd;
	int rc = control_socket_connect(directory, server, &fd);

	if (rc == -ENOENT || rc == -ECONNREFUSED) {
		snprintf(error, CONF_ERROR_MAX,
			"%s: not running (no one at %.800s/%s.sock)", server,
			directory, server);
		return rc;
	}
	if (rc) {
		snprintf(error, CONF_ERROR_MAX,
			"%s: cannot ask at %.600s/%s.sock: %s%s", server,
			directory, server, sys_error_text(rc), hint(rc));
		return rc;
	}
	rc = converse(fd, request, timeout_ms, &reply);
	close(fd);
	if (rc)
		snprintf(error, CONF_ERROR_MAX, "%s: no reply: %s", server,
			sys_error_text(rc));
	else
		rc = judge(&reply, server, error);
	if (rc)
		buf_fini(&reply);
	else
		*ret_reply = reply;
	return rc;
}
