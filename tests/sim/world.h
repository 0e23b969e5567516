/* world - the servers of a simulated herd, their clients, and what must be
 * true of them. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "herd/flood.h"
#include "herd/neighbours.h"
#include "herd/store.h"
#include "herd/worker.h"
#include "network.h"
#include "plan.h"

#define ACCEPT_ROOM  1024
#define NODE_STOP_NS (5 * HERD_SECOND_NS)

/* The log of a simulated server is its name. */
struct log_ring {
	struct node *node;
};

enum node_state {
	NODE_DOWN,
	NODE_UP,
	NODE_STOPPING,
};

struct node {
	size_t index;
	enum node_state state;
	unsigned life; /* how often it was started */
	bool restart;  /* as soon as it has stopped */
	struct sim_process process;
	struct log_ring ring;

	struct reactor *acceptor, *flood_reactor;
	struct reactor *worker_reactor[PLAN_WORKERS];
	struct worker *worker[PLAN_WORKERS];
	size_t worker_count, workers_left;
	struct store *store;
	struct neighbours *neighbours;
	struct flood *flood;

	struct reactor_hook accept_hook;
	struct net_end *accepted[ACCEPT_ROOM];
	size_t accepted_count;
	struct session *handed[ACCEPT_ROOM]; /* on their way to a worker */
	size_t handed_count;
	struct era *era;         /* the configuration in force */
	bool without[SIM_NODES]; /* edges that it does not name */
	struct timer again;      /* tell of it once more */
	struct timer exit;       /* it has stopped, or must have by now */

	bool up[SIM_NODES];          /* links that it dialled, */
	unsigned up_life[SIM_NODES]; /* to whom */
	unsigned links[SIM_NODES];   /* that it accepted */
};

extern struct node nodes[SIM_NODES];
extern const struct plan *plan; /* of the run at hand */

/* --- servers (node.c) ----------------------------------------------------- */

void nodes_init(void);
void nodes_fini(void);
void node_start(size_t index);
void node_stop(size_t index);
void node_crash(size_t index, bool machine);
const char *node_name(size_t index);
void node_on_log(struct log_ring *ring, enum log_event event,
	const struct log_facts *facts);
const char *node_of_ring(const struct log_ring *ring);

/* --- their configurations (era.c) ----------------------------------------- */

void eras_init(void);
void eras_end(struct node *n);
const struct conf *era_begin(struct node *n);
void era_on_again(struct timer *timer);

/* Reload with this neighbour, or without it; with all that the plan knows. */
void node_reload(size_t index, size_t neighbour, bool named);
void node_reload_whole(size_t index);

/* The line that node has of a client, appended to `into`; false: none. */
bool node_line(size_t index, struct text id, struct buf *into);

/* --- clients (clients.c) -------------------------------------------------- */

void clients_init(void);
void clients_fini(void);
void clients_update(const struct plan_event *e);
bool clients_are_gone(void);

/* The client's name in dst[512]. */
struct text client_id(unsigned id, char *dst);

/* --- what must be true (model.c) ------------------------------------------ */

void model_init(void);
void model_fini(void);

/* A client has sent this; "ID LOCATION STAMP". */
void model_sent(struct text command);

/* As long as this server lives, what the herd ends with is this line, or one
 * that wins over it. */
void model_promise(size_t node, struct text line);

/* All that a server holds is promised by another. */
void model_promise_all(size_t holder, size_t node);

/* Whether all servers hold the same lines; what differs is said if `why`. */
bool model_is_equal(bool why);

/* The herd is whole: every neighbour is up, in both directions. */
bool model_is_whole(bool why);

/* Hold what the herd ended with against all promises. */
void model_check(void);

#endif
