/* d_flight - questions on their way: those that are the same share one, more
 * than places.transfers wait for their turn, and who leaves, stops or is slow
 * does not disturb the others. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "near.h"

#define TIMEOUT 0.4 /* seconds, where the provider is too slow */

/* `timeout` in seconds is stretched like all other times. */
static void up_with(struct near *n, int design, const char *general,
	const char *limits, double timeout, const char *places)
{
	char all[256];

	snprintf(all, sizeof all, "timeout = %.3f; %s", timeout * herd_slow(),
		places);
	near_up(n,
		&(struct herd_setup){
			.design = herd_design(design),
			.general = general,
			.limits = limits,
			.places = all,
		},
		NULL);
}

static void up(struct near *n, int design, double timeout, const char *places)
{
	up_with(n, design, "workers = 1;", NULL, timeout, places);
}

#define MANY  50
#define BOUND 20 /* results that the provider tells of */

static struct client *clients[MANY];

/* Clients that all ask the same, but for the bound; they have been heard. */
static void ask_the_same(struct near *n, unsigned count)
{
	static const char asked[] = ": WHATSAT kiwi 10 ";
	size_t before = herd_count(herd_read(n->h, "Goloman.log"), asked);

	for (unsigned i = 0; i < count; i++) {
		clients[i] = client_open(n->h, "Goloman");
		client_send(
			clients[i], herd_printf(n->h, "WHATSAT kiwi 10 %u\n",
					    1 + i % BOUND));
	}
	herd_wait_log(n->h, "Goloman", asked, before + count);
}

static const char *numbers(struct herd *h, unsigned count)
{
	const char *json = "{\"results\":[0";

	for (unsigned i = 1; i < count; i++)
		json = herd_printf(h, "%s,%u", json, i);
	return herd_printf(h, "%s]}", json);
}

static void expect_numbers(struct near *n, unsigned i)
{
	near_expect(n->h, clients[i], n->at, numbers(n->h, 1 + i % BOUND));
	client_close(clients[i]);
}

/* --- single flight -------------------------------------------------------- */

START_TEST(the_same_question_is_asked_once)
{
	struct near n;

	up(&n, _i, 60, "");
	ask_the_same(&n, MANY);
	asked_answer(double_await(n.provider), 200, numbers(n.h, BOUND));
	for (unsigned i = 0; i < MANY; i++)
		expect_numbers(&n, i);
	ck_assert_uint_eq(double_requests(n.provider), 1);
	/* What has been answered is forgotten. */
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_free(&n);
}
END_TEST

/* Sanitizers keep for a while what is freed. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#	define IS_MEMORY_KNOWN false
#else
#	define IS_MEMORY_KNOWN true
#endif

/* A copy for each would be 90 MB; what is sent to 30 clients may be copied. */
START_TEST(many_share_one_copy)
{
	enum {
		CLIENTS = 30,
		TIMES = 10,
		LEN = 300000
	};
	char *json = malloc(LEN + 1);
	const char *question;
	size_t memory;
	struct near n;

	ck_assert_ptr_nonnull(json);
	snprintf(json, LEN + 1, "{\"a\":\"%*s\"}", LEN - 8, "");
	ck_assert_uint_eq(strlen(json), LEN);
	up(&n, _i, 60, "");
	near_check_good(&n);
	memory = herd_memory(n.h, "Goloman");
	question = "WHATSAT kiwi 20 5\n";
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client_open(n.h, "Goloman");
		for (int k = 0; k < TIMES; k++)
			client_send(clients[i], question);
	}
	herd_wait_log(n.h, "Goloman", ": WHATSAT kiwi 20 5", CLIENTS * TIMES);
	asked_answer(double_await(n.provider), 200, json);
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_str_eq(client_line(clients[i]), n.at);
	if (IS_MEMORY_KNOWN)
		ck_assert_uint_lt(
			herd_memory(n.h, "Goloman"), memory + (45 << 20));
	for (int i = 0; i < CLIENTS; i++) {
		client_finish(clients[i]);
		ck_assert_uint_eq(client_rest(clients[i]).len,
			TIMES * (strlen(n.at) + 1 + LEN + 2) - strlen(n.at) -
				1);
		client_close(clients[i]);
	}
	ck_assert_uint_eq(double_requests(n.provider), 2);
	free(json);
	near_free(&n);
}
END_TEST

START_TEST(the_same_failure_is_for_all)
{
	struct near n;

	up(&n, _i, 60, "");
	ask_the_same(&n, MANY);
	asked_close(double_await(n.provider));
	for (unsigned i = 0; i < MANY; i++) {
		near_expect_excuse(n.h, clients[i], n.at, "closed");
		client_close(clients[i]);
	}
	ck_assert_uint_eq(double_requests(n.provider), 1);
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* Answer all questions, if any, until this client has its answer. */
static void serve_until(struct near *n, struct client *c, const char *json)
{
	struct asked *a;

	while ((a = near_asked(n, c)))
		asked_answer(a, 200, json);
}

/* One for each worker at the most. */
START_TEST(the_same_question_on_several_workers)
{
	struct near n;

	up_with(&n, _i, "workers = 3;", NULL, 60, "");
	ask_the_same(&n, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		serve_until(&n, clients[i], numbers(n.h, BOUND));
		expect_numbers(&n, i);
	}
	ck_assert_uint_le(double_requests(n.provider),
		strcmp(herd_design(_i), "single") ? 3 : 1);
	near_free(&n);
}
END_TEST

/* --- leaving -------------------------------------------------------------- */

START_TEST(some_leave)
{
	struct near n;
	struct asked *a;

	up(&n, _i, 60, "");
	ask_the_same(&n, MANY);
	a = double_await(n.provider);
	for (unsigned i = 0; i < MANY; i += 2)
		client_reset(clients[i]);
	herd_wait_log(n.h, "Goloman", " bytes out, Connection reset", MANY / 2);
	near_check_others(&n);
	ck_assert_uint_eq(double_cancelled(n.provider), 0);
	asked_answer(a, 200, numbers(n.h, BOUND));
	for (unsigned i = 1; i < MANY; i += 2)
		expect_numbers(&n, i);
	near_free(&n);
}
END_TEST

START_TEST(all_leave)
{
	struct near n;

	up(&n, _i, 60, "");
	ask_the_same(&n, MANY);
	double_await(n.provider);
	for (unsigned i = 0; i < MANY; i++)
		client_reset(clients[i]);
	double_await_cancelled(n.provider, 1);
	near_check_others(&n);
	ask_the_same(&n, 3);
	double_await(n.provider);
	for (unsigned i = 0; i < 3; i++)
		client_reset(clients[i]);
	double_await_cancelled(n.provider, 2);
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* Resets are noticed where nothing is read any more, too: for the number of
 * questions, or because no more is to come. */
START_TEST(one_leaves_unread)
{
	enum {
		IN_FLIGHT = 32
	};
	struct near n;
	struct client *full;
	struct client *ended;

	up(&n, _i, 60, "");
	full = client_open(n.h, "Goloman");
	ended = client_open(n.h, "Goloman");
	for (unsigned i = 0; i < 2 * IN_FLIGHT; i++)
		client_send(
			full, herd_printf(n.h, "WHATSAT kiwi 1.%02u 5\n", i));
	client_send(ended, "WHATSAT kiwi 2 5");
	client_finish(ended);
	for (unsigned i = 0; i < IN_FLIGHT + 1; i++)
		double_await(n.provider);
	client_reset(ended);
	double_await_cancelled(n.provider, 1);
	client_reset(full);
	double_await_cancelled(n.provider, IN_FLIGHT + 1);
	near_check_others(&n);
	ck_assert_uint_eq(double_requests(n.provider), IN_FLIGHT + 1);
	near_check_good(&n);
	near_free(&n);
}
END_TEST

/* --- time ----------------------------------------------------------------- */

static void wait_seconds(double seconds)
{
	int64_t deadline = herd_deadline(seconds);
	unsigned tries = 0;

	while (!herd_late(deadline))
		herd_back_off(&tries);
}

/* The answers that the double gives to a question and to the same asked again,
 * the asker of the first being gone. False: too late, the clock says. */
static bool answer_two(struct near *n, struct asked *old, struct client *second,
	struct client *third, int64_t over)
{
	struct asked *fresh = near_asked(n, third);
	const char *json[2];

	if (!old || !fresh)
		return false;
	(void)asked_try(fresh, text_of(near_http(n->h, NEAR_DENIED)));
	json[1] = near_json(n->h, third, n->at);
	(void)asked_try(old, text_of(near_http(n->h, NEAR_GOOD)));
	json[0] = near_json(n->h, second, n->at);
	if (herd_late(over))
		return false;
	ck_assert_str_eq(json[1], NEAR_DENIED);
	ck_assert_str_eq(json[0], NEAR_GOOD);
	ck_assert_uint_eq(double_cancelled(n->provider), 0);
	return true;
}

/* The second asks half of the timeout after the first, so has half of it left
 * when the third asks. False: the machine was too busy for that. */
static bool have_their_own_time(int design, double timeout)
{
	struct near n;
	struct asked *a;
	struct client *second;
	struct client *third;
	int64_t over[2]; /* not before */
	bool in_time;

	up(&n, design, timeout, "");
	second = client_open(n.h, "Goloman");
	third = client_open(n.h, "Goloman");
	over[0] = herd_deadline(timeout);
	near_ask(&n, "WHATSAT kiwi 10 5");
	a = near_asked(&n, n.client);
	wait_seconds(timeout / 2);
	over[1] = herd_deadline(timeout);
	client_send(second, "WHATSAT kiwi 10 5\n");
	herd_wait_log(n.h, "Goloman", ": WHATSAT kiwi 10 5", 2);
	in_time = !herd_late(over[0]);
	near_expect_excuse(n.h, n.client, n.at, "too late");
	client_send(third, "WHATSAT kiwi 10 5\n");
	in_time = in_time && answer_two(&n, a, second, third, over[1]);
	client_close(second);
	client_close(third);
	near_free(&n);
	return in_time;
}

/* Who asks later may wait longer. One who asks when the first has been told
 * that it took too long has all the time there is: another question. */
START_TEST(each_has_its_own_time)
{
	double timeout = TIMEOUT;

	while (!have_their_own_time(_i, timeout)) {
		timeout *= 2;
		ck_assert_msg(timeout < HERD_PATIENCE, "nothing is in time");
	}
}
END_TEST

START_TEST(others_wait_for_their_turn)
{
	enum {
		COUNT = 10
	};
	struct near n;

	up(&n, _i, 60, "transfers = 1;");
	for (unsigned i = 1; i <= COUNT; i++)
		near_ask(&n, herd_printf(n.h, "WHATSAT kiwi %u 5", i));
	for (unsigned i = 1; i <= COUNT; i++) {
		struct asked *a = double_await(n.provider);

		ck_assert_ptr_nonnull(
			strstr(a->target, herd_printf(n.h, "radius=%u000", i)));
		near_check_others(&n);
		ck_assert_uint_eq(double_requests(n.provider), i);
		asked_answer(a, 200, NEAR_GOOD);
		near_expect(n.h, n.client, n.at, NEAR_GOOD);
	}
	near_free(&n);
}
END_TEST

/* Nobody asks for one who has left when the turn comes. */
START_TEST(one_leaves_before_its_turn)
{
	struct near n;
	struct asked *a;
	struct client *leaver;

	up(&n, _i, 60, "transfers = 1;");
	leaver = client_open(n.h, "Goloman");
	near_ask(&n, "WHATSAT kiwi 1 5");
	a = double_await(n.provider);
	client_send(leaver, "WHATSAT kiwi 4 5\n");
	herd_wait_log(n.h, "Goloman", ": WHATSAT kiwi 4 5", 1);
	client_reset(leaver);
	herd_wait_log(n.h, "Goloman", " bytes out, Connection reset", 1);
	asked_answer(a, 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_check_good(&n);
	ck_assert_uint_eq(double_requests(n.provider), 2);
	near_free(&n);
}
END_TEST

/* Nor for those whose time is over. */
START_TEST(others_whose_turn_never_comes)
{
	struct near n;
	const char *log;

	up(&n, _i, TIMEOUT, "transfers = 1;");
	near_ask(&n, "WHATSAT kiwi 1 5\nWHATSAT kiwi 2 5\nWHATSAT kiwi 3 5");
	near_expect_excuse(n.h, n.client, n.at, "too late");
	near_expect_excuse(n.h, n.client, n.at, "its turn never came");
	near_expect_excuse(n.h, n.client, n.at, "its turn never came");
	near_await_good(&n);
	log = herd_wait_log(n.h, "Goloman", "radius=48", 1);
	ck_assert_uint_eq(herd_count(log, "radius=1000"), 1);
	ck_assert_uint_eq(herd_count(log, "radius=2000"), 0);
	ck_assert_uint_eq(herd_count(log, "radius=3000"), 0);
	near_free(&n);
}
END_TEST

/* --- slow providers and others -------------------------------------------- */

/* All that a client may ask is under way, and nothing of it is answered. */
START_TEST(iamats_beside_a_slow_provider)
{
	enum {
		SLOW = 32,
		FAST = 1000
	};
	struct asked *asked[SLOW];
	struct near n;
	struct client *c;

	up(&n, _i, 60, "");
	for (unsigned i = 1; i <= SLOW; i++)
		near_ask(&n, herd_printf(n.h, "WHATSAT kiwi %u 5", i));
	for (unsigned i = 0; i < SLOW; i++)
		asked[i] = double_await(n.provider);
	c = client_open(n.h, "Goloman");
	for (unsigned i = 0; i < FAST; i++)
		client_send(c, herd_printf(n.h, "IAMAT k%u +1+1 5\n", i));
	for (unsigned i = 0; i < FAST; i++)
		ck_assert_ptr_nonnull(strstr(
			client_line(c), herd_printf(n.h, " k%u +1+1 5", i)));
	client_close(c);
	near_check_waits(n.client);
	for (unsigned i = 0; i < SLOW; i++) {
		asked_answer(asked[i], 200, NEAR_GOOD);
		near_expect(n.h, n.client, n.at, NEAR_GOOD);
	}
	near_free(&n);
}
END_TEST

/* It is not the client that takes nothing. */
START_TEST(slower_than_write_timeout)
{
	struct near n;
	struct asked *a;

	up_with(&n, _i, "workers = 1;",
		"connections = 200; write_timeout = 0.05;", 60, "");
	near_ask(&n, "hello\nWHATSAT kiwi 10 5\nWHATSAT kiwi 0 0");
	ck_assert_str_eq(client_line(n.client), "? hello");
	a = double_await(n.provider);
	wait_seconds(0.2);
	near_check_waits(n.client);
	client_finish(n.client);
	wait_seconds(0.2);
	near_check_waits(n.client);
	asked_answer(a, 200, NEAR_GOOD);
	ck_assert_str_eq(client_rest(n.client).ptr,
		herd_printf(n.h, "%s\n%s\n\n%s" HERD_NOTHING, n.at, NEAR_GOOD,
			n.at));
	near_free(&n);
}
END_TEST

/* --- stopping ------------------------------------------------------------- */

/* What is asked is still answered, by the provider if that is quick. */
START_TEST(a_stop_with_time)
{
	struct near n;
	struct asked *a;

	up_with(&n, _i, "workers = 1; stop_timeout = 30.0;", NULL, 60, "");
	near_ask(&n, "WHATSAT kiwi 10 5\nhello");
	a = double_await(n.provider);
	herd_signal(n.h, "Goloman", SIGTERM);
	herd_wait_log(n.h, "Goloman", "stopping: SIGTERM", 1);
	asked_answer(a, 200, NEAR_GOOD);
	ck_assert_str_eq(client_rest(n.client).ptr,
		herd_printf(n.h, "%s\n%s\n\n? hello\n", n.at, NEAR_GOOD));
	ck_assert_int_eq(herd_wait_exit(n.h, "Goloman"), 0);
	herd_wait_log(n.h, "Goloman", "stopped: all was done", 1);
	near_free(&n);
}
END_TEST

/* Else by what stands in, in time for everything else. */
START_TEST(a_stop_without_an_answer)
{
	struct near n;

	up_with(&n, _i, "workers = 2; stop_timeout = 1.5;", NULL, 60, "");
	ask_the_same(&n, 5);
	near_ask(&n, "WHATSAT kiwi 1 5\nWHATSAT kiwi 2 5\nhello");
	client_finish(n.client);
	while (double_requests(n.provider) < 3)
		double_await(n.provider);
	herd_signal(n.h, "Goloman", SIGTERM);
	near_expect_excuse(n.h, n.client, n.at, "the server stops");
	near_expect_excuse(n.h, n.client, n.at, "the server stops");
	ck_assert_str_eq(client_rest(n.client).ptr, "? hello\n");
	for (unsigned i = 0; i < 5; i++) {
		near_expect_excuse(n.h, clients[i], n.at, "the server stops");
		ck_assert_uint_eq(client_rest(clients[i]).len, 0);
		client_close(clients[i]);
	}
	ck_assert_int_eq(herd_wait_exit(n.h, "Goloman"), 0);
	herd_wait_log(n.h, "Goloman", "stopped: all was done", 1);
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, the_same_question_is_asked_once);
	herd_add_test(tcase, many_share_one_copy);
	herd_add_test(tcase, the_same_failure_is_for_all);
	herd_add_test(tcase, the_same_question_on_several_workers);
	herd_add_test(tcase, some_leave);
	herd_add_test(tcase, all_leave);
	herd_add_test(tcase, one_leaves_unread);
	herd_add_test(tcase, each_has_its_own_time);
	herd_add_test(tcase, others_wait_for_their_turn);
	herd_add_test(tcase, one_leaves_before_its_turn);
	herd_add_test(tcase, others_whose_turn_never_comes);
	herd_add_test(tcase, iamats_beside_a_slow_provider);
	herd_add_test(tcase, slower_than_write_timeout);
	herd_add_test(tcase, a_stop_with_time);
	herd_add_test(tcase, a_stop_without_an_answer);
}

int main(void)
{
	return herd_main("d_flight", add_tests, 60);
}
