/* scene - a server seen from its neighbours' side: what its links stand on,
 * under a clock set by hand, and neighbours that the test plays over real
 * sockets.
 *
 *   driven    one thread: the test runs the reactor's rounds between its own
 *             steps
 *   threaded  the reactor runs on a thread of its own, as in the threaded
 *             design; the test only waits
 *
 * The server is called Us; its neighbours' host is 127.0.0.1. Threads: owner
 * only (the test's), unless said otherwise. Errors: whatever goes wrong, a
 * deadline included, fails the running test. */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "herd/conf.h"
#include "herd/log.h"
#include "herd/neighbours.h"
#include "herd/reactor.h"
#include "herd/store.h"

#define SCENE_NEIGHBOURS 2
#define SCENE_DEADLINE_S 30
#define SCENE_START_NS   (1000000 * HERD_SECOND_NS)

struct scene {
	struct conf_server servers[1 + SCENE_NEIGHBOURS]; /* Us first */
	const struct conf *conf;
	struct reactor *reactor;
	struct store *store;
	struct neighbours *neighbours;
	struct log_ring *ring;
	bool threaded; /* somebody else runs the reactor */

	/* These shards (one bit each) have news; set by the test. */
	void (*on_news)(const uint64_t *words);
};

extern struct scene scene;

/* A neighbour: it listens, takes the link, reads and answers by hand. What it
 * is told it remembers, as long as it is the same process. */
struct far {
	const char *name;
	int listener;
	int fd;        /* the link to it; -1: none */
	bool no_pong;  /* it leaves PINGs unanswered */
	bool own_pong; /* the test answers them */
	struct store *store;
	char boot[32]; /* of the process */
	struct buf in;
	size_t used; /* of `in`: lines handed out */
};

extern struct far far[SCENE_NEIGHBOURS]; /* Able and Baker */

/* Everything above, with as many neighbours and shards (0: the default).
 * `threaded`: the store and the reactor are shared. */
void scene_begin(unsigned neighbours, unsigned shards, bool threaded);

/* What stands on the scene is gone by now; every block must be freed. */
void scene_end(void);

/* The neighbour's configured host is another one; nothing but the test may use
 * scene.neighbours yet. */
void scene_move(const struct far *f, const char *host);

/* --- time ----------------------------------------------------------------- */

/* Let something happen: a round, or (threaded) a wait for input at `fd`. */
void scene_go_on(int fd);

/* Move the clock on and let everyone notice. */
void scene_advance(int64_t ns);

/* --- updates -------------------------------------------------------------- */

/* A client's update, as a worker treats it, ten seconds ago: no line is too
 * young to be sent when maps are compared. Threads: any. */
void scene_put(const char *id, long stamp, uint32_t origin);

/* --- a neighbour ---------------------------------------------------------- */

void far_accept(struct far *f);
void far_hang_up(struct far *f);

/* Whether a dial waits to be accepted. */
bool far_is_dialled(const struct far *f);

void far_say(struct far *f, const char *text);

/* Answer the hello, as the process `boot`. */
void far_answer(struct far *f, const char *boot);

/* Accept the link, read the hello, answer it. */
void far_greet(struct far *f, const char *boot);

/* Take in what has come. false: nothing; *ret_end: the link was closed. */
bool far_take(struct far *f, bool *ret_end);

/* The next line, good until the next call. false: the link was closed. */
bool far_next(struct far *f, struct text *ret_line);

/* Answer what has come by now of PINGs and questions of catching up; nothing
 * else may have. */
void far_answer_questions(struct far *f);

/* The next line but for PINGs and those of catching up, which are answered. */
struct text far_line(struct far *f);

void far_expect(struct far *f, const char *text);
void far_expect_end(struct far *f);

/* The line that scene_put made of this. */
void far_expect_at(struct far *f, const char *id, long stamp);

/* The next line, one of scene_put's for "idNUMBER". false: another line. */
bool far_read_at(struct far *f, unsigned *ret_number, long *ret_stamp);

#endif
