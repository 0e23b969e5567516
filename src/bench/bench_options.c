/* bench_options - the command line of herd-bench.
 *
 * Options are a table: what a number may be is what an error says. */
#include "herd/bench_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "herd/dialect.h"
#include "herd/stamp.h"

#define EXIT_USAGE 2

#define FLOOD_RATE  1000 /* of flood, if there is no --rate */
#define BOUND_MAX   20
#define RADIUS_MAX  50
#define ZIPF_MAX    10
#define TIME_MAX    86400
#define CLIENTS_MAX 1000000 /* connections */

static const char usage[] =
	"usage: herd-bench [OPTION]... MODE HOST:PORT\n"
	"       herd-bench [OPTION]... flood --config FILE --write SERVER\n"
	"                  --watch SERVER --as SERVER\n"
	"Make load for a server, and tell what it costs.\n"
	"\n"
	"Modes:\n"
	"  closed   so many requests under way on each connection\n"
	"  open     requests at a rate, whatever the server does\n"
	"  connect  connect, one request, its answer, close; again\n"
	"  idle     connections that say nothing: their memory\n"
	"  clients  clients made known, each once: their memory\n"
	"  flood    update at one server, watch at another\n"
	"\n"
	"Load:\n"
	"  -P, --protocol NAME        herd, memcached, redis or echo (herd)\n"
	"  -c, --connections N        in all (64)\n"
	"  -p, --pipeline N           requests under way on each (1)\n"
	"  -r, --rate N               open, flood: requests per second (flood: "
	"1000;\n"
	"                             0: as many as the server takes)\n"
	"  -n, --ids N                distinct clients, or keys (10000)\n"
	"  -z, --zipf S               ids by Zipf's law with this exponent\n"
	"      --reads PERCENT        requests that ask: WHATSAT, get (0)\n"
	"      --radius KM            of WHATSAT (0)\n"
	"      --bound N              of WHATSAT (0)\n"
	"      --talk                 idle: one request on each connection\n"
	"  -t, --time SECONDS         how long to measure (5)\n"
	"      --warm-up SECONDS      how long not to, before (1)\n"
	"      --seed N               of all that is random (1)\n"
	"  -T, --threads N            threads that make load (1)\n"
	"      --cpus LIST            where to pin them, in turn: 0,1\n"
	"\n"
	"What is told:\n"
	"      --pid PID[,PID]...     the server, for its CPU time and memory\n"
	"      --check                compare every answer with what is right\n"
	"      --json                 one JSON object, in one line\n"
	"      --progress             a line per second, even if that is no "
	"terminal\n"
	"  -q, --quiet                no such line\n"
	"\n"
	"flood:\n"
	"      --config FILE          the herd's configuration file\n"
	"      --write SERVER         where clients are updated\n"
	"      --watch SERVER         where the updates are to arrive\n"
	"      --as SERVER            the neighbour of it that herd-bench "
	"plays\n"
	"\n"
	"  -V, --version              print the version\n"
	"  -h, --help                 print this\n"
	"\n"
	"Exit status: 0 all well, 1 wrong answers or no server, 2 usage.\n"
	"See herd-bench(1).\n";

static const struct {
	const char *name;
	enum bench_mode mode;
} modes[] = {
	{"closed", BENCH_CLOSED},
	{"open", BENCH_OPEN},
	{"connect", BENCH_CONNECT},
	{"idle", BENCH_IDLE},
	{"clients", BENCH_CLIENTS},
	{"flood", BENCH_FLOOD},
};

/* Long options without a letter. */
enum {
	OPT_READS = 256,
	OPT_RADIUS,
	OPT_BOUND,
	OPT_TALK,
	OPT_WARM_UP,
	OPT_SEED,
	OPT_CPUS,
	OPT_PID,
	OPT_CHECK,
	OPT_JSON,
	OPT_PROGRESS,
	OPT_CONFIG,
	OPT_WRITE,
	OPT_WATCH,
	OPT_AS,
};

HERD_PRINTF(1, 2)
static int complain(const char *format, ...)
{
	va_list args;

	fputs("herd-bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

const char *bench_mode_name(enum bench_mode mode)
{
	for (size_t i = 0; i < HERD_COUNT(modes); i++)
		if (modes[i].mode == mode)
			return modes[i].name;
	return "";
}

/* --- values --------------------------------------------------------------- */

/* Digits, and no more than `max`; *end: what follows them. */
static bool take_whole(
	const char *text, uint64_t max, uint64_t *ret_value, const char **end)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (p == text || value > max)
		return false;
	*ret_value = value;
	*end = p;
	return true;
}

static int parse_whole(const char *option, const char *text, uint64_t min,
	uint64_t max, uint64_t *ret_value)
{
	const char *end;
	uint64_t value;

	if (!take_whole(text, max, &value, &end) || *end || value < min)
		return complain("--%s: '%s' is no whole number from %" PRIu64
				" to %" PRIu64,
			option, text, min, max);
	*ret_value = value;
	return 0;
}

static int parse_unsigned(const char *option, const char *text, unsigned min,
	unsigned max, unsigned *ret_value)
{
	uint64_t value = 0;
	int status = parse_whole(option, text, min, max, &value);

	if (!status)
		*ret_value = (unsigned)value;
	return status;
}

/* Digits with an optional fraction, like all numbers of herd. */
static int parse_decimal(const char *option, const char *text, double min,
	double max, double *ret_value)
{
	int64_t billionths;
	bool rest;

	if (!stamp_parse(text_of(text), &billionths, &rest) ||
		(double)billionths / 1e9 < min ||
		(double)billionths / 1e9 > max)
		return complain("--%s: '%s' is no number from %g to %.9g, like "
				"2 or 2.5",
			option, text, min, max);
	*ret_value = (double)billionths / 1e9;
	return 0;
}

static int parse_radius(const char *text, struct bench_options *o)
{
	double km;
	int status = parse_decimal("radius", text, 0, RADIUS_MAX, &km);

	if (!status && strlen(text) > DIALECT_RADIUS_MAX)
		return complain("--radius: '%s' has more than %d bytes", text,
			DIALECT_RADIUS_MAX);
	o->radius_km = text;
	return status;
}

static int parse_cpus(const char *text, struct bench_options *o)
{
	const char *p = text;
	uint64_t cpu;

	for (o->cpu_count = 0; o->cpu_count < BENCH_CPUS_MAX; p++) {
		if (!take_whole(p, INT16_MAX, &cpu, &p))
			break;
		o->cpus[o->cpu_count++] = (int)cpu;
		if (!*p)
			return 0;
		if (*p != ',')
			break;
	}
	return complain("--cpus: '%s' is no list of CPUs (at most %d), like 0 "
			"or 0,1",
		text, BENCH_CPUS_MAX);
}

static int parse_pids(const char *text, struct bench_options *o)
{
	const char *p = text;
	uint64_t pid;

	for (o->pid_count = 0; o->pid_count < COST_PIDS_MAX; p++) {
		if (!take_whole(p, INT32_MAX, &pid, &p) || pid == 0)
			break;
		o->pids[o->pid_count++] = (pid_t)pid;
		if (!*p)
			return 0;
		if (*p != ',')
			break;
	}
	return complain("--pid: '%s' is no list of processes (at most %d), "
			"like 4711 or 4711,4712",
		text, COST_PIDS_MAX);
}

static int parse_protocol(const char *text, struct bench_options *o)
{
	o->protocol = text;
	if (dialect_find(text))
		return 0;
	return complain("--protocol: '%s' is none of " DIALECT_NAMES, text);
}

static int parse_reads(const char *text, struct bench_options *o)
{
	double percent = 0;
	int status = parse_decimal("reads", text, 0, 100, &percent);

	if (!status)
		o->reads = percent / 100;
	return status;
}

/* 0 or the exit status. */
static int take_load(int option, const char *value, struct bench_options *o)
{
	switch (option) {
	case 'P':
		return parse_protocol(value, o);
	case 'c':
		return parse_unsigned(
			"connections", value, 1, CLIENTS_MAX, &o->connections);
	case 'p':
		return parse_unsigned(
			"pipeline", value, 1, 65536, &o->pipeline);
	case 'r':
		return parse_decimal("rate", value, 0, 1e9, &o->rate);
	case 'n':
		return parse_whole("ids", value, 1, UINT32_MAX, &o->ids);
	case 'z':
		return parse_decimal("zipf", value, 0.01, ZIPF_MAX, &o->zipf);
	case OPT_READS:
		return parse_reads(value, o);
	case OPT_RADIUS:
		return parse_radius(value, o);
	case OPT_BOUND:
		return parse_unsigned("bound", value, 0, BOUND_MAX, &o->bound);
	case 't':
		return parse_decimal("time", value, 0.01, TIME_MAX, &o->time_s);
	case OPT_WARM_UP:
		return parse_decimal(
			"warm-up", value, 0, TIME_MAX, &o->warm_up_s);
	case OPT_SEED:
		return parse_whole("seed", value, 0, INT64_MAX, &o->seed);
	case 'T':
		return parse_unsigned(
			"threads", value, 1, BENCH_CPUS_MAX, &o->threads);
	case OPT_CPUS:
		return parse_cpus(value, o);
	default: /* OPT_PID */
		return parse_pids(value, o);
	}
}

/* 0, or EXIT_USAGE, or -1 for --version and --help. */
static int take_option(int option, const char *value, struct bench_options *o)
{
	switch (option) {
	case OPT_TALK:
		o->talk = true;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_PROGRESS:
		o->quiet = false;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case OPT_CONFIG:
		o->conf_path = value;
		return 0;
	case OPT_WRITE:
		o->write = value;
		return 0;
	case OPT_WATCH:
		o->watch = value;
		return 0;
	case OPT_AS:
		o->as = value;
		return 0;
	case 'V':
		puts("herd-bench " PACKAGE_VERSION);
		return -1;
	case 'h':
		fputs(usage, stdout);
		return -1;
	case '?': /* getopt_long has said what is wrong */
		return EXIT_USAGE;
	default:
		return take_load(option, value, o);
	}
}

/* --- what goes together --------------------------------------------------- */

static int find_mode(const char *name, struct bench_options *o)
{
	for (size_t i = 0; i < HERD_COUNT(modes); i++)
		if (!strcmp(modes[i].name, name)) {
			o->mode = modes[i].mode;
			return 0;
		}
	return complain("'%s' is no mode; closed, open, connect, idle, clients "
			"and flood are",
		name);
}

static int take_operands(int count, char **words, struct bench_options *o)
{
	int status;

	if (count == 0)
		return complain("a mode is missing: closed, open, connect, "
				"idle, clients or flood; see herd-bench "
				"--help");
	status = find_mode(words[0], o);
	if (status)
		return status;
	if (o->mode == BENCH_FLOOD && count > 1)
		return complain("'%s' is one too many: flood is told its "
				"servers by --config, --write, --watch and "
				"--as",
			words[1]);
	if (o->mode != BENCH_FLOOD && count < 2)
		return complain("%s: HOST:PORT is missing, like "
				"localhost:12000",
			words[0]);
	if (count > 2)
		return complain("'%s' is one too many: expected MODE HOST:PORT",
			words[2]);
	o->target_text = count > 1 ? words[1] : NULL;
	return 0;
}

#define IN(mode) (1U << (mode))
#define ANY_LOAD (IN(BENCH_FLOOD) - 1)
#define LASTING  (IN(BENCH_CLOSED) | IN(BENCH_OPEN))

/* What is of use in some modes only: nobody is to believe that it was heeded in
 * others. */
static const struct {
	int option;
	const char *name;
	unsigned modes;
} uses[] = {
	{'P', "protocol", ANY_LOAD},
	{'p', "pipeline",
		IN(BENCH_CLOSED) | IN(BENCH_CLIENTS) | IN(BENCH_FLOOD)},
	{'r', "rate", IN(BENCH_OPEN) | IN(BENCH_FLOOD)},
	{'z', "zipf", LASTING | IN(BENCH_CONNECT)},
	{OPT_READS, "reads", LASTING},
	{OPT_RADIUS, "radius", LASTING},
	{OPT_BOUND, "bound", LASTING},
	{OPT_TALK, "talk", IN(BENCH_IDLE)},
	{OPT_SEED, "seed", ANY_LOAD},
	{'T', "threads", ANY_LOAD},
	{OPT_CPUS, "cpus", ANY_LOAD},
	{OPT_CHECK, "check", ANY_LOAD},
	{OPT_CONFIG, "config", IN(BENCH_FLOOD)},
	{OPT_WRITE, "write", IN(BENCH_FLOOD)},
	{OPT_WATCH, "watch", IN(BENCH_FLOOD)},
	{OPT_AS, "as", IN(BENCH_FLOOD)},
};

/* given: a bit for each of these that there was. */
static int check_uses(const struct bench_options *o, uint32_t given)
{
	char where[64];
	size_t len = 0;

	for (size_t i = 0; i < HERD_COUNT(uses); i++) {
		if (!(given & 1U << i) || uses[i].modes & IN(o->mode))
			continue;
		for (size_t m = 0; m < HERD_COUNT(modes); m++)
			if (uses[i].modes & IN(modes[m].mode))
				len += (size_t)snprintf(where + len,
					sizeof where - len, "%s%s",
					len ? ", " : "", modes[m].name);
		return complain("--%s: %s does not use it (only: %s)",
			uses[i].name, bench_mode_name(o->mode), where);
	}
	return 0;
}

static uint32_t use_of(int option)
{
	for (size_t i = 0; i < HERD_COUNT(uses); i++)
		if (uses[i].option == option)
			return 1U << i;
	return 0;
}

static int check_flood(const struct bench_options *o)
{
	const char *missing = !o->write   ? "write"
			      : !o->watch ? "watch"
			      : !o->as    ? "as"
					  : NULL;

	if (o->mode != BENCH_FLOOD)
		return 0;
	if (missing)
		return complain("flood: --%s SERVER is missing", missing);
	return 0;
}

static int check_together(const struct bench_options *o)
{
	if (o->mode == BENCH_OPEN && o->rate <= 0)
		return complain("open: --rate is missing: requests per second, "
				"like 10000");
	if (o->connections < o->threads)
		return complain("--connections: %u are too few for %u threads",
			o->connections, o->threads);
	if (o->reads > 0 && !dialect_has_reads(dialect_find(o->protocol)))
		return complain("--reads: there are none in the protocol %s",
			o->protocol);
	return check_flood(o);
}

int bench_options_parse(
	int argc, char **argv, struct bench_options *ret_options)
{
	static const struct option longs[] = {
		{"protocol", required_argument, NULL, 'P'},
		{"connections", required_argument, NULL, 'c'},
		{"pipeline", required_argument, NULL, 'p'},
		{"rate", required_argument, NULL, 'r'},
		{"ids", required_argument, NULL, 'n'},
		{"zipf", required_argument, NULL, 'z'},
		{"reads", required_argument, NULL, OPT_READS},
		{"radius", required_argument, NULL, OPT_RADIUS},
		{"bound", required_argument, NULL, OPT_BOUND},
		{"talk", no_argument, NULL, OPT_TALK},
		{"time", required_argument, NULL, 't'},
		{"warm-up", required_argument, NULL, OPT_WARM_UP},
		{"seed", required_argument, NULL, OPT_SEED},
		{"threads", required_argument, NULL, 'T'},
		{"cpus", required_argument, NULL, OPT_CPUS},
		{"pid", required_argument, NULL, OPT_PID},
		{"check", no_argument, NULL, OPT_CHECK},
		{"json", no_argument, NULL, OPT_JSON},
		{"progress", no_argument, NULL, OPT_PROGRESS},
		{"quiet", no_argument, NULL, 'q'},
		{"config", required_argument, NULL, OPT_CONFIG},
		{"write", required_argument, NULL, OPT_WRITE},
		{"watch", required_argument, NULL, OPT_WATCH},
		{"as", required_argument, NULL, OPT_AS},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct bench_options o = {
		.protocol = "herd",
		.connections = 64,
		.pipeline = 1,
		.rate = -1,
		.ids = 10000,
		.radius_km = "0",
		.time_s = 5,
		.warm_up_s = 1,
		.seed = 1,
		.threads = 1,
		.quiet = !isatty(STDERR_FILENO),
		.conf_path = HERD_DEFAULT_CONF,
	};
	uint32_t given = 0;
	int status = 0;
	int c;

	while (!status && (c = getopt_long(argc, argv, "P:c:p:r:n:z:t:T:qVh",
				   longs, NULL)) != -1) {
		status = take_option(c, optarg, &o);
		given |= use_of(c);
	}
	if (status)
		return status < 0 ? EXIT_SUCCESS : status;
	status = take_operands(argc - optind, argv + optind, &o);
	if (o.rate < 0)
		o.rate = o.mode == BENCH_FLOOD ? FLOOD_RATE : 0;
	if (!status)
		status = check_uses(&o, given);
	if (!status)
		status = check_together(&o);
	if (status)
		return status;
	*ret_options = o;
	return -1;
}
