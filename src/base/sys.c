/* sys - thin wrappers over the kernel and the C library.
 *
 * They are the seam at which a test takes over: everything whose failure or
 * value a test must choose goes through here, and nothing else lives here. So
 * each function is one call, its EINTR loop, and errno turned into -errno. */
#include "herd/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* netinet/tcp.h's tcp_info lacks bytes_acked */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* What a slow client does not take yet stays with us, where it is bounded: the
 * kernel would hold megabytes of it, and say that there is room again only when
 * a third of them has left. */
#define NOTSENT_MAX 131072

/* A client that vanished without a word is noticed after two minutes. */
#define KEEPALIVE_IDLE_S     60
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES     6

const char *sys_error_text(int rc)
{
	const char *text = strerrordesc_np(-rc);

	return text ? text : "unknown error";
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	/* Cannot fail: both clocks exist on every Linux. */
	clock_gettime(clock, &now);
	return now.tv_sec * HERD_SECOND_NS + now.tv_nsec;
}

int64_t sys_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t sys_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int sys_random(void *dst, size_t len)
{
	char *next = dst;

	while (len > 0) {
		ssize_t got = getrandom(next, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		next += got;
		len -= (size_t)got;
	}
	return 0;
}

void *sys_alloc(size_t size)
{
	return malloc(size);
}

void *sys_alloc_zero(size_t count, size_t size)
{
	return calloc(count, size);
}

void *sys_alloc_aligned(size_t alignment, size_t size)
{
	void *block;

	return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

void *sys_resize(void *block, size_t size)
{
	return realloc(block, size);
}

void sys_free(void *block)
{
	free(block);
}

ssize_t sys_read(int fd, void *dst, size_t room)
{
	ssize_t len;

	do
		len = read(fd, dst, room);
	while (len < 0 && errno == EINTR);
	return len < 0 ? -errno : len;
}

ssize_t sys_send(int fd, const void *src, size_t len)
{
	ssize_t sent;

	do
		sent = send(fd, src, len, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t sys_write(int fd, const void *src, size_t len)
{
	ssize_t written;

	do
		written = write(fd, src, len);
	while (written < 0 && errno == EINTR);
	return written < 0 ? -errno : written;
}

/* accept(2): Linux passes on errors that were pending on the new connection;
 * they are no fault of the listener, and the next connection may be fine.
 * EOPNOTSUPP, which that page names too, is left out: on a socket that cannot
 * accept at all it would come back for ever. */
static bool is_about_one_connection(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

int sys_accept(int listener, struct address *ret_peer, int *ret_fd)
{
	struct address peer;
	int fd;

	do {
		socklen_t len = sizeof peer;
		memset(&peer, 0, sizeof peer);
		fd = accept4(listener, &peer.any, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && is_about_one_connection(errno));
	if (fd < 0)
		return -errno;
	*ret_peer = peer;
	*ret_fd = fd;
	return 0;
}

static int set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof value) < 0)
		return -errno;
	return 0;
}

/* A descriptor or -errno. */
static int new_socket(const struct address *a)
{
	int fd = socket(a->any.sa_family,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	return fd < 0 ? -errno : fd;
}

static int bind_host(int fd, const struct address *host)
{
	struct address local = *host;

	if (local.any.sa_family == AF_INET6)
		local.v6.sin6_port = 0;
	else
		local.v4.sin_port = 0;
	/* The port is then chosen by connect(), which knows the other end and
	 * can use one port towards many of them. Only an economy: without it
	 * all works the same. */
	(void)set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return bind(fd, &local.any, address_len(&local)) < 0 ? -errno : 0;
}

int sys_connect(
	const struct address *to, const struct address *from, int *ret_fd)
{
	int fd = new_socket(to);
	int rc;

	if (fd < 0)
		return fd;
	rc = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (rc < 0)
		goto out_close_fd;
	if (from) {
		rc = bind_host(fd, from);
		if (rc < 0)
			goto out_close_fd;
	}
	/* EINTR too leaves the connection on its way: connect(2). */
	if (connect(fd, &to->any, address_len(to)) < 0 &&
		errno != EINPROGRESS && errno != EINTR) {
		rc = -errno;
		goto out_close_fd;
	}
	*ret_fd = fd;
	return 0;

out_close_fd:
	close(fd);
	return rc;
}

int sys_connected(int fd)
{
	int error;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

void sys_close(int fd)
{
	close(fd);
}

void sys_shut_sending(int fd)
{
	(void)shutdown(fd, SHUT_WR);
}

bool sys_is_quiet(int fd)
{
	int in = 0;
	int out = 0;

	return !ioctl(fd, SIOCINQ, &in) && !ioctl(fd, SIOCOUTQ, &out) && !in &&
	       !out;
}

int sys_bytes_acked(int fd, uint64_t *ret_bytes)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -errno;
	*ret_bytes = info.tcpi_bytes_acked;
	return 0;
}

int sys_peer_address(int fd, struct address *ret_address)
{
	struct address address = {0};
	socklen_t len = sizeof address;

	if (getpeername(fd, &address.any, &len) < 0)
		return -errno;
	*ret_address = address;
	return 0;
}

void sys_limit_unsent(int fd, int bytes)
{
	(void)set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes);
}

int sys_listener_options(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_MAX},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
	};
	int flags;

	for (size_t i = 0; i < HERD_COUNT(options); i++) {
		int rc = set_option(fd, options[i].level, options[i].option,
			options[i].value);
		if (rc < 0)
			return rc;
	}

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int sys_listen(const struct address *at, int *ret_fd)
{
	int fd = new_socket(at);
	int rc;

	if (fd < 0)
		return fd;
	rc = sys_listener_options(fd);
	if (rc < 0)
		goto out_close_fd;
	/* A server that is started again must not wait for the TIME-WAITs of
	 * its previous life. */
	rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc < 0)
		goto out_close_fd;
	/* [::] and 0.0.0.0 are two addresses and may both be listened on. */
	if (at->any.sa_family == AF_INET6) {
		rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		if (rc < 0)
			goto out_close_fd;
	}
	if (bind(fd, &at->any, address_len(at)) < 0 ||
		listen(fd, SYS_LISTEN_BACKLOG) < 0) {
		rc = -errno;
		goto out_close_fd;
	}
	*ret_fd = fd;
	return 0;

out_close_fd:
	close(fd);
	return rc;
}
