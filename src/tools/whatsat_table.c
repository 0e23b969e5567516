/* whatsat_table - see the header. Two passes over the places, one to measure
 * the columns and one to print them: rows are made twice and never kept. */
#include "herd/whatsat_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "herd/cut.h"
#include "herd/json_reader.h"
#include "herd/line.h"
#include "herd/screen.h"
#include "herd/stamp.h"

#define GAP             2         /* columns of space between two cells */
#define EARTH_RADIUS_KM 6371.0088 /* the mean of its radii */
#define KIND_MAX        64        /* bytes; the services have short ones */

/* Where the two forms keep what a row needs: paths into the JSON. */
struct form {
	const char *places;
	const char *name[2];
	const char *location[2];
	const char *latitude;
	const char *longitude;
	const char *vicinity;
};

static const struct form legacy_form = {
	.places = "results",
	.name = {"name"},
	.location = {"geometry", "location"},
	.latitude = "lat",
	.longitude = "lng",
	.vicinity = "vicinity",
};

static const struct form new_form = {
	.places = "places",
	.name = {"displayName", "text"},
	.location = {"location"},
	.latitude = "latitude",
	.longitude = "longitude",
	.vicinity = "formattedAddress",
};

enum column {
	COLUMN_NUMBER,
	COLUMN_NAME,
	COLUMN_DISTANCE,
	COLUMN_KIND,
	COLUMN_VICINITY,
	COLUMN_COUNT
};

/* Where not all fits, a column gets at most its share of the width; one that
 * would get less than `least` is left out, and all behind it. */
static const struct {
	const char *title;
	size_t share; /* the width divided by this */
	size_t least;
	bool right; /* aligned */
} columns[COLUMN_COUNT] = {
	[COLUMN_NUMBER] = {"#", 1, 1, true},
	[COLUMN_NAME] = {"NAME", 2, 1, false},
	[COLUMN_DISTANCE] = {"DISTANCE", 1, sizeof "DISTANCE" - 1, true},
	[COLUMN_KIND] = {"KIND", 4, 6, false},
	[COLUMN_VICINITY] = {"VICINITY", 1, 8, false},
};

struct row {
	struct text cells[COLUMN_COUNT];
	char number[24];
	char distance[24];
	char kind[KIND_MAX];
};

struct point {
	double latitude; /* degrees */
	double longitude;
};

struct table {
	const struct form *form;
	struct json_object *places; /* NULL: none */
	struct text error;          /* a status; empty: all is well */
	struct text error_message;
	struct point client;
	size_t widths[COLUMN_COUNT]; /* 0: left out */
};

/* --- JSON ----------------------------------------------------------------- */

/* A member, or with two keys a member of a member. */
static struct json_object *member_at(struct json_object *parent,
	const char *const path[2], enum json_type type)
{
	if (!path[1])
		return json_member(parent, path[0], type);
	return json_member(
		json_member(parent, path[0], json_type_object), path[1], type);
}

static bool take_degrees(struct json_object *parent, const char *key,
	double limit, double *ret_degrees)
{
	struct json_object *found = json_number_member(parent, key);

	if (!found)
		return false;
	*ret_degrees = json_object_get_double(found);
	return fabs(*ret_degrees) <= limit;
}

/* --- distances ------------------------------------------------------------ */

/* A number of a location that was found good; a double is enough for this. */
static double degrees_of(struct text number)
{
	double value = 0;
	double unit = 1;
	bool fraction = false;

	for (size_t i = 1; i < number.len; i++) {
		char c = number.ptr[i];

		if (c == '.') {
			fraction = true;
		} else if (fraction) {
			unit /= 10;
			value += (c - '0') * unit;
		} else {
			value = value * 10 + (c - '0');
		}
	}
	return number.ptr[0] == '-' ? -value : value;
}

static double radians(double degrees)
{
	return degrees * M_PI / 180;
}

/* The haversine formula, which is good at small distances too. */
static double distance_km(struct point a, struct point b)
{
	double north = sin(radians(b.latitude - a.latitude) / 2);
	double east = sin(radians(b.longitude - a.longitude) / 2);
	double h = north * north + cos(radians(a.latitude)) *
					   cos(radians(b.latitude)) * east *
					   east;

	return 2 * EARTH_RADIUS_KM * asin(sqrt(fmin(h, 1)));
}

static void format_distance(double km, char *dst, size_t room)
{
	if (km < 0.9995)
		snprintf(dst, room, "%.0f m", km * 1000);
	else
		snprintf(dst, room, "%.*f km", km < 99.95 ? 1 : 0, km);
}

/* --- rows ----------------------------------------------------------------- */

static void make_titles(struct row *row)
{
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		row->cells[c] = text_of(columns[c].title);
}

/* "" where it cannot be told. */
static void make_distance(
	const struct table *t, struct json_object *place, struct row *row)
{
	struct json_object *location =
		member_at(place, t->form->location, json_type_object);
	struct point at;

	row->distance[0] = '\0';
	if (take_degrees(location, t->form->latitude, 90, &at.latitude) &&
		take_degrees(location, t->form->longitude, 180, &at.longitude))
		format_distance(distance_km(t->client, at), row->distance,
			sizeof row->distance);
}

/* The first of its types, as words. */
static void make_kind(struct json_object *place, struct row *row)
{
	struct json_object *types =
		json_member(place, "types", json_type_array);
	struct json_object *first =
		types ? json_object_array_get_idx(types, 0) : NULL;
	bool good = json_object_is_type(first, json_type_string);

	snprintf(row->kind, sizeof row->kind, "%s",
		good ? json_object_get_string(first) : "");
	for (char *p = row->kind; *p; p++)
		if (*p == '_')
			*p = ' ';
}

/* The row's texts live as long as the row and the JSON. */
static void make_row(const struct table *t, size_t index, struct row *row)
{
	struct json_object *place = json_object_array_get_idx(t->places, index);

	snprintf(row->number, sizeof row->number, "%zu", index + 1);
	make_distance(t, place, row);
	make_kind(place, row);
	row->cells[COLUMN_NUMBER] = text_of(row->number);
	row->cells[COLUMN_NAME] =
		json_text(member_at(place, t->form->name, json_type_string));
	row->cells[COLUMN_DISTANCE] = text_of(row->distance);
	row->cells[COLUMN_KIND] = text_of(row->kind);
	row->cells[COLUMN_VICINITY] =
		json_text_member(place, t->form->vicinity);
}

static void print_row(
	const struct table *t, const struct row *row, struct screen *s)
{
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		size_t width = t->widths[c];
		size_t used = screen_width(row->cells[c]);

		if (!width)
			continue;
		if (columns[c].right && used < width)
			screen_skip(s, width - used);
		used = screen_put(s, row->cells[c], width);
		screen_skip(s, GAP + (columns[c].right ? 0 : width - used));
	}
	screen_end_line(s);
}

/* --- the table ------------------------------------------------------------ */

static size_t place_count(const struct table *t)
{
	return t->places ? json_object_array_length(t->places) : 0;
}

static void widen(size_t *width, struct text cell)
{
	size_t wanted = screen_width(cell);

	if (*width < wanted)
		*width = wanted;
}

/* What each column would like; a column without any text is left out. */
static void measure(struct table *t)
{
	struct row row;

	for (size_t i = 0; i < place_count(t); i++) {
		make_row(t, i, &row);
		for (size_t c = 0; c < COLUMN_COUNT; c++)
			widen(&t->widths[c], row.cells[c]);
	}
	make_titles(&row);
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		if (t->widths[c])
			widen(&t->widths[c], row.cells[c]);
}

static void fit(struct table *t, size_t width)
{
	size_t total = 0;
	size_t used = 0;

	for (size_t c = 0; c < COLUMN_COUNT; c++)
		total += t->widths[c] ? t->widths[c] + GAP : 0;
	if (total <= width + GAP)
		return;
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		size_t most = used < width ? width - used : 0;

		if (most > width / columns[c].share)
			most = width / columns[c].share;
		if (t->widths[c] > most && most < columns[c].least) {
			t->widths[c] = 0;
			used = width;
		} else if (t->widths[c] > most) {
			t->widths[c] = most;
		}
		if (t->widths[c])
			used += t->widths[c] + GAP;
	}
}

static void print_places(
	struct table *t, const struct whatsat_view *view, struct screen *s)
{
	size_t count = place_count(t);
	struct row row;

	if (count > 0) {
		measure(t);
		fit(t, view->width);
		make_titles(&row);
		print_row(t, &row, s);
	}
	for (size_t i = 0; i < count; i++) {
		make_row(t, i, &row);
		print_row(t, &row, s);
	}
	if (count > 0)
		screen_print(s, "%zu", count);
	else
		screen_print(s, "no");
	screen_print(s, " place%s", count == 1 ? "" : "s");
	if (view->nothing) {
		screen_print(s, " asked for");
	} else {
		screen_print(s, " within ");
		screen_put(s, text_of(view->radius_km), SIZE_MAX);
		screen_print(s, " km");
	}
	screen_end_line(s);
}

static void print_failure(const struct table *t, struct screen *s)
{
	screen_print(s, "no places: ");
	screen_put(s, t->error_message, SIZE_MAX);
	screen_print(s, t->error_message.len ? " (" : "(");
	screen_put(s, t->error, SIZE_MAX);
	screen_print(s, ")");
	screen_end_line(s);
}

/* --- the answer ----------------------------------------------------------- */

static void print_age(int64_t age_ns, struct screen *s)
{
	int64_t age = age_ns / HERD_SECOND_NS;

	if (age < 0)
		screen_print(s, "%lld s ahead of this clock", -(long long)age);
	else if (age < 1)
		screen_print(s, "just now");
	else if (age < 120)
		screen_print(s, "%lld s ago", (long long)age);
	else if (age < 2 * 3600)
		screen_print(s, "%lld min ago", (long long)age / 60);
	else if (age < 2 * 86400)
		screen_print(s, "%lld h ago", (long long)age / 3600);
	else
		screen_print(s, "%lld days ago", (long long)age / 86400);
}

/* When the server heard it is what the AT line says of the time: the client's
 * stamp and how much later by the server's clock it came. */
static void print_client(
	const struct line *line, int64_t now_ns, struct screen *s)
{
	int64_t difference_ns = 0;
	int64_t age_ns;

	if (!stamp_parse_any(line->at.difference, &difference_ns) ||
		__builtin_sub_overflow(now_ns, line->at.stamp_ns, &age_ns) ||
		__builtin_sub_overflow(age_ns, difference_ns, &age_ns))
		age_ns = INT64_MAX;
	screen_put(s, line->at.id, SIZE_MAX);
	screen_print(s, " at ");
	screen_put(s, line->at.location, SIZE_MAX);
	screen_print(s, ", heard by ");
	screen_put(s, line->at.server, SIZE_MAX);
	screen_print(s, " ");
	print_age(age_ns, s);
	screen_print(s, " (clock difference %+.2f s)",
		(double)difference_ns / (double)HERD_SECOND_NS);
	screen_end_line(s);
}

static int read_legacy(struct table *t, struct json_object *root)
{
	struct text status = json_text_member(root, "status");

	t->form = &legacy_form;
	t->places = json_member(root, t->form->places, json_type_array);
	if (text_equal(status, text_of("OK")) ||
		text_equal(status, text_of("ZERO_RESULTS")))
		return t->places ? 0 : -EBADMSG;
	t->error = status;
	t->error_message = json_text_member(root, "error_message");
	return status.len && place_count(t) == 0 ? 0 : -EBADMSG;
}

/* Nothing found is an object without members. */
static int read_new(struct table *t, struct json_object *root)
{
	struct json_object *error =
		json_member(root, "error", json_type_object);

	t->form = &new_form;
	t->places = json_member(root, t->form->places, json_type_array);
	t->error = json_text_member(error, "status");
	t->error_message = json_text_member(error, "message");
	if (t->error.len)
		return t->places ? -EBADMSG : 0;
	return t->places || json_object_object_length(root) == 0 ? 0 : -EBADMSG;
}

static int print_answer(const struct line *line, struct json_object *root,
	const struct whatsat_view *view, struct buf *out)
{
	struct screen s = {.out = out};
	struct table t = {.form = NULL};
	struct location location;
	int rc;

	if (!json_object_is_type(root, json_type_object) ||
		!location_parse(line->at.location, &location))
		return -EBADMSG;
	t.client.latitude = degrees_of(location.latitude);
	t.client.longitude = degrees_of(location.longitude);
	if (json_member(root, "status", json_type_string))
		rc = read_legacy(&t, root);
	else
		rc = read_new(&t, root);
	if (rc)
		return rc;
	print_client(line, view->now_ns, &s);
	if (t.error.len)
		print_failure(&t, &s);
	else
		print_places(&t, view, &s);
	return screen_finish(&s);
}

int whatsat_table(
	struct text answer, const struct whatsat_view *view, struct buf *out)
{
	const char *end =
		answer.len ? memchr(answer.ptr, '\n', answer.len) : NULL;
	struct json_object *root;
	struct line line;
	size_t len;
	int rc;

	if (!end)
		return -EBADMSG;
	len = (size_t)(end - answer.ptr);
	line_parse((struct text){answer.ptr, len}, &line);
	if (line.verb != LINE_AT)
		return -EBADMSG;
	root = json_parse((struct text){end, answer.len - len}, CUT_DEPTH_MAX);
	rc = print_answer(&line, root, view, out);
	json_object_put(root);
	return rc;
}
