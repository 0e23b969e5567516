/* Secrets from files: what is taken, what is refused, and in whose place. */
#include "herd/secret_file.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys_fault.h"

static const struct secret_file_rule owner_only = {
	.option = "peers.secret_file",
	.right = "a good file",
	.min = 16,
	.only_owner = true};
static const struct secret_file_rule anybody = {
	.option = "places.key_file", .right = "a good file", .min = 1};

static char folder[64];
static char handed[80]; /* a folder of credentials */
static char path[80];
static char error[256];
static struct secret_file secret;
static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	strcpy(folder, "/tmp/herd-secret-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(handed, sizeof handed, "%s/handed", folder);
	snprintf(path, sizeof path, "%s/key", folder);
	ck_assert_int_eq(mkdir(handed, 0700), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static const char *credential(void)
{
	static char at[96];

	snprintf(at, sizeof at, "%s/key", handed);
	return at;
}

static void tear_down(void)
{
	secret_file_fini(&secret);
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
	unlink(credential());
	unlink(path);
	rmdir(handed);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void put(const char *at, const char *bytes, size_t len, mode_t mode)
{
	FILE *f = fopen(at, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(at, mode), 0);
}

static int take(const struct secret_file_rule *rule)
{
	secret_file_fini(&secret);
	return secret_file_read(path, rule, &secret, error, sizeof error);
}

static void expect(struct text bytes)
{
	ck_assert(text_equal((struct text){secret.bytes, secret.len}, bytes));
}

static void expect_error(const char *at, const char *wrong)
{
	char expected[256];

	snprintf(expected, sizeof expected,
		"peers.secret_file = \"%s\" cannot be used: %s; a good file",
		at, wrong);
	ck_assert_str_eq(error, expected);
	ck_assert_ptr_null(secret.bytes);
}

static const struct {
	struct text file, taken;
} contents[] = {
	{{"0123456789abcdef", 16}, {"0123456789abcdef", 16}},
	{{"0123456789abcdef\n", 17}, {"0123456789abcdef", 16}},
	{{"0123456789abcdef\r\n \t\f\v\n", 23}, {"0123456789abcdef", 16}},
	{{" 0123456 89\nbcdef\n", 18}, {" 0123456 89\nbcdef", 17}},
	/* any bytes; NUL is no white space */
	{{"\0\1\2\3\4\5\6\7\0\1\2\3\4\xff\0\0\n", 17},
		{"\0\1\2\3\4\5\6\7\0\1\2\3\4\xff\0\0", 16}},
};

START_TEST(takes_what_a_file_holds)
{
	put(path, contents[_i].file.ptr, contents[_i].file.len, 0600);
	ck_assert_int_eq(take(&owner_only), 0);
	expect(contents[_i].taken);
}
END_TEST

START_TEST(reads_in_pieces)
{
	put(path, "0123456789abcdef\n", 17, 0400);
	sys_fault_short(SYS_FAULT_READ, 3);
	ck_assert_int_eq(take(&owner_only), 0);
	expect(text_of("0123456789abcdef"));
}
END_TEST

static const struct {
	size_t len;
	mode_t mode;
	const char *wrong; /* NULL: nothing */
} files[] = {
	{0, 0600, "empty"},
	{1, 0600, "too short"},
	{15, 0600, "too short"},
	{16, 0600, NULL},
	{SECRET_FILE_MAX, 0600, NULL},
	{SECRET_FILE_MAX + 1, 0600, "too long"},
	{2 * SECRET_FILE_MAX, 0600, "too long"},
	{16, 0400, NULL},
	{16, 0700, NULL},
	{16, 0611, NULL},
	{16, 0640, "others than its owner may read or write it"},
	{16, 0604, "others than its owner may read or write it"},
	{16, 0620, "others than its owner may read or write it"},
	{16, 0602, "others than its owner may read or write it"},
	{16, 0644, "others than its owner may read or write it"},
};

START_TEST(minds_size_and_mode)
{
	char bytes[2 * SECRET_FILE_MAX];

	memset(bytes, 'x', sizeof bytes);
	put(path, bytes, files[_i].len, files[_i].mode);
	ck_assert_int_eq(take(&owner_only), files[_i].wrong ? -EINVAL : 0);
	if (files[_i].wrong)
		expect_error(path, files[_i].wrong);
	else
		ck_assert_uint_eq(secret.len, files[_i].len);
}
END_TEST

START_TEST(keys_may_be_short_and_readable)
{
	put(path, "k\n", 2, 0644);
	ck_assert_int_eq(take(&anybody), 0);
	expect(text_of("k"));
	put(path, " \n", 2, 0644);
	ck_assert_int_eq(take(&anybody), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "cannot be used: empty; "));
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
	ck_assert_int_eq(take(&owner_only), -EINVAL);
	expect_error(path, "No such file or directory");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(take(&owner_only), -EINVAL);
	expect_error(path, "not a regular file");
	strcpy(path, folder);
	ck_assert_int_eq(take(&owner_only), -EINVAL);
	expect_error(path, "not a regular file");
	snprintf(path, sizeof path, "%s/key", folder);
}
END_TEST

START_TEST(a_credential_goes_first)
{
	setenv("CREDENTIALS_DIRECTORY", handed, 1);
	put(path, "0123456789abcdef", 16, 0600);
	ck_assert_int_eq(take(&owner_only), 0); /* there is none */
	expect(text_of("0123456789abcdef"));
	put(credential(), " \n", 2, 0440);
	ck_assert_int_eq(take(&owner_only), 0); /* it is blank */
	expect(text_of("0123456789abcdef"));

	/* Its mode is not ours to mind. */
	put(credential(), "fedcba9876543210\n", 17, 0444);
	ck_assert_int_eq(take(&owner_only), 0);
	expect(text_of("fedcba9876543210"));
	unlink(path);
	ck_assert_int_eq(take(&owner_only), 0);
	expect(text_of("fedcba9876543210"));

	put(credential(), "short\n", 6, 0400);
	ck_assert_int_eq(take(&owner_only), -EINVAL);
	expect_error(credential(), "too short");
	put(credential(), "\n", 1, 0400);
	ck_assert_int_eq(take(&owner_only), -EINVAL);
	expect_error(path, "No such file or directory");
}
END_TEST

START_TEST(says_what_fails)
{
	put(path, "0123456789abcdef", 16, 0600);
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(take(&owner_only), -EINVAL);
	expect_error(path, "Cannot allocate memory");
	for (unsigned n = 0; n < 2; n++) {
		sys_fault_fail(SYS_FAULT_READ, n, 1, EIO);
		ck_assert_int_eq(take(&owner_only), -EINVAL);
		expect_error(path, "Input/output error");
	}
	sys_fault_fail(SYS_FAULT_READ, 0, 0, 0);
	ck_assert_int_eq(take(&owner_only), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("secret_file");
	TCase *tcase = tcase_create("secret_file");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(
		tcase, takes_what_a_file_holds, 0, (int)HERD_COUNT(contents));
	tcase_add_test(tcase, reads_in_pieces);
	tcase_add_loop_test(
		tcase, minds_size_and_mode, 0, (int)HERD_COUNT(files));
	tcase_add_test(tcase, keys_may_be_short_and_readable);
	tcase_add_test(tcase, refuses_what_is_no_file);
	tcase_add_test(tcase, a_credential_goes_first);
	tcase_add_test(tcase, says_what_fails);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
