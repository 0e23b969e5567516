/* Hashes as text and back. */
#include "herd/hashes.h"

#include <check.h>

#define COUNT_MAX 100

static const struct {
	size_t count;
	uint64_t hashes[3];
	const char *text;
} known[] = {
	{0, {0}, ""},
	{1, {0}, "AAAAAAAAAAA="},
	{1, {1}, "AAAAAAAAAAE="},
	{1, {UINT64_MAX}, "//////////8="},
	/* "Many hands make light wo" */
	{3, {0x4d616e792068616e, 0x6473206d616b6520, 0x6c6967687420776f},
		"TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdv"},
	{2, {0x4d616e792068616e, 0x6473206d616b6520},
		"TWFueSBoYW5kcyBtYWtlIA=="},
};

START_TEST(known_texts)
{
	uint64_t hashes[3];
	char text[HASHES_TEXT_MAX(3) + 1];
	size_t count;
	size_t len = hashes_put(known[_i].hashes, known[_i].count, text);

	ck_assert_str_eq(text, known[_i].text);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert(hashes_count(len, &count));
	ck_assert_uint_eq(count, known[_i].count);
	ck_assert(hashes_take(text_of(text), hashes));
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(hashes[i], known[_i].hashes[i]);
}
END_TEST

START_TEST(there_and_back)
{
	char text[HASHES_TEXT_MAX(COUNT_MAX) + 1];
	uint64_t hashes[COUNT_MAX];
	uint64_t back[COUNT_MAX];
	size_t count;

	for (size_t i = 0; i < COUNT_MAX; i++)
		hashes[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t n = 0; n <= COUNT_MAX; n++) {
		size_t len = hashes_put(hashes, n, text);

		ck_assert_uint_le(len, HASHES_TEXT_MAX(n));
		ck_assert(hashes_count(len, &count));
		ck_assert_uint_eq(count, n);
		ck_assert(hashes_take((struct text){text, len}, back));
		ck_assert(!memcmp(back, hashes, n * sizeof *hashes));
	}
}
END_TEST

static const char *const wrong[] = {
	"A",
	"AAAAAAAAAAA",
	"AAAAAAAAAAAA",
	"AAAAAAAAAA==",
	"AAAAAAAAAAA=AAAAAAAAAAA=",
	"AAAA=AAAAAA=",
	"AAAAA AAAAA=",
	"AAAAA-AAAAA=",
	" AAAAAAAAAA=",
	"AAAAAAAAAAA\xff",
	"TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHd=",
	"TWFueSBoYW5kcyBtYWtlIA==AAAA",
};

START_TEST(wrong_texts)
{
	uint64_t hashes[COUNT_MAX];
	struct text text = text_of(wrong[_i]);

	ck_assert(!hashes_take(text, hashes));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hashes");
	TCase *tcase = tcase_create("hashes");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, known_texts, 0, HERD_COUNT(known));
	tcase_add_test(tcase, there_and_back);
	tcase_add_loop_test(tcase, wrong_texts, 0, HERD_COUNT(wrong));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
