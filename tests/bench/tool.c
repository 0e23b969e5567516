/* tool - dying, clocks, connecting; see tool.h. */
#include "tool.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/address.h"

const char *tool_name;

void tool_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", tool_name, what, strerror(errno));
	exit(EXIT_FAILURE);
}

int64_t tool_clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		tool_die("clock_gettime");
	return t.tv_sec * HERD_SECOND_NS + t.tv_nsec;
}

clockid_t tool_cpu_clock(const char *pid)
{
	clockid_t clock;

	errno = clock_getcpuclockid((pid_t)atoi(pid), &clock);
	if (errno)
		tool_die("PID");
	return clock;
}

static void parse_target(const char *target, struct address *ret_address)
{
	char host[ADDRESS_TEXT];
	const char *colon = strrchr(target, ':');

	if (!colon || colon - target >= ADDRESS_TEXT)
		colon = target;
	snprintf(host, sizeof host, "%.*s", (int)(colon - target), target);
	if (address_parse(host, (uint16_t)atoi(colon + 1), ret_address)) {
		errno = EINVAL;
		tool_die(target);
	}
}

int tool_connect(const char *target)
{
	struct address to;
	int one = 1;
	int fd;

	parse_target(target, &to);
	fd = socket(to.any.sa_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, &to.any, address_len(&to)))
		tool_die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}
