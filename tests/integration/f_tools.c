/* f_tools - herdctl against real servers, and against ones the test plays to
 * fail it: what it prints, what it says is wrong, and its exit status. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd_client.h"
#include "tool.h"

#define LOCATION "+34.068930-118.445127"

static struct herd_output run_send(
	struct herd *h, const char *server, const char *input)
{
	const char *const args[] = {
		"-c", herd_conf(h, server), "-s", server, "send", NULL};

	herd_write(h, "in", input);
	return tool_end(h, tool_start(h, "in", args));
}

/* --- with servers --------------------------------------------------------- */

START_TEST(iamat_and_whatsat)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
	});
	const char *conf = herd_conf(h, "Hands");
	const char *stamp = herd_stamp(h, herd_realtime_ns());
	int64_t after = herd_realtime_ns();
	struct herd_output o = RUN(
		h, "-c", conf, "-s", "Hands", "iamat", "kiwi", LOCATION, stamp);
	const char *line =
		herd_printf(h, "%.*s", (int)strcspn(o.out, "\n"), o.out);

	check_good(&o, herd_printf(h, "%s\n", line));
	herd_check_at(h, line, "Hands", "kiwi", LOCATION, stamp, after,
		herd_realtime_ns());
	herd_wait_known(h, "Goloman", "kiwi", line);
	o = RUN(h, "-c", conf, "-s", "Goloman", "whatsat", "kiwi", "0", "5");
	check_good(&o, herd_printf(h, "%s%s", line, HERD_NOTHING));
	o = RUN(h, "-c", conf, "whatsat", "kiwi", "10", "0");
	check_good(&o, herd_printf(h, "%s%s", line, HERD_NOTHING));
	herd_free(h);
}
END_TEST

START_TEST(ways_to_name_a_server)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
	});
	const char *conf = herd_conf(h, "Hands");
	const char *there = host_port(h, "Hands");
	const char *localhost =
		herd_printf(h, "localhost:%" PRIu16, herd_port(h, "Hands"));
	struct herd_output o =
		RUN(h, "-s", there, "iamat", "a", "-33.8+151.2", "1");

	ck_assert_int_eq(strncmp(o.out, "AT Hands +", 10), 0);
	check_good(&o, o.out);
	o = RUN(h, there, "iamat", "b", "+1-1", "1");
	ck_assert_int_eq(strncmp(o.out, "AT Hands +", 10), 0);
	o = RUN(h, localhost, "iamat", "c", "+1-1", "1");
	ck_assert_int_eq(strncmp(o.out, "AT Hands +", 10), 0);
	o = RUN(h, "--config", conf, "--server", "Hands", "iamat", "-c",
		"+1-1");
	ck_assert_int_eq(strncmp(o.out, "AT Hands +", 10), 0);
	o = RUN(h, "-c", conf, "iamat", "d", "+1-1", "1");
	ck_assert_int_eq(strncmp(o.out, "AT Goloman +", 12), 0);
	herd_free(h);
}
END_TEST

START_TEST(stamp_is_now)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	int64_t after = herd_realtime_ns();
	struct herd_output o =
		RUN(h, host_port(h, "Goloman"), "iamat", "kiwi", LOCATION);
	int64_t before = herd_realtime_ns();
	int64_t seconds;
	int64_t ns;
	int decimals_at;
	int decimals_end;
	int fields = sscanf(o.out,
		"AT Goloman %*s kiwi %*s %" SCNd64 ".%n%" SCNd64 "%n", &seconds,
		&decimals_at, &ns, &decimals_end);

	ck_assert_int_eq(fields, 2);
	ck_assert_int_eq(decimals_end - decimals_at, 9);
	ns += seconds * HERD_SECOND_NS;
	ck_assert(after <= ns && ns <= before);
	herd_free(h);
}
END_TEST

START_TEST(refused_by_the_server)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.limits = "clock_ahead = 5;",
	});
	const char *there = host_port(h, "Goloman");
	struct herd_output o = RUN(h, there, "whatsat", "nobody", "1", "1");

	ck_assert_str_eq(o.out, "? WHATSAT nobody 1 1\n");
	check_bad(&o, 1, "never have heard");
	o = RUN(h, there, "iamat", "x", "+1+1", "9000000000");
	ck_assert_str_eq(o.out, "? IAMAT x +1+1 9000000000\n");
	check_bad(&o, 1, "clock");
	herd_free(h);
}
END_TEST

START_TEST(send_passes_everything_on)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "1");
	const char *known = herd_printf(h, "%s%s", line, HERD_NOTHING);
	struct herd_output o = run_send(h, "Goloman", "");

	check_good(&o, "");
	o = run_send(h, "Goloman", " \r\n\nWHATSAT kiwi 0 0");
	check_good(&o, known);
	o = run_send(
		h, "Goloman", "WHATSAT kiwi 0 0\nwhat?\nWHATSAT kiwi 0 0\n");
	ck_assert_int_eq(o.exit_status, 1);
	ck_assert_str_eq(o.out, herd_printf(h, "%s? what?\n%s", known, known));
	herd_free(h);
}
END_TEST

/* Far more in each direction than all buffers on the way hold. */
START_TEST(send_is_not_stuck)
{
	enum {
		COUNT = 200000
	};
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.log = "messages = false;",
	});
	FILE *f = fopen(herd_path(h, "in"), "we");
	const char *const args[] = {host_port(h, "Goloman"), "send", NULL};
	struct herd_output o;

	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < COUNT; i++)
		fprintf(f, "IAMAT kiwi%d %s %d\n", i % 100, LOCATION, i);
	fclose(f);
	o = tool_end(h, tool_start(h, "in", args));
	ck_assert_msg(o.exit_status == 0, "%s", o.err);
	ck_assert_uint_eq(herd_count(o.out, "\n"), COUNT);
	ck_assert_uint_eq(herd_count(o.out, "AT Goloman +"), COUNT);
	herd_free(h);
}
END_TEST

/* --- the command line ----------------------------------------------------- */

static const struct {
	const char *args[6];
	const char *words;
} mistakes[] = {
	{{NULL}, "command is missing"},
	{{"where"}, "'where' is no command"},
	{{"iamat"}, "too few"},
	{{"iamat", "kiwi"}, "too few"},
	{{"iamat", "kiwi", "+1+1", "1", "x"}, "too many"},
	{{"iamat", "kiwi", "+1+1", "-s", "Goloman"}, "before the command"},
	{{"whatsat", "kiwi", "1"}, "too few"},
	{{"send", "x"}, "too many"},
	{{"iamat", "ki wi", "+1+1"}, "'ki wi' is no ID"},
	{{"iamat", "", "+1+1"}, "'' is no ID"},
	{{"iamat", "kiwi\n", "+1+1"}, "is no ID"},
	{{"iamat", "kiwi", "34-118"}, "'34-118' is no LOCATION"},
	{{"iamat", "kiwi", "+1+1 "}, "is no LOCATION"},
	{{"iamat", "kiwi", "+91+1"}, "+34.068930-118.445127"},
	{{"iamat", "kiwi", "+1+1", "-5"}, "'-5' is no STAMP"},
	{{"whatsat", "kiwi", "50.1", "1"}, "'50.1' is no KM"},
	{{"whatsat", "kiwi", "50", "21"}, "'21' is no N"},
	{{"whatsat", "kiwi", "1", "2.5"}, "'2.5' is no N"},
	{{"-t", "0", "send"}, "'0' is no time-out"},
	{{"-t", "soon", "send"}, "'soon' is no time-out"},
	{{"-c", "/nowhere/herd.conf", "send"}, "/nowhere/herd.conf"},
	{{"-s", "::1", "send"}, "'::1' is no HOST:PORT"},
	{{"-s", "[::1]", "send"}, "'[::1]' is no HOST:PORT"},
	{{"-s", "[::1:5", "send"}, "'[::1:5' is no HOST:PORT"},
	{{":5", "send"}, "':5' is no HOST:PORT"},
	{{"localhost:", "send"}, "'localhost:' is no HOST:PORT"},
	{{"localhost:0", "send"}, "'localhost:0' is no HOST:PORT"},
	{{"localhost:65536", "send"}, "'localhost:65536' is no HOST:PORT"},
	{{"localhost:5x", "send"}, "'localhost:5x' is no HOST:PORT"},
	{{"--nonsense"}, "nonsense"},
	{{"-c"}, "requires an argument"},
};

START_TEST(mistakes_are_explained)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct herd_output o;

	for (size_t i = 0; i < HERD_COUNT(mistakes); i++) {
		o = tool_run(h, mistakes[i].args);
		ck_assert_str_eq(o.out, "");
		ck_assert_int_eq(o.exit_status, 2);
		ck_assert_msg(strstr(o.err, mistakes[i].words),
			"no '%s' in: %s", mistakes[i].words, o.err);
	}
	o = RUN(h, "-c", herd_conf(h, "Goloman"), "-s", "Nemo", "send");
	check_bad(&o, 2, "Goloman");
	o = RUN(h, "127.0.0.1:9", "iamat", "+1+1", "+1+1", "x");
	check_bad(&o, 2, "STAMP");
	herd_free(h);
}
END_TEST

START_TEST(too_long_a_line)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *id = herd_printf(h, "%065536d", 0);
	struct herd_output o = RUN(h, "127.0.0.1:9", "iamat", id, "+1+1", "1");

	check_bad(&o, 2, "at most 65536 bytes");
	herd_free(h);
}
END_TEST

START_TEST(version_and_help)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct herd_output o = RUN(h, "-V");

	ck_assert_int_eq(strncmp(o.out, "herdctl ", 8), 0);
	check_good(&o, o.out);
	o = RUN(h, "--version");
	ck_assert_int_eq(strncmp(o.out, "herdctl ", 8), 0);
	o = RUN(h, "--help");
	ck_assert_ptr_nonnull(strstr(o.out, "iamat ID LOCATION [STAMP]"));
	ck_assert_ptr_nonnull(strstr(o.out, "a table on a terminal"));
	check_good(&o, o.out);
	herd_free(h);
}
END_TEST

/* --- no answer ------------------------------------------------------------ */

START_TEST(nobody_listens)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *where = host_port(h, "Goloman");
	struct herd_output o;

	herd_unlisten(h, "Goloman");
	o = RUN(h, "-c", herd_conf(h, "Goloman"), "iamat", "x", "+1+1");
	check_bad(&o, 3, where);
	check_bad(&o, 3, "Goloman");
	o = RUN(h, herd_printf(h, "[::1]:%" PRIu16, herd_port(h, "Goloman")),
		"send");
	check_bad(&o, 3, "cannot reach [::1]:");
	o = RUN(h, "no-such-name.invalid:1", "send");
	check_bad(&o, 3, "no-such-name.invalid");
	herd_free(h);
}
END_TEST

START_TEST(silence_ends)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *where = host_port(h, "Goloman");
	struct herd_output o;

	/* It listens, but never accepts. */
	ck_assert_int_ge(herd_listener(h, "Goloman"), 0);
	o = RUN(h, "-t", "0.05", where, "iamat", "x", "+1+1");
	check_bad(&o, 3, "no answer for 0.05 s");
	o = RUN(h, "--timeout", "0.05", where, "send");
	check_bad(&o, 3, "no answer for 0.05 s");
	herd_free(h);
}
END_TEST

START_TEST(an_answer_cut_short)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *const args[] = {
		host_port(h, "Goloman"), "iamat", "x", "+1+1", "5", NULL};
	static const char *const answers[] = {"", "AT Golo"};
	struct herd_output o;

	herd_write(h, "in", "");
	for (size_t i = 0; i < HERD_COUNT(answers); i++) {
		pid_t pid = tool_start(h, "in", args);
		struct client *c = client_accept(herd_listener(h, "Goloman"));

		ck_assert_str_eq(client_line(c), "IAMAT x +1+1 5");
		ck_assert_uint_eq(client_rest(c).len, 0);
		client_send(c, answers[i]);
		client_close(c);
		o = tool_end(h, pid);
		check_bad(&o, 3, "too early");
		ck_assert_str_eq(o.out, answers[i]);
	}
	herd_free(h);
}
END_TEST

START_TEST(a_connection_lost)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *const args[] = {
		host_port(h, "Goloman"), "iamat", "x", "+1+1", "5", NULL};
	struct herd_output o;
	struct client *c;
	pid_t pid;

	herd_write(h, "in", "");
	pid = tool_start(h, "in", args);
	c = client_accept(herd_listener(h, "Goloman"));
	ck_assert_str_eq(client_line(c), "IAMAT x +1+1 5");
	client_reset(c);
	o = tool_end(h, pid);
	check_bad(&o, 3, "connection lost");
	herd_free(h);
}
END_TEST

/* The server answers, closes, and leaves the rest of the input unread. What it
 * said is printed all the same. */
START_TEST(a_server_that_has_enough)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *const args[] = {host_port(h, "Goloman"), "send", NULL};
	const char *fifo = herd_path(h, "fifo");
	struct herd_output o;
	struct client *c;
	int writer;
	pid_t pid;

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	/* Both ends, so that opening waits for nobody. */
	writer = open(fifo, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	pid = tool_start(h, "fifo", args);
	ck_assert_int_eq(write(writer, "enough\n", 7), 7);
	c = client_accept(herd_listener(h, "Goloman"));
	ck_assert_str_eq(client_line(c), "enough");
	client_send(c, "? enough\n");
	client_close(c);
	o = tool_end(h, pid);
	close(writer);
	check_bad(&o, 3, "too early");
	ck_assert_str_eq(o.out, "? enough\n");
	herd_free(h);
}
END_TEST

START_TEST(an_input_that_cannot_be_read)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *const args[] = {host_port(h, "Goloman"), "send", NULL};
	struct herd_output o = tool_end(h, tool_start(h, ".", args));

	check_bad(&o, 2, "Is a directory");
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, iamat_and_whatsat);
	herd_add_test(tcase, ways_to_name_a_server);
	herd_add_test(tcase, stamp_is_now);
	herd_add_test(tcase, refused_by_the_server);
	herd_add_test(tcase, send_passes_everything_on);
	herd_add_test(tcase, send_is_not_stuck);
	tcase_add_test(tcase, mistakes_are_explained);
	tcase_add_test(tcase, too_long_a_line);
	tcase_add_test(tcase, version_and_help);
	tcase_add_test(tcase, nobody_listens);
	tcase_add_test(tcase, silence_ends);
	tcase_add_test(tcase, an_answer_cut_short);
	tcase_add_test(tcase, a_connection_lost);
	tcase_add_test(tcase, a_server_that_has_enough);
	herd_add_test(tcase, an_input_that_cannot_be_read);
}

int main(void)
{
	return herd_main("f_tools", add_tests, 30);
}
