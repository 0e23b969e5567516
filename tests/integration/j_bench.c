/* j_bench - herd-bench against real servers, and against ones the test plays to
 * fail it: what it reports, what it says is wrong, and its exit status. Nothing
 * is asserted about speed. */
#include <inttypes.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd/address.h"
#include "herd_client.h"
#include "tool.h"

/* Arguments that give `open` its rate, and others their mode alone. */
#define MODE(mode) mode, strcmp(mode, "open") ? "--ids" : "--rate", "1000"

#define BENCH(h, ...)                                                          \
	bench(h, (const char *const[]){                                        \
			 __VA_ARGS__, "-t", "0.2", "--warm-up", "0.1", NULL})

static struct herd_output bench(struct herd *h, const char *const *args)
{
	return tool_end(h, tool_start_other(h, "HERD_BENCH", args));
}

static struct herd *server(int design)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.general = "workers = 2;",
		.log = "messages = false;",
	});
}

static const char *pid_of(struct herd *h)
{
	return herd_printf(h, "%d", (int)herd_pid(h, "Goloman"));
}

/* --- its figures ---------------------------------------------------------- */

/* The one line of JSON, if all was well; put it away. */
static json_object *good(const struct herd_output *o)
{
	json_object *all = json_tokener_parse(o->out);

	ck_assert_msg(o->exit_status == 0, "exit status %d: %s", o->exit_status,
		o->err);
	ck_assert_msg(all != NULL, "no JSON: %s", o->out);
	ck_assert_uint_eq(herd_count(o->out, "\n"), 1);
	return all;
}

static double number(json_object *in, const char *key)
{
	json_object *value;

	ck_assert_msg(json_object_object_get_ex(in, key, &value), "no %s in %s",
		key, json_object_to_json_string(in));
	ck_assert(json_object_is_type(value, json_type_int) ||
		  json_object_is_type(value, json_type_double));
	return json_object_get_double(value);
}

static void check_text(json_object *in, const char *key, const char *expected)
{
	json_object *value;

	ck_assert(json_object_object_get_ex(in, key, &value));
	ck_assert_str_eq(json_object_get_string(value), expected);
}

static void check_times(json_object *all, const char *name, double count)
{
	static const char *const rising[] = {"min_us", "p50_us", "p75_us",
		"p90_us", "p99_us", "p99_9_us", "p99_99_us", "max_us"};
	json_object *times;
	double last = 0;

	ck_assert(json_object_object_get_ex(all, name, &times));
	ck_assert_double_eq(number(times, "count"), count);
	for (size_t i = 0; i < HERD_COUNT(rising); i++) {
		ck_assert_double_ge(number(times, rising[i]), last);
		last = number(times, rising[i]);
	}
	ck_assert_double_gt(last, 0);
	ck_assert_double_gt(number(times, "mean_us"), 0);
}

/* What all modes tell. */
static void check_figures(json_object *all, const char *mode, bool idle)
{
	json_object *threads;
	double count = number(all, idle ? "connected" : "requests");
	double rate =
		number(all, idle ? "connections_per_s" : "requests_per_s");

	check_text(all, "mode", mode);
	check_text(all, "protocol", "herd");
	ck_assert_double_gt(count, 0);
	ck_assert_double_eq(number(all, "errors"), 0);
	ck_assert_double_eq_tol(
		rate * number(all, "seconds"), count, count / 1e6);
	check_times(all, idle ? "connect_time" : "latency", count);
	ck_assert_double_gt(number(all, "generator_cpu_us"), 0);
	ck_assert_double_ge(number(all, "server_cpu_us"), 0);
	ck_assert_double_gt(number(all, "server_memory_bytes"), 0);
	ck_assert_double_ge(number(all, "other_load"), 0);
	ck_assert_double_le(number(all, "other_load"), 1);
	ck_assert(json_object_object_get_ex(
		all, "server_thread_cpu_us", &threads));
	ck_assert_int_gt(json_object_object_length(threads), 0);
	ck_assert_double_ge(number(all, "generator_busy"), 0);
	if (!strcmp(mode, "open"))
		ck_assert_double_ge(number(all, "generator_late_p99_us"), 0);
}

/* --- modes ---------------------------------------------------------------- */

static const struct {
	const char *pipeline, *reads, *threads, *zipf;
} loads[] = {
	{"1", "0", "1", "1"},
	{"16", "50", "2", "0.9"},
	{"1", "100", "3", "1.5"},
	{"700", "2.5", "1", "1"},
};

START_TEST(closed)
{
	struct herd *h = server(_i);

	for (size_t i = 0; i < HERD_COUNT(loads); i++) {
		struct herd_output o = BENCH(h, "closed",
			host_port(h, "Goloman"), "-c", "5", "--check", "--json",
			"--pid", pid_of(h), "-n", "100", "-p",
			loads[i].pipeline, "--reads", loads[i].reads, "-T",
			loads[i].threads, "-z", loads[i].zipf);
		json_object *all = good(&o);

		check_figures(all, "closed", false);
		ck_assert_double_eq(number(all, "connections"), 5);
		ck_assert_double_eq(number(all, "ids"), 100);
		json_object_put(all);
	}
	herd_free(h);
}
END_TEST

START_TEST(closed_with_places)
{
	struct herd *h = server(_i);
	struct herd_output o = BENCH(h, "closed", host_port(h, "Goloman"), "-c",
		"2", "-p", "4", "--reads", "50", "--radius", "0.0", "--bound",
		"5", "--check", "--pid", pid_of(h), "--json");

	json_object_put(good(&o));
	herd_free(h);
}
END_TEST

START_TEST(open_loop)
{
	struct herd *h = server(_i);
	struct herd_output o = BENCH(h, "--rate", "2000", "open",
		host_port(h, "Goloman"), "-c", "8", "--reads", "20", "--check",
		"--json", "--pid", pid_of(h), "-T", "2");
	json_object *all = good(&o);

	check_figures(all, "open", false);
	ck_assert_double_eq(number(all, "rate_asked_per_s"), 2000);
	json_object_put(all);
	herd_free(h);
}
END_TEST

/* Far more than the server takes, and than a connection has room for: all have
 * arrived within milliseconds, and every time is from then. */
START_TEST(open_loop_overrun)
{
	struct herd *h = server(_i);
	struct herd_output o =
		bench(h, (const char *const[]){"--rate", "1000000000", "open",
				 host_port(h, "Goloman"), "-c", "1", "--check",
				 "--json", "--pid", pid_of(h), "--warm-up",
				 "0.5", "-t", "0.2", NULL});
	json_object *all = good(&o);
	json_object *times;

	check_figures(all, "open", false);
	ck_assert(json_object_object_get_ex(all, "latency", &times));
	ck_assert_double_ge(number(times, "min_us"), 0.4e6);
	json_object_put(all);
	herd_free(h);
}
END_TEST

START_TEST(connect_and_close)
{
	struct herd *h = server(_i);
	struct herd_output o = BENCH(h, "connect", host_port(h, "Goloman"),
		"-c", "4", "-T", "2", "--check", "--json", "--pid", pid_of(h));
	json_object *all = good(&o);

	check_figures(all, "connect", false);
	json_object_put(all);
	herd_free(h);
}
END_TEST

START_TEST(idle_connections)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.limits = "connections = 1000;",
	});
	struct herd_output o = BENCH(h, "idle", host_port(h, "Goloman"), "-c",
		"600", "-T", "2", "--check", "--json", "--pid", pid_of(h));
	json_object *all = good(&o);

	check_figures(all, "idle", true);
	ck_assert_double_eq(number(all, "connected"), 600);
	ck_assert_double_gt(number(all, "server_memory_before_bytes"), 0);
	ck_assert_double_lt(
		number(all, "server_memory_per_connection_bytes"), 1e6);
	json_object_put(all);
	o = BENCH(h, "idle", host_port(h, "Goloman"), "-c", "100", "--talk",
		"--check", "--json", "--pid", pid_of(h));
	all = good(&o);
	check_figures(all, "idle", true);
	json_object_put(all);
	herd_free(h);
}
END_TEST

START_TEST(clients_made_known)
{
	struct herd *h = server(_i);
	const char *const first = "WHATSAT client-0000000000000 0 0\n";
	const char *const last = "WHATSAT client-0000000003000 0 0\n";
	const char *const next = "WHATSAT client-0000000003001 0 0\n";
	struct herd_output o = BENCH(h, "clients", host_port(h, "Goloman"),
		"-n", "3001", "-T", "2", "-c", "7", "-p", "3", "--check",
		"--json", "--pid", pid_of(h));
	json_object *all = good(&o);

	check_figures(all, "clients", false);
	ck_assert_double_eq(number(all, "requests"), 3001);
	(void)number(all, "server_memory_per_client_bytes");
	json_object_put(all);
	ck_assert_int_eq(*herd_ask(h, "Goloman", first), 'A');
	ck_assert_int_eq(*herd_ask(h, "Goloman", last), 'A');
	ck_assert_int_eq(*herd_ask(h, "Goloman", next), '?');
	herd_free(h);
}
END_TEST

/* A line for each figure, and the same names. */
START_TEST(for_people)
{
	struct herd *h = server(_i);
	struct herd_output o = BENCH(h, "closed", host_port(h, "Goloman"), "-c",
		"2", "--cpus", "0", "--seed", "7");

	ck_assert_msg(o.exit_status == 0, "%s", o.err);
	ck_assert_ptr_nonnull(strstr(o.out, "mode "));
	ck_assert_ptr_nonnull(strstr(o.out, "requests_per_s "));
	ck_assert_ptr_nonnull(strstr(o.out, "\n  p99_us "));
	ck_assert_ptr_nonnull(strstr(o.out, "generator_cpu_us "));
	ck_assert_ptr_null(strstr(o.out, "server_cpu_us"));
	/* The server is one of them, and nobody has said which. */
	ck_assert_msg(!strstr(o.err, "other programs"), "%s", o.err);
	herd_free(h);
}
END_TEST

/* --- while it runs -------------------------------------------------------- */

static pid_t start_long(struct herd *h, const char *mode, const char *rate)
{
	bool open = !strcmp(mode, "open");
	const char *const args[] = {mode, host_port(h, "Goloman"), "--json",
		"--progress", open ? "-r" : "--ids", rate, "-c", "2", "-t",
		"3600", "--warm-up", "0", "--pid", pid_of(h), NULL};
	pid_t pid = tool_start_other(h, "HERD_BENCH", args);
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	const char *line = herd_printf(h, "%s: ", mode);
	unsigned tries = 0;

	while (!strstr(herd_read(h, "err"), line)) {
		ck_assert_msg(!herd_late(deadline), "no progress");
		herd_back_off(&tries);
	}
	return pid;
}

static const char *const lasting[] = {"closed", "open", "connect"};

START_TEST(interrupted)
{
	struct herd *h = server(_i);

	for (size_t i = 0; i < HERD_COUNT(lasting); i++) {
		pid_t pid = start_long(h, lasting[i], "100");
		struct herd_output o;
		json_object *all;

		ck_assert_int_eq(kill(pid, SIGINT), 0);
		o = tool_end(h, pid);
		all = good(&o);
		check_figures(all, lasting[i], false);
		json_object_put(all);
		ck_assert_ptr_nonnull(strstr(o.err, " requests/s, p50 "));
	}
	herd_free(h);
}
END_TEST

/* While the server stands still, requests go on to arrive, and all of them are
 * late: not only those that were under way. */
START_TEST(a_stall_is_everybodys)
{
	struct herd *h = server(_i);
	pid_t pid = start_long(h, "open", "1000");
	int64_t stopped_ns, stall_ns;
	struct herd_output o;
	json_object *all, *times;
	size_t lines;
	unsigned tries = 0;

	herd_signal(h, "Goloman", SIGSTOP);
	stopped_ns = herd_monotonic_ns();
	lines = herd_count(herd_read(h, "err"), "\n");
	while (herd_count(herd_read(h, "err"), "\n") < lines + 2)
		herd_back_off(&tries);
	stall_ns = herd_monotonic_ns() - stopped_ns;
	herd_signal(h, "Goloman", SIGCONT);
	lines = herd_count(herd_read(h, "err"), "\n");
	while (herd_count(herd_read(h, "err"), "\n") < lines + 2)
		herd_back_off(&tries);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	o = tool_end(h, pid);
	all = good(&o);
	ck_assert(json_object_object_get_ex(all, "latency", &times));
	ck_assert_double_ge(number(times, "max_us"), (double)stall_ns / 2e3);
	/* A tenth and more of all requests came in that time. */
	ck_assert_double_ge(number(times, "p99_us"), (double)stall_ns / 4e3);
	json_object_put(all);
	herd_free(h);
}
END_TEST

/* Of a server that stands still in the end, the answered requests say that it
 * was quick; those that wait for it have to be told, too. */
static void check_stall_at_the_end(struct herd *h, const char *mode)
{
	pid_t pid = start_long(h, mode, "1000");
	int64_t stopped_ns, stall_ns;
	struct herd_output o;
	json_object *all;
	size_t lines;
	unsigned tries = 0;

	herd_signal(h, "Goloman", SIGSTOP);
	stopped_ns = herd_monotonic_ns();
	lines = herd_count(herd_read(h, "err"), "\n");
	while (herd_count(herd_read(h, "err"), "\n") < lines + 3)
		herd_back_off(&tries);
	stall_ns = herd_monotonic_ns() - stopped_ns;
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	o = tool_end(h, pid);
	herd_signal(h, "Goloman", SIGCONT);
	all = good(&o);
	ck_assert_double_gt(number(all, "unanswered"), 0);
	ck_assert_double_ge(
		number(all, "unanswered_longest_us"), (double)stall_ns / 2e3);
	ck_assert_msg(strstr(o.err, "requests had no answer"), "%s", o.err);
	json_object_put(all);
}

START_TEST(a_stall_at_the_end)
{
	struct herd *h = server(_i);

	for (size_t i = 0; i < HERD_COUNT(lasting); i++)
		check_stall_at_the_end(h, lasting[i]);
	herd_free(h);
}
END_TEST

/* What was found until then is told all the same. */
START_TEST(server_ends)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.log = "messages = false;",
	});
	struct herd_output o;

	herd_unlisten(h, "Goloman");
	for (size_t i = 0; i < HERD_COUNT(lasting); i++) {
		pid_t pid;

		herd_start(h, "Goloman");
		pid = start_long(h, lasting[i], "100");
		herd_kill(h, "Goloman");
		o = tool_end(h, pid);
		ck_assert_int_eq(o.exit_status, 1);
		ck_assert_ptr_nonnull(strstr(o.out, "\"requests_per_s\""));
		ck_assert_msg(strstr(o.err, "closed a connection") ||
				      strstr(o.err, "connection lost") ||
				      strstr(o.err, "cannot connect"),
			"%s", o.err);
	}
	herd_free(h);
}
END_TEST

/* --- servers that are wrong ----------------------------------------------- */

struct bad_server {
	pthread_t thread;
	int listener;
	const char *answer; /* to every line; NULL: none */
	size_t last;        /* the line after which it closes; once */
	struct address address;
};

static void serve(struct bad_server *b, int fd)
{
	char in[4096];
	ssize_t got;

	while ((got = read(fd, in, sizeof in)) > 0)
		for (ssize_t i = 0; i < got; i++) {
			if (in[i] != '\n')
				continue;
			if (b->answer)
				(void)!send(fd, b->answer, strlen(b->answer),
					MSG_NOSIGNAL);
			if (b->last && !--b->last)
				goto out_close;
		}
out_close:
	close(fd);
}

static void *run_bad_server(void *arg)
{
	struct bad_server *b = arg;
	int fd;

	while ((fd = accept(b->listener, NULL, NULL)) >= 0)
		serve(b, fd);
	return NULL;
}

static const char *start_bad(
	struct herd *h, struct bad_server *b, const char *answer)
{
	socklen_t len = sizeof b->address;
	char where[ADDRESS_TEXT];

	b->answer = answer;
	ck_assert_int_eq(address_parse("127.0.0.1", 0, &b->address), 0);
	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(b->listener, 0);
	ck_assert_int_eq(bind(b->listener, &b->address.any, len), 0);
	ck_assert_int_eq(listen(b->listener, 16), 0);
	ck_assert_int_eq(getsockname(b->listener, &b->address.any, &len), 0);
	ck_assert_int_eq(
		pthread_create(&b->thread, NULL, run_bad_server, b), 0);
	address_format(&b->address, where);
	return herd_printf(h, "%s", where);
}

static void end_bad(struct bad_server *b)
{
	shutdown(b->listener, SHUT_RDWR);
	pthread_join(b->thread, NULL);
	close(b->listener);
}

/* Found only by checking; found in any case. */
#define FORGED  "AT Bad +0.000000001 kiwi +34.068930-118.445127 1.000000000\n"
#define REFUSAL "? what?\n"

static const char *const bad_modes[] = {"closed", "open", "connect", "clients"};

START_TEST(wrong_answers)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *mode = bad_modes[_i];
	struct bad_server b = {0};
	const char *where = start_bad(h, &b, FORGED);
	struct herd_output o = BENCH(h, MODE(mode), where, "-c", "1", "--json");

	ck_assert_msg(o.exit_status == 0, "%s", o.err);
	o = BENCH(h, MODE(mode), where, "-c", "1", "--check");
	ck_assert_int_eq(o.exit_status, 1);
	ck_assert_ptr_nonnull(strstr(o.err, "answers were wrong; the first: "
					    "asked \"IAMAT client-"));
	ck_assert_ptr_nonnull(strstr(o.err, "answered \"AT Bad +0.000000001"));
	ck_assert_ptr_nonnull(strstr(o.out, "first_error "));
	end_bad(&b);
	where = start_bad(h, &b, REFUSAL);
	o = BENCH(h, MODE(mode), where, "-c", "1");
	ck_assert_int_eq(o.exit_status, 1);
	ck_assert_ptr_nonnull(strstr(o.err, "answered \"? what?\\n\""));
	end_bad(&b);
	herd_free(h);
}
END_TEST

START_TEST(an_answer_too_many)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct bad_server b = {0};
	const char *where = start_bad(h, &b, FORGED FORGED);
	struct herd_output o = BENCH(h, "closed", where, "-c", "1");

	ck_assert_int_eq(o.exit_status, 1);
	check_bad(&o, 1, "nobody asked for");
	end_bad(&b);
	/* One line of an answer in two is what other protocols look like. */
	where = start_bad(h, &b, "ERROR\r\n" FORGED);
	o = BENCH(h, "closed", where, "-c", "1");
	check_bad(&o, 1, "answered \"ERROR\\r\\n\" (--protocol?)");
	end_bad(&b);
	herd_free(h);
}
END_TEST

/* One connection of two is lost: what was under way on it never comes. */
START_TEST(clients_of_a_lost_connection)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct bad_server b = {.last = 5};
	const char *where = start_bad(h, &b, FORGED);
	struct herd_output o =
		BENCH(h, "clients", where, "-c", "2", "-n", "100", "--json");

	ck_assert_int_eq(o.exit_status, 1);
	ck_assert_msg(strstr(o.err, "closed a connection"), "%s", o.err);
	ck_assert_ptr_nonnull(strstr(o.out, "\"requests\": "));
	end_bad(&b);
	herd_free(h);
}
END_TEST

/* It takes what is said and says nothing: no reason to wait for ever. */
START_TEST(no_answers)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct bad_server b = {0};
	const char *where = start_bad(h, &b, NULL);
	struct herd_output o =
		BENCH(h, "closed", where, "--reads", "10", "-c", "1", "--json");

	check_bad(&o, 1, "no answer for 5 s");
	ck_assert_str_eq(o.out, "");
	end_bad(&b);
	herd_free(h);
}
END_TEST

START_TEST(too_many_connections)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.limits = "connections = 300;",
	});
	struct herd_output o = BENCH(
		h, "idle", host_port(h, "Goloman"), "-c", "400", "--json");

	ck_assert_int_eq(o.exit_status, 1);
	ck_assert_msg(strstr(o.err, "limit of them?"), "%s", o.err);
	herd_free(h);
}
END_TEST

/* --- no server, and mistakes ---------------------------------------------- */

START_TEST(no_server)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *where = host_port(h, "Goloman");
	static const char *const modes[] = {
		"closed", "open", "connect", "idle", "clients"};
	struct herd_output o;

	herd_unlisten(h, "Goloman");
	for (size_t i = 0; i < HERD_COUNT(modes); i++) {
		o = BENCH(h, MODE(modes[i]), where);
		ck_assert_str_eq(o.out, "");
		check_bad(&o, 1, "Connection refused");
		ck_assert_ptr_nonnull(strstr(o.err, where));
	}
	o = BENCH(h, "closed", "nowhere.invalid:1");
	check_bad(&o, 1, "cannot find the host nowhere.invalid");
	o = BENCH(h, "closed", where, "--pid", "2147483647");
	check_bad(&o, 1, "no process");
	o = BENCH(h, "closed", where, "--cpus", "8191");
	check_bad(&o, 1, "CPU");
	herd_free(h);
}
END_TEST

#define THERE "localhost:1"

static const struct {
	const char *args[8];
	const char *words;
} mistakes[] = {
	{{NULL}, "a mode is missing"},
	{{"shut", THERE}, "'shut' is no mode"},
	{{"closed"}, "HOST:PORT is missing"},
	{{"closed", THERE, "x"}, "'x' is one too many"},
	{{"closed", "localhost"}, "'localhost' is no HOST:PORT"},
	{{"closed", "localhost:0"}, "'localhost:0' is no HOST:PORT"},
	{{"closed", "localhost:65536"}, "is no HOST:PORT"},
	{{"closed", "::1"}, "'::1' is no HOST:PORT"},
	{{"closed", ":5"}, "':5' is no HOST:PORT"},
	{{"closed", "[::1]:5x"}, "'[::1]:5x' is no HOST:PORT"},
	{{"closed", THERE, "-P", "gopher"}, "herd, memcached, redis or echo"},
	{{"closed", THERE, "-c", "0"}, "'0' is no whole number from 1"},
	{{"closed", THERE, "-c", "1.5"}, "'1.5' is no whole number"},
	{{"closed", THERE, "-c", "many"}, "--connections: 'many'"},
	{{"closed", THERE, "-c", "2", "-T", "3"}, "too few for 3 threads"},
	{{"closed", THERE, "-p", "65537"}, "--pipeline: '65537'"},
	{{"closed", THERE, "-n", "99999999999999999999"}, "--ids: '9999"},
	{{"closed", THERE, "-z", "0"}, "--zipf: '0' is no number from 0.01"},
	{{"closed", THERE, "-z", "-1"}, "--zipf: '-1'"},
	{{"closed", THERE, "--reads", "101"}, "--reads: '101'"},
	{{"closed", THERE, "--reads", "5", "-P", "echo"}, "protocol echo"},
	{{"connect", THERE, "--reads", "5"}, "(only: closed, open)"},
	{{"closed", THERE, "-r", "100"}, "--rate: closed does not use it"},
	{{"open", THERE, "-r", "9", "-p", "2"}, "closed, clients, flood)"},
	{{"idle", THERE, "--config", "x"}, "--config: idle does not use it"},
	{{"flood", "--threads", "2"}, "closed, open, connect, idle, clients)"},
	{{"flood", "-P", "redis"}, "--protocol: flood does not use it"},
	{{"closed", THERE, "--radius", "50.1"}, "--radius: '50.1'"},
	{{"closed", THERE, "--bound", "21"}, "--bound: '21'"},
	{{"closed", THERE, "--talk"},
		"--talk: closed does not use it (only: idle)"},
	{{"closed", THERE, "-t", "0"}, "--time: '0' is no number from 0.01"},
	{{"closed", THERE, "--warm-up", "1e3"}, "--warm-up: '1e3'"},
	{{"closed", THERE, "--seed", "x"}, "--seed: 'x'"},
	{{"closed", THERE, "--cpus", "0,"}, "--cpus: '0,' is no list"},
	{{"closed", THERE, "--cpus", "0;1"}, "like 0 or 0,1"},
	{{"closed", THERE, "--pid", "0"}, "--pid: '0' is no list"},
	{{"closed", THERE, "--pid", "1,,2"}, "like 4711"},
	{{"open", THERE}, "--rate is missing"},
	{{"flood"}, "--write SERVER is missing"},
	{{"flood", THERE}, "one too many"},
	{{"flood", "--write", "a", "--watch", "b"}, "--as SERVER is missing"},
	{{"--nonsense"}, "nonsense"},
	{{"closed", THERE, "-c"}, "requires an argument"},
};

START_TEST(mistakes_are_explained)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct herd_output o = bench(h, mistakes[_i].args);

	ck_assert_str_eq(o.out, "");
	check_bad(&o, 2, mistakes[_i].words);
	herd_free(h);
}
END_TEST

START_TEST(version_and_help)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct herd_output o = bench(h, (const char *const[]){"-V", NULL});

	ck_assert_int_eq(strncmp(o.out, "herd-bench ", 11), 0);
	check_good(&o, o.out);
	o = bench(h, (const char *const[]){"closed", "--help", NULL});
	ck_assert_ptr_nonnull(strstr(o.out, "MODE HOST:PORT"));
	check_good(&o, o.out);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, closed);
	herd_add_test(tcase, closed_with_places);
	herd_add_test(tcase, open_loop);
	herd_add_test(tcase, open_loop_overrun);
	herd_add_test(tcase, connect_and_close);
	herd_add_test(tcase, idle_connections);
	herd_add_test(tcase, clients_made_known);
	herd_add_test(tcase, for_people);
	herd_add_test(tcase, interrupted);
	herd_add_test(tcase, a_stall_is_everybodys);
	herd_add_test(tcase, a_stall_at_the_end);
	herd_add_test(tcase, server_ends);
	tcase_add_loop_test(tcase, wrong_answers, 0, HERD_COUNT(bad_modes));
	tcase_add_test(tcase, an_answer_too_many);
	tcase_add_test(tcase, clients_of_a_lost_connection);
	tcase_add_test(tcase, no_answers);
	herd_add_test(tcase, too_many_connections);
	tcase_add_test(tcase, no_server);
	tcase_add_loop_test(
		tcase, mistakes_are_explained, 0, HERD_COUNT(mistakes));
	tcase_add_test(tcase, version_and_help);
}

int main(void)
{
	return herd_main("j_bench", add_tests, 60);
}
