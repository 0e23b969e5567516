/* What processes cost, by the real /proc: our own, and a child's. */
#include "herd/cost.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BURN_NS      (60 * HERD_MS_NS)
#define HELD_BYTES   (24 << 20)
#define TICK_NS      (20 * HERD_MS_NS) /* the kernel may be so late */
#define CHILD_THREAD "burner"

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * HERD_SECOND_NS + t.tv_nsec;
}

static void burn(void)
{
	int64_t end_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + BURN_NS;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
		;
}

/* --- a child that works when told to --------------------------------------- */

struct child {
	pid_t pid;
	int orders, reports;
};

static void *burn_and_end(void *arg)
{
	burn();
	return arg;
}

/* 'b': a thread of another name burns; 'e': one that ends then; 'm': memory is
 * taken and used. */
static void *obey(void *arg)
{
	struct child *c = arg;
	pthread_t thread;
	char order;

	pthread_setname_np(pthread_self(), CHILD_THREAD);
	while (read(c->orders, &order, 1) == 1) {
		if (order == 'b')
			burn();
		else if (order == 'e')
			ck_assert(!pthread_create(
					  &thread, NULL, burn_and_end, NULL) &&
				  !pthread_join(thread, NULL));
		else
			memset(malloc(HELD_BYTES), 1, HELD_BYTES);
		if (write(c->reports, &order, 1) != 1)
			break;
	}
	_exit(0);
}

static void start(struct child *ret_child)
{
	int orders[2];
	int reports[2];

	ck_assert_int_eq(pipe(orders), 0);
	ck_assert_int_eq(pipe(reports), 0);
	ret_child->pid = fork();
	ck_assert_int_ge(ret_child->pid, 0);
	if (!ret_child->pid) {
		struct child c = {.orders = orders[0], .reports = reports[1]};
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(orders[1]);
		if (pthread_create(&thread, NULL, obey, &c))
			_exit(1);
		for (;;)
			pause();
	}
	close(orders[0]);
	close(reports[1]);
	ret_child->orders = orders[1];
	ret_child->reports = reports[0];
}

static void order(struct child *c, char what)
{
	char report;

	ck_assert_int_eq(write(c->orders, &what, 1), 1);
	ck_assert_int_eq(read(c->reports, &report, 1), 1);
}

static void stop(struct child *c)
{
	kill(c->pid, SIGKILL);
	ck_assert_int_eq(waitpid(c->pid, NULL, 0), c->pid);
	close(c->orders);
	close(c->reports);
}

/* --- what is told of it ----------------------------------------------------- */

static const struct cost_thread *find(const struct cost *c, const char *name)
{
	for (size_t i = 0; i < c->thread_count; i++)
		if (!strcmp(c->threads[i].name, name))
			return &c->threads[i];
	return NULL;
}

static size_t count_named(const struct cost *c, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < c->thread_count; i++)
		count += !strcmp(c->threads[i].name, name);
	return count;
}

static struct cost take(const struct child *c)
{
	struct cost cost;

	ck_assert_int_eq(cost_take(&c->pid, 1, &cost), 0);
	return cost;
}

START_TEST(tells_a_childs_threads_apart)
{
	const struct cost_thread *burner;
	struct cost before, after;
	struct child c;

	start(&c);
	order(&c, 'm'); /* the thread has its name by now */
	before = take(&c);
	order(&c, 'b');
	after = take(&c);
	cost_subtract(&after, &before);
	/* A sanitizer may have threads of its own. */
	ck_assert_uint_ge(after.thread_count, 2);
	ck_assert_uint_eq(count_named(&after, CHILD_THREAD), 1);
	burner = find(&after, CHILD_THREAD);
	ck_assert_ptr_nonnull(burner);
	ck_assert_int_eq(burner->pid, c.pid);
	ck_assert_int_ne(burner->tid, c.pid);
	ck_assert_int_ge(burner->cpu_ns, BURN_NS - TICK_NS);
	/* The two are not read in the same moment. */
	ck_assert_int_ge(after.cpu_ns, burner->cpu_ns - TICK_NS);
	/* The one that sleeps used none. */
	ck_assert_int_lt(after.cpu_ns - burner->cpu_ns, BURN_NS / 2);
	stop(&c);
}
END_TEST

START_TEST(a_thread_that_has_ended_counts)
{
	struct cost before, after;
	int64_t threads_ns = 0;
	struct child c;

	start(&c);
	order(&c, 'm');
	before = take(&c);
	order(&c, 'e');
	after = take(&c);
	cost_subtract(&after, &before);
	for (size_t i = 0; i < after.thread_count; i++)
		threads_ns += after.threads[i].cpu_ns;
	ck_assert_int_lt(threads_ns, BURN_NS / 2);
	ck_assert_int_ge(after.cpu_ns, BURN_NS - TICK_NS);
	stop(&c);
}
END_TEST

START_TEST(memory_is_what_it_uses_itself)
{
	struct cost before, after;
	struct child c;

	start(&c);
	order(&c, 'b');
	before = take(&c);
	order(&c, 'm');
	after = take(&c);
	ck_assert_int_ge(after.memory_bytes - before.memory_bytes, HELD_BYTES);
	/* A sanitizer's notes on it included. */
	ck_assert_int_lt(
		after.memory_bytes - before.memory_bytes, HELD_BYTES * 8);
	/* A difference has the memory of after. */
	before = after;
	cost_subtract(&after, &before);
	ck_assert_int_eq(after.memory_bytes, before.memory_bytes);
	stop(&c);
}
END_TEST

START_TEST(own_time_is_not_the_servers)
{
	struct cost before, after;
	struct child c;

	start(&c);
	order(&c, 'm');
	before = take(&c);
	burn();
	after = take(&c);
	cost_subtract(&after, &before);
	ck_assert_int_ge(after.own_cpu_ns, BURN_NS);
	ck_assert_int_ge(after.time_ns, BURN_NS);
	ck_assert_int_lt(after.cpu_ns, BURN_NS / 2);
	stop(&c);
}
END_TEST

START_TEST(several_processes_add_up)
{
	struct child c[2];
	struct cost one, both;
	pid_t pids[2];

	for (size_t i = 0; i < HERD_COUNT(c); i++) {
		start(&c[i]);
		order(&c[i], 'b');
		pids[i] = c[i].pid;
	}
	one = take(&c[1]);
	ck_assert_int_eq(cost_take(pids, 2, &both), 0);
	ck_assert_uint_ge(both.thread_count, 4);
	ck_assert_uint_eq(count_named(&both, CHILD_THREAD), 2);
	ck_assert_int_ge(both.cpu_ns, one.cpu_ns + BURN_NS - TICK_NS);
	ck_assert_int_gt(both.memory_bytes, one.memory_bytes);
	for (size_t i = 0; i < HERD_COUNT(c); i++)
		stop(&c[i]);
}
END_TEST

START_TEST(without_a_server_there_is_the_machine)
{
	struct cost before, after;

	ck_assert_int_eq(cost_take(NULL, 0, &before), 0);
	burn();
	burn();
	ck_assert_int_eq(cost_take(NULL, 0, &after), 0);
	cost_subtract(&after, &before);
	ck_assert_uint_eq(after.thread_count, 0);
	ck_assert_int_eq(after.cpu_ns, 0);
	ck_assert_int_eq(after.memory_bytes, 0);
	/* What we burned the machine was busy with. */
	ck_assert_int_ge(after.machine_busy_ns, 2 * BURN_NS - 3 * TICK_NS);
	ck_assert_int_ge(after.machine_stolen_ns, 0);
}
END_TEST

START_TEST(who_is_gone_is_named)
{
	struct cost cost = {.time_ns = 1};
	struct child c;

	start(&c);
	order(&c, 'b');
	kill(c.pid, SIGKILL);
	/* Ended, and nobody has waited for it. */
	ck_assert_int_eq(
		waitid(P_PID, (id_t)c.pid, NULL, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(cost_take(&c.pid, 1, &cost), -ESRCH);
	ck_assert_int_eq(waitpid(c.pid, NULL, 0), c.pid);
	ck_assert_int_eq(cost_take(&c.pid, 1, &cost), -ESRCH);
	ck_assert_int_eq(cost.time_ns, 1); /* untouched */
	close(c.orders);
	close(c.reports);
}
END_TEST

static void *wait_for_end(void *arg)
{
	char byte;

	if (read(*(int *)arg, &byte, 1))
		abort();
	return NULL;
}

START_TEST(of_many_threads_only_the_sum_is_told)
{
	static pthread_t threads[COST_THREADS_MAX];
	struct cost few = {.thread_count = 1};
	struct cost cost;
	pid_t self = getpid();
	int held[2];
	int rc;

	ck_assert_int_eq(pipe(held), 0);
	for (size_t i = 0; i < HERD_COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_end,
					 &held[0]),
			0);
	rc = cost_take(&self, 1, &cost);
	close(held[1]);
	for (size_t i = 0; i < HERD_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	close(held[0]);
	ck_assert_int_eq(rc, 0);
	ck_assert(cost.crowded);
	ck_assert_uint_eq(cost.thread_count, 0);
	ck_assert_int_gt(cost.cpu_ns, 0);
	cost_subtract(&few, &cost);
	ck_assert_uint_eq(few.thread_count, 0);
}
END_TEST

/* --- differences, by made-up numbers ---------------------------------------- */

START_TEST(threads_come_and_go)
{
	static struct cost before = {
		.threads = {{1, 1, "main", 100}, {1, 2, "gone", 500},
			{2, 1, "other", 7}},
		.thread_count = 3,
		.cpu_ns = 607};
	static struct cost after = {
		.threads = {{1, 1, "main", 130}, {2, 1, "other", 7},
			{1, 3, "new", 5}},
		.thread_count = 3,
		.cpu_ns = 700}; /* "gone" has used 58 more */

	cost_subtract(&after, &before);
	ck_assert_int_eq(after.threads[0].cpu_ns, 30);
	ck_assert_int_eq(after.threads[1].cpu_ns, 0);
	ck_assert_int_eq(after.threads[2].cpu_ns, 5);
	/* What the thread used that is gone is none the less used. */
	ck_assert_int_eq(after.cpu_ns, 93);
}
END_TEST

START_TEST(other_load_is_a_part_of_all_cpus)
{
	static struct cost d;
	int64_t all_ns = sysconf(_SC_NPROCESSORS_ONLN) * HERD_SECOND_NS;

	ck_assert_double_eq(cost_other_load(&d), 0); /* no time has passed */
	d.time_ns = HERD_SECOND_NS;
	d.cpu_ns = all_ns / 8;
	d.own_cpu_ns = all_ns / 8;
	d.machine_busy_ns = all_ns / 2;
	d.machine_stolen_ns = all_ns / 8;
	ck_assert_double_eq_tol(cost_other_load(&d), 0.375, 1e-6);
	/* Ticks are coarse: never less than nothing, nor more than all. */
	d.machine_busy_ns = 0;
	ck_assert_double_eq(cost_other_load(&d), 0);
	d.machine_busy_ns = 3 * all_ns;
	ck_assert_double_eq(cost_other_load(&d), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cost");
	TCase *tcase = tcase_create("cost");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tcase, tells_a_childs_threads_apart);
	tcase_add_test(tcase, a_thread_that_has_ended_counts);
	tcase_add_test(tcase, memory_is_what_it_uses_itself);
	tcase_add_test(tcase, own_time_is_not_the_servers);
	tcase_add_test(tcase, several_processes_add_up);
	tcase_add_test(tcase, without_a_server_there_is_the_machine);
	tcase_add_test(tcase, who_is_gone_is_named);
	tcase_add_test(tcase, of_many_threads_only_the_sum_is_told);
	tcase_add_test(tcase, threads_come_and_go);
	tcase_add_test(tcase, other_load_is_a_part_of_all_cpus);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
