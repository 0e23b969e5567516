/* model - what must be true of a herd: what was promised, what was sent, and
 * that all servers agree. */
#include <inttypes.h>
#include <stdlib.h>

#include "herd/line.h"
#include "world.h"

#define ID_ROOM 512

struct promise {
	size_t node;
	unsigned life;
	size_t at, len; /* in `texts` */
};

struct piece {
	size_t at, len;
};

static struct buf texts;
static struct promise *promises;
static size_t promise_count, promise_room;
static struct piece *sent;
static size_t sent_count, sent_room;

static void *grow(void *block, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return block;
	*room = *room ? 2 * *room : 256;
	block = realloc(block, *room * size);
	HERD_ASSERT(block);
	return block;
}

static size_t keep(struct text text)
{
	size_t at = buf_len(&texts);

	HERD_ASSERT(!buf_append_text(&texts, text));
	return at;
}

void model_sent(struct text command)
{
	sent = grow(sent, sent_count, &sent_room, sizeof *sent);
	sent[sent_count++] = (struct piece){keep(command), command.len};
}

void model_promise(size_t node, struct text line)
{
	promises =
		grow(promises, promise_count, &promise_room, sizeof *promises);
	promises[promise_count++] =
		(struct promise){node, nodes[node].life, keep(line), line.len};
}

void model_promise_all(size_t holder, size_t node)
{
	char room[ID_ROOM];
	struct buf line = {0};

	for (unsigned id = 0; id < plan->ids; id++) {
		if (node_line(holder, client_id(id, room), &line))
			model_promise(node, buf_text(&line));
		buf_fini(&line);
	}
}

/* --- agreement ------------------------------------------------------------ */

static bool id_is_equal(unsigned id, bool why)
{
	char room[ID_ROOM];
	struct text name = client_id(id, room);
	struct buf first = {0};
	struct buf other = {0};
	bool has = node_line(0, name, &first);
	bool equal = true;

	for (size_t i = 1; i < plan->nodes && equal; i++) {
		equal = node_line(i, name, &other) == has &&
			text_equal(buf_text(&first), buf_text(&other));
		if (!equal && why)
			sim_fail("%s and %s differ: \"%.*s\", \"%.*s\"",
				node_name(0), node_name(i),
				(int)buf_len(&first), buf_text(&first).ptr,
				(int)buf_len(&other), buf_text(&other).ptr);
		buf_fini(&other);
	}
	buf_fini(&first);
	return equal;
}

bool model_is_equal(bool why)
{
	for (size_t i = 0; i < plan->nodes; i++)
		if (nodes[i].state != NODE_UP)
			return false;
	for (unsigned id = 0; id < plan->ids; id++)
		if (!id_is_equal(id, why))
			return false;
	return true;
}

bool model_is_whole(bool why)
{
	for (size_t i = 0; i < plan->nodes; i++) {
		for (size_t j = 0; j < plan->nodes; j++) {
			if (!plan->edge[i][j] ||
				(nodes[i].up[j] && nodes[j].links[i] &&
					net_has_link(i, j)))
				continue;
			if (why)
				sim_fail("the link from %s to %s is down",
					node_name(i), node_name(j));
			return false;
		}
	}
	return true;
}

/* Digests are those of the lines held, and a walk through all buckets comes to
 * each of them once. */
static void check_digest(size_t index)
{
	struct store *store = nodes[index].store;
	uint64_t digest = store_digest(store);
	char room[ID_ROOM];
	struct buf line = {0};
	size_t count = 0;

	for (unsigned id = 0; id < plan->ids; id++) {
		if (node_line(index, client_id(id, room), &line)) {
			digest ^= store_line_hash(store, buf_text(&line));
			count++;
		}
		buf_fini(&line);
	}
	if (count != store_count(store))
		sim_fail("%s counts %zu clients, not %zu", node_name(index),
			store_count(store), count);
	if (digest)
		sim_fail("the digest of %s is wrong", node_name(index));
}

static void check_walk(size_t index)
{
	static char page[LINE_LINK_MAX + 1];
	struct store *store = nodes[index].store;
	uint64_t digests[STORE_BUCKETS];
	size_t count = 0;

	store_digests(store, digests);
	for (unsigned i = 0; i < STORE_BUCKETS; i++) {
		struct store_walk walk = {
			.bucket = i, .dst = page, .room = sizeof page};

		if (!digests[i])
			continue;
		while (store_walk(store, &walk, 0))
			count += walk.lines;
	}
	if (count != store_count(store))
		sim_fail("a walk through %s finds %zu lines of %zu",
			node_name(index), count, store_count(store));
}

/* --- promises ------------------------------------------------------------- */

static bool was_sent(struct text line)
{
	for (size_t i = 0; i < sent_count; i++) {
		const struct piece *p = &sent[i];

		if (line.len > p->len &&
			line.ptr[line.len - p->len - 1] == ' ' &&
			!memcmp(line.ptr + line.len - p->len,
				buf_front(&texts) + p->at, p->len))
			return true;
	}
	return false;
}

static void check_promise(struct text line)
{
	struct buf final = {0};
	struct line ours;
	struct line theirs;

	line_parse(line, &theirs);
	HERD_ASSERT(theirs.verb == LINE_AT);
	if (!node_line(0, theirs.at.id, &final)) {
		sim_fail("lost: %.*s", (int)line.len, line.ptr);
		return;
	}
	line_parse(buf_text(&final), &ours);
	if (!text_equal(buf_text(&final), line) &&
		!sighting_wins(buf_text(&final), ours.at.stamp_ns, line,
			theirs.at.stamp_ns))
		sim_fail("held: %.*s, lost: %.*s", (int)buf_len(&final),
			buf_front(&final), (int)line.len, line.ptr);
	buf_fini(&final);
}

void model_check(void)
{
	char room[ID_ROOM];
	struct buf line = {0};

	for (size_t i = 0; i < plan->nodes; i++)
		check_digest(i);
	check_walk(plan->seed % plan->nodes);
	for (size_t i = 0; i < promise_count; i++) {
		const struct promise *p = &promises[i];

		if (nodes[p->node].life == p->life)
			check_promise((struct text){
				buf_front(&texts) + p->at, p->len});
	}
	for (unsigned id = 0; id < plan->ids; id++) {
		if (node_line(0, client_id(id, room), &line) &&
			!was_sent(buf_text(&line)))
			sim_fail("nobody sent: %.*s", (int)buf_len(&line),
				buf_front(&line));
		buf_fini(&line);
	}
}

void model_init(void)
{
	promise_count = 0;
	sent_count = 0;
}

void model_fini(void)
{
	buf_fini(&texts);
}
