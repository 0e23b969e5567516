/* conn - a socket with two buffers; see conn.h. What the bytes mean is the
 * business of session (clients and links dialled by neighbours) and peer
 * (links dialled by us). */
#include "herd/conn.h"

#include <errno.h>

#include "herd/sys.h"

void conn_init(struct conn *c, int fd,
	void (*on_ready)(struct reactor_io *, uint32_t events))
{
	*c = (struct conn){.io = {.fd = fd, .on_ready = on_ready}};
}

void conn_close(struct conn *c, struct reactor *reactor)
{
	if (c->io.fd < 0)
		return;
	if (reactor) {
		reactor_close(reactor, &c->io);
	} else {
		sys_close(c->io.fd);
		c->io.fd = -1;
	}
	buf_fini(&c->in);
	buf_fini(&c->out);
}

ssize_t conn_read(struct conn *c, char *dst)
{
	return sys_read(c->io.fd, dst, CONN_READ_MAX);
}

int conn_send(struct conn *c, const void *src, size_t len)
{
	const char *bytes = src;
	ssize_t n = 0;

	if (!buf_len(&c->out)) {
		n = sys_send(c->io.fd, bytes, len);
		if (n < 0 && n != -EAGAIN)
			return (int)n;
		if (n < 0)
			n = 0;
	}
	if ((size_t)n == len)
		return 0;
	return buf_append(&c->out, bytes + n, len - (size_t)n);
}

ssize_t conn_flush(struct conn *c)
{
	ssize_t n;

	if (!buf_len(&c->out))
		return 0;
	n = sys_send(c->io.fd, buf_front(&c->out), buf_len(&c->out));
	if (n == -EAGAIN)
		return 0;
	if (n > 0)
		buf_consume(&c->out, (size_t)n);
	return n;
}

int conn_watch(struct conn *c, struct reactor *reactor, bool reading)
{
	/* Of a reset or a broken connection epoll tells in any case, as long as
	 * it is asked for something. */
	uint32_t events = reading ? EPOLLIN : EPOLLHUP;

	if (buf_len(&c->out))
		events |= EPOLLOUT;
	return reactor_watch(reactor, &c->io, events);
}

bool conn_take_line(struct text *bytes, struct text *ret_line)
{
	const char *lf =
		bytes->len ? memchr(bytes->ptr, '\n', bytes->len) : NULL;

	if (!lf)
		return false;
	*ret_line = (struct text){bytes->ptr, (size_t)(lf - bytes->ptr)};
	bytes->len -= ret_line->len + 1;
	bytes->ptr = lf + 1;
	return true;
}
