/* bare - one acceptor, which is main, and epoll workers; see bare.h.
 *
 * The acceptor puts a new connection into the epoll set of its worker, which
 * the kernel allows; from then on it is the worker's. */
#include "bare.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "herd/address.h"
#include "herd/sys.h"
#include "herd/thread.h"
#include "tool.h"

#define READ_ROOM   65536
#define TAIL_MAX    65536
#define WORKERS_MAX 64

struct kept {
	char *bytes; /* NULL: none */
	size_t len;
};

struct connection {
	int fd;
	struct kept tail; /* an unfinished request */
	struct kept rest; /* answers that the socket does not take */
};

struct worker {
	struct thread thread;
	int epoll_fd, cpu;
	bare_answer_fn *answer;
	char in[TAIL_MAX + READ_ROOM];
	char out[BARE_GROWTH * (TAIL_MAX + READ_ROOM)];
};

static void end(struct connection *c)
{
	close(c->fd);
	free(c->tail.bytes);
	free(c->rest.bytes);
	free(c);
}

/* `bytes` may lie in what was kept so far. */
static void keep(struct kept *k, const char *bytes, size_t len)
{
	char *copy = NULL;

	if (len) {
		copy = malloc(len);
		if (!copy)
			tool_die("malloc");
		memcpy(copy, bytes, len);
	}
	free(k->bytes);
	k->bytes = copy;
	k->len = len;
}

static void watch(struct worker *w, struct connection *c, int how)
{
	struct epoll_event event = {
		.events = c->rest.len ? EPOLLOUT : EPOLLIN, .data.ptr = c};

	if (epoll_ctl(w->epoll_fd, how, c->fd, &event))
		tool_die("epoll_ctl");
}

static void send_all(
	struct worker *w, struct connection *c, const char *out, size_t len)
{
	ssize_t n = sys_send(c->fd, out, len);
	bool waited = c->rest.len;

	if (n < 0 && n != -EAGAIN) {
		end(c);
		return;
	}
	n = n < 0 ? 0 : n;
	if (waited || (size_t)n < len)
		keep(&c->rest, out + n, len - (size_t)n);
	if (waited != (c->rest.len > 0))
		watch(w, c, EPOLL_CTL_MOD);
}

static void serve(struct worker *w, struct connection *c)
{
	size_t len = c->tail.len, used, out_len = 0;
	ssize_t n;

	if (c->rest.len) {
		send_all(w, c, c->rest.bytes, c->rest.len);
		return;
	}
	if (len)
		memcpy(w->in, c->tail.bytes, len);
	n = sys_read(c->fd, w->in + len, READ_ROOM);
	if (n == -EAGAIN)
		return;
	len += n > 0 ? (size_t)n : 0;
	used = w->answer(w->in, len, sys_realtime_ns(), w->out, &out_len);
	if (n <= 0 || len - used > TAIL_MAX) {
		end(c);
		return;
	}
	if (c->tail.len || used < len)
		keep(&c->tail, w->in + used, len - used);
	if (out_len)
		send_all(w, c, w->out, out_len);
}

static void run(void *arg)
{
	struct worker *w = arg;
	struct epoll_event ready[256];

	for (;;) {
		int n = epoll_wait(w->epoll_fd, ready, HERD_COUNT(ready), -1);

		for (int i = 0; i < n; i++)
			serve(w, ready[i].data.ptr);
	}
}

/* --- starting --------------------------------------------------------------- */

struct bare {
	struct worker *workers;
	unsigned count, next;
	bool pinned;
};

static struct worker *choose(struct bare *b, int fd)
{
	socklen_t len = sizeof(int);
	int cpu;

	if (b->pinned &&
		!getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &len))
		for (unsigned i = 0; i < b->count; i++)
			if (b->workers[i].cpu == cpu)
				return &b->workers[i];
	return &b->workers[b->next++ % b->count];
}

static void start(struct bare *b, bare_answer_fn *answer)
{
	int cpus[WORKERS_MAX];
	size_t cpu_count = thread_usable_cpus(cpus, WORKERS_MAX);

	b->workers = calloc(b->count, sizeof *b->workers);
	if (!b->workers)
		tool_die("calloc");
	for (unsigned i = 0; i < b->count; i++) {
		struct worker *w = &b->workers[i];

		w->answer = answer;
		w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		w->cpu = b->pinned ? cpus[i % cpu_count] : -1;
		errno = -thread_start(&w->thread, "worker", w->cpu, run, w);
		if (w->epoll_fd < 0 || errno)
			tool_die("worker");
	}
}

static int listen_at(uint16_t port)
{
	struct address at;
	socklen_t len = sizeof at;
	int fd;

	errno = -address_parse("127.0.0.1", port, &at);
	if (!errno)
		errno = -sys_listen(&at, &fd);
	if (errno || getsockname(fd, &at.any, &len))
		tool_die("listen");
	printf("serving on 127.0.0.1:%u\n", address_port(&at));
	fflush(stdout);
	return fd;
}

static void accept_for_ever(struct bare *b, int listener)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	struct address from;

	for (;;) {
		struct connection *c = calloc(1, sizeof *c);

		if (!c)
			tool_die("calloc");
		while ((errno = -sys_accept(listener, &from, &c->fd))) {
			if (errno != EAGAIN)
				tool_die("accept");
			poll(&ready, 1, -1);
		}
		watch(choose(b, c->fd), c, EPOLL_CTL_ADD);
	}
}

int bare_main(const char *name, int argc, char **argv, bare_answer_fn *answer)
{
	struct bare b = {.count = 1};
	int option;

	tool_name = name;
	while ((option = getopt(argc, argv, "w:a")) != -1) {
		if (option == 'w')
			b.count = (unsigned)atoi(optarg);
		else if (option == 'a')
			b.pinned = true;
		else
			goto out_usage;
	}
	if (argc != optind + 1 || !b.count || b.count > WORKERS_MAX)
		goto out_usage;
	start(&b, answer);
	accept_for_ever(&b, listen_at((uint16_t)atoi(argv[optind])));

out_usage:
	fprintf(stderr, "usage: %s [-w WORKERS] [-a] PORT\n", name);
	return 2;
}
