/* i_catching_up - what it takes to catch up with a million clients: herd(7),
 * "Catching up". The test plays Relay, a neighbour of everyone, who can ask what
 * a server holds, and through whom others compare. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "crowd.h"
#include "herd_client.h"
#include "herd_proc.h"
#include "herd_sums.h"

#define TOPOLOGY                                                               \
	"Goloman-Hands Goloman-Holiday Goloman-Wilkes "                        \
	"Relay-Goloman Relay-Hands Relay-Holiday Relay-Wilkes"

static const char *const real[] = {"Hands", "Holiday", "Wilkes", "Goloman"};

/* A million, but fewer where everything is slow anyway. */
static unsigned crowd_size(void)
{
	return herd_slow() > 1 ? 50000 : 1000000;
}

static void print_line(int design, const char *what, double number)
{
	printf("%s, %u clients: %s: %.3f\n", herd_design(design), crowd_size(),
		what, number);
	fflush(stdout);
}

static double seconds_since(int64_t start_ns)
{
	return (double)(herd_monotonic_ns() - start_ns) / 1e9;
}

/* --- the million ---------------------------------------------------------- */

static struct herd *up(int design, struct client **links)
{
	struct crowd crowd = {
		.clients = crowd_size(), .rounds = 1, .stamp = CROWD_STAMP};
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = TOPOLOGY,
		.log = "messages = false;",
	});
	int64_t start;

	for (size_t i = 0; i < HERD_COUNT(real); i++) {
		herd_start(h, real[i]);
		links[i] = sums_link(h, real[i]);
	}
	start = herd_monotonic_ns();
	print_line(design, "said in seconds", crowd_say(h, "Goloman", &crowd));
	for (size_t i = 0; i + 1 < HERD_COUNT(real); i++)
		sums_wait_equal(links[i], links[3]);
	print_line(design, "known by all after seconds", seconds_since(start));
	return h;
}

/* --- through Relay -------------------------------------------------------- */

struct relay {
	struct client *from;        /* the dialler */
	struct client *to;          /* the acceptor */
	unsigned long bytes, lines; /* of the comparison under way */
	bool lose;                  /* updates */
};

/* The link that Hands dials: not one that he has given up meanwhile. */
static struct client *accept_hands(struct herd *h)
{
	for (;;) {
		struct client *link = client_accept(herd_listener(h, "Relay"));
		struct pollfd p = {.fd = client_fd(link), .events = POLLRDHUP};

		if (!strncmp(client_line(link), "HERD 1 Hands ", 13) &&
			!poll(&p, 1, 0)) {
			client_send(link, "HERD 1 Relay Hands bb\n");
			return link;
		}
		client_close(link);
	}
}

static const char *answer_of(struct relay *r)
{
	const char *line = client_line(r->to);

	r->bytes += strlen(line) + 1;
	client_send(r->from, line);
	client_send(r->from, "\n");
	return line;
}

/* Pass one line on, and its answer back; the line. */
static const char *pass(struct herd *h, struct relay *r)
{
	const char *line = client_line(r->from);
	const char *end;
	unsigned bucket;

	if (!strcmp(line, "SYNC"))
		r->bytes = r->lines = 0;
	r->bytes += strlen(line) + 1;
	if (!strncmp(line, "AT ", 3)) {
		r->lines++;
		if (r->lose)
			return line;
	}
	client_send(r->to, line);
	client_send(r->to, "\n");
	if (!strcmp(line, "SYNC") || !strcmp(line, "SUMS") ||
		!strncmp(line, "PING ", 5))
		(void)answer_of(r);
	if (sscanf(line, "LIST %u", &bucket) == 1) {
		end = herd_printf(h, "HASHES %u", bucket);
		while (strcmp(answer_of(r), end) != 0)
			;
	}
	return line;
}

static void pass_until(struct herd *h, struct relay *r, const char *start)
{
	while (strncmp(pass(h, r), start, strlen(start)) != 0)
		;
}

/* Relay loses what tells Wilkes of a client, and the link is gone before Hands
 * compares again; after two PINGs the line is older than two seconds. */
static void lose_one(struct herd *h, struct relay *r)
{
	r->lose = true;
	herd_iamat(h, "Hands", "different", "+1+1", "5");
	pass_until(h, r, "AT ");
	pass_until(h, r, "PING ");
	pass_until(h, r, "PING ");
	r->lose = false;
	client_close(r->from);
	r->from = accept_hands(h);
}

/* Hands and Wilkes, who hold the same, compare; then they differ by a client. */
static void compare(struct herd *h, int design, struct client **links)
{
	struct relay r = {.from = accept_hands(h), .to = links[2]};

	sums_wait_equal(links[0], links[2]);
	pass_until(h, &r, "SYNC");
	print_line(design, "bytes of a comparison of equals", (double)r.bytes);
	ck_assert_uint_le(r.bytes, 1024);
	lose_one(h, &r);
	pass_until(h, &r, "DONE");
	print_line(design, "bytes if a client differs", (double)r.bytes);
	ck_assert_uint_eq(r.lines, 1);
	ck_assert_uint_le(r.bytes, 32768);
	sums_wait_equal(links[0], links[2]);
	client_close(r.from);
}

/* --- once more, empty ----------------------------------------------------- */

/* Tell `told` where a client is; milliseconds until `asked` knows. */
static double time_iamat(
	struct herd *h, struct client *told, const char *asked, const char *id)
{
	int64_t start = herd_monotonic_ns();
	const char *line;

	client_send(told, herd_printf(h, "IAMAT %s +1+1 5\n", id));
	line = herd_printf(h, "%s", client_line(told));
	if (asked)
		herd_wait_known(h, asked, id, line);
	return seconds_since(start) * 1000;
}

struct times {
	double sum, most; /* ms */
	unsigned count;
};

static void add_time(struct times *times, double ms)
{
	times->sum += ms;
	times->most = ms > times->most ? ms : times->most;
	times->count++;
}

static void print_times(int design, const char *what, const struct times *times)
{
	if (!times->count)
		return; /* it was over too soon */
	printf("%s, %u clients: %s: ms on average %.1f, at most %.1f of %u\n",
		herd_design(design), crowd_size(), what,
		times->sum / times->count, times->most, times->count);
	fflush(stdout);
}

/* Who had to wait for the repair would wait for most of it, each time. With
 * sanitizers it is too short to tell. */
static void check_times(const struct times *times, double repair_ms)
{
	if (times->count && herd_slow() <= 1.0)
		ck_assert(times->sum / times->count < repair_ms / 2);
}

/* Goloman is started empty: he soon holds everything, and serves meanwhile. */
static void start_again(struct herd *h, int design, struct client **links)
{
	struct client *hands = client_open(h, "Hands");
	struct client *goloman;
	int64_t start = herd_monotonic_ns();
	struct times live = {0};
	struct times served = {0};
	struct sum sum;
	unsigned tries = 0;
	double seconds;

	herd_start(h, "Goloman");
	links[3] = sums_link(h, "Goloman");
	goloman = client_open(h, "Goloman");
	while (!sums_are_equal(links[3], links[0])) {
		/* The report says whether it took five; others may be at work
		 * on this machine. */
		ck_assert_msg(seconds_since(start) < 20 * herd_slow(),
			"not everything within twenty seconds");
		if (sums_ask(links[3], &sum)) {
			herd_back_off(&tries);
			continue;
		}
		add_time(&live, time_iamat(h, hands, "Goloman",
					herd_printf(h, "live%u", live.count)));
		add_time(&served, time_iamat(h, goloman, NULL, "served"));
	}
	seconds = seconds_since(start);
	print_line(design, "repaired in seconds", seconds);
	print_times(design, "a change arrived", &live);
	print_times(design, "an IAMAT was answered", &served);
	check_times(&live, seconds * 1000);
	check_times(&served, seconds * 1000);
	client_close(hands);
	client_close(goloman);
}

/* What the log says Goloman was sent, by all neighbours. */
static unsigned long count_updates(const char *log)
{
	static const char start[] = "link closed from ";
	unsigned long all = 0;

	while ((log = strstr(log, start))) {
		unsigned long updates = 0;

		log += strlen(start);
		if (sscanf(log, "%*s %*s %lu updates", &updates) == 1)
			all += updates;
	}
	return all;
}

START_TEST(a_million_clients)
{
	struct client *links[HERD_COUNT(real)];
	struct herd *h = up(_i, links);
	unsigned long updates;

	client_close(links[3]);
	herd_kill(h, "Goloman");
	compare(h, _i, links);
	start_again(h, _i, links);
	for (size_t i = 1; i < 3; i++)
		sums_wait_equal(links[i], links[3]);
	client_close(links[3]);
	herd_stop(h, "Goloman");
	updates = count_updates(herd_read(h, "Goloman.log"));
	print_line(_i, "lines sent to it", (double)updates);
	ck_assert_uint_ge(updates, crowd_size());
	ck_assert_uint_lt(updates, crowd_size() + crowd_size() / 10);
	for (size_t i = 0; i < 3; i++)
		client_close(links[i]);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, a_million_clients);
}

int main(void)
{
	return herd_main("i_catching_up", add_tests, 100);
}
