/* provider - what has to be known of one kind of places provider: how it is
 * asked, and how its answers become those that clients know.
 *
 * One record per provider, in src/places/providers/<id>.c, and one line in
 * providers.def; nothing else knows any of them.
 * Records are constant, their functions pure; threads: any. */
#ifndef HERD_PROVIDER_H
#define HERD_PROVIDER_H

#include "herd/base.h"
#include "herd/buf.h"

/* What is near a point? */
struct provider_question {
	struct text latitude;  /* degrees, with sign, as the client wrote it: */
	struct text longitude; /* as in struct location */
	int64_t radius_um;     /* micrometres */
	unsigned bound;        /* results: 1 to LINE_BOUND_MAX */
};

struct provider {
	const char *name; /* in places.provider */
	const char *url;  /* unless places.url says another */

	/* The member of its answers that is the array of results. */
	const char *results;

	/* How it gets the key: a parameter of the URL or a header; and its
	 * header for places.field_mask. NULL: not in this way. */
	const char *key_parameter;
	const char *key_header;
	const char *mask_header;

	/* The question is a body to POST; else parameters of the URL to GET,
	 * without '?' or '&' at their ends. */
	bool posts;

	/* Append the question; the same question has the same bytes. 0;
	 * -ENOMEM (it is not complete). */
	int (*write_question)(
		const struct provider_question *question, struct buf *out);

	/* Append the legacy form of an answer, errors included, `json` being
	 * one object in the sense of cut.h and `status` that of HTTP. NULL: its
	 * answers have that form. 0; -ENOMEM; -EBADMSG: nothing this provider
	 * would say, or too much for json-c's memory (after both, `out` is as
	 * it was). */
	int (*translate)(unsigned status, struct text json, struct buf *out);
};

/* NULL: there is none of that name. */
const struct provider *provider_find(const char *name);

/* Degrees without what a URL or JSON cannot hold: no '+', no leading zeros, no
 * '.' without digits behind it, at most PROVIDER_DECIMALS decimals; else as
 * they are. 0; -ENOMEM (`out` as it was). */
#define PROVIDER_DECIMALS 15
HERD_MUST_CHECK int provider_write_degrees(
	struct text degrees, struct buf *out);

/* Metres, as few decimals as it takes; at least 0.000001. 0; -ENOMEM (`out` as
 * it was). */
HERD_MUST_CHECK int provider_write_metres(int64_t um, struct buf *out);

#endif
