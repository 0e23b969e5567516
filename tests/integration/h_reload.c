/* h_reload - SIGHUP: what changes while a server runs, what does not, and who
 * must not notice. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd_client.h"
#include "herd_proc.h"

#define READ     "configuration read again: "
#define REFUSED  "error configuration not taken, the one in force stays: "
#define LATER    "warning takes effect at a restart only: "
#define LEFT_OUT "the configuration names it no more"
#define MOVED    "the configuration has moved it"

/* --- the file ------------------------------------------------------------- */

static const char *server_at(struct herd *h, const char *name, const char *host,
	unsigned port, const char *edges)
{
	return herd_printf(h,
		"{ name = \"%s\"; host = \"%s\"; port = %u;"
		" talks_to = [ %s ]; }",
		name, host, port, edges);
}

/* `edges` as in "\"Hands\", \"Welsh\"". */
static const char *server(struct herd *h, const char *name, const char *edges)
{
	return server_at(h, name, "127.0.0.1", herd_port(h, name), edges);
}

/* The file is `text`, at once: a server may be reading it. */
static void rewrite(struct herd *h, int design, const char *text)
{
	const char *path =
		herd_path(h, herd_printf(h, "%s.conf", herd_design(design)));

	ck_assert_int_eq(rename(herd_write(h, "new.conf", text), path), 0);
}

/* The file has these servers, the rest as the herd was started, and `more`. */
static void configure(
	struct herd *h, int design, const char *servers, const char *more)
{
	rewrite(h, design,
		herd_printf(h,
			"threading = \"%s\"; workers = 2;\n"
			"servers = ( %s );\n%s\n%s\n",
			herd_design(design), servers,
			strstr(more, "log =") ? ""
					      : "log = { directory = \".\"; };",
			more));
}

/* --- signals -------------------------------------------------------------- */

static size_t said(struct herd *h, const char *name, const char *text)
{
	return herd_count(herd_read(h, herd_printf(h, "%s.log", name)), text);
}

/* SIGHUP, until the log has `text` once more. */
static void reload(struct herd *h, const char *name, const char *text)
{
	size_t before = said(h, name, text);

	herd_signal(h, name, SIGHUP);
	herd_wait_log(h, name, text, before + 1);
}

static void check_answers(struct client *c)
{
	client_send(c, "still there\n");
	ck_assert_str_eq(client_line(c), "? still there");
}

/* Hands was a neighbour all the time. */
static void check_undisturbed(struct herd *h)
{
	ck_assert_uint_eq(said(h, "Goloman", "connected to Hands "), 1);
	ck_assert_uint_eq(said(h, "Goloman", "link accepted from Hands "), 1);
	ck_assert_uint_eq(said(h, "Goloman", "lost connection to Hands"), 0);
	ck_assert_uint_eq(said(h, "Goloman", "link closed from Hands"), 0);
}

/* --- neighbours ----------------------------------------------------------- */

static struct herd *with_hands(int design, const char *topology)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = topology,
		.limits = "",
	});

	herd_start(h, "Goloman");
	herd_start(h, "Hands");
	herd_wait_log(h, "Goloman", "connected to Hands ", 1);
	herd_wait_log(h, "Goloman", "link accepted from Hands ", 1);
	return h;
}

/* Who is in nobody's file yet is told all there is, and tells. */
START_TEST(a_server_is_added)
{
	struct herd *h = with_hands(_i, "Goloman-Hands Welsh");
	const char *without = herd_printf(h, "%s, %s",
		server(h, "Goloman", "\"Hands\""), server(h, "Hands", ""));
	const char *with = herd_printf(h, "%s, %s, %s",
		server(h, "Goloman", "\"Hands\", \"Welsh\""),
		server(h, "Hands", ""), server(h, "Welsh", ""));
	struct client *client = client_open(h, "Goloman");
	const char *line;

	check_answers(client);
	configure(h, _i, without, "");
	reload(h, "Goloman", READ "servers\n");
	line = herd_iamat(h, "Goloman", "early", "+1+1", "1");
	configure(h, _i, with, "");
	herd_start(h, "Welsh");
	reload(h, "Goloman", READ "servers\n");
	herd_wait_known(h, "Welsh", "early", line);
	line = herd_iamat(h, "Welsh", "early", "+2+2", "2");
	herd_wait_known_by_all(h, "early", line);
	check_answers(client);
	check_undisturbed(h);
	client_close(client);
	herd_free(h);
}
END_TEST

START_TEST(an_edge_goes_and_comes)
{
	struct herd *h = with_hands(_i, "Goloman-Hands Goloman-Welsh");
	const char *with = herd_printf(h, "%s, %s, %s",
		server(h, "Goloman", "\"Hands\", \"Welsh\""),
		server(h, "Hands", ""), server(h, "Welsh", ""));
	const char *without =
		herd_printf(h, "%s, %s, %s", server(h, "Goloman", "\"Hands\""),
			server(h, "Hands", ""), server(h, "Welsh", ""));
	struct client *client = client_open(h, "Goloman");

	herd_start(h, "Welsh");
	for (size_t i = 1; i <= 2; i++) {
		const char *line = herd_iamat(
			h, "Goloman", "kiwi", "+1+1", herd_printf(h, "%zu", i));

		herd_wait_known_by_all(h, "kiwi", line);
		herd_wait_log(h, "Goloman", "link accepted from Welsh ", i);
		configure(h, _i, without, "");
		reload(h, "Goloman", READ "servers\n");
		herd_wait_log(h, "Goloman",
			"lost connection to Welsh: " LEFT_OUT "\n", i);
		herd_wait_log(h, "Goloman", "skipped, " LEFT_OUT "\n", i);
		reload(h, "Welsh", READ "servers\n");
		line = herd_iamat(h, "Goloman", "kiwi", "+2+2",
			herd_printf(h, "%zu.5", i));
		herd_wait_known(h, "Hands", "kiwi", line);
		ck_assert_ptr_null(strstr(
			herd_ask(h, "Welsh", "WHATSAT kiwi 1 0\n"), "+2+2"));
		check_answers(client);

		configure(h, _i, with, "");
		reload(h, "Goloman", READ "servers\n");
		reload(h, "Welsh", READ "servers\n");
		herd_wait_known(h, "Welsh", "kiwi", line);
	}
	check_undisturbed(h);
	client_close(client);
	herd_free(h);
}
END_TEST

/* The test plays Xenia, who is at Yankee's port after a while. */
static struct client *accept_link(struct herd *h, const char *at)
{
	static const char start[] = "HERD 1 Goloman Xenia ";
	struct client *link = client_accept(herd_listener(h, at));
	const char *hello = client_line(link);

	ck_assert_msg(!strncmp(hello, start, strlen(start)), "%s", hello);
	client_send(link, "HERD 1 Xenia Goloman 0123456789abcdef\n");
	return link;
}

/* Past what servers say to each other to find out what they miss. */
static void await_line(struct client *link, const char *line)
{
	while (strcmp(client_line(link), line) != 0)
		;
}

static struct client *dial_link(struct herd *h)
{
	struct client *link = client_open(h, "Goloman");

	client_send(link, "HERD 1 Xenia Goloman 0123456789abcdef\n");
	ck_assert(!strncmp(client_line(link), "HERD 1 ", 7));
	return link;
}

static const char *with_xenia(struct herd *h, const char *host, unsigned port)
{
	return herd_printf(h, "%s, %s, %s",
		server(h, "Goloman", "\"Hands\", \"Xenia\""),
		server(h, "Hands", ""), server_at(h, "Xenia", host, port, ""));
}

START_TEST(a_neighbour_moves)
{
	struct herd *h = with_hands(_i, "Goloman-Hands Goloman-Xenia Yankee");
	struct client *here = accept_link(h, "Xenia");
	struct client *ours = dial_link(h);
	struct client *client = client_open(h, "Goloman");
	struct client *there;
	const char *line;

	/* To another port: the link that she dialled is as good as before. */
	configure(
		h, _i, with_xenia(h, "127.0.0.1", herd_port(h, "Yankee")), "");
	reload(h, "Goloman", "lost connection to Xenia: " MOVED "\n");
	ck_assert(client_ends_within(here, HERD_PATIENCE));
	there = accept_link(h, "Yankee");
	herd_wait_log(h, "Goloman", "connected to Xenia ", 2);
	line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "1");
	await_line(there, line);
	client_send(ours, "PING 7\n");
	ck_assert_str_eq(client_line(ours), "PONG 7");

	/* To another machine: nobody speaks for her from here. */
	configure(
		h, _i, with_xenia(h, "127.0.0.2", herd_port(h, "Yankee")), "");
	reload(h, "Goloman", "skipped, " MOVED "\n");
	ck_assert(client_ends_within(ours, HERD_PATIENCE));
	ck_assert(client_ends_within(there, HERD_PATIENCE));
	check_answers(client);
	check_undisturbed(h);
	client_close(ours);
	client_close(here);
	client_close(there);
	client_close(client);
	herd_free(h);
}
END_TEST

/* She has taken the connection and says nothing. */
START_TEST(a_dial_is_under_way)
{
	struct herd *h = with_hands(_i, "Goloman-Hands Goloman-Xenia");
	const char *without = herd_printf(h, "%s, %s",
		server(h, "Goloman", "\"Hands\""), server(h, "Hands", ""));
	struct client *link = client_accept(herd_listener(h, "Xenia"));
	const char *line;

	ck_assert(!strncmp(client_line(link), "HERD 1 ", 7));
	configure(h, _i, without, "");
	reload(h, "Goloman", READ "servers\n");
	ck_assert(client_ends_within(link, HERD_PATIENCE));
	client_close(link);
	configure(h, _i, with_xenia(h, "127.0.0.1", herd_port(h, "Xenia")), "");
	reload(h, "Goloman", READ "servers\n");
	link = accept_link(h, "Xenia");
	herd_wait_log(h, "Goloman", "connected to Xenia ", 1);
	line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "1");
	await_line(link, line);
	check_undisturbed(h);
	client_close(link);
	herd_free(h);
}
END_TEST

/* --- files that are not taken --------------------------------------------- */

#define ALONE                                                                  \
	"servers = ( { name = \"Goloman\"; host = \"127.0.0.1\"; "             \
	"port = 1; }"

static const struct {
	const char *more;  /* after it */
	const char *alone; /* or instead of it */
	const char *why;
} bad[] = {
	{.more = "limits = ", .why = "syntax error"},
	{.more = "limit = 1;", .why = "unknown option limit"},
	{.more = "stop_timeout = -1;", .why = "stop_timeout = -1 is too small"},
	{.more = "peers = { secret_file = \"nowhere\"; };",
		.why = "cannot be used: No such file"},
	{.more = "limits = { connections = 1000000; };",
		.why = "the descriptor limit is"},
	{.alone = "servers = ( { name = \"Other\"; host = \"127.0.0.1\"; "
		  "port = 1; } );",
		.why = "no server Goloman"},
	{.alone = ALONE ", { name = \"Far\"; host = \"192.0.2.1\"; "
			"port = 1; } );",
		.why = "server Far is at 192.0.2.1"},
	/* Who shares a secret after the restart does not before. */
	{.alone = ALONE
		", { name = \"Far\"; host = \"192.0.2.1\"; "
		"port = 1; } ); peers = { secret_file = \"good.secret\"; };",
		.why = "server Far is at 192.0.2.1"},
	{.alone = "", .why = "servers"},
};

static const char *last_refusal(struct herd *h)
{
	const char *log = herd_read(h, "Goloman.log");
	const char *last = NULL;

	while ((log = strstr(log, REFUSED)))
		last = log++;
	ck_assert_ptr_nonnull(last);
	return last;
}

START_TEST(bad_files_change_nothing)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
		.limits = "",
		.descriptors = 1000,
	});
	const char *both = herd_printf(h, "%s, %s",
		server(h, "Goloman", "\"Hands\""), server(h, "Hands", ""));
	struct client *client;

	chmod(herd_write(h, "good.secret", "0123456789abcdef"), 0600);
	configure(h, _i, both, "limits = { connections = 200; };");
	herd_start_all(h);
	herd_wait_log(h, "Goloman", "connected to Hands ", 1);
	herd_wait_log(h, "Goloman", "link accepted from Hands ", 1);
	client = client_open(h, "Goloman");
	for (size_t i = 0; i < HERD_COUNT(bad); i++) {
		if (bad[i].alone)
			rewrite(h, _i, bad[i].alone);
		else
			configure(h, _i, both, bad[i].more);
		reload(h, "Goloman", REFUSED);
		ck_assert_msg(
			strstr(last_refusal(h), bad[i].why), "%s", bad[i].why);
		check_answers(client);
	}
	unlink(herd_conf(h, "Goloman"));
	reload(h, "Goloman", REFUSED);
	configure(h, _i, both, "limits = { connections = 200; };");
	reload(h, "Goloman", READ "nothing has changed\n");
	ck_assert_uint_eq(said(h, "Goloman", READ), 1);
	herd_wait_known(h, "Hands", "kiwi",
		herd_iamat(h, "Goloman", "kiwi", "+1+1", "1"));
	check_answers(client);
	check_undisturbed(h);
	client_close(client);
	herd_free(h);
}
END_TEST

/* --- limits, log ---------------------------------------------------------- */

static const char *alone(struct herd *h)
{
	return server(h, "Goloman", "");
}

START_TEST(limits_change)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.limits = "",
	});
	struct client *first = client_open(h, "Goloman");
	struct client *second;
	char ahead[64];
	char line[400];

	snprintf(ahead, sizeof ahead, "IAMAT kiwi +1+1 %lld\n",
		(long long)(herd_realtime_ns() / HERD_SECOND_NS + 3600));
	memset(line, 'x', sizeof line);
	line[sizeof line - 2] = '\n';
	line[sizeof line - 1] = '\0';
	check_answers(first);
	client_send(first, ahead);
	ck_assert(!strncmp(client_line(first), "AT ", 3));
	client_send(first, line);
	ck_assert_uint_eq(strlen(client_line(first)), sizeof line);

	configure(h, _i, alone(h),
		"limits = { connections = 1; clock_ahead = 60; line = 300; };");
	reload(h, "Goloman",
		READ "limits.line, limits.connections, limits.clock_ahead\n");
	/* Said when it is on its way to the threads. */
	do
		client_send(first, ahead);
	while (client_line(first)[0] != '?');
	for (bool full = false; !full; client_close(second)) {
		second = client_open(h, "Goloman");
		full = client_ends_within(second, 0.05);
	}
	client_send(first, line);
	ck_assert(client_ends_within(first, HERD_PATIENCE));
	client_close(first);
	herd_wait_log(h, "Goloman", "line too long", 1);

	configure(h, _i, alone(h), "");
	reload(h, "Goloman", READ "limits.line, ");
	first = client_open(h, "Goloman");
	check_answers(first);
	for (bool full = true; full; client_close(second)) {
		second = client_open(h, "Goloman");
		full = client_ends_within(second, 0.05);
	}
	client_close(first);
	herd_free(h);
}
END_TEST

START_TEST(log_changes)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.limits = "",
	});
	struct client *client = client_open(h, "Goloman");

	client_send(client, "one\n");
	client_line(client);
	herd_wait_log(h, "Goloman", ": one\n", 1);
	configure(h, _i, alone(h),
		"log = { directory = \".\"; messages = false; };");
	reload(h, "Goloman", READ "log.messages\n");
	client_send(client, "two\n");
	client_line(client);
	/* From error to all: said although what was in force forbids it. */
	configure(h, _i, alone(h),
		"log = { directory = \".\"; level = \"error\"; };");
	reload(h, "Goloman", READ "log.level, log.messages\n");
	client_send(client, "three\n");
	client_line(client);
	configure(h, _i, alone(h),
		"log = { directory = \".\"; full = \"wait\"; };");
	reload(h, "Goloman", READ "log.level, log.full\n");
	client_send(client, "four\n");
	client_line(client);
	herd_wait_log(h, "Goloman", ": four\n", 1);
	ck_assert_uint_eq(said(h, "Goloman", ": two\n"), 0);
	ck_assert_uint_eq(said(h, "Goloman", ": three\n"), 0);
	client_close(client);
	herd_free(h);
}
END_TEST

START_TEST(the_log_moves)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.limits = "",
	});
	const char *folder = herd_path(h, "other");
	const char *path = herd_path(h, "other/Goloman.log");
	struct client *client = client_open(h, "Goloman");

	configure(h, _i, alone(h), "log = { directory = \"no/where\"; };");
	for (int i = 0; i < 2; i++)
		reload(h, "Goloman", "error log stays where it is: ");
	check_answers(client);
	herd_wait_log(h, "Goloman", "still there", 2);

	/* It is made. */
	configure(h, _i, alone(h), "log = { directory = \"other\"; };");
	reload(h, "Goloman", herd_printf(h, "info log goes on in %s\n", path));
	check_answers(client);
	while (herd_count(herd_read(h, "other/Goloman.log"), "still there") < 2)
		usleep(1000);
	/* With it goes the control socket. */
	ck_assert_int_eq(access(herd_path(h, "Goloman.sock"), F_OK), -1);
	ck_assert_int_eq(access(herd_path(h, "other/Goloman.sock"), F_OK), 0);
	ck_assert_uint_eq(said(h, "Goloman", "still there"), 2);

	/* Opened again, it is the new one. */
	ck_assert_int_eq(unlink(path), 0);
	herd_signal(h, "Goloman", SIGUSR1);
	while (!herd_count(herd_read(h, "other/Goloman.log"), "log reopened"))
		usleep(1000);

	/* And back. */
	configure(h, _i, alone(h), "");
	herd_signal(h, "Goloman", SIGHUP);
	while (said(h, "Goloman", "still there") == 2)
		check_answers(client);

	/* The same folder by another path: there is nothing to be moved. */
	configure(h, _i, alone(h), "log = { directory = \"other/..\"; };");
	reload(h, "Goloman", "info log goes on in ");
	configure(h, _i, alone(h), "");
	reload(h, "Goloman", "info log goes on in ");
	ck_assert_uint_eq(said(h, "Goloman", "control socket stays"), 0);
	client_close(client);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	herd_free(h);
}
END_TEST

/* --- what waits for a restart --------------------------------------------- */

START_TEST(the_rest_is_named)
{
	static const char *const named[] = {"threading", "workers", "affinity",
		"places.url", "peers.trust_addresses", "servers.port",
		"servers.listen", "the secret in peers.secret_file"};
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman",
		.peers = "secret_file = \"secret\";",
		.limits = "",
	});
	const char *changed = herd_printf(h,
		"threading = \"%s\"; workers = 3; affinity = \"off\";\n"
		"servers = ( { name = \"Goloman\"; host = \"127.0.0.1\"; "
		"port = 1; listen = [ \"::1\" ]; } );\n"
		"log = { directory = \".\"; };\n"
		"places = { url = \"http://127.0.0.1:1/\"; };\n"
		"peers = { secret_file = \"secret\"; trust_addresses = true; "
		"};\n",
		herd_design(!_i));

	chmod(herd_write(h, "secret", "0123456789abcdef"), 0600);
	herd_start(h, "Goloman");
	herd_write(h, "secret", "fedcba9876543210");
	rewrite(h, _i, changed);
	for (size_t times = 1; times <= 2; times++) {
		reload(h, "Goloman", READ "nothing has changed that can now\n");
		for (size_t i = 0; i < HERD_COUNT(named); i++)
			ck_assert_msg(said(h, "Goloman",
					      herd_printf(h, LATER "%s\n",
						      named[i])) == times,
				"%s", named[i]);
		ck_assert_uint_eq(
			said(h, "Goloman", LATER), times * HERD_COUNT(named));
	}
	/* What is in force stays so, whatever else is taken. */
	rewrite(h, _i, herd_printf(h, "%s stop_timeout = 3;", changed));
	reload(h, "Goloman", READ "stop_timeout\n");
	reload(h, "Goloman", READ "nothing has changed that can now\n");
	ck_assert_uint_eq(said(h, "Goloman", LATER), 4 * HERD_COUNT(named));
	ck_assert_str_eq(
		herd_ask(h, "Goloman", "WHATSAT x 1 1\n"), "? WHATSAT x 1 1\n");
	herd_free(h);
}
END_TEST

/* --- many ----------------------------------------------------------------- */

#define ROUNDS 40
#define BURST  50

/* The file changes, the signals come as they like; every answer comes, and the
 * last file is the one in force. */
START_TEST(signals_under_load)
{
	struct herd *h = with_hands(_i, "Goloman-Hands Welsh");
	const char *with = herd_printf(h, "%s, %s, %s",
		server(h, "Goloman", "\"Hands\", \"Welsh\""),
		server(h, "Hands", ""), server(h, "Welsh", ""));
	const char *without = herd_printf(h, "%s, %s",
		server(h, "Goloman", "\"Hands\""), server(h, "Hands", ""));
	struct client *client = client_open(h, "Goloman");
	const char *line = "";

	for (int i = 0; i < ROUNDS; i++) {
		configure(h, _i, i % 2 ? with : without, "");
		for (int n = 0; n < BURST; n++) {
			client_send(
				client, herd_printf(h, "IAMAT kiwi%d +1+1 %d\n",
						n, i + 1));
			if (n % 20 == 0)
				herd_signal(h, "Goloman", SIGHUP);
		}
		for (int n = 0; n < BURST; n++) {
			line = herd_printf(h, "%s", client_line(client));
			ck_assert(!strncmp(line, "AT Goloman ", 11));
		}
	}
	/* Of the signals one may stand for many, but never for none. */
	configure(h, _i, with, "stop_timeout = 2.5;");
	herd_signal(h, "Goloman", SIGHUP);
	herd_wait_log(h, "Goloman", READ "stop_timeout", 1);
	herd_wait_known(h, "Hands", herd_printf(h, "kiwi%d", BURST - 1), line);
	herd_start(h, "Welsh");
	herd_wait_known(h, "Welsh", herd_printf(h, "kiwi%d", BURST - 1), line);
	ck_assert_uint_eq(said(h, "Goloman", REFUSED), 0);
	check_answers(client);
	check_undisturbed(h);
	client_close(client);
	herd_free(h);
}
END_TEST

/* -------------------------------------------------------------------------- */

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, a_server_is_added);
	herd_add_test(tcase, an_edge_goes_and_comes);
	herd_add_test(tcase, a_neighbour_moves);
	herd_add_test(tcase, a_dial_is_under_way);
	herd_add_test(tcase, bad_files_change_nothing);
	herd_add_test(tcase, limits_change);
	herd_add_test(tcase, log_changes);
	herd_add_test(tcase, the_log_moves);
	herd_add_test(tcase, the_rest_is_named);
	herd_add_test(tcase, signals_under_load);
}

int main(void)
{
	return herd_main("h_reload", add_tests, 60);
}
