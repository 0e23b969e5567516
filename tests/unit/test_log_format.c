/* What a line of the log looks like, and which events have one. */
#include "herd/log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe.h"
#include "sys_fault.h"

#define LINE_MAX 4096

/* One event, all the way to the file. */
static char *line_of(
	enum log_event event, const struct log_facts *facts, size_t *ret_len)
{
	struct log *log = probe_open(probe_everything);

	log_write(probe_ring(log), event, facts);
	log_free(log);
	char *text = probe_read(probe_path, ret_len);
	unlink(probe_path);
	return text;
}

/* --- what a line looks like ----------------------------------------------- */

static const struct {
	enum log_event event;
	struct log_facts facts;
	const char *host; /* NULL: no address */
	const char *line;
} lines[] = {
	{LOG_SERVING, {.time_ns = PROBE_T0}, "127.0.0.1",
		PROBE_T0_TEXT "info serving on 127.0.0.1:4711\n"},
	{LOG_SERVING, {.time_ns = PROBE_T0}, "::1",
		PROBE_T0_TEXT "info serving on [::1]:4711\n"},
	{LOG_RECEIVED, {.time_ns = PROBE_T0, .bytes = {"IAMAT kiwi", 10}},
		"127.0.0.1",
		PROBE_T0_TEXT
		"info received from 127.0.0.1:4711: IAMAT kiwi\n"},
	{LOG_RECEIVED, {.time_ns = PROBE_T0}, "127.0.0.1",
		PROBE_T0_TEXT "info received from 127.0.0.1:4711: \n"},
	{LOG_CLIENT_CLOSED,
		{.time_ns = PROBE_T0,
			.why = "end of file",
			.number = {0, 12345, UINT64_MAX}},
		"127.0.0.1",
		PROBE_T0_TEXT
		"info client closed 127.0.0.1:4711: 0 commands, 12345 bytes "
		"in, 18446744073709551615 bytes out, end of file\n"},
	{LOG_PEER_SKIPPED,
		{.time_ns = PROBE_T0,
			.name = "Hands",
			.why = "not a line",
			.bytes = {"a\nb", 3}},
		NULL,
		PROBE_T0_TEXT
		"warning skipped from Hands: a\\nb (not a line)\n"},
	{LOG_ACCEPT_FAILED,
		{.time_ns = PROBE_T0, .why = "two\nlines", .number = {7}}, NULL,
		PROBE_T0_TEXT
		"error cannot accept: two\\nlines, 7 since last said\n"},
	{LOG_PEER_CONNECTED, {.time_ns = PROBE_T0}, NULL,
		PROBE_T0_TEXT "info connected to - -\n"},
	{LOG_REOPENED, {.time_ns = PROBE_T0}, NULL,
		PROBE_T0_TEXT "info log reopened\n"},
};

START_TEST(tells_the_facts)
{
	struct log_facts facts = lines[_i].facts;
	struct address address;

	if (lines[_i].host) {
		ck_assert_int_eq(
			address_parse(lines[_i].host, 4711, &address), 0);
		facts.address = &address;
	}
	char *line = line_of(lines[_i].event, &facts, NULL);
	ck_assert_str_eq(line, lines[_i].line);
	free(line);
}
END_TEST

START_TEST(tells_the_time)
{
	static const struct {
		int64_t time_ns;
		const char *text;
	} times[] = {
		{1, "1970-01-01T00:00:00.000000Z"},
		{999, "1970-01-01T00:00:00.000000Z"},
		{1000, "1970-01-01T00:00:00.000001Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{-HERD_SECOND_NS, "1969-12-31T23:59:59.000000Z"},
		{PROBE_T0, "2026-11-21T01:42:08.123456Z"},
		{PROBE_T0 + 876543210, "2026-11-21T01:42:08.999999Z"},
		{PROBE_T0 + 876543211, "2026-11-21T01:42:09.000000Z"},
		{951782400 * HERD_SECOND_NS, "2000-02-29T00:00:00.000000Z"},
		{INT64_MAX, "2262-04-11T23:47:16.854775Z"},
	};
	struct log *log = probe_open(probe_everything);
	struct log_ring *ring = probe_ring(log);
	char expected[HERD_COUNT(times) * 64] = "";

	for (size_t i = 0; i < HERD_COUNT(times); i++) {
		log_write(ring, LOG_REOPENED,
			&(struct log_facts){.time_ns = times[i].time_ns});
		strcat(expected, times[i].text);
		strcat(expected, " info log reopened\n");
	}
	sys_fault_clock_set(PROBE_T0, 0);
	log_write(ring, LOG_REOPENED, &(struct log_facts){0});
	strcat(expected, PROBE_T0_TEXT "info log reopened\n");
	log_free(log);
	probe_expect(probe_path, expected);
}
END_TEST

static size_t escape_simply(unsigned char c, char *dst)
{
	if (c == '\n' || c == '\r' || c == '\t' || c == '\\')
		return (size_t)sprintf(dst, "\\%c",
			c == '\n'   ? 'n'
			: c == '\r' ? 'r'
			: c == '\t' ? 't'
				    : '\\');
	if (c >= 32 && c < 127)
		return (size_t)sprintf(dst, "%c", c);
	return (size_t)sprintf(dst, "\\x%02x", c);
}

/* Every byte, at every place of a word, among plain ones. */
START_TEST(escapes_all_but_printable_ascii)
{
	struct log_facts facts = {.time_ns = PROBE_T0, .name = "Hands"};
	static const char head[] = PROBE_T0_TEXT "info received from Hands: ";
	struct log_options options = probe_everything;
	options.ring_size = (size_t)1024 * 1024;
	struct log *log = probe_open(options);
	struct log_ring *ring = probe_ring(log);
	char *expected = malloc((size_t)1024 * 1024);
	size_t len = 0;

	for (int place = 0; place < 9; place++) {
		for (int c = 0; c < 256; c++) {
			char bytes[11] = "ab~ 01.~ z!";
			bytes[place] = (char)c;
			facts.bytes = (struct text){bytes, sizeof bytes};
			log_write(ring, LOG_PEER_RECEIVED, &facts);

			memcpy(expected + len, head, sizeof head - 1);
			len += sizeof head - 1;
			for (size_t i = 0; i < sizeof bytes; i++)
				len += escape_simply((unsigned char)bytes[i],
					expected + len);
			expected[len++] = '\n';
		}
	}
	expected[len] = '\0';
	log_free(log);
	probe_expect(probe_path, expected);
	free(expected);
}
END_TEST

static const struct {
	enum log_event event;
	char fill;
	size_t len;
	size_t shown; /* at least so many of them; all of them: not cut */
	const char *end;
} cuts[] = {
	{LOG_PEER_RECEIVED, 'x', 3990, 3990, "x\n"},
	{LOG_PEER_RECEIVED, 'x', 4090, 3990, "x [4090 bytes]\n"},
	{LOG_PEER_RECEIVED, 'x', 4097, 3990, "x [4097 bytes]\n"},
	{LOG_PEER_RECEIVED, 'x', 65536, 3990, "x [65536 bytes]\n"},
	{LOG_PEER_RECEIVED, '\n', 1990, 1990, "\\n\n"},
	{LOG_PEER_RECEIVED, '\n', 4000, 1990, "\\n [4000 bytes]\n"},
	{LOG_PEER_RECEIVED, '\0', 990, 990, "\\x00\n"},
	{LOG_PEER_RECEIVED, '\0', 4096, 990, "\\x00 [4096 bytes]\n"},
	{LOG_PEER_SKIPPED, 'x', 3700, 3700, "x (why)\n"},
	{LOG_PEER_SKIPPED, 'x', 131072, 3700, "x (why) [131072 bytes]\n"},
};

START_TEST(cuts_long_lines)
{
	char *bytes = malloc(cuts[_i].len);
	memset(bytes, cuts[_i].fill, cuts[_i].len);
	const struct log_facts facts = {
		.time_ns = PROBE_T0,
		.name = "Hands",
		.why = "why",
		.bytes = {bytes, cuts[_i].len},
	};
	size_t len;
	char *line = line_of(cuts[_i].event, &facts, &len);
	char shown[8];
	size_t escaped = escape_simply((unsigned char)cuts[_i].fill, shown);
	size_t end = strlen(cuts[_i].end);

	ck_assert_uint_le(len, LINE_MAX);
	ck_assert_uint_ge(len, cuts[_i].shown * escaped);
	ck_assert_str_eq(line + len - end, cuts[_i].end);
	ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
	free(line);
	free(bytes);
}
END_TEST

START_TEST(cuts_even_long_names)
{
	char name[5000];
	size_t len;

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	char *line = line_of(LOG_PEER_SKIPPED,
		&(struct log_facts){
			.name = name, .why = name, .bytes = {"abc", 3}},
		&len);
	ck_assert_uint_le(len, LINE_MAX);
	ck_assert_str_eq(line + len - 11, " [3 bytes]\n");
	free(line);
}
END_TEST

/* --- which events are written --------------------------------------------- */

START_TEST(leaves_out_what_is_not_wanted)
{
	static const struct {
		enum log_level level;
		bool messages;
		enum log_event event;
		bool wanted;
	} wants[] = {
		{LOG_DEBUG, true, LOG_RECEIVED, true},
		{LOG_INFO, true, LOG_RECEIVED, true},
		{LOG_INFO, false, LOG_RECEIVED, false},
		{LOG_INFO, false, LOG_SERVING, true},
		{LOG_WARNING, true, LOG_RECEIVED, false},
		{LOG_WARNING, true, LOG_PEER_SKIPPED, true},
		{LOG_WARNING, false, LOG_LINES_DROPPED, true},
		{LOG_ERROR, true, LOG_PEER_SKIPPED, false},
		{LOG_ERROR, true, LOG_ACCEPT_FAILED, true},
	};

	for (size_t i = 0; i < HERD_COUNT(wants); i++) {
		struct log *log =
			probe_open((struct log_options){.level = wants[i].level,
				.messages = wants[i].messages});
		struct log_ring *ring = probe_ring(log);
		ck_assert(log_wants(ring, wants[i].event) == wants[i].wanted);
		log_write(ring, wants[i].event, &(struct log_facts){0});
		ck_assert(log_drain(log) == wants[i].wanted);
		log_free(log);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_format");
	TCase *tcase = tcase_create("log_format");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, probe_set_up, probe_tear_down);
	tcase_add_loop_test(tcase, tells_the_facts, 0, HERD_COUNT(lines));
	tcase_add_test(tcase, tells_the_time);
	tcase_add_test(tcase, escapes_all_but_printable_ascii);
	tcase_add_loop_test(tcase, cuts_long_lines, 0, HERD_COUNT(cuts));
	tcase_add_test(tcase, cuts_even_long_names);
	tcase_add_test(tcase, leaves_out_what_is_not_wanted);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
