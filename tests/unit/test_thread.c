/* Threads: their name, their CPU, their signals. */
#include "herd/thread.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>

struct seen {
	char name[32];
	sigset_t blocked;
	int cpus;
	int cpu;
};

static void look_around(void *arg)
{
	struct seen *seen = arg;
	cpu_set_t set;

	pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
	pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
	sched_getaffinity(0, sizeof set, &set);
	seen->cpus = CPU_COUNT(&set);
	seen->cpu = sched_getcpu();
}

static struct seen run(const char *name, int cpu)
{
	struct thread t;
	struct seen seen;

	memset(&seen, 0, sizeof seen);
	ck_assert_int_eq(thread_start(&t, name, cpu, look_around, &seen), 0);
	thread_join(&t);
	return seen;
}

START_TEST(has_its_name)
{
	ck_assert_str_eq(run("worker 3", -1).name, "worker 3");
	ck_assert_str_eq(
		run("a name longer than that", -1).name, "a name longer t");
}
END_TEST

START_TEST(takes_no_signal)
{
	struct seen seen = run("quiet", -1);
	sigset_t mine;

	ck_assert_int_eq(sigismember(&seen.blocked, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&seen.blocked, SIGUSR1), 1);
	ck_assert_int_eq(sigismember(&seen.blocked, SIGPIPE), 1);
	/* And the starter's mask is what it was. */
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	ck_assert_int_eq(sigismember(&mine, SIGTERM), 0);
}
END_TEST

START_TEST(stays_on_its_cpu)
{
	int cpus[64];
	size_t count = thread_usable_cpus(cpus, HERD_COUNT(cpus));

	ck_assert_uint_ge(count, 1);
	for (size_t i = 0; i < count && i < HERD_COUNT(cpus); i++) {
		struct seen seen = run("pinned", cpus[i]);
		ck_assert_int_eq(seen.cpus, 1);
		ck_assert_int_eq(seen.cpu, cpus[i]);
		ck_assert(i == 0 || cpus[i - 1] < cpus[i]);
	}
}
END_TEST

START_TEST(counts_only_usable_cpus)
{
	int cpus[2] = {-1, -1};
	size_t all = thread_usable_cpus(cpus, 1);
	cpu_set_t one;

	ck_assert_int_eq(cpus[1], -1);
	ck_assert_int_ge(cpus[0], 0);
	CPU_ZERO(&one);
	CPU_SET((size_t)cpus[0], &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	ck_assert_uint_eq(thread_usable_cpus(cpus, 2), 1);
	ck_assert_uint_ge(all, 1);
}
END_TEST

START_TEST(fails_on_a_cpu_that_is_not)
{
	struct thread t;
	struct seen seen;

	ck_assert_int_eq(
		thread_start(&t, "lost", 8191, look_around, &seen), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tcase = tcase_create("thread");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tcase, has_its_name);
	tcase_add_test(tcase, takes_no_signal);
	tcase_add_test(tcase, stays_on_its_cpu);
	tcase_add_test(tcase, fails_on_a_cpu_that_is_not);
	/* Last: without forking it would bind the other tests too. */
	tcase_add_test(tcase, counts_only_usable_cpus);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
