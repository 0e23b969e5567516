/* holdings - see holdings.h. */
#include "herd/holdings.h"

#include <errno.h>
#include <stdio.h>

#include "herd/conn.h"
#include "herd/hashes.h"
#include "herd/line.h"

/* Of one line: some 32 KiB, far from the longest that a link carries. */
#define HASHES_PER_LINE 3072

/* "VERB HASHES" and LF. */
static int tell(
	struct buf *out, const char *verb, const uint64_t *hashes, size_t count)
{
	size_t len = strlen(verb);
	char *dst = buf_reserve(out, len + HASHES_TEXT_MAX(count) + 2);

	if (!dst)
		return -ENOMEM;
	memcpy(dst, verb, len);
	if (count) {
		dst[len++] = ' ';
		len += hashes_put(hashes, count, dst + len);
	}
	dst[len++] = '\n';
	buf_commit(out, len);
	return 0;
}

int holdings_tell_sum(struct store *store, struct buf *out)
{
	uint64_t sum = store_digest(store);

	return tell(out, "SUM", &sum, 1);
}

int holdings_tell_sums(struct store *store, struct buf *out)
{
	uint64_t sums[STORE_BUCKETS];

	store_digests(store, sums);
	return tell(out, "SUMS", sums, HERD_COUNT(sums));
}

int holdings_tell_list(struct store *store, unsigned bucket, int64_t now_ns,
	char *scratch, struct buf *out)
{
	struct store_walk walk = {
		.bucket = bucket, .dst = scratch, .room = LINE_LINK_MAX + 1};
	uint64_t hashes[HASHES_PER_LINE];
	size_t count = 0;
	char verb[24];
	int rc = 0;

	snprintf(verb, sizeof verb, "HASHES %u", bucket);
	while (!rc && store_walk(store, &walk, now_ns)) {
		struct text lines = {walk.dst, walk.len};
		struct text line;

		while (conn_take_line(&lines, &line))
			hashes[count++] = store_line_hash(store, line);
		if (count + STORE_WALK_LINES > HERD_COUNT(hashes)) {
			rc = tell(out, verb, hashes, count);
			count = 0;
		}
	}
	if (!rc && count)
		rc = tell(out, verb, hashes, count);
	/* An empty one ends the list. */
	return rc ? rc : tell(out, verb, NULL, 0);
}
