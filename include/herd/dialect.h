/* dialect - the protocols that herd-bench speaks: requests of about 70 bytes,
 * and the answers to them.
 *
 * All requests are of one kind or the other: an update (IAMAT, set, SET, a
 * line) or a read (WHATSAT, get, GET). They are about ids, numbers that go on
 * the wire as 20 bytes. An update carries a stamp, which herd orders updates
 * by and the others keep as a value.
 * Pure; threads: a speaker belongs to its owner. */
#ifndef HERD_DIALECT_H
#define HERD_DIALECT_H

#include "herd/base.h"

#define DIALECT_ID_MAX     UINT64_C(9999999999999) /* 13 digits */
#define DIALECT_RADIUS_MAX 40                      /* bytes */

/* What one request takes, at the most; it is written in one go, so as much
 * room must be left even for a shorter one. */
#define DIALECT_ROOM 96

struct dialect;

/* NULL: there is none of that name. */
const struct dialect *dialect_find(const char *name);
const char *dialect_name(const struct dialect *d);
bool dialect_has_reads(const struct dialect *d);

/* "herd, memcached, redis or echo" */
#define DIALECT_NAMES "herd, memcached, redis or echo"

/* What is asked, as far as the answer depends on it. */
struct request {
	uint64_t id;
	int64_t stamp_ns; /* since the epoch */
	bool read;
};

/* Requests that wait to be filled in. */
struct dialect_form {
	char bytes[DIALECT_ROOM];
	size_t len;
	size_t id_at, stamp_at; /* stamp_at 0: it has none */
};

#define DIALECT_SERVER_MAX 256

struct speaker {
	const struct dialect *dialect;
	struct dialect_form update, read;
	int64_t second; /* the stamp's, as the form has it */
	bool nothing;   /* reads ask for no places */
	/* The herd's server: whose name was in the first answer checked. */
	char server[DIALECT_SERVER_MAX];
	size_t server_len; /* 0: not known yet */
};

/* radius_km, bound: of WHATSAT. */
void speaker_init(struct speaker *s, const struct dialect *d,
	const char *radius_km, unsigned bound);

/* Write a request to dst, which has DIALECT_ROOM bytes; its length. */
size_t speaker_ask(struct speaker *s, char *dst, const struct request *r);

/* How long the answer is that begins at `p`, of which `len` bytes are there;
 * 0: not all of it. */
size_t speaker_answer_len(
	const struct speaker *s, bool read, const char *p, size_t len);

/* Whether an answer says that the request was wrong, or unknown. */
bool speaker_is_refusal(const struct speaker *s, bool read, struct text answer);

/* Whether an answer is, to the byte, what must come back. Free are the name of
 * the herd's server in the first answer, its time difference, and, in answers
 * to reads, the stamp: others may write, too. */
bool speaker_is_right(
	struct speaker *s, const struct request *r, struct text answer);

#endif
