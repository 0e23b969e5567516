/* SipHash against the published vectors: key 00 01 .. 0f, input 00 01 .. */
#include "../../src/store/siphash.h"

#include <check.h>

/* From the authors' reference implementation. */
static const uint64_t vectors_2_4[] = {
	0x726fdb47dd0e0e31,
	0x74f839c593dc67fd,
	0x0d6c8009d9a94f5a,
	0x85676696d7fb7e2d,
	0xcf2794e0277187b7,
	0x18765564cd99a68d,
	0xcbc9466e58fee3ce,
	0xab0200f58b01d137,
	0x93f5f5799a932462,
	0x9e0082df0ba9e4b0,
	0x7a5dbbc594ddb9f3,
	0xf4b32f46226bada7,
	0x751e8fbc860ee5fb,
	0x14ea5627c0843d90,
	0xf723ca908e7af2ee,
	0xa129ca6149be45e5,
	0x3f2acc7f57c29bdb,
};

/* Their low halves are those of the Linux kernel's self test. */
static const uint64_t vectors_1_3[] = {
	0xabac0158050fc4dc,
	0xc9f49bf37d57ca93,
	0x82cb9b024dc7d44d,
	0x8bf80ab8e7ddf7fb,
	0xcf75576088d38328,
	0xdef9d52f49533b67,
	0xc50d2b50c59f22a7,
	0xd3927d989bb11140,
	0x369095118d299a8e,
};

static uint64_t hash_of(unsigned rounds, unsigned final_rounds, size_t len)
{
	char bytes[16];
	struct siphash_key key = {
		.k0 = 0x0706050403020100,
		.k1 = 0x0f0e0d0c0b0a0908,
	};

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	return siphash(key, rounds, final_rounds, (struct text){bytes, len});
}

START_TEST(is_siphash_2_4)
{
	ck_assert_uint_eq(hash_of(2, 4, (size_t)_i), vectors_2_4[_i]);
}
END_TEST

START_TEST(is_siphash_1_3)
{
	ck_assert_uint_eq(hash_of(1, 3, (size_t)_i), vectors_1_3[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("siphash");
	TCase *tcase = tcase_create("siphash");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(tcase, is_siphash_2_4, 0, HERD_COUNT(vectors_2_4));
	tcase_add_loop_test(tcase, is_siphash_1_3, 0, HERD_COUNT(vectors_1_3));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
