/* The handshake: who may open a link, and whose answer is believed. */
#include "herd/handshake.h"

#include <check.h>
#include <stdio.h>

#include "sys_fault.h"

enum {
	GOLOMAN,
	HANDS,
	WELSH,
	SERVERS
};

#define LONG_NAME                                                              \
	"a123456789012345678901234567890123456789012345678901234567890123"
#define LONG_NAME_2                                                            \
	"b123456789012345678901234567890123456789012345678901234567890123"

static size_t of_goloman[] = {HANDS};
static struct conf_server servers[SERVERS];
static const struct conf conf = {.servers = servers, .server_count = SERVERS};
static struct neighbours *nb;

static void make(const char *us, const char *them)
{
	sys_fault_reset();
	sys_fault_seed(1);
	servers[GOLOMAN] = (struct conf_server){.name = us,
		.host = "127.0.0.1",
		.port = 1,
		.neighbours = of_goloman,
		.neighbour_count = 1};
	servers[HANDS] = (struct conf_server){
		.name = them, .host = "127.0.0.2", .port = 2};
	servers[WELSH] = (struct conf_server){
		.name = "Welsh", .host = "127.0.0.3", .port = 3};
	ck_assert_int_eq(neighbours_new(&conf, GOLOMAN, &nb), 0);
}

static void set_up(void)
{
	make("Goloman", "Hands");
}

static void tear_down(void)
{
	neighbours_free(nb);
}

static struct line line_of(const char *bytes)
{
	struct line line;

	line_parse(text_of(bytes), &line);
	return line;
}

static void check_hello(const char *us, const char *them)
{
	char hello[HANDSHAKE_HELLO_MAX + 1];
	char expected[256];
	struct text boot = neighbours_boot(nb);
	size_t len;
	int n = snprintf(expected, sizeof expected, "HERD 1 %s %s %.*s\n", us,
		them, (int)boot.len, boot.ptr);

	memset(hello, '#', sizeof hello);
	len = handshake_hello(nb, 0, hello);
	ck_assert_int_eq((int)len, n);
	ck_assert(!memcmp(hello, expected, len));
	ck_assert_int_eq(hello[HANDSHAKE_HELLO_MAX], '#');
}

START_TEST(says_hello)
{
	check_hello("Goloman", "Hands");
	struct line line = line_of("HERD 1 Goloman Hands 0123456789abcdef");
	ck_assert_int_eq(line.verb, LINE_HELLO);
}
END_TEST

START_TEST(names_may_be_long)
{
	tear_down();
	ck_assert_uint_eq(strlen(LONG_NAME), 64);
	make(LONG_NAME, LONG_NAME_2);
	check_hello(LONG_NAME, LONG_NAME_2);
}
END_TEST

static const struct {
	const char *hello;
	const char *address;
	enum handshake_verdict verdict;
} hellos[] = {
	{"HERD 1 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_LINK},
	{"HERD 1 Hands Goloman 0a", "::ffff:127.0.0.2", HANDSHAKE_LINK},
	{" HERD\t1  Hands Goloman\r0a\r", "127.0.0.2", HANDSHAKE_LINK},
	{"HERD 1 Hands Goloman 0a more", "127.0.0.2", HANDSHAKE_LINK},
	{"HERD 01 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_LINK},
	{"HERD 0001 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_LINK},
	/* other versions */
	{"HERD 2 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_VERSION},
	{"HERD 0 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_VERSION},
	{"HERD 000 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_VERSION},
	{"HERD 10 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_VERSION},
	{"HERD 11 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_VERSION},
	{"HERD 18446744073709551617 Hands Goloman 0a", "127.0.0.2",
		HANDSHAKE_VERSION}, /* 2^64 + 1 */
	/* not to us */
	{"HERD 1 Hands Welsh 0a", "127.0.0.2", HANDSHAKE_INVALID},
	{"HERD 1 Hands goloman 0a", "127.0.0.2", HANDSHAKE_INVALID},
	{"HERD 1 Goloman Hands 0a", "127.0.0.2", HANDSHAKE_INVALID},
	{"HERD 2 Hands Welsh 0a", "127.0.0.2", HANDSHAKE_INVALID},
	/* not from a neighbour */
	{"HERD 1 Welsh Goloman 0a", "127.0.0.3", HANDSHAKE_INVALID},
	{"HERD 1 Welsh Goloman 0a", "127.0.0.2", HANDSHAKE_INVALID},
	{"HERD 1 Goloman Goloman 0a", "127.0.0.1", HANDSHAKE_INVALID},
	{"HERD 1 hands Goloman 0a", "127.0.0.2", HANDSHAKE_INVALID},
	{"HERD 2 nobody Goloman 0a", "127.0.0.2", HANDSHAKE_INVALID},
	/* not from its address */
	{"HERD 1 Hands Goloman 0a", "127.0.0.3", HANDSHAKE_INVALID},
	{"HERD 1 Hands Goloman 0a", "127.0.0.1", HANDSHAKE_INVALID},
	{"HERD 1 Hands Goloman 0a", "::1", HANDSHAKE_INVALID},
	{"HERD 2 Hands Goloman 0a", "127.0.0.3", HANDSHAKE_INVALID},
};

START_TEST(judges_a_hello)
{
	struct line line = line_of(hellos[_i].hello);
	struct address from;
	size_t which = 99;

	ck_assert_int_eq(line.verb, LINE_HELLO);
	ck_assert_int_eq(address_parse(hellos[_i].address, 50000, &from), 0);
	ck_assert_int_eq(
		handshake_judge(nb, &line, &from, &which), hellos[_i].verdict);
	if (hellos[_i].verdict != HANDSHAKE_INVALID)
		ck_assert_uint_eq(which, 0);
}
END_TEST

#define REFUSED "it refused our hello"
#define OTHER   "another server answers there"
#define VERSION "it speaks another version of the link protocol"

static const struct {
	const char *answer;
	const char *refusal; /* NULL: accepted */
} answers[] = {
	{"HERD 1 Hands Goloman 0a", NULL},
	{"HERD 001 Hands Goloman 0a", NULL},
	{"HERD 1 Hands Goloman 0a more", NULL},
	{"HERD 2 Hands Goloman 0a", VERSION},
	{"HERD 0 Hands Goloman 0a", VERSION},
	{"HERD 12 Hands Goloman 0a", VERSION},
	{"HERD 1 Welsh Goloman 0a", OTHER},
	{"HERD 1 Hands Welsh 0a", OTHER},
	{"HERD 1 Goloman Hands 0a", OTHER}, /* our own words */
	{"HERD 2 Welsh Goloman 0a", OTHER},
	{"? HERD 1 Goloman Hands 0a", REFUSED},
	{"HERD 1 Hands Goloman not-hex", REFUSED},
	{"HERD one Hands Goloman 0a", REFUSED},
	{"HERD 1 Hands Goloman", REFUSED},
	{"PONG 1", REFUSED},
	{"220 mail.example.org ESMTP", REFUSED},
};

START_TEST(judges_an_answer)
{
	struct line line = line_of(answers[_i].answer);
	const char *refusal = handshake_refusal(nb, 0, &line);

	if (answers[_i].refusal)
		ck_assert_str_eq(refusal, answers[_i].refusal);
	else
		ck_assert_ptr_null(refusal);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handshake");
	TCase *tcase = tcase_create("handshake");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, says_hello);
	tcase_add_test(tcase, names_may_be_long);
	tcase_add_loop_test(tcase, judges_a_hello, 0, (int)HERD_COUNT(hellos));
	tcase_add_loop_test(
		tcase, judges_an_answer, 0, (int)HERD_COUNT(answers));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
