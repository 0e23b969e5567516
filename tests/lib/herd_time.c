/* herd_time - deadlines for the integration tests, and their main(). Waiting is
 * always for something outside, with a deadline; HERD_SLOW stretches them all
 * when sanitizers or a loaded machine do. */
#include "herd_internal.h"

#include <stdlib.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * HERD_SECOND_NS + t.tv_nsec;
}

int64_t herd_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t herd_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double herd_slow(void)
{
	const char *factor = getenv("CK_TIMEOUT_MULTIPLIER");

	return factor && atof(factor) > 1 ? atof(factor) : 1;
}

int64_t herd_deadline(double seconds)
{
	return herd_monotonic_ns() +
	       (int64_t)(seconds * herd_slow() * (double)HERD_SECOND_NS);
}

bool herd_late(int64_t deadline)
{
	return herd_monotonic_ns() >= deadline;
}

int herd_left_ms(int64_t deadline)
{
	int64_t left = deadline - herd_monotonic_ns();

	return left <= 0 ? 0 : (int)(left / HERD_MS_NS) + 1;
}

void herd_back_off(unsigned *tries)
{
	long ms = *tries < 20 ? 1 + (long)*tries : 20;

	*tries += 1;
	nanosleep(&(struct timespec){0, ms * HERD_MS_NS}, NULL);
}

static const char *const designs[] = {"threaded", "single"};

static bool design_chosen(const char *design)
{
	const char *chosen = getenv("HERD_DESIGNS");

	return !chosen || !strcmp(chosen, "both") || !strcmp(chosen, design);
}

int herd_first_design(void)
{
	return design_chosen(designs[0]) ? 0 : 1;
}

int herd_end_design(void)
{
	return design_chosen(designs[1]) ? 2 : 1;
}

const char *herd_design(int i)
{
	return designs[i];
}

bool herd_skips(const char *test)
{
	return herd_is_among(getenv("HERD_SKIP"), test);
}

int herd_main(const char *name, void (*add)(TCase *tcase), double timeout)
{
	Suite *suite = suite_create(name);
	TCase *tcase;
	SRunner *runner;
	int failed;

	/* One factor for Check's timeouts and ours. */
	if (getenv("HERD_SLOW"))
		setenv("CK_TIMEOUT_MULTIPLIER", getenv("HERD_SLOW"), 1);
	tcase = tcase_create(name);
	tcase_set_timeout(tcase, timeout);
	add(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
