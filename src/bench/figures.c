/* figures - a list, printed as it was filled; see figures.h. */
#include "herd/figures.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "herd/sys.h"

enum figure_kind {
	FIGURE_TEXT,
	FIGURE_COUNT,
	FIGURE_NUMBER,
	FIGURE_OPEN,
	FIGURE_CLOSE,
};

struct figure {
	enum figure_kind kind;
	const char *name; /* borrowed; NULL: of the member */
	char *copy;       /* a text's value, a member's name; or NULL */
	uint64_t count;
	double number;
};

struct figures {
	struct figure *all;
	size_t count, room;
	bool overflow; /* no memory: from then on, nothing is added */
};

int figures_new(struct figures **ret_figures)
{
	struct figures *f = sys_alloc_zero(1, sizeof *f);

	if (!f)
		return -ENOMEM;
	*ret_figures = f;
	return 0;
}

void figures_free(struct figures *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		sys_free(f->all[i].copy);
	sys_free(f->all);
	sys_free(f);
}

/* --- filling it ----------------------------------------------------------- */

#define ROOM_AT_FIRST 64

static bool has_room(struct figures *f)
{
	size_t room = f->room ? 2 * f->room : ROOM_AT_FIRST;
	struct figure *all;

	if (f->count < f->room)
		return true;
	all = sys_resize(f->all, room * sizeof *all);
	if (!all)
		return false;
	f->all = all;
	f->room = room;
	return true;
}

/* `copied`: NULL, or what is to be copied. */
static void add(
	struct figures *f, const struct figure *figure, const char *copied)
{
	char *copy = NULL;

	if (f->overflow)
		return;
	if (copied) {
		size_t size = strlen(copied) + 1;

		copy = sys_alloc(size);
		if (!copy)
			goto out_overflow;
		memcpy(copy, copied, size);
	}
	if (!has_room(f))
		goto out_overflow;
	f->all[f->count] = *figure;
	f->all[f->count++].copy = copy;
	return;

out_overflow:
	sys_free(copy);
	f->overflow = true;
}

void figures_add_text(struct figures *f, const char *name, const char *value)
{
	add(f, &(struct figure){.kind = FIGURE_TEXT, .name = name}, value);
}

void figures_add_count(struct figures *f, const char *name, uint64_t value)
{
	add(f,
		&(struct figure){
			.kind = FIGURE_COUNT, .name = name, .count = value},
		NULL);
}

void figures_add(struct figures *f, const char *name, double value)
{
	add(f,
		&(struct figure){
			.kind = FIGURE_NUMBER, .name = name, .number = value},
		NULL);
}

void figures_open(struct figures *f, const char *name)
{
	add(f, &(struct figure){.kind = FIGURE_OPEN, .name = name}, NULL);
}

void figures_add_member(struct figures *f, const char *member, double value)
{
	add(f, &(struct figure){.kind = FIGURE_NUMBER, .number = value},
		member);
}

void figures_close(struct figures *f)
{
	add(f, &(struct figure){.kind = FIGURE_CLOSE}, NULL);
}

void figures_add_times(
	struct figures *f, const char *name, const struct histogram *ns)
{
	static const struct {
		const char *name;
		double percent;
	} percentiles[] = {
		{"p50_us", 50},
		{"p75_us", 75},
		{"p90_us", 90},
		{"p99_us", 99},
		{"p99_9_us", 99.9},
		{"p99_99_us", 99.99},
	};

	figures_open(f, name);
	figures_add_count(f, "count", ns->count);
	if (ns->count) {
		figures_add(f, "mean_us", histogram_mean(ns) / 1e3);
		figures_add(f, "min_us", (double)ns->min / 1e3);
		for (size_t i = 0; i < HERD_COUNT(percentiles); i++) {
			int64_t value = histogram_percentile(
				ns, percentiles[i].percent);

			figures_add(
				f, percentiles[i].name, (double)value / 1e3);
		}
		figures_add(f, "max_us", (double)ns->max / 1e3);
	}
	figures_close(f);
}

/* --- printing it ---------------------------------------------------------- */

static const char *name_of(const struct figure *x)
{
	return x->name ? x->name : x->copy;
}

/* Printable ASCII, and any other byte as if it were of Latin-1; what JSON
 * strings escape is escaped for JSON only. */
static void print_escaped(FILE *stream, const char *text, bool json)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~')
			fprintf(stream, "\\u%04x", c);
		else if (json && (c == '"' || c == '\\'))
			fprintf(stream, "\\%c", c);
		else
			putc(c, stream);
	}
}

static void print_json(const struct figures *f, FILE *stream)
{
	unsigned depth = 1;
	bool first = true;

	putc('{', stream);
	for (size_t i = 0; i < f->count; i++) {
		const struct figure *x = &f->all[i];

		if (x->kind == FIGURE_CLOSE) {
			putc('}', stream);
			depth--;
			first = false;
			continue;
		}
		fputs(first ? "\"" : ", \"", stream);
		print_escaped(stream, name_of(x), true);
		fputs("\": ", stream);
		first = x->kind == FIGURE_OPEN;
		if (x->kind == FIGURE_OPEN) {
			putc('{', stream);
			depth++;
		} else if (x->kind == FIGURE_TEXT) {
			putc('"', stream);
			print_escaped(stream, x->copy, true);
			putc('"', stream);
		} else if (x->kind == FIGURE_COUNT) {
			fprintf(stream, "%" PRIu64, x->count);
		} else if (isfinite(x->number)) {
			fprintf(stream, "%.9g", x->number);
		} else { /* JSON has no word for it */
			fputs("null", stream);
		}
	}
	while (depth--) /* some stay open when memory runs out */
		putc('}', stream);
	putc('\n', stream);
}

static int names_width(const struct figures *f)
{
	size_t width = 0;
	size_t indent = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct figure *x = &f->all[i];
		size_t len;

		if (x->kind == FIGURE_CLOSE) {
			indent -= 2;
			continue;
		}
		len = indent + strlen(name_of(x));
		if (len > width)
			width = len;
		if (x->kind == FIGURE_OPEN)
			indent += 2;
	}
	return (int)width;
}

static void print_number(FILE *stream, double number)
{
	if (!isfinite(number))
		fputs("-", stream);
	else if (fabs(number) >= 1000)
		fprintf(stream, "%.0f", number);
	else
		fprintf(stream, "%.4g", number);
}

static void print_table(const struct figures *f, FILE *stream)
{
	int width = names_width(f);
	int indent = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct figure *x = &f->all[i];

		if (x->kind == FIGURE_CLOSE) {
			indent -= 2;
			continue;
		}
		fprintf(stream, "%*s", indent, "");
		print_escaped(stream, name_of(x), false);
		if (x->kind == FIGURE_OPEN) {
			putc('\n', stream);
			indent += 2;
			continue;
		}
		fprintf(stream, "%*s  ",
			width - indent - (int)strlen(name_of(x)), "");
		if (x->kind == FIGURE_TEXT)
			print_escaped(stream, x->copy, false);
		else if (x->kind == FIGURE_COUNT)
			fprintf(stream, "%" PRIu64, x->count);
		else
			print_number(stream, x->number);
		putc('\n', stream);
	}
}

int figures_print(const struct figures *f, FILE *stream, bool json)
{
	if (json)
		print_json(f, stream);
	else
		print_table(f, stream);
	if (fflush(stream) || ferror(stream))
		return errno ? -errno : -EIO;
	return f->overflow ? -ENOMEM : 0;
}
