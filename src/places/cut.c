/* cut - one pass over a text that should be JSON.
 *
 *            fresh                        not fresh
 *   open ------------> [name] value ----------------> ',' [name] value ...
 *     |                                                |
 *     '---------------------- close <------------------'
 *
 * No recursion, so that no text can use up the stack: which of the open
 * brackets are objects is one bit each. Most of an answer is strings and
 * indentation; both are passed eight bytes at a time. */
#include "herd/cut.h"

#include "herd/digits.h"
#include "herd/word.h"

/* The member of the object that is being read, and a bit for each met. */
enum member {
	MEMBER_OTHER = 0,
	MEMBER_ARRAY = 1,
	MEMBER_STATUS = 2,
};

struct scan {
	const char *p; /* the next byte; the bad one when a step says false */
	const char *end;
	const char *array;
	const char *why;  /* what is wrong, when not just the byte at p */
	uint64_t objects; /* the innermost bracket in the lowest bit */
	unsigned depth;
	unsigned met;
	enum member member;
	struct cut cut;
};

_Static_assert(CUT_DEPTH_MAX <= 64, "a bit for each level");

size_t cut_squeeze(char *json, size_t len)
{
	size_t from = 0;
	size_t to = 0;

	while (from < len) {
		const char *lf = memchr(json + from, '\n', len - from);
		size_t next = lf ? (size_t)(lf + 1 - json) : len;

		if (to != from)
			memmove(json + to, json + from, next - from);
		to += next - from;
		from = next;
		while (from < len && json[from] == '\n')
			from++;
	}
	return to > 0 && json[to - 1] == '\n' ? to - 1 : to;
}

/* --- words of JSON -------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_space(struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && is_space(*p)) {
		size_t indent;

		p++;
		do {
			indent =
				word_first(word_load(p, s->end) ^ WORD_OF(' '));
			p += indent;
		} while (indent == WORD_BYTES);
	}
	s->p = p;
}

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool take_word(struct scan *s, const char *word)
{
	for (; *word; word++)
		if (!take(s, *word))
			return false;
	return true;
}

static bool take_digits(struct scan *s)
{
	const char *start = s->p;

	s->p = digits_skip(start, s->end);
	return s->p > start;
}

static bool take_number(struct scan *s)
{
	(void)take(s, '-');
	if (!take(s, '0') && !take_digits(s))
		return false;
	if (take(s, '.') && !take_digits(s))
		return false;
	if (!take(s, 'e') && !take(s, 'E'))
		return true;
	if (!take(s, '-'))
		(void)take(s, '+');
	return take_digits(s);
}

static const char escapes[] = "\"\\/bfnrt";
static const char escaped[] = "\"\\/\b\f\n\r\t";

static bool take_escape(struct scan *s)
{
	s->p++;
	if (!take(s, 'u')) {
		if (s->p == s->end || !*s->p || !strchr(escapes, *s->p))
			return false;
		s->p++;
		return true;
	}
	/* Half a surrogate pair is JSON, too. */
	for (unsigned i = 0; i < 4; i++, s->p++)
		if (s->p == s->end || digits_hex_of(*s->p) > 15)
			return false;
	return true;
}

/* One character of two bytes or more, as RFC 3629 has it. */
static bool take_character(struct scan *s)
{
	static const uint32_t least[] = {0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)*s->p;
	unsigned more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	uint32_t code = lead & (0x3fU >> more);

	if (lead < 0xc0 || lead >= 0xf8)
		return false;
	s->p++;
	for (unsigned i = 0; i < more; i++, s->p++) {
		if (s->p == s->end || (*s->p & 0xc0) != 0x80)
			return false;
		code = code << 6 | (*s->p & 0x3f);
	}
	return code >= least[more - 1] && code <= 0x10ffff &&
	       (code < 0xd800 || code > 0xdfff);
}

/* Marks on what is not passed over in a string: quote, backslash, below a
 * space (as are the bytes past the end), not ASCII. Only the first is right, as
 * taking away may borrow from the bytes behind it. */
static uint64_t mark_special(uint64_t word)
{
	uint64_t quote = (word ^ WORD_OF('"')) - WORD_OF(1);
	uint64_t backslash = (word ^ WORD_OF('\\')) - WORD_OF(1);
	uint64_t control = word - WORD_OF(' ');

	return (quote | backslash | control | word) & WORD_OF(0x80);
}

static bool take_string(struct scan *s)
{
	bool good = take(s, '"');

	while (good) {
		size_t plain;

		do {
			plain = word_first(
				mark_special(word_load(s->p, s->end)));
			s->p += plain;
		} while (plain == WORD_BYTES);
		if (s->p == s->end)
			return false;
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (*s->p == '\\')
			good = take_escape(s);
		else
			good = take_character(s);
	}
	return false;
}

/* --- what is looked for --------------------------------------------------- */

/* The character at the start of a good string's rest, as far as it is ASCII. */
static uint32_t decode(const char *p, const char **ret_next)
{
	uint32_t code = 0;

	*ret_next = p + 1;
	if (*p != '\\')
		return (unsigned char)*p;
	*ret_next = p + 2;
	if (p[1] != 'u')
		return (unsigned char)escaped[strchr(escapes, p[1]) - escapes];
	*ret_next = p + 6;
	for (const char *digit = p + 2; digit < *ret_next; digit++)
		code = code << 4 | digits_hex_of(*digit);
	return code;
}

/* Is this what `raw`, a good string, says? The names asked for are ASCII. */
static bool is_name(struct text raw, const char *name)
{
	const char *p = raw.ptr;
	const char *end = p + raw.len;

	while (p < end && *name) {
		if (decode(p, &p) != (unsigned char)*name++)
			return false;
	}
	return p == end && !*name;
}

/* A member of the object itself. Who meets a name twice may believe either, and
 * readers differ in which. */
static bool meet(struct scan *s, struct text name)
{
	s->member = MEMBER_OTHER;
	if (is_name(name, s->array))
		s->member = MEMBER_ARRAY;
	else if (is_name(name, "status"))
		s->member = MEMBER_STATUS;
	if (s->met & s->member) {
		s->why = "two members of one name";
		return false;
	}
	s->met |= s->member;
	return true;
}

static bool in_object(const struct scan *s)
{
	return s->objects & 1;
}

/* A value ends here. */
static void note_end(struct scan *s)
{
	size_t end = (size_t)(s->p - s->cut.json.ptr);

	if (s->depth != 2 || s->member != MEMBER_ARRAY || in_object(s))
		return;
	if (s->cut.end_count < LINE_BOUND_MAX)
		s->cut.ends[s->cut.end_count++] = end;
	s->cut.last_end = end;
}

/* --- brackets and what is in them ----------------------------------------- */

static bool open_bracket(struct scan *s)
{
	if (s->depth == CUT_DEPTH_MAX) {
		s->why = "nested too deep";
		return false;
	}
	s->objects = s->objects << 1 | (*s->p == '{');
	s->depth++;
	s->p++;
	return true;
}

static bool take_close(struct scan *s)
{
	if (!take(s, in_object(s) ? '}' : ']'))
		return false;
	s->objects >>= 1;
	s->depth--;
	note_end(s);
	return true;
}

static bool take_name(struct scan *s)
{
	const char *start = s->p + 1;

	if (!take_string(s))
		return false;
	if (s->depth == 1 &&
		!meet(s, (struct text){start, (size_t)(s->p - 1 - start)}))
		return false;
	skip_space(s);
	if (!take(s, ':'))
		return false;
	skip_space(s);
	return true;
}

static bool take_text(struct scan *s)
{
	const char *start = s->p + 1;

	if (!take_string(s))
		return false;
	if (s->depth == 1 && s->member == MEMBER_STATUS)
		s->cut.status =
			(struct text){start, (size_t)(s->p - 1 - start)};
	return true;
}

static bool take_plain(struct scan *s)
{
	switch (*s->p) {
	case '"':
		return take_text(s);
	case 't':
		return take_word(s, "true");
	case 'f':
		return take_word(s, "false");
	case 'n':
		return take_word(s, "null");
	default:
		return take_number(s);
	}
}

/* A value; of one in brackets only the first, which makes it `fresh`. */
static bool begin_value(struct scan *s, bool *ret_fresh)
{
	if (s->p == s->end)
		return false;
	*ret_fresh = *s->p == '{' || *s->p == '[';
	if (*ret_fresh)
		return open_bracket(s);
	if (!take_plain(s))
		return false;
	note_end(s);
	return true;
}

static bool scan_object(struct scan *s)
{
	bool fresh;

	skip_space(s);
	if (s->p < s->end && *s->p != '{') {
		s->why = "not a JSON object";
		return false;
	}
	if (!begin_value(s, &fresh))
		return false;
	while (s->depth > 0) {
		skip_space(s);
		if (take_close(s)) {
			fresh = false;
			continue;
		}
		if (!fresh) {
			if (!take(s, ','))
				return false;
			skip_space(s);
		}
		if (in_object(s) && !take_name(s))
			return false;
		if (!begin_value(s, &fresh))
			return false;
	}
	skip_space(s);
	return s->p == s->end;
}

const char *cut_measure(
	struct text json, const char *array, struct cut *ret_cut)
{
	struct scan s = {.array = array, .cut.json = json};

	if (!json.len)
		return "not JSON: ends too early";
	s.p = json.ptr;
	s.end = json.ptr + json.len;
	if (!scan_object(&s)) {
		if (s.why)
			return s.why;
		return s.p == s.end ? "not JSON: ends too early"
				    : "not JSON: unexpected byte";
	}
	*ret_cut = s.cut;
	return NULL;
}

void cut_at(const struct cut *cut, unsigned bound, struct text *ret_head,
	struct text *ret_tail)
{
	size_t head = cut->json.len;
	size_t tail = head;

	HERD_ASSERT(bound > 0 && bound <= LINE_BOUND_MAX);
	if (cut->end_count >= bound && cut->ends[bound - 1] < cut->last_end) {
		head = cut->ends[bound - 1];
		tail = cut->last_end;
	}
	*ret_head = (struct text){cut->json.ptr, head};
	*ret_tail = (struct text){cut->json.ptr + tail, cut->json.len - tail};
}
