/* log_format - one event as one line of text.
 *
 * Every line a server receives or sends passes here, so it is written to be
 * cheap: the calendar is asked once a second, numbers and addresses are put
 * down without printf, and bytes that need no escape go eight at a time.
 *
 *   | time level | facts ................ %b ...... | rest | mark | LF |
 *   0                                        bytes_end   end    LOG_LINE_MAX */
#include "log_format.h"

#include <time.h>

#define MARK_ROOM 32  /* " [18446744073709551615 bytes]" and LF */
#define REST_ROOM 256 /* of what a template says after the bytes */

static const struct {
	enum log_level level;
	bool message;
	const char *template;
} events[] = {
#define EVENT(name, level, message, template)                                  \
	[LOG_##name] = {LOG_##level, message, template},
#include "herd/log_events.def"
#undef EVENT
};

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

enum log_level log_event_level(enum log_event event)
{
	return events[event].level;
}

bool log_event_is_message(enum log_event event)
{
	return events[event].message;
}

/* Where the line has got to, and where it has to end. */
struct pen {
	char *at;
	const char *end;
	bool cut; /* something did not fit */
};

static void put_plain(struct pen *pen, const char *src, size_t len)
{
	size_t room = (size_t)(pen->end - pen->at);

	if (len > room) {
		len = room;
		pen->cut = true;
	}
	memcpy(pen->at, src, len);
	pen->at += len;
}

static void put_number(struct pen *pen, uint64_t number)
{
	char digits[20];
	char *first = digits + sizeof digits;

	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put_plain(pen, first, (size_t)(digits + sizeof digits - first));
}

/* Whether all eight are printable ASCII other than the backslash. The borrows
 * of the subtractions run upwards only from a byte that is itself a hit. */
static bool is_plain_word(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = ones * 0x80;
	uint64_t backslash = word ^ ones * '\\';

	return ((word | (word + ones) | ((word - ones * ' ') & ~word) |
			((backslash - ones) & ~backslash)) &
		       tops) == 0;
}

/* The escape of one byte, or the byte; its length. */
static size_t escape(unsigned char byte, char dst[4])
{
	static const char hex[] = "0123456789abcdef";
	char letter;

	switch (byte) {
	case '\n':
		letter = 'n';
		break;
	case '\r':
		letter = 'r';
		break;
	case '\t':
		letter = 't';
		break;
	case '\\':
		letter = '\\';
		break;
	default:
		if (byte >= ' ' && byte <= '~') {
			dst[0] = (char)byte;
			return 1;
		}
		memcpy(dst, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]},
			4);
		return 4;
	}
	dst[0] = '\\';
	dst[1] = letter;
	return 2;
}

/* Stops before the first byte whose escape does not fit whole. */
static void put_escaped(struct pen *pen, struct text bytes)
{
	const char *src = bytes.ptr;
	size_t left = bytes.len;

	while (left > 0) {
		size_t room = (size_t)(pen->end - pen->at);
		char escaped[4];
		uint64_t word;
		size_t len;

		if (left >= sizeof word && room >= sizeof word) {
			memcpy(&word, src, sizeof word);
			if (is_plain_word(word)) {
				memcpy(pen->at, &word, sizeof word);
				pen->at += sizeof word;
				src += sizeof word;
				left -= sizeof word;
				continue;
			}
		}
		len = escape((unsigned char)*src, escaped);
		if (len > room) {
			pen->cut = true;
			return;
		}
		memcpy(pen->at, escaped, len);
		pen->at += len;
		src++;
		left--;
	}
}

static void put_time(
	struct pen *pen, struct log_calendar *calendar, int64_t time_ns)
{
	int64_t second = time_ns / HERD_SECOND_NS;
	int64_t ns = time_ns % HERD_SECOND_NS;
	char fraction[9] = ".000000Z ";
	int64_t us;

	if (ns < 0) {
		ns += HERD_SECOND_NS;
		second--;
	}
	if (calendar->len == 0 || calendar->second != second) {
		time_t t = (time_t)second;
		struct tm tm;
		gmtime_r(&t, &tm);
		calendar->second = second;
		calendar->len = strftime(calendar->text, sizeof calendar->text,
			"%Y-%m-%dT%H:%M:%S", &tm);
	}
	put_plain(pen, calendar->text, calendar->len);

	us = ns / 1000;
	for (size_t i = 6; us > 0; i--) {
		fraction[i] = (char)('0' + us % 10);
		us /= 10;
	}
	put_plain(pen, fraction, sizeof fraction);
}

static void put_bytes(struct pen *pen, struct text bytes, const char *rest)
{
	struct pen bytes_pen = *pen;

	/* What follows the bytes is ours and short: it must not be pushed off
	 * the line by what a client sends. */
	if (*rest != '\0' && pen->end - pen->at > REST_ROOM)
		bytes_pen.end -= REST_ROOM;
	put_escaped(&bytes_pen, bytes);
	pen->at = bytes_pen.at;
	pen->cut |= bytes_pen.cut;
}

/* A fact that was not given is our own mistake, but one that must not take a
 * server down from inside its log. */
static void put_name(struct pen *pen, const char *name)
{
	put_escaped(pen, text_of(name ? name : "-"));
}

static void put_address(struct pen *pen, const struct address *address)
{
	char text[ADDRESS_TEXT] = "-";
	size_t len = address ? address_format(address, text) : 1;

	put_plain(pen, text, len);
}

static void put_fact(struct pen *pen, char which, const struct log_facts *facts,
	const char *rest)
{
	switch (which) {
	case 'a':
		put_address(pen, facts->address);
		break;
	case 'n':
		put_name(pen, facts->name);
		break;
	case 'w':
		put_name(pen, facts->why);
		break;
	case 'b':
		put_bytes(pen, facts->bytes, rest);
		break;
	default:
		put_number(pen, facts->number[which - '0']);
		break;
	}
}

size_t log_format_line(struct log_calendar *calendar, enum log_event event,
	const struct log_facts *facts, size_t full_len, char *dst)
{
	struct pen pen = {.at = dst, .end = dst + LOG_LINE_MAX - MARK_ROOM};
	const char *level = level_names[events[event].level];
	const char *template = events[event].template;

	put_time(&pen, calendar, facts->time_ns);
	put_plain(&pen, level, strlen(level));
	put_plain(&pen, " ", 1);
	for (;;) {
		const char *percent = strchrnul(template, '%');
		put_plain(&pen, template, (size_t)(percent - template));
		if (*percent == '\0')
			break;
		template = percent + 2;
		put_fact(&pen, percent[1], facts, template);
	}

	pen.end = dst + LOG_LINE_MAX;
	if (pen.cut || full_len > facts->bytes.len) {
		put_plain(&pen, " [", 2);
		put_number(&pen, full_len);
		put_plain(&pen, " bytes]", 7);
	}
	put_plain(&pen, "\n", 1);
	return (size_t)(pen.at - dst);
}
