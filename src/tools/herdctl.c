/* herdctl - the herd's client for people.
 *
 * It says one command to one server, or passes on whatever comes in on
 * standard input, and prints the answers as they come; on a terminal, places
 * as a table. A command made from arguments is checked before anything is sent,
 * with the server's own parser, so that a slip gets an explanation and not just
 * "? ". */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "herd/conf.h"
#include "herd/exchange.h"
#include "herd/inspect.h"
#include "herd/line.h"
#include "herd/stamp.h"
#include "herd/sys.h"
#include "herd/whatsat_table.h"

enum exit_code {
	EXIT_ANSWERED = 0,
	EXIT_INVALID = 1,
	EXIT_USAGE = 2,
	EXIT_UNANSWERED = 3,
};

#define TIMEOUT_DEFAULT_S 10
#define TIMEOUT_MAX_S     86400
#define HOST_MAX          256 /* a DNS name has at most 253 bytes */
#define WIDTH_DEFAULT     80

/* An operand is tried inside a line that is right in all else: so the one
 * parser of the protocol tells which of them is wrong. */
struct operand {
	const char *name;
	const char *before;
	const char *after;
	const char *right;
};

struct command {
	const char *name;
	const char *verb;
	int operands_min;
	int operands_max;
	struct operand operands[3];
	const char *hint; /* what a server that says "? " may mean */
	bool table;       /* its answer can be shown as one */
	/* It is asked of servers of this machine, by their control sockets. */
	int (*inspect)(const struct inspect *inspect);
};

#define ID_RIGHT "at least one byte and no white space"
#define LOCATION_RIGHT                                                         \
	"latitude (to 90) and longitude (to 180) in degrees, both with a "     \
	"sign, like +34.068930-118.445127"

static const struct command commands[] = {
	{"iamat", "IAMAT", 2, 3,
		{
			{"ID", "IAMAT ", " +0+0 0", ID_RIGHT},
			{"LOCATION", "IAMAT x ", " 0", LOCATION_RIGHT},
			{"STAMP", "IAMAT x +0+0 ", "",
				"seconds since 1970, to the year 2262, like "
				"1520023934.918963997"},
		},
		"is its clock far behind, or its line limit small?", false,
		NULL},
	{"whatsat", "WHATSAT", 3, 3,
		{
			{"ID", "WHATSAT ", " 0 0", ID_RIGHT},
			{"KM", "WHATSAT x ", " 0", "0 to 50, like 10 or 2.5"},
			{"N", "WHATSAT x 0 ", "", "a whole number, 0 to 20"},
		},
		"it may never have heard of that client", true, NULL},
	{"send", NULL, 0, 0, {{0}}, NULL, false, NULL},
	{"dump", NULL, 0, 1, {{0}}, NULL, false, inspect_dump},
	{"status", NULL, 0, INT_MAX, {{0}}, NULL, false, inspect_status},
};

static const char help[] =
	"usage: herdctl [OPTION]... [HOST:PORT] COMMAND\n"
	"Talk to a server of the herd.\n"
	"\n"
	"Commands:\n"
	"  iamat ID LOCATION [STAMP]  say where a client is (STAMP: now)\n"
	"  whatsat ID KM N            ask for at most N places within KM of "
	"it;\n"
	"                             a table on a terminal, else byte for "
	"byte\n"
	"  send                       pass on standard input, print the "
	"answers\n"
	"  dump [SERVER]              print all that a server of this machine "
	"knows\n"
	"  status [SERVER]...         tell how servers of this machine are\n"
	"\n"
	"Options, which come before the command:\n"
	"  -c, --config FILE          the herd's configuration file\n"
	"                             (" HERD_DEFAULT_CONF ")\n"
	"  -s, --server SERVER        a name in that file, or HOST:PORT\n"
	"                             (the first in the file)\n"
	"  -t, --timeout SECONDS      give up when nothing moves (10)\n"
	"  -T, --table                a table, even if this is no terminal\n"
	"  -r, --raw                  byte for byte, even on a terminal\n"
	"  -V, --version              print the version\n"
	"  -h, --help                 print this\n"
	"\n"
	"Exit status: 0 answered, 1 the server said \"? \" or cannot be "
	"inspected,\n"
	"2 usage, 3 no answer.\n";

struct settings {
	const char *conf_path;
	char *server; /* a name, HOST:PORT; NULL: the file's first */
	int timeout_ms;
	bool table; /* where there can be one; else raw bytes */
	bool raw;   /* was asked for */
};

struct target {
	const char *label; /* what people call it */
	const char *host;
	uint16_t port;
	char host_room[HOST_MAX];
	struct conf *conf; /* NULL: not needed */
};

HERD_PRINTF(2, 3)
static int complain(enum exit_code code, const char *format, ...)
{
	va_list args;

	fputs("herdctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return (int)code;
}

/* --- the command ---------------------------------------------------------- */

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < HERD_COUNT(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static bool has_space(const char *s)
{
	while (*s && !line_is_space(*s))
		s++;
	return *s != '\0';
}

static int check_operand(
	const struct command *c, const struct operand *o, const char *value)
{
	struct buf probe = {0};
	struct line line = {.verb = LINE_INVALID};

	/* Space at an end would pass as space between fields. */
	if (*value && !has_space(value)) {
		if (buf_append_string(&probe, o->before) ||
			buf_append_string(&probe, value) ||
			buf_append_string(&probe, o->after)) {
			buf_fini(&probe);
			return complain(EXIT_USAGE, "out of memory");
		}
		line_parse(buf_text(&probe), &line);
	}
	buf_fini(&probe);
	if (line.verb == LINE_INVALID)
		return complain(EXIT_USAGE, "%s: '%s' is no %s: expected %s",
			c->name, value, o->name, o->right);
	return 0;
}

/* The command's line, checked, with its LF, into `out`. */
static int build_line(
	const struct command *c, int count, char **values, struct buf *out)
{
	char now[32];
	int64_t now_ns = sys_realtime_ns();
	bool full;

	snprintf(now, sizeof now, "%" PRId64 ".%09" PRId64,
		now_ns / HERD_SECOND_NS, now_ns % HERD_SECOND_NS);
	full = buf_append_string(out, c->verb);
	for (int i = 0; i < c->operands_max; i++) {
		const char *value = i < count ? values[i] : now;
		int code = check_operand(c, &c->operands[i], value);

		if (code)
			return code;
		full = full || buf_append_string(out, " ") ||
		       buf_append_string(out, value);
	}
	if (full || buf_append_string(out, "\n"))
		return complain(EXIT_USAGE, "out of memory");
	if (buf_len(out) - 1 > LINE_MAX_DEFAULT)
		return complain(EXIT_USAGE,
			"%s: a line has at most %d bytes, this one %zu",
			c->name, LINE_MAX_DEFAULT, buf_len(out) - 1);
	return 0;
}

/* --- the server ----------------------------------------------------------- */

/* "HOST:PORT" or "[V6]:PORT". */
static int split_host_port(const char *text, struct target *t)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t len = (size_t)(colon - text);
	unsigned port = 0;
	const char *p = colon + 1;

	while (*p >= '0' && *p <= '9' && port <= UINT16_MAX)
		port = port * 10 + (unsigned)(*p++ - '0');
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len) || memchr(host, '[', len)) {
		len = 0;
	}
	if (len == 0 || len >= sizeof t->host_room || *p || port == 0 ||
		port > UINT16_MAX)
		return complain(EXIT_USAGE,
			"'%s' is no HOST:PORT, like localhost:12000 or "
			"[::1]:12000",
			text);
	memcpy(t->host_room, host, len);
	t->host_room[len] = '\0';
	t->host = t->host_room;
	t->port = (uint16_t)port;
	t->label = text;
	return 0;
}

static int find_server(const struct settings *set, struct target *t)
{
	char error[CONF_ERROR_MAX];
	size_t i = 0;

	if (set->server && strchr(set->server, ':'))
		return split_host_port(set->server, t);
	if (conf_read(set->conf_path, &t->conf, error) ||
		(set->server &&
			conf_find_server(t->conf, set->server, &i, error)))
		return complain(EXIT_USAGE, "%s", error);
	t->label = t->conf->servers[i].name;
	t->host = t->conf->servers[i].host;
	t->port = t->conf->servers[i].port;
	return 0;
}

/* --- the conversation ----------------------------------------------------- */

static int connect_server(const struct target *t, int timeout_ms, int *ret_fd)
{
	char where[ADDRESS_TEXT];
	int rc = exchange_connect(t->host, t->port, timeout_ms, where, ret_fd);

	if (rc && !*where)
		return complain(EXIT_UNANSWERED, "cannot find the host %s: %s",
			t->host,
			rc == -ENOENT ? "no such name" : sys_error_text(rc));
	if (rc)
		return complain(EXIT_UNANSWERED, "cannot reach %s (%s): %s",
			t->label, where, sys_error_text(rc));
	return 0;
}

static int judge(const struct command *c, const struct target *t,
	const struct exchange *x, int rc)
{
	if (x->output_error)
		return complain(EXIT_UNANSWERED, "cannot write the answers: %s",
			sys_error_text(x->output_error));
	if (rc == -ETIMEDOUT)
		return complain(EXIT_UNANSWERED, "%s: no answer for %g s",
			t->label, x->timeout_ms / 1000.0);
	if (rc == -EPIPE || (!rc && c->verb && x->received == 0))
		return complain(EXIT_UNANSWERED,
			"%s closed the connection too early", t->label);
	if (rc)
		return complain(EXIT_UNANSWERED, "%s: connection lost: %s",
			t->label, sys_error_text(rc));
	if (x->input_error)
		return complain(EXIT_USAGE, "cannot read the input: %s",
			sys_error_text(x->input_error));
	if (x->refused && c->hint)
		complain(EXIT_INVALID, "%s refused it: %s", t->label, c->hint);
	return x->refused ? EXIT_INVALID : EXIT_ANSWERED;
}

/* --- the answer ----------------------------------------------------------- */

static size_t terminal_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0)
		return size.ws_col;
	return width > 0 ? (size_t)width : WIDTH_DEFAULT;
}

/* Put the table in place of the answer, or leave that as it came. */
static void make_table(char **values, struct exchange *x)
{
	struct text answer = buf_text(&x->kept);
	struct whatsat_view view = {.radius_km = values[1],
		.nothing = !values[2][strspn(values[2], "0")],
		.width = terminal_width(),
		.now_ns = sys_realtime_ns()};
	struct buf table = {0};

	if (whatsat_table(answer, &view, &table)) {
		buf_fini(&table);
		return;
	}
	buf_fini(&x->kept);
	x->kept = table;
}

static int converse(
	const struct command *c, int count, char **values, struct settings *set)
{
	struct target t = {0};
	struct exchange x = {.input = c->verb ? -1 : STDIN_FILENO,
		.output = STDOUT_FILENO,
		.timeout_ms = set->timeout_ms,
		.keep = c->table && set->table};
	int code = c->verb ? build_line(c, count, values, &x.out) : 0;
	int rc;

	if (code)
		goto out_free;
	code = find_server(set, &t);
	if (code)
		goto out_free;
	code = connect_server(&t, set->timeout_ms, &x.socket);
	if (code)
		goto out_free;
	rc = exchange_run(&x);
	if (!rc && x.keep)
		make_table(values, &x);
	if (exchange_write_kept(&x))
		rc = x.output_error;
	code = judge(c, &t, &x, rc);
	close(x.socket);
out_free:
	conf_free(t.conf);
	buf_fini(&x.out);
	return code;
}

/* --- servers of this machine ---------------------------------------------- */

static int inspect(
	const struct command *c, int count, char **names, struct settings *set)
{
	char error[CONF_ERROR_MAX];
	struct inspect in = {.names = count ? names : &set->server,
		.count = count ? (size_t)count : set->server != NULL,
		.timeout_ms = set->timeout_ms,
		.raw = set->raw};
	struct conf *conf;
	int code = 0;

	if (conf_read(set->conf_path, &conf, error))
		return complain(EXIT_USAGE, "%s", error);
	in.conf = conf;
	for (size_t i = 0; i < in.count && !code; i++)
		if (conf_find_server(conf, in.names[i], &(size_t){0}, error))
			code = complain(EXIT_USAGE, "%s", error);
	if (!code)
		code = c->inspect(&in);
	conf_free(conf);
	return code;
}

/* --- the command line ----------------------------------------------------- */

static int parse_timeout(const char *text, int *ret_ms)
{
	int64_t ns;
	bool rest;

	if (!stamp_parse(text_of(text), &ns, &rest) || ns < HERD_MS_NS ||
		ns > TIMEOUT_MAX_S * HERD_SECOND_NS)
		return complain(EXIT_USAGE,
			"--timeout: '%s' is no time-out: seconds, up to %d, "
			"like 2.5",
			text, TIMEOUT_MAX_S);
	*ret_ms = (int)(ns / HERD_MS_NS);
	return 0;
}

/* What follows the options: [HOST:PORT] COMMAND. */
static int run_command(int count, char **words, struct settings *set)
{
	const struct command *c;

	if (count > 0 && !set->server && strchr(words[0], ':')) {
		set->server = *words++;
		count--;
	}
	if (count == 0)
		return complain(EXIT_USAGE,
			"a command is missing: iamat, whatsat, send, dump or "
			"status; see herdctl --help");
	c = find_command(words[0]);
	if (!c)
		return complain(EXIT_USAGE,
			"'%s' is no command; iamat, whatsat, send, dump and "
			"status are",
			words[0]);
	count--;
	if (count < c->operands_min || count > c->operands_max)
		return complain(EXIT_USAGE,
			"%s: too %s arguments; see herdctl --help (options "
			"come before the command)",
			c->name, count < c->operands_min ? "few" : "many");
	if (c->inspect)
		return inspect(c, count, words + 1, set);
	return converse(c, count, words + 1, set);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"server", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"table", no_argument, NULL, 'T'},
		{"raw", no_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct settings set = {.conf_path = HERD_DEFAULT_CONF,
		.timeout_ms = TIMEOUT_DEFAULT_S * 1000,
		.table = isatty(STDOUT_FILENO)};
	int option;

	setlocale(LC_CTYPE, ""); /* which characters the terminal has */
	/* "+": a location south of the equator is not an option. */
	while ((option = getopt_long(
			argc, argv, "+c:s:t:TrVh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			set.conf_path = optarg;
			break;
		case 's':
			set.server = optarg;
			break;
		case 't':
			if (parse_timeout(optarg, &set.timeout_ms))
				return EXIT_USAGE;
			break;
		case 'T':
			set.table = true;
			break;
		case 'r':
			set.table = false;
			set.raw = true;
			break;
		case 'V':
			puts("herdctl " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default: /* getopt_long has said what is wrong */
			return EXIT_USAGE;
		}
	}
	return run_command(argc - optind, argv + optind, &set);
}
