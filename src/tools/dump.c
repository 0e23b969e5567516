/* dump - AT lines sorted, each client once; see the header. */
#include "herd/dump.h"

#include <errno.h>
#include <stdlib.h>

#include "herd/conn.h"
#include "herd/line.h"
#include "herd/sighting.h"
#include "herd/sys.h"

static size_t count_lines(struct text bytes)
{
	size_t count = 0;
	struct text line;

	while (conn_take_line(&bytes, &line))
		count++;
	return count;
}

/* What the lines of the reply say; their texts point into it. */
static int read_lines(struct text bytes, struct sighting *sightings)
{
	struct line line;
	struct text one;

	while (conn_take_line(&bytes, &one)) {
		line_parse(one, &line);
		if (line.verb != LINE_AT || !line.at.normal)
			return -EBADMSG;
		*sightings++ = (struct sighting){.line = line.body,
			.id = line.at.id,
			.stamp_ns = line.at.stamp_ns};
	}
	return bytes.len ? -EBADMSG : 0;
}

static int compare_texts(struct text a, struct text b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

static int by_id(const void *a, const void *b)
{
	return compare_texts(((const struct sighting *)a)->id,
		((const struct sighting *)b)->id);
}

static int by_line(const void *a, const void *b)
{
	return compare_texts(((const struct sighting *)a)->line,
		((const struct sighting *)b)->line);
}

/* Keep the winner of each id; how many are left. */
static size_t keep_winners(struct sighting *s, size_t count)
{
	size_t kept = 0;

	qsort(s, count, sizeof *s, by_id);
	for (size_t i = 0; i < count; i++) {
		struct sighting *last = kept ? &s[kept - 1] : NULL;

		if (!last || by_id(last, &s[i]))
			s[kept++] = s[i];
		else if (sighting_wins(s[i].line, s[i].stamp_ns, last->line,
				 last->stamp_ns))
			*last = s[i];
	}
	return kept;
}

static int write_lines(const struct sighting *s, size_t count, FILE *out)
{
	errno = EIO; /* for a stream that does not tell */
	for (size_t i = 0; i < count; i++)
		if (fwrite(s[i].line.ptr, 1, s[i].line.len, out) !=
				s[i].line.len ||
			putc('\n', out) == EOF)
			return -errno;
	return fflush(out) ? -errno : 0;
}

int dump_print(struct text reply, FILE *out)
{
	size_t count = count_lines(reply);
	struct sighting *s = sys_alloc_zero(count + 1, sizeof *s);
	int rc;

	if (!s)
		return -ENOMEM;
	rc = read_lines(reply, s);
	if (!rc) {
		count = keep_winners(s, count);
		qsort(s, count, sizeof *s, by_line);
		rc = write_lines(s, count, out);
	}
	sys_free(s);
	return rc;
}
