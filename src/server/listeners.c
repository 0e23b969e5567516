/* listeners - where a server listens; see listeners.h. */
#include "herd/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "herd/address.h"
#include "herd/sys.h"

#define FIRST_INHERITED_FD 3

/* How many sockets were handed to this very process: when LISTEN_PID is given,
 * it tells whether the variables are ours or were meant for a parent. */
static size_t count_inherited(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	long count;

	if (!fds || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	count = strtol(fds, NULL, 10);
	return count > 0 ? (size_t)count : 0;
}

static int inherit(struct listeners *l, size_t count, char *error)
{
	int rc;

	if (count > LISTENERS_MAX) {
		snprintf(error, CONF_ERROR_MAX,
			"LISTEN_FDS: %zu sockets; at most %d", count,
			LISTENERS_MAX);
		return -E2BIG;
	}
	for (size_t i = 0; i < count; i++) {
		l->fd[i] = FIRST_INHERITED_FD + (int)i;
		rc = sys_listener_options(l->fd[i]);
		if (rc) {
			snprintf(error, CONF_ERROR_MAX,
				"LISTEN_FDS: descriptor %d: %s", l->fd[i],
				sys_error_text(rc));
			return rc;
		}
	}
	l->count = count;
	return 0;
}

/* What to look at when a socket cannot be opened. */
static const char *listen_hint(int rc)
{
	switch (rc) {
	case -EADDRINUSE:
		return " (is this server running already?)";
	case -EADDRNOTAVAIL:
		return " (no address of this machine: is NAME right, and the "
		       "server's host?)";
	case -EACCES:
		return " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
	default:
		return "";
	}
}

static int open_one(struct listeners *l, const struct address *at, char *error)
{
	char text[ADDRESS_TEXT];
	int rc = l->count < LISTENERS_MAX ? sys_listen(at, &l->fd[l->count])
					  : -E2BIG;

	if (!rc) {
		l->count++;
		return 0;
	}
	address_format(at, text);
	snprintf(error, CONF_ERROR_MAX, "cannot listen on %s: %s%s", text,
		sys_error_text(rc), listen_hint(rc));
	return rc;
}

static int open_configured(
	struct listeners *l, const struct conf_server *server, char *error)
{
	int rc = 0;

	for (size_t i = 0; i < server->listen_count && !rc; i++) {
		struct address at;

		rc = conf_parse_listen(server->listen[i], server->port, &at);
		HERD_ASSERT(!rc); /* conf has checked it */
		rc = open_one(l, &at, error);
	}
	return rc;
}

/* The host that neighbours dial: every address its name has. */
static int open_host(
	struct listeners *l, const struct conf_server *server, char *error)
{
	struct address at[LISTENERS_MAX];
	size_t count;
	int rc = address_resolve(
		server->host, server->port, at, HERD_COUNT(at), &count);

	if (rc) {
		snprintf(error, CONF_ERROR_MAX,
			"cannot resolve the host \"%s\" of server %s",
			server->host, server->name);
		return rc;
	}
	for (size_t i = 0; i < count && !rc; i++)
		rc = open_one(l, &at[i], error);
	return rc;
}

int listeners_open(const struct conf_server *server,
	struct listeners *ret_listeners, char *error)
{
	struct listeners l = {.count = 0};
	size_t inherited = count_inherited();
	int rc;

	if (inherited)
		rc = inherit(&l, inherited, error);
	else if (server->listen_count)
		rc = open_configured(&l, server, error);
	else
		rc = open_host(&l, server, error);
	if (rc)
		listeners_close(&l);
	else
		*ret_listeners = l;
	return rc;
}

void listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++)
		close(l->fd[i]);
	l->count = 0;
}
