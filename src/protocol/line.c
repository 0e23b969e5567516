/* line - the grammar of the protocol's lines.
 *
 *   bytes --scan--> fields, body --verbs[]--> the verb's own parser
 *
 * Nothing is copied or allocated on the way in: every text is a piece of the
 * line. The verbs are one table; each has a parser for its operands, which
 * says whether they are well-formed. On the way out the operands are copied
 * byte for byte, for the herd's servers must answer alike. */
#include "herd/line.h"

#include "herd/digits.h"
#include "herd/location.h"
#include "herd/marks.h"
#include "herd/stamp.h"

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
	/* Most are written by herd itself, and quicker read as such. */
	return (stamp_parse_difference(fields[2], &difference_ns) ||
		       stamp_parse_any(fields[2], &difference_ns)) &&
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

/* A verb is looked up by its name as a word: all of it, in one comparison. */
#define NAME(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}

/* The most frequent first. */
static const struct verb {
	struct {
		char bytes[WORD_BYTES]; /* 0 after its last */
		uint8_t len;
	} name;
	enum line_verb verb;
	size_t fields_min;
	size_t fields_max;
	bool (*parse)(const struct text *fields, struct line *line);
} verbs[] = {
	{NAME("IAMAT"), LINE_IAMAT, 4, 4, parse_iamat},
	{NAME("AT"), LINE_AT, AT_FIELDS, AT_FIELDS, parse_at},
	{NAME("WHATSAT"), LINE_WHATSAT, 4, 4, parse_whatsat},
	{NAME("PING"), LINE_PING, 2, 2, parse_ping},
	{NAME("PONG"), LINE_PONG, 2, 2, parse_ping},
	/* Later versions may say more in their hello. */
	{NAME("HERD"), LINE_HELLO, 5, LINE_FIELDS_MAX, parse_hello},
	{NAME("PROOF"), LINE_PROOF, 2, 2, parse_proof},
	{NAME("SYNC"), LINE_SYNC, 1, 1, parse_word},
	{NAME("SUM"), LINE_SUM, 2, 2, parse_sums},
	{NAME("SUMS"), LINE_SUMS, 1, 2, parse_sums},
	{NAME("LIST"), LINE_LIST, 2, 2, parse_list},
	{NAME("HASHES"), LINE_HASHES, 2, 3, parse_hashes},
	{NAME("WAIT"), LINE_WAIT, 1, 1, parse_word},
	{NAME("DONE"), LINE_DONE, 1, 1, parse_word},
};

/* Look at the next part; its marks. 0: that was all. */
static uint64_t scan_on(struct line_scan *scan)
{
	uint64_t marks = 0;

	while (!marks && scan->rest < scan->end) {
		size_t left = (size_t)(scan->end - scan->rest);
		size_t len = left < MARKS_BYTES ? left : MARKS_BYTES;
		size_t before = scan->part ? MARKS_BYTES : 0;

		scan->part = scan->rest;
		scan->rest += len;
		marks = marks_of(scan->part, len, before);
	}
	return marks;
}

/* The same as line_is_space for what is below '!'. */
static HERD_HOT bool mark_is_space(char mark)
{
	const uint64_t spaces = UINT64_C(1) << ' ' | UINT64_C(0x1f) << '\t';

	return spaces >> mark & 1;
}

/* Take a line apart, up to an LF if `to_lf`, or else to the end. false: there
 * is no LF. */
static HERD_HOT bool take_fields(
	struct line_scan *scan, bool to_lf, struct line_fields *ret_fields)
{
	const char *line = scan->next;
	const char *start = line; /* of the field at hand */
	const char *last = line;  /* where the one before ended */
	const char *mark;
	uint64_t marks = scan->marks;
	size_t count = 0;
	bool more = true;

	ret_fields->field[0].ptr = line;
	for (;;) {
		if (marks || (marks = scan_on(scan))) {
			mark = scan->part + __builtin_ctzll(marks);
			marks &= marks - 1;
			if (!mark_is_space(*mark))
				continue;
			more = !to_lf || *mark != '\n';
		} else if (to_lf) {
			scan->marks = 0;
			return false;
		} else {
			mark = scan->end;
			more = false;
		}
		if (mark > start) {
			if (count < LINE_FIELDS_MAX)
				ret_fields->field[count++] = (struct text){
					start, (size_t)(mark - start)};
			last = mark;
		}
		if (!more)
			break;
		start = mark + 1;
	}
	scan->marks = marks;
	scan->next = to_lf ? mark + 1 : mark;
	ret_fields->count = count;
	ret_fields->bytes = (struct text){line, (size_t)(mark - line)};
	ret_fields->body.ptr = ret_fields->field[0].ptr;
	ret_fields->body.len = (size_t)(last - ret_fields->body.ptr);
	return true;
}

bool line_scan_next(struct line_scan *scan, struct line_fields *ret_fields)
{
	return take_fields(scan, true, ret_fields);
}

static void take_whole(struct text bytes, struct line_fields *ret_fields)
{
	struct line_scan scan = line_scan_begin(bytes);

	(void)take_fields(&scan, false, ret_fields);
}

void line_parse_fields(const struct line_fields *fields, struct line *ret_line)
{
	const struct verb *end = verbs + HERD_COUNT(verbs);
	struct text name = fields->field[0];
	uint64_t word;

	ret_line->body = fields->body;
	if (!fields->count) {
		ret_line->verb = LINE_BLANK;
		return;
	}
	ret_line->verb = LINE_INVALID;
	word = word_load(name.ptr, name.ptr + name.len);
	for (const struct verb *v = verbs; v < end; v++) {
		if (name.len != v->name.len ||
			word != word_load(v->name.bytes,
					v->name.bytes + WORD_BYTES))
			continue;
		if (fields->count >= v->fields_min &&
			fields->count <= v->fields_max &&
			v->parse(fields->field, ret_line))
			ret_line->verb = v->verb;
		return;
	}
}

void line_parse(struct text bytes, struct line *ret_line)
{
	struct line_fields fields;

	take_whole(bytes, &fields);
	line_parse_fields(&fields, ret_line);
}

bool line_parse_plain_at(struct text bytes, struct line *ret_line)
{
	struct line_fields fields;
	struct line line = {.verb = LINE_AT};

	take_whole(bytes, &fields);
	line.body = fields.body;
	if (fields.count < AT_FIELDS ||
		!text_equal(fields.field[0], (struct text){"AT", 2}) ||
		!parse_at(fields.field, &line))
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

/* The operands of an IAMAT, byte for byte, a space before each: in one go where
 * they stand like that already. */
static char *put_operands(char *dst, const struct line *iamat)
{
	struct text id = iamat->iamat.id;
	struct text location = iamat->iamat.location;
	struct text stamp = iamat->iamat.stamp;

	if (id.ptr[-1] == ' ' && id.ptr + id.len + 1 == location.ptr &&
		id.ptr[id.len] == ' ' &&
		location.ptr + location.len + 1 == stamp.ptr &&
		location.ptr[location.len] == ' ')
		return put(dst, (struct text){id.ptr - 1,
					(size_t)(stamp.ptr + stamp.len -
						 (id.ptr - 1))});
	return put_field(put_field(put_field(dst, id), location), stamp);
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
	dst = put_operands(dst, iamat);
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
