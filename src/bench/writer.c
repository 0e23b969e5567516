/* writer - see writer.h. */
#include "writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "herd/address.h"
#include "herd/conn.h"
#include "herd/sys.h"
#include "target.h"

#define REQUEST     "IAMAT "
#define REQUEST_MAX (sizeof REQUEST + NUMBERED_MAX)

struct client {
	struct conn conn;
	struct writer *writer;
	struct buf due; /* numbers of the updates not answered yet, in order */
};

struct writer {
	struct writer_options options;
	struct client *clients;
	unsigned connected, turn;
	uint64_t sent, answered;
	bool busy;
	bool failed;
	char trouble[256];
	struct buf out; /* what is sent in this event */
	char page[CONN_READ_MAX];
};

HERD_PRINTF(2, 3)
static void fail(struct writer *w, const char *format, ...)
{
	va_list args;

	if (w->failed) /* what came first is what matters */
		return;
	w->failed = true;
	va_start(args, format);
	vsnprintf(w->trouble, sizeof w->trouble, format, args);
	va_end(args);
}

static size_t under_way(const struct client *c)
{
	return buf_len(&c->due) / sizeof(uint64_t);
}

/* --- sending ---------------------------------------------------------------- */

static int put_update(struct writer *w, struct client *c)
{
	char *dst = buf_reserve(&w->out, REQUEST_MAX);
	uint64_t number = w->sent;
	size_t len = sizeof REQUEST - 1;

	if (!dst || buf_append(&c->due, &number, sizeof number))
		return -ENOMEM;
	memcpy(dst, REQUEST, len);
	len += numbered_format(w->options.updates, number, dst + len);
	dst[len++] = '\n';
	buf_commit(&w->out, len);
	w->sent++;
	return 0;
}

static void send_on(struct client *c, size_t count)
{
	struct writer *w = c->writer;
	int rc = 0;

	while (!rc && count--)
		rc = put_update(w, c);
	if (!rc)
		rc = conn_send(&c->conn, buf_front(&w->out), buf_len(&w->out));
	if (!rc)
		rc = conn_watch(&c->conn, w->options.reactor, true);
	buf_clear(&w->out);
	if (rc)
		fail(w, "cannot send to %s: %s", w->options.server->name,
			sys_error_text(rc));
}

void writer_send(struct writer *w, uint64_t count)
{
	for (; count; count--, w->turn++)
		send_on(&w->clients[w->turn % w->connected], 1);
}

void writer_keep_busy(struct writer *w, bool busy)
{
	w->busy = busy;
	for (unsigned i = 0; busy && i < w->connected; i++) {
		struct client *c = &w->clients[i];

		if (under_way(c) < w->options.pipeline)
			send_on(c, w->options.pipeline - under_way(c));
	}
}

/* --- answers ---------------------------------------------------------------- */

/* "AT SERVER DIFFERENCE" and what was sent. */
static bool is_answer(
	const struct writer *w, struct text bytes, uint64_t number)
{
	char sent[NUMBERED_MAX];
	size_t len = numbered_format(w->options.updates, number, sent);
	struct line line;

	line_parse(bytes, &line);
	return line.verb == LINE_AT && line.at.normal &&
	       text_equal(line.at.server, text_of(w->options.server->name)) &&
	       bytes.len > len &&
	       !memcmp(bytes.ptr + bytes.len - len, sent, len) &&
	       line.at.id.ptr == bytes.ptr + bytes.len - len;
}

static void take_answer(struct client *c, struct text line)
{
	struct writer *w = c->writer;
	uint64_t number;

	if (!under_way(c)) {
		fail(w, "%s answers what was not asked: \"%.*s\"",
			w->options.server->name, (int)line.len, line.ptr);
		return;
	}
	memcpy(&number, buf_front(&c->due), sizeof number);
	buf_consume(&c->due, sizeof number);
	if (is_answer(w, line, number))
		w->answered++;
	else
		fail(w, "%s gives a wrong answer: \"%.*s\"",
			w->options.server->name, (int)line.len, line.ptr);
}

static int take_answers(struct client *c, size_t read)
{
	struct buf *in = &c->conn.in;
	struct text rest = {c->writer->page, read};
	bool kept = buf_len(in);
	struct text line;

	if (kept && buf_append_text(in, rest))
		return -ENOMEM;
	if (kept)
		rest = buf_text(in);
	while (conn_take_line(&rest, &line))
		take_answer(c, line);
	if (kept)
		buf_consume(in, buf_len(in) - rest.len);
	else if (rest.len && buf_append_text(in, rest))
		return -ENOMEM;
	return 0;
}

static int exchange(struct client *c, uint32_t events)
{
	struct conn *conn = &c->conn;
	struct writer *w = c->writer;
	ssize_t n = conn_flush(conn);
	int rc = n < 0 ? (int)n : 0;

	if (!rc && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = conn_read(conn, w->page);
		if (n > 0)
			rc = take_answers(c, (size_t)n);
		else if (n != -EAGAIN)
			rc = n ? (int)n : -ECONNRESET;
	}
	return rc ? rc : conn_watch(conn, w->options.reactor, true);
}

static void on_client(struct reactor_io *io, uint32_t events)
{
	struct conn *conn = HERD_CONTAINER(io, struct conn, io);
	struct client *c = HERD_CONTAINER(conn, struct client, conn);
	struct writer *w = c->writer;
	int rc = exchange(c, events);

	if (rc) {
		fail(w, "a connection to %s has ended: %s",
			w->options.server->name, sys_error_text(rc));
		conn_close(conn, w->options.reactor);
		return;
	}
	if (w->busy && !w->failed && under_way(c) < w->options.pipeline)
		send_on(c, w->options.pipeline - under_way(c));
}

/* --- connecting ------------------------------------------------------------- */

static int connect_client(struct writer *w, const struct address *to)
{
	struct client *c = &w->clients[w->connected];
	int fd;
	int rc = target_connect(to, NULL, &fd);

	if (rc)
		return rc;
	c->writer = w;
	conn_init(&c->conn, fd, on_client);
	w->connected++;
	return conn_watch(&c->conn, w->options.reactor, true);
}

static int connect_all(struct writer *w)
{
	const struct conf_server *server = w->options.server;
	struct address to;
	size_t count;
	int rc = address_resolve(server->host, server->port, &to, 1, &count);

	w->clients = sys_alloc_zero(w->options.connections, sizeof *w->clients);
	if (!w->clients)
		return -ENOMEM;
	while (!rc && w->connected < w->options.connections)
		rc = connect_client(w, &to);
	return rc;
}

int writer_new(const struct writer_options *options, struct writer **ret_writer,
	char *error)
{
	const struct conf_server *server = options->server;
	struct writer *w = sys_alloc_zero(1, sizeof *w);
	int rc = -ENOMEM;

	if (w) {
		w->options = *options;
		rc = connect_all(w);
	}
	if (rc) {
		snprintf(error, CONF_ERROR_MAX,
			"cannot connect to %s (%s, port %u): %s", server->name,
			server->host, server->port, sys_error_text(rc));
		writer_free(w);
		return rc;
	}
	*ret_writer = w;
	return 0;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < w->connected; i++) {
		conn_close(&w->clients[i].conn, w->options.reactor);
		buf_fini(&w->clients[i].due);
	}
	buf_fini(&w->out);
	sys_free(w->clients);
	sys_free(w);
}

uint64_t writer_sent(const struct writer *w)
{
	return w->sent;
}

uint64_t writer_answered(const struct writer *w)
{
	return w->answered;
}

const char *writer_trouble(const struct writer *w)
{
	return w->failed ? w->trouble : NULL;
}
