/* checks - what must be true of the machine before a server starts; see
 * server.h. */
#include "herd/server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "herd/address.h"
#include "herd/thread.h"

#define ADDRESSES_MAX 16

/* Descriptors that are not clients, as many as there usually are: listening
 * sockets, epoll sets, eventfds, the log, links in both directions. When it
 * comes to the worst the acceptor still copes. */
#define RESERVED_DESCRIPTORS 48
#define DESCRIPTORS_PER_PEER 4
#define DESCRIPTORS_PER_LOOP 4

static bool is_on_loopback(const struct conf_server *server)
{
	struct address at[ADDRESSES_MAX];
	size_t count;

	if (address_resolve(
		    server->host, server->port, at, HERD_COUNT(at), &count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!address_is_loopback(&at[i]))
			return false;
	return true;
}

int server_check_trust(const struct conf *conf, char *error)
{
	if (conf->peers.secret_file || conf->peers.trust_addresses)
		return 0;
	for (size_t i = 0; i < conf->server_count; i++) {
		const struct conf_server *s = &conf->servers[i];

		if (is_on_loopback(s))
			continue;
		snprintf(error, CONF_ERROR_MAX,
			"%s:%d: server %s is at %s, which is not known to be a "
			"loopback address: whoever can send from a neighbour's address "
			"could forge locations; share a secret "
			"(peers.secret_file), or set peers.trust_addresses = "
			"true if only the herd can",
			conf->path, s->line, s->name, s->host);
		return -EPERM;
	}
	return 0;
}

int server_read_secret(
	const struct conf *conf, struct secret_file *ret_secret, char *error)
{
	static const struct secret_file_rule rule = {
		.option = "peers.secret_file",
		.right =
			"a file of 16 to 4096 random bytes, the same for every "
			"server, that nobody but its owner may read or write "
			"(chmod 600)",
		.min = 16,
		.only_owner = true,
	};

	*ret_secret = (struct secret_file){0};
	if (!conf->peers.secret_file)
		return 0;
	return secret_file_read(conf->peers.secret_file, &rule, ret_secret,
		error, CONF_ERROR_MAX);
}

int server_check_descriptors(
	const struct conf *conf, unsigned *ret_connections, char *error)
{
	char transfers[40] = "";
	struct rlimit limit;
	rlim_t wanted = conf->limits.connections;
	rlim_t workers =
		conf->workers ? conf->workers : thread_usable_cpus(NULL, 0);
	rlim_t reserved = RESERVED_DESCRIPTORS +
			  DESCRIPTORS_PER_PEER * conf->server_count +
			  DESCRIPTORS_PER_LOOP * (workers + 4);

	if (conf_asks_places(conf)) {
		reserved += conf->places.transfers;
		snprintf(transfers, sizeof transfers,
			" and places.transfers = %u", conf->places.transfers);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_max < wanted || limit.rlim_max <= reserved) {
		snprintf(error, CONF_ERROR_MAX,
			"the descriptor limit is %ju, too low for "
			"limits.connections = %u%s: raise it to %ju "
			"(ulimit -Hn, LimitNOFILE=) or allow fewer",
			(uintmax_t)limit.rlim_max, conf->limits.connections,
			transfers, (uintmax_t)wanted + reserved);
		return -EMFILE;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (wanted > limit.rlim_max - reserved)
		wanted = limit.rlim_max - reserved;
	*ret_connections = (unsigned)wanted;
	return 0;
}
