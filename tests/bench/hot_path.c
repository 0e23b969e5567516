/* hot_path - what the code itself does for a request, without a network and
 * without a stopwatch: for callgrind to count the instructions of, and to see
 * that nothing is allocated.
 *
 *   a fixed stream of lines --socket pair--> session: parse, store, format
 *                                               '-> answers --> back to us
 *
 * usage: hot_path DESIGN KIND LINES
 *   DESIGN  threaded (the store takes its locks), single
 *   KIND    iamat: updates of a client; at: of a neighbour, on a link;
 *           flood: of a client, and told to a neighbour; whatsat: questions
 *           with radius 0
 *   LINES   at a time: how deep a client pipelines
 *
 * A real worker serves the session, on a reactor that we turn by hand. Clocks
 * and random keys are set (sys_fault.h), so two runs do the same. First the
 * clients are made known, and all buffers get the size they keep. What comes then
 * is to be counted, callgrind's --toggle-collect=counted_round, and may allocate
 * nothing. instructions_test.sh runs this; it prints how many lines were obeyed in
 * the rounds that count. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "herd/sys.h"
#include "herd/worker.h"
#include "sys_fault.h"

#define CLIENTS   10000
#define REQUESTS  20000 /* counted */
#define LINES_MAX 64
#define LINE_ROOM 128
#define STEP_NS   INT64_C(1000)      /* between two lines */
#define LATE_NS   (263 * HERD_MS_NS) /* how old a stamp is on arrival */
#define START_NS  (INT64_C(1800000000) * HERD_SECOND_NS)

enum kind {
	IAMAT,
	AT,
	FLOOD,
	WHATSAT,
	KINDS
};

static const char *const kind_names[KINDS] = {
	"iamat", "at", "flood", "whatsat"};

struct bench {
	enum kind kind;
	bool shared;
	struct reactor *reactor;
	struct store *store;
	struct neighbours *neighbours;
	struct log *log;
	struct log_ring *ring;
	struct places_common *places;
	struct flood *flood;
	struct worker *worker;
	int listener;     /* of the neighbour that we play */
	int fd;           /* our end of the connection */
	int neighbour_fd; /* and of flood's; -1: none */
	unsigned next;    /* line of the stream */
	bool counting;
};

static size_t of_goloman[] = {1};
static size_t of_hands[] = {0};
static struct conf_server servers[] = {
	{.name = "Goloman",
		.host = "127.0.0.1",
		.port = 1,
		.neighbours = of_goloman,
		.neighbour_count = 1},
	{.name = "Hands",
		.host = "127.0.0.1",
		.port = 2,
		.neighbours = of_hands,
		.neighbour_count = 1},
};
static const struct conf conf = {.servers = servers,
	.server_count = HERD_COUNT(servers),
	.places = {.transfers = 1, .provider = "google-legacy"},
	.peers = {.sync_interval_s = 30, .trust_addresses = true},
	.limits = {
		.line = LINE_MAX_DEFAULT, .write_timeout_ns = HERD_SECOND_NS}};

static void die(const char *what)
{
	fprintf(stderr, "hot_path: %s\n", what);
	exit(EXIT_FAILURE);
}

static void need(int rc, const char *what)
{
	if (rc)
		die(what);
}

/* --- the stream ----------------------------------------------------------- */

/* Each client once, then as if drawn; every run the same. */
static unsigned client_of(unsigned n)
{
	uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);

	return n < CLIENTS ? n : (unsigned)((mixed ^ mixed >> 32) % CLIENTS);
}

/* Each line's stamp is newer than the last. */
static size_t put_line(struct bench *b, char *dst)
{
	unsigned n = b->next++;
	unsigned client = client_of(n);
	int64_t stamp_ns = START_NS + n * STEP_NS;
	long long stamp = stamp_ns / HERD_SECOND_NS;
	unsigned fraction = (unsigned)(stamp_ns % HERD_SECOND_NS);

	switch (b->kind) {
	case AT:
		return (size_t)sprintf(dst,
			"AT Hands +0.%09u client-%013u +34.068930-118.445127 "
			"%lld.%09u\n",
			fraction, client, stamp, fraction);
	case WHATSAT:
		if (n >= CLIENTS)
			return (size_t)sprintf(
				dst, "WHATSAT client-%013u 0 0\n", client);
		/* fall through: to be asked for, it must be known */
	case IAMAT:
	case FLOOD:
	case KINDS:
		break;
	}
	return (size_t)sprintf(dst,
		"IAMAT client-%013u +34.068930-118.445127 %lld.%09u\n", client,
		stamp, fraction);
}

/* A name for callgrind to find. */
__attribute__((noinline, noclone)) static void counted_round(struct bench *b)
{
	reactor_round(b->reactor, 0);
}

/* The lines of one event and all that comes of them. */
static void feed(struct bench *b, unsigned lines)
{
	char out[LINES_MAX * LINE_ROOM];
	char in[LINES_MAX * LINE_ROOM * 2];
	size_t len = 0;
	ssize_t n;

	for (unsigned i = 0; i < lines; i++)
		len += put_line(b, out + len);
	if (write(b->fd, out, len) != (ssize_t)len)
		die("cannot write");
	sys_fault_clock_advance(lines * STEP_NS);
	if (b->counting)
		counted_round(b);
	else
		reactor_round(b->reactor, 0);
	n = recv(b->fd, in, sizeof in, MSG_DONTWAIT);
	if (b->kind != AT && n <= 0)
		die("no answers in the round");
	if (n > 0 && *in != 'A')
		die("it did not take our lines");
	if (b->kind == FLOOD &&
		recv(b->neighbour_fd, in, sizeof in, MSG_DONTWAIT) <= 0)
		die("the neighbour was told nothing in the round");
}

/* --- a worker and its surroundings ---------------------------------------- */

static void on_drained(void *arg)
{
	(void)arg;
}

static void set_up(struct bench *b)
{
	struct store_options store = {.shared = b->shared};
	struct log_options log = {
		.path = "/dev/null", .level = LOG_INFO, .shared = b->shared};
	struct address hands;
	socklen_t len = sizeof hands;
	char error[CONF_ERROR_MAX];

	sys_fault_seed(1);
	sys_fault_clock_set(START_NS + LATE_NS, START_NS);
	need(reactor_new(b->shared, &b->reactor), "reactor");
	need(store_new(&store, &b->store), "store");
	need(neighbours_new(&conf, 0, &b->neighbours), "neighbours");
	need(address_parse("127.0.0.1", 0, &hands), "address");
	need(sys_listen(&hands, &b->listener), "listen");
	need(getsockname(b->listener, &hands.any, &len), "getsockname");
	neighbours_set_addresses(b->neighbours, 0,
		neighbours_moves(b->neighbours, 0), &hands, 1);
	need(log_new(&log, &b->log), "log");
	need(log_ring_new(b->log, &b->ring), "log ring");
	need(places_common_new(&conf, b->shared, 1, &b->places, error),
		"places");
	need(flood_new(&(struct flood_options){.reactor = b->reactor,
			       .store = b->store,
			       .neighbours = b->neighbours,
			       .log = b->ring,
			       .conf = &conf,
			       .on_drained = on_drained},
		     &b->flood),
		"flood");
	need(worker_new(&(struct worker_options){.reactor = b->reactor,
				.store = b->store,
				.neighbours = b->neighbours,
				.flood = b->flood,
				.places = b->places,
				.workers = &b->worker,
				.worker_count = 1,
				.log = b->ring,
				.conf = &conf,
				.server = servers[0].name,
				.on_drained = on_drained},
		     &b->worker),
		"worker");
}

static void say_hello(struct bench *b)
{
	static const char hello[] = "HERD 1 Hands Goloman 0123456789abcdef\n";
	char answer[LINE_ROOM];

	if (write(b->fd, hello, sizeof hello - 1) != sizeof hello - 1)
		die("cannot write");
	reactor_round(b->reactor, 0);
	if (recv(b->fd, answer, sizeof answer, MSG_DONTWAIT) <= 0 ||
		*answer != 'H')
		die("no hello");
}

static void connect_session(struct bench *b)
{
	struct address from;
	struct session *s;
	int fds[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
		"socketpair");
	need(address_parse("127.0.0.1", 9, &from), "address");
	need(session_new(fds[1], &from, false, &s), "session");
	need(worker_adopt(b->worker, s), "adopt");
	b->fd = fds[0];
	reactor_round(b->reactor, 0);
	if (b->kind == AT)
		say_hello(b);
}

/* We play the neighbour that flood dials. */
static void meet_neighbour(struct bench *b)
{
	static const char ours[] = "HERD 1 Hands Goloman 0123456789abcdef\n";
	static const char later[] = "WAIT\n"; /* when it wants to compare */
	char theirs[LINE_ROOM * 2];
	struct address from;

	flood_start(b->flood);
	while (sys_accept(b->listener, &from, &b->neighbour_fd))
		reactor_round(b->reactor, 1);
	while (recv(b->neighbour_fd, theirs, sizeof theirs, MSG_DONTWAIT) <= 0)
		reactor_round(b->reactor, 1);
	if (write(b->neighbour_fd, ours, sizeof ours - 1) != sizeof ours - 1)
		die("cannot write");
	while (recv(b->neighbour_fd, theirs, sizeof theirs, MSG_DONTWAIT) <= 0)
		reactor_round(b->reactor, 1);
	if (write(b->neighbour_fd, later, sizeof later - 1) != sizeof later - 1)
		die("cannot write");
	reactor_round(b->reactor, 1);
}

static void tear_down(struct bench *b)
{
	close(b->fd);
	close(b->listener);
	if (b->neighbour_fd >= 0)
		close(b->neighbour_fd);
	worker_free(b->worker);
	places_common_free(b->places);
	flood_free(b->flood);
	neighbours_free(b->neighbours);
	store_free(b->store);
	reactor_free(b->reactor);
	log_free(b->log);
}

static unsigned count_rounds(struct bench *b, unsigned lines)
{
	unsigned before = sys_fault_calls(SYS_FAULT_ALLOC);
	unsigned obeyed = 0;

	b->counting = true;
	for (; obeyed < REQUESTS; obeyed += lines)
		feed(b, lines);
	before = sys_fault_calls(SYS_FAULT_ALLOC) - before;
	if (before) {
		fprintf(stderr,
			"hot_path: %u allocations for %u lines; there should "
			"be none\n",
			before, obeyed);
		exit(EXIT_FAILURE);
	}
	return obeyed;
}

int main(int argc, char **argv)
{
	static struct bench b = {.neighbour_fd = -1};
	unsigned lines = argc == 4 ? (unsigned)atoi(argv[3]) : 0;

	while (argc == 4 && b.kind < KINDS &&
		strcmp(argv[2], kind_names[b.kind]) != 0)
		b.kind++;
	if (argc != 4 || b.kind == KINDS || !lines || lines > LINES_MAX) {
		fputs("usage: hot_path threaded|single iamat|at|flood|whatsat "
		      "LINES\n",
			stderr);
		return 2;
	}
	b.shared = !strcmp(argv[1], "threaded");
	set_up(&b);
	connect_session(&b);
	if (b.kind == FLOOD)
		meet_neighbour(&b);
	/* Twice: the second time everything has the place it keeps. */
	while (b.next < 2 * CLIENTS)
		feed(&b, lines);
	printf("%u\n", count_rounds(&b, lines));
	tear_down(&b);
	return 0;
}
