/* load - a closed-loop load driver: so many connections, each with so many
 * requests of 70 bytes under way, against herd, memcached or redis.
 *
 *   load KIND HOST:PORT PID [CONNECTIONS [PIPELINE [IDS [SECONDS]]]]
 *
 * KIND is herd, memcached or redis. It prints one line: answers per second, and
 * the CPU time that process PID used per answer, in microseconds. Every
 * request is an update (IAMAT with a newer stamp; set) of a client or key drawn
 * at random. A benchmark tool, not a test: errors end it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tool.h"

#define REQUEST      70
#define PIPELINE_MAX 256
#define READ_ROOM    65536
#define WARM_UP      0.2 /* of the time, not counted */

/* '#' becomes a digit of the id, '@' of the stamp. */
static const struct kind {
	const char *name;
	const char *request;
} kinds[] = {
	{"herd", "IAMAT client-############# +34.068930-118.445127 "
		 "@@@@@@@@@@.@@@@@@@@@\n"},
	{"memcached", "set client-############# 0 0 35\r\n"
		      "+34.068930-118.4451270000@@@@@@@@@@\r\n"},
	{"redis", "*3\r\n$3\r\nSET\r\n$20\r\nclient-#############\r\n"
		  "$23\r\n+34.068930-11@@@@@@@@@@\r\n"},
};

struct connection {
	int fd;
	unsigned awaited; /* answers */
};

struct load {
	const struct kind *kind;
	unsigned pipeline;
	uint64_t ids;
	uint64_t random;
	uint64_t answers;
	char out[PIPELINE_MAX * REQUEST];
	char in[READ_ROOM];
};

/* xorshift64: quick, and good enough to draw clients. */
static uint64_t draw(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

/* Replace the run of `mark` in a request by the last digits of `number`. */
static void fill(char *request, char mark, uint64_t number)
{
	for (int i = REQUEST - 1; i >= 0; i--) {
		if (request[i] != mark)
			continue;
		request[i] = (char)('0' + number % 10);
		number /= 10;
	}
}

static void send_batch(struct load *l, struct connection *c, uint64_t stamp)
{
	size_t len = l->pipeline * (size_t)REQUEST;

	for (unsigned i = 0; i < l->pipeline; i++) {
		char *request = l->out + i * (size_t)REQUEST;

		memcpy(request, l->kind->request, REQUEST);
		fill(request, '#', draw(l) % l->ids);
		fill(request, '@', stamp + i);
	}
	if (send(c->fd, l->out, len, MSG_NOSIGNAL) != (ssize_t)len)
		tool_die("send");
	c->awaited = l->pipeline;
}

static void take_answers(struct load *l, struct connection *c)
{
	ssize_t n = recv(c->fd, l->in, sizeof l->in, 0);
	const char *p = l->in;

	if (n <= 0)
		tool_die("recv");
	while ((p = memchr(p, '\n', (size_t)(l->in + n - p)))) {
		p++;
		c->awaited--;
		l->answers++;
	}
}

static struct connection *connect_all(
	const char *target, unsigned count, int epoll_fd)
{
	struct connection *all = calloc(count, sizeof *all);

	if (!all)
		tool_die("calloc");
	for (unsigned i = 0; i < count; i++) {
		struct epoll_event event = {
			.events = EPOLLIN, .data.ptr = &all[i]};

		all[i].fd = tool_connect(target);
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event))
			tool_die("epoll_ctl");
	}
	return all;
}

/* Keep all connections busy until `end_ns` (monotonic). */
static void drive(struct load *l, int epoll_fd, int64_t end_ns)
{
	struct epoll_event ready[256];
	int64_t now_ns;

	while ((now_ns = tool_clock_ns(CLOCK_MONOTONIC)) < end_ns) {
		uint64_t stamp = (uint64_t)tool_clock_ns(CLOCK_REALTIME);
		int n = epoll_wait(epoll_fd, ready, HERD_COUNT(ready), 100);

		for (int i = 0; i < n; i++) {
			struct connection *c = ready[i].data.ptr;

			take_answers(l, c);
			if (!c->awaited)
				send_batch(l, c, stamp);
		}
	}
}

int main(int argc, char **argv)
{
	static struct load l = {.pipeline = 1,
		.ids = 10000,
		.random = UINT64_C(88172645463325252)};
	unsigned count = argc > 4 ? (unsigned)atoi(argv[4]) : 64;
	double seconds = argc > 7 ? atof(argv[7]) : 3;
	struct connection *all;
	int64_t start_ns, cpu_ns, wall_ns;
	clockid_t cpu_clock;
	int epoll_fd = epoll_create1(0);

	tool_name = "load";
	if (argc < 4) {
		fputs("usage: load KIND HOST:PORT PID [CONNECTIONS [PIPELINE "
		      "[IDS [SECONDS]]]]\n",
			stderr);
		return 2;
	}
	for (size_t i = 0; i < HERD_COUNT(kinds); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			l.kind = &kinds[i];
	if (argc > 5)
		l.pipeline = (unsigned)atoi(argv[5]);
	if (argc > 6)
		l.ids = (uint64_t)atoll(argv[6]);
	if (!l.kind || !l.pipeline || l.pipeline > PIPELINE_MAX || !l.ids) {
		errno = EINVAL;
		tool_die("arguments");
	}
	cpu_clock = tool_cpu_clock(argv[3]);
	all = connect_all(argv[2], count, epoll_fd);
	start_ns = tool_clock_ns(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < count; i++)
		send_batch(
			&l, &all[i], (uint64_t)tool_clock_ns(CLOCK_REALTIME));
	drive(&l, epoll_fd, start_ns + (int64_t)(seconds * WARM_UP * 1e9));
	l.answers = 0;
	cpu_ns = tool_clock_ns(cpu_clock);
	wall_ns = tool_clock_ns(CLOCK_MONOTONIC);
	drive(&l, epoll_fd, wall_ns + (int64_t)(seconds * 1e9));
	cpu_ns = tool_clock_ns(cpu_clock) - cpu_ns;
	wall_ns = tool_clock_ns(CLOCK_MONOTONIC) - wall_ns;
	printf("%.0f answers/s %.3f us/answer\n",
		(double)l.answers * 1e9 / (double)wall_ns,
		(double)cpu_ns / 1e3 / (double)l.answers);
	free(all);
	return 0;
}
