/* doors - see doors.h. */
#include "doors.h"

#include <errno.h>
#include <stdio.h>

#include "herd/sys.h"

static void on_connection(struct reactor_io *io, uint32_t events)
{
	const struct door *door = HERD_CONTAINER(io, struct door, io);
	const struct doors *d = door->doors;
	struct address from;
	int fd;

	(void)events;
	if (sys_accept(io->fd, &from, &fd))
		return; /* it comes again, or was taken back */
	if (d->on_open(d->arg, fd, &from))
		sys_close(fd);
}

static int find_addresses(const struct conf_server *server, struct address *ret,
	size_t *ret_count)
{
	size_t count = 0;
	int rc = 0;

	if (!server->listen_count)
		return address_resolve(
			server->host, server->port, ret, DOORS_MAX, ret_count);
	while (!rc && count < server->listen_count && count < DOORS_MAX) {
		rc = conf_parse_listen(
			server->listen[count], server->port, &ret[count]);
		count++;
	}
	*ret_count = count;
	return rc;
}

static int open_door(struct doors *d, const struct address *at)
{
	struct door *door = &d->all[d->count];
	int rc;

	door->doors = d;
	door->io.on_ready = on_connection;
	rc = sys_listen(at, &door->io.fd);
	if (rc)
		return rc;
	d->count++;
	return reactor_watch(d->reactor, &door->io, EPOLLIN);
}

int doors_open(struct doors *d, const struct conf_server *server, char *error)
{
	struct address found[DOORS_MAX];
	char text[ADDRESS_TEXT];
	size_t count = 0;
	int rc = find_addresses(server, found, &count);

	if (rc) {
		snprintf(error, CONF_ERROR_MAX, "%s: no address of %s: %s",
			server->name, server->host, sys_error_text(rc));
		return rc;
	}
	for (size_t i = 0; !rc && i < count; i++) {
		rc = open_door(d, &found[i]);
		if (!rc)
			continue;
		address_format(&found[i], text);
		snprintf(error, CONF_ERROR_MAX,
			"cannot listen on %s in place of %s: %s%s", text,
			server->name, sys_error_text(rc),
			rc == -EADDRINUSE ? " (herd-bench plays a server that "
					    "does not run)"
					  : "");
	}
	return rc;
}

void doors_close(struct doors *d)
{
	while (d->count) {
		struct reactor_io *io = &d->all[--d->count].io;

		reactor_unwatch(d->reactor, io);
		sys_close(io->fd);
	}
}
