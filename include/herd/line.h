/* line - one line of the protocol: bytes to meaning and back.
 *
 * A bad line is a verdict (LINE_INVALID), not an error. All texts point into
 * the line that was parsed and live as long as its bytes. Pure; threads: any. */
#ifndef HERD_LINE_H
#define HERD_LINE_H

#include "herd/base.h"
#include "herd/location.h"
#include "herd/sighting.h"

/* Protocol constants of herd(7). */
#define LINE_MAX_DEFAULT   65536  /* limits.line: default and maximum */
#define LINE_LINK_MAX      131072 /* a line on a link between servers */
#define LINE_QUOTE         128    /* bytes of an over-long line sent back */
#define LINE_RADIUS_MAX    50     /* km */
#define LINE_BOUND_MAX     20     /* results */
#define LINE_BOOT_MAX      32     /* hex digits of a boot id */
#define LINE_NONCE_LEN     64     /* hex digits of a nonce, exactly */
#define LINE_PROOF_LEN     64     /* hex digits of a proof, exactly */
#define LINE_BUCKETS       1024   /* of the digests that servers compare */
#define LINE_HELLO_VERSION 1

enum line_verb {
	LINE_BLANK,   /* white space only: ignored */
	LINE_INVALID, /* answered by "? " and a copy */
	LINE_IAMAT,
	LINE_WHATSAT,
	LINE_AT,    /* well-formed; whether the sender may say it is not
		     * decided here */
	LINE_HELLO, /* "HERD 1 FROM TO BOOT [NONCE]": opens a link */
	LINE_PROOF, /* proves who said hello */
	LINE_PING,
	LINE_PONG,
	LINE_SYNC, /* catching up, see sync.h: the dialler's words */
	LINE_LIST,
	LINE_DONE,
	LINE_SUM,  /* the acceptor's */
	LINE_SUMS, /* both */
	LINE_HASHES,
	LINE_WAIT,
};

struct line {
	enum line_verb verb;
	struct text body; /* without the surrounding white space */
	union {
		struct {
			struct text id, location, stamp;
			int64_t stamp_ns;
		} iamat;
		struct {
			struct text id;
			struct text radius_km; /* as sent */
			int64_t radius_um;     /* micrometres, cut */
			unsigned bound;
			bool nothing; /* radius or bound is exactly 0 */
		} whatsat;
		struct {
			struct text server, difference, id, location, stamp;
			int64_t stamp_ns;
			bool normal; /* body is already six fields with single
				      * spaces */
		} at;
		struct {
			struct text version, from, to, boot;
			struct text nonce; /* of length 0: none */
		} hello;
		struct {
			struct text digits;
		} proof;
		struct {
			uint64_t number;
		} ping; /* PING and PONG */
		struct {
			unsigned bucket;  /* LIST, HASHES */
			struct text text; /* base64; of length 0: none */
		} hashes;                 /* SUM, SUMS, LIST, HASHES */
	};
};

/* A line taken apart. Its texts are pieces of it. */
#define LINE_FIELDS_MAX                                                        \
	7 /* one more than any line needs, so that one too many \
			   * is noticed */
struct line_fields {
	struct text bytes; /* the line, without its LF */
	struct text body;  /* from its first field to its last */
	size_t count;      /* LINE_FIELDS_MAX: there may be more */
	struct text field[LINE_FIELDS_MAX];
};

/* White space is exactly these six: space, tab, CR, LF, FF, VT. */
static inline bool line_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Going through a stretch of bytes once: lines and their fields are found in
 * the same look. */
struct line_scan {
	const char *next; /* where the next line starts */
	const char *part; /* what is being looked at; NULL: nothing yet */
	uint64_t marks;   /* in it, see marks.h, that are not taken yet */
	const char *rest; /* what is not looked at yet */
	const char *end;
};

static inline struct line_scan line_scan_begin(struct text bytes)
{
	return (struct line_scan){.next = bytes.ptr,
		.rest = bytes.ptr,
		.end = bytes.ptr + bytes.len};
}

/* The next line that is ended by an LF. false: there is none; what is left
 * starts at scan->next still. */
HERD_MUST_CHECK bool line_scan_next(
	struct line_scan *scan, struct line_fields *ret_fields);

/* What the line means. Every line has a body; of the rest only what belongs to
 * the verb is set. */
void line_parse_fields(const struct line_fields *fields, struct line *ret_line);

/* The same for one line, its LF not included. */
void line_parse(struct text bytes, struct line *ret_line);

/* The same for what may be the AT line of a plain neighbour: further fields
 * behind its six are ignored. false: it is none, and ret_line is not set. */
HERD_MUST_CHECK bool line_parse_plain_at(
	struct text bytes, struct line *ret_line);

/* How many bytes line_format_at may write for this client's IAMAT at this
 * server, at the most. */
size_t line_at_room(const struct line *iamat, struct text server);

/* Write the AT line that answers an IAMAT received at `now_ns`: six fields,
 * single spaces, no LF. The sighting's texts point into dst. */
void line_format_at(const struct line *iamat, struct text server,
	int64_t now_ns, char *dst, struct sighting *ret_sighting);

/* The sighting an AT line tells of. Where the line is not normal, its normal
 * form is written to dst, which has room for line.body.len bytes; else dst
 * is not touched and the sighting points into the line. */
void line_normalise_at(
	const struct line *at, char *dst, struct sighting *ret_sighting);

/* Write `len` bytes as twice as many hex digits, in lower case, and no NUL. */
void line_put_hex(const unsigned char *src, size_t len, char *dst);

#endif
