/* herd-places - a places server of one's own; herd-places(1).
 *
 * It stands in for the services that herdd can ask: over the same protocols, in
 * the same layouts, from places of one's own choice. So a herd needs no account
 * anywhere, and its tests no network. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "herd/address.h"
#include "herd/buf.h"
#include "herd/geojson.h"
#include "herd/nearby_http.h"
#include "herd/sys.h"

#define EXIT_USAGE 2

#define LISTEN_DEFAULT "127.0.0.1:12080"
#define DATA_DEFAULT   HERD_DATA_DIR "/places.tsv"

#define DELAY_MAX_MS 3600000
#define FAIL_MIN     300
#define FAIL_MAX     599
#define FILE_MAX     ((size_t)1 << 29)
#define SMALL_MAX    ((size_t)1 << 20) /* keys, certificates */

#define DESCRIPTORS_SPARE 32u
#define CONNECTIONS_MAX   20000u

#define FIRST_INHERITED_FD 3

static const char usage[] =
	"usage: herd-places [OPTION]...\n"
	"Answer what is near a point, as Google's places services do.\n"
	"\n"
	"  -l, --listen ADDRESS:PORT  where to listen (" LISTEN_DEFAULT ")\n"
	"  -d, --data FILE            places to serve\n"
	"                             (" DATA_DEFAULT ")\n"
	"  -g, --geojson FILE         serve the points of this file instead\n"
	"  -c, --cert FILE            serve https with this certificate (PEM)\n"
	"  -k, --key FILE             and its private key (PEM)\n"
	"  -a, --api-key-file FILE    refuse requests without the API key in "
	"it\n"
	"      --delay MS             wait before each answer\n"
	"      --fail STATUS          answer everything with this status\n"
	"      --log                  print a line per request\n"
	"  -V, --version              print the version\n"
	"  -h, --help                 print this\n"
	"\n"
	"SIGTERM and SIGINT stop it. See herd-places(1).\n";

struct options {
	struct address listen;
	const char *data;
	const char *geojson; /* NULL: serve data */
	const char *cert;    /* NULL: http */
	const char *key;
	const char *api_key; /* a file; NULL: any key is right */
	unsigned delay_ms;
	unsigned fail; /* 0: don't */
	bool log;
};

HERD_PRINTF(2, 3)
static int complain(int status, const char *format, ...)
{
	va_list args;

	fputs("herd-places: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* --- the command line ----------------------------------------------------- */

/* Only digits, and at most `max`. */
static bool parse_number(const char *text, unsigned max, unsigned *ret_value)
{
	unsigned value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (unsigned)(*p - '0');
		if (value > max)
			return false;
	}
	*ret_value = value;
	return p > text && *p == '\0';
}

/* "127.0.0.1:12080", "[::1]:12080". */
static bool parse_listen(const char *text, struct address *ret_address)
{
	char host[ADDRESS_TEXT];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
	unsigned port;

	if (bracketed) {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof host ||
		!parse_number(colon + 1, UINT16_MAX, &port))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return bracketed == (strchr(host, ':') != NULL) &&
	       address_parse(host, (uint16_t)port, ret_address) == 0;
}

/* 0, or the exit status. */
static int take_value(struct options *o, int option, const char *value)
{
	switch (option) {
	case 'l':
		if (parse_listen(value, &o->listen))
			return 0;
		return complain(EXIT_USAGE,
			"--listen: '%s' is no ADDRESS:PORT, like " LISTEN_DEFAULT
			" or [::1]:12080",
			value);
	case 'd':
		o->data = value;
		return 0;
	case 'g':
		o->geojson = value;
		return 0;
	case 'c':
		o->cert = value;
		return 0;
	case 'k':
		o->key = value;
		return 0;
	case 'a':
		o->api_key = value;
		return 0;
	case 'D':
		if (parse_number(value, DELAY_MAX_MS, &o->delay_ms))
			return 0;
		return complain(EXIT_USAGE,
			"--delay: '%s' is no number of milliseconds up to %d",
			value, DELAY_MAX_MS);
	default: /* 'F' */
		if (parse_number(value, FAIL_MAX, &o->fail) &&
			o->fail >= FAIL_MIN)
			return 0;
		return complain(EXIT_USAGE,
			"--fail: '%s' is no status of HTTP from %d to %d",
			value, FAIL_MIN, FAIL_MAX);
	}
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"listen", required_argument, NULL, 'l'},
		{"data", required_argument, NULL, 'd'},
		{"geojson", required_argument, NULL, 'g'},
		{"cert", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"api-key-file", required_argument, NULL, 'a'},
		{"delay", required_argument, NULL, 'D'},
		{"fail", required_argument, NULL, 'F'},
		{"log", no_argument, NULL, 'L'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;
	int status = 0;

	while (!status && (c = getopt_long(argc, argv, "l:d:g:c:k:a:Vh", longs,
				   NULL)) != -1) {
		switch (c) {
		case 'L':
			o->log = true;
			break;
		case 'V':
			puts("herd-places " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case '?': /* getopt_long has said what is wrong */
			return EXIT_USAGE;
		default:
			status = take_value(o, c, optarg);
		}
	}
	if (status)
		return status;
	if (optind < argc)
		return complain(EXIT_USAGE,
			"'%s' is no option; see herd-places --help",
			argv[optind]);
	if (!o->cert != !o->key)
		return complain(EXIT_USAGE,
			"--cert and --key go together; --%s is missing",
			o->cert ? "key" : "cert");
	return -1;
}

/* --- files ---------------------------------------------------------------- */

/* The whole of a file, and a NUL that is not counted. */
static int read_file(const char *path, size_t max, struct buf *ret_bytes)
{
	struct buf bytes = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = 1;
	int rc = fd < 0 ? -errno : 0;

	while (!rc && len > 0) {
		char *dst = buf_reserve(&bytes, 65536);

		len = dst ? sys_read(fd, dst, 65535) : -ENOMEM;
		if (len < 0)
			rc = (int)len;
		else if (buf_len(&bytes) + (size_t)len > max)
			rc = -EFBIG;
		else {
			dst[len] = '\0';
			buf_commit(&bytes, (size_t)len);
		}
	}
	if (fd >= 0)
		close(fd);
	if (rc) {
		buf_fini(&bytes);
		complain(0, "%s: %s", path, strerrordesc_np(-rc));
		return rc;
	}
	*ret_bytes = bytes;
	return 0;
}

static struct gazetteer *read_places(const struct options *o)
{
	const char *path = o->geojson ? o->geojson : o->data;
	char error[GAZETTEER_ERROR_MAX];
	struct gazetteer *gazetteer = NULL;
	struct buf bytes;
	struct text text;
	int rc;

	if (read_file(path, FILE_MAX, &bytes))
		return NULL;
	text = buf_text(&bytes);
	rc = o->geojson ? geojson_parse(text, &gazetteer, error)
			: gazetteer_parse(text, &gazetteer, error);
	if (rc)
		complain(0, "%s: %s", path, error);
	buf_fini(&bytes);
	return gazetteer;
}

/* What is secret and what makes up TLS; NULL where there is no such file. */
struct secrets {
	struct buf cert, key, api_key;
};

static void free_secrets(struct secrets *s)
{
	buf_fini(&s->cert);
	buf_fini(&s->key);
	buf_fini(&s->api_key);
}

static int read_secrets(const struct options *o, struct secrets *s)
{
	char *key;
	size_t len;

	if (o->cert && (read_file(o->cert, SMALL_MAX, &s->cert) ||
			       read_file(o->key, SMALL_MAX, &s->key)))
		return -EINVAL;
	if (!o->api_key)
		return 0;
	if (read_file(o->api_key, SMALL_MAX, &s->api_key))
		return -EINVAL;
	key = buf_bytes(&s->api_key);
	len = strcspn(key, " \t\r\n");
	if (len == 0 ||
		strspn(key + len, " \t\r\n") != buf_len(&s->api_key) - len) {
		complain(0, "%s: expected one word, the API key", o->api_key);
		return -EINVAL;
	}
	key[len] = '\0';
	return 0;
}

/* --- start ---------------------------------------------------------------- */

static bool is_inherited(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");

	/* A parent's variables must not be taken for ours. */
	return pid && fds && strtol(pid, NULL, 10) == (long)getpid() &&
	       strtol(fds, NULL, 10) > 0;
}

static int open_listener(const struct options *o, int *ret_fd)
{
	char where[ADDRESS_TEXT];
	int rc;

	if (is_inherited()) {
		*ret_fd = FIRST_INHERITED_FD;
		rc = sys_listener_options(FIRST_INHERITED_FD);
		if (rc)
			complain(0, "LISTEN_FDS: descriptor %d: %s",
				FIRST_INHERITED_FD, strerrordesc_np(-rc));
		return rc;
	}
	rc = sys_listen(&o->listen, ret_fd);
	if (rc) {
		address_format(&o->listen, where);
		complain(0, "cannot listen on %s: %s", where,
			strerrordesc_np(-rc));
	}
	return rc;
}

/* As many connections as there may be descriptors. */
static unsigned raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > CONNECTIONS_MAX + DESCRIPTORS_SPARE)
		return CONNECTIONS_MAX;
	return limit.rlim_cur > 2 * DESCRIPTORS_SPARE
		       ? (unsigned)limit.rlim_cur - DESCRIPTORS_SPARE
		       : DESCRIPTORS_SPARE;
}

static int open_signals(int *ret_fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Whoever reads our log may go before we do. */
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? complain(-errno, "cannot watch for signals: %s",
				     strerrordesc_np(errno))
			   : 0;
}

static void announce(const struct nearby_http_settings *set)
{
	char where[ADDRESS_TEXT];
	struct address a;
	socklen_t len = sizeof a;

	memset(&a, 0, sizeof a);
	if (getsockname(set->listen_fd, &a.any, &len) < 0)
		return;
	address_format(&a, where);
	printf("serving %u places on %s://%s\n",
		(unsigned)gazetteer_count(set->gazetteer),
		set->cert_pem ? "https" : "http", where);
}

static int serve(const struct options *o, const struct gazetteer *gazetteer,
	const struct secrets *secrets)
{
	struct nearby_http_settings set = {
		.gazetteer = gazetteer,
		.api_key = o->api_key ? buf_front(&secrets->api_key) : NULL,
		.cert_pem = o->cert ? buf_front(&secrets->cert) : NULL,
		.key_pem = o->cert ? buf_front(&secrets->key) : NULL,
		.limit = raise_limit(),
		.delay_ms = o->delay_ms,
		.fail = o->fail,
		.log = o->log,
	};
	char error[NEARBY_HTTP_ERROR_MAX];
	struct nearby_http *http;
	int signals;
	int rc;

	if (open_signals(&signals) || open_listener(o, &set.listen_fd))
		return EXIT_FAILURE;
	if (nearby_http_new(&set, &http, error))
		return o->cert ? complain(EXIT_FAILURE, "%s, %s: %s", o->cert,
					 o->key, error)
			       : complain(EXIT_FAILURE, "%s", error);
	announce(&set);
	rc = nearby_http_run(http, signals);
	if (rc)
		complain(0, "%s", strerrordesc_np(-rc));
	nearby_http_free(http);
	close(signals);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {.data = DATA_DEFAULT};
	struct secrets secrets = {.cert = {0}};
	struct gazetteer *gazetteer = NULL;
	int status;

	if (!parse_listen(LISTEN_DEFAULT, &options.listen))
		return EXIT_FAILURE;
	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (read_secrets(&options, &secrets) == 0)
		gazetteer = read_places(&options);
	status =
		gazetteer ? serve(&options, gazetteer, &secrets) : EXIT_FAILURE;
	gazetteer_free(gazetteer);
	free_secrets(&secrets);
	return status;
}
