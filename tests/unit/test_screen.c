/* What reaches the terminal, and how many columns it takes there. */
#include "herd/screen.h"

#include <check.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#include "herd/sys.h"
#include "sys_fault.h"

#define UTF8 "C.UTF-8"

/* What was written, as a string. */
static const char *written(struct buf *out)
{
	ck_assert_int_eq(buf_append(out, "", 1), 0);
	return buf_front(out);
}

static const struct {
	const char *locale;
	struct text text;
	size_t width;
	const char *safe;
} texts[] = {
	{UTF8, {"", 0}, 0, ""},
	{UTF8, {"plain ~", 7}, 7, "plain ~"},
	{UTF8, {"São 東京 ⛲", 15}, 11, "São 東京 ⛲"},
	{UTF8, {"e\xcc\x81", 3}, 1, "e\xcc\x81"},
	{UTF8, {"\U0001f600", 4}, 2, "\U0001f600"},
	/* What controls a terminal, in seven bits, eight and hidden. */
	{UTF8, {"\x1b[2J\a\b\x7f", 7}, 7, "?[2J???"},
	{UTF8,
		{"\xc2\x9b"
		 "2J",
			4},
		3, "?2J"},
	{UTF8,
		{"\x9b"
		 "2J",
			3},
		3, "?2J"},
	{UTF8, {"\xc0\x9b[", 3}, 2, "?["},
	{UTF8, {"\xe0\x80\x9b[", 4}, 2, "?["},
	{UTF8, {"\xf0\x80\x80\x9b[", 5}, 2, "?["},
	{UTF8, {"a\0b", 3}, 3, "a?b"},
	{UTF8, {"a\t\r\n\v\fb", 7}, 7, "a     b"},
	{UTF8, {"\u2028", 3}, 1, "?"},
	/* What turns the direction of writing. */
	{UTF8, {"a\u202e\u2066z\u2069\u202c", 14}, 2, "az"},
	/* No UTF-8: cut off, surrogates, too far. */
	{UTF8, {"\xe6\x9d\x9d", 2}, 2, "??"},
	{UTF8, {"\xe6\x9dx", 3}, 3, "??x"},
	{UTF8, {"\xf0\x9f\x98", 3}, 3, "???"},
	{UTF8, {"\xed\xa0\x80", 3}, 1, "?"},
	{UTF8, {"\xf7\xbf\xbf\xbf", 4}, 1, "?"},
	{UTF8, {"\xff", 1}, 1, "?"},
	/* A locale with nothing but ASCII. */
	{"C", {"São 東", 8}, 5, "S?o ?"},
	{"C", {"\xc2\x9b\x1b", 3}, 2, "??"},
};

START_TEST(makes_texts_safe)
{
	struct buf out = {0};
	struct screen s = {.out = &out};

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, texts[_i].locale));
	ck_assert_uint_eq(screen_width(texts[_i].text), texts[_i].width);
	ck_assert_uint_eq(
		screen_put(&s, texts[_i].text, SIZE_MAX), texts[_i].width);
	ck_assert_int_eq(screen_finish(&s), 0);
	ck_assert_str_eq(written(&out), texts[_i].safe);
	buf_fini(&out);
}
END_TEST

static const struct {
	const char *locale;
	const char *text;
	size_t columns;
	size_t used;
	const char *shown;
} cuts[] = {
	{UTF8, "abcdef", 6, 6, "abcdef"},
	{UTF8, "abcdef", 5, 5, "abcd…"},
	{UTF8, "abcdef", 1, 1, "…"},
	{UTF8, "abcdef", 0, 0, ""},
	{UTF8, "東京都", 6, 6, "東京都"},
	{UTF8, "東京都", 5, 5, "東京…"},
	{UTF8, "東京都", 4, 3, "東…"},
	{UTF8, "ae\u0301bc", 3, 3, "ae\u0301…"},
	{"C", "abcdef", 6, 6, "abcdef"},
	{"C", "abcdef", 5, 5, "ab..."},
	{"C", "abcdef", 2, 2, "ab"},
};

START_TEST(cuts_by_columns)
{
	struct buf out = {0};
	struct screen s = {.out = &out};

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, cuts[_i].locale));
	ck_assert_uint_eq(
		screen_put(&s, text_of(cuts[_i].text), cuts[_i].columns),
		cuts[_i].used);
	ck_assert_str_eq(written(&out), cuts[_i].shown);
	buf_fini(&out);
}
END_TEST

static int write_sample(struct buf *out)
{
	struct screen s = {.out = out};

	screen_skip(&s, 2);
	screen_print(&s, "%d", 5);
	screen_skip(&s, 1);
	screen_print(&s, "%s", "");
	screen_skip(&s, 1);
	screen_put(&s, text_of("x"), 1);
	screen_skip(&s, 100);
	screen_end_line(&s);
	screen_print(&s, "y");
	screen_end_line(&s);
	return screen_finish(&s);
}

START_TEST(ends_lines_without_spaces)
{
	struct buf out = {0};

	ck_assert_int_eq(write_sample(&out), 0);
	ck_assert_str_eq(written(&out), "  5  x\ny\n");
	buf_fini(&out);
}
END_TEST

START_TEST(tells_that_memory_ran_out)
{
	for (unsigned n = 0;; n++) {
		struct buf out = {0};
		int rc;

		sys_fault_reset();
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		rc = write_sample(&out);
		buf_fini(&out);
		if (!sys_fault_fired(SYS_FAULT_ALLOC))
			break;
		ck_assert_int_eq(rc, -ENOMEM);
	}
	ck_assert_uint_eq(sys_fault_blocks(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("screen");
	TCase *tcase = tcase_create("screen");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, makes_texts_safe, 0, HERD_COUNT(texts));
	tcase_add_loop_test(tcase, cuts_by_columns, 0, HERD_COUNT(cuts));
	tcase_add_test(tcase, ends_lines_without_spaces);
	tcase_add_test(tcase, tells_that_memory_ran_out);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
