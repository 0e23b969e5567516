/* The secret is gone however it was written, and nothing else is. */
#include "herd/redact.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define KEY "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"

/* Redacted in a block of just its size, to be freed. */
static char *redacted(
	const char *bytes, size_t len, const char *secret, size_t *ret_len)
{
	char *copy = malloc(len);

	ck_assert(copy || !len);
	if (len)
		memcpy(copy, bytes, len);
	*ret_len = redact(copy, len, text_of(secret));
	ck_assert_uint_le(*ret_len, len);
	return copy;
}

static const struct {
	const char *secret;
	const char *text;
	const char *left;
} cases[] = {
	{"key", "", ""},
	{"key", "k", "k"},
	{"key", "ke", "ke"},
	{"key", "key", ""},
	{"key", "xkeyx", "xx"},
	{"key", "keykey key", " "},
	{"key", "kkey", "k"},
	{"key", "kekey", "ke"},
	{"key", "Key kEy KEY k e y", "Key kEy KEY k e y"},
	{"k", "kayak", "aya"},
	{KEY, "{ \"key\" : \"" KEY "\" }", "{ \"key\" : \"\" }"},
	{KEY, "https://x/?key=" KEY "&a=b", "https://x/?key=&a=b"},
	{KEY, "AIzaAIzaSyD-" KEY "9tAIz", "AIzaAIzaSyD-9tAIz"},

	/* Escaped as in JSON. */
	{"key", "<\\u006bey>", "<>"},
	{"key", "<\\u006Bey>", "<>"},
	{"key", "<k\\u0065y>", "<>"},
	{"key", "<ke\\u0079>", "<>"},
	{"key", "<\\u006b\\u0065\\u0079>", "<>"},
	{"key", "\\u006be\\u0078", "\\u006be\\u0078"},
	{"key", "\\u016bey \\u606bey \\u006gey",
		"\\u016bey \\u606bey \\u006gey"},
	{"key", "\\U006bey \\u06bey \\key", "\\U006bey \\u06bey \\"},
	{"key", "ke\\u007", "ke\\u007"},
	{"key", "ke\\u", "ke\\u"},
	{"key", "ke\\", "ke\\"},
	{"a/b", "a/b a\\/b a\\u002fb a%2Fb", "   "},
	{"a\"b", "a\"b a\\\"b a\\u0022b a%22b", "   "},
	{"aeb", "a\\eb", "a\\eb"},

	/* Escaped as in a URL. */
	{"key", "<%6bey>", "<>"},
	{"key", "<%6Bey>", "<>"},
	{"key", "<k%65%79>", "<>"},
	{"key", "%6cey %6 ey %6gey %", "%6cey %6 ey %6gey %"},
	{"Pey", "%5gey \\u005gey", "%5gey \\u005gey"},
	{"key", "ke%7", "ke%7"},
	{"key", "ke%", "ke%"},
	{"k+y=", "k+y= k%2By%3d \\u006b%2by\\u003D", "  "},
	{"1", "a%31b%3", "ab%3"},

	/* What is left comes together. */
	{"key", "kkeyey", ""},
	{"key", "kekeyy", ""},
	{"key", "<kkkkeyeyeyey>", "<>"},
	{"key", "kekekeyyy", ""},
	{"key", "kkeyekeyy", ""},
	{"key", "\\u00keY6bkeyey", "\\u00keY6bey"},
	{"key", "\\u00key6bey", ""},
	{"key", "\\keyu006bey", ""},
	{"key", "k\\u00\\u006bey65y", ""},
	{"key", "%6k%65ybey", ""},
	{"key", "a\\u006b\\u0065keyb\\u0079", "a\\u006b\\u0065b\\u0079"},
	{"key", "\\u006b\\u0065\\u007key9", ""},
	{"key", "kx keyeyx kekey", "kx eyx ke"},
};

START_TEST(takes_it_out)
{
	const char *text = cases[_i].text;
	const char *left = cases[_i].left;
	size_t len;
	char *bytes = redacted(text, strlen(text), cases[_i].secret, &len);

	ck_assert_msg(text_equal((struct text){bytes, len}, text_of(left)),
		"\"%s\": \"%.*s\" not \"%s\"", text, (int)len, bytes, left);
	free(bytes);
}
END_TEST

START_TEST(finds_it_at_any_place)
{
	char text[64];
	char left[64];

	for (int before = 0; before < 20; before++)
		for (int after = 0; after < 10; after++) {
			size_t len;
			char *bytes;

			snprintf(text, sizeof text, "%.*s\\u006b%%65y%.*s",
				before, "....................", after,
				"----------");
			snprintf(left, sizeof left, "%.*s%.*s", before,
				"....................", after, "----------");
			bytes = redacted(text, strlen(text), "key", &len);
			ck_assert(text_equal(
				(struct text){bytes, len}, text_of(left)));
			free(bytes);
		}
}
END_TEST

START_TEST(leaves_other_bytes_alone)
{
	char all[3 * 256];
	size_t len;
	char *bytes;

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)i;
	bytes = redacted(all, sizeof all, "key", &len);
	ck_assert_uint_eq(len, sizeof all);
	ck_assert_mem_eq(bytes, all, len);
	free(bytes);
	memcpy(all + 300, "key", 3);
	bytes = redacted(all, sizeof all, "key", &len);
	ck_assert_uint_eq(len, sizeof all - 3);
	ck_assert_mem_eq(bytes, all, 300);
	ck_assert_mem_eq(bytes + 300, all + 303, len - 300);
	free(bytes);
	ck_assert_uint_eq(redact(NULL, 0, text_of("key")), 0);
}
END_TEST

/* --- against a slow model ------------------------------------------------- */

/* How long the spelling of the secret at the start of a string is, -1: it does
 * not start with one. No '%', '\' or capital in the secret, no capital U or K in
 * the text. */
static int model_match(const char *text, const char *secret)
{
	char forms[4][8];

	if (!*secret)
		return 0;
	sprintf(forms[0], "%c", *secret);
	sprintf(forms[1], "%%%02x", *secret);
	sprintf(forms[2], "\\u%04x", *secret);
	sprintf(forms[3], "\\%c", *secret);
	for (int i = 0; i < (*secret == '/' ? 4 : 3); i++) {
		size_t len = strlen(forms[i]);
		int rest;

		if (strncasecmp(text, forms[i], len) != 0)
			continue;
		rest = model_match(text + len, secret + 1);
		return rest < 0 ? -1 : (int)len + rest;
	}
	return -1;
}

static void model_redact(char *text, const char *secret)
{
	for (char *at = text; *at;) {
		int found = model_match(at, secret);

		if (found < 0) {
			at++;
			continue;
		}
		memmove(at, at + found, strlen(at + found) + 1);
		at = text;
	}
}

static unsigned draw(uint64_t *state, size_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((*state >> 33) % below);
}

START_TEST(does_as_a_slow_one_does)
{
	static const char *const secrets[] = {"k/6", "kk", "kku", "k0kk"};
	static const char *const pieces[] = {"k", "k", "/", "6", "u", "0", "\\",
		"%", "\\u00", "6b", "6B", "2f", "%6b", "\\/", "\\u006b", "36",
		"k/", "kk"};
	uint64_t state = 1;
	unsigned changed = 0;

	for (int round = 0; round < 20000; round++) {
		const char *secret = secrets[draw(&state, HERD_COUNT(secrets))];
		unsigned count = draw(&state, 24);
		char text[128] = "";
		char model[128];
		size_t len;
		char *bytes;

		while (count--)
			strcat(text, pieces[draw(&state, HERD_COUNT(pieces))]);
		strcpy(model, text);
		model_redact(model, secret);
		bytes = redacted(text, strlen(text), secret, &len);
		ck_assert_msg(
			text_equal((struct text){bytes, len}, text_of(model)),
			"%s in \"%s\": \"%.*s\" not \"%s\"", secret, text,
			(int)len, bytes, model);
		changed += len < strlen(text);
		free(bytes);
	}
	ck_assert_uint_gt(changed, 4000);
}
END_TEST

/* --- hostile bytes -------------------------------------------------------- */

#define MIB ((size_t)1 << 20)

/* The secret split after `head` bytes, nested in itself to a MiB: with work in
 * the square of the length this takes longer than the test case may. */
static void assert_nest_goes(const char *secret, size_t head)
{
	size_t depth = MIB / strlen(secret);
	size_t rest = strlen(secret) - head;
	char *bytes = malloc(MIB);
	char *to = bytes;

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < depth; i++, to += head)
		memcpy(to, secret, head);
	for (size_t i = 0; i < depth; i++, to += rest)
		memcpy(to, secret + head, rest);
	ck_assert_uint_eq(
		redact(bytes, (size_t)(to - bytes), text_of(secret)), 0);
	free(bytes);
}

START_TEST(is_not_slowed_down_by_nests)
{
	assert_nest_goes("key", 1);
	assert_nest_goes(KEY, strlen(KEY) / 2);
}
END_TEST

#define NEAR (MIB / 4)

START_TEST(is_not_slowed_down_by_near_misses)
{
	const char *secret = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkz";
	char *bytes = malloc(NEAR);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'k', NEAR);
	ck_assert_uint_eq(redact(bytes, NEAR, text_of(secret)), NEAR);
	for (size_t i = NEAR - NEAR / 31; i < NEAR; i++)
		bytes[i] = 'z';
	ck_assert_uint_lt(redact(bytes, NEAR, text_of(secret)), 100);
	/* Every way to read a run of these. */
	memset(bytes, '\\', NEAR);
	ck_assert_uint_eq(
		redact(bytes, NEAR, text_of("\\\\\\\\\\\\\\\\\\\\\\\\\\\\x")),
		NEAR);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redact");
	TCase *tcase = tcase_create("redact");
	TCase *hostile = tcase_create("hostile");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, takes_it_out, 0, HERD_COUNT(cases));
	tcase_add_test(tcase, finds_it_at_any_place);
	tcase_add_test(tcase, leaves_other_bytes_alone);
	tcase_add_test(tcase, does_as_a_slow_one_does);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(hostile, 20);
	tcase_add_test(hostile, is_not_slowed_down_by_nests);
	tcase_add_test(hostile, is_not_slowed_down_by_near_misses);
	suite_add_tcase(suite, hostile);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
