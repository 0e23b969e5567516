/* peer - the state machine of one link that we dial; see peer.h. What is sent
 * on it stands in pump.c, and how that reaches a plain neighbour in plain.c; how
 * it comes to a connection in dial.c, and whether anybody is there still in
 * liveness.c. */
#include "herd/peer.h"

#include <errno.h>

#include "herd/line.h"
#include "herd/sys.h"

#include "peer_parts.h"

#define BACKOFF_MAX_NS (2 * HERD_SECOND_NS)
#define ANSWER_MAX     4096 /* bytes of one line of an acceptor's hello */
#define SAY_EVERY      32   /* failed dials of a neighbour that stays away */

/* --- trouble and patience ------------------------------------------------- */

/* The next wait: doubled each time, half of it random, so that neighbours
 * that lost each other at the same moment do not stay in step. */
static int64_t next_backoff_ns(struct peer *p)
{
	int64_t wait = p->backoff_ns;
	uint32_t random = 0;

	if (!sys_random(&random, sizeof random))
		wait -= wait / 2 * (int64_t)(random >> 8) >> 24;
	p->backoff_ns *= 2;
	if (p->backoff_ns > BACKOFF_MAX_NS)
		p->backoff_ns = BACKOFF_MAX_NS;
	return wait;
}

static void wait_for_next_dial(struct peer *p)
{
	conn_close(&p->conn, p->env->reactor);
	sync_end(&p->sync);
	reactor_timer_clear(p->env->reactor, &p->sync_timer);
	peer_stop_resolving(p);
	p->state = PEER_WAITING;
	if (p->draining || p->retired)
		reactor_timer_clear(p->env->reactor, &p->timer);
	else
		peer_set_timer(p, next_backoff_ns(p));
}

void peer_lose(struct peer *p, const char *why)
{
	struct log_facts facts = {.name = peer_name(p), .why = why};

	if (p->state == PEER_UP) {
		log_write(p->env->log, LOG_PEER_LOST, &facts);
		p->attempt = 0;
		p->lost_ns = peer_now(p);
		/* A link that never holds must not be redialled at full
		 * speed. */
		if (peer_now(p) - p->up_since_ns >= BACKOFF_MAX_NS)
			p->backoff_ns = PEER_BACKOFF_MIN_NS;
	} else if (p->reachable) {
		log_write(p->env->log, LOG_PEER_LOST, &facts);
		p->lost_ns = peer_now(p);
		p->reachable = false;
		p->attempt++;
	} else if (p->attempt++ % SAY_EVERY == 0) {
		log_write(p->env->log, LOG_PEER_FAILED, &facts);
	}
	p->trouble = why;
	wait_for_next_dial(p);
}

/* What it says opens no link. */
static void refuse(struct peer *p, const char *why)
{
	p->attempt++;
	p->trouble = why;
	if (neighbours_may_say(p->env->neighbours, p->which, why, peer_now(p)))
		log_write(p->env->log, LOG_PEER_FAILED,
			&(struct log_facts){.name = peer_name(p), .why = why});
	wait_for_next_dial(p);
}

/* --- its hello, and ours -------------------------------------------------- */

static void greet(struct peer *p)
{
	char hello[HANDSHAKE_HELLO_MAX];
	int rc = sys_connected(p->conn.io.fd);

	if (!rc)
		rc = handshake_begin(p->env->neighbours, &p->handshake);
	if (!rc)
		rc = conn_send(&p->conn, hello,
			handshake_hello(&p->handshake, p->env->neighbours,
				p->which, hello));
	if (!rc)
		rc = conn_watch(&p->conn, p->env->reactor, true);
	if (rc)
		peer_lose(p, sys_error_text(rc));
	else
		p->state = PEER_GREETING;
}

/* It is who it should be. What changes from now on is sent as it comes; what it
 * lacks of what there is, that comes first to light by comparing. */
static void come_up(struct peer *p)
{
	const struct handshake *h = &p->handshake;
	struct address address = {0};

	p->state = PEER_UP;
	p->trouble = NULL;
	p->incarnation = neighbours_incarnation(p->env->neighbours, p->which,
		(struct text){h->boot, h->boot_len});
	p->up_since_ns = peer_now(p);
	p->pinged_last = false;
	memset(p->behind, 0, sizeof p->behind);
	feed_skip(p->env->store, p->reader);
	sync_begin(&p->sync, sys_monotonic_ns(), peer_now(p));
	peer_begin_life(p);
	(void)!sys_peer_address(p->conn.io.fd, &address);
	log_write(p->env->log, LOG_PEER_CONNECTED,
		&(struct log_facts){.name = peer_name(p), .address = &address});
}

/* --- what the acceptor says ----------------------------------------------- */

static void take_hello(struct peer *p, const struct line *line)
{
	const struct neighbours *nb = p->env->neighbours;
	const char *refusal =
		handshake_refusal(&p->handshake, nb, p->which, line);
	char proof[HANDSHAKE_PROOF_MAX];
	int rc;

	if (refusal) {
		refuse(p, refusal);
		return;
	}
	rc = handshake_meet(
		&p->handshake, nb, p->which, HANDSHAKE_DIALLER, line);
	if (!rc && !neighbours_secret(nb).len) {
		come_up(p);
		return;
	}
	p->state = PEER_PROVING;
	if (!rc)
		rc = conn_send(
			&p->conn, proof, handshake_prove(&p->handshake, proof));
	if (!rc)
		rc = conn_watch(&p->conn, p->env->reactor, true);
	if (rc)
		peer_lose(p, sys_error_text(rc));
}

static void obey(struct peer *p, const struct line *line)
{
	const char *why = NULL;

	switch ((int)line->verb) {
	case LINE_PONG:
		p->alive_ns = peer_now(p);
		if (line->ping.number == p->ping)
			p->ponged = true;
		break;
	case LINE_SUM:
	case LINE_SUMS:
	case LINE_HASHES:
	case LINE_WAIT:
		why = sync_take(
			&p->sync, line, peer_now(p), p->env->sync_interval_ns);
		break;
	default: /* a word of a later version: not for us */
		break;
	}
	if (why)
		peer_lose(p, why);
}

static void take_line(struct peer *p, struct text bytes)
{
	struct line line;

	line_parse(bytes, &line);
	if (line.verb == LINE_BLANK)
		return;
	if (p->state == PEER_GREETING) {
		take_hello(p, &line);
	} else if (p->state == PEER_PROVING) {
		if (handshake_is_proof(&p->handshake, &line))
			come_up(p);
		else
			refuse(p, "its proof is wrong: another secret?");
	} else {
		obey(p, &line);
	}
}

static void take_end(struct peer *p, int rc)
{
	if (rc)
		peer_lose(p, sys_error_text(rc));
	else if (p->state == PEER_PROVING)
		refuse(p, "it does not take our proof: another secret?");
	else
		peer_lose(p, "it closed the connection");
}

static void take_input(struct peer *p)
{
	ssize_t n = conn_read(&p->conn, p->env->page);
	struct text bytes;
	struct text line;

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		take_end(p, (int)n);
		return;
	}
	if (buf_append(&p->conn.in, p->env->page, (size_t)n)) {
		peer_lose(p, sys_error_text(-ENOMEM));
		return;
	}
	bytes = buf_text(&p->conn.in);
	while (conn_take_line(&bytes, &line)) {
		take_line(p, line);
		if (p->conn.io.fd < 0)
			return; /* lost: the bytes are gone */
	}
	if (bytes.len > (p->state == PEER_UP ? LINE_LINK_MAX : ANSWER_MAX)) {
		peer_lose(p, "it sends what no link carries");
		return;
	}
	buf_consume(&p->conn.in, buf_len(&p->conn.in) - bytes.len);
}

void peer_on_ready(struct reactor_io *io, uint32_t events)
{
	struct peer *p = HERD_CONTAINER(io, struct peer, conn.io);
	ssize_t n;

	if (p->plain) {
		plain_on_ready(p, events);
		return;
	}
	if (p->state == PEER_CONNECTING) {
		greet(p);
		return;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		take_input(p);
	if (p->conn.io.fd < 0 || !(events & EPOLLOUT))
		return;
	n = conn_flush(&p->conn);
	if (n >= 0)
		n = conn_watch(&p->conn, p->env->reactor, true);
	if (n < 0)
		peer_lose(p, sys_error_text((int)n));
	/* flood pumps at the end of this round. */
}

/* --- timers --------------------------------------------------------------- */

static void on_timer(struct timer *timer)
{
	struct peer *p = HERD_CONTAINER(timer, struct peer, timer);

	switch (p->state) {
	case PEER_IDLE:
		peer_look_up(p);
		break;
	case PEER_WAITING:
		peer_redial(p);
		break;
	case PEER_RESOLVING:
		peer_ask_resolver(p);
		break;
	case PEER_CONNECTING:
		peer_lose(p, "no connection in time");
		break;
	case PEER_GREETING:
		peer_lose(p, "no hello in time");
		break;
	case PEER_PROVING:
		peer_lose(p, "no proof in time");
		break;
	case PEER_UP:
		peer_look_for_life(p);
		break;
	case PEER_SENDING:
		plain_on_timer(p);
		break;
	}
}

/* flood pumps at the end of this round. */
static void on_sync_timer(struct timer *timer)
{
	(void)timer;
}

/* --- from outside --------------------------------------------------------- */

void peer_init(struct peer *p, const struct peer_env *env, size_t which,
	unsigned reader)
{
	*p = (struct peer){.env = env,
		.which = which,
		.reader = reader,
		.state = PEER_WAITING,
		.backoff_ns = PEER_BACKOFF_MIN_NS,
		.timer = {.on_due = on_timer},
		.sync_timer = {.on_due = on_sync_timer},
		.lost_ns = reactor_now_ns(env->reactor)};
	p->conn.io.fd = -1;
	sync_init(&p->sync, env->store);
}

void peer_start(struct peer *p)
{
	const struct neighbours *nb = p->env->neighbours;

	p->moves = neighbours_moves(nb, p->which);
	p->retired = !neighbours_is_active(nb, p->which);
	p->plain = neighbours_server(nb, p->which)->plain;
	reactor_timer_clear(p->env->reactor, &p->timer);
	if (p->retired)
		return;
	if (p->plain)
		plain_begin(p);
	peer_set_timer(p, 0);
}

void peer_fini(struct peer *p)
{
	reactor_timer_clear(p->env->reactor, &p->timer);
	reactor_timer_clear(p->env->reactor, &p->sync_timer);
	sync_end(&p->sync);
	conn_close(&p->conn, p->env->reactor);
	buf_fini(&p->held);
	peer_stop_resolving(p);
}

void peer_was_heard(struct peer *p, uint32_t incarnation)
{
	if (p->state == PEER_UP && p->incarnation != incarnation)
		peer_lose(p, "it was started anew");
	if (p->state == PEER_WAITING && !p->draining && !p->retired)
		peer_dial_again(p);
}

/* Whatever was tried until now says nothing of what comes. */
static void start_over(struct peer *p, const char *why)
{
	if (p->state == PEER_UP || p->reachable)
		peer_lose(p, why);
	else
		wait_for_next_dial(p);
	p->attempt = 0;
	p->backoff_ns = PEER_BACKOFF_MIN_NS;
	peer_start(p);
}

/* The pump sets the timer anew. */
static void use_interval(struct peer *p)
{
	sync_bring_forward(&p->sync, peer_now(p) + p->env->sync_interval_ns);
	reactor_timer_clear(p->env->reactor, &p->sync_timer);
}

void peer_update(struct peer *p)
{
	const struct neighbours *nb = p->env->neighbours;
	bool active = neighbours_is_active(nb, p->which);
	bool moved = neighbours_moves(nb, p->which) != p->moves;

	if (active == p->retired)
		start_over(p, "the configuration names it no more");
	else if (active && moved)
		start_over(p, "the configuration has moved it");
	else if (p->state == PEER_UP)
		use_interval(p);
}

void peer_drain(struct peer *p)
{
	p->draining = true;
	sync_hurry(&p->sync, peer_now(p));
	if (p->state == PEER_WAITING || p->state == PEER_RESOLVING)
		wait_for_next_dial(p);
	else if (p->state >= PEER_CONNECTING && p->state < PEER_UP)
		peer_set_timer(p, PEER_LAST_DIAL_NS);
}

bool peer_drained(const struct peer *p)
{
	if (p->plain)
		return plain_drained(p);
	if (p->state == PEER_UP)
		return p->pinged_last && p->ponged;
	return p->state == PEER_WAITING;
}
