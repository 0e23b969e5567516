/* c_flood - an update told to one server reaches all, whatever becomes of
 * servers and links meanwhile: herd(7), "Between servers". */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd_client.h"
#include "herd_proc.h"

static const char *const topologies[] = {HERD_FIVE, HERD_CHAIN, HERD_RING};

/* Every test runs in herds of either design, and once more in herds whose
 * servers are all plain: the same but for what a server that was started anew
 * is told, see herd(7). */
#define PLAIN 2

static const char *design_of(int i)
{
	return herd_design(i % PLAIN);
}

static const char *plain_of(int i)
{
	return i >= PLAIN ? "*" : "";
}

static struct herd *up(int i, const char *topology)
{
	return herd_up(&(struct herd_setup){
		.design = design_of(i),
		.plain = plain_of(i),
		.topology = topology,
	});
}

START_TEST(reaches_all)
{
	for (size_t t = 0; t < HERD_COUNT(topologies); t++) {
		struct herd *h = up(_i, topologies[t]);

		for (size_t i = 0; i < herd_size(h); i++) {
			const char *from = herd_name(h, i);
			const char *line =
				herd_iamat(h, from, from, "+1.0-2.0", "5.50");

			herd_wait_known_by_all(h, from, line);
		}
		/* One client, moving from server to server and back. */
		for (size_t i = 0; i < 2 * herd_size(h); i++) {
			const char *line = herd_iamat(h,
				herd_name(h, i % herd_size(h)), "kiwi",
				"+1.0-2.0", herd_stamp(h, (int64_t)i));

			herd_wait_known_by_all(h, "kiwi", line);
		}
		herd_free(h);
	}
}
END_TEST

/* What is not news goes no further. */
START_TEST(floods_end)
{
	struct herd *h = up(_i, HERD_RING);
	const char *line = herd_iamat(h, "Alpha", "kiwi", "+1+1", "5");
	const char *marker;
	size_t all = 0;

	herd_wait_known_by_all(h, "kiwi", line);
	herd_iamat(h, "Charlie", "kiwi", "+2+2", "4");
	marker = herd_iamat(h, "Alpha", "marker", "+1+1", "5");
	herd_wait_known_by_all(h, "marker", marker);
	herd_wait_known_by_all(h, "kiwi", line);
	for (size_t i = 0; i < herd_size(h); i++) {
		const char *name = herd_name(h, i);
		const char *log = herd_wait_log(h, name, marker, 1);

		all += herd_count(log, herd_printf(h, ": %s\n", line));
	}
	/* Each of ten link ends says and hears it once per connection made,
	 * of which a start in parallel may need a few. */
	ck_assert_msg(all < 100, "%zu lines about one update", all);
	herd_free(h);
}
END_TEST

/* --- servers that fail ---------------------------------------------------- */

/* Seconds that no answer takes, however busy the machine: he who waits for a
 * neighbour that does not read waits until that is taken for dead, twice as
 * long. */
#define AT_ONCE 4.0

/* `count` clients told of at a server, each answered at once; the last AT
 * line. */
static const char *iamat_many(struct herd *h, const char *server,
	const char *prefix, int count, int id_len)
{
	struct client *c = client_open(h, server);
	const char *line = NULL;

	for (int i = 0; i < count; i++) {
		char request[4096];

		snprintf(request, sizeof request, "IAMAT %s%0*d +1+1 5\n",
			prefix, id_len, i);
		client_send(c, request);
		line = client_line_within(c, AT_ONCE);
		ck_assert_msg(line, "%s had to wait", request);
		ck_assert_int_eq(strncmp(line, "AT ", 3), 0);
	}
	line = herd_keep(h, text_of(line)).ptr;
	client_close(c);
	return line;
}

START_TEST(killed_and_restarted)
{
	struct herd *h = up(_i, HERD_CHAIN);
	const char *before = iamat_many(h, "Alpha", "before", 200, 3);
	const char *left;
	const char *right;

	herd_wait_known_by_all(h, "before199", before);
	herd_kill(h, "Charlie");
	left = iamat_many(h, "Alpha", "left", 200, 3);
	right = iamat_many(h, "Echo", "right", 200, 3);
	herd_wait_known(h, "Bravo", "left199", left);
	herd_wait_known(h, "Delta", "right199", right);
	ck_assert_str_eq(herd_ask(h, "Echo", "WHATSAT left000 0 0"),
		"? WHATSAT left000 0 0\n");
	herd_start(h, "Charlie");
	herd_wait_known_by_all(h, "left199", left);
	herd_wait_known_by_all(h, "right199", right);
	if (_i < PLAIN) {
		herd_wait_known_by_all(h, "before199", before);
		ck_assert_str_eq(
			herd_ask(h, "Charlie", "WHATSAT before000 0 0"),
			herd_ask(h, "Alpha", "WHATSAT before000 0 0"));
	}
	herd_free(h);
}
END_TEST

/* The same with nobody listening while it is down, and a clean stop. */
START_TEST(stopped_and_restarted)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = design_of(_i),
		.plain = plain_of(_i),
		.topology = HERD_FIVE,
	});
	const char *before;
	const char *after;

	herd_unlisten(h, "Wilkes");
	herd_start_all(h);
	before = herd_iamat(h, "Wilkes", "before", "+1+1", "5");
	herd_stop(h, "Wilkes");
	after = herd_iamat(h, "Welsh", "after", "+1+1", "5");
	herd_wait_known(h, "Goloman", "after", after);
	herd_wait_known(h, "Goloman", "before", before);
	herd_start(h, "Wilkes");
	herd_wait_known_by_all(h, "after", after);
	if (_i < PLAIN)
		herd_wait_known_by_all(h, "before", before);
	herd_free(h);
}
END_TEST

/* More than the sockets between them hold, at a neighbour that does not read:
 * no client may notice. Plain neighbours are told of one client at a time, so
 * there few are many. */
START_TEST(a_frozen_neighbour_delays_nobody)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = design_of(_i),
		.plain = plain_of(_i),
		.topology = HERD_FIVE,
		.log = "messages = false;",
	});
	const char *line = herd_iamat(h, "Goloman", "before", "+1+1", "5");

	herd_wait_known_by_all(h, "before", line);
	herd_signal(h, "Wilkes", SIGSTOP);
	iamat_many(h, "Goloman", "k", _i < PLAIN ? 4000 : 400, 2000);
	line = herd_iamat(h, "Goloman", "last", "+1+1", "5");
	herd_wait_known(h, "Hands", "last", line);
	herd_wait_known(h, "Welsh", "last", line);
	herd_signal(h, "Wilkes", SIGCONT);
	herd_wait_known_by_all(h, "last", line);
	herd_free(h);
}
END_TEST

/* Starts them one by one, each with a client that is told to it at once. */
static void start_in_order(
	struct herd *h, const char *order, const char **lines)
{
	for (size_t i = 0; i < herd_size(h); i++) {
		const char *name = herd_name(h, (size_t)(order[i] - '0'));

		herd_start(h, name);
		lines[i] = herd_iamat(
			h, name, herd_printf(h, "k%zu", i), "+1+1", "5");
	}
}

/* Three herds side by side, because all of them wait for the same thing: that
 * what was told before a link came up is old enough to be repaired. */
START_TEST(started_in_any_order)
{
	static const char *const orders[] = {"43210", "20413", "31402"};
	struct herd *herds[HERD_COUNT(orders)];
	const char *lines[HERD_COUNT(orders)][HERD_SERVERS_MAX];

	for (size_t o = 0; o < HERD_COUNT(orders); o++) {
		herds[o] = herd_new(&(struct herd_setup){
			.design = design_of(_i),
			.plain = plain_of(_i),
			.topology = topologies[o],
		});
		start_in_order(herds[o], orders[o], lines[o]);
	}
	for (size_t o = 0; o < HERD_COUNT(orders); o++) {
		struct herd *h = herds[o];

		for (size_t i = 0; i < herd_size(h); i++)
			herd_wait_known_by_all(
				h, herd_printf(h, "k%zu", i), lines[o][i]);
		herd_free(h);
	}
}
END_TEST

/* What was answered before the end is known to the neighbours after it: no
 * polling here. */
START_TEST(sigterm_hands_over_what_it_knows)
{
	struct herd *h = up(_i, "Goloman-Hands Goloman-Holiday");
	struct client *c = client_open(h, "Goloman");
	char request[500 * 32] = "";
	const char *line;

	for (size_t i = 0, len = 0; i < 500; i++)
		len += (size_t)sprintf(request + len, "IAMAT k%zu +1+1 5\n", i);
	if (_i < PLAIN) {
		herd_wait_log(h, "Goloman", "connected to Hands", 1);
		herd_wait_log(h, "Goloman", "connected to Holiday", 1);
	}
	client_send(c, request);
	/* One answer at the least: then the rest is in flight. */
	line = client_line(c);
	herd_signal(h, "Goloman", SIGTERM);
	ck_assert_int_eq(herd_wait_exit(h, "Goloman"), 0);
	while (line) {
		char id[32];
		const char *expected = herd_printf(h, "%s" HERD_NOTHING, line);

		ck_assert_int_eq(sscanf(line, "AT %*s %*s %31s", id), 1);
		line = herd_printf(h, "WHATSAT %s 0 0", id);
		ck_assert_str_eq(herd_ask(h, "Hands", line), expected);
		ck_assert_str_eq(herd_ask(h, "Holiday", line), expected);
		line = client_line_within(c, 0);
	}
	client_close(c);
	herd_free(h);
}
END_TEST

/* More than the sockets hold is still to be told when the end is near. */
START_TEST(sigterm_waits_for_a_slow_neighbour)
{
	enum {
		COUNT = 3000,
		ID_LEN = 2000
	};
	struct herd *h = herd_up(&(struct herd_setup){
		.design = design_of(_i),
		.plain = plain_of(_i),
		.topology = "Goloman-Hands",
		.general = "workers = 2; stop_timeout = 30.0;",
		.log = "messages = false;",
	});
	char *request = malloc(COUNT * (ID_LEN + 16));
	size_t len = 0;
	struct text answer;

	ck_assert_ptr_nonnull(request);
	if (_i < PLAIN)
		herd_wait_log(h, "Goloman", "connected to Hands", 1);
	herd_signal(h, "Hands", SIGSTOP);
	iamat_many(h, "Goloman", "k", COUNT, ID_LEN);
	herd_signal(h, "Goloman", SIGTERM);
	herd_signal(h, "Hands", SIGCONT);
	ck_assert_int_eq(herd_wait_exit(h, "Goloman"), 0);
	for (int i = 0; i < COUNT; i++)
		len += (size_t)sprintf(
			request + len, "WHATSAT k%0*d 0 0\n", ID_LEN, i);
	answer = herd_exchange(h, "Hands", (struct text){request, len});
	ck_assert_uint_eq(herd_count(answer.ptr, "AT Goloman "), COUNT);
	free(request);
	herd_free(h);
}
END_TEST

/* --- everything at once --------------------------------------------------- */

/* Plain neighbours are told of each in a connection of its own. */
#define CLIENTS       2000
#define CLIENTS_PLAIN 500

/* Later stamp; else smaller difference; else smaller line. These differences
 * are all positive and of ten digits, so that their order is strcmp's. */
static bool wins(const char *a, const char *b)
{
	char difference[2][40];
	char stamp[2][40];
	const char *const lines[] = {a, b};

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(sscanf(lines[i], "AT %*s %39s %*s %*s %39s",
					 difference[i], stamp[i]),
			2);
	if (strcmp(stamp[0], stamp[1]))
		return strcmp(stamp[0], stamp[1]) > 0;
	if (strcmp(difference[0], difference[1]))
		return strcmp(difference[0], difference[1]) < 0;
	return strcmp(a, b) < 0;
}

/* Every client at every server, with stamps that clash; remembers who won. */
static void tell_all_servers(
	struct herd *h, const char **winners, size_t clients)
{
	char *request = malloc(clients * 48);

	ck_assert_ptr_nonnull(request);
	for (size_t s = 0; s < herd_size(h); s++) {
		struct text answer;
		const char *line;
		size_t len = 0;

		for (size_t i = 0; i < clients; i++)
			len += (size_t)sprintf(request + len,
				"IAMAT k%zu +%zu-%zu %zu\n", i, s, i % 180,
				5 + (i * 7 + s * 2) % 3);
		answer = herd_exchange(
			h, herd_name(h, s), (struct text){request, len});
		line = answer.ptr;
		for (size_t i = 0; i < clients; i++) {
			size_t line_len = strcspn(line, "\n");
			const char *at =
				herd_keep(h, (struct text){line, line_len}).ptr;

			if (!winners[i] || wins(at, winners[i]))
				winners[i] = at;
			line += line_len + 1;
		}
		ck_assert_int_eq(*line, '\0');
	}
	free(request);
}

/* Every server answers for every client with the line that won. */
static void wait_agreed(struct herd *h, const char **winners, size_t clients)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	char *request = malloc(clients * 32);
	char *expected = malloc(clients * 256);
	size_t request_len = 0;
	size_t len = 0;

	ck_assert(request && expected);
	for (size_t i = 0; i < clients; i++) {
		request_len += (size_t)sprintf(
			request + request_len, "WHATSAT k%zu 0 0\n", i);
		len += (size_t)sprintf(
			expected + len, "%s" HERD_NOTHING, winners[i]);
	}
	for (size_t s = 0; s < herd_size(h); s++) {
		unsigned tries = 0;
		struct text answer;

		while (answer = herd_exchange(h, herd_name(h, s),
			       (struct text){request, request_len}),
			!text_equal(answer, (struct text){expected, len})) {
			ck_assert_msg(!herd_late(deadline), "%s does not agree",
				herd_name(h, s));
			herd_back_off(&tries);
		}
	}
	free(request);
	free(expected);
}

static void check_convergence(
	const char *design, const char *plain, const char *topology)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = design,
		.plain = plain,
		.topology = topology,
	});
	size_t clients = *plain ? CLIENTS_PLAIN : CLIENTS;
	const char **winners = calloc(clients, sizeof *winners);

	ck_assert_ptr_nonnull(winners);
	tell_all_servers(h, winners, clients);
	wait_agreed(h, winners, clients);
	free(winners);
	herd_free(h);
}

START_TEST(all_agree)
{
	for (size_t t = 0; t < HERD_COUNT(topologies); t++)
		check_convergence(design_of(_i), plain_of(_i), topologies[t]);
}
END_TEST

START_TEST(designs_may_be_mixed)
{
	for (size_t t = 0; t < HERD_COUNT(topologies); t++)
		check_convergence("mixed", plain_of(_i * PLAIN), topologies[t]);
}
END_TEST

static void add_test(TCase *tcase, const TTest *test)
{
	herd_add_test(tcase, test);
	/* Servers that are no herdd have one way to talk with each other. */
	if (getenv("HERD_UNLISTEN"))
		return;
	herd_add_loop_test(tcase, test, PLAIN + herd_first_design(),
		PLAIN + herd_end_design());
}

static void add_tests(TCase *tcase)
{
	add_test(tcase, reaches_all);
	add_test(tcase, floods_end);
	add_test(tcase, killed_and_restarted);
	add_test(tcase, stopped_and_restarted);
	add_test(tcase, a_frozen_neighbour_delays_nobody);
	add_test(tcase, started_in_any_order);
	add_test(tcase, sigterm_hands_over_what_it_knows);
	add_test(tcase, sigterm_waits_for_a_slow_neighbour);
	add_test(tcase, all_agree);
	herd_add_loop_test(tcase, designs_may_be_mixed, 0, 2);
}

int main(void)
{
	return herd_main("c_flood", add_tests, 60);
}
