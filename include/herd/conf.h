/* conf - the configuration file of a herd, read, then constant.
 *
 * One libconfig file describes all servers and is the same on every machine.
 * Every option stands in one table in conf_table.c (name, type, unit, range,
 * default, help): parser, error texts and `herdd --help` read it, and a test
 * holds herd.conf(5) and the sample against it.
 *
 * Threads: immutable once read. */
#ifndef HERD_CONF_H
#define HERD_CONF_H

#include <stdio.h>

#include "herd/address.h"
#include "herd/base.h"
#include "herd/log.h"

#define CONF_NAME_MAX 64 /* bytes of a server's name */

struct conf_server {
	const char *name; /* letters, digits, '.', '_', '-'; starts with a
			   * letter or digit (it names the log file) */
	const char *host; /* name or numeric address */
	uint16_t port;
	int line;            /* where the file says so */
	const char **listen; /* numeric "ADDRESS" or "ADDRESS:PORT" or
			      * "[ADDRESS]:PORT"; host when empty */
	size_t listen_count;
	size_t *neighbours; /* indices into conf.servers, ascending; an edge
			     * named by one end holds for both */
	size_t neighbour_count;
	bool plain; /* protocol = "plain": how the others treat it */
};

enum conf_affinity {
	CONF_AFFINITY_AUTO,
	CONF_AFFINITY_OFF,
};

struct conf {
	const char *path; /* of the file, absolute */

	bool single;      /* threading = "single" */
	unsigned workers; /* 0: one per usable CPU */
	enum conf_affinity affinity;
	int64_t stop_timeout_ns;

	struct conf_server *servers;
	size_t server_count;

	struct {
		const char *provider; /* a name in providers.def */
		const char *url;      /* NULL: the provider's own */
		const char *key_file; /* absolute; NULL: none */
		int64_t timeout_ns;
		unsigned transfers; /* of all workers together */
		const char *field_mask;
		bool native;
		const char *ca_file; /* absolute; NULL: the system's */
		const char *proxy;   /* NULL: none */
	} places;                    /* see conf_asks_places */
	struct {
		const char *directory; /* absolute */
		enum log_level level;
		bool messages;
		bool places_body;
		bool wait; /* full = "wait" */
	} log;
	struct {
		const char *directory; /* absolute; NULL: log.directory */
	} control;                     /* see conf_control_directory */
	struct {
		bool trust_addresses;
		unsigned sync_interval_s;
		const char *secret_file; /* absolute; NULL: none */
	} peers;
	struct {
		size_t line; /* bytes */
		unsigned connections;
		int64_t write_timeout_ns;
		int64_t clock_ahead_ns; /* 0: off */
	} limits;
};

#define CONF_ERROR_MAX 1024

/* Read a file. 0; -errno, and in `error` (CONF_ERROR_MAX bytes) one line for
 * people: "FILE:LINE: what is wrong; what would be right". */
HERD_MUST_CHECK int conf_read(
	const char *path, struct conf **ret_conf, char *error);

/* The same from a stream, `path` being its name and the base of relative
 * paths (for tests). */
HERD_MUST_CHECK int conf_read_stream(
	FILE *stream, const char *path, struct conf **ret_conf, char *error);

/* Accepts NULL. */
void conf_free(struct conf *conf);

/* The index of the server called `name`. -ENOENT, and in `error` a line that
 * names the ones there are. */
HERD_MUST_CHECK int conf_find_server(const struct conf *conf, const char *name,
	size_t *ret_index, char *error);

/* What an element of conf_server.listen means; `port` where it names none.
 * 0; -EINVAL. */
HERD_MUST_CHECK int conf_parse_listen(
	const char *text, uint16_t port, struct address *ret_address);

/* --- reading it again ------------------------------------------------------ */

typedef void conf_differs_fn(void *arg, const char *option, bool live);

/* Call `differs` for each option in which they do, servers[self_x] being the
 * same server; `live`: it takes effect while that server runs. Where it is
 * itself is told as "servers.host" and so on, what it sees of the others as
 * "servers". */
void conf_compare(const struct conf *a, size_t self_a, const struct conf *b,
	size_t self_b, conf_differs_fn *differs, void *arg);

/* Set what takes effect at start only back in `next` to what it is in `now`,
 * whose texts it then borrows. */
void conf_keep(const struct conf *now, size_t self_now, struct conf *next,
	size_t self_next);

/* Whether anybody is to be asked what is near: nobody is unless the file says
 * where, or with which key. */
static inline bool conf_asks_places(const struct conf *conf)
{
	return conf->places.url || conf->places.key_file;
}

/* The folder of the control sockets. */
static inline const char *conf_control_directory(const struct conf *conf)
{
	return conf->control.directory ? conf->control.directory
				       : conf->log.directory;
}

/* Every option with what it is for, its range and its default, two or three
 * lines each: for `herdd --help`. */
void conf_print_options(FILE *out);

#endif
