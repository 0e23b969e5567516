/* conf_table - every option of the configuration, once.
 *
 * Parser, messages, `herdd --help` and tests/check_docs.sh (which reads this
 * file as text: one ".name = " opens an entry, ".number" and ".text" hold its
 * default) live off these tables, so that an option cannot be known to one of
 * them only. */
#include "conf_reader.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

_Static_assert(CONF_AFFINITY_AUTO == 0 && CONF_AFFINITY_OFF == 1,
	"the words of affinity are in the order of its enum");
_Static_assert(
	LOG_ERROR == 0 && LOG_WARNING == 1 && LOG_INFO == 2 && LOG_DEBUG == 3,
	"the words of log.level are in the order of its enum");

/* "|google-legacy|google" */
static const char provider_words[] =
#define PROVIDER(id, name) "|" name
#include "herd/providers.def"
#undef PROVIDER
	;

/* Web addresses are logged, so that what is secret has no place in them. */
static bool is_url(const char *text)
{
	const char *host;

	if (!strncasecmp(text, "http://", 7))
		host = text + 7;
	else if (!strncasecmp(text, "https://", 8))
		host = text + 8;
	else
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '#')
			return false;
	return strcspn(host, "/?") > 0 &&
	       !memchr(host, '@', strcspn(host, "/?")) &&
	       !strstr(host, "?key=") && !strstr(host, "&key=");
}

static bool is_field_mask(const char *text)
{
	static const char known[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.,*";

	return text[strspn(text, known)] == '\0';
}

#define IN(type, member)                                                       \
	.offset = offsetof(struct type, member),                               \
	.size = sizeof(((struct type *)NULL)->member)

static const struct conf_option options[] = {
	{
		.name = "threading",
		.type = CONF_CHOICE,
		.words = "threaded|single",
		.text = "threaded",
		IN(conf, single),
		.help = "a thread for each role, or one thread for everything",
	},
	{
		.name = "workers",
		.type = CONF_WHOLE,
		.max = 1024,
		.number = 0,
		IN(conf, workers),
		.help = "threads that serve clients; 0: one per usable CPU",
	},
	{
		.name = "affinity",
		.type = CONF_CHOICE,
		.words = "auto|off",
		.text = "auto",
		IN(conf, affinity),
		.help = "pin workers when there is one for each usable CPU",
	},
	{
		.name = "stop_timeout",
		.type = CONF_SECONDS,
		.live = true,
		.unit = "seconds",
		.max = 3600,
		.number = 2.0,
		IN(conf, stop_timeout_ns),
		.help = "how long a stop may take to finish what was begun",
	},
	{
		.name = "servers",
		.type = CONF_SERVERS,
		.live = true,
		.required = true,
		.unit = "servers = ( { name = \"...\"; host = \"...\"; "
			"port = ...; }, ... )",
		.help = "the servers of the herd",
	},
	{
		.name = "places.provider",
		.type = CONF_WORD,
		.words = &provider_words[1],
		.text = "google-legacy",
		IN(conf, places.provider),
		.help = "who is asked what is near a client",
	},
	{
		.name = "places.url",
		.type = CONF_TEXT,
		.unit = "a web address, \"http://...\" or \"https://...\", "
			"without user, key or fragment",
		.fits = is_url,
		IN(conf, places.url),
		.help = "where the provider answers, when not at its usual URL",
	},
	{
		.name = "places.key_file",
		.type = CONF_PATH,
		.unit = "the path of a file",
		IN(conf, places.key_file),
		.help = "the file that holds the key for the provider",
	},
	{
		.name = "places.timeout",
		.type = CONF_SECONDS,
		.unit = "seconds",
		.min = 0.001,
		.max = 3600,
		.number = 5.0,
		IN(conf, places.timeout_ns),
		.help = "how long the provider may take to answer",
	},
	{
		.name = "places.transfers",
		.type = CONF_WHOLE,
		.min = 1,
		.max = 10000,
		.number = 1024,
		IN(conf, places.transfers),
		.help = "questions to the provider under way at a time",
	},
	{
		.name = "places.field_mask",
		.type = CONF_TEXT,
		.unit = "names of fields with commas between them, without "
			"spaces",
		.text = "places.id,places.displayName,places.location,places.types,places.formattedAddress",
		.fits = is_field_mask,
		IN(conf, places.field_mask),
		.help = "what the provider \"google\" is asked to tell of a "
			"place",
	},
	{
		.name = "places.native",
		.type = CONF_BOOL,
		.number = false,
		IN(conf, places.native),
		.help = "pass answers on in the provider's own form",
	},
	{
		.name = "places.ca_file",
		.type = CONF_PATH,
		.unit = "the path of a file",
		IN(conf, places.ca_file),
		.help = "certificates to trust instead of the system's",
	},
	{
		.name = "places.proxy",
		.type = CONF_TEXT,
		.unit = "a web address, \"http://...\" or \"https://...\", "
			"without user, key or fragment",
		.fits = is_url,
		IN(conf, places.proxy),
		.help = "the proxy to ask the provider through",
	},
	{
		.name = "log.directory",
		.type = CONF_PATH,
		.live = true,
		.unit = "the path of a folder",
		.text = "/var/log/herd",
		IN(conf, log.directory),
		.help = "the folder that NAME.log is written to",
	},
	{
		.name = "log.level",
		.type = CONF_CHOICE,
		.live = true,
		.words = "error|warning|info|debug",
		.text = "info",
		IN(conf, log.level),
		.help = "the least important level that is logged",
	},
	{
		.name = "log.messages",
		.type = CONF_BOOL,
		.live = true,
		.number = true,
		IN(conf, log.messages),
		.help = "log every message received and sent",
	},
	{
		.name = "log.places_body",
		.type = CONF_BOOL,
		.live = true,
		.number = false,
		IN(conf, log.places_body),
		.help = "log the places provider's answers in full",
	},
	{
		.name = "log.full",
		.type = CONF_CHOICE,
		.live = true,
		.words = "drop|wait",
		.text = "drop",
		IN(conf, log.wait),
		.help = "when the log cannot keep up: count and drop, or wait",
	},
	{
		.name = "control.directory",
		.type = CONF_PATH,
		.live = true,
		.unit = "the path of a folder",
		IN(conf, control.directory),
		.help = "the folder of the control socket; without it, the "
			"log's",
	},
	{
		.name = "peers.trust_addresses",
		.type = CONF_BOOL,
		.number = false,
		IN(conf, peers.trust_addresses),
		.help = "take a neighbour's source address as its identity",
	},
	{
		.name = "peers.sync_interval",
		.type = CONF_WHOLE,
		.live = true,
		.unit = "whole seconds",
		.min = 1,
		.max = 86400,
		.number = 30,
		IN(conf, peers.sync_interval_s),
		.help = "how often neighbours compare what they hold",
	},
	{
		.name = "peers.secret_file",
		.type = CONF_PATH,
		.unit = "the path of a file",
		IN(conf, peers.secret_file),
		.help = "the file that holds the secret the herd shares",
	},
	{
		.name = "limits.line",
		.type = CONF_WHOLE,
		.live = true,
		.unit = "bytes",
		.min = 128,
		.max = 65536,
		.number = 65536,
		IN(conf, limits.line),
		.help = "the longest line taken from a client",
	},
	{
		.name = "limits.connections",
		.type = CONF_WHOLE,
		.live = true,
		.min = 1,
		.max = 1000000,
		.number = 20000,
		IN(conf, limits.connections),
		.help = "clients connected at the same time",
	},
	{
		.name = "limits.write_timeout",
		.type = CONF_SECONDS,
		.live = true,
		.unit = "seconds",
		.min = 0.001,
		.max = 86400,
		.number = 30,
		IN(conf, limits.write_timeout_ns),
		.help = "close a client that takes no bytes for so long",
	},
	{
		.name = "limits.clock_ahead",
		.type = CONF_SECONDS,
		.live = true,
		.unit = "seconds",
		.max = 31536000,
		.number = 0,
		IN(conf, limits.clock_ahead_ns),
		.help = "refuse IAMATs stamped further ahead; 0: take them all",
	},
};

static const struct conf_option server_options[] = {
	{
		.name = "servers.name",
		.type = CONF_TEXT,
		.required = true,
		.unit = "letters, digits, '.', '_' and '-', at most 64, "
			"starting with a letter or digit",
		.fits = conf_is_server_name,
		IN(conf_server, name),
		.help = "the server's name, as herdd is given it",
	},
	{
		.name = "servers.host",
		.type = CONF_TEXT,
		.required = true,
		.unit = "a host name or an IPv4 or IPv6 address, without port",
		.fits = conf_is_host,
		IN(conf_server, host),
		.help = "where neighbours reach it",
	},
	{
		.name = "servers.port",
		.type = CONF_WHOLE,
		.required = true,
		.min = 1,
		.max = 65535,
		IN(conf_server, port),
		.help = "the TCP port for clients and neighbours",
	},
	{
		.name = "servers.talks_to",
		.type = CONF_TEXTS,
		.unit = "names of servers, as [ \"Hands\", \"Wilkes\" ]",
		.help = "its neighbours; one end of an edge names the other",
	},
	{
		.name = "servers.listen",
		.type = CONF_TEXTS,
		.unit = "numeric addresses, as [ \"0.0.0.0\", "
			"\"10.0.0.1:12000\", \"[::1]:12000\" ]",
		.fits = conf_is_listen,
		.help = "what it binds, when not its host",
	},
	{
		.name = "servers.protocol",
		.type = CONF_CHOICE,
		.words = "herd|plain",
		.text = "herd",
		IN(conf_server, plain),
		.help = "what the others speak with it; plain: AT lines only",
	},
};

const struct conf_table conf_table = {options, HERD_COUNT(options)};
const struct conf_table conf_server_table = {
	server_options, HERD_COUNT(server_options)};

const struct conf_option *conf_table_find(
	const struct conf_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (!strcmp(table->options[i].name, name))
			return &table->options[i];
	return NULL;
}

size_t conf_group_len(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? (size_t)(dot - name) : 0;
}

bool conf_table_has_group(const struct conf_table *table, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < table->count; i++)
		if (conf_group_len(table->options[i].name) == len && len > 0 &&
			!memcmp(table->options[i].name, name, len))
			return true;
	return false;
}

bool conf_word_index(const char *words, const char *word, unsigned *ret_index)
{
	size_t len = strlen(word);

	for (unsigned i = 0; words; i++) {
		const char *end = strchrnul(words, '|');

		if ((size_t)(end - words) == len && !memcmp(words, word, len)) {
			*ret_index = i;
			return true;
		}
		words = *end ? end + 1 : NULL;
	}
	return false;
}

void conf_append(char *dst, size_t room, const char *format, ...)
{
	size_t len = strlen(dst);
	va_list args;

	va_start(args, format);
	vsnprintf(dst + len, room - len, format, args);
	va_end(args);
}

/* "drop|wait" as "\"drop\" or \"wait\"". */
static void append_words(const char *words, char *dst)
{
	const char *between = "";

	while (words) {
		const char *end = strchrnul(words, '|');

		conf_append(dst, CONF_PHRASE, "%s\"%.*s\"", between,
			(int)(end - words), words);
		words = *end ? end + 1 : NULL;
		between = words && !strchr(words, '|') ? " or " : ", ";
	}
}

void conf_option_right(const struct conf_option *option, char *dst)
{
	const char *unit = option->unit;

	dst[0] = '\0';
	switch (option->type) {
	case CONF_BOOL:
		conf_append(dst, CONF_PHRASE, "true or false");
		break;
	case CONF_WHOLE:
	case CONF_SECONDS:
		conf_append(dst, CONF_PHRASE, "%s, %.15g to %.15g",
			unit ? unit : "a whole number", option->min,
			option->max);
		break;
	case CONF_CHOICE:
	case CONF_WORD:
		append_words(option->words, dst);
		if (unit)
			conf_append(dst, CONF_PHRASE, ": %s", unit);
		break;
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_TEXTS:
	case CONF_SERVERS:
		conf_append(dst, CONF_PHRASE, "%s", unit);
		break;
	}
}

static void print_option(FILE *out, const struct conf_option *option)
{
	char right[CONF_PHRASE];

	conf_option_right(option, right);
	fprintf(out, "  %s\n      %s\n      %s", option->name, option->help,
		right);
	if (option->type == CONF_BOOL)
		fprintf(out, "; default %s",
			option->number > 0 ? "true" : "false");
	else if (option->text)
		fprintf(out, "; default \"%s\"", option->text);
	else if (option->required)
		fprintf(out, "; required");
	else if (option->type == CONF_WHOLE || option->type == CONF_SECONDS)
		fprintf(out, "; default %.15g", option->number);
	if (option->live)
		fprintf(out, "; live");
	fputc('\n', out);
}

void conf_print_options(FILE *out)
{
	for (size_t i = 0; i < conf_table.count; i++)
		print_option(out, &conf_table.options[i]);
	for (size_t i = 0; i < conf_server_table.count; i++)
		print_option(out, &conf_server_table.options[i]);
}
