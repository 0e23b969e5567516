/* session - a connection's life between accept and close; see session.h. What
 * its lines mean stands in answer.c. */
#include "herd/session.h"

#include <errno.h>

#include "herd/answer.h"
#include "herd/line.h"
#include "herd/link.h"
#include "herd/sys.h"
#include "herd/turns.h"

#define BATCH         16 /* lines parsed before the first is obeyed */
#define QUESTIONS     16 /* of catching up, answered in one go: they are dear */
#define DISCARD_NS    HERD_SECOND_NS
#define PROVE_LINK_NS (2 * HERD_SECOND_NS)
#define LAST_READS    64 /* a stopping server reads no more pages than that */

static const char stops[] = "the server stops";

static void on_ready(struct reactor_io *io, uint32_t events);
static void on_timer(struct timer *timer);

/* --- the end -------------------------------------------------------------- */

const char *session_link_name(const struct session *s)
{
	return neighbours_name(s->env->neighbours, s->link->neighbour);
}

static void log_closed(const struct session *s, const char *why)
{
	struct log_facts facts = {.address = &s->address, .why = why};

	if (session_is_link(s)) {
		facts.name = session_link_name(s);
		facts.number[0] = s->link->updates;
		facts.number[1] = s->link->skipped;
		log_write(s->env->log, LOG_PEER_CLOSED, &facts);
	} else {
		facts.number[0] = s->commands;
		facts.number[1] = s->bytes_in;
		facts.number[2] = s->bytes_out;
		log_write(s->env->log, LOG_CLIENT_CLOSED, &facts);
	}
}

void session_free(struct session *s)
{
	conn_close(&s->conn, s->env ? s->env->reactor : NULL);
	sys_free(s->link);
	sys_free(s);
}

static struct session_queue *queue_of(const struct session *s)
{
	return s->is_ready ? &s->env->ready : &s->env->waiting;
}

static void change_queue(struct session *s, bool ready)
{
	TAILQ_REMOVE(queue_of(s), s, queue);
	s->is_ready = ready;
	TAILQ_INSERT_TAIL(queue_of(s), s, queue);
}

static void end(struct session *s, const char *why)
{
	struct session_env *env = s->env;
	bool was_link = session_is_link(s);

	log_closed(s, why);
	if (was_link)
		link_ends(s);
	reactor_timer_clear(env->reactor, &s->timer);
	turns_drop(s);
	TAILQ_REMOVE(queue_of(s), s, queue);
	session_free(s);
	env->on_gone(env, was_link);
}

/* --- lines ---------------------------------------------------------------- */

static HERD_HOT bool has_room(const struct session *s)
{
	return buf_len(&s->conn.out) + buf_len(&s->env->out) + turns_bytes(s) <
		       SESSION_OUT_MAX &&
	       turns_have_room(s);
}

static bool takes_lines(const struct session *s)
{
	return !s->doomed && !s->discarding && has_room(s) &&
	       s->env->questions < QUESTIONS;
}

/* Obey the lines of *bytes as long as there is room for answers; *bytes is
 * then what is left. */
static void take_lines(struct session *s, struct text *bytes)
{
	struct line_scan scan = line_scan_begin(*bytes);
	struct answer_line batch[BATCH];
	struct line_fields fields;
	const char *rest;
	size_t parsed;
	size_t obeyed;

	do {
		parsed = 0;
		while (parsed < BATCH && line_scan_next(&scan, &fields))
			answer_parse(s, &fields, &batch[parsed++]);
		if (parsed > 1 && store_is_large(s->env->store))
			for (size_t i = 0; i < parsed; i++)
				answer_prefetch(s, &batch[i]);
		for (obeyed = 0; obeyed < parsed && takes_lines(s); obeyed++)
			answer_line(s, &batch[obeyed]);
	} while (parsed == BATCH && obeyed == parsed);
	rest = obeyed < parsed ? batch[obeyed].bytes.ptr : scan.next;
	*bytes = (struct text){rest, (size_t)(scan.end - rest)};
}

/* Keep what is left: lines for which there was no room, or an unfinished one,
 * which may prove too long. */
static void keep(struct session *s, struct text rest)
{
	struct buf *in = &s->conn.in;

	if (s->doomed || s->discarding || !rest.len)
		return;
	if (buf_append_text(in, rest)) {
		s->doomed = "out of memory";
		return;
	}
	if (memchr(rest.ptr, '\n', rest.len))
		s->has_lines = true;
	if (s->has_lines || !answer_is_overlong(s, buf_text(in)))
		return;
	answer_overlong(s, buf_text(in));
	if (s->link)
		s->link->skipping = true;
	buf_fini(in);
}

/* An over-long line on a link goes on up to its LF. */
static void skip_rest_of_line(struct session *s, struct text *bytes)
{
	struct text line;

	if (!s->link || !s->link->skipping)
		return;
	if (conn_take_line(bytes, &line))
		s->link->skipping = false;
	else
		bytes->len = 0;
}

/* Lines that waited in conn.in, the first of which may have been unfinished. */
static void take_kept(struct session *s)
{
	struct buf kept = s->conn.in;
	struct text bytes = buf_text(&kept);

	s->conn.in = (struct buf){0};
	s->has_lines = false;
	take_lines(s, &bytes);
	keep(s, bytes);
	buf_fini(&kept);
}

static void take_bytes(struct session *s, struct text bytes)
{
	struct text line;

	skip_rest_of_line(s, &bytes);
	if (buf_len(&s->conn.in)) {
		/* Finish the unfinished line; those after it are used in
		 * place. */
		if (!conn_take_line(&bytes, &line)) {
			keep(s, bytes);
			return;
		}
		if (buf_append(&s->conn.in, line.ptr, line.len + 1)) {
			s->doomed = "out of memory";
			return;
		}
		take_kept(s);
	}
	take_lines(s, &bytes);
	keep(s, bytes);
}

/* The client has shut down its sending side: an unterminated last line counts
 * as a line. */
static void take_end(struct session *s)
{
	struct buf *in = &s->conn.in;

	s->ended = true;
	if (!buf_len(in) || s->link)
		return;
	if (buf_append(in, "\n", 1))
		s->doomed = "out of memory";
	else
		take_kept(s);
}

/* --- events --------------------------------------------------------------- */

static void begin_event(struct session *s)
{
	struct session_env *env = s->env;

	env->now_ns = sys_realtime_ns();
	env->questions = 0;
	env->log_received = log_wants(env->log, LOG_RECEIVED);
	env->log_sent = log_wants(env->log, LOG_SENT);
}

static bool reads(const struct session *s)
{
	if (s->discarding)
		return s->shut; /* its answers come first */
	return !s->ended && !s->has_lines && !s->stopping && has_room(s);
}

/* false: that was all for now, or for ever. */
static bool take_input(struct session *s)
{
	ssize_t n = conn_read(&s->conn, s->env->page);

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		s->doomed = sys_error_text((int)n);
		return false;
	}
	if (n == 0 && s->discarding)
		s->doomed = s->discarding;
	if (n == 0) {
		take_end(s);
		return false;
	}
	s->bytes_in += (uint64_t)n;
	if (!s->discarding)
		take_bytes(s, (struct text){s->env->page, (size_t)n});
	return true;
}

static void flush(struct session *s)
{
	ssize_t n = conn_flush(&s->conn);

	if (n < 0)
		s->doomed = sys_error_text((int)n);
	else if (n > 0 && !s->shut && !s->must_be_link)
		/* It takes something: its time starts anew. */
		reactor_timer_clear(s->env->reactor, &s->timer);
}

static void send_answers(struct session *s)
{
	struct buf *out = &s->env->out;
	int rc;

	if (!s->doomed && buf_len(out)) {
		s->bytes_out += buf_len(out);
		rc = conn_send(&s->conn, buf_front(out), buf_len(out));
		if (rc)
			s->doomed = sys_error_text(rc);
	}
	buf_clear(out);
}

/* Unless it runs already: its time is then the older one. */
static void start_timer(struct session *s, int64_t wait_ns)
{
	if (!timer_is_set(&s->timer))
		reactor_timer_set(s->env->reactor, &s->timer,
			reactor_now_ns(s->env->reactor) + wait_ns);
}

void session_wake(struct session *s)
{
	if (!s->is_ready)
		change_queue(s, true);
}

static void make_ready(struct session *s)
{
	if (s->has_lines && has_room(s) &&
		buf_len(&s->conn.out) < SESSION_OUT_MAX / 2)
		session_wake(s);
}

/* A stopping server may wait for the provider, for its answers to leave and
 * then for the client's end of input, and keeps time for the neighbours. */
int64_t session_patience_ns(const struct session *s, int64_t usual_ns)
{
	int64_t third_ns = s->env->conf->stop_timeout_ns / 3;

	return s->stopping && third_ns < usual_ns ? third_ns : usual_ns;
}

/* What the timer is for, if it is for anything. */
static void adjust_timer(struct session *s)
{
	if (buf_len(&s->conn.out)) {
		start_timer(s, session_patience_ns(s,
				       s->env->conf->limits.write_timeout_ns));
	} else if (s->turns) {
		/* Waiting for the provider is not the client's fault. */
		if (!s->must_be_link)
			reactor_timer_clear(s->env->reactor, &s->timer);
	} else if (s->discarding && !s->shut) {
		s->shut = true;
		sys_shut_sending(s->conn.io.fd);
		reactor_timer_clear(s->env->reactor, &s->timer);
		start_timer(s, session_patience_ns(s, DISCARD_NS));
	} else if (!s->discarding && !s->must_be_link) {
		reactor_timer_clear(s->env->reactor, &s->timer);
	}
}

/* Closing harms nobody. Else it might: a socket closed with input unread, or
 * sent more later, resets the connection, and answers that have not arrived are
 * lost. */
static bool may_close(const struct session *s)
{
	return s->link || sys_is_quiet(s->conn.io.fd);
}

/* The last step of every event: send, decide what to wait for, or close. */
static void settle(struct session *s)
{
	bool more;
	int rc;

	do {
		more = turns_leave(s, answer_log);
		send_answers(s);
	} while (more && !s->doomed && !buf_len(&s->conn.out));
	if (!s->doomed && !s->discarding && !s->has_lines && !s->turns &&
		!buf_len(&s->conn.out)) {
		if (s->ended)
			s->doomed = "end of input";
		else if (s->stopping && may_close(s))
			s->doomed = stops;
		else if (s->stopping)
			s->discarding = stops;
	}
	if (s->doomed) {
		end(s, s->doomed);
		return;
	}
	adjust_timer(s);
	make_ready(s);
	rc = conn_watch(&s->conn, s->env->reactor, reads(s));
	if (rc)
		end(s, sys_error_text(rc));
}

static void on_ready(struct reactor_io *io, uint32_t events)
{
	struct session *s = HERD_CONTAINER(io, struct session, conn.io);

	begin_event(s);
	if (events & EPOLLOUT)
		flush(s);
	if (!s->doomed && reads(s)) {
		if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			(void)take_input(s);
	} else if (!s->doomed && (events & (EPOLLERR | EPOLLHUP))) {
		/* A half-close is no EPOLLHUP: nobody is there any more. */
		s->doomed = "connection reset";
	}
	settle(s);
}

/* One timer, as only one of these can be waited for. */
static void on_timer(struct timer *timer)
{
	struct session *s = HERD_CONTAINER(timer, struct session, timer);

	if (s->shut)
		s->doomed = s->discarding;
	else if (s->must_be_link)
		link_does_not_come(s);
	else
		s->doomed = "it takes nothing (limits.write_timeout)";
	settle(s);
}

/* --- from outside --------------------------------------------------------- */

int session_new(int fd, const struct address *address, bool must_be_link,
	struct session **ret_session)
{
	struct session *s = sys_alloc_zero(1, sizeof *s);

	if (!s)
		return -ENOMEM;
	conn_init(&s->conn, fd, on_ready);
	s->address = *address;
	s->must_be_link = must_be_link;
	s->timer.on_due = on_timer;
	*ret_session = s;
	return 0;
}

void session_start(struct session *s, struct session_env *env)
{
	s->env = env;
	TAILQ_INSERT_TAIL(&env->waiting, s, queue);
	log_write(env->log, LOG_CLIENT_CONNECTED,
		&(struct log_facts){.address = &s->address});
	if (s->must_be_link)
		start_timer(s, PROVE_LINK_NS);
	if (env->stopping)
		session_stop(s);
	else
		settle(s);
}

void session_resume(struct session *s)
{
	change_queue(s, false);
	begin_event(s);
	if (s->has_lines)
		take_kept(s);
	settle(s);
}

void session_end(struct session *s, const char *why)
{
	s->doomed = why;
	settle(s);
}

void session_stop(struct session *s)
{
	begin_event(s);
	for (int i = 0; i < LAST_READS && !s->doomed && reads(s); i++)
		if (!take_input(s))
			break;
	s->stopping = true;
	turns_hurry(s, reactor_now_ns(s->env->reactor) +
			       session_patience_ns(s, INT64_MAX));
	if (!s->shut)
		reactor_timer_clear(s->env->reactor, &s->timer);
	settle(s);
}
