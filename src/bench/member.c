/* member - the acceptor's end of links, herd(7), and of the connections of plain
 * neighbours; see member.h.
 *
 *   GREETING --hello--> PROVING --proof, or no secret--> OPEN
 *       |
 *       '--anything else, from a plain neighbour's address--> PLAIN */
#include "member.h"

#include <errno.h>
#include <stdio.h>
#include <sys/queue.h>

#include "doors.h"
#include "herd/conn.h"
#include "herd/handshake.h"
#include "herd/secret_file.h"
#include "herd/sys.h"

enum link_state {
	LINK_GREETING, /* nothing said yet */
	LINK_PROVING,  /* hellos said, a proof is to come */
	LINK_OPEN,
	LINK_PLAIN, /* no link, but a plain neighbour's connection */
};

struct link {
	struct conn conn;
	struct member *member;
	struct address address;
	enum link_state state;
	size_t which; /* neighbour, once greeted or plain */
	bool used;    /* a line has come on it */
	struct handshake handshake;
	LIST_ENTRY(link) entry;
};

struct member {
	struct member_options options;
	struct neighbours *neighbours;
	struct secret_file secret;
	size_t watched; /* neighbour */
	struct doors doors;
	LIST_HEAD(links, link) links;
	const char *trouble;
	struct buf to; /* what is said in this event */
	char page[CONN_READ_MAX];
};

/* --- what is said on a link ------------------------------------------------- */

static bool is_watched(const struct link *l)
{
	return (l->state == LINK_OPEN || l->state == LINK_PLAIN) &&
	       l->which == l->member->watched;
}

static void end_link(struct link *l, const char *why)
{
	/* That of a plain one may end whenever it likes. */
	if (l->state != LINK_GREETING && l->state != LINK_PLAIN &&
		l->which == l->member->watched)
		l->member->trouble = why;
	LIST_REMOVE(l, entry);
	conn_close(&l->conn, l->member->options.reactor);
	sys_free(l);
}

/* Each of these returns why the link ends, or NULL. */

static const char *say(struct link *l, const char *text, size_t len)
{
	return buf_append(&l->member->to, text, len) ? "out of memory" : NULL;
}

static const char *take_hello(struct link *l, const struct line *line)
{
	struct member *m = l->member;
	char hello[HANDSHAKE_HELLO_MAX];
	const char *why;
	int rc;

	if (line->verb != LINE_HELLO ||
		handshake_judge(m->neighbours, line, &l->address, &l->which,
			&why) == HANDSHAKE_INVALID) {
		if (line->verb == LINE_HELLO && l->which == m->watched)
			m->trouble = why;
		return "no hello";
	}
	rc = handshake_begin(m->neighbours, &l->handshake);
	if (!rc && !why)
		rc = handshake_meet(&l->handshake, m->neighbours, l->which,
			HANDSHAKE_ACCEPTOR, line);
	if (rc)
		return sys_error_text(rc);
	l->state = why || neighbours_secret(m->neighbours).len ? LINK_PROVING
							       : LINK_OPEN;
	rc = buf_append(&m->to, hello,
		handshake_hello(&l->handshake, m->neighbours, l->which, hello));
	return rc ? "out of memory" : why;
}

static const char *take_proof(struct link *l, const struct line *line)
{
	char proof[HANDSHAKE_PROOF_MAX];

	if (line->verb == LINE_BLANK)
		return NULL;
	if (!handshake_is_proof(&l->handshake, line))
		return "its proof is wrong: another secret?";
	l->state = LINK_OPEN;
	return say(l, proof, handshake_prove(&l->handshake, proof));
}

static const char *obey(struct link *l, const struct line *line, int64_t now_ns)
{
	struct member_options *o = &l->member->options;
	char pong[32];
	int len;

	l->used = true;
	/* Other verbs are no lines of a link; the owner judges them. */
	if (line->verb == LINE_PING) {
		len = snprintf(pong, sizeof pong, "PONG %llu\n",
			(unsigned long long)line->ping.number);
		return say(l, pong, (size_t)len);
	}
	if (line->verb == LINE_SYNC || line->verb == LINE_SUMS ||
		line->verb == LINE_LIST)
		return say(l, "WAIT\n", 5);
	if (line->verb != LINE_BLANK && line->verb != LINE_DONE)
		o->on_line(o->arg, is_watched(l), line, now_ns);
	return NULL;
}

/* Whoever it is that has no hello to say: the watched server, if it may be; else
 * whichever plain neighbour has that address. */
static bool is_plain(struct link *l)
{
	struct member *m = l->member;
	size_t which;

	if (!neighbours_plain_from(m->neighbours, &l->address, &which))
		return false;
	if (neighbours_server(m->neighbours, m->watched)->plain &&
		neighbours_is_from(m->neighbours, m->watched, &l->address))
		which = m->watched;
	l->which = which;
	return true;
}

static void take_plain(struct link *l, struct text bytes,
	const struct line *line, int64_t now_ns)
{
	struct member_options *o = &l->member->options;
	struct line plain;

	if (line->verb == LINE_BLANK)
		return;
	/* With more than six fields, `line` is none of a known verb. */
	if (line->verb != LINE_AT && line_parse_plain_at(bytes, &plain))
		line = &plain;
	o->on_line(o->arg, is_watched(l), line, now_ns);
}

static const char *take_line(struct link *l, struct text bytes, int64_t now_ns)
{
	struct line line;

	line_parse(bytes, &line);
	if (l->state == LINK_GREETING && line.verb != LINE_HELLO && is_plain(l))
		l->state = LINK_PLAIN;
	switch (l->state) {
	case LINK_GREETING:
		return take_hello(l, &line);
	case LINK_PROVING:
		return take_proof(l, &line);
	case LINK_OPEN:
		return obey(l, &line, now_ns);
	case LINK_PLAIN:
		take_plain(l, bytes, &line, now_ns);
	}
	return NULL;
}

/* --- bytes ------------------------------------------------------------------ */

/* Take the lines of what was read behind what was kept. */
static const char *take_lines(struct link *l, size_t read, int64_t now_ns)
{
	struct buf *in = &l->conn.in;
	struct text rest = {l->member->page, read};
	bool kept = buf_len(in);
	const char *why = NULL;
	struct text line;

	if (kept && buf_append_text(in, rest))
		return "out of memory";
	if (kept)
		rest = buf_text(in);
	while (!why && conn_take_line(&rest, &line))
		why = take_line(l, line, now_ns);
	if (why)
		return why;
	if (kept)
		buf_consume(in, buf_len(in) - rest.len);
	else if (rest.len && buf_append_text(in, rest))
		return "out of memory";
	return rest.len > LINE_LINK_MAX ? "a line without end" : NULL;
}

/* Of a plain neighbour the last line need not have an LF. */
static const char *take_end(struct link *l)
{
	struct text rest = buf_text(&l->conn.in);

	if (rest.len && (l->state == LINK_PLAIN ||
				(l->state == LINK_GREETING && is_plain(l))))
		(void)take_line(l, rest, sys_monotonic_ns());
	return "it closed the link";
}

static const char *exchange(struct link *l, uint32_t events)
{
	struct member *m = l->member;
	const char *why = NULL;
	ssize_t n = conn_flush(&l->conn);

	if (n >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = conn_read(&l->conn, m->page);
		if (n == -EAGAIN)
			return NULL;
		if (!n) {
			const char *end = take_end(l);

			buf_clear(&m->to); /* nobody is there to hear it */
			return end;
		}
	}
	if (n < 0)
		return sys_error_text((int)n);
	if (events & EPOLLIN)
		why = take_lines(l, (size_t)n, sys_monotonic_ns());
	if (buf_len(&m->to) &&
		conn_send(&l->conn, buf_front(&m->to), buf_len(&m->to)) && !why)
		why = "it takes nothing";
	buf_clear(&m->to);
	if (!why && conn_watch(&l->conn, m->options.reactor, true))
		why = "out of memory";
	return why;
}

static void on_link(struct reactor_io *io, uint32_t events)
{
	struct conn *conn = HERD_CONTAINER(io, struct conn, io);
	struct link *l = HERD_CONTAINER(conn, struct link, conn);
	const char *why = exchange(l, events);

	if (why)
		end_link(l, why);
}

static int on_open(void *arg, int fd, const struct address *address)
{
	struct member *m = arg;
	struct link *l = sys_alloc_zero(1, sizeof *l);

	if (!l)
		return -ENOMEM;
	conn_init(&l->conn, fd, on_link);
	l->member = m;
	l->address = *address;
	LIST_INSERT_HEAD(&m->links, l, entry);
	if (conn_watch(&l->conn, m->options.reactor, true))
		end_link(l, "out of memory");
	return 0;
}

/* --- starting --------------------------------------------------------------- */

static int read_secret(struct member *m, char *error)
{
	static const struct secret_file_rule rule = {
		.option = "peers.secret_file",
		.right = "the file that the servers of the herd have",
		.min = 16,
		.only_owner = true,
	};
	const char *path = m->options.conf->peers.secret_file;
	int rc = 0;

	if (path)
		rc = secret_file_read(
			path, &rule, &m->secret, error, CONF_ERROR_MAX);
	if (!rc && path)
		neighbours_set_secret(m->neighbours,
			(struct text){m->secret.bytes, m->secret.len});
	return rc;
}

/* Where neighbours may come from. A name that leads nowhere now is of one that
 * cannot come. */
static void resolve(struct neighbours *nb)
{
	for (size_t i = 0; i < neighbours_count(nb); i++) {
		const struct conf_server *s = neighbours_server(nb, i);
		struct address found[NEIGHBOUR_ADDRESSES];
		size_t count;

		if (!address_resolve(
			    s->host, s->port, found, HERD_COUNT(found), &count))
			neighbours_set_addresses(
				nb, i, neighbours_moves(nb, i), found, count);
	}
}

int member_new(const struct member_options *options, struct member **ret_member,
	char *error)
{
	const struct conf_server *servers = options->conf->servers;
	struct member *m = sys_alloc_zero(1, sizeof *m);
	int rc;

	snprintf(error, CONF_ERROR_MAX, "out of memory");
	if (!m)
		return -ENOMEM;
	m->options = *options;
	LIST_INIT(&m->links);
	rc = neighbours_new(options->conf, options->self, &m->neighbours);
	if (!rc)
		rc = read_secret(m, error);
	if (rc)
		goto out_free;
	HERD_ASSERT(neighbours_find(m->neighbours,
		text_of(servers[options->watched].name), &m->watched));
	resolve(m->neighbours);
	m->doors = (struct doors){
		.reactor = options->reactor, .on_open = on_open, .arg = m};
	rc = doors_open(&m->doors, &servers[options->self], error);
	if (rc)
		goto out_free;
	*ret_member = m;
	return 0;

out_free:
	member_free(m);
	return rc;
}

void member_free(struct member *m)
{
	if (!m)
		return;
	while (!LIST_EMPTY(&m->links))
		end_link(LIST_FIRST(&m->links), "the end");
	doors_close(&m->doors);
	buf_fini(&m->to);
	if (m->neighbours)
		neighbours_free(m->neighbours);
	secret_file_fini(&m->secret);
	sys_free(m);
}

bool member_is_linked(const struct member *m)
{
	const struct link *l;

	if (neighbours_server(m->neighbours, m->watched)->plain)
		return true;
	LIST_FOREACH(l, &m->links, entry)
		if (is_watched(l) && l->used)
			return true;
	return false;
}

const char *member_trouble(const struct member *m)
{
	return m->trouble;
}
