/* What is found in JSON of others, and what counts as missing. */
#include "herd/json_reader.h"

#include <check.h>
#include <stdlib.h>

static struct json_object *parse(const char *json, int depth)
{
	return json_parse(text_of(json), depth);
}

static const struct {
	const char *json;
	bool good;
} texts[] = {
	{"{}", true},
	{" [1] ", true},
	{"[[1]]", true},
	{"[[[1]]]", false}, /* one deeper than asked for */
	{"", false},
	{"{", false},
	{"{} {}", false},
	{"{\"a\" 1}", false},
	{"\"\xff\"", false},
};

START_TEST(tells_what_is_json)
{
	struct json_object *root = parse(texts[_i].json, 2);

	ck_assert_msg((root != NULL) == texts[_i].good, "%s", texts[_i].json);
	json_object_put(root);
}
END_TEST

START_TEST(finds_members)
{
	struct json_object *root =
		parse("{\"o\": {\"s\": \"a\\u0000b\"}, \"e\": \"\", "
		      "\"i\": 1, \"d\": 1.5, \"n\": null}",
			2);
	struct json_object *o = json_member(root, "o", json_type_object);

	ck_assert_ptr_nonnull(o);
	ck_assert(
		text_equal(json_text_member(o, "s"), (struct text){"a\0b", 3}));
	ck_assert_ptr_nonnull(json_member(root, "e", json_type_string));
	ck_assert_uint_eq(json_text_member(root, "e").len, 0);
	ck_assert_int_eq(json_object_get_int(json_number_member(root, "i")), 1);
	ck_assert(json_object_get_double(json_number_member(root, "d")) == 1.5);
	json_object_put(root);
}
END_TEST

START_TEST(misses_what_is_of_another_type)
{
	struct json_object *root = parse("{\"i\": \"1\", \"s\": 1}", 1);
	struct json_object *i = json_member(root, "i", json_type_string);

	ck_assert_ptr_nonnull(i);
	ck_assert_ptr_null(json_number_member(root, "i"));
	ck_assert_ptr_null(json_member(root, "s", json_type_string));
	ck_assert_ptr_null(json_member(root, "none", json_type_string));
	ck_assert_ptr_null(json_member(i, "i", json_type_string));
	ck_assert_ptr_null(json_member(NULL, "i", json_type_string));
	ck_assert_ptr_nonnull(json_text_member(root, "s").ptr);
	ck_assert_uint_eq(json_text_member(root, "s").len, 0);
	json_object_put(root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_reader");
	TCase *tcase = tcase_create("json_reader");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, tells_what_is_json, 0, HERD_COUNT(texts));
	tcase_add_test(tcase, finds_members);
	tcase_add_test(tcase, misses_what_is_of_another_type);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
