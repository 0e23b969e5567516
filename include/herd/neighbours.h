/* neighbours - who the neighbours of this server are, and who may speak for
 * them.
 *
 *   slot 0  Hands    active    <- which = 0, for good
 *   slot 1  Holiday  retired      the configuration names it no more
 *   slot 2  Wilkes   active
 *
 * Each name that was ever a neighbour has a slot of its own, which is never
 * freed nor given to another: so `which` may be kept, sent about and used
 * without asking whether it is still good. A slot is retired while the
 * configuration does not name it.
 *
 * Workers ask it when a connection says it is a neighbour; the flood thread
 * tells it the addresses that names resolve to. It also hands out incarnations:
 * a number for each (neighbour, boot id) seen, never used twice in a process.
 * An update carries the incarnation it came from, and is not sent back to that
 * very process, but may be to one that was restarted (another boot id). Of a
 * plain neighbour nobody can tell whether it was: it has one for good.
 *
 * Threads: any. Locks: one mutex, a leaf; asked once per connection, not per
 * line but for the AT lines of plain neighbours, unless said otherwise. */
#ifndef HERD_NEIGHBOURS_H
#define HERD_NEIGHBOURS_H

#include "herd/address.h"
#include "herd/base.h"
#include "herd/conf.h"

/* Slots, at the most. */
#define NEIGHBOURS_MAX 1024

#define NEIGHBOURS_STRANGER NEIGHBOURS_MAX /* who is none */

/* Of one neighbour, at the most. */
#define NEIGHBOUR_ADDRESSES 8
#define NEIGHBOUR_LINKS     16 /* that it has open to us */

struct neighbours;

/* The neighbours of conf->servers[self]; conf is borrowed until
 * neighbours_free. Numeric hosts have their address at once, names when
 * neighbours_set_addresses tells.
 * 0; -ENOMEM; -ENOSPC: more than NEIGHBOURS_MAX; the errno of the
 * randomness. */
HERD_MUST_CHECK int neighbours_new(const struct conf *conf, size_t self,
	struct neighbours **ret_neighbours);
void neighbours_free(struct neighbours *nb);

/* One thread at a time. From now on they are those of conf->servers[self], a
 * configuration that is borrowed like the first, of the same server: who is new
 * gets a slot, who is not in it is retired, whose host or port is another one
 * has moved. 0; -ENOMEM, -ENOSPC as above (nothing has changed). */
HERD_MUST_CHECK int neighbours_update(
	struct neighbours *nb, const struct conf *conf, size_t self);

/* Slots, retired ones included; it never shrinks. */
size_t neighbours_count(const struct neighbours *nb);

/* false: retired. */
bool neighbours_is_active(const struct neighbours *nb, size_t which);

/* Changes whenever the neighbour has moved. */
unsigned neighbours_moves(const struct neighbours *nb, size_t which);

/* As the first configuration has it. */
const struct conf_server *neighbours_self(const struct neighbours *nb);

/* A name stays what it is, and where it is until neighbours_free; what else the
 * configuration says, that of a retired one's last, may change. */
const char *neighbours_name(const struct neighbours *nb, size_t which);
const struct conf_server *neighbours_server(
	const struct neighbours *nb, size_t which);

/* This process's boot id: 16 hex digits, random. */
struct text neighbours_boot(const struct neighbours *nb);

/* What the herd shares to prove who is who; of length 0, as it starts out:
 * nothing. Setting it is start-up only; its bytes are borrowed. */
void neighbours_set_secret(struct neighbours *nb, struct text secret);
struct text neighbours_secret(const struct neighbours *nb);

/* Which active neighbour has this name? false: none. */
HERD_MUST_CHECK bool neighbours_find(
	const struct neighbours *nb, struct text name, size_t *ret_which);

/* Is `from` an address of that neighbour, if it is active; of any of them? */
bool neighbours_is_from(
	struct neighbours *nb, size_t which, const struct address *from);
bool neighbours_any_from(struct neighbours *nb, const struct address *from);

/* How many plain neighbours have the address `from`, and the first of them. */
size_t neighbours_plain_from(
	struct neighbours *nb, const struct address *from, size_t *ret_which);

/* The address to dial in the nth attempt: they take turns. false: its name is
 * not resolved. */
HERD_MUST_CHECK bool neighbours_address(struct neighbours *nb, size_t which,
	unsigned attempt, struct address *ret_address);

/* Its name leads there. `moves`: neighbours_moves, from before neighbours_server
 * was asked for that name; if it has moved since, nothing happens. */
void neighbours_set_addresses(struct neighbours *nb, size_t which,
	unsigned moves, const struct address *addresses, size_t count);

/* It opens one more link to us, which gets a number. false: it has
 * NEIGHBOUR_LINKS already, most of which must be dead; the counterpart is
 * neighbours_link_closed. */
HERD_MUST_CHECK bool neighbours_link_opened(
	struct neighbours *nb, size_t which, uint32_t *ret_number);
void neighbours_link_closed(struct neighbours *nb, size_t which);

/* A line of an update has come from it: taken, or else skipped. Takes no lock:
 * this is asked for every line. */
void neighbours_count_line(struct neighbours *nb, size_t which, bool taken);

/* What it has done to us, for people. */
struct neighbour_tally {
	unsigned links; /* open now */
	uint64_t taken, skipped;
};
void neighbours_get_tally(
	struct neighbours *nb, size_t which, struct neighbour_tally *ret_tally);

/* Whether it has opened none since. */
bool neighbours_link_is_newest(
	struct neighbours *nb, size_t which, uint32_t number);

/* The incarnation of that neighbour with that boot id, which does not matter
 * for a plain one: never 0. */
uint32_t neighbours_incarnation(
	struct neighbours *nb, size_t which, struct text boot);

/* One link at a time may repair what we hold. May that one, now (monotonic)?
 * If so it has the right until neighbours_repair_end, until it has not asked
 * again for NEIGHBOUR_REPAIR_NS, or until another wants it and it has had it
 * for NEIGHBOUR_REPAIR_MAX_NS. */
#define NEIGHBOUR_REPAIR_NS     (10 * HERD_SECOND_NS)
#define NEIGHBOUR_REPAIR_MAX_NS (60 * HERD_SECOND_NS)
HERD_MUST_CHECK bool neighbours_repair(
	struct neighbours *nb, size_t which, uint32_t number, int64_t now_ns);
void neighbours_repair_end(
	struct neighbours *nb, size_t which, uint32_t number);

/* Whether another link has that right. */
bool neighbours_repair_is_taken(
	struct neighbours *nb, size_t which, uint32_t number, int64_t now_ns);

/* Whether to log now (monotonic) what is wrong with that neighbour, or with
 * strangers: each cause, a literal, once a minute. */
HERD_MUST_CHECK bool neighbours_may_say(
	struct neighbours *nb, size_t which, const char *why, int64_t now_ns);

#endif
