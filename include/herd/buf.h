/* buf - a queue of bytes: appended at the end, consumed at the front.
 * An empty buf is one NULL pointer and owns no memory: each connection has two
 * of them, and most of the time nothing in them.
 * Threads: owner only. */
#ifndef HERD_BUF_H
#define HERD_BUF_H

#include "herd/base.h"

/* Of nobody's business but buf's. */
struct buf_block {
	uint32_t start; /* first byte not consumed yet */
	uint32_t end;   /* one past the last byte */
	uint32_t room;  /* size of bytes */
	char bytes[];
};

struct buf {
	struct buf_block *block; /* NULL: no bytes, and no memory */
};

/* All-zero is an empty buf. buf_fini frees and leaves it empty. */
void buf_fini(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
	return b->block ? b->block->end - b->block->start : 0;
}

/* The first of the bytes, to be changed in place. NULL: it owns no memory. */
static inline char *buf_bytes(struct buf *b)
{
	return b->block ? b->block->bytes + b->block->start : NULL;
}

/* The same to be read; never NULL. */
static inline const char *buf_front(const struct buf *b)
{
	return b->block ? b->block->bytes + b->block->start : "";
}

/* All of them, until the buf changes. */
static inline struct text buf_text(const struct buf *b)
{
	return (struct text){buf_front(b), buf_len(b)};
}

/* Append len bytes. 0; -ENOMEM (buf unchanged). */
HERD_MUST_CHECK int buf_append(struct buf *b, const void *src, size_t len);

HERD_MUST_CHECK
static inline int buf_append_text(struct buf *b, struct text text)
{
	return buf_append(b, text.ptr, text.len);
}

HERD_MUST_CHECK
static inline int buf_append_string(struct buf *b, const char *string)
{
	return buf_append(b, string, strlen(string));
}

/* Make room for len more bytes and return where they go, then tell how many
 * were written there. NULL: no memory. (buf_grow is for when there is none.) */
HERD_MUST_CHECK char *buf_grow(struct buf *b, size_t len);

HERD_MUST_CHECK static inline char *buf_reserve(struct buf *b, size_t len)
{
	struct buf_block *block = b->block;

	if (block && len <= block->room - block->end)
		return block->bytes + block->end;
	return buf_grow(b, len);
}

static inline void buf_commit(struct buf *b, size_t len)
{
	HERD_ASSERT(len <= b->block->room - b->block->end);
	b->block->end += (uint32_t)len;
}

/* Drop len bytes from the front; frees the memory when none are left. */
void buf_consume(struct buf *b, size_t len);

/* Keep len bytes, drop those at the end; frees the memory when none are left.
 * Takes back what was appended since buf_len() was len. */
void buf_truncate(struct buf *b, size_t len);

/* Drop everything and keep the memory (a thread's own scratch buffer). */
static inline void buf_clear(struct buf *b)
{
	if (b->block) {
		b->block->start = 0;
		b->block->end = 0;
	}
}

#endif
