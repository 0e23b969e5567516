/* Dialects: requests to the byte, where answers end, and which are right. */
#include "herd/dialect.h"

#include <check.h>
#include <stdio.h>

#define STAMP_NS INT64_C(1520023934918963997)
#define STAMP    "1520023934.918963997"
#define ID       UINT64_C(1234567890123)
#define CLIENT   "client-1234567890123"
#define AT       "AT Goloman +0.000000001 "
#define AT_KNOWN AT CLIENT " +34.068930-118.445127 " STAMP "\n"
#define NOTHING                                                                \
	"{\n   \"html_attributions\" : [],\n   \"results\" : [],\n"            \
	"   \"status\" : \"ZERO_RESULTS\"\n}\n\n"

static const struct request update = {ID, STAMP_NS, false};
static const struct request read = {ID, 0, true};

static struct speaker start(const char *name, const char *km, unsigned bound)
{
	struct speaker s;
	const struct dialect *d = dialect_find(name);

	ck_assert_ptr_nonnull(d);
	ck_assert_str_eq(dialect_name(d), name);
	speaker_init(&s, d, km, bound);
	return s;
}

/* --- requests ------------------------------------------------------------- */

static const struct {
	const char *dialect, *update, *read;
} requests[] = {
	{"herd", "IAMAT " CLIENT " +34.068930-118.445127 " STAMP "\n",
		"WHATSAT " CLIENT " 2.5 20\n"},
	{"memcached", "set " CLIENT " 0 0 35\r\n+34.068930-118." STAMP "\r\n",
		"get " CLIENT "\r\n"},
	{"redis",
		"*3\r\n$3\r\nSET\r\n$20\r\n" CLIENT "\r\n$23\r\n+34" STAMP
		"\r\n",
		"*2\r\n$3\r\nGET\r\n$20\r\n" CLIENT "\r\n"},
	{"echo", "hello " CLIENT " +34.068930-118.445127 " STAMP "\n", NULL},
};

static void check_request(
	struct speaker *s, const struct request *r, const char *expected)
{
	char bytes[DIALECT_ROOM];
	size_t len = speaker_ask(s, bytes, r);

	ck_assert_uint_eq(len, strlen(expected));
	ck_assert_mem_eq(bytes, expected, len);
}

START_TEST(requests_are_right)
{
	struct speaker s = start(requests[_i].dialect, "2.5", 20);

	ck_assert_uint_eq(strlen(requests[_i].update), 70);
	check_request(&s, &update, requests[_i].update);
	ck_assert_int_eq(
		dialect_has_reads(s.dialect), requests[_i].read != NULL);
	if (requests[_i].read)
		check_request(&s, &read, requests[_i].read);
}
END_TEST

/* Digits of one request do not stay for the next. */
START_TEST(numbers_of_all_lengths)
{
	static const struct {
		struct request r;
		const char *line;
	} cases[] = {
		{{DIALECT_ID_MAX, 0, false}, "9999999999999 +34.068930"
					     "-118.445127 0000000000."
					     "000000000\n"},
		{{0, INT64_MAX, false}, "0000000000000 +34.068930-118.445127 "
					"9223372036.854775807\n"},
		{{99999999, 1, false}, "0000099999999 +34.068930-118.445127 "
				       "0000000000.000000001\n"},
		{{100000000, 999999999, false},
			"0000100000000 +34.068930-118.445127 "
			"0000000000.999999999\n"},
		{{7, 1000000000, false}, "0000000000007 +34.068930-118.445127 "
					 "0000000001.000000000\n"},
	};
	struct speaker s = start("herd", "0", 0);
	char bytes[DIALECT_ROOM];

	for (size_t i = 0; i < HERD_COUNT(cases); i++) {
		ck_assert_uint_eq(speaker_ask(&s, bytes, &cases[i].r), 70);
		ck_assert_mem_eq(bytes, "IAMAT client-", 13);
		ck_assert_mem_eq(bytes + 13, cases[i].line, 57);
	}
}
END_TEST

START_TEST(longest_whatsat)
{
	const char *km = "49.99999999999999999999999999999999999999";
	char expected[DIALECT_ROOM + 1] = "WHATSAT " CLIENT " ";
	struct speaker s;

	ck_assert_uint_ge(strlen(km), DIALECT_RADIUS_MAX);
	km += strlen(km) - DIALECT_RADIUS_MAX;
	s = start("herd", km, 20);
	strcat(strcat(expected, km), " 20\n");
	check_request(&s, &read, expected);
}
END_TEST

START_TEST(unknown_dialect)
{
	ck_assert_ptr_null(dialect_find("gopher"));
	ck_assert_ptr_null(dialect_find(""));
}
END_TEST

/* --- answers -------------------------------------------------------------- */

enum verdict {
	RIGHT,   /* to the byte */
	WRONG,   /* seen by checking */
	REFUSAL, /* seen without */
};

static const struct answer {
	const char *dialect, *km;
	bool read;
	const char *bytes;
	enum verdict verdict;
} answers[] = {
	{"herd", "0", false, AT_KNOWN, RIGHT},
	{"herd", "0", false,
		"AT G -12.345678901 " CLIENT " +34.068930-118.445127 " STAMP
		"\n",
		RIGHT},
	{"herd", "0", false, "? IAMAT\n", REFUSAL},
	{"herd", "0", false, "\n", REFUSAL},
	{"herd", "0", false,
		"AT G +0.1 " CLIENT " +34.068930-118.445127 " STAMP "\n",
		WRONG},
	{"herd", "0", false,
		AT "client-1234567890124 +34.068930-118.445127 " STAMP "\n",
		WRONG},
	{"herd", "0", false, AT CLIENT " +34.06893-118.445127 " STAMP "\n",
		WRONG},
	{"herd", "0", false,
		AT CLIENT " +34.068930-118.445127 1520023934.918963998\n",
		WRONG},
	{"herd", "0", false, AT CLIENT " +34.068930-118.445127 " STAMP " \n",
		WRONG},
	{"herd", "0", false,
		"AT  +0.000000001 " CLIENT " +34.068930-118.445127 " STAMP "\n",
		WRONG},
	{"herd", "0", false, "AT\n", WRONG},
	{"herd", "0", true, AT_KNOWN NOTHING, RIGHT},
	{"herd", "0.0", true, AT_KNOWN NOTHING, RIGHT},
	{"herd", "0", true, "? WHATSAT " CLIENT " 0 0\n", REFUSAL},
	{"herd", "0", true, AT_KNOWN "{ }\n\n", WRONG},
	{"herd", "5", true, AT_KNOWN "{ \"results\": [\n] }\n\n", RIGHT},
	{"herd", "5", true, AT_KNOWN "[]\n\n", WRONG},
	{"memcached", "0", false, "STORED\r\n", RIGHT},
	{"memcached", "0", false, "NOT_STORED\r\n", REFUSAL},
	{"memcached", "0", false, "SERVER_ERROR out of memory\r\n", REFUSAL},
	{"memcached", "0", false, "ERROR\r\n", REFUSAL},
	{"memcached", "0", false, "STORED\n", WRONG},
	{"memcached", "0", true,
		"VALUE " CLIENT " 0 35\r\n+34.068930-118." STAMP "\r\nEND\r\n",
		RIGHT},
	{"memcached", "0", true, "END\r\n", REFUSAL},
	{"memcached", "0", true, "VALUE " CLIENT " 0 3\r\nEND\r\nEND\r\n",
		WRONG},
	{"memcached", "0", true,
		"VALUE " CLIENT " 0 35\r\n+34.068930-118.x520023934.918963997"
		"\r\nEND\r\n",
		WRONG},
	{"redis", "0", false, "+OK\r\n", RIGHT},
	{"redis", "0", false, "-ERR unknown command\r\n", REFUSAL},
	{"redis", "0", false, "+QUEUED\r\n", REFUSAL},
	{"redis", "0", true, "$23\r\n+34" STAMP "\r\n", RIGHT},
	{"redis", "0", true, "$-1\r\n", REFUSAL},
	{"redis", "0", true, "-WRONGTYPE\r\n", REFUSAL},
	{"redis", "0", true, "$23\r\n-34" STAMP "\r\n", WRONG},
	{"redis", "0", true, "$24\r\n+34" STAMP " \r\n", WRONG},
	{"echo", "0", false,
		"hello " CLIENT " +34.068930-118.445127 " STAMP "\n", RIGHT},
	{"echo", "0", false,
		"hello " CLIENT " +34.068930-118.445127  " STAMP "\n", WRONG},
};

/* No part of an answer is taken for the whole, and what follows is no part. */
START_TEST(where_answers_end)
{
	const struct answer *a = &answers[_i];
	struct speaker s = start(a->dialect, a->km, 5);
	size_t len = strlen(a->bytes);
	char twice[512];

	snprintf(twice, sizeof twice, "%s%s", a->bytes, a->bytes);
	for (size_t part = 0; part < len; part++)
		ck_assert_uint_eq(
			speaker_answer_len(&s, a->read, a->bytes, part), 0);
	ck_assert_uint_eq(speaker_answer_len(&s, a->read, a->bytes, len), len);
	ck_assert_uint_eq(speaker_answer_len(&s, a->read, twice, 2 * len), len);
}
END_TEST

START_TEST(which_are_right)
{
	const struct answer *a = &answers[_i];
	struct speaker s = start(a->dialect, a->km, 5);

	ck_assert_int_eq(speaker_is_refusal(&s, a->read, text_of(a->bytes)),
		a->verdict == REFUSAL);
	ck_assert_int_eq(speaker_is_right(&s, a->read ? &read : &update,
				 text_of(a->bytes)),
		a->verdict == RIGHT);
}
END_TEST

/* No right answer is right without its last byte, with one more, or with one
 * bit different, but in the fields that are free. */
START_TEST(every_byte_counts)
{
	const struct answer *a = &answers[_i];
	struct speaker s = start(a->dialect, a->km, 5);
	const struct request *r = a->read ? &read : &update;
	size_t len = strlen(a->bytes);
	char bytes[512];
	size_t free_bytes = 0;

	if (a->verdict != RIGHT || !strcmp(a->km, "5"))
		return;
	ck_assert(speaker_is_right(&s, r, text_of(a->bytes)));
	memcpy(bytes, a->bytes, len + 1);
	ck_assert(!speaker_is_right(&s, r, (struct text){bytes, len - 1}));
	ck_assert(!speaker_is_right(&s, r, (struct text){bytes, len + 1}));
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1;
		free_bytes +=
			speaker_is_right(&s, r, (struct text){bytes, len});
		bytes[i] ^= 1;
	}
	/* Digits of the difference and the sign's neighbour; of reads' stamps.
	 */
	ck_assert_uint_le(free_bytes, 11U + (a->read ? 19 : 0));
}
END_TEST

START_TEST(server_stays_the_same)
{
	struct speaker s = start("herd", "0", 0);

	ck_assert(speaker_is_right(&s, &update, text_of(AT_KNOWN)));
	ck_assert(!speaker_is_right(&s, &update,
		text_of("AT Hands +0.000000001 " CLIENT
			" +34.068930-118.445127 " STAMP "\n")));
	ck_assert(!speaker_is_right(&s, &update,
		text_of("AT Golomans +0.000000001 " CLIENT
			" +34.068930-118.445127 " STAMP "\n")));
	ck_assert(speaker_is_right(&s, &update, text_of(AT_KNOWN)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dialect");
	TCase *tcase = tcase_create("dialect");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(tcase, requests_are_right, 0, HERD_COUNT(requests));
	tcase_add_test(tcase, numbers_of_all_lengths);
	tcase_add_test(tcase, longest_whatsat);
	tcase_add_test(tcase, unknown_dialect);
	tcase_add_loop_test(tcase, where_answers_end, 0, HERD_COUNT(answers));
	tcase_add_loop_test(tcase, which_are_right, 0, HERD_COUNT(answers));
	tcase_add_loop_test(tcase, every_byte_counts, 0, HERD_COUNT(answers));
	tcase_add_test(tcase, server_stays_the_same);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
