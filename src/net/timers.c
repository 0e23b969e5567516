/* timers - an intrusive pairing heap; see timers.h. Insertion is O(1), removal
 * O(log n) amortised; no recursion, whatever the shape of the heap. */
#include "herd/timers.h"

/* Join two heaps: the one that is due later becomes a child of the other. */
static struct timer *join(struct timer *a, struct timer *b)
{
	struct timer *late;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->due_ns < a->due_ns) {
		late = a;
		a = b;
	} else {
		late = b;
	}
	late->next = a->child;
	if (late->next)
		late->next->link = &late->next;
	late->link = &a->child;
	a->child = late;
	return a;
}

/* Join a list of siblings to one heap: in pairs from left to right, then the
 * pairs from right to left. */
static struct timer *join_siblings(struct timer *first)
{
	struct timer *pairs = NULL;
	struct timer *heap = NULL;

	while (first) {
		struct timer *a = first;
		struct timer *b = a->next;
		struct timer *pair;

		first = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		pair = join(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct timer *rest = pairs->next;

		pairs->next = NULL;
		heap = join(heap, pairs);
		pairs = rest;
	}
	return heap;
}

static void put_first(struct timers *heap, struct timer *first)
{
	heap->first = first;
	if (first)
		first->link = &heap->first;
}

void timers_set(struct timers *heap, struct timer *t, int64_t due_ns)
{
	timers_clear(heap, t);
	t->due_ns = due_ns;
	put_first(heap, join(heap->first, t));
}

void timers_clear(struct timers *heap, struct timer *t)
{
	if (!timer_is_set(t))
		return;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	put_first(heap, join(heap->first, join_siblings(t->child)));
	t->link = NULL;
	t->child = NULL;
	t->next = NULL;
}
