/* dialect - a table of protocols.
 *
 * A request is a form in which digits are replaced: no number is printed on the
 * way to the server. Values of memcached and redis are as long as makes the
 * request one of 70 bytes, like an IAMAT. */
#include "herd/dialect.h"

#include <stdio.h>

#include "herd/stamp.h"

#define ID_DIGITS     13
#define SECOND_DIGITS 10
#define FRACTION      9
#define STAMP_LEN     (SECOND_DIGITS + 1 + FRACTION)

/* In forms, '#' and '@' are digits of id and stamp. In answers, these stand for
 * all of something: */
#define AN_ID      "\001"
#define AN_STAMP   "\002" /* as it was sent */
#define ANY_STAMP  "\003"
#define A_SERVER   "\004"
#define DIFFERENCE "\005"
#define ANYTHING   "\006" /* at most one in an answer */

#define ID_MARKS    "client-#############"
#define STAMP_MARKS "@@@@@@@@@@.@@@@@@@@@"
#define LOCATION    "+34.068930-118.445127"

enum frame {
	FRAME_LINE,       /* to the first LF */
	FRAME_EMPTY_LINE, /* to the first empty line; "? ": to the LF */
	FRAME_VALUE,      /* memcached's: a line, a block, a line */
	FRAME_BULK,       /* redis': a length, so many bytes */
};

struct kind {
	const char *request;
	const char *answer;
	char begins[3]; /* a good answer, and no other */
	enum frame frame;
};

struct dialect {
	const char *name;
	struct kind update, read; /* read.request NULL: there are none */
};

#define AT_LINE(stamp)                                                         \
	"AT " A_SERVER " " DIFFERENCE " client-" AN_ID " " LOCATION " " stamp  \
	"\n"

static const struct dialect dialects[] = {
	{"herd",
		{"IAMAT " ID_MARKS " " LOCATION " " STAMP_MARKS "\n",
			AT_LINE(AN_STAMP), "AT", FRAME_LINE},
		{"WHATSAT " ID_MARKS " ",
			AT_LINE(ANY_STAMP) "{" ANYTHING "}\n\n", "AT",
			FRAME_EMPTY_LINE}},
	{"memcached",
		{"set " ID_MARKS " 0 0 35\r\n+34.068930-118." STAMP_MARKS
		 "\r\n",
			"STORED\r\n", "ST", FRAME_LINE},
		{"get " ID_MARKS "\r\n",
			"VALUE client-" AN_ID
			" 0 35\r\n+34.068930-118." ANY_STAMP "\r\nEND\r\n",
			"VA", FRAME_VALUE}},
	{"redis",
		{"*3\r\n$3\r\nSET\r\n$20\r\n" ID_MARKS
		 "\r\n$23\r\n+34" STAMP_MARKS "\r\n",
			"+OK\r\n", "+O", FRAME_LINE},
		{"*2\r\n$3\r\nGET\r\n$20\r\n" ID_MARKS "\r\n",
			"$23\r\n+34" ANY_STAMP "\r\n", "$2", FRAME_BULK}},
	{"echo",
		{"hello " ID_MARKS " " LOCATION " " STAMP_MARKS "\n",
			"hello client-" AN_ID " " LOCATION " " AN_STAMP "\n",
			"he", FRAME_LINE},
		{NULL, NULL, "", FRAME_LINE}},
};

/* WHATSAT's answer where no places are asked for. */
static const char nothing_answer[] =
	AT_LINE(ANY_STAMP) "{\n"
			   "   \"html_attributions\" : [],\n"
			   "   \"results\" : [],\n"
			   "   \"status\" : \"ZERO_RESULTS\"\n"
			   "}\n\n";

const struct dialect *dialect_find(const char *name)
{
	for (size_t i = 0; i < HERD_COUNT(dialects); i++)
		if (!strcmp(dialects[i].name, name))
			return &dialects[i];
	return NULL;
}

const char *dialect_name(const struct dialect *d)
{
	return d->name;
}

bool dialect_has_reads(const struct dialect *d)
{
	return d->read.request != NULL;
}

/* --- asking --------------------------------------------------------------- */

static void prepare(struct dialect_form *f, const char *request)
{
	const char *stamp = strchr(request, '@');

	*f = (struct dialect_form){.len = strlen(request)};
	HERD_ASSERT(f->len <= DIALECT_ROOM);
	memcpy(f->bytes, request, f->len);
	f->id_at = (size_t)(strchr(request, '#') - request);
	f->stamp_at = stamp ? (size_t)(stamp - request) : 0;
	memset(f->bytes + f->id_at, '0', ID_DIGITS);
}

void speaker_init(struct speaker *s, const struct dialect *d,
	const char *radius_km, unsigned bound)
{
	char whatsat[DIALECT_ROOM + 1];
	int len;

	*s = (struct speaker){
		.dialect = d,
		.second = -1,
		.nothing = bound == 0 || !radius_km[strspn(radius_km, "0.")],
	};
	prepare(&s->update, d->update.request);
	if (!d->read.request)
		return;
	if (d->read.frame != FRAME_EMPTY_LINE) {
		prepare(&s->read, d->read.request);
		return;
	}
	len = snprintf(whatsat, sizeof whatsat, "%s%s %u\n", d->read.request,
		radius_km, bound);
	HERD_ASSERT(len > 0 && (size_t)len < sizeof whatsat);
	prepare(&s->read, whatsat);
}

static const char pairs[] = "00010203040506070809"
			    "10111213141516171819"
			    "20212223242526272829"
			    "30313233343536373839"
			    "40414243444546474849"
			    "50515253545556575859"
			    "60616263646566676869"
			    "70717273747576777879"
			    "80818283848586878889"
			    "90919293949596979899";

static void put_pair(char *dst, uint32_t number)
{
	memcpy(dst, pairs + number * 2, 2);
}

static void put_8_digits(char *dst, uint32_t number)
{
	uint32_t high = number / 10000;
	uint32_t low = number % 10000;

	put_pair(dst, high / 100);
	put_pair(dst + 2, high % 100);
	put_pair(dst + 4, low / 100);
	put_pair(dst + 6, low % 100);
}

static void put_id(char *dst, uint64_t id)
{
	uint32_t high = (uint32_t)(id / 100000000);

	put_8_digits(dst + 5, (uint32_t)(id % 100000000));
	if (high == 0) /* the form has zeros */
		return;
	dst[0] = (char)('0' + high / 10000);
	put_pair(dst + 1, high / 100 % 100);
	put_pair(dst + 3, high % 100);
}

static void put_fraction(char *dst, uint32_t ns)
{
	dst[0] = (char)('0' + ns / 100000000);
	put_8_digits(dst + 1, ns % 100000000);
}

static void put_second(char *dst, int64_t second)
{
	put_pair(dst, (uint32_t)(second / 100000000));
	put_8_digits(dst + 2, (uint32_t)(second % 100000000));
}

size_t speaker_ask(struct speaker *s, char *dst, const struct request *r)
{
	struct dialect_form *f = r->read ? &s->read : &s->update;
	int64_t second;

	if (r->read) {
		memcpy(dst, f->bytes, DIALECT_ROOM);
		put_id(dst + f->id_at, r->id);
		return f->len;
	}
	second = r->stamp_ns / HERD_SECOND_NS;
	if (second != s->second) {
		put_second(f->bytes + f->stamp_at, second);
		s->second = second;
	}
	memcpy(dst, f->bytes, DIALECT_ROOM);
	put_id(dst + f->id_at, r->id);
	put_fraction(dst + f->stamp_at + SECOND_DIGITS + 1,
		(uint32_t)(r->stamp_ns - second * HERD_SECOND_NS));
	return f->len;
}

/* --- hearing -------------------------------------------------------------- */

static size_t line_len(const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	return lf ? (size_t)(lf - p) + 1 : 0;
}

static size_t to_empty_line(const char *p, size_t len)
{
	const char *end;

	if (len >= 2 && p[0] == '?' && p[1] == ' ')
		return line_len(p, len);
	end = memmem(p, len, "\n\n", 2);
	return end ? (size_t)(end - p) + 2 : 0;
}

/* The number that ends the line before `end`, of at most six digits: no answer
 * of ours is longer. */
static size_t last_number(const char *line, const char *end)
{
	size_t value = 0;
	size_t unit = 1;

	while (end > line && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	for (; end > line && end[-1] >= '0' && end[-1] <= '9' && unit < 1000000;
		end--, unit *= 10)
		value += (size_t)(end[-1] - '0') * unit;
	return value;
}

/* A line; if it begins with `mark`, as many bytes as it says, CR LF, and `tail`
 * bytes more. */
static size_t counted_len(
	const char *p, size_t len, const char *mark, size_t tail)
{
	size_t line = line_len(p, len);
	size_t whole;

	if (line < 2 || memcmp(p, mark, 2) != 0)
		return line;
	whole = line + last_number(p, p + line) + 2 + tail;
	return whole <= len ? whole : 0;
}

size_t speaker_answer_len(
	const struct speaker *s, bool read, const char *p, size_t len)
{
	switch (read ? s->dialect->read.frame : s->dialect->update.frame) {
	case FRAME_EMPTY_LINE:
		return to_empty_line(p, len);
	case FRAME_VALUE:
		return counted_len(p, len, "VA", sizeof "END\r\n" - 1);
	case FRAME_BULK:
		if (len >= 2 && p[0] == '$' && p[1] == '-')
			return line_len(p, len);
		return counted_len(p, len, "$2", 0);
	case FRAME_LINE:
	default:
		return line_len(p, len);
	}
}

bool speaker_is_refusal(const struct speaker *s, bool read, struct text answer)
{
	const struct kind *k = read ? &s->dialect->read : &s->dialect->update;

	return answer.len < 2 || answer.ptr[0] != k->begins[0] ||
	       answer.ptr[1] != k->begins[1];
}

/* --- checking ------------------------------------------------------------- */

/* Each takes what it stands for from the front of `rest`. */
static bool take_bytes(struct text *rest, const char *bytes, size_t len)
{
	if (rest->len < len || memcmp(rest->ptr, bytes, len) != 0)
		return false;
	rest->ptr += len;
	rest->len -= len;
	return true;
}

static bool take_id(struct text *rest, uint64_t id)
{
	char digits[ID_DIGITS];

	memset(digits, '0', sizeof digits);
	put_id(digits, id);
	return take_bytes(rest, digits, sizeof digits);
}

static bool take_stamp(struct text *rest, int64_t ns)
{
	char stamp[STAMP_LEN];

	put_second(stamp, ns / HERD_SECOND_NS);
	stamp[SECOND_DIGITS] = '.';
	put_fraction(
		stamp + SECOND_DIGITS + 1, (uint32_t)(ns % HERD_SECOND_NS));
	return take_bytes(rest, stamp, sizeof stamp);
}

static bool take_any_stamp(struct text *rest)
{
	for (size_t i = 0; i < STAMP_LEN; i++) {
		if (i >= rest->len)
			return false;
		if (i == SECOND_DIGITS
				? rest->ptr[i] != '.'
				: rest->ptr[i] < '0' || rest->ptr[i] > '9')
			return false;
	}
	rest->ptr += STAMP_LEN;
	rest->len -= STAMP_LEN;
	return true;
}

static struct text take_field(struct text *rest)
{
	struct text field = {rest->ptr, 0};

	while (field.len < rest->len && rest->ptr[field.len] != ' ' &&
		rest->ptr[field.len] != '\n')
		field.len++;
	rest->ptr += field.len;
	rest->len -= field.len;
	return field;
}

static bool take_server(struct speaker *s, struct text *rest)
{
	struct text name = take_field(rest);

	if (name.len == 0 || name.len > sizeof s->server)
		return false;
	if (s->server_len == 0) {
		memcpy(s->server, name.ptr, name.len);
		s->server_len = name.len;
	}
	return text_equal(name, (struct text){s->server, s->server_len});
}

static bool take_difference(struct text *rest)
{
	int64_t ns;

	return stamp_parse_difference(take_field(rest), &ns);
}

/* All but the last `after` bytes. */
static bool take_anything(struct text *rest, size_t after)
{
	if (rest->len < after)
		return false;
	rest->ptr += rest->len - after;
	rest->len = after;
	return true;
}

static bool take_mark(struct speaker *s, const struct request *r,
	const char *mark, struct text *rest)
{
	switch (*mark) {
	case '\001': /* AN_ID */
		return take_id(rest, r->id);
	case '\002': /* AN_STAMP */
		return take_stamp(rest, r->stamp_ns);
	case '\003': /* ANY_STAMP */
		return take_any_stamp(rest);
	case '\004': /* A_SERVER */
		return take_server(s, rest);
	case '\005': /* DIFFERENCE */
		return take_difference(rest);
	case '\006': /* ANYTHING */
		return take_anything(rest, strlen(mark + 1));
	default:
		return take_bytes(rest, mark, 1);
	}
}

bool speaker_is_right(
	struct speaker *s, const struct request *r, struct text answer)
{
	const char *expected = s->dialect->update.answer;

	if (r->read)
		expected =
			s->dialect->read.frame == FRAME_EMPTY_LINE && s->nothing
				? nothing_answer
				: s->dialect->read.answer;
	for (; *expected; expected++)
		if (!take_mark(s, r, expected, &answer))
			return false;
	return answer.len == 0;
}
