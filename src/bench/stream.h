/* stream - connections with requests under way.
 *
 * A ring per connection knows the time of each request, from when it arrived
 * (is wanted) over when it was sent to when it is answered:
 *
 *   answered ─── under way ─── sent ─── waiting ─── arrived
 *
 * All that is read or written at once goes through buffers of the set, so a
 * connection costs its ring; what the socket did not take, and half an answer,
 * it keeps itself.
 * Threads: owner only. */
#ifndef HERD_STREAM_H
#define HERD_STREAM_H

#include "drawer.h"
#include "driver.h"

#define STREAM_BATCH 256 /* requests in one write, at the most */

struct stream {
	int fd;   /* -1: lost */
	bool due; /* stands in a list of its user's */
	uint32_t answered, sent, arrived;
	size_t rest_len, kept_len, kept_room;
	char *rest; /* what the socket did not take; or NULL */
	char *kept; /* the beginning of an answer; or NULL */
};

struct streams {
	struct driver *driver;
	struct stream *all;
	unsigned count, alive;
	uint32_t ring;            /* entries of each; a power of two */
	int64_t *times_ns;        /* count * ring */
	struct request *requests; /* the same; NULL: not needed */
	struct drawer drawer;
	struct speaker speaker;
	int epoll_fd;
	int64_t now_ns;       /* monotonic, of this event */
	int64_t offset_ns;    /* from that to the epoch */
	int64_t offset_at_ns; /* when that was found out */
	char *in, *out;
};

/* Open the driver's connections, with rings of at least `ring` requests. 0;
 * -errno, the driver having failed. streams_fini in either case. */
HERD_MUST_CHECK int streams_init(
	struct streams *s, struct driver *d, uint32_t ring);
void streams_fini(struct streams *s);

/* Now. Once per event: it takes 20 ns. */
int64_t streams_now(struct streams *s);

/* Room for requests in a stream's ring. */
static inline uint32_t stream_room(
	const struct streams *s, const struct stream *st)
{
	return s->ring - (st->arrived - st->answered);
}

static inline bool stream_wants_to_send(const struct stream *st)
{
	return st->sent != st->arrived && !st->rest_len && st->fd >= 0;
}

/* A request arrives, as of `time_ns`; there is room. */
void stream_arrive(struct streams *s, struct stream *st, int64_t time_ns);

/* Requests that have arrived and are not answered, on connections that were
 * lost, too; *ret_oldest_ns: when the first of them arrived, INT64_MAX: there
 * is none. */
uint64_t streams_unanswered(const struct streams *s, int64_t *ret_oldest_ns);

/* Send what waits, as far as the socket takes it. */
void stream_send(struct streams *s, struct stream *st);

/* The socket is ready (epoll's events): take answers; send the rest. How many
 * answers there were. */
unsigned stream_ready(struct streams *s, struct stream *st, uint32_t events);

#endif
