/* sighting - the order of two sightings with the same stamp.
 *
 * The order is over lines, that is over what travels: two servers which hold
 * the same two lines agree, whoever told them. It is total, so that a set of
 * lines has one winner whatever the order they come in. */
#include "herd/sighting.h"

#include "herd/stamp.h"

#define ECHO_NS INT64_C(1000)

enum form {
	FORM_OWN,   /* written by herd */
	FORM_OTHER, /* some number */
	FORM_NONE,  /* no number: not a line in normal form */
};

struct difference {
	enum form form;
	int64_t ns;
};

enum {
	FIELD_SERVER = 1,
	FIELD_DIFFERENCE,
	FIELD_ID,
	FIELD_LOCATION,
};

/* What stands behind so many spaces, up to the next; empty if there are
 * fewer. */
static struct text field_of(struct text line, unsigned spaces)
{
	const char *end = line.ptr + line.len;
	const char *start = line.ptr;
	const char *space = memchr(start, ' ', line.len);

	for (; spaces && space; spaces--) {
		start = space + 1;
		space = memchr(start, ' ', (size_t)(end - start));
	}
	if (spaces)
		return (struct text){end, 0};
	return (struct text){start, (size_t)((space ? space : end) - start)};
}

static struct difference difference_of(struct text line)
{
	struct text field = field_of(line, FIELD_DIFFERENCE);
	struct difference d = {FORM_OWN, 0};

	if (stamp_parse_difference(field, &d.ns))
		return d;
	d.form = stamp_parse_any(field, &d.ns) ? FORM_OTHER : FORM_NONE;
	return d;
}

static int compare_bytes(struct text a, struct text b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

int sighting_compare_lines(struct text a, struct text b)
{
	struct difference a_difference;
	struct difference b_difference;

	/* A flood reaches a server once from each neighbour: the same bytes
	 * again is by far the most frequent question. */
	if (text_equal(a, b))
		return 0;
	a_difference = difference_of(a);
	b_difference = difference_of(b);
	if (a_difference.form != b_difference.form)
		return a_difference.form < b_difference.form ? -1 : 1;
	if (a_difference.ns != b_difference.ns)
		return a_difference.ns < b_difference.ns ? -1 : 1;
	return compare_bytes(a, b);
}

bool sighting_echoes(
	struct text held, int64_t held_stamp_ns, const struct sighting *s)
{
	/* Stamps are not negative: nothing overflows. The nearest number that
	 * a double can hold is 0.12 us away at the most until 2038. */
	int64_t away_ns = s->stamp_ns - held_stamp_ns;

	return away_ns > -ECHO_NS && away_ns < ECHO_NS &&
	       text_equal(s->id, field_of(held, FIELD_ID)) &&
	       text_equal(field_of(s->line, FIELD_SERVER),
		       field_of(held, FIELD_SERVER)) &&
	       text_equal(field_of(s->line, FIELD_LOCATION),
		       field_of(held, FIELD_LOCATION));
}
