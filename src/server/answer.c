/* answer - the meaning of IAMAT and WHATSAT; see answer.h. What neighbours say
 * is the business of link.c and updates.c. */
#include "herd/answer.h"

#include <errno.h>

#include "herd/link.h"
#include "herd/sys.h"
#include "herd/turns.h"
#include "herd/updates.h"

/* --- saying --------------------------------------------------------------- */

void answer_say(struct session *s, struct text text)
{
	if (buf_append_text(s->env->to, text))
		s->doomed = "out of memory";
}

/* What is said from now on goes straight out, or where it has to wait. */
struct answer {
	struct turn *turn; /* NULL: straight out */
	size_t from;       /* where in env->to it begins */
};

static HERD_HOT bool begin(
	struct session *s, bool waits, struct answer *ret_answer)
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
	} else if (!s->doomed && s->env->log_sent) {
		answer_log(s, (struct text){buf_front(out) + a->from,
				      buf_len(out) - a->from});
	}
}

void answer_log(struct session *s, struct text sent)
{
	while (sent.len && sent.ptr[sent.len - 1] == '\n')
		sent.len--;
	log_write(s->env->log, LOG_SENT,
		&(struct log_facts){.time_ns = s->env->now_ns,
			.address = &s->address,
			.bytes = sent});
}

void answer_log_received(struct session *s, struct text body)
{
	log_write(s->env->log, LOG_RECEIVED,
		&(struct log_facts){.time_ns = s->env->now_ns,
			.address = &s->address,
			.bytes = body});
}

void answer_invalid(struct session *s, struct text body)
{
	answer_say(s, text_of("? "));
	answer_say(s, body);
	answer_say(s, text_of("\n"));
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
		answer_say(s, text_of(no_places));
	else
		ask_provider(turn, line);
}

/* --- one line -------------------------------------------------------------- */

static void obey_client(struct session *s, const struct answer_line *l)
{
	const struct line *line = &l->line;
	bool asks = line->verb == LINE_WHATSAT && !line->whatsat.nothing;
	struct answer a;

	if ((line->verb == LINE_AT || line->verb == LINE_INVALID) &&
		updates_take_plain(s, l))
		return;
	if (s->must_be_link && line->verb != LINE_HELLO) {
		link_does_not_come(s);
		return;
	}
	s->commands++;
	if (s->env->log_received)
		answer_log_received(s, line->body);
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
		link_answer_hello(s, line);
		break;
	case LINE_BLANK:
	case LINE_INVALID:
	case LINE_AT:
	case LINE_PROOF:
	case LINE_PING:
	case LINE_PONG:
	case LINE_SYNC:
	case LINE_LIST:
	case LINE_DONE:
	case LINE_SUM:
	case LINE_SUMS:
	case LINE_HASHES:
	case LINE_WAIT:
		answer_invalid(s, line->body);
		break;
	}
	end(s, &a);
}

/* --- from outside --------------------------------------------------------- */

void answer_parse(struct session *s, const struct line_fields *fields,
	struct answer_line *ret_line)
{
	struct line *line = &ret_line->line;
	struct text id = {0};

	ret_line->bytes = fields->bytes;
	line_parse_fields(fields, line);
	if (line->verb == LINE_IAMAT)
		id = line->iamat.id;
	else if (line->verb == LINE_WHATSAT)
		id = line->whatsat.id;
	else if (line->verb == LINE_AT)
		id = line->at.id;
	ret_line->has_key = id.len > 0;
	if (ret_line->has_key)
		ret_line->key = store_key_of(s->env->store, id);
}

void answer_prefetch(struct session *s, const struct answer_line *l)
{
	if (l->has_key)
		store_prefetch(s->env->store, l->key);
}

bool answer_is_overlong(const struct session *s, struct text start)
{
	if (session_is_link(s))
		return start.len > LINE_LINK_MAX;
	return start.len > s->env->conf->limits.line &&
	       (start.len > LINE_LINK_MAX || !updates_may_be_plain(s, start));
}

void answer_overlong(struct session *s, struct text start)
{
	struct answer a;

	if (session_is_link(s)) {
		link_skip(s, start, "longer than 128 KiB");
		return;
	}
	if (s->must_be_link) {
		link_does_not_come(s);
		return;
	}
	s->commands++;
	answer_log_received(s, start);
	if (!begin(s, false, &a))
		return;
	start.len = LINE_QUOTE;
	answer_invalid(s, start);
	s->discarding = "line too long";
	end(s, &a);
}

void answer_line(struct session *s, const struct answer_line *l)
{
	if (answer_is_overlong(s, l->bytes))
		answer_overlong(s, l->bytes);
	else if (session_is_link(s))
		link_obey(s, l);
	else if (s->link)
		link_take_proof(s, &l->line);
	else if (l->line.verb != LINE_BLANK)
		obey_client(s, l);
}
