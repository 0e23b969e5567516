/* exchange - see the header. One poll over the socket and the input; the
 * output is a file, a pipe or a terminal and may block. */
#include "herd/exchange.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "herd/sys.h"

#define ADDRESSES_MAX 16
#define CHUNK         65536
#define OUT_MAX       (4 * CHUNK) /* unsent bytes: enough to keep both busy */

static int connect_one(const struct address *to, int timeout_ms, int *ret_fd)
{
	struct pollfd ready = {.events = POLLOUT};
	int rc = sys_connect(to, NULL, &ready.fd);
	int n;

	if (rc)
		return rc;
	do
		n = poll(&ready, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		rc = sys_connected(ready.fd);
	else
		rc = n < 0 ? -errno : -ETIMEDOUT;
	if (rc) {
		close(ready.fd);
		return rc;
	}
	*ret_fd = ready.fd;
	return 0;
}

int exchange_connect(const char *host, uint16_t port, int timeout_ms,
	char *ret_where, int *ret_fd)
{
	struct address addresses[ADDRESSES_MAX];
	size_t count = 0;
	int rc = address_resolve(
		host, port, addresses, HERD_COUNT(addresses), &count);

	*ret_where = '\0';
	for (size_t i = 0; i < count; i++) {
		address_format(&addresses[i], ret_where);
		rc = connect_one(&addresses[i], timeout_ms, ret_fd);
		if (!rc)
			break;
	}
	return rc;
}

static void take_input(struct exchange *x)
{
	char *room = buf_reserve(&x->out, CHUNK);
	ssize_t n = room ? sys_read(x->input, room, CHUNK) : -ENOMEM;

	if (n > 0) {
		buf_commit(&x->out, (size_t)n);
	} else if (n != -EAGAIN) {
		x->input = -1;
		x->input_error = (int)n;
	}
}

/* A server that takes no more may still have answered what came before. */
static void push_commands(struct exchange *x)
{
	ssize_t n = sys_send(x->socket, buf_front(&x->out), buf_len(&x->out));

	if (n >= 0) {
		buf_consume(&x->out, (size_t)n);
	} else if (n != -EAGAIN) {
		x->send_error = (int)n;
		x->input = -1;
		x->half_closed = true;
		buf_fini(&x->out);
	}
}

/* A line that starts with "? " is always such an answer: no line of JSON can
 * start like that. */
static void note_answers(struct exchange *x, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (x->column == 1 && x->last == '?' && bytes[i] == ' ')
			x->refused = true;
		x->column = bytes[i] == '\n' ? 0 : x->column + 1;
		x->last = bytes[i];
	}
	x->received += len;
}

static int write_all(int fd, const char *src, size_t len)
{
	while (len > 0) {
		ssize_t n = sys_write(fd, src, len);

		if (n == -EAGAIN) { /* O_NONBLOCK, set by who shares it */
			struct pollfd ready = {.fd = fd, .events = POLLOUT};

			if (poll(&ready, 1, -1) < 0 && errno != EINTR)
				return -errno;
			continue;
		}
		if (n < 0)
			return (int)n;
		src += n;
		len -= (size_t)n;
	}
	return 0;
}

int exchange_write_kept(struct exchange *x)
{
	size_t len = buf_len(&x->kept);

	if (len > 0 && !x->output_error)
		x->output_error =
			write_all(x->output, buf_front(&x->kept), len);
	buf_fini(&x->kept);
	return x->output_error;
}

static int put_answers(struct exchange *x, const char *bytes, size_t len)
{
	if (x->keep && buf_len(&x->kept) + len <= EXCHANGE_KEPT_MAX &&
		!buf_append(&x->kept, bytes, len))
		return 0;
	x->keep = false;
	if (!exchange_write_kept(x))
		x->output_error = write_all(x->output, bytes, len);
	return x->output_error;
}

/* Read once and pass it on. 1: more may come; 0: the end; -errno. */
static int pull_answers(struct exchange *x)
{
	char chunk[CHUNK];
	ssize_t n = sys_read(x->socket, chunk, sizeof chunk);
	int rc;

	if (n == -EAGAIN)
		return 1;
	if (n <= 0)
		return (int)n;
	note_answers(x, chunk, (size_t)n);
	rc = put_answers(x, chunk, (size_t)n);
	return rc ? rc : 1;
}

/* One round of both directions. 1: more may come; 0: the end; -errno. */
static int move_once(struct exchange *x)
{
	size_t unsent = buf_len(&x->out);
	struct pollfd ready[2] = {
		{.fd = x->socket,
			.events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)},
		{.fd = unsent < OUT_MAX ? x->input : -1, .events = POLLIN},
	};
	/* People may think between two commands for as long as they like. */
	bool patient = x->input >= 0 && unsent == 0;
	int n = poll(ready, 2, patient ? -1 : x->timeout_ms);

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n == 0)
		return -ETIMEDOUT;
	if (ready[1].revents)
		take_input(x);
	if (ready[0].revents & POLLOUT)
		push_commands(x);
	if (x->input < 0 && buf_len(&x->out) == 0 && !x->half_closed) {
		shutdown(x->socket, SHUT_WR);
		x->half_closed = true;
	}
	if (ready[0].revents & (POLLIN | POLLHUP | POLLERR))
		return pull_answers(x);
	return 1;
}

int exchange_run(struct exchange *x)
{
	int more;

	do
		more = move_once(x);
	while (more > 0);
	if (more == 0 && x->send_error)
		return x->send_error;
	if (more == 0 && (!x->half_closed || x->column > 0))
		return -EPIPE;
	return more;
}
