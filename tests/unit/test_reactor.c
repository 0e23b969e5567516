/* The reactor: every event once, in order, and no sleep over work. */
#include "herd/reactor.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "herd/thread.h"
#include "sys_fault.h"

static size_t blocks_before;
static struct reactor *reactor;

static void set_up_kind(bool shared)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	ck_assert_int_eq(reactor_new(shared, &reactor), 0);
}

static void set_up(void)
{
	set_up_kind(false);
}

static void set_up_shared(void)
{
	set_up_kind(true);
}

static void tear_down(void)
{
	reactor_free(reactor);
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

/* --- descriptors ---------------------------------------------------------- */

/* Something to watch: an eventfd, readable while `raised`. */
struct flag {
	struct reactor_io io;
	uint32_t events; /* of the last call */
	int calls;
	bool lower;             /* in the callback */
	struct reactor_io *bye; /* unwatched in the callback */
};

static void on_flag(struct reactor_io *io, uint32_t events)
{
	struct flag *f = HERD_CONTAINER(io, struct flag, io);
	eventfd_t value;

	f->calls++;
	f->events = events;
	if (f->lower)
		ck_assert_int_eq(eventfd_read(io->fd, &value), 0);
	if (f->bye)
		reactor_unwatch(reactor, f->bye);
}

static void flag_init(struct flag *f, bool raised)
{
	*f = (struct flag){.io = {.on_ready = on_flag}};
	f->io.fd = eventfd(raised, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_ge(f->io.fd, 0);
}

static void watch(struct reactor_io *io, uint32_t events)
{
	ck_assert_int_eq(reactor_watch(reactor, io, events), 0);
	ck_assert_uint_eq(io->events, events);
}

START_TEST(tells_what_is_ready)
{
	struct flag f;

	flag_init(&f, false);
	watch(&f.io, EPOLLIN);
	reactor_round(reactor, 0);
	ck_assert_int_eq(f.calls, 0);

	/* As long as it is ready, in every round. */
	ck_assert_int_eq(eventfd_write(f.io.fd, 1), 0);
	for (int round = 1; round <= 3; round++) {
		reactor_round(reactor, -1);
		ck_assert_int_eq(f.calls, round);
		ck_assert_uint_eq(f.events, EPOLLIN);
	}

	watch(&f.io, EPOLLOUT);
	reactor_round(reactor, -1);
	ck_assert_uint_eq(f.events, EPOLLOUT);
	watch(&f.io, EPOLLIN | EPOLLOUT);
	reactor_round(reactor, -1);
	ck_assert_uint_eq(f.events, EPOLLIN | EPOLLOUT);
	ck_assert_int_eq(f.calls, 5);

	watch(&f.io, 0);
	reactor_unwatch(reactor, &f.io);
	reactor_round(reactor, 0);
	ck_assert_int_eq(f.calls, 5);
	watch(&f.io, EPOLLIN);
	reactor_round(reactor, 0);
	ck_assert_int_eq(f.calls, 6);
	reactor_unwatch(reactor, &f.io);
	close(f.io.fd);
}
END_TEST

START_TEST(says_what_cannot_be_watched)
{
	struct flag f = {.io = {.fd = -1, .on_ready = on_flag}};

	ck_assert_int_eq(reactor_watch(reactor, &f.io, EPOLLIN), -EBADF);
	ck_assert_uint_eq(f.io.events, 0);
	reactor_unwatch(reactor, &f.io);
}
END_TEST

/* Two are ready in one round; the first to be called takes the other away. */
START_TEST(an_event_dies_with_its_io)
{
	struct flag *f[2];
	int called = 0;

	for (int i = 0; i < 2; i++) {
		f[i] = malloc(sizeof *f[i]);
		ck_assert_ptr_nonnull(f[i]);
		flag_init(f[i], true);
		watch(&f[i]->io, EPOLLIN);
	}
	for (int i = 0; i < 2; i++)
		f[i]->bye = &f[!i]->io;
	reactor_round(reactor, 0);
	for (int i = 0; i < 2; i++) {
		called += f[i]->calls;
		reactor_unwatch(reactor, &f[i]->io);
		close(f[i]->io.fd);
		free(f[i]);
	}
	ck_assert_int_eq(called, 1);
}
END_TEST

struct killer {
	struct reactor_io io;
	struct killer **other; /* freed in the callback, or replaced */
	bool replace;
	bool close; /* by reactor_close */
	int *called;
};

static void on_killer(struct reactor_io *io, uint32_t events)
{
	struct killer *k = HERD_CONTAINER(io, struct killer, io);
	struct killer *other = *k->other;

	(void)events;
	++*k->called;
	if (!other)
		return;
	if (k->close) {
		reactor_close(reactor, &other->io);
		ck_assert_int_eq(other->io.fd, -1);
	} else {
		reactor_unwatch(reactor, &other->io);
		close(other->io.fd);
	}
	if (k->replace) { /* same memory, another descriptor: not ready */
		other->io.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ck_assert_int_ge(other->io.fd, 0);
		watch(&other->io, EPOLLIN);
	} else {
		free(other);
		*k->other = NULL;
	}
}

/* _i: the other one is freed, or its memory used for a new connection; is taken
 * out, or closed. */
START_TEST(what_is_gone_may_be_freed)
{
	struct killer *nobody = NULL;
	struct killer *k[2];
	int called = 0;

	for (int i = 0; i < 2; i++) {
		k[i] = malloc(sizeof *k[i]);
		ck_assert_ptr_nonnull(k[i]);
		*k[i] = (struct killer){.io = {.on_ready = on_killer},
			.other = &k[!i],
			.replace = _i & 1,
			.close = _i & 2,
			.called = &called};
		k[i]->io.fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		watch(&k[i]->io, EPOLLIN);
	}
	reactor_round(reactor, 0);
	ck_assert_int_eq(called, 1);
	/* Of the closed one epoll has nothing to say any more either. */
	for (int i = 0; i < 2; i++)
		if (k[i] && k[i]->io.fd >= 0)
			k[i]->other = &nobody;
	reactor_round(reactor, 0);
	ck_assert_int_eq(called, 2);
	for (int i = 0; i < 2; i++) {
		if (!k[i])
			continue;
		reactor_unwatch(reactor, &k[i]->io);
		close(k[i]->io.fd);
		free(k[i]);
	}
}
END_TEST

#define MANY 300 /* more than one epoll_wait fetches */

START_TEST(everyone_has_a_turn)
{
	static struct flag many[MANY];

	for (int i = 0; i < MANY; i++) {
		flag_init(&many[i], true);
		watch(&many[i].io, EPOLLIN);
	}
	for (int round = 0; round < 3; round++)
		reactor_round(reactor, 0);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_ge(many[i].calls, 1);
		many[i].lower = true;
		many[i].calls = 0;
	}
	for (int round = 0; round < 4; round++)
		reactor_round(reactor, 0);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(many[i].calls, 1);
		reactor_unwatch(reactor, &many[i].io);
		close(many[i].io.fd);
	}
}
END_TEST

/* --- timers --------------------------------------------------------------- */

static char order[64];

struct alarm {
	struct timer timer;
	char name;
	struct timer *clear;
	int64_t again_ns; /* 0: no */
};

static void note(char name)
{
	size_t len = strlen(order);

	ck_assert_uint_lt(len + 1, sizeof order);
	order[len] = name;
	order[len + 1] = '\0';
}

static void on_alarm(struct timer *timer)
{
	struct alarm *a = HERD_CONTAINER(timer, struct alarm, timer);

	ck_assert_int_ge(reactor_now_ns(reactor), timer->due_ns);
	note(a->name);
	if (a->clear)
		reactor_timer_clear(reactor, a->clear);
	if (a->again_ns)
		reactor_timer_set(
			reactor, timer, reactor_now_ns(reactor) + a->again_ns);
}

static struct alarm alarm_of(char name)
{
	return (struct alarm){.timer = {.on_due = on_alarm}, .name = name};
}

START_TEST(timers_fire_in_order)
{
	struct alarm a = alarm_of('a');
	struct alarm b = alarm_of('b');
	struct alarm c = alarm_of('c');
	struct alarm d = alarm_of('d');
	int64_t start = 1000 * HERD_SECOND_NS;

	order[0] = '\0';
	sys_fault_clock_set(0, start);
	reactor_round(reactor, 0);
	ck_assert_int_eq(reactor_now_ns(reactor), start);
	reactor_timer_set(reactor, &c.timer, start + 30);
	reactor_timer_set(reactor, &a.timer, start + 10);
	reactor_timer_set(reactor, &b.timer, start + 20);
	reactor_timer_set(reactor, &d.timer, start + 31);
	a.again_ns = 5;
	b.clear = &d.timer;

	sys_fault_clock_advance(9);
	reactor_round(reactor, 0);
	ck_assert_str_eq(order, "");
	sys_fault_clock_advance(1);
	reactor_round(reactor, 0);
	reactor_round(reactor, 0);
	ck_assert_str_eq(order, "a");
	a.again_ns = 0;
	sys_fault_clock_advance(1000); /* a is due at 15, b at 20, c at 30 */
	reactor_round(reactor, 0);
	ck_assert_str_eq(order, "aabc");
	sys_fault_clock_advance(1000);
	reactor_round(reactor, 0);
	ck_assert_str_eq(order, "aabc");
}
END_TEST

START_TEST(timers_can_be_moved)
{
	struct alarm a = alarm_of('a');
	int64_t start = 1000 * HERD_SECOND_NS;

	order[0] = '\0';
	sys_fault_clock_set(0, start);
	reactor_timer_set(reactor, &a.timer, start);
	reactor_timer_set(reactor, &a.timer, start + 10);
	reactor_round(reactor, 0);
	ck_assert_str_eq(order, "");
	reactor_timer_set(reactor, &a.timer, start);
	reactor_round(reactor, 0);
	ck_assert_str_eq(order, "a");
	reactor_timer_clear(reactor, &a.timer);
}
END_TEST

/* Rounded up to the next millisecond: one sleep is enough, no spinning. */
START_TEST(sleeps_until_a_timer_is_due)
{
	static const int64_t waits[] = {1, 999999, 1000001, 1999999, 5500000};

	for (size_t i = 0; i < HERD_COUNT(waits); i++) {
		struct alarm a = alarm_of('a');

		order[0] = '\0';
		reactor_round(reactor, 0);
		reactor_timer_set(
			reactor, &a.timer, reactor_now_ns(reactor) + waits[i]);
		reactor_round(reactor, -1);
		ck_assert_str_eq(order, "a");
	}
}
END_TEST

START_TEST(an_overdue_timer_does_not_wait)
{
	struct alarm a = alarm_of('a');

	order[0] = '\0';
	reactor_timer_set(reactor, &a.timer, INT64_MIN / 4);
	reactor_round(reactor, -1);
	ck_assert_str_eq(order, "a");
}
END_TEST

/* --- hooks, messages, stopping -------------------------------------------- */

struct worker {
	struct reactor_hook hook;
	char name;
	int work; /* rounds it still has something to do */
	bool stop_at_end;
};

static bool on_round(struct reactor_hook *hook)
{
	struct worker *w = HERD_CONTAINER(hook, struct worker, hook);

	if (w->name)
		note(w->name);
	if (w->work > 0 && --w->work == 0 && w->stop_at_end)
		reactor_stop(reactor);
	return w->work > 0;
}

START_TEST(hooks_run_every_round_in_order)
{
	struct worker w[] = {{.hook = {.on_round = on_round}, .name = 'x'},
		{.hook = {.on_round = on_round}, .name = 'y'},
		{.hook = {.on_round = on_round}, .name = 'z'}};

	order[0] = '\0';
	for (size_t i = 0; i < HERD_COUNT(w); i++)
		reactor_hook_add(reactor, &w[i].hook);
	for (int round = 0; round < 3; round++)
		reactor_round(reactor, 0);
	ck_assert_str_eq(order, "xyzxyzxyz");
}
END_TEST

/* There is nothing else to wake it up: a sleep would be for ever. The one with
 * work stands first, in the middle, last. */
START_TEST(work_left_keeps_it_awake)
{
	struct worker w[3] = {{.work = 0}};

	for (int i = 0; i < 3; i++) {
		w[i].hook.on_round = on_round;
		reactor_hook_add(reactor, &w[i].hook);
	}
	w[_i].work = 1000;
	w[_i].stop_at_end = true;
	reactor_run(reactor);
	ck_assert_int_eq(w[_i].work, 0);
}
END_TEST

static void on_stop(void *to, intptr_t what)
{
	(void)what;
	reactor_stop(to);
}

/* Each step is a message posted from the last one's: from a timer, from a
 * message, from a hook. Nothing else would wake the loop. */
struct chain {
	struct timer timer;
	struct reactor_hook hook;
	bool hook_posts;
	int messages;
};

static void post(void (*fn)(void *, intptr_t), void *to, intptr_t what)
{
	ck_assert_int_eq(
		mailbox_post(reactor_mailbox(reactor), fn, to, what), 0);
}

static void on_step(void *to, intptr_t what)
{
	struct chain *c = to;

	c->messages++;
	if (what > 0)
		post(on_step, c, what - 1);
	else
		c->hook_posts = true;
}

static void on_chain_due(struct timer *timer)
{
	struct chain *c = HERD_CONTAINER(timer, struct chain, timer);

	post(on_step, c, 9);
}

static bool on_chain_round(struct reactor_hook *hook)
{
	struct chain *c = HERD_CONTAINER(hook, struct chain, hook);

	if (c->hook_posts)
		post(on_stop, reactor, 0);
	c->hook_posts = false;
	return false;
}

START_TEST(own_messages_are_delivered)
{
	struct chain c = {.timer = {.on_due = on_chain_due},
		.hook = {.on_round = on_chain_round}};

	reactor_hook_add(reactor, &c.hook);
	reactor_timer_set(
		reactor, &c.timer, reactor_now_ns(reactor) + HERD_MS_NS);
	reactor_run(reactor);
	ck_assert_int_eq(c.messages, 10);
}
END_TEST

START_TEST(stops_after_the_round)
{
	struct worker w = {.hook = {.on_round = on_round}, .name = 'x'};

	order[0] = '\0';
	reactor_hook_add(reactor, &w.hook);
	post(on_stop, reactor, 0);
	reactor_run(reactor);
	ck_assert_str_eq(order, "x");
}
END_TEST

/* --- wake-ups hammered ---------------------------------------------------- */

#define SENDERS  4
#define MESSAGES 20000 /* per sender */
#define BURST    50    /* messages before a sender waits for the loop */

struct sender {
	struct thread thread;
	atomic_int seen; /* of its messages */
	int in_order;    /* owner's: the next one expected */
	atomic_int *left;
};

static void on_count(void *to, intptr_t what)
{
	struct sender *s = to;

	if (s->in_order == what)
		s->in_order++;
	atomic_fetch_add(&s->seen, 1);
}

/* Now one message, now a burst, and each time the sender waits until all have
 * been seen: the loop falls asleep thousands of times. */
static void send_all(void *arg)
{
	struct sender *s = arg;
	struct mailbox *box = reactor_mailbox(reactor);

	for (int i = 0; i < MESSAGES; i++) {
		while (mailbox_post(box, on_count, s, i) == -EAGAIN)
			sched_yield();
		if (i % (2 * BURST) < BURST || i % BURST == 0)
			while (atomic_load(&s->seen) <= i)
				sched_yield();
	}
	if (atomic_fetch_sub(s->left, 1) == 1)
		mailbox_post_last(box, on_stop, reactor, 0);
}

START_TEST(loses_no_wake_up)
{
	struct sender senders[SENDERS] = {{.seen = 0}};
	atomic_int left = SENDERS;

	for (int i = 0; i < SENDERS; i++) {
		senders[i].left = &left;
		ck_assert_int_eq(thread_start(&senders[i].thread, "sender", -1,
					 send_all, &senders[i]),
			0);
	}
	reactor_run(reactor);
	for (int i = 0; i < SENDERS; i++) {
		thread_join(&senders[i].thread);
		ck_assert_int_eq(senders[i].seen, MESSAGES);
		ck_assert_int_eq(senders[i].in_order, MESSAGES);
	}
}
END_TEST

/* --- life ----------------------------------------------------------------- */

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* _i: shared. Only then is there an eventfd beside the epoll set. */
START_TEST(opens_what_it_needs)
{
	int before = count_descriptors();

	set_up_kind(_i);
	ck_assert_int_eq(count_descriptors(), before + 1 + _i);
	ck_assert((reactor_mailbox(reactor)->event_fd >= 0) == (_i == 1));
	tear_down();
	ck_assert_int_eq(count_descriptors(), before);
	reactor_free(NULL);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	struct reactor *r;
	int rc;

	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	for (unsigned n = 0;; n++) {
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = reactor_new(true, &r);
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	}
	ck_assert_int_eq(rc, 0);
	reactor_free(r);
}
END_TEST

/* None at all, then one: there is no epoll set, then no eventfd. */
START_TEST(survives_lack_of_descriptors)
{
	struct reactor *r;
	struct rlimit before, few;
	int next = eventfd(0, 0);

	close(next);
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (rlim_t more = 0; more < 2; more++) {
		few = before;
		few.rlim_cur = (rlim_t)next + more;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		ck_assert_int_eq(reactor_new(true, &r), -EMFILE);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	}
}
END_TEST

static void run_reactor(void *arg)
{
	reactor_run(arg);
}

static void on_running(void *to, intptr_t what)
{
	atomic_int *running = to;

	atomic_store(running, (int)what);
}

START_TEST(only_its_owner_may_touch_it)
{
	struct alarm a = alarm_of('a');
	atomic_int running = 0;
	struct thread t;

	post(on_running, &running, 1);
	ck_assert_int_eq(
		thread_start(&t, "owner", -1, run_reactor, reactor), 0);
	while (!running)
		sched_yield();
	reactor_timer_set(reactor, &a.timer, 0);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name, void (*before)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 60);
	if (before)
		tcase_add_checked_fixture(tcase, before, tear_down);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("reactor");
	SRunner *runner = srunner_create(suite);
	TCase *own = new_case(suite, "own", set_up);
	TCase *shared = new_case(suite, "shared", set_up_shared);
	TCase *life = new_case(suite, "life", NULL);

	tcase_add_test(own, tells_what_is_ready);
	tcase_add_test(own, says_what_cannot_be_watched);
	tcase_add_test(own, an_event_dies_with_its_io);
	tcase_add_loop_test(own, what_is_gone_may_be_freed, 0, 4);
	tcase_add_test(own, everyone_has_a_turn);
	tcase_add_test(own, timers_fire_in_order);
	tcase_add_test(own, timers_can_be_moved);
	tcase_add_test(own, sleeps_until_a_timer_is_due);
	tcase_add_test(own, an_overdue_timer_does_not_wait);
	tcase_add_test(own, hooks_run_every_round_in_order);
	tcase_add_loop_test(own, work_left_keeps_it_awake, 0, 3);
	tcase_add_test(own, own_messages_are_delivered);
	tcase_add_test(own, stops_after_the_round);
	tcase_add_test(shared, own_messages_are_delivered);
	tcase_add_test(shared, stops_after_the_round);
	tcase_add_test(shared, loses_no_wake_up);
	if (srunner_fork_status(runner) == CK_FORK)
		tcase_add_test_raise_signal(
			shared, only_its_owner_may_touch_it, SIGABRT);
	tcase_add_loop_test(life, opens_what_it_needs, 0, 2);
	tcase_add_test(life, survives_lack_of_memory);
	tcase_add_test(life, survives_lack_of_descriptors);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
