/* The resolver: names by and by, and no harm when nobody waits any more. */
#include "herd/resolver.h"

#include <check.h>
#include <errno.h>
#include <sched.h>

#include "sys_fault.h"

#define ROOM 8

static struct resolver *new_resolver(void)
{
	struct resolver *r;

	ck_assert_int_eq(resolver_new(&r), 0);
	return r;
}

/* Bounded by the test's time limit: there is nothing to wait on but asking. */
static int wait_for(struct resolver *r, struct address *ret_addresses,
	size_t room, size_t *ret_count)
{
	int rc;

	while ((rc = resolver_poll(r, ret_addresses, room, ret_count)) ==
		-EINPROGRESS)
		sched_yield();
	return rc;
}

static const struct {
	const char *host;
	uint16_t port;
	const char *text; /* NULL: any loopback address */
} known[] = {
	{"127.0.0.1", 1, "127.0.0.1:1"},
	{"127.1.2.3", 65535, "127.1.2.3:65535"},
	{"::1", 12000, "[::1]:12000"},
	{"localhost", 12000, NULL},
};

START_TEST(finds)
{
	struct resolver *r = new_resolver();
	struct address found[ROOM];
	char text[ADDRESS_TEXT];
	size_t count = 0;

	/* Twice: one resolver serves one look-up after another. */
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(
			resolver_start(r, known[_i].host, known[_i].port), 0);
		ck_assert_int_eq(wait_for(r, found, ROOM, &count), 0);
		ck_assert_uint_ge(count, 1);
		ck_assert_uint_le(count, ROOM);
		for (size_t i = 0; i < count; i++) {
			ck_assert(address_is_loopback(&found[i]));
			ck_assert_uint_eq(
				address_port(&found[i]), known[_i].port);
			(void)address_format(&found[i], text);
			if (known[_i].text)
				ck_assert_str_eq(text, known[_i].text);
		}
	}
	resolver_free(r);
}
END_TEST

/* Names that no server need be asked about: a label of 64, and an address in a
 * family that is none. */
static const char *const unknown[] = {
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid",
	"fe80::1%no-such-interface",
};

START_TEST(says_that_there_is_none)
{
	struct resolver *r = new_resolver();
	struct address found[ROOM];
	size_t count = 77;

	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(resolver_start(r, unknown[_i], 1), 0);
		ck_assert_int_eq(wait_for(r, found, ROOM, &count), -ENOENT);
		ck_assert_uint_eq(count, 77);
	}
	/* And it is good for another try. */
	ck_assert_int_eq(resolver_start(r, "127.0.0.1", 1), 0);
	ck_assert_int_eq(wait_for(r, found, ROOM, &count), 0);
	resolver_free(r);
}
END_TEST

START_TEST(keeps_to_the_room_there_is)
{
	struct resolver *r = new_resolver();
	struct address found[2];
	size_t count = 0;

	memset(found, 0, sizeof found);
	ck_assert_int_eq(resolver_start(r, "localhost", 1), 0);
	ck_assert_int_eq(wait_for(r, found, 1, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(found[1].any.sa_family, 0);
	resolver_free(r);
}
END_TEST

/* The caller's own string may go as soon as the look-up has begun. */
START_TEST(copies_the_name)
{
	struct resolver *r = new_resolver();
	struct address found[ROOM];
	char host[] = "127.0.0.1";
	size_t count;

	ck_assert_int_eq(resolver_start(r, host, 1), 0);
	memset(host, 'x', sizeof host - 1);
	ck_assert_int_eq(wait_for(r, found, ROOM, &count), 0);
	ck_assert(address_is_loopback(&found[0]));
	resolver_free(r);
}
END_TEST

#define MANY 100 /* more than the library has threads for: some still queue */

/* What is under way is left alone, what is done or queued is freed. How many
 * there are of each is a matter of luck; all that can be seen is that nothing
 * falls over, and that most are freed. */
START_TEST(may_be_freed_while_under_way)
{
	struct resolver *r[MANY];
	size_t blocks = sys_fault_blocks();
	struct address found[ROOM];
	size_t count;

	for (size_t i = 0; i < MANY; i++) {
		r[i] = new_resolver();
		ck_assert_int_eq(resolver_start(r[i], "localhost", 1), 0);
	}
	for (size_t i = 0; i < MANY - 1; i++)
		resolver_free(r[i]);
	/* This one was the last to start: what was left alone ends before or
	 * with it, or soon after. */
	ck_assert_int_eq(wait_for(r[MANY - 1], found, ROOM, &count), 0);
	resolver_free(r[MANY - 1]);
	ck_assert_uint_lt(sys_fault_blocks() - blocks, MANY / 2);
}
END_TEST

START_TEST(frees_what_it_has)
{
	struct address found[ROOM];
	size_t blocks = sys_fault_blocks();
	struct resolver *r = new_resolver();
	size_t count;

	resolver_free(r); /* never used */
	r = new_resolver();
	ck_assert_int_eq(resolver_start(r, "127.0.0.1", 1), 0);
	ck_assert_int_eq(wait_for(r, found, ROOM, &count), 0);
	resolver_free(r); /* done */
	resolver_free(NULL);
	ck_assert_uint_eq(sys_fault_blocks(), blocks);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	struct resolver *r;

	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(resolver_new(&r), -ENOMEM);
	sys_fault_reset();
}
END_TEST

/* A look-up that nobody waits for cannot be taken back: that memory stays, by
 * the library's design. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:resolver_new\nleak:getaddrinfo\n";
}

/* The library starts its helper threads behind ThreadSanitizer's back, which
 * then falls over the first of their calls. */
#ifdef __SANITIZE_THREAD__
#	define MAY_LOOK_UP false
#else
#	define MAY_LOOK_UP true
#endif

static void add_look_ups(TCase *tcase)
{
	tcase_add_loop_test(tcase, finds, 0, (int)HERD_COUNT(known));
	tcase_add_loop_test(
		tcase, says_that_there_is_none, 0, (int)HERD_COUNT(unknown));
	tcase_add_test(tcase, keeps_to_the_room_there_is);
	tcase_add_test(tcase, copies_the_name);
	tcase_add_test(tcase, may_be_freed_while_under_way);
	tcase_add_test(tcase, frees_what_it_has);
}

int main(void)
{
	Suite *suite = suite_create("resolver");
	TCase *tcase = tcase_create("resolver");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, survives_lack_of_memory);
	if (MAY_LOOK_UP)
		add_look_ups(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
