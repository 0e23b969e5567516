/* plain - what is sent to a plain neighbour: its own connection for each line.
 *
 *   IDLE --news--> CONNECTING --> SENDING --end of file, or 1 s--> IDLE
 *                       |            |
 *                       '------------'-- fails --> WAITING, and then again
 *
 * A line is taken from the feed when the connection stands, not before: while
 * the neighbour is away its news wait in the store, where they coalesce. It
 * says no hello, so there is no telling whether it was started anew: its
 * bookmarks stay where they are. A line that was taken is held until it has
 * arrived, for all that can be known, and else goes first on the next
 * connection; so it may arrive twice, which does no harm. */
#include "herd/peer.h"

#include <errno.h>

#include "herd/sys.h"

#include "peer_parts.h"

#define READS_PER_LOOK 64
#define LISTEN_NS      HERD_SECOND_NS

void plain_begin(struct peer *p)
{
	p->state = PEER_IDLE;
	p->reachable = false;
	buf_fini(&p->held);
	feed_rewind(p->env->store, p->reader);
	p->incarnation = neighbours_incarnation(
		p->env->neighbours, p->which, (struct text){"", 0});
	for (unsigned s = 0; s < store_shards(p->env->store); s++)
		p->behind[s / 64] |= UINT64_C(1) << s % 64;
}

/* --- the next line -------------------------------------------------------- */

static void note_read(
	struct peer *p, unsigned shard, const struct feed_page *page)
{
	if (!page->more)
		p->behind[shard / 64] &= ~(UINT64_C(1) << shard % 64);
}

/* The room that the next line needs. 0: none was found yet; there may be one as
 * long as a shard is behind. Reading into no room moves the bookmark past what
 * is not to be sent, and takes nothing. */
static size_t find_news(struct peer *p, unsigned *ret_shard)
{
	for (int i = 0; i < READS_PER_LOOK && peer_find_behind(p, ret_shard);
		i++) {
		struct feed_page page = {.dst = p->env->page};

		feed_read(p->env->store, p->reader, *ret_shard, p->incarnation,
			&page);
		if (page.wanted)
			return page.wanted;
		note_read(p, *ret_shard, &page);
	}
	return 0;
}

/* Hold the next line; none, if there is none or it changes right now. */
static int take_line(struct peer *p)
{
	unsigned shard;
	struct feed_page page = {.room = find_news(p, &shard), .max_lines = 1};

	if (!page.room)
		return 0;
	page.dst = buf_reserve(&p->held, page.room);
	if (!page.dst)
		return -ENOMEM;
	feed_read(p->env->store, p->reader, shard, p->incarnation, &page);
	buf_commit(&p->held, page.len);
	note_read(p, shard, &page);
	p->next_shard = (shard + 1) % STORE_BUCKETS;
	return 0;
}

/* --- one connection ------------------------------------------------------- */

static void rest(struct peer *p)
{
	conn_close(&p->conn, p->env->reactor);
	reactor_timer_clear(p->env->reactor, &p->timer);
	p->backoff_ns = PEER_BACKOFF_MIN_NS;
	p->state = PEER_IDLE;
	/* flood pumps at the end of this round. */
}

/* It has it, unless it got lost on its way into the other kernel. */
static void end(struct peer *p, const char *why_not)
{
	struct address address;
	uint64_t acked;

	if (buf_len(&p->conn.out) || sys_bytes_acked(p->conn.io.fd, &acked) ||
		acked - p->acked < buf_len(&p->held)) {
		peer_lose(p, why_not);
		return;
	}
	buf_fini(&p->held);
	p->sent++;
	p->trouble = NULL;
	if (!p->reachable)
		p->up_since_ns = reactor_now_ns(p->env->reactor);
	if (!p->reachable && neighbours_address(p->env->neighbours, p->which,
				     p->attempt, &address))
		log_write(p->env->log, LOG_PEER_CONNECTED,
			&(struct log_facts){
				.name = peer_name(p), .address = &address});
	p->reachable = true;
	rest(p);
}

/* Some of the line has left, or all of it. */
static int go_on(struct peer *p)
{
	int64_t wait_ns = HANDSHAKE_LIMIT_NS;

	if (!buf_len(&p->conn.out)) {
		sys_shut_sending(p->conn.io.fd);
		wait_ns = LISTEN_NS;
	}
	reactor_timer_set(p->env->reactor, &p->timer,
		reactor_now_ns(p->env->reactor) + wait_ns);
	return conn_watch(&p->conn, p->env->reactor, true);
}

static void begin(struct peer *p)
{
	int rc = sys_connected(p->conn.io.fd);

	if (!rc && !buf_len(&p->held))
		rc = take_line(p);
	if (!rc && !buf_len(&p->held)) {
		rest(p);
		return;
	}
	/* Linux counts the handshake as a byte. */
	if (!rc)
		rc = sys_bytes_acked(p->conn.io.fd, &p->acked);
	if (!rc) {
		p->state = PEER_SENDING;
		peer_log_flooded(p, buf_text(&p->held));
		rc = conn_send(
			&p->conn, buf_front(&p->held), buf_len(&p->held));
	}
	if (!rc)
		rc = go_on(p);
	if (rc)
		peer_lose(p, sys_error_text(rc));
}

void plain_on_ready(struct peer *p, uint32_t events)
{
	ssize_t n = -EAGAIN;

	if (p->state == PEER_CONNECTING) {
		begin(p);
		return;
	}

	/* Whatever it says is dropped: but unread it would have the connection
	 * reset when it is closed, and our line lost. */
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		n = conn_read(&p->conn, p->env->page);
	if (n == 0) {
		end(p, "it closed the connection");
		return;
	}
	if ((n > 0 || n == -EAGAIN) && events & EPOLLOUT) {
		n = conn_flush(&p->conn);
		if (n > 0)
			n = go_on(p);
	}
	if (n < 0 && n != -EAGAIN)
		peer_lose(p, sys_error_text((int)n));
}

void plain_on_timer(struct peer *p)
{
	end(p, "it takes nothing");
}

/* --- from outside --------------------------------------------------------- */

bool plain_pump(struct peer *p)
{
	unsigned shard;

	if (p->state != PEER_IDLE)
		return false;
	if (!buf_len(&p->held) && !find_news(p, &shard))
		return peer_find_behind(p, &shard);
	peer_dial(p);
	return false;
}

bool plain_drained(const struct peer *p)
{
	unsigned shard;

	return p->state == PEER_WAITING ||
	       (p->state == PEER_IDLE && !buf_len(&p->held) &&
		       !peer_find_behind(p, &shard));
}
