/* f_status - what a server says of itself while things happen to it, and how
 * herdctl shows it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd_client.h"
#include "tool.h"

#define LOCATION "+34.068930-118.445127"

/* The value of a fact ("known", "link Hands state"); NULL: not told. */
static const char *find_fact(
	struct herd *h, const char *status, const char *fact)
{
	const char *line = strstr(status, herd_printf(h, "\n%s ", fact));

	if (!line)
		return NULL;
	line += strlen(fact) + 2;
	return herd_printf(h, "%.*s", (int)strcspn(line, "\n"), line);
}

static const char *ask(struct herd *h, const char *server)
{
	struct text reply = herd_control(h, server, "STATUS");

	ck_assert_msg(!strncmp(reply.ptr, "server ", 7), "%s", reply.ptr);
	ck_assert_str_eq(reply.ptr + reply.len - 5, "\nEND\n");
	return reply.ptr;
}

static const char *fact_of(struct herd *h, const char *server, const char *fact)
{
	const char *value = find_fact(h, ask(h, server), fact);

	ck_assert_msg(value, "%s tells no %s", server, fact);
	return value;
}

static double number_of(struct herd *h, const char *server, const char *fact)
{
	return strtod(fact_of(h, server, fact), NULL);
}

static void await_fact(
	struct herd *h, const char *server, const char *fact, const char *value)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	const char *now;
	unsigned tries = 0;

	/* Some facts are told only while they are there. */
	while (now = find_fact(h, ask(h, server), fact),
		!now || strcmp(now, value) != 0) {
		ck_assert_msg(!herd_late(deadline), "%s: %s is %s, not %s",
			server, fact, now ? now : "not told", value);
		herd_back_off(&tries);
	}
}

static void await_more(
	struct herd *h, const char *server, const char *fact, double than)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (number_of(h, server, fact) <= than) {
		ck_assert_msg(!herd_late(deadline), "%s: %s stays %s", server,
			fact, fact_of(h, server, fact));
		herd_back_off(&tries);
	}
}

static struct herd *two(int design)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.topology = "Goloman-Hands",
		.log = "messages = false;",
	});

	await_fact(h, "Goloman", "link Hands state", "up");
	await_fact(h, "Goloman", "link Hands links_in", "1");
	await_fact(h, "Hands", "link Goloman state", "up");
	return h;
}

START_TEST(facts_of_a_server)
{
	struct herd *h = two(_i);
	struct client *clients[3];
	double uptime = number_of(h, "Goloman", "uptime");
	const char *status;

	for (size_t i = 0; i < HERD_COUNT(clients); i++) {
		clients[i] = client_open(h, "Goloman");
		client_send(clients[i], "IAMAT kiwi +1+1 1\n");
		client_line(clients[i]);
	}
	herd_wait_known(h, "Hands", "kiwi",
		herd_iamat(h, "Goloman", "kiwi", LOCATION, "2"));
	await_fact(h, "Goloman", "connected", "3");
	status = ask(h, "Goloman");
	ck_assert_int_eq(strncmp(status, "server Goloman\n", 15), 0);
	ck_assert_str_eq(find_fact(h, status, "version"), PACKAGE_VERSION);
	ck_assert_int_eq(
		atoi(find_fact(h, status, "pid")), herd_pid(h, "Goloman"));
	ck_assert_str_eq(find_fact(h, status, "design"), herd_design(_i));
	ck_assert_str_eq(find_fact(h, status, "known"), "1");
	ck_assert(strtod(find_fact(h, status, "memory"), NULL) > 1e6);
	await_more(h, "Goloman", "uptime", uptime);
	for (size_t i = 0; i < HERD_COUNT(clients); i++)
		client_close(clients[i]);
	await_fact(h, "Goloman", "connected", "0");
	await_fact(h, "Hands", "digest", fact_of(h, "Goloman", "digest"));
	herd_free(h);
}
END_TEST

START_TEST(what_links_carried)
{
	struct herd *h = two(_i);
	const char *line = NULL;

	for (int i = 0; i < 5; i++) {
		line = herd_iamat(h, "Goloman", "kiwi", LOCATION,
			herd_printf(h, "%d", i));
		herd_wait_known(h, "Hands", "kiwi", line);
	}
	ck_assert_str_eq(fact_of(h, "Goloman", "link Hands sent"), "5");
	ck_assert_str_eq(fact_of(h, "Hands", "link Goloman received"), "5");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Hands received"), "0");
	ck_assert_str_eq(fact_of(h, "Hands", "link Goloman sent"), "0");
	ck_assert_str_eq(fact_of(h, "Hands", "link Goloman skipped"), "0");
	herd_free(h);
}
END_TEST

/* The test is the neighbour, which dials, says what is no update, and goes. */
START_TEST(what_a_neighbour_does)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Xenia",
	});
	struct client *links[2];

	herd_start(h, "Goloman");
	for (size_t i = 0; i < HERD_COUNT(links); i++) {
		links[i] = client_open(h, "Goloman");
		client_send(links[i], "HERD 1 Xenia Goloman 0123456789abcdef\n"
				      "what?\nPING 7\n");
		client_line(links[i]);
		ck_assert_str_eq(client_line(links[i]), "PONG 7");
	}
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia links_in"), "2");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia skipped"), "2");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia received"), "0");
	ck_assert_str_eq(fact_of(h, "Goloman", "connected"), "0");
	for (size_t i = 0; i < HERD_COUNT(links); i++)
		client_close(links[i]);
	await_fact(h, "Goloman", "link Xenia links_in", "0");
	herd_free(h);
}
END_TEST

START_TEST(a_link_that_goes_and_comes)
{
	struct herd *h = two(_i);
	const char *status = ask(h, "Goloman");
	int64_t killed_ns;
	double down;

	ck_assert_ptr_null(find_fact(h, status, "link Hands trouble"));
	await_more(h, "Goloman", "link Hands for", 0.1);
	herd_unlisten(h, "Hands");
	killed_ns = herd_monotonic_ns();
	herd_kill(h, "Hands");
	await_fact(h, "Goloman", "link Hands trouble", "Connection refused");
	await_fact(h, "Goloman", "link Hands links_in", "0");
	status = ask(h, "Goloman");
	ck_assert_str_ne(find_fact(h, status, "link Hands state"), "up");
	down = strtod(find_fact(h, status, "link Hands for"), NULL);
	ck_assert(down <= (double)(herd_monotonic_ns() - killed_ns) / 1e9);
	/* What is new meanwhile is to be sent. */
	ck_assert_str_eq(find_fact(h, status, "link Hands lag_changes"), "0");
	herd_iamat(h, "Goloman", "kiwi", LOCATION, "1");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Hands lag_changes"), "1");
	herd_start(h, "Hands");
	await_fact(h, "Goloman", "link Hands state", "up");
	await_fact(h, "Goloman", "link Hands lag_changes", "0");
	status = ask(h, "Goloman");
	ck_assert_ptr_null(find_fact(h, status, "link Hands trouble"));
	herd_free(h);
}
END_TEST

/* The test is the plain neighbour, whom each update reaches by a connection of
 * its own. */
START_TEST(a_plain_neighbour)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Xenia",
		.plain = "Xenia",
	});
	struct client *c;
	const char *at;

	herd_start(h, "Goloman");
	await_fact(h, "Goloman", "link Xenia state", "idle");
	at = herd_iamat(h, "Goloman", "kiwi", LOCATION, "1");
	c = client_accept(herd_listener(h, "Xenia"));
	ck_assert_str_eq(client_line(c), at);
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia state"), "sending");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia lag_changes"), "1");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia sent"), "0");
	client_close(c);
	await_fact(h, "Goloman", "link Xenia sent", "1");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia lag_changes"), "0");

	at = herd_printf(h, "AT Xenia +0.1 emu %s 1", LOCATION);
	herd_ask(h, "Goloman", herd_printf(h, "%s\n", at));
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia received"), "1");

	herd_unlisten(h, "Xenia");
	herd_iamat(h, "Goloman", "kiwi", LOCATION, "2");
	await_fact(h, "Goloman", "link Xenia trouble", "Connection refused");
	ck_assert_str_eq(fact_of(h, "Goloman", "link Xenia lag_changes"), "1");
	herd_free(h);
}
END_TEST

/* Updates of clients that nobody has heard of yet. */
static void tell_more(struct herd *h, unsigned *clients)
{
	static char request[2000 * 32];
	size_t len = 0;

	for (int i = 0; i < 2000; i++)
		len += (size_t)sprintf(
			request + len, "IAMAT c%u +1+1 1\n", (*clients)++);
	herd_exchange(h, "Goloman", (struct text){request, len});
}

START_TEST(lag_of_a_stopped_neighbour)
{
	struct herd *h = two(_i);
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned clients = 0;
	double stuck = 0.3 * herd_slow();
	double lag;
	double age;

	herd_signal(h, "Hands", SIGSTOP);
	/* The kernel takes some megabytes first; and what came a moment ago
	 * is always still to be sent. */
	do {
		tell_more(h, &clients);
		do {
			ck_assert(!herd_late(deadline));
			age = number_of(h, "Goloman", "link Hands lag_seconds");
		} while (age > 0 && age < stuck);
	} while (age < stuck);
	lag = number_of(h, "Goloman", "link Hands lag_changes");
	ck_assert(lag >= 1);
	tell_more(h, &clients);
	ck_assert(number_of(h, "Goloman", "link Hands lag_changes") > lag);
	await_more(h, "Goloman", "link Hands lag_seconds", age);
	herd_signal(h, "Hands", SIGCONT);
	await_fact(h, "Goloman", "link Hands lag_changes", "0");
	await_fact(h, "Goloman", "link Hands lag_seconds", "0.000");
	await_fact(h, "Hands", "known", herd_printf(h, "%u", clients));
	await_fact(h, "Hands", "digest", fact_of(h, "Goloman", "digest"));
	herd_free(h);
}
END_TEST

/* --- herdctl -------------------------------------------------------------- */

/* Of a table: "a  b   c" is "a b c". */
static const char *squeeze(struct herd *h, const char *text)
{
	char *to = (char *)(uintptr_t)herd_printf(h, "%s", text);
	char *start = to;

	for (const char *c = text; *c; c++)
		if (*c != ' ' || (c > text && c[-1] != ' '))
			*to++ = *c;
	*to = '\0';
	return start;
}

static void check_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text);
}

/* The two rows of a server that knows one client. */
static void check_rows(const char *table, const char *server, const char *other,
	unsigned sent, unsigned received)
{
	char start[64];
	unsigned number[5];

	snprintf(start, sizeof start, "\n%s ", server);
	check_has(table, start);
	ck_assert_int_eq(sscanf(strstr(table, start) + strlen(start),
				 "%u s %u ", &number[0], &number[1]),
		2);
	ck_assert_uint_eq(number[1], 1);
	snprintf(start, sizeof start, "\n%s %s up ", server, other);
	check_has(table, start);
	ck_assert_int_eq(
		sscanf(strstr(table, start) + strlen(start),
			"%u s %u 0 s %u %u %u ", &number[0], &number[1],
			&number[2], &number[3], &number[4]),
		5);
	ck_assert_uint_eq(number[1], 0);
	ck_assert_uint_eq(number[2], sent);
	ck_assert_uint_eq(number[3], received);
	ck_assert_uint_eq(number[4], 1);
}

START_TEST(as_a_table)
{
	struct herd *h = two(_i);
	const char *conf = herd_conf(h, "Goloman");
	struct herd_output o;
	const char *table;

	herd_wait_known(h, "Hands", "kiwi",
		herd_iamat(h, "Goloman", "kiwi", LOCATION, "1"));
	o = RUN(h, "-c", conf, "status");
	check_good(&o, o.out);
	table = squeeze(h, o.out);
	check_has(table,
		"SERVER UP KNOWN DIGEST CONNECTED MEMORY DESIGN VERSION PID\n");
	check_has(table, "\n\nFROM TO STATE FOR LAG OLDEST SENT RECEIVED IN ");
	check_rows(table, "Goloman", "Hands", 1, 0);
	check_rows(table, "Hands", "Goloman", 0, 1);
	o = RUN(h, "-c", conf, "status", "Hands");
	ck_assert_ptr_null(strstr(squeeze(h, o.out), "\nGoloman"));
	o = RUN(h, "-c", conf, "-r", "status", "Hands", "Goloman");
	check_good(&o, o.out);
	ck_assert_int_eq(strncmp(o.out, "server Hands\n", 13), 0);
	check_has(o.out, "\nlink Goloman state up\n");
	check_has(o.out, "\nserver Goloman\n");
	check_has(o.out, "\nlink Hands state up\n");
	ck_assert_ptr_null(strstr(o.out, "END"));
	herd_free(h);
}
END_TEST

START_TEST(of_servers_that_do_not_run)
{
	struct herd *h = two(_i);
	const char *conf = herd_conf(h, "Goloman");
	struct herd_output o;

	/* No socket: it may run elsewhere, unless it was asked for. */
	herd_stop(h, "Hands");
	o = RUN(h, "-c", conf, "status");
	check_good(&o, o.out);
	check_has(o.out, "Goloman");
	o = RUN(h, "-c", conf, "status", "Hands", "Goloman");
	check_bad(&o, 1, "Hands: not running (no one at ");
	check_has(o.out, "Goloman");
	/* A socket, and nobody there. */
	herd_kill(h, "Goloman");
	o = RUN(h, "-c", conf, "status");
	check_bad(&o, 1, "Goloman: not running (no one at ");
	ck_assert_str_eq(o.out, "");
	ck_assert_int_eq(unlink(herd_path(h, "Goloman.sock")), 0);
	o = RUN(h, "-c", conf, "status");
	check_bad(&o, 1, " runs here (no socket in ");
	o = RUN(h, "-c", conf, "status", "Nobody");
	check_bad(&o, 2, "no server Nobody; there are Goloman, Hands");
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, facts_of_a_server);
	herd_add_test(tcase, what_links_carried);
	herd_add_test(tcase, what_a_neighbour_does);
	herd_add_test(tcase, a_link_that_goes_and_comes);
	herd_add_test(tcase, a_plain_neighbour);
	herd_add_test(tcase, lag_of_a_stopped_neighbour);
	herd_add_test(tcase, as_a_table);
	herd_add_test(tcase, of_servers_that_do_not_run);
}

int main(void)
{
	return herd_main("f_status", add_tests, 30);
}
