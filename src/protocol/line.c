/* line - the grammar of the protocol's lines.
 *
 *   bytes --trim--> body --split--> fields --verbs[]--> the verb's own parser
 *
 * Nothing is copied or allocated on the way in: every text is a piece of the
 * line. The verbs are one table; each has a parser for its operands, which
 * says whether they are well-formed. On the way out the operands are copied
 * byte for byte, for the herd's servers must answer alike. */
#include "herd/line.h"

#include "herd/digits.h"
#include "herd/location.h"
#include "herd/stamp.h"
#include "herd/word.h"

/* One more than any line needs, so that one too many is noticed. */
#define FIELDS_MAX 7

#define AT_FIELDS 6

/* Digits only, `max` at most, which is 9 or more. */
static bool parse_number(struct text field, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (size_t i = 0; i < field.len; i++) {
		unsigned digit = digits_of(field.ptr[i]);

		if (digit > 9 || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

static bool is_digits(struct text field)
{
	const char *end = field.ptr + field.len;

	return digits_skip(field.ptr, end) == end;
}

static bool is_hex(struct text field)
{
	for (size_t i = 0; i < field.len; i++) {
		char c = field.ptr[i];

		if (digits_of(c) > 9 && !(c >= 'a' && c <= 'f') &&
			!(c >= 'A' && c <= 'F'))
			return false;
	}
	return true;
}

static bool parse_iamat(const struct text *fields, struct line *line)
{
	struct location location;
	bool rest;

	line->iamat.id = fields[1];
	line->iamat.location = fields[2];
	line->iamat.stamp = fields[3];
	return location_parse(fields[2], &location) &&
	       stamp_parse(fields[3], &line->iamat.stamp_ns, &rest);
}

static bool parse_whatsat(const struct text *fields, struct line *line)
{
	const int64_t radius_max_um = LINE_RADIUS_MAX * HERD_SECOND_NS;
	int64_t radius_um;
	uint64_t bound;
	bool rest;

	/* 10^9 nanoseconds to the second, 10^9 micrometres to the km. */
	if (!stamp_parse(fields[2], &radius_um, &rest) ||
		radius_um > radius_max_um ||
		(radius_um == radius_max_um && rest))
		return false;
	if (!parse_number(fields[3], LINE_BOUND_MAX, &bound))
		return false;
	line->whatsat.id = fields[1];
	line->whatsat.radius_km = fields[2];
	line->whatsat.radius_um = radius_um;
	line->whatsat.bound = (unsigned)bound;
	line->whatsat.nothing = bound == 0 || (radius_um == 0 && !rest);
	return true;
}

/* Six fields with a single space before each but the first? */
static bool is_normal(const struct text *fields, struct text body)
{
	size_t len = AT_FIELDS - 1;

	for (size_t i = 0; i < AT_FIELDS; i++) {
		if (i && fields[i].ptr[-1] != ' ')
			return false;
		len += fields[i].len;
	}
	return len == body.len;
}

static bool parse_at(const struct text *fields, struct line *line)
{
	struct location location;
	int64_t difference_ns;
	bool rest;

	line->at.server = fields[1];
	line->at.difference = fields[2];
	line->at.id = fields[3];
	line->at.location = fields[4];
	line->at.stamp = fields[5];
	line->at.normal = is_normal(fields, line->body);
	return stamp_parse_any(fields[2], &difference_ns) &&
	       location_parse(fields[4], &location) &&
	       stamp_parse(fields[5], &line->at.stamp_ns, &rest);
}

static bool is_last(struct text field, const struct line *line)
{
	return field.ptr + field.len == line->body.ptr + line->body.len;
}

/* Whatever else stands behind the boot id is of a later version. */
static bool parse_hello(const struct text *fields, struct line *line)
{
	line->hello.version = fields[1];
	line->hello.from = fields[2];
	line->hello.to = fields[3];
	line->hello.boot = fields[4];
	line->hello.nonce = (struct text){0};
	if (!is_last(fields[4], line) && fields[5].len == LINE_NONCE_LEN &&
		is_hex(fields[5]))
		line->hello.nonce = fields[5];
	return is_digits(fields[1]) && fields[4].len <= LINE_BOOT_MAX &&
	       is_hex(fields[4]);
}

static bool parse_proof(const struct text *fields, struct line *line)
{
	line->proof.digits = fields[1];
	return fields[1].len == LINE_PROOF_LEN && is_hex(fields[1]);
}

static bool parse_ping(const struct text *fields, struct line *line)
{
	return parse_number(fields[1], UINT64_MAX, &line->ping.number);
}

static bool parse_word(const struct text *fields, struct line *line)
{
	(void)fields;
	(void)line;
	return true;
}

static bool parse_list(const struct text *fields, struct line *line)
{
	uint64_t bucket;

	line->hashes.text = (struct text){0};
	if (!parse_number(fields[1], LINE_BUCKETS - 1, &bucket))
		return false;
	line->hashes.bucket = (unsigned)bucket;
	return true;
}

/* What the hashes are is sync's business. */
static bool parse_hashes(const struct text *fields, struct line *line)
{
	if (!parse_list(fields, line))
		return false;
	if (!is_last(fields[1], line))
		line->hashes.text = fields[2];
	return true;
}

static bool parse_sums(const struct text *fields, struct line *line)
{
	line->hashes.text = (struct text){0};
	if (!is_last(fields[0], line))
		line->hashes.text = fields[1];
	return true;
}

/* The most frequent first. */
static const struct verb {
	struct text name;
	enum line_verb verb;
	size_t fields_min;
	size_t fields_max;
	bool (*parse)(const struct text *fields, struct line *line);
} verbs[] = {
	{{"IAMAT", 5}, LINE_IAMAT, 4, 4, parse_iamat},
	{{"AT", 2}, LINE_AT, AT_FIELDS, AT_FIELDS, parse_at},
	{{"WHATSAT", 7}, LINE_WHATSAT, 4, 4, parse_whatsat},
	{{"PING", 4}, LINE_PING, 2, 2, parse_ping},
	{{"PONG", 4}, LINE_PONG, 2, 2, parse_ping},
	/* Later versions may say more in their hello. */
	{{"HERD", 4}, LINE_HELLO, 5, FIELDS_MAX, parse_hello},
	{{"PROOF", 5}, LINE_PROOF, 2, 2, parse_proof},
	{{"SYNC", 4}, LINE_SYNC, 1, 1, parse_word},
	{{"SUM", 3}, LINE_SUM, 2, 2, parse_sums},
	{{"SUMS", 4}, LINE_SUMS, 1, 2, parse_sums},
	{{"LIST", 4}, LINE_LIST, 2, 2, parse_list},
	{{"HASHES", 6}, LINE_HASHES, 2, 3, parse_hashes},
	{{"WAIT", 4}, LINE_WAIT, 1, 1, parse_word},
	{{"DONE", 4}, LINE_DONE, 1, 1, parse_word},
};

static struct text trim(struct text bytes)
{
	while (bytes.len && line_is_space(bytes.ptr[0])) {
		bytes.ptr++;
		bytes.len--;
	}
	while (bytes.len && line_is_space(bytes.ptr[bytes.len - 1]))
		bytes.len--;
	return bytes;
}

/* At most FIELDS_MAX of them; `body` is trimmed and not empty. Only what is
 * below '!' can be white space; other control characters are rare. */
static size_t split(struct text body, struct text *ret_fields)
{
	const char *end = body.ptr + body.len;
	size_t start = 0;
	size_t count = 0;

	for (size_t at = 0; at < body.len; at += WORD_BYTES) {
		uint64_t low = word_below(word_load(body.ptr + at, end), '!');

		for (; low; low &= low - 1) {
			size_t space = at + word_first(low);

			if (space >= body.len)
				break;
			if (!line_is_space(body.ptr[space]))
				continue;
			if (space > start)
				ret_fields[count++] = (struct text){
					body.ptr + start, space - start};
			if (count == FIELDS_MAX)
				return count;
			start = space + 1;
		}
	}
	ret_fields[count++] = (struct text){body.ptr + start, body.len - start};
	return count;
}

static enum line_verb parse_fields(
	const struct text *fields, size_t count, struct line *line)
{
	for (size_t i = 0; i < HERD_COUNT(verbs); i++) {
		const struct verb *v = &verbs[i];

		if (!text_equal(fields[0], v->name))
			continue;
		if (count < v->fields_min || count > v->fields_max ||
			!v->parse(fields, line))
			return LINE_INVALID;
		return v->verb;
	}
	return LINE_INVALID;
}

void line_parse(struct text bytes, struct line *ret_line)
{
	struct text fields[FIELDS_MAX];

	ret_line->body = trim(bytes);
	if (ret_line->body.len == 0)
		ret_line->verb = LINE_BLANK;
	else
		ret_line->verb = parse_fields(
			fields, split(ret_line->body, fields), ret_line);
}

bool line_parse_plain_at(struct text bytes, struct line *ret_line)
{
	struct line line = {.verb = LINE_AT, .body = trim(bytes)};
	struct text fields[FIELDS_MAX];

	if (!line.body.len || split(line.body, fields) < AT_FIELDS ||
		!text_equal(fields[0], (struct text){"AT", 2}) ||
		!parse_at(fields, &line))
		return false;
	*ret_line = line;
	return true;
}

static char *put(char *dst, struct text t)
{
	memcpy(dst, t.ptr, t.len);
	return dst + t.len;
}

static char *put_field(char *dst, struct text field)
{
	*dst++ = ' ';
	return put(dst, field);
}

size_t line_at_room(const struct line *iamat, struct text server)
{
	return strlen("AT     ") + server.len + STAMP_DIFFERENCE_MAX +
	       iamat->iamat.id.len + iamat->iamat.location.len +
	       iamat->iamat.stamp.len;
}

void line_format_at(const struct line *iamat, struct text server,
	int64_t now_ns, char *dst, struct sighting *ret_sighting)
{
	const char *start = dst;
	const char *id;
	int64_t difference_ns;

	/* Only a clock set to before 1970 is that far behind a client. */
	if (__builtin_sub_overflow(
		    now_ns, iamat->iamat.stamp_ns, &difference_ns))
		difference_ns = INT64_MIN;

	dst = put_field(put(dst, (struct text){"AT", 2}), server);
	*dst++ = ' ';
	dst = stamp_format_difference(difference_ns, dst);
	id = dst + 1;
	dst = put_field(dst, iamat->iamat.id);
	dst = put_field(dst, iamat->iamat.location);
	dst = put_field(dst, iamat->iamat.stamp);
	ret_sighting->line = (struct text){start, (size_t)(dst - start)};
	ret_sighting->id = (struct text){id, iamat->iamat.id.len};
	ret_sighting->stamp_ns = iamat->iamat.stamp_ns;
}

void line_normalise_at(
	const struct line *at, char *dst, struct sighting *ret_sighting)
{
	const char *start = dst;
	const char *id;

	ret_sighting->stamp_ns = at->at.stamp_ns;
	if (at->at.normal) {
		ret_sighting->line = at->body;
		ret_sighting->id = at->at.id;
		return;
	}
	dst = put_field(put(dst, (struct text){"AT", 2}), at->at.server);
	dst = put_field(dst, at->at.difference);
	id = dst + 1;
	dst = put_field(dst, at->at.id);
	dst = put_field(dst, at->at.location);
	dst = put_field(dst, at->at.stamp);
	ret_sighting->line = (struct text){start, (size_t)(dst - start)};
	ret_sighting->id = (struct text){id, at->at.id.len};
}

void line_put_hex(const unsigned char *src, size_t len, char *dst)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*dst++ = digit[src[i] >> 4];
		*dst++ = digit[src[i] & 15];
	}
}
