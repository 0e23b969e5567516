/* a_smoke - herdd starts, answers, and ends; and says clearly why it does not
 * start. What is asked here must hold before any other suite makes sense. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "herd_client.h"
#include "herd_proc.h"

#define LOCATION "+34.068930-118.445127"

START_TEST(one_iamat_is_answered)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *stamp = herd_stamp(h, herd_realtime_ns());
	int64_t after = herd_realtime_ns();
	const char *line =
		herd_iamat(h, "Goloman", "kiwi.cs.ucla.edu", LOCATION, stamp);

	herd_check_at(h, line, "Goloman", "kiwi.cs.ucla.edu", LOCATION, stamp,
		after, herd_realtime_ns());
	herd_free(h);
}
END_TEST

/* --- the command line ----------------------------------------------------- */

START_TEST(version_and_help)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	static const char *const versions[] = {"-V", "--version"};
	static const char *const helps[] = {"-h", "--help"};
	struct herd_output o;

	for (size_t i = 0; i < 2; i++) {
		const char *const version[] = {versions[i], NULL};
		const char *const help[] = {helps[i], NULL};

		o = herd_run(h, version);
		ck_assert_int_eq(o.exit_status, 0);
		ck_assert_ptr_nonnull(strstr(o.out, "herdd"));
		ck_assert_str_eq(o.err, "");
		o = herd_run(h, help);
		ck_assert_int_eq(o.exit_status, 0);
		ck_assert_ptr_nonnull(strstr(o.out, "NAME"));
		ck_assert_ptr_nonnull(strstr(o.out, "-t"));
		ck_assert_str_eq(o.err, "");
	}
	herd_free(h);
}
END_TEST

/* One line, and it says what it should. */
static void check_complaint(
	const struct herd_output *o, int exit_status, const char *const *words)
{
	ck_assert_msg(o->exit_status == exit_status,
		"exit status %d instead of %d: %s", o->exit_status, exit_status,
		o->err);
	ck_assert_str_eq(o->out, "");
	for (; *words; words++) {
		ck_assert_msg(strstr(o->err, *words), "no '%s' in: %s", *words,
			o->err);
	}
	if (exit_status == 1)
		ck_assert_msg(herd_count(o->err, "\n") == 1,
			"more than one line: %s", o->err);
}

START_TEST(usage_errors)
{
	static const char *const cases[][4] = {
		{NULL},
		{"--no-such-option", NULL},
		{"-c", NULL},
		{"Goloman", "Hands", NULL},
	};
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *const words[] = {"herdd", NULL};

	for (size_t i = 0; i < HERD_COUNT(cases); i++) {
		struct herd_output o = herd_run(h, cases[i]);

		check_complaint(&o, 2, words);
	}
	herd_free(h);
}
END_TEST

START_TEST(checking_a_file)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = HERD_FIVE,
	});
	const char *const good[] = {"-t", "-c", herd_conf(h, "Hands"), NULL};
	const char *const named[] = {
		"-t", "-c", herd_conf(h, "Hands"), "Hands", NULL};
	const char *bad_file =
		herd_write(h, "bad.conf", "servers = ();\nthreding = 1;\n");
	const char *const bad[] = {"-t", "-c", bad_file, NULL};
	const char *const words[] = {"bad.conf:", NULL};
	struct herd_output o = herd_run(h, good);

	ck_assert_msg(o.exit_status == 0, "%s", o.err);
	o = herd_run(h, named);
	ck_assert_msg(o.exit_status == 0, "%s", o.err);
	o = herd_run(h, bad);
	check_complaint(&o, 1, words);
	herd_free(h);
}
END_TEST

/* Files that are refused, the line at fault and words of the complaint. */
static const struct {
	const char *text;
	const char *words[3];
} bad_files[] = {
#define SERVER(name, rest)                                                     \
	"  { name = \"" name "\"; host = \"127.0.0.1\"; port = 1" rest "; }"
	{"threading = \"threaded\";\nservers = (\n" SERVER(
		 "Goloman", "") ");\nworkrs = 2;\n",
		{"conf:4:", "workers", NULL}},
	{"servers = (\n" SERVER("Goloman", "") ");\nthreading = \"both\";\n",
		{"conf:3:", "single", NULL}},
	{"servers = (\n" SERVER("Goloman", "") ");\nworkers = \"two\";\n",
		{"conf:3:", "workers", NULL}},
	{"servers = (\n" SERVER("Goloman", "") ");\nlimits = {\n"
					       "  line = 65537; };\n",
		{"conf:4:", "65536", NULL}},
	{"servers = (\n" SERVER("Goloman", "") ",\n" SERVER(
		 "Goloman", "1") ");\n",
		{"conf:3:", "Goloman", NULL}},
	{"servers = (\n" SERVER("Goloman", "; talks_to = [ \"Nemo\" ]") ");\n",
		{"conf:2:", "Nemo", NULL}},
	{"servers = (\n" SERVER("Goloman", "00000") ");\n",
		{"conf:2:", "65535", NULL}},
	{"servers = (\n" SERVER("Goloman", "") ");\nworkers = ;\n",
		{"conf:3:", NULL}},
	{"workers = 2;\n", {"conf", "servers", NULL}},
};

START_TEST(bad_files_are_refused_with_line)
{
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});

	for (size_t i = 0; i < HERD_COUNT(bad_files); i++) {
		const char *file = herd_write(h, "bad.conf", bad_files[i].text);
		const char *const start[] = {"-c", file, "Goloman", NULL};
		struct herd_output o = herd_run(h, start);

		check_complaint(&o, 1, bad_files[i].words);
	}
	herd_free(h);
}
END_TEST

START_TEST(a_start_that_cannot_be)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = HERD_FIVE,
	});
	const char *conf = herd_conf(h, "Goloman");
	const char *const nobody[] = {"-c", conf, "Nemo", NULL};
	const char *const no_file[] = {
		"-c", herd_path(h, "none.conf"), "Goloman", NULL};
	/* The harness listens there. */
	const char *const in_use[] = {"-c", conf, "Goloman", NULL};
	const char *port = herd_printf(h, "%" PRIu16, herd_port(h, "Goloman"));
	const char *const nobody_words[] = {"Nemo", "Goloman", "Wilkes", NULL};
	const char *const no_file_words[] = {"none.conf", "No such file", NULL};
	const char *const in_use_words[] = {port, "in use", NULL};
	struct herd_output o = herd_run(h, nobody);

	check_complaint(&o, 1, nobody_words);
	o = herd_run(h, no_file);
	check_complaint(&o, 1, no_file_words);
	o = herd_run(h, in_use);
	check_complaint(&o, 1, in_use_words);
	herd_free(h);
}
END_TEST

/* The port is in use, so a start gets as far as the log and no further. */
static struct herd_output try_to_log(
	struct herd *h, int design, const char *directory)
{
	const char *text = herd_printf(h,
		"threading = \"%s\"; log = { directory = \"%s\"; };\n"
		"servers = ( { name = \"Goloman\"; host = \"127.0.0.1\"; "
		"port = %u; } ); limits = { connections = 100; };\n",
		herd_design(design), directory,
		(unsigned)herd_port(h, "Goloman"));
	const char *file = herd_write(h, "log.conf", text);

	return herd_run(h, (const char *const[]){"-c", file, "Goloman", NULL});
}

START_TEST(folder_of_the_log)
{
	const char *const in_use_words[] = {"in use", NULL};
	const char *const no_folder_words[] = {
		"a/b/Goloman.log", "No such file", "log.directory", NULL};
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
	});
	struct herd_output o = try_to_log(h, _i, "made");

	check_complaint(&o, 1, in_use_words);
	ck_assert_int_eq(access(herd_path(h, "made/Goloman.log"), F_OK), 0);
	o = try_to_log(h, _i, "a/b");
	check_complaint(&o, 1, no_folder_words);
	herd_free(h);
}
END_TEST

static void check_too_few(
	int i, rlim_t descriptors, const char *places, const char *const *words)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(i),
		.descriptors = descriptors,
		.places = places,
	});
	const char *const args[] = {
		"-c", herd_conf(h, "Goloman"), "Goloman", NULL};
	struct herd_output o;

	herd_unlisten(h, "Goloman");
	o = herd_run(h, args);
	check_complaint(&o, 1, words);
	herd_free(h);
}

START_TEST(too_few_descriptors)
{
	static const char *const clients[] = {
		"descriptor", "limits.connections = 200", "100", NULL};
	static const char *const places[] = {"descriptor",
		"limits.connections = 200 and places.transfers = 300", NULL};

	check_too_few(_i, 100, NULL, clients);
	check_too_few(_i, 300,
		"url = \"http://127.0.0.1:9/\"; transfers = 300;", places);
}
END_TEST

START_TEST(other_machines_need_trust)
{
	static const char text[] =
		"threading = \"%s\";\n"
		"servers = (\n"
		"  { name = \"Goloman\"; host = \"127.0.0.1\"; port = %u; },\n"
		"  { name = \"Hands\"; host = \"192.0.2.1\"; port = 9; }\n"
		");\nlog = { directory = \".\"; };\n"
		"limits = { connections = 100; };\n";
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *const words[] = {"trust_addresses", NULL};
	struct herd_output o;
	const char *file;

	herd_unlisten(h, "Goloman");
	file = herd_write(h, "far.conf",
		herd_printf(h, text, herd_design(_i),
			(unsigned)herd_port(h, "Goloman")));
	o = herd_run(h, (const char *const[]){"-c", file, "Goloman", NULL});
	check_complaint(&o, 1, words);
	herd_free(h);
}
END_TEST

/* --- sockets and signals -------------------------------------------------- */

START_TEST(its_own_socket)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
	});

	herd_unlisten(h, "Goloman");
	for (int round = 0; round < 2; round++) {
		herd_start(h, "Goloman");
		ck_assert_str_eq(
			herd_ask(h, "Goloman", "hello\n"), "? hello\n");
		herd_stop(h, "Goloman");
	}
	herd_free(h);
}
END_TEST

START_TEST(signals)
{
	static const int ends[] = {SIGTERM, SIGINT};
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});

	for (size_t i = 0; i < HERD_COUNT(ends); i++) {
		struct client *idle = client_open(h, "Goloman");

		client_send(idle, "still here\n");
		ck_assert_str_eq(client_line(idle), "? still here");
		herd_signal(h, "Goloman", SIGHUP);
		herd_signal(h, "Goloman", SIGPIPE);
		herd_signal(h, "Goloman", SIGUSR1);
		herd_wait_log(h, "Goloman", "log reopened", i + 1);
		client_send(idle, "and here\n");
		ck_assert_str_eq(client_line(idle), "? and here");
		herd_signal(h, "Goloman", ends[i]);
		ck_assert_int_eq(herd_wait_exit(h, "Goloman"), 0);
		ck_assert(client_ends_within(idle, HERD_PATIENCE));
		client_close(idle);
		herd_start(h, "Goloman");
	}
	ck_assert_str_eq(herd_read(h, "Goloman.stderr"), "");
	herd_free(h);
}
END_TEST

/* Answers under way when the signal comes are finished. */
START_TEST(sigterm_finishes_answers)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	struct client *c = client_open(h, "Goloman");
	struct text answers;

	for (int i = 0; i < 1000; i++)
		client_send(c, "IAMAT x +1+1 1\n");
	ck_assert_int_eq(strncmp(client_line(c), "AT Goloman ", 11), 0);
	herd_stop(h, "Goloman");
	answers = client_rest(c);
	ck_assert(answers.len == 0 || answers.ptr[answers.len - 1] == '\n');
	client_close(c);
	herd_free(h);
}
END_TEST

/* ThreadSanitizer runs one of its own in every process. */
#ifdef __SANITIZE_THREAD__
#	define SANITIZER_THREADS 1
#else
#	define SANITIZER_THREADS 0
#endif

START_TEST(count_of_threads)
{
	bool single = !strcmp(herd_design(_i), "single");
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = HERD_FIVE,
		.general = "workers = 3;",
	});
	/* Workers; acceptor, flood, log and main. */
	size_t expected = (single ? 1 : 3 + 4) + SANITIZER_THREADS;
	const char *line;

	line = herd_iamat(h, "Goloman", "x", "+1+1", "1");
	herd_wait_known_by_all(h, "x", line);
	for (size_t i = 0; i < herd_size(h); i++)
		ck_assert_uint_eq(herd_threads(h, herd_name(h, i)), expected);
	herd_free(h);
}
END_TEST

START_TEST(a_neighbour_that_is_down)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
	});
	const char *line;

	herd_unlisten(h, "Hands");
	herd_start(h, "Goloman");
	herd_wait_log(h, "Goloman", "cannot connect to Hands", 1);
	line = herd_iamat(h, "Goloman", "x", "+1+1", "1");
	herd_start(h, "Hands");
	herd_wait_known(h, "Hands", "x", line);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, one_iamat_is_answered);
	tcase_add_test(tcase, version_and_help);
	tcase_add_test(tcase, usage_errors);
	herd_add_test(tcase, checking_a_file);
	tcase_add_test(tcase, bad_files_are_refused_with_line);
	herd_add_test(tcase, a_start_that_cannot_be);
	herd_add_test(tcase, folder_of_the_log);
	herd_add_test(tcase, too_few_descriptors);
	herd_add_test(tcase, other_machines_need_trust);
	herd_add_test(tcase, its_own_socket);
	herd_add_test(tcase, signals);
	herd_add_test(tcase, sigterm_finishes_answers);
	herd_add_test(tcase, count_of_threads);
	herd_add_test(tcase, a_neighbour_that_is_down);
}

int main(void)
{
	return herd_main("a_smoke", add_tests, 30);
}
