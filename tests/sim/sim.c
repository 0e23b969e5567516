/* sim - the simulator's command line.
 *
 *   sim --seeds A-B           run them; the last line is "N passed, N failed"
 *   sim --seed N [--verbose]  run one, and tell what happens
 *       [--keep 3,7,12]       ... with these of its events only
 *   sim --seed N --plan       what it means
 *   sim --seed N --shrink     drop events as long as it fails, print the rest */
#include "sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

/* Failing seeds after which there is no point in going on. */
#define FAILED_MAX 5

/* A run takes some milliseconds; one that takes so long is caught in a loop. */
#define LOOP_S 60

struct task {
	uint64_t first, last;
	const char *keep;
	bool plan, shrink;
};

static struct plan the_plan;
static bool dropped[PLAN_EVENTS];

/* --- options -------------------------------------------------------------- */

HERD_NORETURN static void usage(void)
{
	fprintf(stderr, "Usage: sim --seeds A-B | --seed N [--verbose] "
			"[--keep I,I...] [--plan] [--shrink]\n");
	exit(2);
}

static void read_seeds(const char *text, struct task *task)
{
	char *end;

	task->first = strtoull(text, &end, 10);
	task->last = task->first;
	if (*end == '-')
		task->last = strtoull(end + 1, &end, 10);
	if (*end || end == text)
		usage();
}

static void read_options(int argc, char **argv, struct task *task)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 's'},
		{"keep", required_argument, NULL, 'k'},
		{"plan", no_argument, NULL, 'p'},
		{"shrink", no_argument, NULL, 'm'},
		{"verbose", no_argument, NULL, 'v'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			read_seeds(optarg, task);
		else if (c == 'k')
			task->keep = optarg;
		else if (c == 'p')
			task->plan = true;
		else if (c == 'm')
			task->shrink = true;
		else if (c == 'v')
			sim.verbose = true;
		else
			usage();
	}
	if (optind < argc || !task->last)
		usage();
}

/* --- what is wanted ------------------------------------------------------- */

static void keep_only(const char *list)
{
	char *end;

	memset(dropped, true, sizeof dropped);
	while (*list) {
		size_t i = strtoull(list, &end, 10);

		if (end == list || i >= PLAN_EVENTS)
			usage();
		dropped[i] = false;
		list = *end ? end + 1 : end;
	}
}

static void print_replay(void)
{
	const char *comma = "";

	printf("replay: sim --seed %" PRIu64 " --verbose --keep ",
		the_plan.seed);
	for (size_t i = 0; i < the_plan.count; i++) {
		if (dropped[i])
			continue;
		printf("%s%zu", comma, i);
		comma = ",";
	}
	printf("\n");
}

static bool run_seed(const struct task *task, uint64_t seed)
{
	bool passed;

	plan_make(seed, &the_plan);
	(void)alarm(LOOP_S);
	memset(dropped, false, sizeof dropped);
	if (task->keep)
		keep_only(task->keep);
	if (task->plan) {
		plan_print(&the_plan, dropped);
		return true;
	}
	passed = run_plan(&the_plan, dropped);
	if (passed)
		return true;
	printf("seed %" PRIu64 " failed: %s\n", seed, sim.failure);
	if (task->shrink) {
		sim.verbose = false;
		run_shrink(&the_plan, dropped);
		(void)run_plan(&the_plan, dropped);
		plan_print(&the_plan, dropped);
		printf("it fails: %s\n", sim.failure);
		print_replay();
	}
	return false;
}

/* In place of the one that ships: which seed it was. */
void herd_panic(const char *file, int line, const char *what)
{
	printf("seed %" PRIu64 ", at %.6f s: %s:%d: assertion failed: %s\n",
		the_plan.seed, (double)sim.now_ns / 1e9, file, line, what);
	fflush(stdout);
	abort();
}

static void on_signal(int number)
{
	printf("seed %" PRIu64 ", at %.6f s: %s\n", the_plan.seed,
		(double)sim.now_ns / 1e9,
		number == SIGALRM ? "it goes round in circles" : "a crash");
	fflush(stdout);
	_exit(1);
}

/* A sanitizer has more to say about a crash. */
static void watch_signals(void)
{
	void (*before)(int) = signal(SIGSEGV, on_signal);

	if (before != SIG_DFL)
		(void)signal(SIGSEGV, before);
	(void)signal(SIGALRM, on_signal);
}

int main(int argc, char **argv)
{
	struct task task = {0};
	unsigned passed = 0;
	unsigned failed = 0;

	read_options(argc, argv, &task);
	watch_signals();
	/* Memory that a run gives back is the next one's. */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (uint64_t seed = task.first;
		seed <= task.last && failed < FAILED_MAX; seed++) {
		if (run_seed(&task, seed))
			passed++;
		else
			failed++;
	}
	if (!task.plan)
		printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
