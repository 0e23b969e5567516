/* conf_servers - the list of servers, and the graph their talks_to make.
 *
 * An edge may be named by one end or by both. Each naming becomes two arrows,
 * there and back; sorted and without repeats, the arrows that leave a server
 * are a run of one array, and that run is its neighbours. */
#include "conf_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "herd/address.h"

#define NAME_BYTES                                                             \
	"abcdefghijklmnopqrstuvwxyz"                                           \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

struct arrow {
	size_t from, to;
};

bool conf_is_server_name(const char *text)
{
	size_t len = strspn(text, NAME_BYTES);

	return len <= CONF_NAME_MAX && !text[len] && !strchr("._-", text[0]);
}

bool conf_is_host(const char *text)
{
	size_t len = strspn(text, NAME_BYTES);
	struct address address;

	/* With a colon it cannot be a name; with digits and dots only it was
	 * not meant as one. */
	if (text[len] || !text[strspn(text, "0123456789.")])
		return address_parse(text, 0, &address) == 0;
	return len <= 253 && !strchr("._-", text[0]);
}

int conf_parse_listen(
	const char *text, uint16_t port, struct address *ret_address)
{
	char host[ADDRESS_TEXT];
	const char *colon = strrchr(text, ':');
	const char *from = text, *to = colon;
	unsigned long number;

	if (address_parse(text, port, ret_address) == 0)
		return 0;
	if (!colon || !colon[1] || strlen(colon + 1) > 5 ||
		colon[1 + strspn(colon + 1, "0123456789")])
		return -EINVAL;
	number = strtoul(colon + 1, NULL, 10);
	if (number < 1 || number > UINT16_MAX)
		return -EINVAL;
	if (*text == '[') {
		from++;
		to--;
		if (to < from || *to != ']')
			return -EINVAL;
	} else if (memchr(text, ':', (size_t)(colon - text))) {
		return -EINVAL;
	}
	if ((size_t)(to - from) >= sizeof host)
		return -EINVAL;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	return address_parse(host, (uint16_t)number, ret_address);
}

bool conf_is_listen(const char *text)
{
	struct address address;

	return conf_parse_listen(text, 1, &address) == 0;
}

static bool same_host(const char *a, const char *b)
{
	struct address x, y;

	if (!strcasecmp(a, b))
		return true;
	return address_parse(a, 0, &x) == 0 && address_parse(b, 0, &y) == 0 &&
	       address_same_host(&x, &y);
}

/* The server at `index` against those before it. */
static int check_unique(
	struct conf_reader *r, const struct conf *conf, size_t index)
{
	const struct conf_server *server = &conf->servers[index];

	for (size_t i = 0; i < index; i++) {
		const struct conf_server *other = &conf->servers[i];

		if (!strcmp(server->name, other->name))
			return conf_complain(r, server->line,
				"there is a server %s already, in line %d; "
				"names must differ",
				server->name, other->line);
		if (server->port == other->port &&
			same_host(server->host, other->host))
			return conf_complain(r, server->line,
				"%s has the address of %s, %.255s port %u; "
				"host or port must differ",
				server->name, other->name, server->host,
				server->port);
	}
	return 0;
}

static int copy_listen(struct conf_reader *r, const config_setting_t *group,
	struct conf_server *server)
{
	const config_setting_t *list =
		config_setting_get_member(group, "listen");
	size_t count = list ? (size_t)config_setting_length(list) : 0;

	if (!count)
		return 0;
	server->listen = conf_take(r, count, sizeof *server->listen);
	if (!server->listen)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		server->listen[i] = conf_take_text(r, text_of(""),
			config_setting_get_string_elem(list, (int)i));
		if (!server->listen[i])
			return -ENOMEM;
	}
	server->listen_count = count;
	return 0;
}

static int read_server(struct conf_reader *r, const config_setting_t *group,
	struct conf *conf, size_t index)
{
	struct conf_server *server = &conf->servers[index];
	int rc;

	server->line = conf_line(group);
	if (!config_setting_is_group(group))
		return conf_complain(r, server->line,
			"a server is a group; { name = \"...\"; "
			"host = \"...\"; port = ...; }");
	conf_set_defaults(&conf_server_table, server);
	rc = conf_read_group(r, &conf_server_table, "servers.", group, server);
	if (!rc)
		rc = copy_listen(r, group, server);
	if (!rc)
		rc = check_unique(r, conf, index);
	return rc;
}

static const config_setting_t *talks_to(
	const config_setting_t *list, size_t index)
{
	return config_setting_get_member(
		config_setting_get_elem(list, (unsigned)index), "talks_to");
}

/* The two arrows of one name in one server's talks_to. */
static int draw_edge(struct conf_reader *r, const struct conf *conf,
	size_t from, const config_setting_t *names, int item,
	struct arrow *arrows)
{
	const char *name = config_setting_get_string_elem(names, item);
	char known[CONF_ERROR_MAX / 2];
	size_t to = 0;

	while (to < conf->server_count &&
		strcmp(name, conf->servers[to].name) != 0)
		to++;
	if (to == from)
		return conf_complain(r, conf_line(names),
			"%s talks to itself; name the others only", name);
	if (to == conf->server_count) {
		conf_list_servers(conf, known, sizeof known);
		return conf_complain(r, conf_line(names),
			"%s talks to %.80s, which is no server here; there "
			"are %s",
			conf->servers[from].name, name, known);
	}
	arrows[0] = (struct arrow){from, to};
	arrows[1] = (struct arrow){to, from};
	return 0;
}

static int compare_arrows(const void *a, const void *b)
{
	const struct arrow *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

/* Hand each server its run of the sorted arrows; `ends` has room for all. */
static void share_out(struct conf *conf, const struct arrow *arrows,
	size_t count, size_t *ends)
{
	for (size_t i = 0; i < count; i++) {
		struct conf_server *server = &conf->servers[arrows[i].from];

		if (i > 0 && compare_arrows(&arrows[i - 1], &arrows[i]) == 0)
			continue;
		if (server->neighbour_count == 0)
			server->neighbours = ends;
		server->neighbour_count++;
		*ends++ = arrows[i].to;
	}
}

static int read_edges(
	struct conf_reader *r, const config_setting_t *list, struct conf *conf)
{
	size_t count = 0, drawn = 0;
	struct arrow *arrows;
	size_t *ends;

	for (size_t i = 0; i < conf->server_count; i++)
		if (talks_to(list, i))
			count += 2 * (size_t)config_setting_length(
					     talks_to(list, i));
	if (!count)
		return 0;
	arrows = conf_take(r, count, sizeof *arrows);
	ends = conf_take(r, count, sizeof *ends);
	if (!arrows || !ends)
		return -ENOMEM;
	for (size_t i = 0; i < conf->server_count; i++) {
		const config_setting_t *names = talks_to(list, i);
		int length = names ? config_setting_length(names) : 0;

		for (int j = 0; j < length; j++, drawn += 2) {
			int rc =
				draw_edge(r, conf, i, names, j, arrows + drawn);

			if (rc)
				return rc;
		}
	}
	qsort(arrows, drawn, sizeof *arrows, compare_arrows);
	share_out(conf, arrows, drawn, ends);
	return 0;
}

int conf_read_servers(
	struct conf_reader *r, const config_setting_t *list, struct conf *conf)
{
	size_t count = (size_t)config_setting_length(list);

	conf->servers = conf_take(r, count, sizeof *conf->servers);
	if (!conf->servers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int rc = read_server(
			r, config_setting_get_elem(list, (unsigned)i), conf, i);

		if (rc)
			return rc;
		conf->server_count++;
	}
	return read_edges(r, list, conf);
}
