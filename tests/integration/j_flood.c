/* j_flood - herd-bench flood: updates through a herd of real servers whose last
 * neighbour, Echo, it plays; and through none, where the test sends it what it
 * likes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flood_tool.h"
#include "herd_client.h"

#define SECRET "b7Qx0cJ3kR9wS1vT5yZ8aD2fG4hL6mN0"
#define BOOT   "0123456789abcdef"

/* --- a real herd -------------------------------------------------------------- */

static void write_secret(struct herd *h, const char *file, const char *secret)
{
	ck_assert_int_eq(chmod(herd_write(h, file, secret), 0600), 0);
}

static struct herd *herd_but_echo(
	int design, const char *topology, const char *peers)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = topology,
		.peers = peers,
	});

	write_secret(h, "herd.secret", SECRET);
	herd_unlisten(h, "Echo");
	for (size_t i = 0; i < herd_size(h); i++)
		if (strcmp(herd_name(h, i), "Echo") != 0)
			herd_start(h, herd_name(h, i));
	return h;
}

static struct herd *chain(int design, bool secret)
{
	return herd_but_echo(design, HERD_CHAIN,
		secret ? "secret_file = \"herd.secret\";" : NULL);
}

static void check_latency(struct herd *h)
{
	struct herd_output o =
		flood_end(h, flood_start(h, "Delta",
				     FLOOD_ARGS("--rate", "500", "--time",
					     "0.4", "--warm-up", "0.2")));
	json_object *all = flood_good(&o);

	ck_assert_double_eq(flood_at(all, "hops"), 4);
	ck_assert_double_eq(flood_at(all, "updates"), 300);
	ck_assert_double_eq(flood_latency(all, "count"), 200);
	ck_assert_double_eq(flood_at(all, "lost"), 0);
	ck_assert_double_eq(flood_at(all, "superseded"), 0);
	ck_assert_double_eq(flood_at(all, "repeated"), 0);
	ck_assert_double_gt(flood_latency(all, "min_us"), 0);
	ck_assert_double_ge(
		flood_latency(all, "p99_us"), flood_latency(all, "p50_us"));
	json_object_put(all);
	/* The servers know them: the last of update 300. */
	ck_assert_ptr_nonnull(strstr(herd_ask(h, "Charlie",
					     "WHATSAT flood-00000000000300 0 "
					     "0\n"),
		"flood-00000000000300 +34.000300-118.000042 "));
	herd_free(h);
}

START_TEST(latency_over_four_hops)
{
	check_latency(chain(_i, false));
}
END_TEST

START_TEST(latency_with_a_secret)
{
	check_latency(chain(_i, true));
}
END_TEST

/* Nothing goes by way of Echo, which passes nothing on. */
START_TEST(latency_in_a_ring)
{
	check_latency(herd_but_echo(_i, HERD_RING, NULL));
}
END_TEST

START_TEST(as_many_as_the_herd_takes)
{
	struct herd *h = chain(_i, false);
	const char *pids = herd_printf(
		h, "%d,%d", herd_pid(h, "Alpha"), herd_pid(h, "Delta"));
	struct herd_output o = flood_end(h,
		flood_start(h, "Delta",
			FLOOD_ARGS("--rate", "0", "--time", "0.4", "--pipeline",
				"8", "--ids", "100", "--pid", pids)));
	json_object *all = flood_good(&o);
	double updates = flood_at(all, "updates");
	const char *status, *digest;

	ck_assert_double_eq(flood_at(all, "servers_compared"), 4);
	ck_assert_double_ge(updates, 100);
	ck_assert_double_eq(
		flood_at(all, "member_lines") + flood_at(all, "superseded"),
		updates);
	ck_assert_double_ge(flood_at(all, "agree_s"), 0);
	ck_assert_double_le(
		flood_at(all, "updates_per_s_until_all_agree"), updates / 0.4);
	ck_assert_double_gt(flood_at(all, "cpu_us_per_update"), 0);
	json_object_put(all);
	/* They do agree. */
	status = herd_control(h, "Alpha", "STATUS").ptr;
	ck_assert_ptr_nonnull(strstr(status, "\nknown 100\n"));
	digest = strstr(status, "\ndigest ");
	for (size_t i = 1; i < herd_size(h) - 1; i++)
		ck_assert_int_eq(strncmp(digest,
					 strstr(herd_control(h, herd_name(h, i),
							"STATUS")
							 .ptr,
						 "\ndigest "),
					 strlen("\ndigest 0123456789abcdef\n")),
			0);
	herd_free(h);
}
END_TEST

/* --- what the servers send each other ------------------------------------------- */

/* Between the five of them; what herd-bench itself is told is no part of it. */
#define SIX_IN_A_ROW                                                           \
	"Alpha-Bravo Bravo-Charlie Charlie-Delta Delta-Foxtrot Foxtrot-Echo"
#define FIVE_WITH_EACH_OTHER                                                   \
	"Alpha-Bravo Alpha-Charlie Alpha-Delta Alpha-Foxtrot Bravo-Charlie "   \
	"Bravo-Delta Bravo-Foxtrot Charlie-Delta Charlie-Foxtrot "             \
	"Delta-Foxtrot Foxtrot-Echo"

static json_object *figures_of(struct herd *h, const char *rate)
{
	struct herd_output o =
		flood_end(h, flood_start(h, "Foxtrot",
				     FLOOD_ARGS("--rate", rate, "--time", "0.3",
					     "--warm-up", "0.1")));
	json_object *all = flood_good(&o);

	if (flood_has(all, "messages_per_update"))
		ck_assert_double_eq(flood_at(all, "servers_counted"), 5);
	return all;
}

START_TEST(messages_in_a_chain)
{
	struct herd *h = herd_but_echo(_i, SIX_IN_A_ROW, NULL);
	json_object *all = figures_of(h, "100");

	ck_assert_double_eq(flood_at(all, "messages_per_update"), 4);
	json_object_put(all);
	/* Some may coalesce. */
	all = figures_of(h, "0");
	ck_assert_double_le(flood_at(all, "messages_per_update"), 4);
	ck_assert_double_ge(
		flood_at(all, "messages_per_update") * flood_at(all, "updates"),
		4 * flood_at(all, "member_lines"));
	json_object_put(all);
	herd_free(h);
}
END_TEST

/* Alpha tells four, each of which tells the others but Alpha, unless these were
 * quicker. */
START_TEST(messages_in_a_mesh)
{
	struct herd *h = herd_but_echo(_i, FIVE_WITH_EACH_OTHER, NULL);
	json_object *all = figures_of(h, "100");

	ck_assert_double_ge(flood_at(all, "messages_per_update"), 10);
	ck_assert_double_le(flood_at(all, "messages_per_update"), 16);
	json_object_put(all);
	all = figures_of(h, "0");
	ck_assert_double_gt(flood_at(all, "messages_per_update"), 0);
	ck_assert_double_le(flood_at(all, "messages_per_update"), 16);
	json_object_put(all);
	herd_free(h);
}
END_TEST

START_TEST(messages_that_nobody_can_count)
{
	struct herd *h = herd_but_echo(_i, SIX_IN_A_ROW, NULL);
	json_object *all;

	for (size_t i = 0; i < herd_size(h); i++)
		(void)unlink(herd_path(
			h, herd_printf(h, "%s.sock", herd_name(h, i))));
	all = figures_of(h, "100");
	ck_assert_double_eq(flood_at(all, "lost"), 0);
	ck_assert(!flood_has(all, "messages_per_update"));
	ck_assert(!flood_has(all, "servers_counted"));
	json_object_put(all);
	herd_free(h);
}
END_TEST

static const char *const rates[] = {"500", "0"};

/* A line each second; SIGINT is the end of it, not of the figures. */
static void check_interrupted(struct herd *h, const char *rate)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	bool timed = strcmp(rate, "0") != 0;
	struct herd_output o;
	json_object *all;
	unsigned tries = 0;
	pid_t pid;

	herd_write(h, "err", ""); /* not the lines of another run */
	pid = flood_start(h, "Delta",
		FLOOD_ARGS("--rate", rate, "--time", "3600", "--warm-up", "0",
			"--progress"));
	while (!strstr(herd_read(h, "err"), "flood: ")) {
		ck_assert_msg(!herd_late(deadline), "no progress");
		herd_back_off(&tries);
	}
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	o = flood_end(h, pid);
	all = flood_good(&o);
	ck_assert_double_gt(flood_at(all, "updates"), 0);
	if (timed)
		ck_assert_double_gt(flood_latency(all, "count"), 0);
	else
		ck_assert_double_gt(
			flood_at(all, "updates_per_s_until_all_agree"), 0);
	ck_assert_ptr_nonnull(strstr(o.err, " have not arrived yet"));
	ck_assert_int_eq(strstr(o.err, ", p50 ") != NULL, timed);
	json_object_put(all);
}

START_TEST(interrupted)
{
	struct herd *h = chain(_i, false);

	for (size_t i = 0; i < HERD_COUNT(rates); i++)
		check_interrupted(h, rates[i]);
	herd_free(h);
}
END_TEST

/* Nobody links, and SIGINT does not wait for it. */
START_TEST(interrupted_too_early)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Alpha-Bravo Bravo-Echo",
	});
	struct herd_output o;
	pid_t pid;

	herd_unlisten(h, "Echo");
	herd_start(h, "Alpha");
	pid = flood_start(h, "Bravo", FLOOD_ARGS("--rate", "1"));
	herd_wait_log(h, "Alpha", "client connected", 1);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	o = flood_end(h, pid);
	flood_check_bad(&o, "interrupted before anything was measured");
	herd_free(h);
}
END_TEST

START_TEST(a_herd_that_does_not_pass_it_on)
{
	struct herd *h = chain(_i, false);
	struct herd_output o;

	herd_signal(h, "Charlie", SIGSTOP);
	o = flood_end(h, flood_start(h, "Delta", FLOOD_ARGS("--time", "0.1")));
	herd_signal(h, "Charlie", SIGCONT);
	flood_check_bad(&o,
		"herd-bench: an update at Alpha has not reached Delta "
		"within 10 s: do all servers between them run?\n");
	herd_free(h);
}
END_TEST

START_TEST(another_secret)
{
	struct herd *h = chain(_i, true);
	struct herd_output o;

	write_secret(h, "herd.secret", "another secret than they have");
	o = flood_end(h, flood_start(h, "Delta", FLOOD_ARGS("--time", "0.1")));
	flood_check_bad(&o,
		"herd-bench: Delta does not link to Echo: its proof is "
		"wrong: another secret?\n");
	herd_free(h);
}
END_TEST

START_TEST(what_cannot_be)
{
	struct herd *h = chain(_i, false);
	struct herd_output o;

	o = flood_end(
		h, flood_start(h, "Charlie", FLOOD_ARGS("--time", "0.1")));
	flood_check_bad(&o, "Charlie does not talk with Echo in ");
	o = flood_end(h, flood_start(h, "Echo", FLOOD_ARGS("--time", "0.1")));
	flood_check_bad(&o,
		"Echo cannot be the server that herd-bench plays, and "
		"the one it watches; name another\n");
	o = flood_end(h, flood_start(h, "Nobody", FLOOD_ARGS("--time", "0.1")));
	flood_check_bad(&o, "Nobody");
	herd_start(h, "Echo");
	o = flood_end(h, flood_start(h, "Delta", FLOOD_ARGS("--time", "0.1")));
	flood_check_bad(&o,
		"in place of Echo: Address already in use (herd-bench "
		"plays a server that does not run)\n");
	herd_stop(h, "Echo");
	herd_stop(h, "Alpha");
	herd_unlisten(h, "Alpha");
	o = flood_end(h, flood_start(h, "Delta", FLOOD_ARGS("--time", "0.1")));
	flood_check_bad(&o, "cannot connect to Alpha (");
	herd_free(h);
}
END_TEST

/* --- Bravo is the test --------------------------------------------------------- */

struct stage {
	struct herd *h;
	pid_t bench;
	struct client *link; /* Bravo's, to herd-bench */
	const char *first;   /* its first update, as Alpha has it */
	int64_t first_ns;    /* the stamp of that */
};

static const char *update_id(struct stage *s, unsigned number)
{
	return herd_printf(s->h, "flood-%014u", number % 2);
}

/* The AT line of update `number`, the last of its client, as soon as Alpha has
 * it. */
static const char *await_update(struct stage *s, unsigned number)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	const char *id = update_id(s, number);
	const char *stamp =
		number ? herd_stamp(s->h, s->first_ns + number) : " ";
	unsigned tries = 0;
	const char *line;

	do {
		ck_assert_msg(!herd_late(deadline), "no update %u", number);
		herd_back_off(&tries);
		line = herd_ask(s->h, "Alpha",
			herd_printf(s->h, "WHATSAT %s 0 0\n", id));
	} while (strncmp(line, "AT ", 3) != 0 || !strstr(line, stamp));
	return herd_printf(s->h, "%.*s", (int)strcspn(line, "\n"), line);
}

static void check_answer(
	struct stage *s, const char *question, const char *answer)
{
	client_send(s->link, question);
	ck_assert_str_eq(client_line(s->link), answer);
}

/* Everything but Alpha is played: as far as the first update. */
static struct stage stage_begin(int design, const char *time)
{
	struct stage s = {.h = herd_new(&(struct herd_setup){
				  .design = herd_design(design),
				  .topology = "Alpha-Bravo Bravo-Echo",
			  })};

	herd_unlisten(s.h, "Bravo");
	herd_unlisten(s.h, "Echo");
	herd_start(s.h, "Alpha");
	s.bench = flood_start(s.h, "Bravo",
		FLOOD_ARGS("--rate", "100", "--time", time, "--warm-up", "0",
			"--ids", "2"));
	herd_wait_log(s.h, "Alpha", "client connected", 1);
	s.link = client_open(s.h, "Echo");
	client_send(s.link, "HERD 1 Bravo Echo " BOOT "\n");
	ck_assert_int_eq(
		strncmp(client_line(s.link), "HERD 1 Echo Bravo ", 18), 0);
	check_answer(&s, "PING 7\n", "PONG 7");
	check_answer(&s, "SYNC\n", "WAIT");
	check_answer(&s, "SUMS\n", "WAIT");
	check_answer(&s, "LIST 5\n", "WAIT");
	s.first = await_update(&s, 0);
	s.first_ns = (int64_t)strtoll(strrchr(s.first, ' ') + 1, NULL, 10) *
			     HERD_SECOND_NS +
		     strtoll(strrchr(s.first, '.') + 1, NULL, 10);
	client_send(s.link, herd_printf(s.h, "DONE\n\n%s\nPING 8\n", s.first));
	ck_assert_str_eq(client_line(s.link), "PONG 8");
	return s;
}

START_TEST(what_is_lost_and_what_coalesced)
{
	struct stage s = stage_begin(_i, "0.2");
	const char *last = await_update(&s, 20);
	struct herd_output o;
	json_object *all;

	/* In pieces, and twice. */
	client_send(s.link, herd_printf(s.h, "%.20s", last));
	check_answer(&s, herd_printf(s.h, "%s\n%s\nPING 9\n", last + 20, last),
		"PONG 9");
	o = flood_end(s.h, s.bench);
	all = flood_good(&o);
	ck_assert_double_eq(flood_at(all, "updates"), 20);
	ck_assert_double_eq(flood_at(all, "hops"), 2);
	ck_assert_double_eq(flood_latency(all, "count"), 1);
	ck_assert_double_eq(flood_at(all, "superseded"), 9); /* 2, 4, ... 18 */
	ck_assert_double_eq(flood_at(all, "lost"), 10);      /* 1, 3, ... 19 */
	ck_assert_double_eq(flood_at(all, "repeated"), 1);
	json_object_put(all);
	client_close(s.link);
	herd_free(s.h);
}
END_TEST

START_TEST(a_line_that_is_not_ours)
{
	static const char *const forgeries[] = {
		"AT Alpha +0.000000001 flood-00000000000000 "
		"+34.000000-118.000000 5",
		"AT Bravo %s",  /* another server */
		"AT Alpha %s0", /* another stamp, though the same time */
		"AT Alpha  %s", /* not as it was stored */
		"HASHES 5",
		"IAMAT a +1+1 5",
	};

	for (size_t i = 0; i < HERD_COUNT(forgeries); i++) {
		struct stage s = stage_begin(_i, "20");
		const char *fields = s.first + strlen("AT Alpha ");
		char line[256];
		struct herd_output o;

		snprintf(line, sizeof line, "%.*s%s%s\n",
			(int)strcspn(forgeries[i], "%"), forgeries[i],
			strchr(forgeries[i], '%') ? fields : "",
			strchr(forgeries[i], '%')
				? strchr(forgeries[i], '%') + 2
				: "");
		client_send(s.link, line);
		o = flood_end(s.h, s.bench);
		flood_check_bad(&o, "Bravo sends what is no update of this "
				    "measurement: \"");
		client_close(s.link);
		herd_free(s.h);
	}
}
END_TEST

/* Whoever is not plain has to say hello. */
START_TEST(a_line_without_a_hello)
{
	struct stage s = stage_begin(_i, "0.2");
	struct client *c = client_open(s.h, "Echo");
	struct herd_output o;
	json_object *all;

	client_send(c, herd_printf(s.h, "%s\n", s.first));
	ck_assert_str_eq(client_rest(c).ptr, "");
	client_close(c);
	o = flood_end(s.h, s.bench);
	all = flood_good(&o);
	ck_assert_double_eq(flood_at(all, "lost"), 20);
	ck_assert(!flood_has(all, "lines_of_others"));
	json_object_put(all);
	client_close(s.link);
	herd_free(s.h);
}
END_TEST

START_TEST(a_link_that_ends)
{
	struct stage s = stage_begin(_i, "20");
	struct herd_output o;

	client_finish(s.link);
	o = flood_end(s.h, s.bench);
	flood_check_bad(&o,
		"herd-bench: the link of Bravo has ended: it closed the "
		"link\n");
	client_close(s.link);
	herd_free(s.h);
}
END_TEST

START_TEST(a_server_that_dies)
{
	struct stage s = stage_begin(_i, "20");
	struct herd_output o;

	herd_kill(s.h, "Alpha");
	o = flood_end(s.h, s.bench);
	flood_check_bad(&o, " Alpha");
	client_close(s.link);
	herd_free(s.h);
}
END_TEST

static void add(TCase *tcase)
{
	herd_add_test(tcase, latency_over_four_hops);
	herd_add_test(tcase, latency_with_a_secret);
	herd_add_test(tcase, latency_in_a_ring);
	herd_add_test(tcase, as_many_as_the_herd_takes);
	herd_add_test(tcase, messages_in_a_chain);
	herd_add_test(tcase, messages_in_a_mesh);
	herd_add_test(tcase, messages_that_nobody_can_count);
	herd_add_test(tcase, interrupted);
	herd_add_test(tcase, interrupted_too_early);
	herd_add_test(tcase, a_herd_that_does_not_pass_it_on);
	herd_add_test(tcase, another_secret);
	herd_add_test(tcase, what_cannot_be);
	herd_add_test(tcase, what_is_lost_and_what_coalesced);
	herd_add_test(tcase, a_line_that_is_not_ours);
	herd_add_test(tcase, a_line_without_a_hello);
	herd_add_test(tcase, a_link_that_ends);
	herd_add_test(tcase, a_server_that_dies);
}

int main(void)
{
	return herd_main("flood", add, 60);
}
