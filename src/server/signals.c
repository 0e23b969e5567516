/* signals - what herdd does when it is told something by a signal. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "herd/sys.h"

#include "parts.h"

static void on_signal(struct reactor_io *io, uint32_t events)
{
	struct server *s = HERD_CONTAINER(io, struct server, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (sys_read(io->fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	switch (info.ssi_signo) {
	case SIGTERM:
		stop_begin(s, "SIGTERM");
		break;
	case SIGINT:
		stop_begin(s, "SIGINT");
		break;
	case SIGHUP:
		reload(s);
		break;
	case SIGUSR1:
		logger_reopen(s->logger);
		break;
	}
}

int signals_open(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	/* SIGXFSZ: a log at its size limit is like a full disk. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
		sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals.fd < 0)
		return -errno;
	s->signals.on_ready = on_signal;
	return reactor_watch(s->main.reactor, &s->signals, EPOLLIN);
}
