/* The mailbox: bounded, in order, and never without a wake-up. */
#include "herd/mailbox.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include "herd/thread.h"
#include "sys_fault.h"

#define SENDERS  4
#define MESSAGES 20000 /* per sender */

static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

struct record {
	intptr_t values[16];
	size_t count;
};

static void note(void *to, intptr_t what)
{
	struct record *record = to;

	record->values[record->count++] = what;
}

static bool is_signalled(const struct mailbox *m)
{
	struct pollfd p = {.fd = m->event_fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* Both kinds of box: _i is `shared`. */
START_TEST(delivers_in_order)
{
	struct mailbox m;
	struct record record = {.count = 0};

	ck_assert_int_eq(mailbox_init(&m, _i, 8), 0);
	ck_assert((m.event_fd >= 0) == (_i == 1));
	ck_assert(!mailbox_receive(&m));
	for (intptr_t i = 0; i < 5; i++)
		ck_assert_int_eq(mailbox_post(&m, note, &record, i), 0);
	ck_assert(mailbox_receive(&m));
	ck_assert(!mailbox_receive(&m));
	ck_assert_uint_eq(record.count, 5);
	for (intptr_t i = 0; i < 5; i++)
		ck_assert_int_eq(record.values[i], i);
	mailbox_fini(&m);
}
END_TEST

START_TEST(keeps_one_slot_for_the_last)
{
	struct mailbox m;
	struct record record = {.count = 0};

	ck_assert_int_eq(mailbox_init(&m, _i, 2), 0);
	ck_assert_int_eq(mailbox_post(&m, note, &record, 1), 0);
	ck_assert_int_eq(mailbox_post(&m, note, &record, 2), 0);
	ck_assert_int_eq(mailbox_post(&m, note, &record, 3), -EAGAIN);
	mailbox_post_last(&m, note, &record, 4);
	ck_assert_int_eq(mailbox_post(&m, note, &record, 5), -EAGAIN);
	ck_assert(mailbox_receive(&m));
	ck_assert_uint_eq(record.count, 3);
	ck_assert_int_eq(record.values[2], 4);
	ck_assert_int_eq(mailbox_post(&m, note, &record, 6), 0);
	ck_assert(mailbox_receive(&m));
	ck_assert_int_eq(record.values[3], 6);
	mailbox_fini(&m);
}
END_TEST

struct echo {
	struct mailbox *m;
	int runs;
};

static void post_again(void *to, intptr_t what)
{
	struct echo *echo = to;

	echo->runs++;
	ck_assert_int_eq(mailbox_post(echo->m, post_again, echo, what), 0);
}

START_TEST(runs_new_messages_next_time)
{
	struct mailbox m;
	struct echo echo = {.m = &m};

	ck_assert_int_eq(mailbox_init(&m, _i, 2), 0);
	ck_assert_int_eq(mailbox_post(&m, post_again, &echo, 0), 0);
	ck_assert_int_eq(mailbox_post(&m, post_again, &echo, 0), 0);
	for (int round = 1; round <= 3; round++) {
		ck_assert(mailbox_receive(&m));
		ck_assert_int_eq(echo.runs, 2 * round);
		ck_assert(_i == 0 || is_signalled(&m));
	}
	mailbox_fini(&m);
}
END_TEST

START_TEST(signals_when_there_is_something)
{
	struct mailbox m;
	struct record record = {.count = 0};

	ck_assert_int_eq(mailbox_init(&m, true, 2), 0);
	ck_assert(!is_signalled(&m));
	ck_assert_int_eq(mailbox_post(&m, note, &record, 1), 0);
	ck_assert(is_signalled(&m));
	(void)mailbox_receive(&m);
	ck_assert(!is_signalled(&m));
	mailbox_wake(&m);
	ck_assert(is_signalled(&m));
	ck_assert(!mailbox_receive(&m));
	ck_assert(!is_signalled(&m));
	mailbox_fini(&m);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	struct mailbox m;

	for (unsigned n = 0; n < 2; n++) {
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		ck_assert_int_eq(mailbox_init(&m, true, 8), -ENOMEM);
		ck_assert(sys_fault_fired(SYS_FAULT_ALLOC));
		ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	}
}
END_TEST

START_TEST(survives_lack_of_descriptors)
{
	struct mailbox m;
	struct rlimit before, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(mailbox_init(&m, true, 8), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

/* Several senders against an owner that sleeps whenever it can. */
struct hammer {
	struct mailbox m;
	intptr_t next[SENDERS]; /* what the owner expects of each */
	int stopped;
	bool in_order;
};

struct sender {
	struct hammer *hammer;
	struct thread thread;
	intptr_t index;
};

static void take(void *to, intptr_t what)
{
	struct hammer *h = to;
	intptr_t sender = what / MESSAGES;

	h->in_order &= h->next[sender] == what % MESSAGES;
	h->next[sender]++;
}

static void stop(void *to, intptr_t what)
{
	struct hammer *h = to;

	h->stopped += (int)what;
}

static void send_all(void *arg)
{
	struct sender *s = arg;

	for (intptr_t i = 0; i < MESSAGES; i++) {
		while (mailbox_post(&s->hammer->m, take, s->hammer,
			       s->index * MESSAGES + i) == -EAGAIN)
			sched_yield();
	}
}

static void stop_after_all(void *arg)
{
	struct sender *senders = arg;

	for (int i = 0; i < SENDERS; i++)
		thread_join(&senders[i].thread);
	mailbox_post_last(&senders->hammer->m, stop, senders->hammer, 1);
}

START_TEST(loses_nothing_under_load)
{
	struct hammer h = {.in_order = true};
	struct sender senders[SENDERS];
	struct thread stopper;

	ck_assert_int_eq(mailbox_init(&h.m, true, 16), 0);
	for (int i = 0; i < SENDERS; i++) {
		senders[i].hammer = &h;
		senders[i].index = i;
		ck_assert_int_eq(thread_start(&senders[i].thread, "sender", -1,
					 send_all, &senders[i]),
			0);
	}
	ck_assert_int_eq(
		thread_start(&stopper, "stopper", -1, stop_after_all, senders),
		0);
	while (!h.stopped) {
		struct pollfd p = {.fd = h.m.event_fd, .events = POLLIN};
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		(void)mailbox_receive(&h.m);
	}
	thread_join(&stopper);
	ck_assert(h.in_order);
	for (int i = 0; i < SENDERS; i++)
		ck_assert_int_eq(h.next[i], MESSAGES);
	mailbox_fini(&h.m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mailbox");
	TCase *tcase = tcase_create("mailbox");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, delivers_in_order, 0, 2);
	tcase_add_loop_test(tcase, keeps_one_slot_for_the_last, 0, 2);
	tcase_add_loop_test(tcase, runs_new_messages_next_time, 0, 2);
	tcase_add_test(tcase, signals_when_there_is_something);
	tcase_add_test(tcase, survives_lack_of_memory);
	tcase_add_test(tcase, survives_lack_of_descriptors);
	tcase_add_test(tcase, loses_nothing_under_load);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
