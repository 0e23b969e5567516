/* neighbours - the table of neighbours shared by workers and flood; see
 * neighbours.h.
 *
 * Only the latest boot id of a neighbour is remembered. Should an old one turn
 * up once more (a connection that was long under way), it gets a new number:
 * the price is that some lines are sent to a neighbour that has them, never
 * that one is missing. */
#include "herd/neighbours.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "herd/line.h"
#include "herd/sys.h"

#define SAY_EVERY_NS (60 * HERD_SECOND_NS)
#define CAUSES_MAX   16 /* more than there are */

struct said {
	const char *why; /* NULL: nothing yet */
	int64_t at_ns;
};

struct neighbour {
	const char *name;                           /* [I] */
	_Atomic(const struct conf_server *) server; /* [A] */
	atomic_bool active;                         /* [A] else retired */
	atomic_uint moves; /* [A], written under the lock */
	struct address addresses[NEIGHBOUR_ADDRESSES]; /* [L] */
	size_t address_count;                          /* [L] */
	char boot[LINE_BOOT_MAX];                      /* [L] the latest */
	size_t boot_len;                               /* [L] */
	uint32_t incarnation;         /* [L] of that boot id; 0: none seen */
	unsigned links;               /* [L] open, dialled by it */
	uint32_t last_link;           /* [L] how many it ever opened */
	struct said said[CAUSES_MAX]; /* [L] */
	atomic_uint_fast64_t taken, skipped; /* [A] lines; only ever counted */
};

struct neighbours {
	const struct conf_server *self; /* [I] */
	struct text secret;             /* [I] */
	char boot[16];                  /* [I] ours */
	pthread_mutex_t lock;
	uint32_t last_incarnation; /* [L] */
	struct {
		size_t which;
		uint32_t number; /* of the link; 0: none */
		int64_t since_ns, until_ns;
	} repair;                          /* [L] who may repair us */
	struct said strangers[CAUSES_MAX]; /* [L] what was said of them */
	/* [A] Set after the slot it counts; slots are [I] from then on. */
	atomic_size_t count;
	struct neighbour *each[NEIGHBOURS_MAX];
};

/* The lock is a leaf that guards a handful of words; nothing can make it fail
 * but a bug of ours. */
static void lock(struct neighbours *nb)
{
	HERD_ASSERT(!pthread_mutex_lock(&nb->lock));
}

static void unlock(struct neighbours *nb)
{
	HERD_ASSERT(!pthread_mutex_unlock(&nb->lock));
}

static int make_boot_id(char boot[16])
{
	unsigned char random[8];
	int rc = sys_random(random, sizeof random);

	if (!rc)
		line_put_hex(random, sizeof random, boot);
	return rc;
}

/* --- slots ---------------------------------------------------------------- */

/* The slot of that name, retired or not, among the first `count`. NULL: it has
 * none. */
static struct neighbour *find_slot(
	const struct neighbours *nb, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(nb->each[i]->name, name))
			return nb->each[i];
	return NULL;
}

/* Make the slots that server needs and nobody has, behind those that count. */
static int add_slots(struct neighbours *nb, const struct conf *conf,
	const struct conf_server *me, size_t *count)
{
	for (size_t i = 0; i < me->neighbour_count; i++) {
		const struct conf_server *s = &conf->servers[me->neighbours[i]];
		struct neighbour *n;

		if (find_slot(nb, *count, s->name))
			continue;
		if (*count == NEIGHBOURS_MAX)
			return -ENOSPC;
		n = sys_alloc_zero(1, sizeof *n);
		if (!n)
			return -ENOMEM;
		n->name = s->name;
		nb->each[(*count)++] = n;
	}
	return 0;
}

/* To be reached in the same way? */
static bool is_at(const struct conf_server *a, const struct conf_server *b)
{
	return a->port == b->port && !strcmp(a->host, b->host) &&
	       a->plain == b->plain;
}

/* It is another process now, for all that is known, and may be elsewhere. */
static void move(struct neighbours *nb, struct neighbour *n,
	const struct conf_server *server)
{
	lock(nb);
	n->incarnation = 0;
	n->address_count = 0;
	if (!address_parse(server->host, server->port, &n->addresses[0]))
		n->address_count = 1;
	atomic_fetch_add(&n->moves, 1);
	unlock(nb);
}

static void place(
	struct neighbours *nb, size_t count, const struct conf_server *server)
{
	struct neighbour *n = find_slot(nb, count, server->name);
	const struct conf_server *before = atomic_load(&n->server);

	atomic_store(&n->server, server);
	if (!before || !is_at(before, server))
		move(nb, n, server);
	atomic_store(&n->active, true);
}

static bool is_among(
	const struct conf *conf, const struct conf_server *me, const char *name)
{
	for (size_t i = 0; i < me->neighbour_count; i++)
		if (!strcmp(conf->servers[me->neighbours[i]].name, name))
			return true;
	return false;
}

int neighbours_update(
	struct neighbours *nb, const struct conf *conf, size_t self)
{
	const struct conf_server *me = &conf->servers[self];
	size_t before = atomic_load(&nb->count);
	size_t count = before;
	int rc = add_slots(nb, conf, me, &count);

	if (rc) {
		while (count > before)
			sys_free(nb->each[--count]);
		return rc;
	}
	/* Whom nobody knows yet has its server before it is counted: another
	 * thread may ask for it as soon as it is. */
	for (size_t i = 0; i < me->neighbour_count; i++)
		place(nb, count, &conf->servers[me->neighbours[i]]);
	atomic_store(&nb->count, count);
	for (size_t i = 0; i < before; i++)
		if (!is_among(conf, me, nb->each[i]->name))
			atomic_store(&nb->each[i]->active, false);
	return 0;
}

/* --- life ----------------------------------------------------------------- */

int neighbours_new(const struct conf *conf, size_t self,
	struct neighbours **ret_neighbours)
{
	struct neighbours *nb = sys_alloc_zero(1, sizeof *nb);
	int rc;

	if (!nb)
		return -ENOMEM;
	nb->self = &conf->servers[self];
	HERD_ASSERT(!pthread_mutex_init(&nb->lock, NULL));
	rc = make_boot_id(nb->boot);
	if (!rc)
		rc = neighbours_update(nb, conf, self);
	if (rc) {
		neighbours_free(nb);
		return rc;
	}
	*ret_neighbours = nb;
	return 0;
}

void neighbours_free(struct neighbours *nb)
{
	if (!nb)
		return;
	for (size_t i = 0; i < atomic_load(&nb->count); i++)
		sys_free(nb->each[i]);
	HERD_ASSERT(!pthread_mutex_destroy(&nb->lock));
	sys_free(nb);
}

/* --- who they are --------------------------------------------------------- */

size_t neighbours_count(const struct neighbours *nb)
{
	return atomic_load(&nb->count);
}

bool neighbours_is_active(const struct neighbours *nb, size_t which)
{
	return atomic_load(&nb->each[which]->active);
}

unsigned neighbours_moves(const struct neighbours *nb, size_t which)
{
	return atomic_load(&nb->each[which]->moves);
}

const struct conf_server *neighbours_self(const struct neighbours *nb)
{
	return nb->self;
}

const char *neighbours_name(const struct neighbours *nb, size_t which)
{
	return nb->each[which]->name;
}

const struct conf_server *neighbours_server(
	const struct neighbours *nb, size_t which)
{
	return atomic_load(&nb->each[which]->server);
}

struct text neighbours_boot(const struct neighbours *nb)
{
	return (struct text){nb->boot, sizeof nb->boot};
}

void neighbours_set_secret(struct neighbours *nb, struct text secret)
{
	nb->secret = secret;
}

struct text neighbours_secret(const struct neighbours *nb)
{
	return nb->secret;
}

bool neighbours_find(
	const struct neighbours *nb, struct text name, size_t *ret_which)
{
	for (size_t i = 0; i < neighbours_count(nb); i++) {
		if (neighbours_is_active(nb, i) &&
			text_equal(text_of(neighbours_name(nb, i)), name)) {
			*ret_which = i;
			return true;
		}
	}
	return false;
}

bool neighbours_is_from(
	struct neighbours *nb, size_t which, const struct address *from)
{
	const struct neighbour *n = nb->each[which];
	bool found = false;

	if (!neighbours_is_active(nb, which))
		return false;
	lock(nb);
	for (size_t i = 0; i < n->address_count && !found; i++)
		found = address_same_host(&n->addresses[i], from);
	unlock(nb);
	return found;
}

bool neighbours_any_from(struct neighbours *nb, const struct address *from)
{
	for (size_t i = 0; i < neighbours_count(nb); i++)
		if (neighbours_is_from(nb, i, from))
			return true;
	return false;
}

size_t neighbours_plain_from(
	struct neighbours *nb, const struct address *from, size_t *ret_which)
{
	size_t found = 0;

	for (size_t i = 0; i < neighbours_count(nb); i++)
		if (neighbours_server(nb, i)->plain &&
			neighbours_is_from(nb, i, from) && !found++)
			*ret_which = i;
	return found;
}

bool neighbours_address(struct neighbours *nb, size_t which, unsigned attempt,
	struct address *ret_address)
{
	const struct neighbour *n = nb->each[which];
	bool known;

	lock(nb);
	known = n->address_count > 0;
	if (known)
		*ret_address = n->addresses[attempt % n->address_count];
	unlock(nb);
	return known;
}

void neighbours_set_addresses(struct neighbours *nb, size_t which,
	unsigned moves, const struct address *addresses, size_t count)
{
	struct neighbour *n = nb->each[which];

	if (count > NEIGHBOUR_ADDRESSES)
		count = NEIGHBOUR_ADDRESSES;
	lock(nb);
	if (atomic_load(&n->moves) == moves) {
		memcpy(n->addresses, addresses, count * sizeof *addresses);
		n->address_count = count;
	}
	unlock(nb);
}

/* --- their links ---------------------------------------------------------- */

bool neighbours_link_opened(
	struct neighbours *nb, size_t which, uint32_t *ret_number)
{
	struct neighbour *n = nb->each[which];
	bool may;

	lock(nb);
	may = n->links < NEIGHBOUR_LINKS;
	if (may) {
		n->links++;
		*ret_number = ++n->last_link;
	}
	unlock(nb);
	return may;
}

void neighbours_link_closed(struct neighbours *nb, size_t which)
{
	lock(nb);
	HERD_ASSERT(nb->each[which]->links > 0);
	nb->each[which]->links--;
	unlock(nb);
}

void neighbours_count_line(struct neighbours *nb, size_t which, bool taken)
{
	struct neighbour *n = nb->each[which];

	atomic_fetch_add_explicit(
		taken ? &n->taken : &n->skipped, 1, memory_order_relaxed);
}

void neighbours_get_tally(
	struct neighbours *nb, size_t which, struct neighbour_tally *ret_tally)
{
	struct neighbour *n = nb->each[which];

	ret_tally->taken =
		atomic_load_explicit(&n->taken, memory_order_relaxed);
	ret_tally->skipped =
		atomic_load_explicit(&n->skipped, memory_order_relaxed);
	lock(nb);
	ret_tally->links = n->links;
	unlock(nb);
}

bool neighbours_link_is_newest(
	struct neighbours *nb, size_t which, uint32_t number)
{
	bool is;

	lock(nb);
	is = nb->each[which]->last_link == number;
	unlock(nb);
	return is;
}

uint32_t neighbours_incarnation(
	struct neighbours *nb, size_t which, struct text boot)
{
	struct neighbour *n = nb->each[which];
	uint32_t incarnation;

	HERD_ASSERT(boot.len <= LINE_BOOT_MAX);
	if (neighbours_server(nb, which)->plain)
		boot.len = 0;
	lock(nb);
	if (!n->incarnation ||
		!text_equal((struct text){n->boot, n->boot_len}, boot)) {
		memcpy(n->boot, boot.ptr, boot.len);
		n->boot_len = boot.len;
		n->incarnation = ++nb->last_incarnation;
	}
	incarnation = n->incarnation;
	unlock(nb);
	return incarnation;
}

/* Where `why` is noted, or else is to be: in a place of its own while there is
 * one, then in that of the oldest. */
static struct said *find_said(struct said *all, const char *why)
{
	struct said *oldest = &all[0];

	for (size_t i = 0; i < CAUSES_MAX; i++) {
		struct said *said = &all[i];

		if (!said->why || !strcmp(said->why, why))
			return said;
		if (said->at_ns < oldest->at_ns)
			oldest = said;
	}
	oldest->why = NULL;
	return oldest;
}

bool neighbours_may_say(
	struct neighbours *nb, size_t which, const char *why, int64_t now_ns)
{
	struct said *all = which == NEIGHBOURS_STRANGER ? nb->strangers
							: nb->each[which]->said;
	struct said *said;
	bool may;

	lock(nb);
	said = find_said(all, why);
	may = !said->why || now_ns - said->at_ns >= SAY_EVERY_NS;
	if (may)
		*said = (struct said){why, now_ns};
	unlock(nb);
	return may;
}

/* --- repairs -------------------------------------------------------------- */

/* Under the lock. */
static bool is_repairing(
	const struct neighbours *nb, size_t which, uint32_t number)
{
	return nb->repair.which == which && nb->repair.number == number;
}

/* Under the lock. */
static bool repair_is_taken(const struct neighbours *nb, size_t which,
	uint32_t number, int64_t now_ns)
{
	return nb->repair.number && !is_repairing(nb, which, number) &&
	       now_ns < nb->repair.until_ns &&
	       now_ns - nb->repair.since_ns < NEIGHBOUR_REPAIR_MAX_NS;
}

bool neighbours_repair(
	struct neighbours *nb, size_t which, uint32_t number, int64_t now_ns)
{
	bool may;

	lock(nb);
	may = !repair_is_taken(nb, which, number, now_ns);
	if (may && !is_repairing(nb, which, number)) {
		nb->repair.which = which;
		nb->repair.number = number;
		nb->repair.since_ns = now_ns;
	}
	if (may)
		nb->repair.until_ns = now_ns + NEIGHBOUR_REPAIR_NS;
	unlock(nb);
	return may;
}

void neighbours_repair_end(struct neighbours *nb, size_t which, uint32_t number)
{
	lock(nb);
	if (is_repairing(nb, which, number))
		nb->repair.number = 0;
	unlock(nb);
}

bool neighbours_repair_is_taken(
	struct neighbours *nb, size_t which, uint32_t number, int64_t now_ns)
{
	bool taken;

	lock(nb);
	taken = repair_is_taken(nb, which, number, now_ns);
	unlock(nb);
	return taken;
}
