/* globe - a k-d tree of points on the unit sphere, in space.
 *
 * As vectors, points know no seam at 180 degrees and no poles, and the straight
 * line between two of them grows with the great circle: the nearest in space
 * are the nearest on Earth. The tree has no pointers: the middle of a range is
 * its node, what lies below it on the node's axis stands before, the rest
 * behind; axes take turns.
 *
 *      [  lower half  | node |  upper half  ]
 *
 * Small ranges are leaves and looked through one by one. */
#include "herd/globe.h"

#include <errno.h>
#include <math.h>

#include "herd/sys.h"

#define LEAF 8

struct node {
	double at[3];
	uint32_t point;
};

struct globe {
	uint32_t count;
	struct node nodes[];
};

static void to_space(double latitude, double longitude, double at[3])
{
	double phi = latitude * M_PI / 180;
	double lambda = longitude * M_PI / 180;

	at[0] = cos(phi) * cos(lambda);
	at[1] = cos(phi) * sin(lambda);
	at[2] = sin(phi);
}

/* --- the tree ------------------------------------------------------------- */

static void swap(struct node *a, struct node *b)
{
	struct node c = *a;

	*a = *b;
	*b = c;
}

/* Hoare's quickselect: afterwards nodes[middle] is where sorting by `axis`
 * would put it, with nothing greater before it and nothing smaller behind. */
static void select_middle(
	struct node *nodes, size_t count, size_t middle, unsigned axis)
{
	size_t low = 0;
	size_t high = count - 1;

	while (low < high) {
		double pivot = nodes[low + (high - low) / 2].at[axis];
		size_t i = low;
		size_t j = high;

		for (;;) {
			while (nodes[i].at[axis] < pivot)
				i++;
			while (nodes[j].at[axis] > pivot)
				j--;
			if (i >= j)
				break;
			swap(&nodes[i++], &nodes[j--]);
		}
		if (middle <= j)
			high = j;
		else
			low = j + 1;
	}
}

static void build(struct node *nodes, size_t count, unsigned axis)
{
	while (count > LEAF) {
		size_t middle = count / 2;

		select_middle(nodes, count, middle, axis);
		axis = (axis + 1) % 3;
		build(nodes, middle, axis);
		nodes += middle + 1;
		count -= middle + 1;
	}
}

int globe_new(const struct globe_point *points, uint32_t count,
	struct globe **ret_globe)
{
	struct globe *globe =
		sys_alloc(sizeof *globe + (size_t)count * sizeof *globe->nodes);

	if (!globe)
		return -ENOMEM;
	globe->count = count;
	for (uint32_t i = 0; i < count; i++) {
		globe->nodes[i].point = i;
		to_space(points[i].latitude_e7 / 1e7,
			points[i].longitude_e7 / 1e7, globe->nodes[i].at);
	}
	build(globe->nodes, count, 0);
	*ret_globe = globe;
	return 0;
}

void globe_free(struct globe *globe)
{
	sys_free(globe);
}

/* --- questions ------------------------------------------------------------ */

/* hits[0..count) is in order; distance_m is the square of the straight line
 * until the end. */
struct search {
	double at[3];
	double limit; /* squared: what lies beyond is of no use */
	size_t room;
	size_t count;
	struct globe_hit *hits;
};

static bool is_before(const struct globe_hit *a, const struct globe_hit *b)
{
	return a->distance_m < b->distance_m ||
	       (a->distance_m == b->distance_m && a->point < b->point);
}

/* A few hits are wanted, so that inserting beats a heap. */
static void consider(struct search *s, const struct node *node)
{
	struct globe_hit hit = {.point = node->point};
	size_t i;

	for (unsigned axis = 0; axis < 3; axis++) {
		double along = node->at[axis] - s->at[axis];

		hit.distance_m += along * along;
	}
	if (hit.distance_m > s->limit)
		return;
	if (s->count == s->room) {
		if (!is_before(&hit, &s->hits[s->count - 1]))
			return;
		s->count--;
	}
	for (i = s->count; i > 0 && is_before(&hit, &s->hits[i - 1]); i--)
		s->hits[i] = s->hits[i - 1];
	s->hits[i] = hit;
	s->count++;
	if (s->count == s->room)
		s->limit = s->hits[s->count - 1].distance_m;
}

static void look(
	struct search *s, const struct node *nodes, size_t count, unsigned axis)
{
	size_t middle = count / 2;
	size_t rest = count - middle - 1;
	unsigned next = (axis + 1) % 3;
	double beyond;

	if (count <= LEAF) {
		for (size_t i = 0; i < count; i++)
			consider(s, &nodes[i]);
		return;
	}
	beyond = s->at[axis] - nodes[middle].at[axis];
	if (beyond < 0)
		look(s, nodes, middle, next);
	else
		look(s, nodes + middle + 1, rest, next);
	if (beyond * beyond > s->limit)
		return;
	consider(s, &nodes[middle]);
	if (beyond < 0)
		look(s, nodes + middle + 1, rest, next);
	else
		look(s, nodes, middle, next);
}

size_t globe_nearest(const struct globe *globe, double latitude,
	double longitude, double radius_m, size_t room,
	struct globe_hit *ret_hits)
{
	struct search s = {.room = room, .hits = ret_hits};
	double angle = radius_m / GLOBE_RADIUS_M;

	if (room == 0 || !(radius_m >= 0))
		return 0;
	/* The square of 2 is the other side of the Earth; rounding may put a
	 * point there a little farther. */
	s.limit = angle < M_PI ? pow(2 * sin(angle / 2), 2) : 5;
	to_space(latitude, longitude, s.at);
	look(&s, globe->nodes, globe->count, 0);
	for (size_t i = 0; i < s.count; i++) {
		double half = sqrt(s.hits[i].distance_m) / 2;

		s.hits[i].distance_m =
			2 * GLOBE_RADIUS_M * asin(half < 1 ? half : 1);
	}
	return s.count;
}
