/* The configuration: what is read, and word for word what is refused. */
#include "herd/conf.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "herd/line.h"
#include "herd/sys.h"

#include "sys_fault.h"

#define ONE_SERVER                                                             \
	"servers = ( { name = \"A\"; host = \"127.0.0.1\"; port = 1000; } );\n"

static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static int read_bytes(const char *bytes, size_t len, const char *path,
	struct conf **ret_conf, char *error)
{
	char *copy = malloc(len);
	FILE *stream;
	int result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, len);
	stream = fmemopen(copy, len, "r");
	ck_assert_ptr_nonnull(stream);
	strcpy(error, "untouched");
	result = conf_read_stream(stream, path, ret_conf, error);
	fclose(stream);
	free(copy);
	return result;
}

/* Read a text that must be good. */
static struct conf *read_good(const char *text, const char *path)
{
	char error[CONF_ERROR_MAX];
	struct conf *conf = NULL;
	int result = read_bytes(text, strlen(text), path, &conf, error);

	ck_assert_msg(result == 0, "%s: %s", text, error);
	return conf;
}

static HERD_PRINTF(2, 3) void append(char *dst, const char *format, ...)
{
	size_t len = strlen(dst);
	va_list args;

	va_start(args, format);
	ck_assert_int_lt(vsnprintf(dst + len, 1024 - len, format, args),
		1024 - (int)len);
	va_end(args);
}

/* What of `c` is not at its default, as the manual states it. */
static void describe(const struct conf *c, char *dst)
{
#define TELL(member, standard, format)                                         \
	do {                                                                   \
		if (c->member != (standard))                                   \
			append(dst, #member "=" format " ", c->member);        \
	} while (0)
#define TELL_TEXT(member, standard)                                            \
	do {                                                                   \
		if (!c->member || strcmp(c->member, (standard)) != 0)          \
			append(dst, #member "=%s ",                            \
				c->member ? c->member : "none");               \
	} while (0)
#define TELL_PATH(member)                                                      \
	do {                                                                   \
		if (c->member)                                                 \
			append(dst, #member "=%s ", c->member);                \
	} while (0)

	dst[0] = '\0';
	TELL(single, false, "%d");
	TELL(workers, 0, "%u");
	TELL(affinity, CONF_AFFINITY_AUTO, "%u");
	TELL(stop_timeout_ns, 2 * HERD_SECOND_NS, "%ld");
	TELL_TEXT(places.provider, "google-legacy");
	TELL_PATH(places.url);
	TELL_PATH(places.key_file);
	TELL(places.timeout_ns, 5 * HERD_SECOND_NS, "%ld");
	TELL(places.transfers, 1024, "%u");
	TELL_TEXT(places.field_mask,
		"places.id,places.displayName,places.location,places.types,"
		"places.formattedAddress");
	TELL(places.native, false, "%d");
	TELL_PATH(places.ca_file);
	TELL_PATH(places.proxy);
	TELL_TEXT(log.directory, "/var/log/herd");
	TELL(log.level, LOG_INFO, "%u");
	TELL(log.messages, true, "%d");
	TELL(log.places_body, false, "%d");
	TELL(log.wait, false, "%d");
	TELL(peers.trust_addresses, false, "%d");
	TELL_PATH(peers.secret_file);
	TELL(peers.sync_interval_s, 30, "%u");
	TELL(limits.line, LINE_MAX_DEFAULT, "%zu");
	TELL(limits.connections, 20000, "%u");
	TELL(limits.write_timeout_ns, 30 * HERD_SECOND_NS, "%ld");
	TELL(limits.clock_ahead_ns, 0, "%ld");
}

static const struct {
	const char *text, *differs;
} good_options[] = {
	{"", ""},
	{"# nothing\n/* at\n all */ // here\n", ""},
	{"threading = \"threaded\";", ""},
	{"threading = \"single\";", "single=1 "},
	{"workers = 5;", "workers=5 "},
	{"workers = 5.0;", "workers=5 "},
	{"workers = 5L;", "workers=5 "},
	{"workers = 1e3;", "workers=1000 "},
	{"workers = 1024", "workers=1024 "},
	{"workers : 0000000000007;", "workers=7 "},
	{"affinity = \"off\";", "affinity=1 "},
	{"stop_timeout = 0;", "stop_timeout_ns=0 "},
	{"stop_timeout = 2;", ""},
	{"stop_timeout = 0.25;", "stop_timeout_ns=250000000 "},
	{"stop_timeout = 3600.0;", "stop_timeout_ns=3600000000000 "},
	{"stop_timeout = 2.00000000001;", ""},
	{"places = { provider = \"google\"; };", "places.provider=google "},
	{"places = { url = \"http://127.0.0.1:1/x\"; };",
		"places.url=http://127.0.0.1:1/x "},
	{"places = { url = \"HTTPS://x\"; };", "places.url=HTTPS://x "},
	{"places = { key_file = \"k/ey\"; };",
		"places.key_file=/etc/herd/k/ey "},
	{"places = { key_file = \"/k\"; };", "places.key_file=/k "},
	{"places = { timeout = 0.001; };", "places.timeout_ns=1000000 "},
	{"places = { transfers = 1; };", "places.transfers=1 "},
	{"places = { field_mask = \"*\"; };", "places.field_mask=* "},
	{"places = { native = true; };", "places.native=1 "},
	{"places = { ca_file = \"ca.pem\"; };",
		"places.ca_file=/etc/herd/ca.pem "},
	{"places = { proxy = \"http://p:3128\"; };",
		"places.proxy=http://p:3128 "},
	{"places = { url = \"http://[::1]:8/a?b=c\"; };",
		"places.url=http://[::1]:8/a?b=c "},
	{"log = { places_body = true; };", "log.places_body=1 "},
	{"log: { directory = \"logs\" };", "log.directory=/etc/herd/logs "},
	{"log = { level = \"error\"; };", "log.level=0 "},
	{"log = { level = \"warning\"; };", "log.level=1 "},
	{"log = { level = \"debug\"; };", "log.level=3 "},
	{"log = { messages = false; };", "log.messages=0 "},
	{"log = { full = \"wait\"; };", "log.wait=1 "},
	{"log = { full = \"drop\"; };", ""},
	{"peers = { trust_addresses = true; sync_interval = 86400.0; };",
		"peers.trust_addresses=1 peers.sync_interval_s=86400 "},
	{"peers = { secret_file = \"herd.secret\"; };",
		"peers.secret_file=/etc/herd/herd.secret "},
	{"limits = { line = 128; connections = 1; write_timeout = 0.5; };",
		"limits.line=128 limits.connections=1 "
		"limits.write_timeout_ns=500000000 "},
	{"limits = { clock_ahead = 31536000; };",
		"limits.clock_ahead_ns=31536000000000000 "},
};

START_TEST(reads_options)
{
	char text[1024], differs[1024];
	struct conf *conf;

	snprintf(text, sizeof text, ONE_SERVER "%s", good_options[_i].text);
	conf = read_good(text, "/etc/herd/herd.conf");
	describe(conf, differs);
	ck_assert_str_eq(differs, good_options[_i].differs);
	ck_assert_str_eq(conf->path, "/etc/herd/herd.conf");
	conf_free(conf);
}
END_TEST

#define A "{ name = \"A\"; host = \"a\"; port = 1; "
#define B "{ name = \"B\"; host = \"b\"; port = 1; "
#define C "{ name = \"C\"; host = \"c\"; port = 1; "

/* NAME@HOST:PORT[LISTEN...]->NEIGHBOURS, and '=' behind a plain one's name */
static const struct {
	const char *text, *graph;
} good_servers[] = {
	{A "} );", "A@a:1-> "},
	{A "}, " B "} );", "A@a:1-> B@b:1-> "},
	{A "talks_to = [ ]; }, " B "talks_to = ( ); } );", "A@a:1-> B@b:1-> "},
	{A "talks_to = [ \"B\" ]; }, " B "} );", "A@a:1->B B@b:1->A "},
	{A "}, " B "talks_to = [ \"A\" ]; } );", "A@a:1->B B@b:1->A "},
	{A "talks_to = [ \"B\" ]; }, " B "talks_to = ( \"A\" ); } );",
		"A@a:1->B B@b:1->A "},
	{A "talks_to = [ \"C\", \"B\" ]; }, " B "talks_to = [ \"C\" ]; }, " C
	   "} );",
		"A@a:1->BC B@b:1->AC C@c:1->AB "},
	{A "}, " B "}, " C "talks_to = [ \"B\", \"A\" ]; } );",
		"A@a:1->C B@b:1->C C@c:1->AB "},
	{A "protocol = \"herd\"; listen = [ ]; } );", "A@a:1-> "},
	{A "protocol = \"plain\"; }, " B "talks_to = [ \"A\" ]; } );",
		"A=@a:1->B B@b:1->A "},
	{A "listen = [ \"0.0.0.0\", \"::1\", \"1.2.3.4:5\", \"[::1]:65535\" ]; "
	   "} );",
		"A@a:1[0.0.0.0][::1][1.2.3.4:5][[::1]:65535]-> "},
	{"{ name = \"0.x_-\"; host = \"::1\"; port = 65535.0; } );",
		"0.x_-@::1:65535-> "},
	{"{ name = \"A\"; host = \"1.2.3.4\"; port = 1; }, { name = \"a\"; "
	 "host = \"1.2.3.4\"; port = 2; } );",
		"A@1.2.3.4:1-> a@1.2.3.4:2-> "},
	{"{ name = \"a23456789b123456789c123456789d123456789e123456789"
	 "f123456789g1234\"; host = \"h\"; port = 1; } );",
		"a23456789b123456789c123456789d123456789e123456789f123456789"
		"g1234@h:1-> "},
	{"{ name = \"A\"; host = \"www.example-1.org\"; port = 80; } );",
		"A@www.example-1.org:80-> "},
};

START_TEST(reads_servers)
{
	char text[1024], graph[1024] = "";
	struct conf *conf;

	snprintf(text, sizeof text, "servers = (\n\n%s", good_servers[_i].text);
	conf = read_good(text, "herd.conf");
	for (size_t i = 0; i < conf->server_count; i++) {
		const struct conf_server *s = &conf->servers[i];

		ck_assert_int_eq(s->line, 3);
		append(graph, "%s%s@%s:%u", s->name, s->plain ? "=" : "",
			s->host, s->port);
		for (size_t j = 0; j < s->listen_count; j++)
			append(graph, "[%s]", s->listen[j]);
		append(graph, "->");
		for (size_t j = 0; j < s->neighbour_count; j++)
			append(graph, "%s",
				conf->servers[s->neighbours[j]].name);
		append(graph, " ");
	}
	ck_assert_str_eq(graph, good_servers[_i].graph);
	conf_free(conf);
}
END_TEST

#define WHOLE " a whole number, "

/* The message without "herd.conf" at its start. */
static const struct {
	const char *text, *message;
} bad_files[] = {
	/* What libconfig would not have told. */
	{"a = \"", ":1: this text has no end; a closing quote is missing"},
	{"\n\"a\n\\\"", ":2: this text has no end; a closing quote is missing"},
	{"#\n\"\n\n\" /*", ":4: this comment has no end; */ is missing"},
	{"\n @include \"/etc/passwd\"\n",
		":2: @include is not supported; one file describes the whole "
		"herd"},
	{"workers =\n4294967297;",
		":2: 4294967297 is too large for any option; ranges are in "
		"herd.conf(5)"},
	{"workers = -99999999999;",
		":1: 99999999999 is too large for any option; ranges are in "
		"herd.conf(5)"},
	{"limits = { line = 0x100000080; };",
		":1: limits.line = 128 is written in hexadecimal; bytes, 128 "
		"to 65536"},
	/* Syntax. */
	{"workers = ;",
		":1: syntax error; look in this line and the one before: "
		"options read NAME = VALUE; servers are separated by ',' with "
		"none after the last, texts stand in double quotes"},
	{"\nthreading = single;",
		":2: syntax error; look in this line and the one before: "
		"options read NAME = VALUE; servers are separated by ',' with "
		"none after the last, texts stand in double quotes"},
	{"workers = 1;\nworkers = 1;",
		":2: duplicate setting name; an option may stand once"},
	{"log = { full = \"drop\"; full = \"drop\"; };",
		":1: duplicate setting name; an option may stand once"},
	{"workers = [ 1, \"a\" ];",
		":1: mismatched element type in array; the values in [ ] are "
		"all of one type"},
	/* Unknown options. */
	{"\nworkes = 1;", ":2: unknown option workes; did you mean workers?"},
	{"limits = {\n\n lines = 1; };",
		":3: unknown option limits.lines; did you mean limits.line?"},
	{"limit = { line = 1; };",
		":1: unknown option limit; did you mean limits?"},
	{"level = \"info\";",
		":1: unknown option level; did you mean log.level?"},
	{"peers = { secret = \"x\"; };",
		":1: unknown option peers.secret; did you mean "
		"peers.secret_file?"},
	{"place = { };", ":1: unknown option place; did you mean places?"},
	{"sync_intervall = 1;",
		":1: unknown option sync_intervall; did you mean "
		"peers.sync_interval?"},
	{"log = { limits = { line = 128; }; };",
		":1: unknown option log.limits; did you mean limits?"},
	{"servers = (\n{ name = \"A\";\nhots = \"a\"; } );",
		":3: unknown option servers.hots; did you mean servers.host?"},
	/* Wrong types. */
	{"workers = \"four\";",
		":1: workers = \"four\" has the wrong type;" WHOLE "0 to 1024"},
	{"workers = true;",
		":1: workers = true has the wrong type;" WHOLE "0 to 1024"},
	{"workers = { };",
		":1: workers = { ... } has the wrong type;" WHOLE "0 to 1024"},
	{"workers = [ 1 ];",
		":1: workers = [ ... ] has the wrong type;" WHOLE "0 to 1024"},
	{"workers = ( 1 );",
		":1: workers = ( ... ) has the wrong type;" WHOLE "0 to 1024"},
	{"threading = 1;",
		":1: threading = 1 has the wrong type; \"threaded\" or "
		"\"single\""},
	{"log = { messages = 1; };",
		":1: log.messages = 1 has the wrong type; true or false"},
	{"\nlog = \"x\";", ":2: log has the wrong type; log = { ... };"},
	{"places = { key_file = 1.5; };",
		":1: places.key_file = 1.5 has the wrong type; the path of a "
		"file"},
	/* Values. */
	{"workers = -1;", ":1: workers = -1 is too small;" WHOLE "0 to 1024"},
	{"workers = 1025;",
		":1: workers = 1025 is too large;" WHOLE "0 to 1024"},
	{"workers = 2.5;", ":1: workers = 2.5 is not whole;" WHOLE "0 to 1024"},
	{"workers = 99999999999999999999L;",
		":1: workers = 9223372036854775807 is too large;" WHOLE
		"0 to 1024"},
	{"stop_timeout = 1e999;",
		":1: stop_timeout = inf is too large; seconds, 0 to 3600"},
	{"stop_timeout = -0.1;",
		":1: stop_timeout = -0.1 is too small; seconds, 0 to 3600"},
	{"places = { timeout = 0; };",
		":1: places.timeout = 0 is too small; seconds, 0.001 to 3600"},
	{"peers = { sync_interval = 0; };",
		":1: peers.sync_interval = 0 is too small; whole seconds, 1 to "
		"86400"},
	{"limits = {\n\n\n\n\n\n\n\n\n\n\nline = 70000;\n};",
		":12: limits.line = 70000 is too large; bytes, 128 to 65536"},
	{"limits = { line = 127; };",
		":1: limits.line = 127 is too small; bytes, 128 to 65536"},
	{"limits = { connections = 0; };",
		":1: limits.connections = 0 is too small;" WHOLE
		"1 to 1000000"},
	{"limits = { write_timeout = 0; };",
		":1: limits.write_timeout = 0 is too small; seconds, 0.001 to "
		"86400"},
	{"limits = { clock_ahead = 31536001; };",
		":1: limits.clock_ahead = 31536001 is too large; seconds, 0 to "
		"31536000"},
	{"threading = \"Single\";",
		":1: threading = \"Single\" is not known; \"threaded\" or "
		"\"single\""},
	{"threading = \"threaded|single\";",
		":1: threading = \"threaded|single\" is not known; "
		"\"threaded\" or \"single\""},
	{"log = { level = \"loud\"; };",
		":1: log.level = \"loud\" is not known; \"error\", "
		"\"warning\", \"info\" or \"debug\""},
	{"affinity = \"o\\nn\\x7f\";",
		":1: affinity = \"o?n?\" is not known; \"auto\" or \"off\""},
	{"log = { directory = \"\"; };",
		":1: log.directory = \"\" is empty; the path of a folder"},
	{"places = { url = \"ftp://x\"; };",
		":1: places.url = \"ftp://x\" is not valid; a web address, "
		"\"http://...\" or \"https://...\", without user, key or "
		"fragment"},
	{"places = { url = \"http://me:pw@x/\"; };",
		":1: places.url = \"http://me:pw@x/\" is not valid; a web "
		"address, \"http://...\" or \"https://...\", without user, key "
		"or fragment"},
	{"places = { url = \"http://x/?a=b&key=k\"; };",
		":1: places.url = \"http://x/?a=b&key=k\" is not valid; a web "
		"address, \"http://...\" or \"https://...\", without user, key "
		"or fragment"},
	{"places = { url = \"https://\"; };",
		":1: places.url = \"https://\" is not valid; a web address, "
		"\"http://...\" or \"https://...\", without user, key or "
		"fragment"},
	{"places = { field_mask = \"places.id, places.types\"; };",
		":1: places.field_mask = \"places.id, places.types\" is not "
		"valid; names of fields with commas between them, without "
		"spaces"},
	{"places = { provider = \"googel\"; };",
		":1: places.provider = \"googel\" is not known; "
		"\"google-legacy\" or \"google\""},
	{"peers = { secret_file = 5; };",
		":1: peers.secret_file = 5 has the wrong type; the path of a "
		"file"},
	{"servers = (" A "\nprotocol = \"Plain\"; } );",
		":2: servers.protocol = \"Plain\" is not known; \"herd\" or "
		"\"plain\""},
	/* Servers. */
	{"workers = 1;",
		": servers is missing; servers = ( { name = \"...\"; host = "
		"\"...\"; port = ...; }, ... )"},
	{"\nservers = ( );",
		":2: servers = ( ... ) names no server; servers = ( { name = "
		"\"...\"; host = \"...\"; port = ...; }, ... )"},
	{"servers = { };",
		":1: servers = { ... } has the wrong type; servers = ( { name "
		"= \"...\"; host = \"...\"; port = ...; }, ... )"},
	{"servers = (\n1 );",
		":2: a server is a group; { name = \"...\"; host = \"...\"; "
		"port = ...; }"},
	{"servers = (\n{\nhost = \"a\"; port = 1; } );",
		":2: servers.name is missing; letters, digits, '.', '_' and "
		"'-', at most 64, starting with a letter or digit"},
	{"servers = ( { name = \"A\"; port = 1; } );",
		":1: servers.host is missing; a host name or an IPv4 or IPv6 "
		"address, without port"},
	{"servers = ( { name = \"A\"; host = \"a\"; } );",
		":1: servers.port is missing;" WHOLE "1 to 65535"},
	{"servers = ( { port = 0; } );",
		":1: servers.port = 0 is too small;" WHOLE "1 to 65535"},
	{"servers = ( { port = 65536; } );",
		":1: servers.port = 65536 is too large;" WHOLE "1 to 65535"},
	{"servers = (" A "},\n" B "},\n{ name = \"A\"; host = \"c\"; "
	 "port = 1; } );",
		":3: there is a server A already, in line 1; names must "
		"differ"},
	{"servers = (" A "},\n{ name = \"B\"; host = \"A\"; port = 1; } );",
		":2: B has the address of A, A port 1; host or port must "
		"differ"},
	{"servers = ( { name = \"A\"; host = \"::1\"; port = 1; },\n"
	 "{ name = \"B\"; host = \"0:0::1\"; port = 1; } );",
		":2: B has the address of A, 0:0::1 port 1; host or port must "
		"differ"},
	{"servers = (" A "\n\ntalks_to = [ \"A\" ]; } );",
		":3: A talks to itself; name the others only"},
	{"servers = (" A "}, " B "\ntalks_to = [ \"A\",\n\"X\" ]; } );",
		":2: B talks to X, which is no server here; there are A, B"},
	{"servers = (" A "talks_to = [ \"B\", \"B\" ]; }, " B "} );",
		":1: servers.talks_to = \"B\" stands there twice; names of "
		"servers, as [ \"Hands\", \"Wilkes\" ]"},
	{"servers = (" A "talks_to = \"B\"; }, " B "} );",
		":1: servers.talks_to = \"B\" has the wrong type; names of "
		"servers, as [ \"Hands\", \"Wilkes\" ]"},
	{"servers = (" A "talks_to = [ 1 ]; } );",
		":1: servers.talks_to = 1 has the wrong type; names of "
		"servers, as [ \"Hands\", \"Wilkes\" ]"},
};

START_TEST(refuses_files)
{
	char error[CONF_ERROR_MAX], expected[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	snprintf(expected, sizeof expected, "herd.conf%s",
		bad_files[_i].message);
	ck_assert_int_eq(
		read_bytes(bad_files[_i].text, strlen(bad_files[_i].text),
			"herd.conf", &conf, error),
		-EINVAL);
	ck_assert_str_eq(error, expected);
	ck_assert_ptr_null(conf);
}
END_TEST

/* Values of one server option, each refused as not valid. */
static const struct {
	const char *option, *value;
} bad_values[] = {
	{"name", "a b"},
	{"name", "-a"},
	{"name", ".."},
	{"name", "_"},
	{"name", "a/b"},
	{"name", "\303\244"},
	{"name", "a123456789b123456789c123456789d123456789e123456789f123456789"
		 "g1234"},
	{"host", "a b"},
	{"host", "a:1"},
	{"host", "127.0.0.1:12000"},
	{"host", "127.0.0.300"},
	{"host", "[::1]"},
	{"host", "-a"},
};

START_TEST(refuses_values)
{
	const char *option = bad_values[_i].option;
	char text[1024], error[CONF_ERROR_MAX], expected[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	snprintf(text, sizeof text, "servers = ( { %s = \"%s\"; } );", option,
		bad_values[_i].value);
	ck_assert_int_eq(
		read_bytes(text, strlen(text), "f", &conf, error), -EINVAL);
	snprintf(expected, sizeof expected,
		"f:1: servers.%s = \"%s\" is not valid; ", option,
		bad_values[_i].value);
	ck_assert_msg(!strncmp(error, expected, strlen(expected)),
		"%s instead of %s", error, expected);
}
END_TEST

static const struct {
	const char *text;
	const char *address; /* NULL: refused */
} listens[] = {
	{"127.0.0.1", "127.0.0.1:7"},
	{"::1", "[::1]:7"},
	{"127.0.0.1:12000", "127.0.0.1:12000"},
	{"[::1]:12000", "[::1]:12000"},
	{"0.0.0.0:1", "0.0.0.0:1"},
	{"", NULL},
	{":1", NULL},
	{"localhost", NULL},
	{"localhost:80", NULL},
	{"127.0.0.1:", NULL},
	{"127.0.0.1:0", NULL},
	{"127.0.0.1:65536", NULL},
	{"127.0.0.1:123456", NULL},
	{"127.0.0.1:+1", NULL},
	{"127.0.0.1:1x", NULL},
	{"[::1]", NULL},
	{"[::1:80", NULL},
	{"[]:80", NULL},
	{"[:80", NULL},
	{"1::2::3:80", NULL},
	{"fe80:0000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000",
		NULL},
	{"000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000:80",
		NULL},
};

START_TEST(parses_listen)
{
	char text[1024], error[CONF_ERROR_MAX], written[ADDRESS_TEXT];
	const char *expected = listens[_i].address;
	struct conf *conf = NULL;
	struct address address;
	int result = conf_parse_listen(listens[_i].text, 7, &address);

	ck_assert_int_eq(result, expected ? 0 : -EINVAL);
	if (expected) {
		address_format(&address, written);
		ck_assert_str_eq(written, expected);
	}
	snprintf(text, sizeof text, "servers = (" A "listen = [ \"%s\" ]; } );",
		listens[_i].text);
	ck_assert_int_eq(
		read_bytes(text, strlen(text), "f", &conf, error), result);
	conf_free(conf);
}
END_TEST

START_TEST(refuses_a_nul_byte)
{
	char error[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	ck_assert_int_eq(
		read_bytes("\n#\n\0\n", 5, "f", &conf, error), -EINVAL);
	ck_assert_str_eq(
		error, "f:3: a NUL byte; a configuration file is text");
}
END_TEST

START_TEST(refuses_what_cannot_be_read)
{
	static const struct {
		const char *path;
		int result;
		const char *error;
	} files[] = {
		{"/nonexistent/herd.conf", -ENOENT,
			"/nonexistent/herd.conf: No such file or directory "
			"(-c FILE names another)"},
		{"/", -EISDIR, "/: Is a directory"},
		{"/dev/zero", -EINVAL,
			"/dev/zero: longer than 1048576 bytes; this is no "
			"configuration file"},
	};

	for (size_t i = 0; i < HERD_COUNT(files); i++) {
		char error[CONF_ERROR_MAX];
		struct conf *conf = NULL;

		ck_assert_int_eq(conf_read(files[i].path, &conf, error),
			files[i].result);
		ck_assert_str_eq(error, files[i].error);
	}
}
END_TEST

/* A path and values of any length must neither overrun the message nor hide
 * what is wrong with it. */
START_TEST(cuts_long_messages)
{
	char *text = malloc(100000);
	char error[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 100000);
	memcpy(text, "threading = \"", 13);
	memcpy(text + 99998, "\";", 2);
	ck_assert_int_eq(read_bytes(text, 100000, "f", &conf, error), -EINVAL);
	ck_assert_uint_lt(strlen(error), 200);

	memset(text, 'x', 100000);
	memcpy(text + 99995, " = 1;", 5);
	ck_assert_int_eq(read_bytes(text, 100000, "f", &conf, error), -EINVAL);
	ck_assert_uint_lt(strlen(error), CONF_ERROR_MAX);

	text[99994] = '\0';
	ck_assert_int_eq(read_bytes("x", 1, text, &conf, error), -EINVAL);
	ck_assert_uint_eq(strlen(error), CONF_ERROR_MAX - 1);
	free(text);
}
END_TEST

/* The list of servers there are ends with "..." when it is too long. */
START_TEST(cuts_long_lists)
{
	char *text = NULL, error[CONF_ERROR_MAX];
	struct conf *conf;
	size_t size, index;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	fprintf(out, "servers = (");
	for (int i = 0; i < 300; i++)
		fprintf(out,
			"%s{ name = \"server%d\"; host = \"h\"; port = %d; }",
			i ? "," : "", i, i + 1);
	fprintf(out, ");");
	fclose(out);
	conf = read_good(text, "/f");
	ck_assert_int_eq(
		conf_find_server(conf, "server300", &index, error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "server0, server1, "));
	ck_assert_str_eq(error + strlen(error) - 5, ", ...");
	conf_free(conf);
	free(text);
}
END_TEST

START_TEST(finds_servers)
{
	struct conf *conf = read_good(
		"servers = (" A "}, " B "}, " C "} );", "/etc/herd.conf");
	char error[CONF_ERROR_MAX] = "untouched";
	size_t index = 7;

	ck_assert_int_eq(conf_find_server(conf, "C", &index, error), 0);
	ck_assert_uint_eq(index, 2);
	ck_assert_str_eq(error, "untouched");
	ck_assert_int_eq(conf_find_server(conf, "c", &index, error), -ENOENT);
	ck_assert_uint_eq(index, 2);
	ck_assert_str_eq(
		error, "/etc/herd.conf: no server c; there are A, B, C");
	conf_free(conf);
}
END_TEST

/* A path that is not absolute starts where the program does. */
START_TEST(makes_paths_absolute)
{
	char *here = get_current_dir_name(), expected[8192];
	struct conf *conf;

	ck_assert_ptr_nonnull(here);
	conf = read_good(
		ONE_SERVER "log = { directory = \"../logs\"; };", "etc/f");
	snprintf(expected, sizeof expected, "%s/etc/f", here);
	ck_assert_str_eq(conf->path, expected);
	snprintf(expected, sizeof expected, "%s/etc/../logs", here);
	ck_assert_str_eq(conf->log.directory, expected);
	conf_free(conf);

	ck_assert_int_eq(chdir("/"), 0);
	conf = read_good(ONE_SERVER, "f");
	ck_assert_str_eq(conf->path, "/f");
	conf_free(conf);
	ck_assert_int_eq(chdir(here), 0);
	free(here);
}
END_TEST

START_TEST(refuses_a_path_from_nowhere)
{
	char *here = get_current_dir_name();
	char gone[] = "/tmp/test_conf.XXXXXX", error[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	ck_assert_ptr_nonnull(here);
	ck_assert_ptr_nonnull(mkdtemp(gone));
	ck_assert_int_eq(chdir(gone), 0);
	ck_assert_int_eq(rmdir(gone), 0);
	ck_assert_int_eq(
		read_bytes(ONE_SERVER, strlen(ONE_SERVER), "f", &conf, error),
		-ENOENT);
	ck_assert_str_eq(
		error, "f: the folder it is in: No such file or directory");
	ck_assert_int_eq(chdir(here), 0);
	free(here);
}
END_TEST

/* The sample has every option at its default, and the default herd. */
START_TEST(reads_the_sample)
{
	static const struct {
		const char *name;
		uint16_t port;
		size_t count, neighbours[4];
	} herd[] = {
		{"Goloman", 12000, 3, {1, 2, 4}},
		{"Hands", 12001, 2, {0, 4}},
		{"Holiday", 12002, 3, {0, 3, 4}},
		{"Welsh", 12003, 1, {2}},
		{"Wilkes", 12004, 3, {0, 1, 2}},
	};
	const char *top = getenv("TOP_SRCDIR");
	char path[4096], differs[1024], error[CONF_ERROR_MAX];
	struct conf *conf = NULL;

	snprintf(path, sizeof path, "%s/etc/herd.conf", top ? top : ".");
	ck_assert_msg(conf_read(path, &conf, error) == 0, "%s", error);
	describe(conf, differs);
	ck_assert_str_eq(differs, "");
	ck_assert_uint_eq(conf->server_count, HERD_COUNT(herd));
	for (size_t i = 0; i < HERD_COUNT(herd); i++) {
		const struct conf_server *s = &conf->servers[i];

		ck_assert_str_eq(s->name, herd[i].name);
		ck_assert_str_eq(s->host, "127.0.0.1");
		ck_assert_uint_eq(s->port, herd[i].port);
		ck_assert_uint_eq(s->listen_count, 0);
		ck_assert_uint_eq(s->neighbour_count, herd[i].count);
		ck_assert_mem_eq(s->neighbours, herd[i].neighbours,
			herd[i].count * sizeof *s->neighbours);
	}
	conf_free(conf);
}
END_TEST

START_TEST(prints_options)
{
	static const char *const parts[] = {
		"\n      the longest line taken from a client\n",
		"  limits.line\n",
		"\n      bytes, 128 to 65536; default 65536; live\n",
		"      true or false; default true; live\n",
		"      \"auto\" or \"off\"; default \"auto\"\n",
		"      a whole number, 1 to 65535; required\n",
		"  peers.secret_file\n",
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	conf_print_options(out);
	fclose(out);
	for (size_t i = 0; i < HERD_COUNT(parts); i++)
		ck_assert_msg(strstr(text, parts[i]) != NULL, "%s", parts[i]);
	free(text);
}
END_TEST

/* Fail the first allocation, then the second, and so on. */
START_TEST(survives_lack_of_memory)
{
	static const char text[] =
		"servers = (" A "talks_to = [ \"B\" ]; listen = [ \"::1\" ]; "
		"}, " B "} );\nlog = { directory = \"logs\"; };\n"
		"places = { provider = \"google\"; };\n";
	char error[CONF_ERROR_MAX];
	unsigned n = 0;

	for (;; n++) {
		struct conf *conf = NULL;
		int result;

		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		result = read_bytes(text, strlen(text), "/f", &conf, error);
		if (!sys_fault_fired(SYS_FAULT_ALLOC)) {
			ck_assert_int_eq(result, 0);
			conf_free(conf);
			break;
		}
		ck_assert_int_eq(result, -ENOMEM);
		ck_assert_str_eq(error, "/f: Cannot allocate memory");
		ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	}
	ck_assert_uint_ge(n, 12);
	conf_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *tcase = tcase_create("conf");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, reads_options, 0, HERD_COUNT(good_options));
	tcase_add_loop_test(tcase, reads_servers, 0, HERD_COUNT(good_servers));
	tcase_add_loop_test(tcase, refuses_files, 0, HERD_COUNT(bad_files));
	tcase_add_loop_test(tcase, refuses_values, 0, HERD_COUNT(bad_values));
	tcase_add_loop_test(tcase, parses_listen, 0, HERD_COUNT(listens));
	tcase_add_test(tcase, refuses_a_nul_byte);
	tcase_add_test(tcase, refuses_what_cannot_be_read);
	tcase_add_test(tcase, cuts_long_messages);
	tcase_add_test(tcase, cuts_long_lists);
	tcase_add_test(tcase, finds_servers);
	tcase_add_test(tcase, makes_paths_absolute);
	tcase_add_test(tcase, refuses_a_path_from_nowhere);
	tcase_add_test(tcase, reads_the_sample);
	tcase_add_test(tcase, prints_options);
	tcase_add_test(tcase, survives_lack_of_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
