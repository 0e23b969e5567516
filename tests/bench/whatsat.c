/* whatsat - asks herdd what is near clients, and checks every answer: one
 * measurement for places.sh.
 *
 *   whatsat burst HOST:PORT       1000 at once, each about another client; the
 *                                 first time, and again: milliseconds
 *   whatsat same HOST:PORT        1000 at once, all about one client
 *   whatsat beside SECONDS ASKED OTHER RATE
 *                                 the time of an IAMAT, one every millisecond
 *                                 at either server; again while ASKED is sent
 *                                 RATE WHATSATs per second, whatever it does;
 *                                 and while it has 1000 under way all the time:
 *                                 microseconds
 *   whatsat rate KIND SECONDS IN_FLIGHT HOST:PORT PID PID
 *                                 WHATSATs per second, and what one costs: CPU
 *                                 time of both processes (herdd, herd-places)
 *                                 and of this one, microseconds. KIND is
 *                                 different, same, or nothing (radius 0)
 *
 * It prints lines of name and value. Answers that are not as they should be are
 * counted; any other error ends it. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

#define CLIENTS       10000 /* known to the server, each at a place of its own */
#define CONNECTIONS   32
#define IN_FLIGHT_MAX 32 /* of one connection: the server's limit, too */
#define AT_ONCE       1000
#define WARM_BURSTS   3
#define REQUEST_MAX   128
#define ANSWER_MAX    ((size_t)1 << 20)
#define SAMPLES_MAX   ((size_t)1 << 20)
#define PACE_NS       HERD_MS_NS
#define PATIENCE_NS   (10 * HERD_SECOND_NS) /* with a server that stands still */
#define WARM_UP       0.2                   /* of the time, not counted */

#define US 1e3
#define MS 1e6

enum kind {
	DIFFERENT,
	SAME,
	NOTHING,
	KINDS
};

static const char *const kind_names[KINDS] = {"different", "same", "nothing"};

struct connection {
	int fd;
	unsigned first, awaited;       /* in asked, a ring */
	unsigned asked[IN_FLIGHT_MAX]; /* clients */
	size_t len, scanned;           /* of in */
	char in[ANSWER_MAX];
};

/* Shared between processes. */
struct tally {
	atomic_uint_fast64_t answers, bytes, errors;
};

struct load {
	enum kind kind;
	unsigned next; /* client to ask for */
	unsigned awaited;
	int epoll_fd;
	struct tally *tally;
	struct connection *all;
};

static int64_t now_ns(void)
{
	return tool_clock_ns(CLOCK_MONOTONIC);
}

static void print(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
}

static void print_of(const char *kind, const char *what, double value)
{
	char name[64];

	snprintf(name, sizeof name, "%s-%s", kind, what);
	print(name, value);
}

/* --- one answer ----------------------------------------------------------- */

/* AT SERVER DIFFERENCE ID ..., an object, its status; without the LFs that end
 * it. */
static bool is_right(const char *answer, size_t len, unsigned client)
{
	const char *end = answer + len;
	const char *json = memchr(answer, '\n', len);
	const char *status;
	char at[REQUEST_MAX];
	char id[32];
	unsigned got;

	if (!json || json - answer >= REQUEST_MAX || json[1] != '{' ||
		end[-1] != '}' || end - json < 32)
		return false;
	memcpy(at, answer, (size_t)(json - answer));
	at[json - answer] = '\0';
	if (sscanf(at, "AT %*s %*s client-%u %31s", &got, id) != 2 ||
		got != client)
		return false;
	/* It comes last. */
	status = memmem(end - 32, 32, "\"status\" : \"", 12);
	if (!status)
		return false;
	status += 12;
	return !strncmp(status, "OK\"", 3) ||
	       !strncmp(status, "ZERO_RESULTS\"", 13);
}

/* --- asking --------------------------------------------------------------- */

static void send_all(int fd, const char *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		tool_die("send");
}

static void ask(struct load *l, struct connection *c, unsigned count)
{
	char out[IN_FLIGHT_MAX * REQUEST_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned last = (c->first + c->awaited) % IN_FLIGHT_MAX;

		if (l->kind == DIFFERENT)
			l->next = (l->next + 1) % CLIENTS;
		c->asked[last] = l->next;
		c->awaited++;
		len += (size_t)snprintf(out + len, sizeof out - len,
			"WHATSAT client-%05u %s 5\n", l->next,
			l->kind == NOTHING ? "0" : "10");
	}
	l->awaited += count;
	send_all(c->fd, out, len);
}

/* The number of answers that are complete. */
static unsigned take(struct load *l, struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, ANSWER_MAX - c->len, 0);
	const char *from = c->in;
	const char *end;
	unsigned taken = 0;

	if (n <= 0)
		tool_die("recv");
	c->len += (size_t)n;
	while ((end = memmem(
			c->in + c->scanned, c->len - c->scanned, "\n\n", 2))) {
		size_t len = (size_t)(end - from);

		if (!c->awaited || !is_right(from, len, c->asked[c->first]))
			l->tally->errors++;
		l->tally->bytes += len + 2;
		c->first = (c->first + 1) % IN_FLIGHT_MAX;
		c->awaited--;
		taken++;
		from = end + 2;
		c->scanned = (size_t)(from - c->in);
	}
	c->len -= (size_t)(from - c->in);
	memmove(c->in, from, c->len);
	/* The next LF may make it two. */
	c->scanned = c->len ? c->len - 1 : 0;
	l->tally->answers += taken;
	l->awaited -= taken;
	return taken;
}

/* Take the answers that are there or come in time; ask again for each, if
 * `again`. */
static void serve(struct load *l, bool again, int timeout_ms)
{
	struct epoll_event ready[CONNECTIONS];
	int n = epoll_wait(l->epoll_fd, ready, CONNECTIONS, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct connection *c = ready[i].data.ptr;
		unsigned taken = take(l, c);

		if (again && taken)
			ask(l, c, taken);
	}
}

/* Until `end_ns` or until none is awaited. */
static void drive(struct load *l, bool again, int64_t end_ns)
{
	while (l->awaited && now_ns() < end_ns)
		serve(l, again, 100);
}

/* Ask `rate` times a second, on the connections in turn. More than they can have
 * under way is an error: the server does not keep up. */
static void drive_steadily(struct load *l, unsigned rate)
{
	int64_t start_ns = now_ns();

	for (uint64_t asked = 0;;) {
		uint64_t due =
			(uint64_t)(now_ns() - start_ns) * rate / HERD_SECOND_NS;

		for (; asked < due; asked++) {
			struct connection *c = &l->all[asked % CONNECTIONS];

			if (c->awaited < IN_FLIGHT_MAX)
				ask(l, c, 1);
			else
				l->tally->errors++;
		}
		serve(l, false, 1);
	}
}

static void ask_at_once(struct load *l, unsigned count)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		ask(l, &l->all[i],
			count / CONNECTIONS + (i < count % CONNECTIONS));
}

/* --- getting ready -------------------------------------------------------- */

static size_t write_iamat(char *dst, unsigned client)
{
	int64_t stamp_ns = tool_clock_ns(CLOCK_REALTIME);

	/* A grid over Central Europe: no two share a point, most have
	 * something near. */
	return (size_t)snprintf(dst, REQUEST_MAX,
		"IAMAT client-%05u +%.6f+%.6f %lld.%09lld\n", client,
		45 + client % 100 * 0.07, 1 + client / 100 * 0.13,
		(long long)(stamp_ns / HERD_SECOND_NS),
		(long long)(stamp_ns % HERD_SECOND_NS));
}

/* Bytes until an LF ends them. */
static void await_line(int fd)
{
	char line[256];
	ssize_t n;

	do {
		n = recv(fd, line, sizeof line, 0);
		if (n <= 0)
			tool_die("recv");
		if (line[0] != 'A') {
			errno = EPROTO;
			tool_die("IAMAT");
		}
	} while (line[n - 1] != '\n');
}

static void introduce(const char *target)
{
	int fd = tool_connect(target);
	char iamat[REQUEST_MAX];

	for (unsigned i = 0; i < CLIENTS; i++) {
		send_all(fd, iamat, write_iamat(iamat, i));
		await_line(fd);
	}
	close(fd);
}

/* herdd takes a client's connection to the CPU its packets come in on: on the
 * loopback that is the one its client runs on. So that all workers have work,
 * as with clients from elsewhere, connect from all CPUs in turn. */
static int connect_from(unsigned turn, const char *target)
{
	cpu_set_t usable;
	cpu_set_t one;
	size_t cpu = 0;
	int fd;

	if (sched_getaffinity(0, sizeof usable, &usable))
		tool_die("sched_getaffinity");
	turn %= (unsigned)CPU_COUNT(&usable);
	while (!CPU_ISSET(cpu, &usable) || turn-- > 0)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof one, &one))
		tool_die("sched_setaffinity");
	fd = tool_connect(target);
	if (sched_setaffinity(0, sizeof usable, &usable))
		tool_die("sched_setaffinity");
	return fd;
}

static void connect_all(struct load *l, const char *target)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &l->all[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

		c->fd = connect_from(i, target);
		if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
			tool_die("epoll_ctl");
	}
}

/* What was asked before is nobody's business any more. */
static void connect_again(struct load *l, const char *target)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &l->all[i];

		close(c->fd);
		c->first = c->awaited = 0;
		c->len = c->scanned = 0;
	}
	l->awaited = 0;
	connect_all(l, target);
}

static void get_ready(struct load *l, const char *target)
{
	introduce(target);
	l->epoll_fd = epoll_create1(0);
	l->all = calloc(CONNECTIONS, sizeof *l->all);
	l->tally = mmap(NULL, sizeof *l->tally, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!l->all || l->tally == MAP_FAILED)
		tool_die("memory");
	connect_all(l, target);
}

/* --- measurements --------------------------------------------------------- */

static void burst(struct load *l, const char *name)
{
	int64_t start_ns = now_ns();

	ask_at_once(l, AT_ONCE);
	drive(l, false, INT64_MAX);
	print(name, (double)(now_ns() - start_ns) / MS);
}

static void measure_burst(struct load *l, char **args)
{
	get_ready(l, args[0]);
	burst(l, "cold");
	for (unsigned i = 0; i < WARM_BURSTS; i++)
		burst(l, "warm");
}

static void measure_same(struct load *l, char **args)
{
	l->kind = SAME;
	get_ready(l, args[0]);
	burst(l, "same");
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(
	const char *when, const char *where, int64_t *ns, size_t count)
{
	static const struct {
		const char *name;
		double part;
	} shown[] = {{"p50", 0.5}, {"p99", 0.99}, {"max", 1}};
	char name[64];

	qsort(ns, count, sizeof *ns, compare);
	for (size_t i = 0; i < HERD_COUNT(shown); i++) {
		snprintf(name, sizeof name, "%s-%s-%s", when, where,
			shown[i].name);
		print(name, (double)ns[(size_t)(shown[i].part *
						(double)(count - 1))] /
				    US);
	}
}

static void sleep_until(int64_t due_ns)
{
	struct timespec due = {
		due_ns / HERD_SECOND_NS, due_ns % HERD_SECOND_NS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

/* How many lines have come: waits for some, until `due_ns`. */
static size_t take_lines(int fd, int64_t due_ns)
{
	int64_t left_ns = due_ns - now_ns();
	struct timespec wait = {
		left_ns / HERD_SECOND_NS, left_ns % HERD_SECOND_NS};
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char lines[4096];
	size_t count = 0;
	ssize_t n;

	if (left_ns <= 0 || ppoll(&ready, 1, &wait, NULL) <= 0)
		return 0;
	n = recv(fd, lines, sizeof lines, 0);
	if (n <= 0)
		tool_die("recv");
	for (ssize_t i = 0; i < n; i++)
		count += lines[i] == '\n';
	return count;
}

/* An IAMAT every millisecond, whether the last is answered or not: else a server
 * that stands still would be asked less. */
static void probe_one(
	const char *when, const char *where, double seconds, const char *target)
{
	static int64_t ns[SAMPLES_MAX]; /* when sent; how long it took */
	size_t wanted = (size_t)(seconds * HERD_SECOND_NS / PACE_NS);
	size_t sent = 0;
	size_t answered = 0;
	char iamat[REQUEST_MAX];
	int fd = tool_connect(target);
	int64_t due_ns = now_ns();

	if (wanted > SAMPLES_MAX)
		wanted = SAMPLES_MAX;
	while (answered < wanted) {
		size_t count;

		if (sent < wanted && now_ns() >= due_ns) {
			ns[sent++] = now_ns();
			send_all(fd, iamat, write_iamat(iamat, 0));
			due_ns += PACE_NS;
		}
		if (sent == wanted)
			due_ns = now_ns() + PATIENCE_NS;
		count = take_lines(fd, due_ns);
		if (count > sent - answered || (!count && sent == wanted)) {
			errno = count ? EPROTO : ETIMEDOUT;
			tool_die("IAMAT");
		}
		for (; count > 0; count--, answered++)
			ns[answered] = now_ns() - ns[answered];
	}
	print_times(when, where, ns, wanted);
	close(fd);
}

/* Both servers, each by a process of its own. */
static void probe(const char *when, double seconds, char **targets)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		tool_die("fork");
	if (!pid) {
		probe_one(when, "other", seconds, targets[1]);
		exit(EXIT_SUCCESS);
	}
	probe_one(when, "asked", seconds, targets[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		exit(EXIT_FAILURE);
}

/* A process of its own, so that its work delays no probe but by the CPU it
 * takes. RATE 0: AT_ONCE under way, started little by little, as questions asked
 * at once stay together for long. */
static pid_t fork_load(struct load *l, unsigned rate)
{
	pid_t pid = fork();

	if (pid < 0)
		tool_die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rate > 0)
		drive_steadily(l, rate);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		ask(l, &l->all[i], AT_ONCE / CONNECTIONS);
		drive(l, true, now_ns() + 3 * HERD_MS_NS);
	}
	drive(l, true, INT64_MAX);
	exit(EXIT_FAILURE);
}

static void probe_beside(
	const char *when, struct load *l, unsigned rate, char **args)
{
	struct tally *tally = l->tally;
	uint64_t before = tally->answers;
	pid_t pid = fork_load(l, rate);
	int64_t start_ns;
	int status;

	while (tally->answers - before < (uint64_t)2 * AT_ONCE) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			exit(EXIT_FAILURE);
		sleep_until(now_ns() + HERD_MS_NS);
	}
	start_ns = now_ns();
	before = tally->answers;
	probe(when, atof(args[0]), args + 1);
	print_of(when, "rate",
		(double)(tally->answers - before) * 1e9 /
			(double)(now_ns() - start_ns));
	if (kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid ||
		!WIFSIGNALED(status))
		exit(EXIT_FAILURE);
}

static void measure_beside(struct load *l, char **args)
{
	get_ready(l, args[1]);
	probe("idle", atof(args[0]), args + 1);
	probe_beside("steady", l, (unsigned)atoi(args[3]), args);
	connect_again(l, args[1]);
	probe_beside("busy", l, 0, args);
}

static void measure_rate(struct load *l, char **args)
{
	static const char *const names[] = {"herdd", "provider", "driver"};
	double seconds = atof(args[1]);
	clockid_t clocks[] = {tool_cpu_clock(args[4]), tool_cpu_clock(args[5]),
		CLOCK_PROCESS_CPUTIME_ID};
	int64_t cpu_ns[HERD_COUNT(clocks)];
	int64_t wall_ns;
	double answers;

	while (l->kind < KINDS - 1 && strcmp(args[0], kind_names[l->kind]) != 0)
		l->kind++;
	get_ready(l, args[3]);
	ask_at_once(l, (unsigned)atoi(args[2]));
	drive(l, true, now_ns() + (int64_t)(seconds * WARM_UP * 1e9));
	l->tally->answers = l->tally->bytes = 0;
	for (size_t i = 0; i < HERD_COUNT(clocks); i++)
		cpu_ns[i] = tool_clock_ns(clocks[i]);
	wall_ns = now_ns();
	drive(l, true, wall_ns + (int64_t)(seconds * 1e9));
	wall_ns = now_ns() - wall_ns;
	answers = (double)l->tally->answers;
	print_of(args[0], "rate", answers * 1e9 / (double)wall_ns);
	print_of(args[0], "bytes", (double)l->tally->bytes / answers);
	for (size_t i = 0; i < HERD_COUNT(clocks); i++) {
		cpu_ns[i] = tool_clock_ns(clocks[i]) - cpu_ns[i];
		print_of(args[0], names[i], (double)cpu_ns[i] / US / answers);
	}
}

static const struct measurement {
	const char *name;
	void (*measure)(struct load *l, char **args);
	int args;
} measurements[] = {
	{"burst", measure_burst, 1},
	{"same", measure_same, 1},
	{"beside", measure_beside, 4},
	{"rate", measure_rate, 6},
};

int main(int argc, char **argv)
{
	static struct load l;

	tool_name = "whatsat";
	for (size_t i = 0; i < HERD_COUNT(measurements); i++) {
		const struct measurement *m = &measurements[i];

		if (argc != m->args + 2 || strcmp(argv[1], m->name) != 0)
			continue;
		m->measure(&l, argv + 2);
		print("errors", (double)l.tally->errors);
		return 0;
	}
	fputs("usage: whatsat MEASUREMENT ...: see places.sh\n", stderr);
	return 2;
}
