/* holdings - what this server holds, told to a neighbour that compares: the
 * acceptor's side of catching up (sync.h is the dialler's; herd(7)).
 *
 * Threads: any. Errors: -ENOMEM, and what was appended is to be dropped. */
#ifndef HERD_HOLDINGS_H
#define HERD_HOLDINGS_H

#include "herd/base.h"
#include "herd/buf.h"
#include "herd/store.h"

/* Append the answer to SYNC: the digest of everything. */
HERD_MUST_CHECK int holdings_tell_sum(struct store *store, struct buf *out);

/* To SUMS: that of each bucket. */
HERD_MUST_CHECK int holdings_tell_sums(struct store *store, struct buf *out);

/* To LIST: the hash of each line in that bucket. `scratch` has LINE_LINK_MAX +
 * 1 bytes. */
HERD_MUST_CHECK int holdings_tell_list(struct store *store, unsigned bucket,
	int64_t now_ns, char *scratch, struct buf *out);

#endif
