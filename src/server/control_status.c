/* control_status - how a server is, a fact per line; herdd(8) says what each of
 * them means. */
#include "control_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_ROOM 512

struct reply {
	struct buf *out;
	bool full; /* no memory: it is not complete */
};

HERD_PRINTF(2, 3)
static void print(struct reply *r, const char *format, ...)
{
	char line[LINE_ROOM];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	HERD_ASSERT(len >= 0 && (size_t)len < sizeof line);
	if (buf_append(r->out, line, (size_t)len))
		r->full = true;
}

#define SECONDS "%" PRId64 ".%03" PRId64
#define SECONDS_ARGS(ns)                                                       \
	(ns) / HERD_SECOND_NS, (ns) % HERD_SECOND_NS / HERD_MS_NS

/* Resident bytes; 0: not known. */
static unsigned long long memory_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void print_server(
	struct reply *r, const struct control_options *o, int64_t uptime_ns)
{
	unsigned clients = 0;

	for (size_t i = 0; i < o->worker_count; i++)
		clients += worker_clients(o->workers[i]);
	print(r, "server %s\nversion " PACKAGE_VERSION "\npid %d\ndesign %s\n",
		o->server, (int)getpid(), o->design);
	print(r, "uptime " SECONDS "\n", SECONDS_ARGS(uptime_ns));
	print(r, "memory %llu\n", memory_bytes());
	print(r, "connected %u\n", clients);
	print(r, "known %zu\n", store_count(o->store));
	print(r, "digest %016" PRIx64 "\n", store_digest(o->store));
}

static void print_link(struct reply *r, const struct control_options *o,
	const struct peer_status *p)
{
	struct neighbour_tally in;

	neighbours_get_tally(o->neighbours, p->which, &in);
	print(r, "link %s state %s\n", p->name, p->state);
	print(r, "link %s for " SECONDS "\n", p->name, SECONDS_ARGS(p->for_ns));
	if (p->trouble)
		print(r, "link %s trouble %s\n", p->name, p->trouble);
	print(r, "link %s lag_changes %" PRIu64 "%s\n", p->name, p->lag.lines,
		p->lag.more ? "+" : "");
	print(r, "link %s lag_seconds " SECONDS "\n", p->name,
		SECONDS_ARGS(p->lag.age_ns));
	print(r, "link %s sent %" PRIu64 "\n", p->name, p->sent);
	print(r, "link %s links_in %u\n", p->name, in.links);
	print(r, "link %s received %" PRIu64 "\n", p->name, in.taken);
	print(r, "link %s skipped %" PRIu64 "\n", p->name, in.skipped);
	print(r, "link %s comparisons %" PRIu64 "\n", p->name, p->comparisons);
	print(r, "link %s repairs %" PRIu64 "\n", p->name, p->repairs);
	print(r, "link %s repaired %" PRIu64 "\n", p->name, p->repaired);
}

int control_write_status(const struct control_options *options,
	int64_t uptime_ns, const struct flood_report *report, struct buf *into)
{
	struct reply r = {.out = into};

	print_server(&r, options, uptime_ns);
	for (size_t i = 0; i < report->count; i++)
		print_link(&r, options, &report->peers[i]);
	print(&r, "END\n");
	return r.full ? -ENOMEM : 0;
}
