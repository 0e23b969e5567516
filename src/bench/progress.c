/* progress - one line on standard error; see progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void progress_say(struct progress *p, const char *format, ...)
{
	bool terminal;
	va_list args;

	if (p->quiet)
		return;
	terminal = isatty(STDERR_FILENO);
	if (terminal)
		fputc('\r', stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(terminal ? "\033[K" : "\n", stderr);
	p->in_place = terminal;
}

void progress_show(struct progress *p, const char *what,
	const struct histogram *second, double seconds, uint64_t errors)
{
	progress_say(p,
		"%s: %.0f requests/s, p50 %.1f us, p99 %.1f us, "
		"%" PRIu64 " errors",
		what, (double)second->count / (seconds > 0 ? seconds : 1),
		(double)histogram_percentile(second, 50) / 1e3,
		(double)histogram_percentile(second, 99) / 1e3, errors);
}

void progress_end(struct progress *p)
{
	if (p->in_place)
		fputs("\r\033[K", stderr);
	p->in_place = false;
}
