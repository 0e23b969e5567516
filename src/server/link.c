/* link - see link.h. */
#include "herd/link.h"

#include <stdio.h>

#include "herd/holdings.h"
#include "herd/sys.h"
#include "herd/updates.h"

/* --- hello and proof ------------------------------------------------------ */

/* Why no link comes of it goes to the log, once a minute. */
static void log_refused(struct session *s, size_t which, const char *why)
{
	struct neighbours *nb = s->env->neighbours;
	bool stranger = which == NEIGHBOURS_STRANGER;
	struct log_facts facts = {
		.name = stranger ? "a stranger" : neighbours_name(nb, which),
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

void link_take_proof(struct session *s, const struct line *line)
{
	struct session_link *link = s->link;
	char proof[HANDSHAKE_PROOF_MAX];

	if (line->verb == LINE_BLANK)
		return;
	if (line->verb != LINE_PROOF) {
		link_does_not_come(s);
	} else if (!handshake_is_proof(&link->handshake, line)) {
		s->doomed = "its proof is wrong: another secret?";
		log_refused(s, link->neighbour, s->doomed);
	} else {
		become_link(s);
		answer_say(
			s, (struct text){proof,
				   handshake_prove(&link->handshake, proof)});
	}
}

void link_answer_hello(struct session *s, const struct line *line)
{
	struct neighbours *nb = s->env->neighbours;
	char hello[HANDSHAKE_HELLO_MAX];
	const char *why;
	struct handshake h;
	size_t which;
	int rc;

	/* Who still waits for answers is a client. */
	if (s->turns) {
		answer_invalid(s, line->body);
		return;
	}
	if (handshake_judge(nb, line, &s->address, &which, &why) ==
		HANDSHAKE_INVALID) {
		answer_invalid(s, line->body);
		log_refused(s, which, why);
		return;
	}
	rc = handshake_begin(nb, &h);
	if (!rc && !why)
		rc = handshake_meet(&h, nb, which, HANDSHAKE_ACCEPTOR, line);
	if (rc) {
		s->doomed = sys_error_text(rc);
		return;
	}
	answer_say(
		s, (struct text){hello, handshake_hello(&h, nb, which, hello)});
	if (why) {
		s->discarding = why;
		log_refused(s, which, why);
	} else {
		open_link(s, which, &h);
	}
}

void link_skip(struct session *s, struct text bytes, const char *why)
{
	s->link->skipped++;
	neighbours_count_line(s->env->neighbours, s->link->neighbour, false);
	log_write(s->env->log, LOG_PEER_SKIPPED,
		&(struct log_facts){.time_ns = s->env->now_ns,
			.name = session_link_name(s),
			.bytes = bytes,
			.why = why});
}

/* --- repairs: herd(7), Catching up ---------------------------------------- */

/* Whether it may repair what we hold; else it is told to wait. */
static bool may_repair(struct session *s)
{
	struct session_link *link = s->link;
	int64_t now_ns = reactor_now_ns(s->env->reactor);

	link->repairing = neighbours_repair(
		s->env->neighbours, link->neighbour, link->number, now_ns);
	link->renewed_ns = now_ns;
	return link->repairing;
}

/* A repair may take long without a question; the right lapses if nothing comes
 * at all. */
static void renew_repair(struct session *s)
{
	int64_t now_ns = reactor_now_ns(s->env->reactor);

	if (now_ns - s->link->renewed_ns >= HERD_SECOND_NS)
		(void)may_repair(s);
}

static void end_repair(struct session *s)
{
	s->link->repairing = false;
	neighbours_repair_end(
		s->env->neighbours, s->link->neighbour, s->link->number);
}

static void answer_repair(struct session *s, const struct line *line)
{
	struct session_env *env = s->env;
	struct session_link *link = s->link;
	int64_t now_ns = reactor_now_ns(env->reactor);
	int rc;

	env->questions++;
	if (line->verb == LINE_LIST)
		rc = holdings_tell_list(env->store, line->hashes.bucket, now_ns,
			env->normal, env->to);
	else if (line->verb == LINE_SYNC &&
		 !neighbours_repair_is_taken(env->neighbours, link->neighbour,
			 link->number, now_ns))
		rc = holdings_tell_sum(env->store, env->to);
	else if (line->verb == LINE_SUMS && may_repair(s))
		rc = holdings_tell_sums(env->store, env->to);
	else
		rc = buf_append_string(env->to, "WAIT\n");
	if (rc)
		s->doomed = "out of memory";
	else if (link->repairing)
		renew_repair(s);
}

/* --- lines of a link ------------------------------------------------------ */

static void answer_ping(struct session *s, const struct line *line)
{
	char pong[32];
	int len = snprintf(pong, sizeof pong, "PONG %llu\n",
		(unsigned long long)line->ping.number);

	/* All lines before it were obeyed before this one. */
	answer_say(s, (struct text){pong, (size_t)len});
}

void link_obey(struct session *s, const struct answer_line *l)
{
	switch (l->line.verb) {
	case LINE_AT:
		updates_take(s, l);
		if (s->link->repairing)
			renew_repair(s);
		break;
	case LINE_PING:
		answer_ping(s, &l->line);
		break;
	case LINE_SYNC:
	case LINE_SUMS:
	case LINE_LIST:
		answer_repair(s, &l->line);
		break;
	case LINE_DONE:
		end_repair(s);
		break;
	case LINE_BLANK:
		break;
	case LINE_INVALID:
	case LINE_IAMAT:
	case LINE_WHATSAT:
	case LINE_HELLO:
	case LINE_PROOF:
	case LINE_PONG:
	case LINE_SUM:
	case LINE_HASHES:
	case LINE_WAIT:
		link_skip(s, l->line.body, "not a line of a link");
		break;
	}
}

void link_does_not_come(struct session *s)
{
	if (s->link) {
		s->doomed = "it did not prove who it is";
		log_refused(s, s->link->neighbour, s->doomed);
	} else {
		s->doomed = "limits.connections reached";
	}
}

void link_ends(struct session *s)
{
	if (s->link->repairing)
		end_repair(s);
	neighbours_link_closed(s->env->neighbours, s->link->neighbour);
}
