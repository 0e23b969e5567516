/* buf - a queue of bytes: appended at the end, consumed at the front.
 * An empty buf owns no memory, so that idle connections cost none.
 * Threads: owner only. */
#ifndef HERD_BUF_H
#define HERD_BUF_H

#include "herd/base.h"

struct buf {
	char *data;     /* NULL when empty */
	uint32_t start; /* first byte not consumed yet */
	uint32_t end;   /* one past the last byte */
	uint32_t room;  /* size of data; 32 bits each keep idle connections
			 * small */
};

/* All-zero is an empty buf. buf_fini frees and leaves it empty. */
void buf_fini(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline const char *buf_front(const struct buf *b)
{
	return b->data + b->start;
}

/* All of them, until the buf changes. */
static inline struct text buf_text(const struct buf *b)
{
	return (struct text){b->data ? buf_front(b) : "", buf_len(b)};
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
	if (b->data && len <= b->room - b->end)
		return b->data + b->end;
	return buf_grow(b, len);
}

static inline void buf_commit(struct buf *b, size_t len)
{
	HERD_ASSERT(len <= b->room - b->end);
	b->end += (uint32_t)len;
}

/* Drop len bytes from the front; frees the memory when none are left. */
void buf_consume(struct buf *b, size_t len);

/* Keep len bytes, drop those at the end; frees the memory when none are left.
 * Takes back what was appended since buf_len() was len. */
void buf_truncate(struct buf *b, size_t len);

/* Drop everything and keep the memory (a thread's own scratch buffer). */
static inline void buf_clear(struct buf *b)
{
	b->start = 0;
	b->end = 0;
}

#endif
