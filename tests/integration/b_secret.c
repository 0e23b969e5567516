/* b_secret - links between servers that share a secret: herd(7), "Links". The
 * test plays Xenia, a neighbour of Goloman that never runs, at both ends; her
 * proofs are made here from the manual alone. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "herd_client.h"
#include "herd_proc.h"

#define BOOT   "0123456789abcdef"
#define SECRET "b7Qx0cJ3kR9wS1vT5yZ8aD2fG4hL6mN0"
#define NONCE  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HELLO  "HERD 1 Xenia Goloman " BOOT " " NONCE
#define AT     "AT Xenia +0.000000001 kiwi +1+1 5"

static struct herd *new_herd(int design)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = "Goloman-Xenia",
		.peers = "secret_file = \"herd.secret\";",
	});
	const char *secret = herd_write(h, "herd.secret", SECRET "\n");

	ck_assert_int_eq(chmod(secret, 0600), 0);
	return h;
}

/* --- Xenia ---------------------------------------------------------------- */

static size_t put_field(unsigned char *dst, const char *field, size_t len)
{
	const unsigned char prefix[4] = {
		0, 0, (unsigned char)(len >> 8), (unsigned char)len};

	memcpy(dst, prefix, 4);
	memcpy(dst + 4, field, len);
	return 4 + len;
}

/* Of hellos with single spaces. */
static const char *make_proof(struct herd *h, const char *secret,
	const char *label, const char *dialled, const char *accepted)
{
	unsigned char bytes[1024];
	unsigned char digest[32];
	char digits[65];
	const char *hellos[] = {dialled, accepted};
	size_t len = put_field(bytes, label, strlen(label));

	for (size_t i = 0; i < 2; i++) {
		const char *at = hellos[i];

		for (;; at++) {
			size_t field = strcspn(at, " ");

			len += put_field(bytes + len, at, field);
			at += field;
			if (!*at)
				break;
		}
	}
	ck_assert_ptr_nonnull(HMAC(EVP_sha256(), secret, (int)strlen(secret),
		bytes, len, digest, NULL));
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(digits + 2 * i, 3, "%02x", digest[i]);
	return herd_printf(h, "PROOF %s", digits);
}

static const char *keep_line(struct herd *h, struct client *c)
{
	return herd_printf(h, "%s", client_line(c));
}

static void say(struct herd *h, struct client *c, const char *line)
{
	client_send(c, herd_printf(h, "%s\n", line));
}

/* A connection on which Xenia has said hello; Goloman's is *ret_answer. */
static struct client *greet(
	struct herd *h, const char *hello, const char **ret_answer)
{
	struct client *c = client_open(h, "Goloman");

	say(h, c, hello);
	*ret_answer = keep_line(h, c);
	ck_assert_msg(!strncmp(*ret_answer, "HERD 1 Goloman Xenia ", 21) &&
			      strlen(*ret_answer) == 21 + 16 + 1 + 64,
		"%s", *ret_answer);
	return c;
}

static const char *dial_proof(struct herd *h, const char *answer)
{
	return make_proof(h, SECRET, "herd1 dial", HELLO, answer);
}

static struct client *open_link(struct herd *h)
{
	const char *answer;
	struct client *link = greet(h, HELLO, &answer);

	say(h, link, dial_proof(h, answer));
	ck_assert_str_eq(client_line(link),
		make_proof(h, SECRET, "herd1 accept", HELLO, answer));
	return link;
}

static void expect_unknown(struct herd *h)
{
	ck_assert_str_eq(herd_ask(h, "Goloman", "WHATSAT kiwi 0 0\n"),
		"? WHATSAT kiwi 0 0\n");
}

/* Whatever comes now is not obeyed, and the link ends without a word. */
static void expect_end(struct herd *h, struct client *c)
{
	ck_assert_uint_eq(client_rest(c).len, 0);
	client_close(c);
	expect_unknown(h);
}

/* The same cause again and again is one line in the log. */
static void expect_refusal(struct herd *h, const char *why)
{
	const char *line = herd_printf(h, ": %s\n", why);
	const char *log = herd_wait_log(h, "Goloman", line, 1);

	ck_assert_uint_eq(herd_count(log, "warning link refused from Xenia "
					  "127.0.0.1:"),
		1);
}

#define TRIES 3

/* --- who dials ------------------------------------------------------------ */

static struct herd *with_xenia(int design)
{
	struct herd *h = new_herd(design);

	/* A stop waits for neighbours that are there and say nothing. */
	herd_unlisten(h, "Xenia");
	herd_start(h, "Goloman");
	return h;
}

START_TEST(a_proven_link_takes_updates)
{
	struct herd *h = with_xenia(_i);
	struct client *link = open_link(h);

	client_send(link, "\n" AT "\nPING 7\n");
	ck_assert_str_eq(client_line(link), "PONG 7");
	ck_assert_str_eq(
		herd_ask(h, "Goloman", "WHATSAT kiwi 0 0\n"), AT HERD_NOTHING);
	/* Said once more it is no line of a link. */
	say(h, link, make_proof(h, SECRET, "herd1 dial", HELLO, HELLO));
	client_send(link, "PING 8\n");
	ck_assert_str_eq(client_line(link), "PONG 8");
	herd_wait_log(h, "Goloman", "link accepted from Xenia 127.0.0.1:", 1);
	herd_wait_log(h, "Goloman", "skipped from Xenia: PROOF", 1);
	client_close(link);
	herd_free(h);
}
END_TEST

/* More of them than a neighbour may have at a time, on whatever workers. */
START_TEST(a_newer_link_replaces_the_older)
{
	struct herd *h = with_xenia(_i);
	struct client *link = open_link(h);

	for (int i = 0; i < 20; i++) {
		struct client *older = link;

		link = open_link(h);
		ck_assert(client_ends_within(older, HERD_PATIENCE));
		client_close(older);
		client_send(link, "PING 7\n");
		ck_assert_str_eq(client_line(link), "PONG 7");
	}
	/* One that is not proven replaces nothing. */
	for (int i = 0; i < 2; i++) {
		const char *answer;
		struct client *c = greet(h, HELLO, &answer);

		client_send(c, i ? "PROOF " NONCE "\n" : "PING 1\n");
		ck_assert(client_ends_within(c, HERD_PATIENCE));
		client_close(c);
	}
	client_send(link, "PING 8\n");
	ck_assert_str_eq(client_line(link), "PONG 8");
	herd_wait_log(h, "Goloman", ", a newer link replaces it\n", 20);
	client_close(link);
	herd_free(h);
}
END_TEST

START_TEST(another_secret_proves_nothing)
{
	struct herd *h = with_xenia(_i);

	for (int i = 0; i < TRIES; i++) {
		const char *answer;
		struct client *c = greet(h, HELLO, &answer);

		say(h, c,
			make_proof(h, SECRET "!", "herd1 dial", HELLO, answer));
		client_send(c, AT "\n");
		client_ends_within(c, HERD_PATIENCE);
		client_close(c);
	}
	expect_unknown(h);
	expect_refusal(h, "its proof is wrong: another secret?");
	client_close(open_link(h));
	herd_free(h);
}
END_TEST

START_TEST(a_recorded_handshake_proves_nothing)
{
	struct herd *h = with_xenia(_i);
	const char *answer;
	struct client *c = greet(h, HELLO, &answer);
	const char *proof = dial_proof(h, answer);

	say(h, c, proof);
	client_line(c);
	client_close(c);
	for (int i = 0; i < TRIES; i++) {
		c = greet(h, HELLO, &answer);
		say(h, c, proof);
		expect_end(h, c);
	}
	expect_refusal(h, "its proof is wrong: another secret?");
	herd_free(h);
}
END_TEST

/* Nothing but a proof is taken, be it in the segment of the hello. */
START_TEST(nothing_goes_before_the_proof)
{
	static const char *const lines[] = {AT, "PING 1", "IAMAT kiwi +1+1 5",
		"WHATSAT kiwi 0 0", "x", HELLO, "PROOF", "PROOF 0"};
	struct herd *h = with_xenia(_i);

	for (size_t i = 0; i < HERD_COUNT(lines); i++) {
		const char *answer;
		struct client *c = client_open(h, "Goloman");

		client_send(
			c, herd_printf(h, HELLO "\n%s\n" AT "\n", lines[i]));
		ck_assert(client_ends_within(c, HERD_PATIENCE));
		client_close(c);
		c = greet(h, HELLO, &answer);
		client_send(c, herd_printf(h, "\n%s\n", lines[i]));
		expect_end(h, c);
	}
	expect_refusal(h, "it did not prove who it is");
	herd_free(h);
}
END_TEST

START_TEST(a_line_without_end_is_no_proof)
{
	struct herd *h = with_xenia(_i);
	const char *answer;
	struct client *c = greet(h, HELLO, &answer);
	char *bytes = malloc(70001);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'x', 70000);
	bytes[70000] = '\0';
	client_send(c, bytes);
	free(bytes);
	ck_assert(client_ends_within(c, HERD_PATIENCE));
	client_close(c);
	expect_refusal(h, "it did not prove who it is");
	herd_free(h);
}
END_TEST

START_TEST(one_without_a_secret_is_refused)
{
	struct herd *h = with_xenia(_i);

	for (int i = 0; i < TRIES; i++) {
		const char *answer;
		struct client *c =
			greet(h, "HERD 1 Xenia Goloman " BOOT, &answer);

		client_send(c, AT "\n");
		expect_end(h, c);
	}
	expect_refusal(h, "it has no secret, and this server has one");
	herd_free(h);
}
END_TEST

/* Hellos of nobody that we know are a client's invalid commands, as ever. */
START_TEST(strangers_say_invalid_commands)
{
	static const char *const hellos[] = {
		"HERD 1 Nobody Goloman " BOOT " " NONCE,
		"HERD 1 Goloman Xenia " BOOT " " NONCE,
		"HERD 1 Xenia Hands " BOOT " " NONCE,
		"PROOF " NONCE,
		AT,
	};
	struct herd *h = with_xenia(_i);
	struct client *c = client_open(h, "Goloman");

	for (size_t i = 0; i < HERD_COUNT(hellos); i++) {
		say(h, c, hellos[i]);
		ck_assert_str_eq(
			client_line(c), herd_printf(h, "? %s", hellos[i]));
	}
	client_close(c);
	expect_unknown(h);
	herd_free(h);
}
END_TEST

/* The clock runs from the hello, and piecemeal does not stop it. */
START_TEST(a_slow_handshake_ends_after_five_seconds)
{
	struct herd *h = with_xenia(_i);
	const char *answer;
	struct client *c = client_open(h, "Goloman");
	int64_t start = herd_monotonic_ns();
	double seconds;

	client_send(c, "IAMAT plum +1+1 5\n");
	client_line(c);
	client_send(c, HELLO "\n");
	answer = keep_line(h, c);
	client_send(c, "\n");
	client_send_bytes(c, (struct text){dial_proof(h, answer), 40});
	ck_assert(client_ends_within(c, HERD_PATIENCE));
	seconds = (double)(herd_monotonic_ns() - start) / 1e9;
	ck_assert_msg(seconds >= 5.0, "%f s", seconds);
	client_close(c);
	expect_refusal(h, "it did not prove who it is");
	herd_free(h);
}
END_TEST

/* --- who is dialled ------------------------------------------------------- */

/* The link that Goloman dials, his hello taken. */
static struct client *accept_link(struct herd *h, const char **ret_hello)
{
	struct client *link = client_accept(herd_listener(h, "Xenia"));

	*ret_hello = keep_line(h, link);
	ck_assert_msg(!strncmp(*ret_hello, "HERD 1 Goloman Xenia ", 21) &&
			      strlen(*ret_hello) == 21 + 16 + 1 + 64,
		"%s", *ret_hello);
	return link;
}

/* The rest of the handshake, and then the update. */
static void finish_handshake(struct herd *h, struct client *link,
	const char *hello, const char *update)
{
	client_send(link, HELLO "\n");
	ck_assert_str_eq(client_line(link),
		make_proof(h, SECRET, "herd1 dial", hello, HELLO));
	ck_assert_ptr_null(client_line_within(link, 0.05)); /* not a word */
	say(h, link, make_proof(h, SECRET, "herd1 accept", hello, HELLO));
	ck_assert_str_eq(client_update(link), update);
}

/* What Xenia answers to the hello; then to the proof, "*" being that proof. */
static const struct {
	const char *hello, *proof; /* NULL: it ends before that */
	const char *why;
} answers[] = {
	{"? HERD", NULL, "it refused our hello"},
	{"HERD 1 Xenia Goloman " BOOT, NULL,
		"it has no secret, and this server has one"},
	{HELLO, "PROOF " NONCE, "its proof is wrong: another secret?"},
	{HELLO, "*", "its proof is wrong: another secret?"},
	{HELLO, "PONG 1", "its proof is wrong: another secret?"},
	{HELLO, NULL, "it does not take our proof: another secret?"},
};

START_TEST(says_at_only_to_the_proven)
{
	struct herd *h = new_herd(_i);
	const char *update;
	const char *hello;
	struct client *link;

	herd_start(h, "Goloman");
	update = herd_iamat(h, "Goloman", "kiwi", "+1+1", "5");
	for (size_t i = 0; i < HERD_COUNT(answers); i++) {
		const char *proof = answers[i].proof;

		link = accept_link(h, &hello);
		say(h, link, answers[i].hello);
		if (!strcmp(answers[i].hello, HELLO)) {
			const char *theirs = keep_line(h, link);

			if (proof)
				say(h, link, *proof == '*' ? theirs : proof);
		}
		if (proof || strcmp(answers[i].hello, HELLO) != 0)
			ck_assert_uint_eq(client_rest(link).len, 0);
		client_close(link);
		herd_wait_log(h, "Goloman",
			herd_printf(h, "warning cannot connect to Xenia: %s\n",
				answers[i].why),
			1);
	}
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log"), "its proof is wrong"),
		1);
	link = accept_link(h, &hello);
	finish_handshake(h, link, hello, update);
	client_close(link);
	herd_free(h);
}
END_TEST

/* Goloman is made to prove himself with the nonce that he wants to have proven:
 * his own words do not open a link to him. */
START_TEST(his_own_words_prove_nothing)
{
	struct herd *h = new_herd(_i);
	const char *wanted;
	const char *hello;
	const char *proof;
	struct client *theirs;
	struct client *ours;

	herd_start(h, "Goloman");
	theirs = accept_link(h, &hello);
	ours = greet(h, HELLO, &wanted);
	say(h, theirs,
		herd_printf(h, "HERD 1 Xenia Goloman " BOOT " %s",
			strrchr(wanted, ' ') + 1));
	proof = keep_line(h, theirs);
	ck_assert(!strncmp(proof, "PROOF ", 6));
	say(h, ours, proof);
	expect_end(h, ours);
	client_close(theirs);
	expect_refusal(h, "its proof is wrong: another secret?");

	/* Nor does the nonce that he has just said himself. */
	theirs = accept_link(h, &hello);
	say(h, theirs,
		herd_printf(h, "HERD 1 Xenia Goloman " BOOT " %s",
			strrchr(hello, ' ') + 1));
	ck_assert_uint_eq(client_rest(theirs).len, 0);
	client_close(theirs);
	herd_wait_log(h, "Goloman", "it repeats our own nonce", 1);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, a_proven_link_takes_updates);
	herd_add_test(tcase, a_newer_link_replaces_the_older);
	herd_add_test(tcase, another_secret_proves_nothing);
	herd_add_test(tcase, a_recorded_handshake_proves_nothing);
	herd_add_test(tcase, nothing_goes_before_the_proof);
	herd_add_test(tcase, a_line_without_end_is_no_proof);
	herd_add_test(tcase, one_without_a_secret_is_refused);
	herd_add_test(tcase, strangers_say_invalid_commands);
	herd_add_test(tcase, a_slow_handshake_ends_after_five_seconds);
	herd_add_test(tcase, says_at_only_to_the_proven);
	herd_add_test(tcase, his_own_words_prove_nothing);
}

int main(void)
{
	return herd_main("b_secret", add_tests, 60);
}
