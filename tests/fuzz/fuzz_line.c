/* fuzz_line - any bytes as a line: every text is a piece of the input without
 * white space; an IAMAT's answer is an AT line with the same operands; an AT
 * line has one normal form. */
#include "herd/line.h"

#include <stdlib.h>

#include "herd/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct text piece, struct text whole)
{
	HERD_ASSERT(piece.ptr >= whole.ptr);
	HERD_ASSERT(piece.ptr + piece.len <= whole.ptr + whole.len);
}

static void check_field(struct text field, struct text whole)
{
	HERD_ASSERT(field.len > 0);
	check_inside(field, whole);
	for (size_t i = 0; i < field.len; i++)
		HERD_ASSERT(!line_is_space(field.ptr[i]));
}

static void check_sighting(const struct sighting *s, const struct line *at)
{
	check_field(s->id, s->line);
	HERD_ASSERT(at->verb == LINE_AT && at->at.normal);
	HERD_ASSERT(text_equal(at->body, s->line));
	HERD_ASSERT(at->at.id.ptr == s->id.ptr);
	HERD_ASSERT(at->at.id.len == s->id.len);
	HERD_ASSERT(at->at.stamp_ns == s->stamp_ns);
}

static void check_iamat(const struct line *iamat, int64_t now_ns)
{
	struct text server = text_of("Goloman");
	size_t room = line_at_room(iamat, server);
	char *dst = malloc(room);
	struct sighting s;
	struct line at;
	int64_t difference_ns;

	HERD_ASSERT(dst);
	line_format_at(iamat, server, now_ns, dst, &s);
	HERD_ASSERT(s.line.ptr == dst && s.line.len <= room);
	line_parse(s.line, &at);
	check_sighting(&s, &at);
	HERD_ASSERT(text_equal(at.at.server, server));
	HERD_ASSERT(text_equal(at.at.id, iamat->iamat.id));
	HERD_ASSERT(text_equal(at.at.location, iamat->iamat.location));
	HERD_ASSERT(text_equal(at.at.stamp, iamat->iamat.stamp));
	HERD_ASSERT(at.at.stamp_ns == iamat->iamat.stamp_ns);
	HERD_ASSERT(stamp_parse_difference(at.at.difference, &difference_ns));
	HERD_ASSERT(difference_ns == now_ns - iamat->iamat.stamp_ns);
	free(dst);
}

static void check_at(const struct line *at)
{
	char *dst = malloc(at->body.len);
	struct sighting s;
	struct sighting again;
	struct line normal;

	HERD_ASSERT(dst);
	line_normalise_at(at, dst, &s);
	HERD_ASSERT(s.line.len <= at->body.len);
	HERD_ASSERT(s.line.ptr == (at->at.normal ? at->body.ptr : dst));
	line_parse(s.line, &normal);
	check_sighting(&s, &normal);
	HERD_ASSERT(text_equal(normal.at.server, at->at.server));
	HERD_ASSERT(text_equal(normal.at.difference, at->at.difference));
	HERD_ASSERT(text_equal(normal.at.id, at->at.id));
	HERD_ASSERT(text_equal(normal.at.location, at->at.location));
	HERD_ASSERT(text_equal(normal.at.stamp, at->at.stamp));
	line_normalise_at(&normal, NULL, &again);
	HERD_ASSERT(again.line.ptr == s.line.ptr);
	HERD_ASSERT(again.line.len == s.line.len);
	HERD_ASSERT(sighting_compare_lines(again.line, s.line) == 0);
	free(dst);
}

static void check_operands(const struct line *line)
{
	switch (line->verb) {
	case LINE_IAMAT:
		check_field(line->iamat.id, line->body);
		check_field(line->iamat.location, line->body);
		check_field(line->iamat.stamp, line->body);
		check_iamat(line, 0);
		check_iamat(line, 1520023934918963997);
		check_iamat(line, INT64_MAX);
		break;
	case LINE_WHATSAT:
		check_field(line->whatsat.id, line->body);
		check_field(line->whatsat.radius_km, line->body);
		HERD_ASSERT(line->whatsat.bound <= LINE_BOUND_MAX);
		HERD_ASSERT(line->whatsat.radius_um >= 0);
		HERD_ASSERT(line->whatsat.radius_um <=
			    LINE_RADIUS_MAX * HERD_SECOND_NS);
		break;
	case LINE_AT:
		check_field(line->at.server, line->body);
		check_field(line->at.difference, line->body);
		check_at(line);
		break;
	case LINE_HELLO:
		check_field(line->hello.version, line->body);
		check_field(line->hello.from, line->body);
		check_field(line->hello.to, line->body);
		check_field(line->hello.boot, line->body);
		if (line->hello.nonce.len)
			check_field(line->hello.nonce, line->body);
		break;
	case LINE_PROOF:
		check_field(line->proof.digits, line->body);
		HERD_ASSERT(line->proof.digits.len == LINE_PROOF_LEN);
		break;
	case LINE_BLANK:
		HERD_ASSERT(line->body.len == 0);
		break;
	case LINE_SUM:
	case LINE_SUMS:
	case LINE_LIST:
	case LINE_HASHES:
		HERD_ASSERT(line->verb == LINE_SUM || line->verb == LINE_SUMS ||
			    line->hashes.bucket < LINE_BUCKETS);
		if (line->hashes.text.len)
			check_field(line->hashes.text, line->body);
		break;
	case LINE_INVALID:
	case LINE_PING:
	case LINE_PONG:
	case LINE_SYNC:
	case LINE_DONE:
	case LINE_WAIT:
		HERD_ASSERT(line->body.len > 0);
		break;
	}
}

/* What a link takes a plain neighbour may say, too, and little more. */
static void check_plain(struct text bytes, const struct line *line)
{
	struct line plain;

	if (!line_parse_plain_at(bytes, &plain)) {
		HERD_ASSERT(line->verb != LINE_AT);
		return;
	}
	HERD_ASSERT(line->verb == LINE_AT || line->verb == LINE_INVALID);
	HERD_ASSERT(plain.verb == LINE_AT);
	HERD_ASSERT(text_equal(plain.body, line->body));
	HERD_ASSERT(line->verb == LINE_INVALID ||
		    plain.at.normal == line->at.normal);
	check_operands(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text bytes = {(const char *)data, size};
	struct line line;

	line_parse(bytes, &line);
	check_inside(line.body, bytes);
	if (line.body.len) {
		HERD_ASSERT(!line_is_space(line.body.ptr[0]));
		HERD_ASSERT(!line_is_space(line.body.ptr[line.body.len - 1]));
	}
	check_operands(&line);
	check_plain(bytes, &line);
	return 0;
}
