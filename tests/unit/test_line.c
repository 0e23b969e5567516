/* Lines of the protocol: what is one, what is none, and that what is written
 * is read back byte for byte. */
#include "herd/line.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define HEX_64                                                                 \
	"0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789ABCDEF"
#define IAMAT                                                                  \
	"IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997"
#define AT_LINE                                                                \
	"AT Goloman +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 "      \
	"1520023934.918963997"

static void assert_text(struct text t, const char *expected)
{
	ck_assert_msg(text_equal(t, text_of(expected)), "\"%.*s\" not \"%s\"",
		(int)t.len, t.ptr, expected);
}

static struct line parse(const char *string)
{
	struct line line;

	line_parse(text_of(string), &line);
	return line;
}

/* --- verbs ---------------------------------------------------------------- */

static const struct {
	enum line_verb verb;
	const char *line;
} lines[] = {
	{LINE_BLANK, ""},
	{LINE_BLANK, " "},
	{LINE_BLANK, "\r"},
	{LINE_BLANK, " \t\r\n\f\v \v\f\n\r\t "},

	{LINE_IAMAT, IAMAT},
	{LINE_IAMAT, IAMAT "\r"},
	{LINE_IAMAT, IAMAT "\r\n"},
	{LINE_IAMAT, " \t\r\n\f\v" IAMAT " \t\r\n\f\v"},
	{LINE_IAMAT, "IAMAT\t\tkiwi\v\f\r\n+34-118/ \t5."},
	{LINE_IAMAT, "IAMAT IAMAT +0+0 0"},
	{LINE_IAMAT, "IAMAT \x01\x08\x0e\x1f\x7f\x80\x85\xa0\xff +0+0 0"},
	{LINE_IAMAT, "IAMAT k +0+0 9223372036.854775807"},
	{LINE_INVALID, "IAMAT"},
	{LINE_INVALID, "IAMAT k"},
	{LINE_INVALID, "IAMAT k +0+0"},
	{LINE_INVALID, "IAMAT k +0+0 0 0"},
	{LINE_INVALID, "IAMAT k +0+0 0 0 0"},
	{LINE_INVALID, "IAMAT k +0+0 0 0 0 0"},
	{LINE_INVALID, "IAMAT k +0+0 0 0 0 0 0"},
	{LINE_INVALID, "IAMAT k +0+0 +0"},
	{LINE_INVALID, "IAMAT k +0+0 -1"},
	{LINE_INVALID, "IAMAT k +0+0 1e3"},
	{LINE_INVALID, "IAMAT k +0+0 9223372036.854775808"},
	{LINE_INVALID, "IAMAT k +90.1+0 0"},
	{LINE_INVALID, "IAMAT k +0 +0 0"},
	{LINE_INVALID, "IAMAT k 0 +0+0"},
	{LINE_INVALID, "iamat k +0+0 0"},
	{LINE_INVALID, "IamAt k +0+0 0"},
	{LINE_INVALID, "IAMA k +0+0 0"},
	{LINE_INVALID, "IAMATk +0+0 0"},
	{LINE_INVALID, "IAMATX k +0+0 0"},
	{LINE_INVALID, "\xa0IAMAT k +0+0 0"},
	{LINE_INVALID, "? " IAMAT},

	{LINE_WHATSAT, "WHATSAT kiwi.cs.ucla.edu 10 5"},
	{LINE_WHATSAT, "WHATSAT k 0 0"},
	{LINE_WHATSAT, "WHATSAT k 50 20"},
	{LINE_WHATSAT, "WHATSAT k 50.0 020"},
	{LINE_WHATSAT, "WHATSAT k 50. 00000000000000000000000000000000020"},
	{LINE_WHATSAT, "WHATSAT k 00000000000000000000000000050.0000000000 1"},
	{LINE_WHATSAT, "WHATSAT k 49.9999999999999999999999 1"},
	{LINE_INVALID, "WHATSAT"},
	{LINE_INVALID, "WHATSAT k 10"},
	{LINE_INVALID, "WHATSAT k 10 5 5"},
	{LINE_INVALID, "WHATSAT k 50.000000001 5"},
	{LINE_INVALID, "WHATSAT k 50.0000000001 5"},
	{LINE_INVALID, "WHATSAT k 51 5"},
	{LINE_INVALID, "WHATSAT k 18446744074 5"},
	{LINE_INVALID, "WHATSAT k 99999999999999999999999999 5"},
	{LINE_INVALID, "WHATSAT k +5 5"},
	{LINE_INVALID, "WHATSAT k -5 5"},
	{LINE_INVALID, "WHATSAT k -0 5"},
	{LINE_INVALID, "WHATSAT k 1e1 5"},
	{LINE_INVALID, "WHATSAT k .5 5"},
	{LINE_INVALID, "WHATSAT k NaN 5"},
	{LINE_INVALID, "WHATSAT k inf 5"},
	{LINE_INVALID, "WHATSAT k 10 21"},
	{LINE_INVALID, "WHATSAT k 10 30"},
	{LINE_INVALID, "WHATSAT k 10 200"},
	{LINE_INVALID, "WHATSAT k 10 18446744073709551616"},
	{LINE_INVALID, "WHATSAT k 10 18446744073709551621"},
	{LINE_INVALID, "WHATSAT k 10 5.0"},
	{LINE_INVALID, "WHATSAT k 10 5."},
	{LINE_INVALID, "WHATSAT k 10 +5"},
	{LINE_INVALID, "WHATSAT k 10 -1"},
	{LINE_INVALID, "WHATSAT k 10 x"},
	{LINE_INVALID, "whatsat k 10 5"},

	{LINE_AT, AT_LINE},
	{LINE_AT, "AT \x80 5 k +0+0 0"},
	{LINE_AT, "AT S -5.25E+2 k +0+0 0"},
	{LINE_AT, "AT S 1e999999999999 k +0+0 0"},
	{LINE_AT, "\tAT  S  +5  k  +0+0  0\r"},
	{LINE_INVALID, "AT"},
	{LINE_INVALID, "AT S +5 k +0+0"},
	{LINE_INVALID, AT_LINE " Goloman"},
	{LINE_INVALID, AT_LINE " Goloman Hands"},
	{LINE_INVALID, AT_LINE " Goloman Hands Wilkes"},
	{LINE_INVALID, "AT S x k +0+0 0"},
	{LINE_INVALID, "AT S .5 k +0+0 0"},
	{LINE_INVALID, "AT S nan k +0+0 0"},
	{LINE_INVALID, "AT S +5 k +91+0 0"},
	{LINE_INVALID, "AT S +5 k +0+0 -1"},
	{LINE_INVALID, "At S +5 k +0+0 0"},

	{LINE_HELLO, "HERD 1 Hands Wilkes 0"},
	{LINE_HELLO, "HERD 1 Hands Wilkes 0123456789abcdefABCDEF0123456789"},
	{LINE_HELLO, "HERD 99999999999999999999999999 Hands Wilkes f"},
	{LINE_HELLO, "HERD 2 Hands Wilkes f and more"},
	{LINE_HELLO, "HERD 1 Hands Wilkes f " HEX_64},
	{LINE_HELLO, "HERD 2 Hands Wilkes f a b c d e f g h i j k l m n o p"},
	{LINE_INVALID, "HERD"},
	{LINE_INVALID, "HERD 1 Hands Wilkes"},
	{LINE_INVALID, "HERD 1.0 Hands Wilkes 0"},
	{LINE_INVALID, "HERD +1 Hands Wilkes 0"},
	{LINE_INVALID, "HERD x Hands Wilkes 0"},
	{LINE_INVALID, "HERD 1 Hands Wilkes g"},
	{LINE_INVALID, "HERD 1 Hands Wilkes G"},
	{LINE_INVALID, "HERD 1 Hands Wilkes @"},
	{LINE_INVALID, "HERD 1 Hands Wilkes `"},
	{LINE_INVALID, "HERD 1 Hands Wilkes /"},
	{LINE_INVALID, "HERD 1 Hands Wilkes 0123456789abcdefABCDEF0123456789a"},
	{LINE_INVALID, "herd 1 Hands Wilkes 0"},

	{LINE_PROOF, "PROOF " HEX_64},
	{LINE_PROOF, "\tPROOF  " HEX_64 " \r"},
	{LINE_INVALID, "PROOF"},
	{LINE_INVALID, "PROOF " HEX_64 "0"},
	{LINE_INVALID, "PROOF " HEX_64 " 0"},
	{LINE_INVALID, "PROOF 0123456789abcdef"},
	{LINE_INVALID, "PROOF 0123456789abcdef0123456789abcdef0123456789abcdef"
		       "0123456789abcdeg"},
	{LINE_INVALID, "proof " HEX_64},

	{LINE_PING, "PING 0"},
	{LINE_PING, "PING 18446744073709551615"},
	{LINE_PING, "PING 0000000000000000000000000000000000000001\r"},
	{LINE_PONG, "PONG 7"},
	{LINE_INVALID, "PING"},
	{LINE_INVALID, "PONG"},
	{LINE_INVALID, "PING 1 2"},
	{LINE_INVALID, "PONG 1 2"},
	{LINE_INVALID, "PING -1"},
	{LINE_INVALID, "PING 1."},
	{LINE_INVALID, "PING x"},
	{LINE_INVALID, "PING 18446744073709551616"},
	{LINE_INVALID, "PING 99999999999999999999999999"},
	{LINE_INVALID, "ping 1"},

	{LINE_SYNC, "SYNC"},
	{LINE_SYNC, " SYNC\r"},
	{LINE_INVALID, "SYNC 1"},
	{LINE_SUM, "SUM AAAAAAAAAAA="},
	{LINE_INVALID, "SUM"},
	{LINE_INVALID, "SUM AAAAAAAAAAA= x"},
	{LINE_SUMS, "SUMS"},
	{LINE_SUMS, "SUMS AAAAAAAAAAA="},
	{LINE_INVALID, "SUMS AAAAAAAAAAA= x"},
	{LINE_LIST, "LIST 0"},
	{LINE_LIST, "LIST 1023"},
	{LINE_INVALID, "LIST"},
	{LINE_INVALID, "LIST 1024"},
	{LINE_INVALID, "LIST -1"},
	{LINE_INVALID, "LIST 1 2"},
	{LINE_HASHES, "HASHES 1023"},
	{LINE_HASHES, "HASHES 7 AAAAAAAAAAA="},
	{LINE_INVALID, "HASHES"},
	{LINE_INVALID, "HASHES x AAAAAAAAAAA="},
	{LINE_INVALID, "HASHES 1024 AAAAAAAAAAA="},
	{LINE_INVALID, "HASHES 7 AAAAAAAAAAA= x"},
	{LINE_WAIT, "WAIT"},
	{LINE_INVALID, "WAIT 1"},
	{LINE_DONE, "DONE"},
	{LINE_INVALID, "DONE 1"},

	{LINE_INVALID, "x"},
	{LINE_INVALID, "?"},
	{LINE_INVALID, "\x80"},
	{LINE_INVALID, "GET / HTTP/1.1\r"},
};

START_TEST(knows_its_verbs)
{
	for (size_t i = 0; i < HERD_COUNT(lines); i++) {
		struct line line = parse(lines[i].line);

		ck_assert_msg(line.verb == lines[i].verb, "%s: %d",
			lines[i].line, (int)line.verb);
	}
}
END_TEST

/* The body of every line, whatever its verdict, is the line without the white
 * space around it; inside nothing changes. */
START_TEST(body_is_trimmed)
{
	for (size_t i = 0; i < HERD_COUNT(lines); i++) {
		static const char space[] = " \t\r\n\f\v";
		const char *string = lines[i].line;
		const char *start = string + strspn(string, space);
		size_t len = strlen(start);
		struct text body = parse(string).body;

		while (len && strchr(space, start[len - 1]))
			len--;
		ck_assert_uint_eq(body.len, len);
		if (len)
			ck_assert_ptr_eq(body.ptr, start);
	}
	assert_text(parse(" \tx \t y\r").body, "x \t y");
}
END_TEST

START_TEST(fills_in_operands)
{
	struct line line = parse("\t" IAMAT "\r");

	assert_text(line.iamat.id, "kiwi.cs.ucla.edu");
	assert_text(line.iamat.location, "+34.068930-118.445127");
	assert_text(line.iamat.stamp, "1520023934.918963997");
	ck_assert_int_eq(line.iamat.stamp_ns, 1520023934918963997);

	line = parse("AT  Goloman\t-1.5e0 kiwi +5.-5 9.25");
	assert_text(line.at.server, "Goloman");
	assert_text(line.at.difference, "-1.5e0");
	assert_text(line.at.id, "kiwi");
	assert_text(line.at.location, "+5.-5");
	assert_text(line.at.stamp, "9.25");
	ck_assert_int_eq(line.at.stamp_ns, 9250000000);
	ck_assert(!line.at.normal);

	line = parse("HERD 1 Hands Wilkes c0ffee later");
	assert_text(line.hello.version, "1");
	assert_text(line.hello.from, "Hands");
	assert_text(line.hello.to, "Wilkes");
	assert_text(line.hello.boot, "c0ffee");
	ck_assert_uint_eq(line.hello.nonce.len, 0);
	line = parse("HERD 1 Hands Wilkes c0ffee\t" HEX_64 " later");
	assert_text(line.hello.boot, "c0ffee");
	assert_text(line.hello.nonce, HEX_64);
	line = parse("HERD 1 Hands Wilkes c0ffee");
	ck_assert_uint_eq(line.hello.nonce.len, 0);
	line = parse("PROOF " HEX_64);
	assert_text(line.proof.digits, HEX_64);

	ck_assert_uint_eq(parse("PING 0042").ping.number, 42);
	ck_assert_uint_eq(
		parse("PONG 18446744073709551615").ping.number, UINT64_MAX);
}
END_TEST

static const struct {
	const char *line;
	int64_t radius_um;
	unsigned bound;
	bool nothing;
} questions[] = {
	{"WHATSAT k 10 5", 10000000000, 5, false},
	{"WHATSAT k 50 20", 50000000000, 20, false},
	{"WHATSAT k 0.000000001 1", 1, 1, false},
	{"WHATSAT k 0.0000000001 1", 0, 1, false},
	{"WHATSAT k 0 1", 0, 1, true},
	{"WHATSAT k 00.00000000000000 1", 0, 1, true},
	{"WHATSAT k 0. 0", 0, 0, true},
	{"WHATSAT k 10 0", 10000000000, 0, true},
	{"WHATSAT k 10 00019", 10000000000, 19, false},
};

START_TEST(writes_hex)
{
	char digits[10] = "##########";

	line_put_hex(
		(const unsigned char[]){0x00, 0x9a, 0xf0, 0xff}, 4, digits);
	ck_assert(!memcmp(digits, "009af0ff##", sizeof digits));
}
END_TEST

START_TEST(understands_questions)
{
	for (size_t i = 0; i < HERD_COUNT(questions); i++) {
		struct line line = parse(questions[i].line);

		ck_assert_int_eq(line.verb, LINE_WHATSAT);
		assert_text(line.whatsat.id, "k");
		ck_assert_int_eq(
			line.whatsat.radius_um, questions[i].radius_um);
		ck_assert_uint_eq(line.whatsat.bound, questions[i].bound);
		ck_assert_msg(line.whatsat.nothing == questions[i].nothing,
			"%s", questions[i].line);
	}
	assert_text(parse("WHATSAT k 07.50 5").whatsat.radius_km, "07.50");
}
END_TEST

/* --- bytes ---------------------------------------------------------------- */

/* Every byte in the middle of an id, at every place within a word: six of them
 * are white space and make the id two fields. */
START_TEST(only_six_bytes_are_space)
{
	for (int byte = 0; byte < 256; byte++) {
		bool space = byte && strchr(" \t\r\n\f\v", byte);

		ck_assert_int_eq(line_is_space((char)byte), space);
		for (size_t before = 0; before < 20; before++) {
			char bytes[64] = "IAMAT ";
			size_t len = strlen(bytes);
			struct line line;

			memset(bytes + len, 'a', before);
			len += before;
			bytes[len++] = (char)byte;
			memcpy(bytes + len, "\xff +0+0 0", 8);
			len += 8;
			line_parse((struct text){bytes, len}, &line);
			if (space && before) {
				ck_assert_int_eq(line.verb, LINE_INVALID);
				continue;
			}
			ck_assert_int_eq(line.verb, LINE_IAMAT);
			ck_assert_ptr_eq(line.iamat.id.ptr,
				bytes + strlen("IAMAT ") + space);
			ck_assert_uint_eq(
				line.iamat.id.len, before + 2 - space);
		}
	}
}
END_TEST

/* Runs of control bytes that are no white space, next to some that are. */
START_TEST(splits_between_control_bytes)
{
	static const char bytes[] =
		"IAMAT\0 \0\x01\x02\x03\x04\x05\x06\x07\x08\t+0+0\v0";
	static const char id[] =
		"IAMAT \0\x01\x02\x03\x04\x05\x06\x07\x08\t+0+0\v0";
	struct line line;

	line_parse((struct text){bytes, sizeof bytes - 1}, &line);
	ck_assert_int_eq(line.verb, LINE_INVALID);
	line_parse((struct text){id, sizeof id - 1}, &line);
	ck_assert_int_eq(line.verb, LINE_IAMAT);
	ck_assert_uint_eq(line.iamat.id.len, 9);
	ck_assert_ptr_eq(line.iamat.id.ptr, id + 6);
}
END_TEST

/* The line ends where it is said to; what follows in memory does not count.
 * Each is a block of its own, for the sanitizer to see it overread. */
START_TEST(stays_inside_the_line)
{
	static const char line_bytes[] = IAMAT;

	for (size_t len = 0; len < sizeof line_bytes; len++) {
		char *block = malloc(len ? len : 1);
		struct line line;

		ck_assert_ptr_nonnull(block);
		memcpy(block, line_bytes, len);
		line_parse((struct text){block, len}, &line);
		/* From the first digit of the stamp on it is an IAMAT. */
		ck_assert_int_eq(line.verb == LINE_IAMAT,
			len > sizeof line_bytes - 1 - 20);
		free(block);
	}
}
END_TEST

START_TEST(takes_very_long_lines)
{
	static char bytes[LINE_LINK_MAX];
	static const char tail[] = " +34-118 5";
	size_t tail_len = sizeof tail - 1;
	struct line line;

	memset(bytes, 'a', sizeof bytes);
	memcpy(bytes, "IAMAT ", 6);
	memcpy(bytes + sizeof bytes - tail_len, tail, tail_len);
	line_parse((struct text){bytes, sizeof bytes}, &line);
	ck_assert_int_eq(line.verb, LINE_IAMAT);
	ck_assert_uint_eq(line.iamat.id.len, sizeof bytes - 6 - tail_len);
	memset(bytes, ' ', sizeof bytes);
	line_parse((struct text){bytes, sizeof bytes}, &line);
	ck_assert_int_eq(line.verb, LINE_BLANK);
}
END_TEST

/* --- what is written ------------------------------------------------------ */

static void assert_answer(
	const char *iamat, const char *server, int64_t now_ns, const char *at)
{
	struct line line = parse(iamat);
	struct line again;
	struct sighting s;
	size_t room = line_at_room(&line, text_of(server));
	char *dst = malloc(room);

	ck_assert_ptr_nonnull(dst);
	ck_assert_int_eq(line.verb, LINE_IAMAT);
	line_format_at(&line, text_of(server), now_ns, dst, &s);
	assert_text(s.line, at);
	ck_assert_ptr_eq(s.line.ptr, dst);
	ck_assert_uint_le(s.line.len, room);
	ck_assert(text_equal(s.id, line.iamat.id));
	ck_assert_ptr_eq(s.id.ptr, strstr(at, " k") + 1 - at + dst);
	ck_assert_int_eq(s.stamp_ns, line.iamat.stamp_ns);

	line_parse(s.line, &again);
	ck_assert_int_eq(again.verb, LINE_AT);
	ck_assert(again.at.normal);
	assert_text(again.at.server, server);
	ck_assert(text_equal(again.at.id, line.iamat.id));
	ck_assert(text_equal(again.at.location, line.iamat.location));
	ck_assert(text_equal(again.at.stamp, line.iamat.stamp));
	ck_assert_int_eq(again.at.stamp_ns, line.iamat.stamp_ns);
	free(dst);
}

START_TEST(answers_byte_for_byte)
{
	assert_answer(IAMAT, "Goloman", 1520023935182837383, AT_LINE);
	assert_answer("\tIAMAT \t kiwi\v+05.-005/\r\f 0005.\r", "S", 5000000000,
		"AT S +0.000000000 kiwi +05.-005/ 0005.");
	assert_answer("IAMAT k\x80\xff +0+0 5", "S", 4999999999,
		"AT S -0.000000001 k\x80\xff +0+0 5");
	assert_answer("IAMAT k +0+0 9223372036.854775807", "S", 0,
		"AT S -9223372036.854775807 k +0+0 9223372036.854775807");
	assert_answer("IAMAT k +0+0 0", "S", INT64_MAX,
		"AT S +9223372036.854775807 k +0+0 0");
	assert_answer("IAMAT k +0+0 9223372036.854775807", "S", INT64_MIN,
		"AT S -9223372036.854775808 k +0+0 9223372036.854775807");
}
END_TEST

static const struct {
	const char *line;
	const char *normal; /* NULL: it is already */
} at_lines[] = {
	{AT_LINE, NULL},
	{" \t" AT_LINE "\r\n", NULL},
	{"AT S 5e0 k +0+0 0", NULL},
	{"AT  S 5 k +0+0 0", "AT S 5 k +0+0 0"},
	{"AT\tS 5 k +0+0 0", "AT S 5 k +0+0 0"},
	{"AT S\t5 k +0+0 0", "AT S 5 k +0+0 0"},
	{"AT S 5\v k +0+0 0", "AT S 5 k +0+0 0"},
	{"AT S 5 \fk +0+0 0", "AT S 5 k +0+0 0"},
	{"AT S 5 k\r+0+0 0", "AT S 5 k +0+0 0"},
	{"AT S 5 k +0+0\n0", "AT S 5 k +0+0 0"},
	{"AT S 5 k +0+0  0", "AT S 5 k +0+0 0"},
	{"\vAT \t S \t 5e0 \t k \t +0+0 \t 0\r", "AT S 5e0 k +0+0 0"},
};

START_TEST(normalises)
{
	for (size_t i = 0; i < HERD_COUNT(at_lines); i++) {
		struct line line = parse(at_lines[i].line);
		char *dst = malloc(line.body.len);
		struct sighting s;
		struct sighting again;

		ck_assert_ptr_nonnull(dst);
		ck_assert_int_eq(line.verb, LINE_AT);
		ck_assert_msg(line.at.normal == !at_lines[i].normal, "%s",
			at_lines[i].line);
		line_normalise_at(&line, dst, &s);
		if (at_lines[i].normal)
			assert_text(s.line, at_lines[i].normal);
		else
			ck_assert(text_equal(s.line, line.body));
		ck_assert_ptr_eq(
			s.line.ptr, line.at.normal ? line.body.ptr : dst);
		ck_assert(text_equal(s.id, line.at.id));
		ck_assert(s.id.ptr > s.line.ptr &&
			  s.id.ptr + s.id.len < s.line.ptr + s.line.len);
		ck_assert_int_eq(s.stamp_ns, line.at.stamp_ns);

		line_parse(s.line, &line);
		ck_assert(line.at.normal);
		line_normalise_at(&line, NULL, &again);
		ck_assert_ptr_eq(again.line.ptr, s.line.ptr);
		ck_assert(text_equal(again.id, s.id));
		free(dst);
	}
}
END_TEST

/* --- what plain neighbours say -------------------------------------------- */

#define NORMAL "AT Hands 1 kiwi +34-118 5"

/* A line, and its normal form; NULL: it is no AT line. */
static const struct {
	const char *line, *normal;
} plain_lines[] = {
	{NORMAL, NORMAL},
	{" " NORMAL "\r\n", NORMAL},
	{"AT\tHands  1 kiwi +34-118\v5", NORMAL},
	{NORMAL " Goloman", NORMAL},
	{NORMAL "  Goloman\tWelsh 7 7 7 7 7", NORMAL},
	{"AT Hands 2.6387338638305664e-07 k +34-118 5 Wilkes",
		"AT Hands 2.6387338638305664e-07 k +34-118 5"},
	{"AT Hands -1E+2 k +34-118/ 5.25", "AT Hands -1E+2 k +34-118/ 5.25"},
	{"AT Hands +.5 k +34-118 5", NULL},
	{"AT Hands nan k +34-118 5", NULL},
	{"AT Hands 1 k +34-118 5e0", NULL},
	{"AT Hands 1 k +34-118 -5", NULL},
	{"AT Hands 1 k +94-118 5", NULL},
	{"AT Hands 1 k +34-118", NULL},
	{"AT Hands k +34-118 5 Goloman", NULL},
	{"at Hands 1 k +34-118 5", NULL},
	{"ATT Hands 1 k +34-118 5", NULL},
	{"IAMAT Hands 1 k +34-118 5", NULL},
	{"AT", NULL},
	{" ", NULL},
	{"", NULL},
};

START_TEST(understands_plain_neighbours)
{
	struct text bytes = text_of(plain_lines[_i].line);
	struct sighting s;
	struct line line;
	char normal[64];

	if (!plain_lines[_i].normal) {
		ck_assert(!line_parse_plain_at(bytes, &line));
		return;
	}
	ck_assert(line_parse_plain_at(bytes, &line));
	ck_assert_int_eq(line.verb, LINE_AT);
	line_normalise_at(&line, normal, &s);
	assert_text(s.line, plain_lines[_i].normal);
	ck_assert(s.line.ptr == normal ||
		  text_equal(line.body, text_of(plain_lines[_i].normal)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("line");
	TCase *tcase = tcase_create("line");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(tcase, knows_its_verbs);
	tcase_add_test(tcase, body_is_trimmed);
	tcase_add_test(tcase, fills_in_operands);
	tcase_add_test(tcase, writes_hex);
	tcase_add_test(tcase, understands_questions);
	tcase_add_test(tcase, only_six_bytes_are_space);
	tcase_add_test(tcase, splits_between_control_bytes);
	tcase_add_test(tcase, stays_inside_the_line);
	tcase_add_test(tcase, takes_very_long_lines);
	tcase_add_test(tcase, answers_byte_for_byte);
	tcase_add_test(tcase, normalises);
	tcase_add_loop_test(tcase, understands_plain_neighbours, 0,
		(int)HERD_COUNT(plain_lines));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
