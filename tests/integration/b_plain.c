/* b_plain - what a server and a plain neighbour say to each other: herd(7),
 * "Plain neighbours". The test plays Xenia, who is plain, at both ends. */
#include <stdio.h>
#include <sys/stat.h>

#include "herd_client.h"
#include "herd_proc.h"

static const char kiwi[] = "AT Xenia +0.000000001 kiwi +1+1 5";

static struct herd *with_xenia(int design, const char *limits)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = "Goloman-Xenia",
		.plain = "Xenia",
		.limits = limits,
	});

	herd_start(h, "Goloman");
	return h;
}

/* On a connection of its own: no answer. */
static void tell(struct herd *h, const char *bytes)
{
	ck_assert_str_eq(herd_ask(h, "Goloman", bytes), "");
}

static void check_known(struct herd *h, const char *id, const char *line)
{
	ck_assert_str_eq(
		herd_ask(h, "Goloman", herd_printf(h, "WHATSAT %s 0 0", id)),
		herd_printf(h, "%s" HERD_NOTHING, line));
}

/* --- what Xenia says ------------------------------------------------------ */

/* What she says, and what is kept of it for the client k. */
static const struct {
	const char *said, *kept;
} updates[] = {
	{"AT Xenia +0.000000001 k +1+1 5\n", "AT Xenia +0.000000001 k +1+1 5"},
	{"AT Xenia +0.000000001 k +1+1 5", "AT Xenia +0.000000001 k +1+1 5"},
	{"\r\n AT\tXenia  0.5 k +1+1 5\r\n", "AT Xenia 0.5 k +1+1 5"},
	{"AT Xenia -2.5e-07 k +1+1 5 Welsh Hands",
		"AT Xenia -2.5e-07 k +1+1 5"},
	{"AT Other 7 k +1+1 5  6 7 8 9\n", "AT Other 7 k +1+1 5"},
	{"AT X 7 k +1+1 5\nAT X 7 k +2+2 7\nAT X 7 k +3+3 6",
		"AT X 7 k +2+2 7"},
};

START_TEST(at_is_taken_and_not_answered)
{
	for (size_t i = 0; i < HERD_COUNT(updates); i++) {
		struct herd *h = with_xenia(_i, NULL);

		tell(h, updates[i].said);
		check_known(h, "k", updates[i].kept);
		herd_wait_log(h, "Goloman", "received from Xenia: AT", 1);
		herd_free(h);
	}
}
END_TEST

static const char *const invalid[] = {
	"AT",
	"AT Xenia",
	"AT Xenia 1 k +1+1",
	"AT Xenia x k +1+1 5",
	"AT Xenia 1 k 1+1 5",
	"AT Xenia 1 k +1+1 x Welsh",
	"AT Xenia k +1+1 5 6",
	"at Xenia 1 k +1+1 5",
	"HERD 1 Other Goloman 00",
	"PING 1",
};

START_TEST(all_else_is_a_clients)
{
	struct herd *h = with_xenia(_i, NULL);
	struct client *c = client_open(h, "Goloman");
	const char *line;

	for (size_t i = 0; i < HERD_COUNT(invalid); i++) {
		client_send(c, herd_printf(h, "%s\n", invalid[i]));
		ck_assert_str_eq(
			client_line(c), herd_printf(h, "? %s", invalid[i]));
	}
	client_send(c, herd_printf(h, "%s\nIAMAT plum +1+1 5\n", kiwi));
	line = client_line(c);
	ck_assert_msg(!strncmp(line, "AT Goloman ", 11), "%s", line);
	client_send(c, "WHATSAT kiwi 0 0\n");
	ck_assert_str_eq(client_line(c), kiwi);
	client_close(c);
	herd_free(h);
}
END_TEST

/* Neither from the address of a neighbour that is not plain, nor of a plain
 * server that is no neighbour. */
START_TEST(others_may_not)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands Hands-Xenia",
		.plain = "Xenia",
	});

	herd_start(h, "Goloman");
	ck_assert_str_eq(
		herd_ask(h, "Goloman", kiwi), herd_printf(h, "? %s\n", kiwi));
	herd_free(h);
}
END_TEST

/* An update may be longer than what a client may say. */
START_TEST(long_updates)
{
	struct herd *h = with_xenia(_i, "line = 128;");
	const char *end = "+1+1 5";
	static char id[131000];
	const char *line;

	memset(id, 'x', sizeof id - 1);
	line = herd_printf(h, "AT Xenia 1 %s %s", id, end);
	tell(h, herd_printf(h, "%s\n", line));
	tell(h, "AT Xenia 1 kiwi +1+1 5 and some more, until it is as long "
		"as this line is, which is too long for a client, but not for "
		"a server");
	check_known(h, "kiwi", "AT Xenia 1 kiwi +1+1 5");
	/* Longer still, and what only begins like one. */
	line = herd_printf(h, "AT Xenia 1 %s%s %s", id, id, end);
	ck_assert_str_eq(herd_ask(h, "Goloman", line),
		herd_printf(h, "? %.128s\n", line));
	line = herd_printf(h, "ATT Xenia 1 %.200s %s", id, end);
	ck_assert_str_eq(herd_ask(h, "Goloman", line),
		herd_printf(h, "? %.128s\n", line));
	herd_free(h);
}
END_TEST

/* Clients have no room for more; she does, as long as a neighbour may take to
 * say who it is. */
START_TEST(over_the_limit)
{
	struct herd *h = with_xenia(_i, "connections = 1;");
	struct client *held = client_open(h, "Goloman");
	struct client *c;

	client_send(held, "x\n");
	ck_assert_str_eq(client_line(held), "? x");
	c = client_open(h, "Goloman");
	client_send(c, herd_printf(h, "\n%s\n%s", kiwi,
			       "AT Xenia 1 plum +1+1 5 unfinished"));
	client_finish(c);
	ck_assert_uint_eq(client_rest(c).len, 0);
	client_close(c);
	client_send(held, "WHATSAT kiwi 0 0\nWHATSAT plum 0 0\n");
	ck_assert_str_eq(client_line(held), kiwi);
	client_bytes(held, strlen(HERD_NOTHING) - 1);
	ck_assert_str_eq(client_line(held), "AT Xenia 1 plum +1+1 5");

	/* Whoever says something else must go. */
	c = client_open(h, "Goloman");
	client_send(c, "WHATSAT kiwi 0 0\n");
	ck_assert(client_ends_within(c, HERD_PATIENCE));
	client_close(c);
	c = client_open(h, "Goloman");
	client_send(c, herd_printf(h, "%s\n", kiwi));
	ck_assert(client_ends_within(c, HERD_PATIENCE));
	client_close(c);
	client_close(held);
	herd_free(h);
}
END_TEST

START_TEST(echoes_are_no_news)
{
	struct herd *h = with_xenia(_i, NULL);
	const char *line = herd_iamat(
		h, "Goloman", "kiwi", "+1.0-2.0", "1520023934.918963997");

	tell(h, "AT Goloman 5.0 kiwi +1.0-2.0 1520023934.918964");
	tell(h, "AT Goloman 5.0 kiwi +1.0-2.0 1520023934.918964996");
	check_known(h, "kiwi", line);
	line = "AT Goloman 5.0 kiwi +1.0-2.0 1520023934.918964998";
	tell(h, line);
	check_known(h, "kiwi", line);
	line = "AT Goloman 5.0 kiwi +1.0-2 1520023934.918964999";
	tell(h, line);
	check_known(h, "kiwi", line);
	herd_free(h);
}
END_TEST

/* --- what she is told ----------------------------------------------------- */

/* On a connection of its own, and nothing else. */
static void hear(struct herd *h, const char *line)
{
	struct client *c = client_accept(herd_listener(h, "Xenia"));

	ck_assert_str_eq(client_rest(c).ptr, herd_printf(h, "%s\n", line));
	client_close(c);
}

START_TEST(each_update_has_its_connection)
{
	struct herd *h = with_xenia(_i, NULL);
	const char *log;

	for (int i = 0; i < 20; i++)
		hear(h, herd_iamat(h, "Goloman", herd_printf(h, "k%d", i % 3),
				"+1.0-2.00/", herd_stamp(h, i)));
	/* What is no news is not passed on, nor is what she said. */
	herd_iamat(h, "Goloman", "k0", "+1.0-2.00/", "0");
	tell(h, kiwi);
	hear(h, herd_iamat(h, "Goloman", "plum", "+1+1", "5"));
	hear(h, herd_iamat(h, "Goloman", "kiwi", "+2+2", "6"));
	tell(h, "AT Xenia 1 kiwi +1+1 7");
	hear(h, herd_iamat(h, "Goloman", "plum", "+1+1", "6"));
	log = herd_wait_log(h, "Goloman", "flooded to Xenia: AT ", 23);
	ck_assert_uint_eq(herd_count(log, "flooded to Xenia: AT "), 23);
	ck_assert_uint_eq(herd_count(log, "connected to Xenia"), 1);
	herd_free(h);
}
END_TEST

/* She lets connections wait meanwhile. */
START_TEST(the_newest_of_each)
{
	struct herd *h = with_xenia(_i, NULL);
	struct client *slow;
	const char *first = herd_iamat(h, "Goloman", "first", "+1+1", "5");
	const char *k[3];

	slow = client_accept(herd_listener(h, "Xenia"));
	ck_assert_str_eq(client_line(slow), first);
	for (int i = 0; i < 300; i++)
		k[i % 3] = herd_iamat(h, "Goloman",
			herd_printf(h, "k%d", i % 3), "+1+1", herd_stamp(h, i));
	client_reset(slow);
	hear(h, first); /* it might not have arrived */
	for (int i = 0; i < 3; i++) {
		struct client *c = client_accept(herd_listener(h, "Xenia"));
		const char *line = client_line(c);
		int match = 0;

		while (match < 3 && (!k[match] || strcmp(line, k[match]) != 0))
			match++;
		ck_assert_msg(match < 3, "%s", line);
		k[match] = NULL;
		client_close(c);
	}
	hear(h, herd_iamat(h, "Goloman", "last", "+1+1", "5"));
	herd_free(h);
}
END_TEST

/* A herdd may be called plain: the links that it opens are none the worse. */
START_TEST(a_link_from_her)
{
	struct herd *h = with_xenia(_i, NULL);
	struct client *link = client_open(h, "Goloman");

	client_send(link, "HERD 1 Xenia Goloman 00\n");
	client_line(link);
	client_send(link, kiwi);
	client_send(link, "\nPING 1\n");
	ck_assert_str_eq(client_line(link), "PONG 1");
	check_known(h, "kiwi", kiwi);
	hear(h, herd_iamat(h, "Goloman", "plum", "+1+1", "5"));
	client_close(link);
	herd_free(h);
}
END_TEST

/* --- whom one has to trust ------------------------------------------------ */

START_TEST(a_secret_does_not_keep_her_out)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Xenia Goloman-Hands",
		.plain = "Xenia",
		.peers = "secret_file = \"herd.secret\";",
	});
	const char *log;

	ck_assert_int_eq(chmod(herd_write(h, "herd.secret",
				       "b7Qx0cJ3kR9wS1vT5yZ8aD2fG4hL6mN0\n"),
				 0600),
		0);
	herd_start(h, "Goloman");
	herd_start(h, "Hands");
	tell(h, kiwi);
	herd_wait_known(h, "Hands", "kiwi", kiwi);
	hear(h, herd_iamat(h, "Hands", "plum", "+1+1", "5"));
	/* All of the herd is told, as all of it has to bear it. */
	log = herd_wait_log(h, "Hands", " warning plain servers: ", 1);
	ck_assert_uint_eq(herd_count(log, " info secret: "), 1);
	herd_wait_log(h, "Goloman", "can forge locations, which no secret", 1);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, at_is_taken_and_not_answered);
	herd_add_test(tcase, all_else_is_a_clients);
	herd_add_test(tcase, others_may_not);
	herd_add_test(tcase, long_updates);
	herd_add_test(tcase, over_the_limit);
	herd_add_test(tcase, echoes_are_no_news);
	herd_add_test(tcase, each_update_has_its_connection);
	herd_add_test(tcase, the_newest_of_each);
	herd_add_test(tcase, a_link_from_her);
	herd_add_test(tcase, a_secret_does_not_keep_her_out);
}

int main(void)
{
	return herd_main("b_plain", add_tests, 60);
}
