/* gazetteer - named places in three blocks: records of fixed size, their texts
 * one after the other, and a globe of where they are. A hundred thousand
 * places take some ten megabytes, and a few milliseconds to read. */
#include "herd/gazetteer.h"

#include <errno.h>
#include <stdio.h>

#include "herd/buf.h"
#include "herd/sys.h"

#define RECORDS_MIN  1024
#define DECIMALS     7 /* of a degree, kept */
#define LATITUDE_E7  900000000
#define LONGITUDE_E7 1800000000

_Static_assert(GAZETTEER_NAME_MAX <= UINT16_MAX, "lengths take 16 bits");

struct record {
	struct globe_point at;
	uint32_t name; /* where it begins in texts */
	uint32_t region;
	uint16_t name_len;
	uint16_t region_len;
};

struct gazetteer {
	const char *const *types;
	struct record *records;
	uint32_t count;
	uint32_t room;
	struct buf texts;
	struct globe *globe; /* NULL: still being filled */
};

/* --- filling -------------------------------------------------------------- */

int gazetteer_new(const char *const *types, struct gazetteer **ret_gazetteer)
{
	struct gazetteer *g = sys_alloc_zero(1, sizeof *g);

	if (!g)
		return -ENOMEM;
	g->types = types;
	*ret_gazetteer = g;
	return 0;
}

void gazetteer_free(struct gazetteer *g)
{
	if (!g)
		return;
	globe_free(g->globe);
	buf_fini(&g->texts);
	sys_free(g->records);
	sys_free(g);
}

static struct text text_at(
	const struct gazetteer *g, uint32_t start, uint16_t len)
{
	/* A gazetteer without texts has no block either. */
	return len ? (struct text){buf_front(&g->texts) + start, len}
		   : (struct text){"", 0};
}

static int grow(struct gazetteer *g)
{
	uint32_t room = g->room ? g->room * 2 : RECORDS_MIN;
	struct record *records;

	if (g->count < g->room)
		return 0;
	if (g->room > UINT32_MAX / 2)
		return -ENOMEM;
	records = sys_resize(g->records, (size_t)room * sizeof *records);
	if (!records)
		return -ENOMEM;
	g->records = records;
	g->room = room;
	return 0;
}

static int keep_text(struct gazetteer *g, struct text text, uint32_t *ret_start)
{
	uint32_t start = (uint32_t)buf_len(&g->texts);
	int rc = buf_append_text(&g->texts, text);

	if (!rc)
		*ret_start = start;
	return rc;
}

/* Neighbours in the file mostly share their region. */
static int keep_region(
	struct gazetteer *g, struct text region, struct record *record)
{
	const struct record *last = g->count ? &g->records[g->count - 1] : NULL;

	record->region_len = (uint16_t)region.len;
	if (last && text_equal(region,
			    text_at(g, last->region, last->region_len))) {
		record->region = last->region;
		return 0;
	}
	return keep_text(g, region, &record->region);
}

int gazetteer_add(struct gazetteer *g, struct globe_point at, struct text name,
	struct text region)
{
	struct record record = {.at = at, .name_len = (uint16_t)name.len};
	int rc = grow(g);

	HERD_ASSERT(!g->globe && name.len <= GAZETTEER_NAME_MAX &&
		    region.len <= GAZETTEER_NAME_MAX);
	if (!rc)
		rc = keep_text(g, name, &record.name);
	if (!rc)
		rc = keep_region(g, region, &record);
	if (!rc)
		g->records[g->count++] = record;
	return rc;
}

int gazetteer_index(struct gazetteer *g)
{
	struct globe_point *points =
		sys_alloc_zero((size_t)g->count + 1, sizeof *points);
	int rc = -ENOMEM;

	HERD_ASSERT(!g->globe);
	if (!points)
		return rc;
	for (uint32_t i = 0; i < g->count; i++)
		points[i] = g->records[i].at;
	rc = globe_new(points, g->count, &g->globe);
	sys_free(points);
	return rc;
}

/* --- the text format ------------------------------------------------------ */

/* Decimal degrees up to `until`, which is passed over. */
static bool take_degrees(
	struct text *line, char until, int32_t bound_e7, int32_t *ret_e7)
{
	const char *p = line->ptr;
	const char *end = p + line->len;
	bool minus = p < end && *p == '-';
	int64_t value = 0;
	int decimals = -1; /* no point yet */
	size_t digits = 0;

	for (p += minus; p < end && *p != until; p++) {
		if (*p == '.' && digits > 0 && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (*p < '0' || *p > '9' || decimals == DECIMALS ||
			value > LONGITUDE_E7)
			return false;
		value = value * 10 + (*p - '0');
		decimals += decimals >= 0;
		digits++;
	}
	if (p == end || digits == 0 || decimals == 0)
		return false;
	for (int i = decimals < 0 ? 0 : decimals; i < DECIMALS; i++)
		value *= 10;
	if (value > bound_e7)
		return false;
	*ret_e7 = (int32_t)(minus ? -value : value);
	*line = (struct text){p + 1, (size_t)(end - p - 1)};
	return true;
}

/* NULL, or what would have been right. */
static const char *take_line(
	struct gazetteer *g, struct text line, struct text *region, int *ret_rc)
{
	struct globe_point at;

	*ret_rc = 0;
	if (line.len == 0 || *line.ptr == '#')
		return NULL;
	if (*line.ptr == '@') {
		*region = (struct text){line.ptr + 1, line.len - 1};
		return region->len <= GAZETTEER_NAME_MAX
			       ? NULL
			       : "a region of at most 1000 bytes";
	}
	if (!take_degrees(&line, '\t', LATITUDE_E7, &at.latitude_e7))
		return "a latitude within 90 degrees, like 34.07362, and a tab";
	if (!take_degrees(&line, '\t', LONGITUDE_E7, &at.longitude_e7))
		return "a longitude within 180 degrees, like -118.40036, and "
		       "a tab";
	if (line.len == 0 || line.len > GAZETTEER_NAME_MAX)
		return "a name of 1 to 1000 bytes";
	*ret_rc = gazetteer_add(g, at, line, *region);
	return NULL;
}

static int take_lines(struct gazetteer *g, struct text text, char *error)
{
	const char *p = text.ptr;
	const char *end = p + text.len;
	struct text region = {"", 0};

	for (size_t number = 1; p < end; number++) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *stop = lf ? lf : end;
		struct text line = {p, (size_t)(stop - p)};
		int rc;
		const char *right = take_line(g, line, &region, &rc);

		if (right) {
			snprintf(error, GAZETTEER_ERROR_MAX,
				"line %zu: expected %s", number, right);
			return -EINVAL;
		}
		if (rc) {
			snprintf(error, GAZETTEER_ERROR_MAX, "out of memory");
			return rc;
		}
		p = stop + 1;
	}
	return 0;
}

int gazetteer_parse(
	struct text text, struct gazetteer **ret_gazetteer, char *error)
{
	static const char *const types[] = {"locality", "political", NULL};
	struct gazetteer *g;
	int rc = gazetteer_new(types, &g);

	snprintf(error, GAZETTEER_ERROR_MAX, "out of memory");
	if (rc)
		return rc;
	rc = take_lines(g, text, error);
	if (!rc)
		rc = gazetteer_index(g);
	if (rc)
		gazetteer_free(g);
	else
		*ret_gazetteer = g;
	return rc;
}

/* --- questions ------------------------------------------------------------ */

uint32_t gazetteer_count(const struct gazetteer *g)
{
	return g->count;
}

struct place gazetteer_place(const struct gazetteer *g, uint32_t number)
{
	const struct record *r = &g->records[number];

	HERD_ASSERT(number < g->count);
	return (struct place){
		.at = r->at,
		.name = text_at(g, r->name, r->name_len),
		.region = text_at(g, r->region, r->region_len),
		.types = g->types,
	};
}

size_t gazetteer_nearest(const struct gazetteer *g, double latitude,
	double longitude, double radius_m, size_t room,
	struct globe_hit *ret_hits)
{
	HERD_ASSERT(g->globe);
	return globe_nearest(
		g->globe, latitude, longitude, radius_m, room, ret_hits);
}
