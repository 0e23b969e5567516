/* hashes - 64-bit hashes as text: base64 (RFC 4648) of the numbers run
 * together, highest byte first. Pure; threads: any. */
#ifndef HERD_HASHES_H
#define HERD_HASHES_H

#include "herd/base.h"

/* Three hashes are 32 characters without padding, so that a run of them can be
 * written in pieces of that size. */
#define HASHES_TEXT_MAX(count) (((size_t)(count) + 2) / 3 * 32)

/* Write them to dst, which has room for HASHES_TEXT_MAX(count) and a NUL; the
 * length without it. */
size_t hashes_put(const uint64_t *hashes, size_t count, char *dst);

/* How many hashes a text of that length stands for; false: none has it. */
HERD_MUST_CHECK bool hashes_count(size_t text_len, size_t *ret_count);

/* Read hashes_count() of them. false: that is no such text. */
HERD_MUST_CHECK bool hashes_take(struct text text, uint64_t *ret_hashes);

#endif
