/* pump - a peer that is up sends what is new: from its bookmarks in the store's
 * change feed, a page at a time; see peer.h. */
#include "herd/peer.h"

#include "herd/line.h"
#include "herd/sys.h"

#include "peer_parts.h"

#define SHARDS_PER_PUMP 64

/* The next shard with news, from next_shard on and round; false: none. */
static bool find_behind(const struct peer *p, unsigned *ret_shard)
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
			find_behind(p, &shard);
		i++) {
		struct feed_page page = {.dst = p->env->page + len,
			.room = PEER_PAGE_ROOM - len};

		feed_read(
			p->env->store, p->reader, shard, p->incarnation, &page);
		len += page.len;
		if (!page.more)
			p->behind[shard / 64] &= ~(UINT64_C(1) << shard % 64);
		p->next_shard = (shard + 1) % STORE_BUCKETS;
	}
	return len;
}

static void log_flooded(struct peer *p, struct text lines)
{
	struct log_facts facts = {
		.name = peer_server(p)->name, .time_ns = sys_realtime_ns()};

	if (!log_wants(p->env->log, LOG_PEER_FLOODED))
		return;
	while (conn_take_line(&lines, &facts.bytes))
		log_write(p->env->log, LOG_PEER_FLOODED, &facts);
}

bool peer_pump(struct peer *p)
{
	unsigned shard;
	size_t len;
	int rc;

	if (p->state != PEER_UP || buf_len(&p->conn.out))
		return false;
	len = fill_page(p);
	if (len) {
		log_flooded(p, (struct text){p->env->page, len});
		rc = conn_send(&p->conn, p->env->page, len);
		if (!rc)
			rc = conn_watch(&p->conn, true);
	} else if (p->draining && !p->pinged_last && !find_behind(p, &shard)) {
		p->pinged_last = true;
		rc = peer_send_ping(p);
	} else {
		rc = 0;
	}
	if (rc) {
		peer_lose(p, sys_error_text(rc));
		return false;
	}
	/* Draining: the last word is still to be said. */
	return !buf_len(&p->conn.out) &&
	       (find_behind(p, &shard) || (p->draining && !p->pinged_last));
}

void peer_changed(struct peer *p, const uint64_t words[PEER_SHARD_WORDS])
{
	/* While it is not up, nothing need be noted: it gets everything. */
	if (p->state != PEER_UP)
		return;
	for (size_t i = 0; i < PEER_SHARD_WORDS; i++)
		p->behind[i] |= words[i];
}
