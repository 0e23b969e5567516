/* clients - who sends IAMAT: connects, says its lines, and reads the answers;
 * some stay a while, some leave without a word. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "herd/conn.h"
#include "herd/line.h"
#include "herd/sys.h"
#include "world.h"

#define ID_ROOM      512
#define COMMAND_ROOM 700
#define STAY_NS      (4 * HERD_SECOND_NS)
#define PATIENCE_NS  (5 * HERD_SECOND_NS)

struct client {
	TAILQ_ENTRY(client) all;
	const struct plan_event *e;
	unsigned life; /* of the server it talks to */
	struct net_end *end;
	struct buf out, in;
	unsigned answers;
	bool shut, leaves;
	struct timer leave;
};

static TAILQ_HEAD(, client) clients;

struct text client_id(unsigned id, char *dst)
{
	size_t len = (size_t)snprintf(dst, ID_ROOM, "c%u-", id);

	memset(dst + len, 'x', plan->id_len);
	return (struct text){dst, len + plan->id_len};
}

static void free_client(struct client *c)
{
	TAILQ_REMOVE(&clients, c, all);
	sim_cancel(&c->leave);
	buf_fini(&c->in);
	buf_fini(&c->out);
	net_close(c->end);
	sys_free(c);
}

static void on_leave(struct timer *timer)
{
	free_client(HERD_CONTAINER(timer, struct client, leave));
}

/* --- what it says --------------------------------------------------------- */

static void add_line(struct client *c, const struct plan_line *l)
{
	static const char *const places[] = {
		"+34.068930-118.445127", "-0.5+0.25", "+27.5916+086.5640"};
	char id_room[ID_ROOM];
	char command[COMMAND_ROOM];
	struct text id = client_id(l->id, id_room);
	const char *gap = l->far ? " \t " : " ";
	int n = snprintf(command, sizeof command, "%.*s %s %" PRId64 ".%09d%s",
		(int)id.len, id.ptr, places[l->place],
		l->stamp_ns / HERD_SECOND_NS,
		(int)(l->stamp_ns % HERD_SECOND_NS), l->far ? "0" : "");

	model_sent((struct text){command, (size_t)n});
	n = snprintf(command, sizeof command,
		"IAMAT%s%.*s%s%s%s%" PRId64 ".%09d%s\n", gap, (int)id.len,
		id.ptr, gap, places[l->place], gap,
		l->stamp_ns / HERD_SECOND_NS,
		(int)(l->stamp_ns % HERD_SECOND_NS), l->far ? "0" : "");
	HERD_ASSERT(!buf_append(&c->out, command, (size_t)n));
}

static void say(struct client *c)
{
	while (buf_len(&c->out)) {
		ssize_t n =
			net_send(c->end, buf_front(&c->out), buf_len(&c->out));

		if (n <= 0)
			return;
		buf_consume(&c->out, (size_t)n);
	}
	if (!c->shut && !c->e->linger && !c->e->rude) {
		c->shut = true;
		net_shut(c->end);
	}
}

/* --- what it hears -------------------------------------------------------- */

static void take_answers(struct client *c)
{
	const struct node *n = &nodes[c->e->a];
	struct text bytes = buf_text(&c->in);
	size_t before = bytes.len;
	struct text line;

	while (conn_take_line(&bytes, &line)) {
		c->answers++;
		if (line.len < 3 || memcmp(line.ptr, "AT ", 3))
			sim_fail("%s answers %.*s", node_name(c->e->a),
				(int)line.len, line.ptr);
		else if (n->life == c->life && n->state != NODE_DOWN)
			model_promise(c->e->a, line);
	}
	buf_consume(&c->in, before - bytes.len);
}

/* false: it is over. */
static bool hear(struct client *c)
{
	char page[1024];
	ssize_t n;

	while ((n = net_read(c->end, page, sizeof page)) > 0)
		HERD_ASSERT(!buf_append(&c->in, page, (size_t)n));
	if (buf_len(&c->in))
		take_answers(c);
	if (n == 0 && c->shut && c->answers < c->e->line_count &&
		nodes[c->e->a].state == NODE_UP &&
		nodes[c->e->a].life == c->life)
		sim_fail("%s has answered %u lines of %u", node_name(c->e->a),
			c->answers, c->e->line_count);
	return n == -EAGAIN;
}

static void on_change(struct net_end *end)
{
	struct client *c = end->arg;

	say(c);
	if (!hear(c) || (c->e->rude && !buf_len(&c->out))) {
		free_client(c);
	} else if (c->e->linger && c->answers == c->e->line_count &&
		   !c->leaves) {
		c->leaves = true;
		sim_after(&c->leave, rng_between(&sim.rng, 0, STAY_NS));
	}
}

void clients_update(const struct plan_event *e)
{
	struct client *c = sys_alloc_zero(1, sizeof *c);

	HERD_ASSERT(c);
	c->e = e;
	c->life = nodes[e->a].life;
	c->leave.on_due = on_leave;
	for (unsigned i = 0; i < e->line_count; i++)
		add_line(c, &e->line[i]);
	c->end = net_dial(SIM_CLIENTS, e->a);
	c->end->on_change = on_change;
	c->end->arg = c;
	TAILQ_INSERT_TAIL(&clients, c, all);
	sim_after(&c->leave, PATIENCE_NS);
}

bool clients_are_gone(void)
{
	return TAILQ_EMPTY(&clients);
}

void clients_init(void)
{
	TAILQ_INIT(&clients);
}

void clients_fini(void)
{
	while (!TAILQ_EMPTY(&clients))
		free_client(TAILQ_FIRST(&clients));
}
