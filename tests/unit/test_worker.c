/* A worker's sessions: those that are ready have their turn, the others wait;
 * each may end in either queue. */
#include "herd/worker.h"

#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scene.h"
#include "sys_fault.h"

#define CLIENTS 3

static const struct conf conf = {.servers = scene.servers,
	.server_count = HERD_COUNT(scene.servers),
	.places = {.transfers = 1, .provider = "google-legacy"},
	.stop_timeout_ns = HERD_SECOND_NS,
	.limits = {.line = 256, .write_timeout_ns = HERD_SECOND_NS}};

static struct places_common *places;
static struct worker *worker;
static struct session *session[CLIENTS];
static int client[CLIENTS];
static int drained;

static void on_drained(void *arg)
{
	(void)arg;
	drained++;
}

static void connect_client(size_t i)
{
	struct address from;
	int fd[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	ck_assert_int_eq(address_parse("127.0.0.1", 9, &from), 0);
	ck_assert_int_eq(session_new(fd[0], &from, false, &session[i]), 0);
	ck_assert_int_eq(worker_adopt(worker, session[i]), 0);
	client[i] = fd[1];
}

static void set_up(void)
{
	struct worker_options options = {.workers = &worker,
		.worker_count = 1,
		.conf = &conf,
		.server = "Us",
		.on_drained = on_drained};
	char error[CONF_ERROR_MAX];

	scene_begin(0, 1, false);
	ck_assert_int_eq(places_common_new(&conf, false, 1, &places, error), 0);
	options.reactor = scene.reactor;
	options.store = scene.store;
	options.neighbours = scene.neighbours;
	options.log = scene.ring;
	options.places = places;
	ck_assert_int_eq(worker_new(&options, &worker), 0);
	drained = 0;
	for (size_t i = 0; i < CLIENTS; i++)
		connect_client(i);
	reactor_round(scene.reactor, 0);
}

static void tear_down(void)
{
	worker_free(worker);
	for (size_t i = 0; i < CLIENTS; i++)
		close(client[i]);
	places_common_free(places);
	scene_end();
}

static void hang_up(size_t i)
{
	ck_assert_int_eq(shutdown(client[i], SHUT_WR), 0);
}

/* Whether the server has closed it, or sends no more. */
static bool is_told_the_end(size_t i)
{
	char byte;

	return recv(client[i], &byte, 1, MSG_DONTWAIT) == 0;
}

/* All that is_ready promises. */
static void check_ready(size_t i, bool ready)
{
	const struct session_queue *queue =
		ready ? &session[i]->env->ready : &session[i]->env->waiting;
	const struct session *s;
	unsigned times = 0;

	TAILQ_FOREACH(s, queue, queue)
		times += s == session[i];
	ck_assert_uint_eq(times, 1);
	ck_assert(session[i]->is_ready == ready);
}

START_TEST(who_is_woken_has_one_turn)
{
	for (size_t i = 0; i < CLIENTS; i++)
		check_ready(i, false);
	session_wake(session[1]);
	session_wake(session[1]);
	session_wake(session[0]);
	check_ready(0, true);
	check_ready(1, true);
	check_ready(2, false);
	reactor_round(scene.reactor, 0);
	for (size_t i = 0; i < CLIENTS; i++)
		check_ready(i, false);
}
END_TEST

/* The event comes before the turn: first, last or alone in either queue. */
START_TEST(any_may_end_in_either_queue)
{
	size_t gone = (size_t)_i % CLIENTS;
	unsigned ready = (unsigned)_i / CLIENTS; /* a bit for each */

	for (size_t i = 0; i < CLIENTS; i++)
		if (ready >> i & 1)
			session_wake(session[i]);
	hang_up(gone);
	reactor_round(scene.reactor, 0);
	ck_assert(is_told_the_end(gone));
	ck_assert_uint_eq(worker_clients(worker), CLIENTS - 1);
	for (size_t i = 0; i < CLIENTS; i++)
		if (i != gone) {
			check_ready(i, false);
			session_wake(session[i]);
			check_ready(i, true);
		}
	reactor_round(scene.reactor, 0);
	for (size_t i = 0; i < CLIENTS; i++)
		if (i != gone)
			check_ready(i, false);
}
END_TEST

START_TEST(a_stop_is_for_all)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if ((unsigned)_i >> i & 1)
			session_wake(session[i]);
	worker_drain(worker);
	for (int round = 0; round < 3; round++)
		reactor_round(scene.reactor, 0);
	for (size_t i = 0; i < CLIENTS; i++)
		ck_assert(is_told_the_end(i));
	ck_assert_int_eq(drained, 1);
	ck_assert_uint_eq(worker_clients(worker), 0);
}
END_TEST

/* One has an answer yet to read. */
START_TEST(a_stop_waits_for_the_last)
{
	ck_assert_int_eq(write(client[1], "x\n", 2), 2);
	reactor_round(scene.reactor, 0);
	worker_drain(worker);
	for (int round = 0; round < 3; round++)
		reactor_round(scene.reactor, 0);
	ck_assert_int_eq(drained, 0);
	ck_assert_uint_eq(worker_clients(worker), 1);
	hang_up(1);
	reactor_round(scene.reactor, 0);
	ck_assert_int_eq(drained, 1);
	ck_assert_uint_eq(worker_clients(worker), 0);
}
END_TEST

/* tear_down counts the blocks. */
START_TEST(all_are_freed_with_it)
{
	session_wake(session[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("worker");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, who_is_woken_has_one_turn);
	tcase_add_loop_test(
		tcase, any_may_end_in_either_queue, 0, CLIENTS << CLIENTS);
	tcase_add_loop_test(tcase, a_stop_is_for_all, 0, 1 << CLIENTS);
	tcase_add_test(tcase, a_stop_waits_for_the_last);
	tcase_add_test(tcase, all_are_freed_with_it);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
