/* The byte queue against a plain model: what goes in comes out, in order. */
#include "herd/buf.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sys_fault.h"

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

static void append(struct buf *b, const char *string)
{
	ck_assert_int_eq(buf_append_string(b, string), 0);
}

static void assert_holds(const struct buf *b, const char *string)
{
	ck_assert(text_equal(buf_text(b), text_of(string)));
}

START_TEST(appends_and_consumes)
{
	struct buf b = {0};

	append(&b, "hello ");
	append(&b, "world");
	assert_holds(&b, "hello world");
	buf_consume(&b, 6);
	assert_holds(&b, "world");
	append(&b, "s");
	assert_holds(&b, "worlds");
	buf_fini(&b);
	ck_assert_uint_eq(buf_len(&b), 0);
}
END_TEST

START_TEST(empty_owns_nothing)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_append(&b, NULL, 0), 0);
	ck_assert_int_eq(buf_append_text(&b, (struct text){NULL, 0}), 0);
	ck_assert_ptr_null(buf_bytes(&b));
	ck_assert_ptr_nonnull(buf_text(&b).ptr);
	ck_assert_uint_eq(buf_text(&b).len, 0);
	append(&b, "x");
	buf_consume(&b, 1);
	ck_assert_ptr_null(buf_bytes(&b));
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}
END_TEST

START_TEST(clear_keeps_memory)
{
	struct buf b = {0};

	append(&b, "scratch");
	const char *data = buf_front(&b);
	buf_clear(&b);
	ck_assert_uint_eq(buf_len(&b), 0);
	append(&b, "again");
	ck_assert_ptr_eq(buf_front(&b), data);
	assert_holds(&b, "again");
	buf_fini(&b);
}
END_TEST

START_TEST(takes_back_what_was_appended)
{
	struct buf b = {0};
	size_t before;

	append(&b, "gone ");
	append(&b, "kept");
	buf_consume(&b, 5);
	before = buf_len(&b);
	/* Enough that the block grows and what is live moves in it. */
	for (int i = 0; i < 100; i++)
		append(&b, " and more");
	buf_truncate(&b, before);
	assert_holds(&b, "kept");
	append(&b, "!");
	assert_holds(&b, "kept!");
	buf_truncate(&b, 5);
	assert_holds(&b, "kept!");
	buf_consume(&b, 1);
	buf_truncate(&b, 3);
	assert_holds(&b, "ept");
	buf_truncate(&b, 0);
	ck_assert_ptr_null(buf_bytes(&b));
	buf_truncate(&b, 0);
	ck_assert_uint_eq(buf_len(&b), 0);
}
END_TEST

START_TEST(reserves_then_commits)
{
	struct buf b = {0};

	append(&b, "ab");
	char *dst = buf_reserve(&b, 1000);
	ck_assert_ptr_nonnull(dst);
	memset(dst, 'z', 1000);
	ck_assert_uint_eq(buf_len(&b), 2);
	buf_commit(&b, 1);
	assert_holds(&b, "abz");
	buf_fini(&b);
}
END_TEST

START_TEST(changes_in_place)
{
	struct buf b = {0};
	char *bytes;

	append(&b, "a hello");
	buf_consume(&b, 2);
	bytes = buf_bytes(&b);
	ck_assert_ptr_nonnull(bytes);
	*bytes = 'j';
	assert_holds(&b, "jello");
	buf_clear(&b);
	ck_assert_ptr_nonnull(buf_bytes(&b));
	buf_fini(&b);
}
END_TEST

START_TEST(refuses_what_cannot_be)
{
	struct buf b = {0};

	append(&b, "keep");
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX - 2));
	assert_holds(&b, "keep");
	buf_fini(&b);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
	struct buf b = {0};
	char big[1000] = {0};

	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(buf_append(&b, "x", 1), -ENOMEM);
	ck_assert_uint_eq(buf_len(&b), 0);

	append(&b, "0123456789");
	buf_consume(&b, 3);
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(buf_append(&b, big, sizeof big), -ENOMEM);
	assert_holds(&b, "3456789");
	append(&b, "!");
	assert_holds(&b, "3456789!");
	buf_fini(&b);
}
END_TEST

/* The stream 0, 1, ... 250, 0, 1, ... goes through in pieces of all sizes. */
START_TEST(keeps_order_through_any_sizes)
{
	struct buf b = {0};
	unsigned in = 0, out = 0;
	bool same = true;

	srand(7);
	for (int round = 0; round < 20000; round++) {
		char piece[300];
		size_t len = (size_t)rand() % sizeof piece;
		for (size_t i = 0; i < len; i++)
			piece[i] = (char)(in++ % 251);
		ck_assert_int_eq(buf_append(&b, piece, len), 0);

		len = (size_t)rand() % (buf_len(&b) + 1);
		for (size_t i = 0; i < len; i++)
			same &= buf_front(&b)[i] == (char)(out++ % 251);
		ck_assert(same);
		buf_consume(&b, len);
		ck_assert_uint_eq(buf_len(&b), in - out);
	}
	buf_fini(&b);
}
END_TEST

/* A queue that is never empty must find its consumed bytes again. */
START_TEST(does_not_grow_without_need)
{
	struct buf b = {0};

	append(&b, "0123456789");
	for (int i = 0; i < 10000; i++) {
		append(&b, "0123456789");
		buf_consume(&b, 10);
	}
	ck_assert_uint_le(b.block->room, 128);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tcase = tcase_create("buf");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, appends_and_consumes);
	tcase_add_test(tcase, empty_owns_nothing);
	tcase_add_test(tcase, clear_keeps_memory);
	tcase_add_test(tcase, takes_back_what_was_appended);
	tcase_add_test(tcase, reserves_then_commits);
	tcase_add_test(tcase, changes_in_place);
	tcase_add_test(tcase, refuses_what_cannot_be);
	tcase_add_test(tcase, survives_lack_of_memory);
	tcase_add_test(tcase, keeps_order_through_any_sizes);
	tcase_add_test(tcase, does_not_grow_without_need);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
