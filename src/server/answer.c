/* answer - the meaning of IAMAT, WHATSAT, AT and the verbs between servers; see
 * answer.h. Who may say AT is decided here: only a connection that has said
 * hello from its neighbour's address (handshake). */
#include "herd/answer.h"

#include <errno.h>
#include <stdio.h>

#include "herd/handshake.h"
#include "herd/sys.h"
#include "herd/turns.h"

/* --- saying --------------------------------------------------------------- */

static void say(struct session *s, struct text text)
{
	if (buf_append_text(s->env->to, text))
		s->doomed = "out of memory";
}

/* What is said from now on goes straight out, or where it has to wait. */
struct answer {
	struct turn *turn; /* NULL: straight out */
	size_t from;       /* where in env->to it begins */
};

static bool begin(struct session *s, bool waits, struct answer *ret_answer)
{
	struct answer a = {.turn = NULL};

	s->env->to = &s->env->out;
	if (waits || s->turns) {
		a.turn = turns_add(s);
		if (!a.turn) {
			s->doomed = "out of memory";
			return false;
		}
		s->env->to = &a.turn->text;
	}
	a.from = buf_len(s->env->to);
	*ret_answer = a;
	return true;
}

static void end(struct session *s, const struct answer *a)
{
	struct buf *out = &s->env->out;

	s->env->to = out;
	if (a->turn) {
		turns_count(a->turn);
		(void)turns_leave(s, answer_log);
	} else if (!s->doomed) {
		answer_log(s, (struct text){buf_front(out) + a->from,
				      buf_len(out) - a->from});
	}
}

void answer_log(struct session *s, struct text sent)
{
	if (!log_wants(s->env->log, LOG_SENT))
		return;
	while (sent.len && sent.ptr[sent.len - 1] == '\n')
		sent.len--;
	log_write(s->env->log, LOG_SENT,
		&(struct log_facts){.time_ns = s->env->now_ns,
			.address = &s->address,
			.bytes = sent});
}

static void log_received(struct session *s, struct text body)
{
	struct log_facts facts = {.time_ns = s->env->now_ns, .bytes = body};

	if (s->link) {
		facts.name = session_link_name(s);
		log_write(s->env->log, LOG_PEER_RECEIVED, &facts);
	} else {
		facts.address = &s->address;
		log_write(s->env->log, LOG_RECEIVED, &facts);
	}
}

static void answer_invalid(struct session *s, struct text body)
{
	say(s, text_of("? "));
	say(s, body);
	say(s, text_of("\n"));
}

/* --- clients -------------------------------------------------------------- */

static void answer_iamat(struct session *s, const struct answer_line *l)
{
	const struct line *line = &l->line;
	struct session_env *env = s->env;
	int64_t ahead = env->conf->limits.clock_ahead_ns;
	struct store_source source = {.now_ns = reactor_now_ns(env->reactor)};
	enum store_result result;
	struct sighting seen;
	char *dst;

	if (ahead && line->iamat.stamp_ns > env->now_ns &&
		line->iamat.stamp_ns - env->now_ns > ahead) {
		answer_invalid(s, line->body);
		return;
	}
	dst = buf_reserve(env->to, line_at_room(line, env->server) + 1);
	if (!dst) {
		s->doomed = "out of memory";
		return;
	}
	line_format_at(line, env->server, env->now_ns, dst, &seen);
	if (store_put(env->store, l->key, &seen, &source, &result)) {
		s->doomed = "out of memory";
		return;
	}
	dst[seen.line.len] = '\n';
	buf_commit(env->to, seen.line.len + 1);
	if (result == STORE_NEWER)
		env->on_update(env, l->key.shard);
}

/* What a legacy provider says when it finds nothing. */
static const char no_places[] = "\n{\n"
				"   \"html_attributions\" : [],\n"
				"   \"results\" : [],\n"
				"   \"status\" : \"ZERO_RESULTS\"\n"
				"}\n\n";

/* The AT line is in the turn; ask what is near the location in it. */
static void ask_provider(struct turn *turn, const struct line *whatsat)
{
	struct provider_question question = {
		.radius_um = whatsat->whatsat.radius_um,
		.bound = whatsat->whatsat.bound,
	};
	struct location location;
	struct line at;

	line_parse(buf_text(&turn->text), &at);
	HERD_ASSERT(at.verb == LINE_AT &&
		    location_parse(at.at.location, &location));
	question.latitude = location.latitude;
	question.longitude = location.longitude;
	turns_ask(turn, &question);
}

static void answer_whatsat(
	struct session *s, const struct answer_line *l, struct turn *turn)
{
	const struct line *line = &l->line;
	int rc = store_get(s->env->store, l->key, line->whatsat.id, s->env->to);

	if (rc == -ENOENT)
		answer_invalid(s, line->body);
	else if (rc)
		s->doomed = "out of memory";
	else if (line->whatsat.nothing)
		say(s, text_of(no_places));
	else
		ask_provider(turn, line);
}

/* --- neighbours ----------------------------------------------------------- */

/* Why no link comes of it goes to the log, once a minute. */
static void log_refused(struct session *s, size_t which, const char *why)
{
	struct neighbours *nb = s->env->neighbours;
	struct log_facts facts = {.name = neighbours_server(nb, which)->name,
		.address = &s->address,
		.why = why};

	if (neighbours_may_say(nb, which, why, reactor_now_ns(s->env->reactor)))
		log_write(s->env->log, LOG_PEER_REFUSED, &facts);
}

/* From now on the session is a link. */
static void become_link(struct session *s)
{
	struct session_env *env = s->env;
	struct session_link *link = s->link;
	const struct handshake *h = &link->handshake;

	if (!neighbours_link_opened(
		    env->neighbours, link->neighbour, &link->number)) {
		s->doomed = "too many links from that neighbour";
		return;
	}
	link->proven = true;
	link->incarnation = neighbours_incarnation(env->neighbours,
		link->neighbour, (struct text){h->boot, h->boot_len});
	s->must_be_link = false;
	log_write(env->log, LOG_PEER_ACCEPTED,
		&(struct log_facts){.time_ns = env->now_ns,
			.name = session_link_name(s),
			.address = &s->address});
	env->on_link(env, link->neighbour, link->incarnation);
}

/* Nothing but its proof makes it a link now, and that soon. */
static void await_proof(struct session *s)
{
	struct reactor *reactor = s->env->reactor;

	if (!s->must_be_link)
		reactor_timer_set(reactor, &s->timer,
			reactor_now_ns(reactor) + HANDSHAKE_LIMIT_NS);
	s->must_be_link = true;
}

static void open_link(
	struct session *s, size_t which, const struct handshake *h)
{
	s->link = sys_alloc_zero(1, sizeof *s->link);
	if (!s->link) {
		s->doomed = "out of memory";
		return;
	}
	s->link->neighbour = which;
	s->link->handshake = *h;
	if (neighbours_secret(s->env->neighbours).len)
		await_proof(s);
	else
		become_link(s);
}

static void take_proof(struct session *s, const struct line *line)
{
	struct session_link *link = s->link;
	char proof[HANDSHAKE_PROOF_MAX];

	if (line->verb == LINE_BLANK)
		return;
	if (line->verb != LINE_PROOF) {
		answer_no_link(s);
	} else if (!handshake_is_proof(&link->handshake, line)) {
		s->doomed = "its proof is wrong: another secret?";
		log_refused(s, link->neighbour, s->doomed);
	} else {
		become_link(s);
		say(s, (struct text){proof,
			       handshake_prove(&link->handshake, proof)});
	}
}

static void answer_hello(struct session *s, const struct line *line)
{
	struct neighbours *nb = s->env->neighbours;
	char hello[HANDSHAKE_HELLO_MAX];
	const char *why = NULL;
	struct handshake h;
	size_t which;
	int rc;

	/* Who still waits for answers is a client. */
	if (s->turns || handshake_judge(nb, line, &s->address, &which, &why) ==
				HANDSHAKE_INVALID) {
		answer_invalid(s, line->body);
		return;
	}
	rc = handshake_begin(nb, &h);
	if (!rc && !why)
		rc = handshake_meet(&h, nb, which, HANDSHAKE_ACCEPTOR, line);
	if (rc) {
		s->doomed = sys_error_text(rc);
		return;
	}
	say(s, (struct text){hello, handshake_hello(&h, nb, which, hello)});
	if (why) {
		s->discarding = why;
		log_refused(s, which, why);
	} else {
		open_link(s, which, &h);
	}
}

static void skip(struct session *s, struct text bytes, const char *why)
{
	s->link->skipped++;
	log_write(s->env->log, LOG_PEER_SKIPPED,
		&(struct log_facts){.time_ns = s->env->now_ns,
			.name = session_link_name(s),
			.bytes = bytes,
			.why = why});
}

static void take_update(struct session *s, const struct answer_line *l)
{
	struct session_env *env = s->env;
	struct store_source source = {.origin = s->link->incarnation,
		.now_ns = reactor_now_ns(env->reactor)};
	enum store_result result;
	struct sighting seen;

	line_normalise_at(&l->line, env->normal, &seen);
	if (store_put(env->store, l->key, &seen, &source, &result)) {
		/* The dialler sends everything again on its next link. */
		s->doomed = "out of memory";
		return;
	}
	s->link->updates++;
	if (result == STORE_NEWER)
		env->on_update(env, l->key.shard);
}

static void answer_ping(struct session *s, const struct line *line)
{
	char pong[32];
	int len = snprintf(pong, sizeof pong, "PONG %llu\n",
		(unsigned long long)line->ping.number);

	/* All lines before it were obeyed before this one. */
	say(s, (struct text){pong, (size_t)len});
}

static void obey_neighbour(struct session *s, const struct answer_line *l)
{
	switch (l->line.verb) {
	case LINE_AT:
		log_received(s, l->line.body);
		take_update(s, l);
		break;
	case LINE_PING:
		answer_ping(s, &l->line);
		break;
	case LINE_BLANK:
		break;
	case LINE_INVALID:
	case LINE_IAMAT:
	case LINE_WHATSAT:
	case LINE_HELLO:
	case LINE_PROOF:
	case LINE_PONG:
		skip(s, l->line.body, "not a line of a link");
		break;
	}
}

static void obey_client(struct session *s, const struct answer_line *l)
{
	const struct line *line = &l->line;
	bool asks = line->verb == LINE_WHATSAT && !line->whatsat.nothing;
	struct answer a;

	if (s->must_be_link && line->verb != LINE_HELLO) {
		answer_no_link(s);
		return;
	}
	s->commands++;
	log_received(s, line->body);
	if (!begin(s, asks, &a))
		return;
	switch (line->verb) {
	case LINE_IAMAT:
		answer_iamat(s, l);
		break;
	case LINE_WHATSAT:
		answer_whatsat(s, l, a.turn);
		break;
	case LINE_HELLO:
		answer_hello(s, line);
		break;
	case LINE_BLANK:
	case LINE_INVALID:
	case LINE_AT:
	case LINE_PROOF:
	case LINE_PING:
	case LINE_PONG:
		answer_invalid(s, line->body);
		break;
	}
	end(s, &a);
}

/* --- from outside --------------------------------------------------------- */

void answer_parse(
	struct session *s, struct text bytes, struct answer_line *ret_line)
{
	struct line *line = &ret_line->line;

	ret_line->bytes = bytes;
	line_parse(bytes, line);
	if (line->verb == LINE_IAMAT)
		ret_line->key = store_key_of(s->env->store, line->iamat.id);
	else if (line->verb == LINE_WHATSAT)
		ret_line->key = store_key_of(s->env->store, line->whatsat.id);
	else if (line->verb == LINE_AT)
		ret_line->key = store_key_of(s->env->store, line->at.id);
}

size_t answer_limit(const struct session *s)
{
	return session_is_link(s) ? LINE_LINK_MAX : s->env->conf->limits.line;
}

void answer_overlong(struct session *s, struct text start)
{
	struct answer a;

	if (session_is_link(s)) {
		skip(s, start, "longer than 128 KiB");
		return;
	}
	if (s->must_be_link) {
		answer_no_link(s);
		return;
	}
	s->commands++;
	log_received(s, start);
	if (!begin(s, false, &a))
		return;
	start.len = LINE_QUOTE;
	answer_invalid(s, start);
	s->discarding = "line too long";
	end(s, &a);
}

void answer_no_link(struct session *s)
{
	if (s->link) {
		s->doomed = "it did not prove who it is";
		log_refused(s, s->link->neighbour, s->doomed);
	} else {
		s->doomed = "limits.connections reached";
	}
}

void answer_line(struct session *s, const struct answer_line *l)
{
	if (l->bytes.len > answer_limit(s))
		answer_overlong(s, l->bytes);
	else if (session_is_link(s))
		obey_neighbour(s, l);
	else if (s->link)
		take_proof(s, &l->line);
	else if (l->line.verb != LINE_BLANK)
		obey_client(s, l);
}
