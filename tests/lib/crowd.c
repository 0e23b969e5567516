/* crowd - see crowd.h. Ten thousand clients at a time: their lines are written
 * once, and get another stamp for each round. */
#include "crowd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd_client.h"

#define TURN      10000 /* clients */
#define LINE_SIZE 64
#define STAMP_LEN 10

const char *crowd_id(unsigned client)
{
	static char id[32];

	snprintf(id, sizeof id, "crowd-%014u", client);
	return id;
}

static void give_up(const char *why)
{
	fprintf(stderr, "crowd: %s\n", why);
	_exit(EXIT_FAILURE);
}

/* Send all of it, and take as many answers, of which each is a line. */
static void talk(int fd, const char *lines, size_t len, size_t answers)
{
	static char page[65536];
	int patience_ms = (int)(HERD_PATIENCE * herd_slow() * 1000);
	ssize_t n;

	while (len || answers) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		p.events |= len ? POLLOUT : 0;
		if (poll(&p, 1, patience_ms) != 1)
			give_up("the server neither reads nor answers");
		n = p.revents & POLLOUT
			    ? send(fd, lines, len, MSG_DONTWAIT | MSG_NOSIGNAL)
			    : 0;
		if (n > 0) {
			lines += n;
			len -= (size_t)n;
		}
		if (!(p.revents & POLLIN))
			continue;
		n = recv(fd, page, sizeof page, MSG_DONTWAIT);
		if (n <= 0)
			give_up("the server went away");
		for (ssize_t i = 0; i < n; i++)
			answers -= page[i] == '\n';
	}
}

static void speak(int fd, const struct crowd *crowd)
{
	static char lines[TURN * LINE_SIZE];
	unsigned end = crowd->first + crowd->clients;

	for (unsigned c = crowd->first; c < end; c += TURN) {
		unsigned count = end - c < TURN ? end - c : TURN;
		size_t len = 0;

		for (unsigned i = 0; i < count; i++)
			len += (size_t)snprintf(lines + len, LINE_SIZE,
				"IAMAT %s +34.06-118.44 %010u\n",
				crowd_id(c + i), 0);
		for (unsigned r = 0; r < crowd->rounds; r++) {
			size_t one = len / count;
			char stamp[16];

			snprintf(
				stamp, sizeof stamp, "%010u", crowd->stamp + r);
			for (unsigned i = 1; i <= count; i++)
				memcpy(lines + i * one - 1 - STAMP_LEN, stamp,
					STAMP_LEN);
			talk(fd, lines, len, count);
		}
	}
}

pid_t crowd_start(struct herd *h, const char *server, const struct crowd *crowd)
{
	struct client *c = client_open(h, server);
	pid_t test = getpid();
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == test)
			speak(client_fd(c), crowd);
		_exit(EXIT_SUCCESS);
	}
	client_close(c);
	return pid;
}

static bool is_over(pid_t crowd, int options)
{
	int status;
	pid_t pid = waitpid(crowd, &status, options);

	ck_assert_int_ge(pid, 0);
	ck_assert_msg(
		!pid || !status, "the crowd ended with %x", (unsigned)status);
	return pid;
}

bool crowd_is_done(pid_t crowd)
{
	return is_over(crowd, WNOHANG);
}

double crowd_say(struct herd *h, const char *server, const struct crowd *crowd)
{
	int64_t start = herd_monotonic_ns();

	(void)is_over(crowd_start(h, server, crowd), 0);
	return (double)(herd_monotonic_ns() - start) / 1e9;
}
