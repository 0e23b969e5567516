/* i_back_pressure - neighbours that do not keep up cost a server a bounded
 * amount of memory and nobody any time, and get the newest of what they missed:
 * herd(7), "Losing and finding each other". Through ten million updates Hands
 * is stopped, Wilkes is gone, and the test plays Relay, who reads, but slowly
 * and without ever answering a PING. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "crowd.h"
#include "herd_client.h"
#include "herd_proc.h"
#include "herd_sums.h"

#define CLIENTS 10000
#define TOPOLOGY                                                               \
	"Goloman-Hands Goloman-Holiday Goloman-Wilkes "                        \
	"Relay-Goloman Relay-Hands Relay-Holiday Relay-Wilkes"

/* What three neighbours who do not keep up cost: for each the page that waits to
 * be sent, at most 256 KiB; the rest is for malloc. */
#define MEMORY_BOUND (2 * 1024 * 1024)

/* How long it goes on at the least: more than what makes a neighbour dead. */
#define LEAST_SECONDS 13.0

#define SLOW_READ 2048 /* bytes, twice a second */

/* Ten million updates in all, but fewer where everything is slow anyway. */
static unsigned rounds(void)
{
	return herd_slow() > 1 ? 50 : 1000;
}

static double seconds_since(int64_t start_ns)
{
	return (double)(herd_monotonic_ns() - start_ns) / 1e9;
}

static void print_line(int design, const char *what, double number)
{
	printf("%s, %u updates: %s: %.3f\n", herd_design(design),
		CLIENTS * rounds(), what, number);
	fflush(stdout);
}

/* --- one client among them ------------------------------------------------ */

#define SAMPLES_MAX 1000000

struct samples {
	struct client *client;
	double *ms;
	size_t count;
};

static void take_sample(struct samples *s)
{
	int64_t start = herd_monotonic_ns();
	char request[64];

	if (s->count == SAMPLES_MAX)
		return;
	snprintf(request, sizeof request, "IAMAT sample +1+1 %zu\n",
		s->count + 1);
	client_send(s->client, request);
	ck_assert_int_eq(strncmp(client_line(s->client), "AT ", 3), 0);
	s->ms[s->count++] = seconds_since(start) * 1000;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

struct times {
	double usual_ms; /* 99 of 100 were below */
	double most_ms;
};

/* What was measured; start anew. */
static struct times end_samples(struct samples *s)
{
	struct times t;

	ck_assert_uint_gt(s->count, 0);
	qsort(s->ms, s->count, sizeof *s->ms, compare_doubles);
	t.usual_ms = s->ms[s->count * 99 / 100];
	t.most_ms = s->ms[s->count - 1];
	s->count = 0;
	return t;
}

/* --- those who do not keep up --------------------------------------------- */

/* Links to Relay have windows of a few KB, so that every read is seen. */
static void narrow_relay(struct herd *h)
{
	int small = 4096;

	ck_assert_int_eq(setsockopt(herd_listener(h, "Relay"), SOL_SOCKET,
				 SO_RCVBUF, &small, sizeof small),
		0);
}

/* The link that Goloman dials: not one that he has given up meanwhile. */
static struct client *accept_goloman(struct herd *h)
{
	for (;;) {
		struct client *link = client_accept(herd_listener(h, "Relay"));
		struct pollfd p = {.fd = client_fd(link), .events = POLLRDHUP};

		if (!strncmp(client_line(link), "HERD 1 Goloman ", 15) &&
			!poll(&p, 1, 0)) {
			client_send(link, "HERD 1 Relay Goloman bb\n");
			return link;
		}
		client_close(link);
	}
}

static void read_slowly(struct client *link, int64_t *due_ns)
{
	char page[SLOW_READ];

	if (herd_monotonic_ns() < *due_ns)
		return;
	ck_assert_int_ne(
		recv(client_fd(link), page, sizeof page, MSG_DONTWAIT), 0);
	*due_ns = herd_monotonic_ns() + HERD_SECOND_NS / 2;
}

/* What Goloman sent on the last of his links to a server, as its log says. */
static unsigned long count_updates(struct herd *h, const char *server)
{
	static const char start[] = "link closed from Goloman ";
	const char *log = herd_read(h, herd_printf(h, "%s.log", server));
	unsigned long updates = 0;

	while ((log = strstr(log, start))) {
		log += strlen(start);
		(void)sscanf(log, "%*s %lu updates", &updates);
	}
	return updates;
}

/* --- the test ------------------------------------------------------------- */

struct scene {
	struct herd *h;
	int design;
	struct samples samples;
};

/* A tenth of it while all is well. */
static void measure_usual(struct scene *s)
{
	struct crowd crowd = {.clients = CLIENTS,
		.rounds = rounds() / 10,
		.stamp = CROWD_STAMP};
	int64_t start = herd_monotonic_ns();
	pid_t pid = crowd_start(s->h, "Goloman", &crowd);

	while (!crowd_is_done(pid))
		take_sample(&s->samples);
	print_line(s->design, "usual updates in a second",
		CLIENTS * crowd.rounds / seconds_since(start));
	print_line(s->design, "usual 99 % of IAMATs in ms",
		end_samples(&s->samples).usual_ms);
}

/* How fast that was is for people to compare: this is no quiet machine. But
 * nobody at all waits for as long as it takes to lose somebody. */
static void report_speed(struct scene *s, double rate)
{
	struct times t = end_samples(&s->samples);

	print_line(s->design, "updates in a second", rate);
	print_line(s->design, "99 % of IAMATs in ms", t.usual_ms);
	print_line(s->design, "all IAMATs in ms", t.most_ms);
	ck_assert(t.most_ms < 5000 * herd_slow());
}

static void update_all(struct scene *s)
{
	struct crowd crowd = {.clients = CLIENTS,
		.rounds = rounds(),
		.stamp = CROWD_STAMP + rounds()};
	struct client *slow = accept_goloman(s->h);
	size_t before = herd_memory(s->h, "Goloman");
	size_t most = before;
	int64_t start = herd_monotonic_ns();
	pid_t pid = crowd_start(s->h, "Goloman", &crowd);
	int64_t due_ns = 0;
	unsigned tries = 0;
	bool done = false;

	while (!done || seconds_since(start) < LEAST_SECONDS) {
		size_t memory = herd_memory(s->h, "Goloman");

		most = memory > most ? memory : most;
		read_slowly(slow, &due_ns);
		if (done) {
			herd_back_off(&tries);
			continue;
		}
		take_sample(&s->samples);
		if (crowd_is_done(pid)) {
			done = true;
			report_speed(
				s, CLIENTS * rounds() / seconds_since(start));
		}
	}
	print_line(s->design, "KiB more", (double)(most - before) / 1024);
	/* Sanitizers hold on to what was freed. */
	if (herd_slow() <= 1)
		ck_assert_uint_le(most - before, MEMORY_BOUND);
	(void)herd_wait_log(
		s->h, "Goloman", "to Hands: no sign of life for 10 s", 1);
	ck_assert_uint_eq(herd_count(herd_read(s->h, "Goloman.log"),
				  "lost connection to Relay"),
		0);
	client_close(slow);
}

/* Each gets every client that changed, once, on its new link. */
static void regain_neighbours(struct scene *s)
{
	static const char *const names[] = {"Hands", "Wilkes", "Holiday"};
	struct client *goloman = sums_link(s->h, "Goloman");

	herd_signal(s->h, "Hands", SIGCONT);
	herd_start(s->h, "Wilkes");
	for (size_t i = 0; i < HERD_COUNT(names); i++) {
		struct client *link = sums_link(s->h, names[i]);

		sums_wait_equal(goloman, link);
		client_close(link);
	}
	client_close(goloman);
	herd_stop(s->h, "Goloman");
	for (size_t i = 0; i < 2; i++) {
		unsigned long updates = count_updates(s->h, names[i]);

		print_line(s->design, "lines to one who was away",
			(double)updates);
		ck_assert_uint_gt(updates, CLIENTS / 2);
		ck_assert_uint_le(updates, CLIENTS + CLIENTS / 10);
	}
}

START_TEST(ten_million_updates)
{
	struct scene s = {.design = _i};
	double *ms = malloc(SAMPLES_MAX * sizeof *ms);

	ck_assert_ptr_nonnull(ms);
	s.h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = TOPOLOGY,
		.log = "messages = false;",
	});
	narrow_relay(s.h);
	herd_start(s.h, "Goloman");
	herd_start(s.h, "Hands");
	herd_start(s.h, "Holiday");
	herd_start(s.h, "Wilkes");
	s.samples = (struct samples){
		.client = client_open(s.h, "Goloman"), .ms = ms};
	measure_usual(&s);
	herd_signal(s.h, "Hands", SIGSTOP);
	herd_kill(s.h, "Wilkes");
	update_all(&s);
	client_close(s.samples.client);
	regain_neighbours(&s);
	free(ms);
	herd_free(s.h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, ten_million_updates);
}

int main(void)
{
	return herd_main("i_back_pressure", add_tests, 100);
}
