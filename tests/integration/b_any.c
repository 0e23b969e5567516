/* b_any - what any implementation of the protocol has to do with updates,
 * whatever connections it makes, and with clients that do not read: herd(7),
 * "Which location is newer", "Between servers". The test plays the plain
 * neighbours Xenia and Yvonne. It may be run with another server than herdd:
 * contenders_test.sh. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "herd_client.h"
#include "herd_proc.h"

static struct herd *up(int design)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = "Goloman-Xenia Goloman-Yvonne",
		.plain = "Xenia Yvonne",
	});

	herd_start(h, "Goloman");
	return h;
}

/* Xenia says it, on a connection of its own: no answer. */
static void tell(struct herd *h, const char *bytes)
{
	ck_assert_str_eq(herd_ask(h, "Goloman", bytes), "");
}

static const char *known(struct herd *h, const char *id)
{
	const char *answer =
		herd_ask(h, "Goloman", herd_printf(h, "WHATSAT %s 0 0", id));

	return herd_printf(h, "%.*s", (int)strcspn(answer, "\n"), answer);
}

/* --- what a neighbour hears ----------------------------------------------- */

#define HEARD_MAX 8

/* She accepts any number of connections, lasting or not. */
struct neighbour {
	struct herd *h;
	int listener;
	struct client *heard[HEARD_MAX];
	size_t count;
};

static struct neighbour neighbour(struct herd *h, const char *name)
{
	return (struct neighbour){.h = h, .listener = herd_listener(h, name)};
}

static void accept_waiting(struct neighbour *n)
{
	struct pollfd p = {.fd = n->listener, .events = POLLIN};

	while (n->count < HEARD_MAX && poll(&p, 1, 0) == 1)
		n->heard[n->count++] = client_accept(n->listener);
}

static bool at_end(struct client *c)
{
	char byte;

	return !recv(client_fd(c), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

/* One line from any connection, or NULL; those that have ended are closed. */
static const char *any_line(struct neighbour *n)
{
	for (size_t i = 0; i < n->count; i++) {
		const char *line = client_line_within(n->heard[i], 0);

		if (line)
			return herd_keep(n->h, text_of(line)).ptr;
		if (!at_end(n->heard[i]))
			continue;
		client_close(n->heard[i]);
		n->heard[i--] = n->heard[--n->count];
	}
	return NULL;
}

/* The next update, without what some append to its six fields. */
static const char *next_update(struct neighbour *n)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	const char *line;
	const char *end;
	unsigned tries = 0;

	while (accept_waiting(n), !(line = any_line(n))) {
		ck_assert_msg(!herd_late(deadline), "no update is heard");
		herd_back_off(&tries);
	}
	end = line;
	for (int field = 0; field < 6 && *end; field++) {
		end += *end == ' ';
		end += strcspn(end, " ");
	}
	return herd_printf(n->h, "%.*s", (int)(end - line), line);
}

/* Hear this line, and before it no other of `id`. */
static void hear(struct neighbour *n, const char *line, const char *id)
{
	const char *update;

	while (update = next_update(n), strcmp(update, line) != 0)
		ck_assert_msg(!strstr(update, herd_printf(n->h, " %s ", id)),
			"%.200s is heard, not %.200s", update, line);
}

static void leave(struct neighbour *n)
{
	while (n->count)
		client_close(n->heard[--n->count]);
}

/* --- what she says -------------------------------------------------------- */

/* What is said, and what is kept of it for the client k. */
static const struct {
	const char *said, *kept;
} updates[] = {
	{"AT Xenia +0.000000001 k +1+1 5\n", "AT Xenia +0.000000001 k +1+1 5"},
	{"AT Xenia -0.000000001 k +1+1 6", "AT Xenia -0.000000001 k +1+1 6"},
	{"\r\n AT\tXenia \f0.5 \vk +1+1 7\r\n", "AT Xenia 0.5 k +1+1 7"},
	{"AT Xenia -2.5e-07 k +1+1 8 Xenia", "AT Xenia -2.5e-07 k +1+1 8"},
	{"AT Other 7 k +1+1 9  6 \t7 8 9 \n", "AT Other 7 k +1+1 9"},
	{"AT X 7 k +1+1 10\nAT X 7 k +2+2 12\nAT X 7 k +3+3 11",
		"AT X 7 k +2+2 12"},
};

START_TEST(updates_are_taken_and_not_answered)
{
	struct herd *h = up(_i);

	for (size_t i = 0; i < HERD_COUNT(updates); i++) {
		tell(h, updates[i].said);
		ck_assert_str_eq(known(h, "k"), updates[i].kept);
	}
	herd_free(h);
}
END_TEST

static const char *const invalid[] = {"AT", "AT Xenia", "AT Xenia 1 k +1+1",
	"AT Xenia x k +1+1 5", "AT Xenia 1 k 1+1 5", "AT Xenia 1 k +91+1 5",
	"AT Xenia 1 k +1+1 x Welsh", "AT Xenia 1 k +1+1 -5",
	"AT Xenia 1 k +1+1 9223372036.854775808", "AT Xenia k +1+1 5 6",
	"at Xenia 1 k +1+1 5"};

START_TEST(all_else_is_a_clients)
{
	struct herd *h = up(_i);

	for (size_t i = 0; i < HERD_COUNT(invalid); i++)
		ck_assert_str_eq(herd_ask(h, "Goloman", invalid[i]),
			herd_printf(h, "? %s\n", invalid[i]));
	ck_assert_str_eq(known(h, "k"), "? WHATSAT k 0 0");
	herd_free(h);
}
END_TEST

/* --- and what the others hear of it --------------------------------------- */

START_TEST(news_is_passed_on)
{
	struct herd *h = up(_i);
	struct neighbour xenia = neighbour(h, "Xenia");
	struct neighbour yvonne = neighbour(h, "Yvonne");
	const char *line;

	for (int i = 0; i < 30; i++) {
		line = herd_printf(h, "AT Other 1 k%d +1+1 5", i);
		tell(h, herd_printf(h, "%s Xenia\n", line));
		hear(&yvonne, line, "?");
	}
	line = "AT Other +0.123456789 kiwi +01.0-2./ 001520023934.91896399912";
	tell(h, herd_printf(h, "%s Xenia", line));
	hear(&yvonne, line, "kiwi");
	line = herd_iamat(h, "Goloman", "kiwi", "+3-3", "1520023935.0");
	hear(&yvonne, line, "kiwi");
	hear(&xenia, line, "?");
	leave(&xenia);
	leave(&yvonne);
	herd_free(h);
}
END_TEST

/* What the same connection brings next is told next. */
START_TEST(what_is_no_news_goes_no_further)
{
	static const char held[] = "AT Xenia +0.000000005 kiwi +1+1 5.5";
	static const char after[] = "AT Xenia 1 plum +1+1 5";
	static const char *const no_news[] = {held,
		"AT Xenia +0.000000001 kiwi +2+2 5.499999999",
		"AT Xenia +0.000000006 kiwi +2+2 5.5",
		"AT Xenia 0.000000001 kiwi +2+2 5.5",
		"AT Yvonne +0.000000005 kiwi +1+1 5.5"};
	struct herd *h = up(_i);
	struct neighbour yvonne = neighbour(h, "Yvonne");

	tell(h, held);
	hear(&yvonne, held, "kiwi");
	for (size_t i = 0; i < HERD_COUNT(no_news); i++)
		tell(h, no_news[i]);
	herd_iamat(h, "Goloman", "kiwi", "+9+9", "5.49");
	tell(h, after);
	hear(&yvonne, after, "kiwi");
	ck_assert_str_eq(known(h, "kiwi"), held);
	leave(&yvonne);
	herd_free(h);
}
END_TEST

/* The longest IAMAT, and the update that comes of it, which is longer. */
START_TEST(long_updates)
{
	struct herd *h = up(_i);
	struct neighbour yvonne = neighbour(h, "Yvonne");
	static char id[65537 - sizeof "IAMAT  +1+1 5"];
	static char longest[130000];
	const char *line;

	memset(id, 'k', sizeof id - 1);
	line = herd_iamat(h, "Goloman", id, "+1+1", "5");
	hear(&yvonne, line, "?");
	line = herd_printf(h, "AT Xenia +0.000000001 %s +1+1 6", id);
	tell(h, herd_printf(h, "%s Xenia", line));
	hear(&yvonne, line, "?");
	memset(longest, 'x', sizeof longest - 1);
	line = herd_printf(h, "AT Xenia +0.000000001 %s +1+1 6", longest);
	tell(h, herd_printf(h, "%s Xenia\n", line));
	hear(&yvonne, line, "?");
	leave(&yvonne);
	herd_free(h);
}
END_TEST

/* --- which is newer ------------------------------------------------------- */

/* Of one client: each wins over all that come before it. No two of a server
 * have the same location: herdd would take them for echoes. */
static const char *const order[] = {
	"AT Z 1 k +1+1 5",
	"AT Z 1 k +2+1 5.000000001",
	/* another form; the smaller, whatever it looks like; the line's bytes */
	"AT Z 7 k +3+1 6",
	"AT Z 5e-1 k +4+1 6",
	"AT Z 0.25 k +5+1 6",
	"AT Y 0.25 k +6+1 6",
	"AT Z 0.1234567890 k +7+1 6",
	"AT Y -3 k +8+1 6.0",
	"AT Y -20e+1 k +9+1 6",
	/* our own; the smaller in numbers; the line's bytes */
	"AT Z +10.000000000 k +10+1 6",
	"AT Z +9.999999999 k +11+1 6",
	"AT Z +9.000000000 k +30+1 6",
	"AT Z +9.000000000 k +20+1 6",
	"AT Y +9.000000000 k +21+1 6",
	"AT Y +0.000000001 k +22+1 6",
	"AT Y -0.000000001 k +23+1 6",
	"AT Y -9.000000000 k +24+1 6",
	"AT Y -10.000000000 k +25+1 6.0",
	"AT Y -10.000000000 k +2+1 6",
	"AT Z 1 k +12+1 6.000000001",
};

/* A line of `order` with another id. */
static const char *of(struct herd *h, const char *id, const char *line)
{
	const char *k = strstr(line, " k ");

	return herd_printf(h, "%.*s %s%s", (int)(k - line), line, id, k + 2);
}

static void check_winner(struct herd *h, const char *winner, const char *loser,
	bool winner_first)
{
	static int clients;
	const char *id = herd_printf(h, "k%d", clients++);
	const char *won = of(h, id, winner);
	const char *lost = of(h, id, loser);

	tell(h, herd_printf(h, "%s\n%s\n", winner_first ? won : lost,
			winner_first ? lost : won));
	ck_assert_str_eq(known(h, id), won);
}

START_TEST(all_choose_the_same_winner)
{
	struct herd *h = up(_i);

	for (size_t i = 1; i < HERD_COUNT(order); i++) {
		for (size_t j = 0; j < i; j++) {
			check_winner(h, order[i], order[j], true);
			check_winner(h, order[i], order[j], false);
		}
	}
	herd_free(h);
}
END_TEST

/* --- back-pressure -------------------------------------------------------- */

/* More than all the sockets hold on the way there and back. */
#define MUCH (64 * 1024 * 1024)

/* As much as the server takes: until there is no room for half a second. */
static size_t send_all_it_takes(struct client *c, const char *bytes)
{
	struct pollfd p = {.fd = client_fd(c), .events = POLLOUT};
	size_t len = strlen(bytes);
	size_t sent = 0;

	while (sent < MUCH &&
		poll(&p, 1, herd_left_ms(herd_deadline(0.5))) == 1) {
		size_t at = sent % len;
		ssize_t some = send(p.fd, bytes + at, len - at,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		ck_assert_int_gt(some, 0);
		sent += (size_t)some;
	}
	return sent;
}

/* Nobody else waits for her; and no answer is lost. */
START_TEST(who_does_not_read_is_not_read)
{
	struct herd *h = up(_i);
	struct client *c = client_open(h, "Goloman");
	static char line[1001];
	struct text all;
	size_t sent;

	memset(line, 'x', sizeof line - 2);
	line[sizeof line - 2] = '\n';
	sent = send_all_it_takes(c, line);
	ck_assert_uint_lt(sent, MUCH);
	ck_assert_str_eq(herd_ask(h, "Goloman", "y"), "? y\n");
	all = client_talk(c, text_of(line + sent % strlen(line)));
	ck_assert_uint_eq(herd_count(all.ptr, "\n"), sent / strlen(line) + 1);
	client_close(c);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, updates_are_taken_and_not_answered);
	herd_add_test(tcase, all_else_is_a_clients);
	herd_add_test(tcase, news_is_passed_on);
	herd_add_test(tcase, what_is_no_news_goes_no_further);
	herd_add_test(tcase, long_updates);
	herd_add_test(tcase, all_choose_the_same_winner);
	herd_add_test(tcase, who_does_not_read_is_not_read);
}

int main(void)
{
	return herd_main("b_any", add_tests, 60);
}
