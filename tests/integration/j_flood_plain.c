/* j_flood_plain - herd-bench flood through plain servers, herd(7): a herd of
 * tests/lib/plain_server.py, one of both kinds, and a server that the test
 * plays. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "flood_tool.h"
#include "herd_client.h"

/* --- another implementation --------------------------------------------------- */

/* All but Echo, and Bravo if it is away. */
static struct herd *chain(bool whole)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.topology = "Alpha-Bravo Bravo-Charlie Charlie-Echo",
		.other = "Alpha Bravo Charlie Echo",
	});

	herd_unlisten(h, "Echo");
	herd_start(h, "Alpha");
	herd_start(h, "Charlie");
	if (whole)
		herd_start(h, "Bravo");
	else
		herd_unlisten(h, "Bravo");
	return h;
}

START_TEST(latency)
{
	struct herd *h = chain(true);

	/* Once more: the first measurement has left nothing behind that would
	 * be in the way. */
	for (int i = 0; i < 2; i++) {
		struct herd_output o = flood_end(
			h, flood_start(h, "Charlie",
				   FLOOD_ARGS("--rate", "100", "--time", "0.4",
					   "--warm-up", "0.2")));
		json_object *all = flood_good(&o);

		ck_assert_double_eq(flood_at(all, "hops"), 3);
		ck_assert_double_eq(flood_at(all, "updates"), 60);
		ck_assert_double_eq(flood_latency(all, "count"), 40);
		ck_assert_double_eq(flood_at(all, "lost"), 0);
		ck_assert_double_eq(flood_at(all, "superseded"), 0);
		ck_assert_double_eq(flood_at(all, "repeated"), 0);
		ck_assert_double_gt(flood_latency(all, "min_us"), 0);
		ck_assert(!flood_has(all, "messages_per_update"));
		json_object_put(all);
	}
	herd_free(h);
}
END_TEST

START_TEST(as_many_as_the_herd_takes)
{
	struct herd *h = chain(true);
	const char *pid = herd_printf(h, "%d", herd_pid(h, "Alpha"));
	struct herd_output o = flood_end(h,
		flood_start(h, "Charlie",
			FLOOD_ARGS("--rate", "0", "--time", "0.3", "--pipeline",
				"2", "--ids", "100", "--pid", pid)));
	json_object *all = flood_good(&o);
	double updates = flood_at(all, "updates");

	ck_assert_double_gt(updates, 0);
	ck_assert_double_eq(flood_at(all, "member_lines") +
				    flood_at(all, "superseded") -
				    flood_at(all, "repeated"),
		updates);
	ck_assert_double_ge(flood_at(all, "arrive_s"), 0);
	ck_assert_double_gt(
		flood_at(all, "updates_per_s_until_all_arrived"), 0);
	ck_assert_double_le(flood_at(all, "updates_per_s_until_all_arrived"),
		updates / 0.3);
	ck_assert_double_gt(flood_at(all, "cpu_us_per_update"), 0);
	ck_assert(!flood_has(all, "servers_compared"));
	ck_assert(!flood_has(all, "agree_s"));
	ck_assert(!flood_has(all, "updates_per_s_until_all_agree"));
	json_object_put(all);
	herd_free(h);
}
END_TEST

START_TEST(a_herd_that_does_not_pass_it_on)
{
	struct herd *h = chain(false);
	struct herd_output o = flood_end(
		h, flood_start(h, "Charlie", FLOOD_ARGS("--time", "0.1")));

	flood_check_bad(&o, "herd-bench: Charlie has not told Echo of an "
			    "update at Alpha within 10 s: do all servers "
			    "between them run, and ");
	herd_free(h);
}
END_TEST

/* Charlie is herdd and has a link; Bravo is not and has none. */
START_TEST(what_is_watched_decides)
{
	static const char *const watched[] = {"Bravo", "Charlie"};
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Alpha-Bravo Alpha-Charlie Bravo-Echo Charlie-Echo",
		.other = "Bravo",
	});

	herd_unlisten(h, "Echo");
	for (size_t i = 0; i < 3; i++)
		herd_start(h, herd_name(h, i));
	for (size_t i = 0; i < HERD_COUNT(watched); i++) {
		struct herd_output o = flood_end(
			h, flood_start(h, watched[i],
				   FLOOD_ARGS("--rate", "100", "--time", "0.4",
					   "--warm-up", "0")));
		json_object *all = flood_good(&o);

		ck_assert_double_eq(flood_at(all, "updates"), 40);
		ck_assert_double_eq(flood_latency(all, "count"), 40);
		ck_assert_double_gt(flood_at(all, "lines_of_others"), 0);
		json_object_put(all);
	}
	herd_free(h);
}
END_TEST

/* --- Bravo is the test --------------------------------------------------------- */

struct stage {
	struct herd *h;
	pid_t bench;
};

static struct stage stage_begin(int design)
{
	struct stage s = {.h = herd_new(&(struct herd_setup){
				  .design = herd_design(design),
				  .topology = "Alpha-Bravo Bravo-Echo",
				  .plain = "Bravo",
			  })};

	herd_unlisten(s.h, "Bravo");
	herd_unlisten(s.h, "Echo");
	herd_start(s.h, "Alpha");
	s.bench = flood_start(s.h, "Bravo",
		FLOOD_ARGS("--rate", "100", "--time", "3600", "--warm-up", "0",
			"--ids", "2"));
	return s;
}

struct update {
	char server[16], difference[32], id[32], location[32], stamp[32];
	int64_t stamp_us;
};

/* Client 0's or 1's, as Alpha has it, as soon as its stamp is that late. */
static struct update await_update(
	struct stage *s, unsigned client, int64_t after_us)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	const char *question =
		herd_printf(s->h, "WHATSAT flood-%014u 0 0\n", client);
	struct update u = {.stamp_us = -1};
	unsigned tries = 0;

	do {
		ck_assert_msg(!herd_late(deadline), "no update of %u", client);
		herd_back_off(&tries);
		if (sscanf(herd_ask(s->h, "Alpha", question),
			    "AT %15s %31s %31s %31s %31s", u.server,
			    u.difference, u.id, u.location, u.stamp) == 5)
			u.stamp_us =
				strtoll(u.stamp, NULL, 10) * 1000000 +
				strtol(strchr(u.stamp, '.') + 1, NULL, 10) /
					1000;
	} while (u.stamp_us < after_us || u.stamp_us < 0);
	return u;
}

/* As a server writes it that keeps numbers as doubles, and says whom an update
 * has visited. */
static const char *rewrite(struct stage *s, const struct update *u)
{
	return herd_printf(s->h, "AT %s %g %s %s %.7f Alpha Bravo", u->server,
		strtod(u->difference, NULL) + 1e-7, u->id, u->location,
		strtod(u->stamp, NULL));
}

/* On a connection of its own, ended by nothing but its end. */
static void tell_alone(struct stage *s, const char *line)
{
	struct client *c = client_open(s->h, "Echo");

	client_send(c, line);
	client_finish(c);
	ck_assert_str_eq(client_rest(c).ptr, "");
	client_close(c);
}

START_TEST(no_hello_and_no_link)
{
	struct stage s = stage_begin(_i);
	struct update first, even, odd;
	struct client *c;
	struct herd_output o;
	json_object *all;

	/* The first is lost, the second is not. */
	first = await_update(&s, 1, 0);
	tell_alone(&s, "AT Alpha +0.5 flood-00000000000000 +1+1 1520023934.5");
	tell_alone(&s, rewrite(&s, &first));
	/* Those that count. */
	even = await_update(&s, 0, first.stamp_us + 50);
	odd = await_update(&s, 1, first.stamp_us + 50);
	c = client_open(s.h, "Echo");
	client_send(c, herd_printf(s.h, "%s\r\n\n%s\n", rewrite(&s, &even),
			       rewrite(&s, &even)));
	client_send(
		c, herd_printf(s.h, "AT Alpha %s %s %s %s\tBravo",
			   odd.difference, odd.id, odd.location, odd.stamp));
	client_finish(c);
	ck_assert_str_eq(client_rest(c).ptr, "");
	client_close(c);
	ck_assert_int_eq(kill(s.bench, SIGINT), 0);
	o = flood_end(s.h, s.bench);
	all = flood_good(&o);
	ck_assert_double_eq(flood_at(all, "hops"), 2);
	ck_assert_double_eq(flood_latency(all, "count"), 2);
	ck_assert_double_eq(flood_at(all, "repeated"), 1);
	ck_assert_double_ge(flood_at(all, "superseded"), 20);
	ck_assert_double_eq(flood_at(all, "updates"),
		2 + flood_at(all, "superseded") + flood_at(all, "lost"));
	json_object_put(all);
	herd_free(s.h);
}
END_TEST

START_TEST(a_line_that_is_not_ours)
{
	enum {
		COUNT = 5
	};

	for (int i = 0; i < COUNT; i++) {
		struct stage s = stage_begin(_i);
		struct update u = await_update(&s, 0, 0);
		const char *const forgeries[COUNT] = {
			herd_printf(s.h, "AT Bravo %s %s %s %s", u.difference,
				u.id, u.location, u.stamp),
			herd_printf(s.h, "AT Alpha %s %s %s1 %s", u.difference,
				u.id, u.location, u.stamp),
			/* a microsecond later */
			herd_printf(s.h, "AT Alpha %s %s %s %s", u.difference,
				u.id, u.location,
				herd_stamp(s.h, (u.stamp_us + 1) * 1000)),
			herd_printf(s.h, "AT Alpha x %s %s %s", u.id,
				u.location, u.stamp),
			"IAMAT a +1+1 5",
		};
		struct herd_output o;

		tell_alone(&s, forgeries[i]);
		o = flood_end(s.h, s.bench);
		flood_check_bad(
			&o, herd_printf(s.h,
				    "Bravo sends what is no update of this "
				    "measurement: \"%s\"\n",
				    forgeries[i]));
		herd_free(s.h);
	}
}
END_TEST

static void add(TCase *tcase)
{
	herd_add_test(tcase, no_hello_and_no_link);
	herd_add_test(tcase, a_line_that_is_not_ours);
	if (system("python3 -c '' >/dev/null 2>&1")) {
		fputs("j_flood_plain: no python3: no herd with servers of "
		      "another kind\n",
			stderr);
		return;
	}
	tcase_add_test(tcase, latency);
	tcase_add_test(tcase, as_many_as_the_herd_takes);
	tcase_add_test(tcase, a_herd_that_does_not_pass_it_on);
	herd_add_test(tcase, what_is_watched_decides);
}

int main(void)
{
	return herd_main("j_flood_plain", add, 60);
}
