/* c_neighbour - flooding as a neighbour sees it. The test plays Xenia at both
 * ends of her links with Goloman, and so controls what no herdd would do on
 * demand: her boot id, when she dials, when she goes. */
#include <stdio.h>

#include "herd_client.h"
#include "herd_proc.h"

#define BOOT  "0123456789abcdef"
#define AFTER "fedcba9876543210" /* the boot id after a restart */

static struct herd *with_xenia(int design)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = "Goloman-Xenia",
	});

	herd_start(h, "Goloman");
	return h;
}

/* The link Goloman dials; his boot id is appended to *ret_boot. */
static struct client *accept_link(
	struct herd *h, const char *boot, const char **ret_boot)
{
	static const char start[] = "HERD 1 Goloman Xenia ";
	struct client *link = client_accept(herd_listener(h, "Xenia"));
	const char *hello = client_line(link);

	ck_assert_msg(!strncmp(hello, start, strlen(start)), "%s", hello);
	if (ret_boot)
		*ret_boot = herd_printf(h, "%s", hello + strlen(start));
	client_send(link, herd_printf(h, "HERD 1 Xenia Goloman %s\n", boot));
	return link;
}

/* The link Xenia dials; the hello that answers is kept. */
static struct client *dial_link(
	struct herd *h, const char *boot, const char **ret_hello)
{
	struct client *link = client_open(h, "Goloman");
	const char *hello;

	client_send(link, herd_printf(h, "HERD 1 Xenia Goloman %s\n", boot));
	hello = client_line(link);
	if (ret_hello)
		*ret_hello = herd_printf(h, "%s", hello);
	return link;
}

/* Tell Goloman of a client, wait until he tells Xenia. Every other update
 * that he had for her by then is out too, once this was done twice: the second
 * is found in a later round of his than the first. `never` must not come. */
static void pass_markers(
	struct herd *h, struct client *link, const char *tag, const char *never)
{
	for (int i = 0; i < 2; i++) {
		const char *marker = herd_iamat(h, "Goloman",
			herd_printf(h, "%s%d", tag, i), "+1+1", "5");
		const char *line;

		while (line = client_update(link), strcmp(line, marker)) {
			ck_assert_msg(!never || strcmp(line, never),
				"it came back: %s", line);
		}
	}
}

/* Read updates until all of `lines` have come, in whatever order. */
static void await_updates(struct client *link, const char **lines, size_t count,
	const char *never)
{
	size_t left = count;

	while (left) {
		const char *line = client_update(link);

		ck_assert_msg(!never || strcmp(line, never), "it came back: %s",
			line);
		for (size_t i = 0; i < left; i++) {
			if (strcmp(lines[i], line))
				continue;
			lines[i] = lines[--left];
			break;
		}
	}
}

START_TEST(hellos_of_one_process)
{
	struct herd *h = with_xenia(_i);
	const char *boot;
	const char *hello;
	struct client *theirs = accept_link(h, BOOT, &boot);
	struct client *ours = dial_link(h, BOOT, &hello);

	ck_assert_str_eq(
		hello, herd_printf(h, "HERD 1 Goloman Xenia %s", boot));
	client_close(ours);
	client_close(theirs);
	herd_free(h);
}
END_TEST

START_TEST(updates_come_as_answered)
{
	struct herd *h = with_xenia(_i);
	struct client *link = accept_link(h, BOOT, NULL);

	for (int i = 0; i < 20; i++) {
		const char *line =
			herd_iamat(h, "Goloman", herd_printf(h, "k%d", i % 3),
				"+1.0-2.00/", herd_stamp(h, i));

		ck_assert_str_eq(client_update(link), line);
	}
	/* What is no news is not passed on. */
	herd_iamat(h, "Goloman", "k0", "+1.0-2.00/", "0");
	pass_markers(h, link, "marker", NULL);
	client_close(link);
	herd_free(h);
}
END_TEST

/* Goloman compares while neither knows anybody: what he hears of from now on is
 * not what she lacks, but news. */
static void agree_on_nothing(struct client *theirs)
{
	ck_assert_str_eq(client_line(theirs), "SYNC");
	client_send(theirs, "SUM AAAAAAAAAAA=\n");
}

static const char kiwi[] = "AT Xenia +0.000000001 kiwi +1+1 5";

/* Say AT on the link Xenia dialled; it is applied when this returns. */
static void tell_goloman(struct client *ours, const char *line)
{
	client_send(ours, line);
	client_send(ours, "\nPING 1\n");
	ck_assert_str_eq(client_line(ours), "PONG 1");
}

START_TEST(never_back_to_where_it_came_from)
{
	struct herd *h = with_xenia(_i);
	struct client *theirs = accept_link(h, BOOT, NULL);
	struct client *ours = dial_link(h, BOOT, NULL);
	const char *lines[] = {kiwi};

	agree_on_nothing(theirs);
	tell_goloman(ours, kiwi);
	pass_markers(h, theirs, "one", kiwi);

	/* But when comparing shows that she has forgotten it. */
	client_close(theirs);
	client_close(ours);
	theirs = accept_link(h, AFTER, NULL);
	await_updates(theirs, lines, 1, NULL);
	client_close(theirs);
	herd_free(h);
}
END_TEST

/* A newer line from elsewhere goes to Xenia although hers did not. */
START_TEST(her_own_client_moves_on)
{
	struct herd *h = with_xenia(_i);
	struct client *theirs = accept_link(h, BOOT, NULL);
	struct client *ours = dial_link(h, BOOT, NULL);
	const char *line;

	tell_goloman(ours, kiwi);
	line = herd_iamat(h, "Goloman", "kiwi", "+2+2", "6");
	ck_assert_str_eq(client_update(theirs), line);
	client_close(theirs);
	client_close(ours);
	herd_free(h);
}
END_TEST

#define MANY 500

START_TEST(all_that_she_lacks_after_each_connect)
{
	struct herd *h = with_xenia(_i);
	const char *all[MANY];

	for (size_t i = 0; i < MANY; i++)
		all[i] = herd_iamat(
			h, "Goloman", herd_printf(h, "k%zu", i), "+1+1", "5");
	for (int round = 0; round < 3; round++) {
		struct client *link = accept_link(h, BOOT, NULL);
		const char *lines[MANY];

		memcpy(lines, all, sizeof lines);
		await_updates(link, lines, MANY, NULL);
		if (round == 0)
			client_close(link);
		else
			client_reset(link);
	}
	herd_free(h);
}
END_TEST

/* Links that fail at once make Goloman patient: after six of them he waits for
 * 0.8 s at the least. Then Xenia dials. */
static bool dials_back(struct herd *h, size_t fails)
{
	struct client *ours;
	struct client *theirs;
	int64_t soon;
	bool at_once;

	for (int i = 0; i < 6; i++)
		client_close(accept_link(h, BOOT, NULL));
	herd_wait_log(h, "Goloman", "lost connection to Xenia", fails + 6);
	soon = herd_deadline(0.5);
	ours = dial_link(h, BOOT, NULL);
	theirs = accept_link(h, BOOT, NULL);
	at_once = !herd_late(soon);
	pass_markers(h, theirs, herd_printf(h, "marker%zu", fails), NULL);
	client_close(theirs);
	client_close(ours);
	return at_once;
}

/* A busy machine may need a second look. One who waits is not seen to be quick
 * even in the last. */
START_TEST(dials_back_at_once)
{
	struct herd *h = with_xenia(_i);
	size_t fails = 0;

	while (!dials_back(h, fails)) {
		fails += 7;
		ck_assert_msg(fails < 30, "he did not dial back at once");
	}
	herd_free(h);
}
END_TEST

/* Someone else at Xenia's address, or with another version: no link. */
START_TEST(wrong_answers_to_a_hello)
{
	static const char *const answers[] = {
		"? HERD 1 Goloman Xenia 0\n",
		"HERD 2 Xenia Goloman " BOOT "\n",
		"HERD 1 Hands Goloman " BOOT "\n",
		"HERD 1 Xenia Hands " BOOT "\n",
		"PONG 1\n",
	};
	struct herd *h = with_xenia(_i);
	struct client *link;
	const char *line;

	line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "5");
	for (size_t i = 0; i < HERD_COUNT(answers); i++) {
		link = client_accept(herd_listener(h, "Xenia"));
		client_line(link);
		client_send(link, answers[i]);
		ck_assert_uint_eq(client_rest(link).len, 0);
		client_close(link);
	}
	link = accept_link(h, BOOT, NULL);
	ck_assert_str_eq(client_update(link), line);
	client_close(link);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, hellos_of_one_process);
	herd_add_test(tcase, updates_come_as_answered);
	herd_add_test(tcase, never_back_to_where_it_came_from);
	herd_add_test(tcase, her_own_client_moves_on);
	herd_add_test(tcase, all_that_she_lacks_after_each_connect);
	herd_add_test(tcase, dials_back_at_once);
	herd_add_test(tcase, wrong_answers_to_a_hello);
}

int main(void)
{
	return herd_main("c_neighbour", add_tests, 60);
}
