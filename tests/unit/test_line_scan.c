/* Lines and fields found in one look, held against the plainest way to find
 * them: byte by byte. Texts are of few different bytes, so that all their
 * neighbourhoods occur, and of all lengths around those that are looked at in
 * one step; each lies in a block of just its size, for the sanitizers. */
#include <check.h>
#include <stdlib.h>

#include "herd/line.h"
#include "herd/marks.h"

#define ROUNDS  3000
#define LEN_MAX 200

/* White space, other bytes below '!', and others. */
static const char alphabet[] = "  \n\n\t\r\v\f\0\x01\x1f!aA~\x7f\x80\xff";

static uint32_t state;

static uint32_t draw(uint32_t limit)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * limit >> 32);
}

/* `plain` of 8 bytes are of the last letters of the alphabet. */
static char *draw_text(size_t len, uint32_t plain)
{
	const uint32_t letters = sizeof alphabet - 1;
	char *text = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < len; i++)
		text[i] = draw(8) < plain ? alphabet[letters - 1 - draw(7)]
					  : alphabet[draw(letters)];
	return text;
}

/* The fields of one line, all its LFs being white space. */
static void split(struct text line, struct line_fields *ret)
{
	const char *end = line.ptr + line.len;
	const char *last = line.ptr;

	ret->bytes = line;
	ret->count = 0;
	for (const char *p = line.ptr; p < end;) {
		const char *start = p;

		while (p < end && !line_is_space(*p))
			p++;
		if (p > start) {
			last = p;
			if (ret->count < LINE_FIELDS_MAX)
				ret->field[ret->count++] = (struct text){
					start, (size_t)(p - start)};
		} else {
			p++;
		}
	}
	ret->body = line;
	ret->body.len = 0;
	if (ret->count)
		ret->body = (struct text){
			ret->field[0].ptr, (size_t)(last - ret->field[0].ptr)};
}

static void assert_same(struct text a, struct text b)
{
	ck_assert_ptr_eq(a.ptr, b.ptr);
	ck_assert_uint_eq(a.len, b.len);
}

static void assert_same_fields(
	const struct line_fields *a, const struct line_fields *b)
{
	assert_same(a->bytes, b->bytes);
	ck_assert_uint_eq(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_same(a->field[i], b->field[i]);
	ck_assert_uint_eq(a->body.len, b->body.len);
	if (a->count)
		ck_assert_ptr_eq(a->body.ptr, b->body.ptr);
}

START_TEST(finds_lines_and_fields)
{
	state = (uint32_t)_i;
	for (int i = 0; i < ROUNDS; i++) {
		size_t len = draw(LEN_MAX);
		char *text = draw_text(len, (uint32_t)_i);
		struct line_scan scan =
			line_scan_begin((struct text){text, len});
		struct line_fields found, wanted;
		const char *start = text;
		const char *lf;

		while ((lf = memchr(
				start, '\n', len - (size_t)(start - text)))) {
			ck_assert(line_scan_next(&scan, &found));
			split((struct text){start, (size_t)(lf - start)},
				&wanted);
			assert_same_fields(&found, &wanted);
			start = lf + 1;
		}
		/* However often one asks. */
		for (int again = 0; again < 2; again++) {
			ck_assert(!line_scan_next(&scan, &found));
			ck_assert_ptr_eq(scan.next, start);
			ck_assert_ptr_eq(scan.end, text + len);
		}
		free(text);
	}
}
END_TEST

/* A whole line may hold LFs: they are white space. */
START_TEST(parses_a_whole_line_alike)
{
	state = (uint32_t)_i;
	for (int i = 0; i < ROUNDS; i++) {
		size_t len = draw(LEN_MAX);
		char *text = draw_text(len, (uint32_t)_i);
		struct line_fields wanted;
		struct line whole, fields;

		split((struct text){text, len}, &wanted);
		line_parse((struct text){text, len}, &whole);
		line_parse_fields(&wanted, &fields);
		ck_assert_int_eq(whole.verb, fields.verb);
		ck_assert_uint_eq(whole.body.len, wanted.body.len);
		if (wanted.count)
			ck_assert_ptr_eq(whole.body.ptr, wanted.body.ptr);
		free(text);
	}
}
END_TEST

/* Every length, with nothing and with something in front of it. */
START_TEST(marks_what_is_below)
{
	size_t before = (size_t)_i;

	state = 7;
	for (size_t len = 0; len <= MARKS_BYTES; len++) {
		for (int i = 0; i < 200; i++) {
			char *text = draw_text(before + len, 2);
			uint64_t below = 0;

			for (size_t k = 0; k < len; k++)
				if ((unsigned char)text[before + k] < '!')
					below |= UINT64_C(1) << k;
			ck_assert_uint_eq(
				marks_of(text + before, len, before), below);
			free(text);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("line_scan");
	TCase *tcase = tcase_create("line_scan");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(tcase, finds_lines_and_fields, 0, 9);
	tcase_add_loop_test(tcase, parses_a_whole_line_alike, 0, 9);
	tcase_add_loop_test(tcase, marks_what_is_below, 0, 17);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
