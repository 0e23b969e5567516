/* b_links - who may open a link between servers, and what is said on it:
 * herd(7), "Between servers". The test plays Xenia, a neighbour of Goloman
 * that never runs. */
#include <stdio.h>
#include <stdlib.h>

#include "herd/line.h"
#include "herd/store.h"

#include "herd_client.h"
#include "herd_proc.h"

#define BOOT "0123456789abcdef"

static struct herd *with_neighbour(int design)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = "Goloman-Xenia",
	});

	/* A stop waits for neighbours that are there and say nothing. */
	herd_unlisten(h, "Xenia");
	herd_start(h, "Goloman");
	return h;
}

/* A link from Xenia to Goloman, its hello answered. */
static struct client *open_link(struct herd *h)
{
	struct client *link = client_open(h, "Goloman");
	const char *hello;

	client_send(link, "HERD 1 Xenia Goloman " BOOT "\n");
	hello = client_line(link);
	ck_assert_msg(!strncmp(hello, "HERD 1 Goloman Xenia ", 21) &&
			      strlen(hello) > 21,
		"%s", hello);
	return link;
}

/* Everything sent so far has been applied, and was not answered. */
static void sync_link(struct client *link)
{
	client_send(link, "PING 18446744073709551615\n");
	ck_assert_str_eq(client_line(link), "PONG 18446744073709551615");
}

static void check_known(struct herd *h, const char *id, const char *line)
{
	const char *request = herd_printf(h, "WHATSAT %s 0 0\n", id);

	ck_assert_str_eq(herd_ask(h, "Goloman", request),
		herd_printf(h, "%s" HERD_NOTHING, line));
}

START_TEST(wrong_hellos_are_invalid_commands)
{
	static const char *const hellos[] = {
		"HERD 1 Nobody Goloman " BOOT,
		"HERD 1 Xenia Hands " BOOT,
		"HERD 1 Goloman Goloman " BOOT,
		"HERD 1 Goloman Xenia " BOOT,
		"HERD 1 xenia Goloman " BOOT,
		"HERD 1 Xeni Goloman " BOOT,
		"HERD 1 Xenia Golomann " BOOT,
		"HERD 2 Nobody Goloman " BOOT,
		"HERD one Xenia Goloman " BOOT,
		"HERD 1 Xenia Goloman",
		"HERD 1 Xenia Goloman not-hex",
		"herd 1 Xenia Goloman " BOOT,
	};
	struct herd *h = with_neighbour(_i);
	struct client *c = client_open(h, "Goloman");
	const char *at = "AT Xenia +0.000000001 kiwi +1+1 5";
	const char *log;

	for (size_t i = 0; i < HERD_COUNT(hellos); i++) {
		client_send(
			c, herd_printf(h, "%s\n%s\nPING 1\n", hellos[i], at));
		ck_assert_str_eq(
			client_line(c), herd_printf(h, "? %s", hellos[i]));
		ck_assert_str_eq(client_line(c), herd_printf(h, "? %s", at));
		ck_assert_str_eq(client_line(c), "? PING 1");
	}
	client_send(c, "WHATSAT kiwi 0 0\n");
	ck_assert_str_eq(client_line(c), "? WHATSAT kiwi 0 0");
	client_close(c);
	/* Said once, however many there were. */
	herd_wait_log(h, "Goloman", "client closed", 1);
	log = herd_read(h, "Goloman.log");
	ck_assert_uint_eq(herd_count(log, "warning link refused from "), 2);
	ck_assert_uint_eq(
		herd_count(log, "warning link refused from a stranger "), 1);
	ck_assert_uint_eq(
		herd_count(log, "it says hello to another server"), 1);
	herd_free(h);
}
END_TEST

START_TEST(a_link_takes_updates)
{
	static const char at[] = "AT Xenia +0.000000001 kiwi +1+1 5";
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);

	client_send(link, "PING 0\nPING 7\n\nPING 3\n");
	ck_assert_str_eq(client_line(link), "PONG 0");
	ck_assert_str_eq(client_line(link), "PONG 7");
	ck_assert_str_eq(client_line(link), "PONG 3");
	client_send(link, herd_printf(h, "%s\n", at));
	sync_link(link);
	check_known(h, "kiwi", at);
	client_close(link);
	check_known(h, "kiwi", at);
	herd_free(h);
}
END_TEST

/* Links are not counted among the clients, but not without end either. */
START_TEST(a_neighbour_has_so_many_links)
{
	enum {
		LINKS = 16 /* NEIGHBOUR_LINKS */
	};
	struct herd *h = with_neighbour(_i);
	struct client *links[LINKS];
	struct client *another;

	for (int i = 0; i < LINKS; i++)
		links[i] = open_link(h);
	another = client_open(h, "Goloman");
	client_send(another, "HERD 1 Xenia Goloman " BOOT "\n");
	ck_assert(client_ends_within(another, HERD_PATIENCE));
	client_close(another);
	for (int i = 0; i < LINKS; i++) {
		sync_link(links[i]);
		client_close(links[i]);
	}
	herd_wait_log(h, "Goloman", "link closed from Xenia", LINKS);
	another = open_link(h);
	client_close(another);
	herd_free(h);
}
END_TEST

/* PONG says "applied", not "received": no waiting in between. */
START_TEST(pong_comes_after_application)
{
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);
	struct client *c = client_open(h, "Goloman");

	for (int round = 1; round <= 50; round++) {
		char request[100 * 64];
		size_t len = 0;

		for (int i = 0; i < 100; i++)
			len += (size_t)snprintf(request + len,
				sizeof request - len,
				"AT Xenia +0.000000001 id%d +1+1 %d\n", i,
				round);
		snprintf(request + len, sizeof request - len, "PING %d\n",
			round);
		client_send(link, request);
		ck_assert_str_eq(
			client_line(link), herd_printf(h, "PONG %d", round));
		client_send(c, "WHATSAT id99 0 0\n");
		ck_assert_str_eq(client_line(c),
			herd_printf(h, "AT Xenia +0.000000001 id99 +1+1 %d",
				round));
		client_bytes(c, strlen(HERD_NOTHING) - 1);
	}
	client_close(c);
	client_close(link);
	herd_free(h);
}
END_TEST

START_TEST(lines_are_stored_in_normal_form)
{
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);

	client_send(link, "\t AT  Xenia\f+0.000000001\vkiwi  +1+1\t5 \r\n");
	sync_link(link);
	check_known(h, "kiwi", "AT Xenia +0.000000001 kiwi +1+1 5");
	client_close(link);
	herd_free(h);
}
END_TEST

/* AT lines of one client in turn, and which is held after each. */
static const struct {
	const char *line;
	size_t held;
} winners[] = {
	{"AT Hands +1.000000000 kiwi +1+1 5", 0},
	/* the smaller difference: who heard it first */
	{"AT Hands +1.000000001 kiwi +2+2 5", 0},
	{"AT Wilkes +0.999999999 kiwi +3+3 5", 2},
	{"AT Wilkes -0.000000001 kiwi +4+4 5", 3},
	{"AT Wilkes -0.000000002 kiwi +4+4 5", 4},
	{"AT Wilkes +0.000000000 kiwi +5+5 5", 4},
	/* the bytewise smaller line */
	{"AT Hands -0.000000002 kiwi +6+6 5", 6},
	{"AT Hands -0.000000002 kiwi +7+7 5", 6},
	{"AT Hands -0.000000002 kiwi +6+6 5.0", 6},
	{"AT Hands -0.000000002 kiwi +6+5 5", 9},
	/* any other form loses, however small */
	{"AT Hands -5.0 kiwi +8+8 5", 9},
	{"AT Hands -1e3 kiwi +8+8 5", 9},
	/* and a later stamp wins over everything */
	{"AT Hands 7 kiwi +9+9 5.000000001", 12},
	{"AT Zed +9.000000000 kiwi +9+9 5.000000001", 13},
	{"AT Hands -9.000000000 kiwi +9+9 5", 13},
};

START_TEST(winners_among_equal_stamps)
{
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);

	for (size_t i = 0; i < HERD_COUNT(winners); i++) {
		client_send(link, herd_printf(h, "%s\n", winners[i].line));
		sync_link(link);
		check_known(h, "kiwi", winners[winners[i].held].line);
	}
	client_close(link);
	herd_free(h);
}
END_TEST

START_TEST(bad_lines_do_not_end_a_link)
{
	static const char *const bad[] = {"x", "AT", "AT Xenia kiwi +1+1 5",
		"AT Xenia +0.1 kiwi +91+1 5", "AT Xenia +0.1 kiwi +1+1 -5",
		"AT Xenia x kiwi +1+1 5", "AT Xenia nan kiwi +1+1 5",
		"AT Xenia +0.1 kiwi +1+1 99999999999", "IAMAT kiwi +1+1 5",
		"WHATSAT kiwi 0 0", "PING", "PING x", "PING -1", "PONG 1",
		("HERD 1 Xenia Goloman " BOOT), "? x", "\x01\xff"};
	static const char good[] = "AT Xenia +0.000000001 lemon +1+1 5";
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);
	char *overlong = malloc(300001);

	for (size_t i = 0; i < HERD_COUNT(bad); i++) {
		client_send(link, herd_printf(h, "%s\n", bad[i]));
		sync_link(link);
	}
	ck_assert_ptr_nonnull(overlong);
	memset(overlong, 'x', 300000);
	overlong[300000] = '\0';
	client_send(link, overlong);
	client_send(link, "\n");
	free(overlong);
	sync_link(link);
	client_send(link, herd_printf(h, "%s\n", good));
	sync_link(link);
	check_known(h, "lemon", good);
	ck_assert_str_eq(herd_ask(h, "Goloman", "WHATSAT kiwi 0 0"),
		"? WHATSAT kiwi 0 0\n");
	herd_wait_log(
		h, "Goloman", "skipped from Xenia: ", HERD_COUNT(bad) + 1);
	client_close(link);
	herd_free(h);
}
END_TEST

/* A link carries lines longer than a client may send. */
START_TEST(long_lines_on_a_link)
{
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);
	char *id = malloc(100001);

	ck_assert_ptr_nonnull(id);
	memset(id, 'k', 100000);
	id[100000] = '\0';
	client_send(
		link, herd_printf(h, "AT Xenia +0.000000001 %s +1+1 5\n", id));
	free(id);
	sync_link(link);
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log"), "skipped from"), 0);
	client_close(link);
	herd_free(h);
}
END_TEST

/* Ask for the lines of all buckets. What is told, but for the ends of lists. */
static unsigned list_all(struct client *link)
{
	unsigned told = 0;
	char line[32];

	for (unsigned b = 0; b < STORE_BUCKETS; b++) {
		snprintf(line, sizeof line, "LIST %u\n", b);
		client_send(link, line);
	}
	for (unsigned b = 0; b < STORE_BUCKETS;) {
		const char *answer = client_line(link);

		snprintf(line, sizeof line, "HASHES %u", b);
		ck_assert_msg(
			!strncmp(answer, line, strlen(line)), "%s", answer);
		if (answer[strlen(line)])
			told++;
		else
			b++;
	}
	return told;
}

/* The longest there are: 128 KiB. */
START_TEST(the_longest_line_is_listed)
{
	static char id[LINE_LINK_MAX - 28];
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);

	ck_assert_uint_eq(list_all(link), 0);
	memset(id, 'k', sizeof id - 1);
	client_send(
		link, herd_printf(h, "AT Xenia +0.000000001 %s +1+1 5\n", id));
	ck_assert_uint_eq(list_all(link), 1);
	client_close(link);
	herd_free(h);
}
END_TEST

/* More than are answered in one go. */
START_TEST(questions_in_a_row)
{
	static const char sync[] = "SYNC\n";
	enum {
		QUESTIONS = 3000
	};
	static char questions[QUESTIONS * (sizeof sync - 1) + 1];
	struct herd *h = with_neighbour(_i);
	struct client *link = open_link(h);

	for (char *at = questions; at < questions + sizeof questions - 1;
		at += strlen(sync))
		strcpy(at, sync);
	client_send(link, questions);
	for (int i = 0; i < QUESTIONS; i++)
		ck_assert_str_eq(client_line(link), "SUM AAAAAAAAAAA=");
	sync_link(link);
	client_close(link);
	herd_free(h);
}
END_TEST

START_TEST(an_unknown_version)
{
	static const char *const hellos[] = {
		"HERD 2 Xenia Goloman " BOOT "\n",
		"HERD 0 Xenia Goloman " BOOT "\n",
		"HERD 99999999999 Xenia Goloman " BOOT "\n",
		"HERD 2 Xenia Goloman " BOOT " more\n",
	};
	struct herd *h = with_neighbour(_i);

	for (size_t i = 0; i < HERD_COUNT(hellos); i++) {
		struct client *link = client_open(h, "Goloman");
		const char *hello;

		client_send(link, hellos[i]);
		client_send(link, "AT Xenia +0.1 kiwi +1+1 5\n");
		hello = client_line(link);
		ck_assert_msg(!strncmp(hello, "HERD 1 Goloman Xenia ", 21),
			"%s", hello);
		ck_assert_uint_eq(client_rest(link).len, 0);
		client_close(link);
	}
	ck_assert_str_eq(herd_ask(h, "Goloman", "WHATSAT kiwi 0 0"),
		"? WHATSAT kiwi 0 0\n");
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, wrong_hellos_are_invalid_commands);
	herd_add_test(tcase, a_link_takes_updates);
	herd_add_test(tcase, a_neighbour_has_so_many_links);
	herd_add_test(tcase, pong_comes_after_application);
	herd_add_test(tcase, lines_are_stored_in_normal_form);
	herd_add_test(tcase, winners_among_equal_stamps);
	herd_add_test(tcase, bad_lines_do_not_end_a_link);
	herd_add_test(tcase, long_lines_on_a_link);
	herd_add_test(tcase, the_longest_line_is_listed);
	herd_add_test(tcase, questions_in_a_row);
	herd_add_test(tcase, an_unknown_version);
}

int main(void)
{
	return herd_main("b_links", add_tests, 30);
}
