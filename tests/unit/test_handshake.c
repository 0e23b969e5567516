/* The handshake: who may open a link, whose answer is believed, who proves
 * what. The proofs were computed by another program, from herd(7). */
#include "herd/handshake.h"

#include <check.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

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

#define SECRET "0123456789abcdef0123456789abcdef"

static size_t of_goloman[] = {HANDS};
static struct conf_server servers[SERVERS];
static const struct conf conf = {.servers = servers, .server_count = SERVERS};
static struct neighbours *nb;
static struct handshake h;

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
	size_t nonce = neighbours_secret(nb).len ? LINE_NONCE_LEN : 0;
	size_t len;
	int n;

	ck_assert_int_eq(handshake_begin(nb, &h), 0);
	memset(hello, '#', sizeof hello);
	len = handshake_hello(&h, nb, 0, hello);
	n = snprintf(expected, sizeof expected, "HERD 1 %s %s %.*s%s%.*s\n", us,
		them, (int)boot.len, boot.ptr, nonce ? " " : "", (int)nonce,
		h.nonce);
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
	neighbours_set_secret(nb, text_of(SECRET));
	check_hello(LONG_NAME, LONG_NAME_2);
}
END_TEST

#define OTHER    "another server answers there"
#define VERSION  "it speaks another version of the link protocol"
#define HAS_NONE "it has no secret, and this server has one"
#define HAS_ONE  "it has a secret, and this server has none"
#define ONES     "1111111111111111111111111111111111111111111111111111111111111111"
#define NINES    "9999999999999999999999999999999999999999999999999999999999999999"
#define MIXED    "0123456789abcdefABCDEF789012345678901234567890123456789012345678"

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
	{"HERD 2 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_REFUSED},
	{"HERD 0 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_REFUSED},
	{"HERD 000 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_REFUSED},
	{"HERD 10 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_REFUSED},
	{"HERD 11 Hands Goloman 0a", "127.0.0.2", HANDSHAKE_REFUSED},
	{"HERD 18446744073709551617 Hands Goloman 0a", "127.0.0.2",
		HANDSHAKE_REFUSED}, /* 2^64 + 1 */
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

static enum handshake_verdict judge(
	const char *hello, const char *address, const char **ret_why)
{
	struct line line = line_of(hello);
	enum handshake_verdict verdict;
	struct address from;
	size_t which = 99;

	*ret_why = NULL;
	ck_assert_int_eq(line.verb, LINE_HELLO);
	ck_assert_int_eq(address_parse(address, 50000, &from), 0);
	verdict = handshake_judge(nb, &line, &from, &which, ret_why);
	if (verdict != HANDSHAKE_INVALID)
		ck_assert_uint_eq(which, 0);
	return verdict;
}

static const struct {
	const char *hello;
	const char *address;
	size_t which;
	const char *why;
} strangers[] = {
	{"HERD 1 nobody Goloman 0a", "127.0.0.2", NEIGHBOURS_STRANGER,
		"this server has no neighbour of that name"},
	{"HERD 1 Goloman Goloman 0a", "127.0.0.2", NEIGHBOURS_STRANGER,
		"this server has no neighbour of that name"},
	{"HERD 1 Hands Welsh 0a", "127.0.0.2", 0,
		"it says hello to another server"},
	{"HERD 1 Hands Goloman 0a", "127.0.0.3", 0,
		"it does not come from that neighbour's address"},
};

START_TEST(says_why_it_is_no_neighbour)
{
	struct line line = line_of(strangers[_i].hello);
	struct address from;
	const char *why;
	size_t which;

	ck_assert_int_eq(address_parse(strangers[_i].address, 50000, &from), 0);
	ck_assert_int_eq(handshake_judge(nb, &line, &from, &which, &why),
		HANDSHAKE_INVALID);
	ck_assert_uint_eq(which, strangers[_i].which);
	ck_assert_str_eq(why, strangers[_i].why);
	ck_assert(neighbours_may_say(nb, which, why, 1));
	ck_assert(!neighbours_may_say(nb, which, why, 2));
}
END_TEST

START_TEST(judges_a_hello)
{
	enum handshake_verdict verdict = hellos[_i].verdict;
	const char *why;

	ck_assert_int_eq(
		judge(hellos[_i].hello, hellos[_i].address, &why), verdict);
	if (verdict == HANDSHAKE_REFUSED)
		ck_assert_str_eq(why, VERSION);

	/* The secret is asked for only where all else is right. */
	neighbours_set_secret(nb, text_of(SECRET));
	if (verdict == HANDSHAKE_LINK)
		verdict = HANDSHAKE_REFUSED;
	ck_assert_int_eq(
		judge(hellos[_i].hello, hellos[_i].address, &why), verdict);
	if (verdict == HANDSHAKE_REFUSED)
		ck_assert_str_eq(why, hellos[_i].verdict == HANDSHAKE_LINK
					      ? HAS_NONE
					      : VERSION);
}
END_TEST

static const struct {
	const char *hello;
	bool nonce;
} nonces[] = {
	{"HERD 1 Hands Goloman 0a " ONES, true},
	{"HERD 1 Hands Goloman 0a " MIXED "\r", true},
	{"HERD 1 Hands Goloman 0a " ONES " more", true},
	{"HERD 1 Hands Goloman 0a " ONES " more and more", true},
	{"HERD 1 Hands Goloman 0a", false},
	{"HERD 1 Hands Goloman 0a ", false},
	{"HERD 1 Hands Goloman 0a more " ONES, false},
	{"HERD 1 Hands Goloman 0a " ONES "1", false},
	{"HERD 1 Hands Goloman 0a 111111111111111111111111111111111111111111111"
	 "111111111111111111",
		false},
	{"HERD 1 Hands Goloman 0a 111111111111111111111111111111111111111111111"
	 "111111111111111111g",
		false},
};

START_TEST(minds_nonces)
{
	const char *why;
	bool nonce = nonces[_i].nonce;

	ck_assert_int_eq(judge(nonces[_i].hello, "127.0.0.2", &why),
		nonce ? HANDSHAKE_REFUSED : HANDSHAKE_LINK);
	if (nonce)
		ck_assert_str_eq(why, HAS_ONE);
	neighbours_set_secret(nb, text_of(SECRET));
	ck_assert_int_eq(judge(nonces[_i].hello, "127.0.0.2", &why),
		nonce ? HANDSHAKE_LINK : HANDSHAKE_REFUSED);
	if (!nonce)
		ck_assert_str_eq(why, HAS_NONE);
}
END_TEST

#define REFUSED "it refused our hello"

static const struct {
	const char *answer;
	const char *refusal; /* NULL: accepted */
} answers[] = {
	{"HERD 1 Hands Goloman 0a", NULL},
	{"HERD 001 Hands Goloman 0a", NULL},
	{"HERD 1 Hands Goloman 0a more", NULL},
	{"HERD 1 Hands Goloman 0a " ONES, HAS_ONE},
	{"HERD 2 Hands Goloman 0a", VERSION},
	{"HERD 0 Hands Goloman 0a", VERSION},
	{"HERD 12 Hands Goloman 0a", VERSION},
	{"HERD 2 Hands Goloman 0a " ONES, VERSION},
	{"HERD 1 Welsh Goloman 0a", OTHER},
	{"HERD 1 Hands Welsh 0a", OTHER},
	{"HERD 1 Goloman Hands 0a", OTHER}, /* our own words */
	{"HERD 2 Welsh Goloman 0a", OTHER},
	{"? HERD 1 Goloman Hands 0a", REFUSED},
	{"HERD 1 Hands Goloman not-hex", REFUSED},
	{"HERD one Hands Goloman 0a", REFUSED},
	{"HERD 1 Hands Goloman", REFUSED},
	{"PONG 1", REFUSED},
	{"PROOF " ONES, REFUSED},
	{"220 mail.example.org ESMTP", REFUSED},
};

static const char *refusal(const char *answer)
{
	struct line line = line_of(answer);

	return handshake_refusal(&h, nb, 0, &line);
}

START_TEST(judges_an_answer)
{
	ck_assert_int_eq(handshake_begin(nb, &h), 0);
	ck_assert_pstr_eq(refusal(answers[_i].answer), answers[_i].refusal);
}
END_TEST

/* Ours is known: the randomness is seeded. */
#define BOOT  "c1675e0bb980a575"
#define NONCE "a89661fec08aa83b63f1ee08469ccdac9ff735ab278a84ba6d1c170cf5c1183c"

static void begin_with_secret(void)
{
	char hello[HANDSHAKE_HELLO_MAX];
	struct text ours = {hello, 0};

	neighbours_set_secret(nb, text_of(SECRET));
	ck_assert_int_eq(handshake_begin(nb, &h), 0);
	ours.len = handshake_hello(&h, nb, 0, hello);
	ck_assert(text_equal(
		ours, text_of("HERD 1 Goloman Hands " BOOT " " NONCE "\n")));
}

START_TEST(judges_an_answer_with_a_secret)
{
	begin_with_secret();
	ck_assert_pstr_eq(refusal("HERD 1 Hands Goloman 0a " ONES), NULL);
	ck_assert_pstr_eq(refusal("HERD 1 Hands Goloman 0a"), HAS_NONE);
	ck_assert_pstr_eq(refusal("HERD 2 Hands Goloman 0a"), VERSION);
	ck_assert_pstr_eq(refusal("HERD 1 Welsh Goloman 0a " ONES), OTHER);
	ck_assert_pstr_eq(refusal("HERD 1 Goloman Hands 0a " ONES), OTHER);
	ck_assert_pstr_eq(refusal("? HERD 1 Goloman Hands 0a"), REFUSED);
	ck_assert_pstr_eq(refusal("HERD 1 Hands Goloman 0a " NONCE),
		"it repeats our own nonce");
}
END_TEST

/* --- proofs --------------------------------------------------------------- */

static const struct {
	enum handshake_end us;
	const char *theirs;
	const char *proof, *expected;
} proofs[] = {
	{HANDSHAKE_ACCEPTOR, "HERD 1 Hands Goloman 0a " ONES,
		"4db5cccf9a15a47a016507afacd51ce9a44e9976a443207cadedfbc3652dd1"
		"94",
		"a06f7c7232a1a74122a429a93cfd28500653966b05fc5c8e41dba2e4dff204"
		"15"},
	{HANDSHAKE_DIALLER, "HERD 1 Hands Goloman 0a " ONES,
		"6a43ba28f87a0b84e6599b09d9e123005bc8d1659423a1d52b8203882ffc65"
		"bf",
		"31ec0eba4b6dcd100613b14dbf3d56c05a9d743fba2d29c6ecca0508156878"
		"f4"},
	/* All fields as they were sent, white space aside. */
	{HANDSHAKE_ACCEPTOR,
		" HERD 01\tHands  Goloman 0A "
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
		"FF of a later version\r",
		"dacf5dbd312e2ff808b067baf82b9c31930e9db8f3eeee3489463e5e17e9d1"
		"61",
		"a0acedd440ffc08c75517be9cbf735dbcab44fd4883746f1a39581e0ddc006"
		"fa"},
};

static bool is_proof(const char *digits)
{
	char bytes[HANDSHAKE_PROOF_MAX];
	struct line line;

	snprintf(bytes, sizeof bytes, "PROOF %s", digits);
	line = line_of(bytes);
	return handshake_is_proof(&h, &line);
}

START_TEST(proves)
{
	struct line theirs = line_of(proofs[_i].theirs);
	char proof[HANDSHAKE_PROOF_MAX];
	char wrong[LINE_PROOF_LEN + 1];
	struct line line;

	begin_with_secret();
	ck_assert_int_eq(theirs.verb, LINE_HELLO);
	ck_assert_int_eq(handshake_meet(&h, nb, 0, proofs[_i].us, &theirs), 0);
	ck_assert(text_equal(
		(struct text){h.boot, h.boot_len}, theirs.hello.boot));
	ck_assert_uint_eq(handshake_prove(&h, proof), 71);
	ck_assert(!memcmp(proof, "PROOF ", 6) && proof[70] == '\n');
	ck_assert(!memcmp(proof + 6, proofs[_i].proof, LINE_PROOF_LEN));

	ck_assert(is_proof(proofs[_i].expected));
	ck_assert(!is_proof(proofs[_i].proof)); /* our own words */
	for (size_t i = 0; i < LINE_PROOF_LEN; i++) {
		strcpy(wrong, proofs[_i].expected);
		wrong[i] = wrong[i] == '0' ? '1' : '0';
		ck_assert(!is_proof(wrong));
	}
	line = line_of("HERD 1 Hands Goloman 0a " ONES);
	ck_assert(!handshake_is_proof(&h, &line));
}
END_TEST

/* Whatever is not the same at both ends, or in both handshakes, makes another
 * proof. */
START_TEST(proofs_are_good_once)
{
	static const char *const others[] = {
		"HERD 1 Hands Goloman 0a " NINES, /* another nonce */
		"HERD 1 Hands Goloman 0b " ONES,  /* another process */
		"HERD 01 Hands Goloman 0a " ONES, /* another version */
		"HERD 1 Hands Goloman 0a " ONES " x",
	};
	struct line theirs = line_of(proofs[0].theirs);

	begin_with_secret();
	for (size_t i = 0; i < HERD_COUNT(others); i++) {
		struct line other = line_of(others[i]);

		ck_assert_int_eq(
			handshake_meet(&h, nb, 0, HANDSHAKE_ACCEPTOR, &other),
			0);
		ck_assert(!is_proof(proofs[0].expected));
	}
	neighbours_set_secret(nb, text_of("0123456789abcdef0123456789abcdeF"));
	ck_assert_int_eq(
		handshake_meet(&h, nb, 0, HANDSHAKE_ACCEPTOR, &theirs), 0);
	ck_assert(!is_proof(proofs[0].expected));

	/* The next handshake has a nonce of its own. */
	neighbours_set_secret(nb, text_of(SECRET));
	ck_assert_int_eq(handshake_begin(nb, &h), 0);
	ck_assert(memcmp(h.nonce, NONCE, LINE_NONCE_LEN) != 0);
	ck_assert_int_eq(
		handshake_meet(&h, nb, 0, HANDSHAKE_ACCEPTOR, &theirs), 0);
	ck_assert(!is_proof(proofs[0].expected));
}
END_TEST

START_TEST(without_a_secret_there_is_no_proof)
{
	struct line theirs = line_of("HERD 1 Hands Goloman 0a");

	sys_fault_fail(SYS_FAULT_RANDOM, 0, 1, ENOSYS); /* not needed */
	ck_assert_int_eq(handshake_begin(nb, &h), 0);
	ck_assert_int_eq(
		handshake_meet(&h, nb, 0, HANDSHAKE_DIALLER, &theirs), 0);
	ck_assert(text_equal((struct text){h.boot, h.boot_len}, text_of("0a")));
}
END_TEST

/* --- what fails ----------------------------------------------------------- */

static bool library_fails;

static void *library_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return library_fails ? NULL : malloc(size);
}

static void *library_realloc(
	void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return library_fails ? NULL : realloc(block, size);
}

static void library_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

START_TEST(says_what_fails)
{
	struct line theirs = line_of(proofs[0].theirs);
	size_t blocks = sys_fault_blocks();

	begin_with_secret();
	for (unsigned n = 0; n < 2; n++) {
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		ck_assert_int_eq(
			handshake_meet(&h, nb, 0, HANDSHAKE_ACCEPTOR, &theirs),
			-ENOMEM);
	}
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 0, 0);
	library_fails = true;
	ck_assert_int_eq(handshake_meet(&h, nb, 0, HANDSHAKE_ACCEPTOR, &theirs),
		-ENOMEM);
	library_fails = false;
	ck_assert_uint_eq(sys_fault_blocks(), blocks);
	sys_fault_fail(SYS_FAULT_RANDOM, 0, 1, EIO);
	ck_assert_int_eq(handshake_begin(nb, &h), -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handshake");
	TCase *tcase = tcase_create("handshake");
	SRunner *runner = srunner_create(suite);

	/* Before the library has any memory. */
	HERD_ASSERT(CRYPTO_set_mem_functions(
		library_malloc, library_realloc, library_free));
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, says_hello);
	tcase_add_test(tcase, names_may_be_long);
	tcase_add_loop_test(tcase, says_why_it_is_no_neighbour, 0,
		(int)HERD_COUNT(strangers));
	tcase_add_loop_test(tcase, judges_a_hello, 0, (int)HERD_COUNT(hellos));
	tcase_add_loop_test(tcase, minds_nonces, 0, (int)HERD_COUNT(nonces));
	tcase_add_loop_test(
		tcase, judges_an_answer, 0, (int)HERD_COUNT(answers));
	tcase_add_test(tcase, judges_an_answer_with_a_secret);
	tcase_add_loop_test(tcase, proves, 0, (int)HERD_COUNT(proofs));
	tcase_add_test(tcase, proofs_are_good_once);
	tcase_add_test(tcase, without_a_secret_there_is_no_proof);
	tcase_add_test(tcase, says_what_fails);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
