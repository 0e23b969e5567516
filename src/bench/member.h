/* member - a server of the herd that is none: takes the links that neighbours
 * dial, and every AT line on them; holds nothing.
 *
 * It answers the hello (and the proof, if the herd has a secret) like a server,
 * PING with PONG, and whoever wants to compare with WAIT. It dials nobody.
 *
 * A plain neighbour says AT lines on any connection from its address, without a
 * hello, ended by LF or end of file, with as many further fields as it likes.
 * Of several with one address nobody can tell them apart: if the watched server
 * is one of them, all of it is taken for the watched server's.
 * Threads: owner only, that of the reactor. */
#ifndef BENCH_MEMBER_H
#define BENCH_MEMBER_H

#include "herd/conf.h"
#include "herd/line.h"
#include "herd/reactor.h"

struct member;

struct member_options {
	struct reactor *reactor;
	const struct conf *conf; /* borrowed until member_free */
	size_t self, watched;    /* servers of it, neighbours */
	/* An AT line, read at now_ns (monotonic), on a link or connection of
	 * the watched server or of another. Anything that is no line of a link
	 * comes here, too. Of a line with further fields, line->body has them
	 * all. */
	void (*on_line)(void *arg, bool watched, const struct line *line,
		int64_t now_ns);
	void *arg;
};

/* 0 or -errno, and in `error` (CONF_ERROR_MAX bytes) one line for people. */
HERD_MUST_CHECK int member_new(const struct member_options *options,
	struct member **ret_member, char *error);
void member_free(struct member *m);

/* The watched server has a link to us and has used it: from now on it tells of
 * every change. Always true of a plain one, which has none. */
bool member_is_linked(const struct member *m);

/* Why a link of the watched server did not come about, or ended; a literal.
 * NULL: nothing is known. */
const char *member_trouble(const struct member *m);

#endif
