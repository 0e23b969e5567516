/* Timers: whatever is set, moved and cleared, the first is due first. */
#include "herd/timers.h"

#include <check.h>
#include <stdlib.h>

/* --- against a model ------------------------------------------------------ */

#define MODEL_TIMERS 96
#define MODEL_OPS    20000
#define DRAIN_EVERY  997
#define DUE_RANGE    50 /* fewer than timers: many are due together */

struct model {
	struct timers heap;
	struct timer timers[MODEL_TIMERS];
	int64_t due[MODEL_TIMERS]; /* -1: not set */
	uint32_t random;
};

/* xorshift: the same numbers in every run. */
static uint32_t next_random(struct model *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	return m->random % below;
}

/* Asserts are dear: one for the lot. */
static void check_first(const struct model *m)
{
	const struct timer *first = m->heap.first;
	int64_t least = -1;
	bool same = true;

	for (size_t i = 0; i < MODEL_TIMERS; i++) {
		same &= timer_is_set(&m->timers[i]) == (m->due[i] >= 0);
		if (m->due[i] >= 0 && (least < 0 || m->due[i] < least))
			least = m->due[i];
	}
	ck_assert(same && (first ? first->due_ns : -1) == least);
}

static void take_first(struct model *m)
{
	struct timer *first = m->heap.first;

	timers_clear(&m->heap, first);
	m->due[first - m->timers] = -1;
	check_first(m);
}

START_TEST(agrees_with_a_model)
{
	struct model m = {.random = 2463534242 + (uint32_t)_i};

	for (size_t i = 0; i < MODEL_TIMERS; i++)
		m.due[i] = -1;
	for (int op = 1; op <= MODEL_OPS; op++) {
		size_t i = next_random(&m, MODEL_TIMERS);

		switch (next_random(&m, 4)) {
		case 0:
			timers_clear(&m.heap, &m.timers[i]);
			m.due[i] = -1;
			break;
		case 1:
			if (m.heap.first)
				take_first(&m);
			break;
		default:
			m.due[i] = next_random(&m, DUE_RANGE);
			timers_set(&m.heap, &m.timers[i], m.due[i]);
			break;
		}
		check_first(&m);
		while (op % DRAIN_EVERY == 0 && m.heap.first)
			take_first(&m);
	}
}
END_TEST

/* --- shapes --------------------------------------------------------------- */

#define SHAPE_TIMERS 12

/* The order in which a shape's timers are set; their number is when they are
 * due. */
static const struct shape {
	int due[SHAPE_TIMERS];
	bool pair_up; /* take one that is due first, so that the rest is paired */
} shapes[] = {
	{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, false}, /* one flat list */
	{{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, false}, /* one chain */
	{{6, 0, 11, 1, 10, 2, 9, 3, 8, 4, 7, 5}, false},
	{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, true}, /* a tree */
	{{0, 11, 3, 8, 5, 6, 1, 10, 2, 9, 4, 7}, true},
	{{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, false}, /* due together */
	{{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, true},
};

static void build(
	const struct shape *shape, struct timers *heap, struct timer *timers)
{
	struct timer early = {NULL};

	timers_set(heap, &early, -1);
	for (size_t i = 0; i < SHAPE_TIMERS; i++) {
		timers[i] = (struct timer){NULL};
		timers_set(heap, &timers[i], shape->due[i]);
	}
	if (!shape->pair_up)
		timers_clear(heap, &early);
	else
		while (timer_is_set(&early))
			timers_clear(heap, heap->first);
}

static size_t drain(struct timers *heap)
{
	int64_t last = INT64_MIN;
	bool right = true;
	size_t count = 0;

	for (struct timer *t; (t = heap->first); count++) {
		right &= timer_is_set(t) && t->due_ns >= last;
		last = t->due_ns;
		timers_clear(heap, t);
		right &= !timer_is_set(t);
	}
	ck_assert(right);
	return count;
}

/* Root, inner ones and leaves: each in turn is cleared, or moved. */
START_TEST(any_one_may_go_or_move)
{
	const struct shape *shape = &shapes[_i];
	struct timer timers[SHAPE_TIMERS];

	for (size_t victim = 0; victim < SHAPE_TIMERS; victim++) {
		struct timers heap = {NULL};

		build(shape, &heap, timers);
		timers_clear(&heap, &timers[victim]);
		timers_clear(&heap, &timers[victim]);
		ck_assert(!timer_is_set(&timers[victim]));
		ck_assert_uint_eq(drain(&heap), SHAPE_TIMERS - 1);

		for (int64_t due = -1; due <= SHAPE_TIMERS; due++) {
			build(shape, &heap, timers);
			timers_set(&heap, &timers[victim], due);
			ck_assert_int_eq(timers[victim].due_ns, due);
			ck_assert_uint_eq(drain(&heap), SHAPE_TIMERS);
		}
	}
}
END_TEST

#define MANY 50000

/* Neither a chain nor a list of any length makes the stack grow. */
START_TEST(depth_does_not_matter)
{
	struct timer *timers = calloc(MANY, sizeof *timers);
	struct timers heap = {NULL};

	ck_assert_ptr_nonnull(timers);
	for (int64_t i = 0; i < MANY; i++)
		timers_set(&heap, &timers[i], _i ? i : MANY - i);
	timers_clear(&heap, &timers[MANY / 2]);
	ck_assert_uint_eq(drain(&heap), MANY - 1);
	free(timers);
}
END_TEST

/* --- as a loop uses it ---------------------------------------------------- */

struct alarm {
	struct timer timer;
	struct timers *heap;
	struct timer *other; /* cleared when this one is due */
	int64_t again_after; /* 0: does not set itself again */
	int count;
};

static void on_due(struct timer *timer)
{
	struct alarm *a = HERD_CONTAINER(timer, struct alarm, timer);

	a->count++;
	if (a->other)
		timers_clear(a->heap, a->other);
	if (a->again_after)
		timers_set(a->heap, timer, timer->due_ns + a->again_after);
}

static void run_due(struct timers *heap, int64_t now)
{
	struct timer *t;

	while ((t = heap->first) && t->due_ns <= now) {
		timers_clear(heap, t);
		t->on_due(t);
	}
}

START_TEST(may_be_changed_when_due)
{
	struct timers heap = {NULL};
	struct alarm doomed = {.timer = {.on_due = on_due}, .heap = &heap};
	struct alarm each[] = {
		{.timer = {.on_due = on_due}, .heap = &heap, .again_after = 3},
		{.timer = {.on_due = on_due}, .heap = &heap, .again_after = 7},
		{.timer = {.on_due = on_due},
			.heap = &heap,
			.other = &doomed.timer},
	};

	for (size_t i = 0; i < HERD_COUNT(each); i++)
		timers_set(&heap, &each[i].timer, 1);
	timers_set(&heap, &doomed.timer, 2);
	for (int64_t now = 0; now <= 100; now++)
		run_due(&heap, now);
	ck_assert_int_eq(each[0].count, 34); /* 1, 4, ... 100 */
	ck_assert_int_eq(each[1].count, 15); /* 1, 8, ... 99 */
	ck_assert_int_eq(each[2].count, 1);
	ck_assert_int_eq(doomed.count, 0);
	ck_assert_uint_eq(drain(&heap), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timers");
	TCase *tcase = tcase_create("timers");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, agrees_with_a_model, 0, 4);
	tcase_add_loop_test(
		tcase, any_one_may_go_or_move, 0, (int)HERD_COUNT(shapes));
	tcase_add_loop_test(tcase, depth_does_not_matter, 0, 2);
	tcase_add_test(tcase, may_be_changed_when_due);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
