/* herdd - the daemon: one server of the herd, in the foreground; herdd(8). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/conf.h"
#include "herd/line.h"
#include "herd/places.h"
#include "herd/server.h"

#define EXIT_USAGE 2

static const char usage[] =
	"usage: herdd [-c FILE] NAME\n"
	"       herdd -t [-c FILE] [NAME]\n"
	"       herdd -V | -h\n"
	"Serve as the server NAME of the herd that FILE describes.\n"
	"\n"
	"  -c, --config FILE  configuration (default " HERD_DEFAULT_CONF ")\n"
	"  -t, --test         check the configuration and exit\n"
	"  -V, --version      version and features\n"
	"  -h, --help         this text\n"
	"\n"
	"SIGTERM and SIGINT stop it, SIGHUP has it read the configuration again,\n"
	"SIGUSR1 reopens the log. See herdd(8), herd.conf(5), herd(7).\n"
	"\n"
	"Options of the configuration; \"live\": changed by SIGHUP, else at start:\n";

struct options {
	const char *conf_path;
	const char *name; /* NULL: not given */
	bool test;
};

static void print_version(void)
{
	printf("herdd " PACKAGE_VERSION "\n"
	       "designs: threaded, single; link protocol %d; line %d bytes\n"
	       "places:"
#define PROVIDER(id, name) " " name
#include "herd/providers.def"
#undef PROVIDER
	       "\n",
		LINE_HELLO_VERSION, LINE_MAX_DEFAULT);
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct options o = {.conf_path = HERD_DEFAULT_CONF};
	int c;

	while ((c = getopt_long(argc, argv, "c:tVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.conf_path = optarg;
			break;
		case 't':
			o.test = true;
			break;
		case 'V':
			print_version();
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			conf_print_options(stdout);
			return EXIT_SUCCESS;
		default: /* getopt has said what is wrong */
			fputs("try herdd --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (argc - optind > 1 || (argc == optind && !o.test)) {
		fprintf(stderr,
			argc == optind
				? "herdd: which server? give its NAME; "
				  "try herdd --help\n"
				: "herdd: one NAME only; try herdd --help\n");
		return EXIT_USAGE;
	}
	o.name = argv[optind]; /* NULL at the end of argv */
	*ret_options = o;
	return -1;
}

static int fail(struct conf *conf, const char *error)
{
	fprintf(stderr, "herdd: %s\n", error);
	conf_free(conf);
	return EXIT_FAILURE;
}

/* As far as it can be done without being the server. */
static int test(struct conf *conf)
{
	char error[CONF_ERROR_MAX];
	struct secret_file secret;
	struct places_common *places;

	if (server_check_trust(conf, error) ||
		server_read_secret(conf, &secret, error))
		return fail(conf, error);
	secret_file_fini(&secret);
	if (places_common_new(conf, false, 1, &places, error))
		return fail(conf, error);
	places_common_free(places);
	printf("%s: %zu server%s, all well\n", conf->path, conf->server_count,
		conf->server_count == 1 ? "" : "s");
	conf_free(conf);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	char error[CONF_ERROR_MAX];
	struct options options;
	struct server *server;
	struct conf *conf;
	size_t self = 0;
	int status = parse_options(argc, argv, &options);
	int rc;

	if (status >= 0)
		return status;
	if (conf_read(options.conf_path, &conf, error))
		return fail(NULL, error);
	if (options.name && conf_find_server(conf, options.name, &self, error))
		return fail(conf, error);
	if (options.test)
		return test(conf);
	if (server_new(conf, self, &server, error))
		return fail(conf, error);
	rc = server_run(server, error);
	server_free(server);
	if (rc)
		return fail(conf, error);
	conf_free(conf);
	return EXIT_SUCCESS;
}
