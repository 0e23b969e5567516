/* d_google - WHATSAT answered by the Places API (New): what it is asked, and
 * what clients, who know the legacy form, are told of its answers. */
#include <stdio.h>

#include "near.h"

#define KEY "secret-key"

static void up(struct near *n, int design, const char *places, const char *key)
{
	char all[512];

	snprintf(all, sizeof all, "provider = \"google\"; %s", places);
	near_up(n,
		&(struct herd_setup){
			.design = herd_design(design), .places = all},
		key);
}

/* Ask, answer, and the JSON that the client gets. */
static const char *json_for(
	struct near *n, const char *bound, unsigned status, const char *json)
{
	near_ask(n, herd_printf(n->h, "WHATSAT kiwi 10 %s", bound));
	asked_answer(double_await(n->provider), status, json);
	return near_json(n->h, n->client, n->at);
}

/* --- the question --------------------------------------------------------- */

static const char *without_spaces(struct herd *h, const char *json)
{
	char *kept = (char *)(uintptr_t)herd_printf(h, "%s", json);
	char *to = kept;

	for (; *json; json++)
		if (*json != ' ' && *json != '\n')
			*to++ = *json;
	*to = '\0';
	return kept;
}

#define BODY(bound, latitude, longitude, radius)                               \
	"{\"maxResultCount\":" bound ",\"locationRestriction\":{\"circle\":{"  \
	"\"center\":{\"latitude\":" latitude ",\"longitude\":" longitude "},"  \
	"\"radius\":" radius "}}}"

START_TEST(the_request)
{
	struct near n;
	struct asked *a;

	up(&n, _i, "", KEY "\n");
	near_ask(&n, "WHATSAT kiwi 10 5");
	a = double_await(n.provider);
	ck_assert_str_eq(a->method, "POST");
	ck_assert_str_eq(a->target, NEAR_PATH);
	ck_assert_str_eq(asked_header(a, "Content-Type"), "application/json");
	ck_assert_str_eq(asked_header(a, "X-Goog-Api-Key"), KEY);
	ck_assert_str_eq(asked_header(a, "X-Goog-FieldMask"),
		"places.id,places.displayName,places.location,places.types,"
		"places.formattedAddress");
	ck_assert_str_eq(without_spaces(n.h, a->body.ptr),
		BODY("5", "34.068930", "-118.445127", "10000"));
	asked_answer(a, 200, "{}");
	near_json(n.h, n.client, n.at);
	near_free(&n);
}
END_TEST

START_TEST(a_mask_of_ones_own_and_no_key)
{
	struct near n;
	struct asked *a;
	const char *at;

	up(&n, _i, "field_mask = \"places.id,places.rating,*\";", NULL);
	at = herd_iamat(n.h, "Goloman", "plum", "-0007.50+00.25/", "5");
	near_ask(&n, "WHATSAT plum 0.25 20");
	a = double_await(n.provider);
	ck_assert_ptr_null(asked_header(a, "X-Goog-Api-Key"));
	ck_assert_str_eq(asked_header(a, "X-Goog-FieldMask"),
		"places.id,places.rating,*");
	ck_assert_str_eq(without_spaces(n.h, a->body.ptr),
		BODY("20", "-7.50", "0.25", "250"));
	asked_answer(a, 200, "{}");
	near_json(n.h, n.client, at);
	near_free(&n);
}
END_TEST

/* --- the legacy form ------------------------------------------------------ */

#define FULL                                                                   \
	"{\n  \"places\": [\n"                                                 \
	"    {\n      \"id\": \"ChIJ\\\"1\",\n"                                \
	"      \"types\": [\"bar\", \"food\"],\n"                              \
	"      \"formattedAddress\": \"1 Main St\\nLA\",\n"                    \
	"      \"location\": {\"latitude\": 34.0612345678,\n"                  \
	"        \"longitude\": -118.44},\n"                                   \
	"      \"rating\": 4.30,\n"                                            \
	"      \"businessStatus\": \"OPERATIONAL\",\n"                         \
	"      \"priceLevel\": \"PRICE_LEVEL_MODERATE\",\n"                    \
	"      \"displayName\": {\"text\": \"Caf\\u00e9 \xc3\xa9\",\n"         \
	"        \"languageCode\": \"fr\"},\n"                                 \
	"      \"userRatingCount\": 17, \"unheard\": {\"of\": []}},\n"         \
	"    {\"displayName\": {\"text\": \"Second\"}, \"id\": \"2\"},\n"      \
	"    {\"id\": \"3\"}\n  ]\n}\n"

#define TRANSLATED_FIRST                                                       \
	"{\n   \"html_attributions\" : [],\n   \"results\" : [\n"              \
	"      {\n"                                                            \
	"         \"business_status\" : \"OPERATIONAL\",\n"                    \
	"         \"geometry\" : {\n"                                          \
	"            \"location\" : {\n"                                       \
	"               \"lat\" : 34.0612345678,\n"                            \
	"               \"lng\" : -118.44\n"                                   \
	"            }\n"                                                      \
	"         },\n"                                                        \
	"         \"name\" : \"Caf\xc3\xa9 \xc3\xa9\",\n"                      \
	"         \"place_id\" : \"ChIJ\\\"1\",\n"                             \
	"         \"price_level\" : 2,\n"                                      \
	"         \"rating\" : 4.30,\n"                                        \
	"         \"types\" : [ \"bar\", \"food\" ],\n"                        \
	"         \"user_ratings_total\" : 17,\n"                              \
	"         \"vicinity\" : \"1 Main St\\nLA\"\n"                         \
	"      }"
#define TRANSLATED_SECOND                                                      \
	",\n      {\n"                                                         \
	"         \"name\" : \"Second\",\n"                                    \
	"         \"place_id\" : \"2\"\n"                                      \
	"      }"
#define TRANSLATED_THIRD                                                       \
	",\n      {\n"                                                         \
	"         \"place_id\" : \"3\"\n"                                      \
	"      }"
#define TRANSLATED_END "\n   ],\n   \"status\" : \"OK\"\n}"

/* The provider may tell of more places than it was asked for. */
START_TEST(places_in_the_legacy_form)
{
	struct near n;

	up(&n, _i, "", KEY);
	ck_assert_str_eq(json_for(&n, "3", 200, FULL),
		TRANSLATED_FIRST TRANSLATED_SECOND TRANSLATED_THIRD
			TRANSLATED_END);
	ck_assert_str_eq(json_for(&n, "2", 200, FULL),
		TRANSLATED_FIRST TRANSLATED_SECOND TRANSLATED_END);
	ck_assert_str_eq(
		json_for(&n, "1", 200, FULL), TRANSLATED_FIRST TRANSLATED_END);
	near_free(&n);
}
END_TEST

START_TEST(nothing_found)
{
	static const char *const nothing[] = {
		"{}", "{ }\n", "{\"places\": []}", "{\"other\": 1}"};
	struct near n;

	up(&n, _i, "", KEY);
	for (size_t i = 0; i < HERD_COUNT(nothing); i++) {
		const char *json = json_for(&n, "5", 200, nothing[i]);

		ck_assert_str_eq(
			herd_printf(n.h, "\n%s\n\n", json), HERD_NOTHING);
	}
	near_free(&n);
}
END_TEST

static const struct {
	unsigned http;
	const char *status, *legacy;
} errors[] = {
	{400, "INVALID_ARGUMENT", "INVALID_REQUEST"},
	{401, "UNAUTHENTICATED", "REQUEST_DENIED"},
	{403, "PERMISSION_DENIED", "REQUEST_DENIED"},
	{404, "NOT_FOUND", "UNKNOWN_ERROR"},
	{429, "RESOURCE_EXHAUSTED", "OVER_QUERY_LIMIT"},
	{500, "INTERNAL", "UNKNOWN_ERROR"},
	{503, "UNAVAILABLE", "UNKNOWN_ERROR"},
	{504, "DEADLINE_EXCEEDED", "UNKNOWN_ERROR"},
	{418, "NEVER_HEARD_OF", "UNKNOWN_ERROR"},
};

START_TEST(errors_in_the_legacy_form)
{
	struct near n;

	up(&n, _i, "", KEY);
	for (size_t i = 0; i < HERD_COUNT(errors); i++) {
		const char *json = json_for(&n, "5", errors[i].http,
			herd_printf(n.h,
				"{\n  \"error\": {\n    \"code\": %u,\n"
				"    \"message\": \"Not \\\"now\\\" %zu.\",\n"
				"    \"status\": \"%s\"\n  }\n}\n",
				errors[i].http, i, errors[i].status));

		ck_assert_str_eq(
			json, herd_printf(n.h,
				      "{\n   \"error_message\" : "
				      "\"Not \\\"now\\\" %zu.\",\n"
				      "   \"html_attributions\" : [],\n"
				      "   \"results\" : [],\n"
				      "   \"status\" : \"%s\"\n}",
				      i, errors[i].legacy));
	}
	near_free(&n);
}
END_TEST

/* Objects, but nothing that this provider would say. */
START_TEST(neither_places_nor_an_error)
{
	static const struct {
		unsigned status;
		const char *json;
	} cases[] = {
		{200, "{\"places\": {}}"},
		{200, "{\"places\": [1]}"},
		{200, "{\"places\": null}"},
		{500, "{}"},
		{403, "{\"places\": []}"},
		{404, "{\"error\": \"not found\"}"},
	};
	struct near n;

	up(&n, _i, "", KEY);
	for (size_t i = 0; i < HERD_COUNT(cases); i++) {
		const char *json =
			json_for(&n, "5", cases[i].status, cases[i].json);
		const char *wrong = near_no_excuse(json);

		ck_assert_msg(
			!wrong, "%s: %s:\n%s", cases[i].json, wrong, json);
	}
	near_free(&n);
}
END_TEST

/* --- its own form --------------------------------------------------------- */

START_TEST(native_answers)
{
	static const char *const objects[] = {FULL, "{}",
		"{ \"error\" : {\"code\":429,\"message\":\"no\",\n"
		"\"status\":\"RESOURCE_EXHAUSTED\"}}",
		"{\"places\": 1, \"results\":[1,2,3,4,5,6]}"};
	struct near n;

	up(&n, _i, "native = true;", KEY);
	for (size_t i = 0; i < HERD_COUNT(objects); i++) {
		const char *json =
			json_for(&n, "5", i % 2 ? 200 : 429, objects[i]);
		size_t len = strlen(objects[i]);

		/* All but the LF at the end. */
		len -= objects[i][len - 1] == '\n';
		ck_assert_str_eq(
			json, herd_printf(n.h, "%.*s", (int)len, objects[i]));
	}
	ck_assert_str_eq(json_for(&n, "1", 200, "{\"places\": [1 ,2 ] }"),
		"{\"places\": [1 ] }");
	near_free(&n);
}
END_TEST

/* The bound is part of the question here, so that another one is another
 * question; the same one is asked once. */
START_TEST(bounds_are_different_questions)
{
	struct near n;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i),
			.general = "workers = 1;",
			.places = "provider = \"google\";",
		},
		KEY);
	near_ask(&n, "WHATSAT kiwi 10 5\nWHATSAT kiwi 10 6\nWHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, "{}");
	asked_answer(double_await(n.provider), 200, FULL);
	for (int i = 0; i < 3; i++)
		near_json(n.h, n.client, n.at);
	ck_assert_uint_eq(double_requests(n.provider), 2);
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, the_request);
	herd_add_test(tcase, a_mask_of_ones_own_and_no_key);
	herd_add_test(tcase, places_in_the_legacy_form);
	herd_add_test(tcase, nothing_found);
	herd_add_test(tcase, errors_in_the_legacy_form);
	herd_add_test(tcase, neither_places_nor_an_error);
	herd_add_test(tcase, native_answers);
	herd_add_test(tcase, bounds_are_different_questions);
}

int main(void)
{
	return herd_main("d_google", add_tests, 30);
}
