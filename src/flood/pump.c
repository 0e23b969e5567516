/* pump - a peer that is up sends what is new: from its bookmarks in the store's
 * change feed, a page at a time; and when there is nothing new, what a
 * comparison of maps has to say; see peer.h. */
#include "herd/peer.h"

#include "herd/line.h"
#include "herd/sys.h"

#include "peer_parts.h"

#define SHARDS_PER_PUMP 64

bool peer_find_behind(const struct peer *p, unsigned *ret_shard)
{
	unsigned first = p->next_shard / 64;

	/* The first word twice: its upper part now, its lower part last. */
	for (unsigned i = 0; i <= PEER_SHARD_WORDS; i++) {
		unsigned word = (first + i) % PEER_SHARD_WORDS;
		uint64_t bits = p->behind[word];

		if (i == 0)
			bits &= UINT64_MAX << p->next_shard % 64;
		if (bits) {
			*ret_shard =
				word * 64 + (unsigned)__builtin_ctzll(bits);
			return true;
		}
	}
	return false;
}

/* Fill the shared page with news; its length. */
static size_t fill_page(struct peer *p)
{
	size_t len = 0;
	unsigned shard;

	for (int i = 0; i < SHARDS_PER_PUMP && len < PEER_PAGE_FULL &&
			peer_find_behind(p, &shard);
		i++) {
		struct feed_page page = {.dst = p->env->page + len,
			.room = PEER_PAGE_ROOM - len};

		feed_read(
			p->env->store, p->reader, shard, p->incarnation, &page);
		len += page.len;
		p->sent += page.lines;
		if (!page.more)
			p->behind[shard / 64] &= ~(UINT64_C(1) << shard % 64);
		p->next_shard = (shard + 1) % STORE_BUCKETS;
	}
	return len;
}

void peer_log_flooded(struct peer *p, struct text lines)
{
	struct log_facts facts = {
		.name = peer_name(p), .time_ns = sys_realtime_ns()};

	if (!log_wants(p->env->log, LOG_PEER_FLOODED))
		return;
	while (conn_take_line(&lines, &facts.bytes))
		log_write(p->env->log, LOG_PEER_FLOODED, &facts);
}

/* A round of comparison has ended, with lines sent. */
static void log_repaired(struct peer *p)
{
	const struct sync *s = &p->sync;
	struct log_facts facts = {.name = peer_name(p),
		.number = {s->round_lines, s->round_buckets}};

	log_write(p->env->log, LOG_PEER_REPAIRED, &facts);
	facts.number[0] = s->stuck;
	if (s->stuck < STORE_BUCKETS &&
		neighbours_may_say(p->env->neighbours, p->which, "stuck",
			reactor_now_ns(p->env->reactor)))
		log_write(p->env->log, LOG_PEER_STUCK, &facts);
}

/* Fill the shared page with the next words of catching up; their length. */
static size_t fill_repair(struct peer *p)
{
	struct sync *s = &p->sync;
	bool repairing = s->state == SYNC_REPAIRING;
	bool updates;
	size_t len = sync_pump(s, reactor_now_ns(p->env->reactor),
		p->env->sync_interval_ns, p->env->page, PEER_PAGE_ROOM,
		&updates);

	if (updates)
		peer_log_flooded(p, (struct text){p->env->page, len});
	if (repairing && s->state == SYNC_IDLE && s->round_lines)
		log_repaired(p);
	return len;
}

/* Fill the shared page with what is to be sent next; its length. */
static size_t fill(struct peer *p)
{
	unsigned shard;
	size_t len = fill_page(p);

	if (len)
		peer_log_flooded(p, (struct text){p->env->page, len});
	else if (!peer_find_behind(p, &shard))
		len = fill_repair(p);
	return len;
}

/* Draining: there is nothing more to tell. */
static bool may_end(const struct peer *p)
{
	unsigned shard;

	return p->draining && !p->pinged_last && p->sync.settled &&
	       !peer_find_behind(p, &shard);
}

/* Whether a pump would get on by now. */
static bool has_more(struct peer *p)
{
	unsigned shard;

	return !buf_len(&p->conn.out) &&
	       (peer_find_behind(p, &shard) || may_end(p) ||
		       sync_has_work(
			       &p->sync, reactor_now_ns(p->env->reactor)));
}

bool peer_pump(struct peer *p)
{
	size_t len;
	int rc = 0;

	if (p->plain)
		return plain_pump(p);
	if (p->state != PEER_UP || buf_len(&p->conn.out))
		return false;
	if (may_end(p)) {
		p->pinged_last = true;
		rc = peer_send_ping(p);
	} else {
		len = fill(p);
		if (len)
			rc = conn_send(&p->conn, p->env->page, len);
		if (len && !rc)
			rc = conn_watch(&p->conn, p->env->reactor, true);
	}
	if (rc) {
		peer_lose(p, sys_error_text(rc));
		return false;
	}
	/* Draining and settled it compares no more: a timer for what is due
	 * then would fire again and again. */
	if (p->sync.state == SYNC_IDLE && !timer_is_set(&p->sync_timer) &&
		!(p->draining && p->sync.settled))
		reactor_timer_set(
			p->env->reactor, &p->sync_timer, p->sync.due_ns);
	return has_more(p);
}

void peer_changed(struct peer *p, const uint64_t words[PEER_SHARD_WORDS])
{
	/* While it is not up, nothing need be noted: it is compared with when it
	 * comes up, unless it is plain. */
	if (p->state != PEER_UP && !p->plain)
		return;
	for (size_t i = 0; i < PEER_SHARD_WORDS; i++)
		p->behind[i] |= words[i];
}
