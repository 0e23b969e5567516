/* target - finding the server and connecting to it; see target.h. */
#include "target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "herd/sys.h"

#define HOST_MAX      256 /* a DNS name has at most 253 bytes */
#define ADDRESSES_MAX 8
#define PORTS         16384 /* of one address: what is there for certain */
#define SOURCES       250   /* 127.0.0.2 to 127.0.0.251 */

/* "HOST:PORT" or "[V6]:PORT". */
static bool split(const char *text, char *host, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	const char *p = colon ? colon + 1 : text;
	unsigned port = 0;

	while (*p >= '0' && *p <= '9' && port <= UINT16_MAX)
		port = port * 10 + (unsigned)(*p++ - '0');
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) || memchr(text, '[', len)) {
		return false;
	}
	if (len == 0 || len >= HOST_MAX || *p || port == 0 || port > UINT16_MAX)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	*ret_port = (uint16_t)port;
	return true;
}

/* The first that answers. */
static int probe(const struct address *all, size_t count,
	struct address *ret_address, char *error)
{
	int rc = -ENOENT;
	int fd;

	for (size_t i = 0; i < count; i++) {
		rc = target_connect(&all[i], NULL, &fd);
		if (!rc) {
			sys_close(fd);
			*ret_address = all[i];
			return 0;
		}
		target_explain(&all[i], rc, error);
	}
	return rc;
}

int target_find(const char *text, struct address *ret_address, char *error)
{
	struct address all[ADDRESSES_MAX];
	char host[HOST_MAX];
	uint16_t port;
	size_t count;
	int rc;

	if (!split(text, host, &port)) {
		snprintf(error, TARGET_ERROR,
			"'%s' is no HOST:PORT, like localhost:12000 or "
			"[::1]:12000",
			text);
		return -EINVAL;
	}
	rc = address_resolve(host, port, all, HERD_COUNT(all), &count);
	if (rc) {
		snprintf(error, TARGET_ERROR, "cannot find the host %s: %s",
			host,
			rc == -ENOENT ? "no such name" : sys_error_text(rc));
		return rc;
	}
	*ret_address = all[0];
	return count == 1 ? 0 : probe(all, count, ret_address, error);
}

bool target_source(const struct address *to, uint64_t total, uint64_t number,
	struct address *ret_from)
{
	struct address from = {.v4 = {.sin_family = AF_INET}};

	if (total <= PORTS || to->any.sa_family != AF_INET ||
		!address_is_loopback(to))
		return false;
	from.v4.sin_addr.s_addr =
		htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number % SOURCES));
	*ret_from = from;
	return true;
}

int target_connect(
	const struct address *to, const struct address *from, int *ret_fd)
{
	struct pollfd wait = {.events = POLLOUT};
	int rc = sys_connect(to, from, &wait.fd);
	int ready;

	if (rc)
		return rc;
	do
		ready = poll(&wait, 1, TARGET_TIMEOUT_S * 1000);
	while (ready < 0 && errno == EINTR);
	rc = ready > 0   ? sys_connected(wait.fd)
	     : ready < 0 ? -errno
			 : -ETIMEDOUT;
	if (rc) {
		sys_close(wait.fd);
		return rc;
	}
	*ret_fd = wait.fd;
	return 0;
}

void target_explain(const struct address *to, int rc, char *error)
{
	char where[ADDRESS_TEXT];
	const char *why = "";

	address_format(to, where);
	if (rc == -EADDRNOTAVAIL)
		why = ": no port is left for more connections to it (each is "
		      "in use for a minute after it was closed; see "
		      "net.ipv4.ip_local_port_range)";
	else if (rc == -EMFILE)
		why = ": more connections than this process may have "
		      "(ulimit -n)";
	else if (rc == -ECONNRESET)
		why = ": it closes connections (has it a limit of them?)";
	snprintf(error, TARGET_ERROR, "cannot connect to %s: %s%s", where,
		sys_error_text(rc), why);
}
