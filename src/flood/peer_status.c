/* peer_status - what `herdctl status` tells of a link; see peer.h. */
#include "herd/peer.h"

#include "peer_parts.h"

static const char *state_word(enum peer_state state)
{
	switch (state) {
	case PEER_IDLE:
		return "idle";
	case PEER_WAITING:
		return "waiting";
	case PEER_RESOLVING:
		return "resolving";
	case PEER_CONNECTING:
		return "connecting";
	case PEER_GREETING:
		return "greeting";
	case PEER_PROVING:
		return "proving";
	case PEER_UP:
		return "up";
	case PEER_SENDING:
		return "sending";
	}
	return "?";
}

/* While it is not up nobody notes which shards have news, unless it is plain. */
static bool may_be_behind(const struct peer *p, unsigned shard)
{
	return (p->state != PEER_UP && !p->plain) ||
	       p->behind[shard / 64] >> shard % 64 & 1;
}

/* Every shard gets the same share of the looking: ids are spread over them
 * evenly, so that none is much further behind than the others. */
static void measure(struct peer *p, struct feed_lag *lag)
{
	int64_t now_ns = reactor_now_ns(p->env->reactor);
	unsigned shards = store_shards(p->env->store);
	unsigned behind = 0;

	for (unsigned s = 0; s < shards; s++)
		behind += may_be_behind(p, s);
	for (unsigned s = 0; s < shards; s++)
		if (may_be_behind(p, s))
			feed_measure(p->env->store, p->reader, s,
				p->incarnation, PEER_LAG_MAX / behind, now_ns,
				lag);
	lag->lines += buf_len(&p->held) > 0;
}

void peer_get_status(struct peer *p, struct peer_status *ret_status)
{
	bool up = p->state == PEER_UP || p->reachable;

	*ret_status = (struct peer_status){.which = p->which,
		.name = peer_name(p),
		.state = state_word(p->state),
		.for_ns = reactor_now_ns(p->env->reactor) -
			  (up ? p->up_since_ns : p->lost_ns),
		.trouble = p->trouble,
		.sent = p->sent,
		.comparisons = p->sync.comparisons,
		.repairs = p->sync.repairs,
		.repaired = p->sync.lines};
	measure(p, &ret_status->lag);
}
