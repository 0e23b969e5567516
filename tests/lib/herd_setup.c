/* herd_setup - from a topology to ports and configuration files. */
#include "herd_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct server *herd_server(struct herd *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++) {
		if (!strcmp(h->servers[i].name, name))
			return &h->servers[i];
	}
	ck_abort_msg("no server %s in this herd", name);
	return NULL;
}

static int bound_socket(uint16_t port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1},
				 sizeof(int)),
		0);
	ck_assert_msg(!bind(fd, (struct sockaddr *)&at, sizeof at), "bind: %s",
		strerror(errno));
	return fd;
}

/* Two sockets with SO_REUSEADDR may share a port as long as only one of them
 * listens: one holds the port for good, the other comes and goes. */
static void server_bind(struct server *s)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;

	s->hold_fd = bound_socket(0);
	ck_assert_int_eq(
		getsockname(s->hold_fd, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	s->listen_fd = bound_socket(s->port);
	ck_assert_int_eq(listen(s->listen_fd, SOMAXCONN), 0);
}

static size_t add_server(struct herd *h, const char *name, size_t len)
{
	struct server *s = &h->servers[h->count];

	for (size_t i = 0; i < h->count; i++) {
		if (strlen(h->servers[i].name) == len &&
			!memcmp(h->servers[i].name, name, len))
			return i;
	}
	ck_assert_uint_lt(h->count, HERD_SERVERS_MAX);
	ck_assert_uint_lt(len, sizeof s->name);
	memcpy(s->name, name, len);
	server_bind(s);
	return h->count++;
}

static void read_topology(struct herd *h, const char *topology)
{
	for (;;) {
		size_t len = strcspn(topology, "- ");
		size_t from = add_server(h, topology, len);

		topology += len;
		if (*topology == '-') {
			topology++;
			len = strcspn(topology, " ");
			ck_assert_uint_lt(h->edge_count, HERD_EDGES_MAX);
			h->edges[h->edge_count].from = from;
			h->edges[h->edge_count].to =
				add_server(h, topology, len);
			h->edge_count++;
			topology += len;
		}
		if (!*topology)
			return;
		topology++;
	}
}

static const char *or_default(const char *text, const char *instead)
{
	return text ? text : instead;
}

bool herd_is_among(const char *names, const char *name)
{
	size_t len = strlen(name);

	if (!names)
		return false;
	if (!strcmp(names, "*"))
		return true;
	for (; *names; names += strcspn(names, " "), names += *names == ' ')
		if (strcspn(names, " ") == len && !memcmp(names, name, len))
			return true;
	return false;
}

static bool is_plain(const struct herd *h, const struct server *s)
{
	return s->other || herd_is_among(h->setup.plain, s->name);
}

static void print_servers(const struct herd *h, FILE *f)
{
	fputs("servers = (\n", f);
	for (size_t i = 0; i < h->count; i++) {
		const char *comma = "";

		fprintf(f,
			"  { name = \"%s\"; host = \"127.0.0.1\"; port = %u;"
			" protocol = \"%s\"; talks_to = [",
			h->servers[i].name, h->servers[i].port,
			is_plain(h, &h->servers[i]) ? "plain" : "herd");
		for (size_t e = 0; e < h->edge_count; e++) {
			if (h->edges[e].from != i)
				continue;
			fprintf(f, "%s \"%s\"", comma,
				h->servers[h->edges[e].to].name);
			comma = ",";
		}
		fprintf(f, " ]; }%s\n", i + 1 < h->count ? "," : "");
	}
	fputs(");\n", f);
}

static const char *write_conf(struct herd *h, const char *design)
{
	const struct herd_setup *setup = &h->setup;
	const char *path = herd_printf(h, "%s/%s.conf", h->dir, design);
	FILE *f = fopen(path, "we");

	ck_assert_msg(f, "%s: %s", path, strerror(errno));
	fprintf(f, "threading = \"%s\";\n%s\n", design,
		or_default(setup->general, "workers = 2;"));
	print_servers(h, f);
	fprintf(f, "log = { directory = \".\"; %s };\n",
		or_default(setup->log, ""));
	fprintf(f, "places = { %s };\n", or_default(setup->places, ""));
	fprintf(f, "peers = { %s };\n", or_default(setup->peers, ""));
	fprintf(f, "limits = { %s };\n",
		or_default(setup->limits, "connections = 200;"));
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

struct herd *herd_new(const struct herd_setup *setup)
{
	static const char *const designs[] = {"threaded", "single"};
	struct herd *h = calloc(1, sizeof *h);

	ck_assert_ptr_nonnull(h);
	h->setup = *setup;
	strcpy(h->dir, "/tmp/herd-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(h->dir));
	herd_start_janitor(h);
	read_topology(h, or_default(setup->topology, HERD_ONE));
	for (size_t i = 0; i < h->count; i++)
		h->servers[i].other =
			herd_is_among(setup->other, h->servers[i].name);
	for (size_t i = 0; i < h->count; i++) {
		const char *design = or_default(setup->design, designs[0]);

		if (!strcmp(design, "mixed"))
			design = designs[i % 2];
		h->servers[i].conf = write_conf(h, design);
	}
	return h;
}

struct herd *herd_up(const struct herd_setup *setup)
{
	struct herd *h = herd_new(setup);

	herd_start_all(h);
	return h;
}

size_t herd_size(const struct herd *h)
{
	return h->count;
}

const char *herd_name(const struct herd *h, size_t index)
{
	ck_assert_uint_lt(index, h->count);
	return h->servers[index].name;
}

uint16_t herd_port(struct herd *h, const char *server)
{
	return herd_server(h, server)->port;
}

const char *herd_conf(struct herd *h, const char *server)
{
	return herd_server(h, server)->conf;
}

int herd_listener(struct herd *h, const char *server)
{
	return herd_server(h, server)->listen_fd;
}
