/* A link that has to be proven, as a peer alone; the test plays the neighbour,
 * which knows the secret or does not. */
#include "herd/peer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scene.h"
#include "sys_fault.h"

#define SECRET "sixteen bytes and more"

static struct peer peer;
static struct peer_env env;
static struct reactor_hook hook; /* pumps the peer, as flood would */

/* The neighbour's side of the handshake. */
static size_t of_able[] = {0};
static struct conf_server able_servers[2];
static const struct conf able_conf = {
	.servers = able_servers, .server_count = HERD_COUNT(able_servers)};
static struct neighbours *able;
static struct handshake theirs;
static long news;

static void on_news(const uint64_t *words)
{
	peer_changed(&peer, words);
}

static bool on_round(struct reactor_hook *h)
{
	(void)h;
	while (peer_pump(&peer))
		;
	return false;
}

static void set_up(void)
{
	scene_begin(1, 1, false);
	news = 0;
	scene.on_news = on_news;
	neighbours_set_secret(scene.neighbours, text_of(SECRET));
	env = (struct peer_env){.reactor = scene.reactor,
		.store = scene.store,
		.neighbours = scene.neighbours,
		.log = scene.ring,
		.sync_interval_ns = 30 * HERD_SECOND_NS,
		.page = malloc(PEER_PAGE_ROOM)};
	ck_assert_ptr_nonnull(env.page);
	ck_assert_int_eq(feed_reserve(scene.store, 1), 0);
	peer_init(&peer, &env, 0, 0);
	peer_start(&peer);
	hook.on_round = on_round;
	reactor_hook_add(scene.reactor, &hook);

	able_servers[0] = scene.servers[0];
	able_servers[1] = scene.servers[1];
	able_servers[1].neighbours = of_able;
	able_servers[1].neighbour_count = 1;
	ck_assert_int_eq(neighbours_new(&able_conf, 1, &able), 0);
	neighbours_set_secret(able, text_of(SECRET));
	scene_put("a", 1, 0);
}

static void tear_down(void)
{
	neighbours_free(able);
	peer_fini(&peer);
	free(env.page);
	scene_end();
}

static void wait_for_state(enum peer_state state)
{
	while (peer.state != state)
		scene_go_on(-1);
}

/* --- the neighbour -------------------------------------------------------- */

/* Take the link and its hello; `theirs` is then what Able knows. */
static void accept_link(void)
{
	struct line hello;

	far_accept(&far[0]);
	line_parse(far_line(&far[0]), &hello);
	ck_assert_int_eq(hello.verb, LINE_HELLO);
	ck_assert_uint_eq(hello.hello.nonce.len, LINE_NONCE_LEN);
	ck_assert_int_eq(handshake_begin(able, &theirs), 0);
	ck_assert_int_eq(
		handshake_meet(&theirs, able, 0, HANDSHAKE_ACCEPTOR, &hello),
		0);
}

static void say_hello(void)
{
	char hello[HANDSHAKE_HELLO_MAX + 1];

	hello[handshake_hello(&theirs, able, 0, hello)] = '\0';
	far_say(&far[0], hello);
	wait_for_state(PEER_PROVING);
}

/* The next line is the proof, and nothing comes after it. */
static void expect_proof(bool right)
{
	struct line proof;
	bool end;

	line_parse(far_line(&far[0]), &proof);
	ck_assert_int_eq(proof.verb, LINE_PROOF);
	ck_assert(handshake_is_proof(&theirs, &proof) == right);
	scene_put("b", ++news, 0);
	for (int i = 0; i < 3; i++)
		reactor_round(scene.reactor, 1);
	ck_assert(!far_take(&far[0], &end) && !end);
	ck_assert_int_eq(peer.state, PEER_PROVING);
}

static void say_proof(void)
{
	char proof[HANDSHAKE_PROOF_MAX + 1];

	proof[handshake_prove(&theirs, proof)] = '\0';
	far_say(&far[0], proof);
}

static void come_up(void)
{
	accept_link();
	say_hello();
	expect_proof(true);
	say_proof();
	wait_for_state(PEER_UP);
}

/* The link is over, and no update was on it. */
static void expect_refusal(void)
{
	struct text line;

	wait_for_state(PEER_WAITING);
	ck_assert_uint_eq(peer.attempt, 1);
	while (far_next(&far[0], &line))
		ck_assert(!line.len || line.ptr[0] != 'A');
}

/* --- tests ---------------------------------------------------------------- */

START_TEST(tells_whom_it_knows)
{
	come_up();
	far_expect_at(&far[0], "b", 1);
	far_expect_at(&far[0], "a", 1);
	scene_put("c", 1, 0);
	far_expect_at(&far[0], "c", 1);
	ck_assert_uint_eq(
		peer.incarnation, neighbours_incarnation(scene.neighbours, 0,
					  neighbours_boot(able)));
}
END_TEST

/* Each link has a nonce of its own, and so its own proofs. */
START_TEST(what_was_said_once_proves_nothing)
{
	struct handshake first;

	come_up();
	first = theirs;
	far_hang_up(&far[0]);
	wait_for_state(PEER_WAITING);
	scene_advance(2 * HERD_SECOND_NS);
	accept_link();
	ck_assert(memcmp(theirs.expected, first.expected, LINE_PROOF_LEN) != 0);
	memcpy(theirs.nonce, first.nonce, LINE_NONCE_LEN);
	say_hello();
	expect_proof(false);
	theirs = first;
	say_proof();
	expect_refusal();
}
END_TEST

START_TEST(tells_nobody_with_another_secret)
{
	neighbours_set_secret(able, text_of(SECRET "!"));
	accept_link();
	say_hello();
	expect_proof(false);
	say_proof();
	expect_refusal();
	scene_advance(HERD_SECOND_NS);
	neighbours_set_secret(able, text_of(SECRET));
	come_up();
}
END_TEST

/* '*' stands for the proof that was sent to us. */
static const char *const no_proofs[] = {
	"*",
	"PROOF 0000000000000000000000000000000000000000000000000000000000000000"
	"\n",
	"PROOF\n", "PONG 1\n", "AT Able +0.000000001 k +1+1 5\n", "? PROOF\n",
	"", /* it hangs up */
};

START_TEST(takes_nothing_for_a_proof)
{
	accept_link();
	say_hello();
	expect_proof(true);
	if (no_proofs[_i][0] == '*') {
		memcpy(theirs.proof, theirs.expected, LINE_PROOF_LEN);
		say_proof();
	} else if (no_proofs[_i][0]) {
		far_say(&far[0], no_proofs[_i]);
	} else {
		far_hang_up(&far[0]);
		wait_for_state(PEER_WAITING);
		ck_assert_uint_eq(peer.attempt, 1);
		return;
	}
	expect_refusal();
}
END_TEST

/* In its hello: no nonce, or ours. */
START_TEST(refuses_hellos)
{
	char hello[HANDSHAKE_HELLO_MAX + 1];

	accept_link();
	if (_i == 0)
		neighbours_set_secret(able, text_of(""));
	else
		memcpy(theirs.nonce, peer.handshake.nonce, LINE_NONCE_LEN);
	hello[handshake_hello(&theirs, able, 0, hello)] = '\0';
	far_say(&far[0], hello);
	expect_refusal();
}
END_TEST

START_TEST(waits_five_seconds_in_all)
{
	accept_link();
	scene_advance(3 * HERD_SECOND_NS);
	say_hello();
	expect_proof(true);
	scene_advance(2 * HERD_SECOND_NS - 1);
	ck_assert_int_eq(peer.state, PEER_PROVING);
	scene_advance(1);
	expect_refusal();
}
END_TEST

/* --- what fails ----------------------------------------------------------- */

START_TEST(needs_a_nonce)
{
	sys_fault_fail(SYS_FAULT_RANDOM, 0, 1, EIO);
	far_accept(&far[0]);
	expect_refusal();
	sys_fault_fail(SYS_FAULT_RANDOM, 0, 0, 0);
	scene_advance(HERD_SECOND_NS);
	come_up();
}
END_TEST

/* The bytes that are kept while a proof is made; the proof that is sent. */
START_TEST(survives_failures)
{
	static const enum sys_fault_call calls[] = {SYS_FAULT_ALLOC,
		SYS_FAULT_ALLOC, SYS_FAULT_ALLOC, SYS_FAULT_SEND};
	char hello[HANDSHAKE_HELLO_MAX + 1];

	accept_link();
	hello[handshake_hello(&theirs, able, 0, hello)] = '\0';
	far_say(&far[0], hello);
	sys_fault_fail(calls[_i], _i < 3 ? (unsigned)_i : 0, 1, ENOMEM);
	expect_refusal();
	ck_assert(sys_fault_fired(calls[_i]));
	scene_advance(HERD_SECOND_NS);
	come_up();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("peer_proof");
	TCase *tcase = tcase_create("peer_proof");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 2 * SCENE_DEADLINE_S);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, tells_whom_it_knows);
	tcase_add_test(tcase, what_was_said_once_proves_nothing);
	tcase_add_test(tcase, tells_nobody_with_another_secret);
	tcase_add_loop_test(tcase, takes_nothing_for_a_proof, 0,
		(int)HERD_COUNT(no_proofs));
	tcase_add_loop_test(tcase, refuses_hellos, 0, 2);
	tcase_add_test(tcase, waits_five_seconds_in_all);
	tcase_add_test(tcase, needs_a_nonce);
	tcase_add_loop_test(tcase, survives_failures, 0, 4);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
