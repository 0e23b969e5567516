/* buf - a queue of bytes in one block, which says itself what is where.
 *
 *              bytes            start              end            room
 *   | numbers    |  consumed      |  live bytes     |   free       |
 *
 * The block doubles, from 64 bytes: an idle connection holds the piece of a
 * line it waits to complete, and no page. */
#include "herd/buf.h"

#include <errno.h>

#include "herd/sys.h"

#define HEAD     sizeof(struct buf_block)
#define SIZE_MIN ((size_t)64) /* HEAD included */
#define ROOM_MAX ((size_t)UINT32_MAX / 4)

void buf_fini(struct buf *b)
{
	sys_free(b->block);
	b->block = NULL;
}

static void move_to_front(struct buf_block *block)
{
	uint32_t live = block->end - block->start;

	if (block->start > 0)
		memmove(block->bytes, block->bytes + block->start, live);
	block->start = 0;
	block->end = live;
}

/* The first block, or a larger one. NULL: no memory. */
static struct buf_block *resize(struct buf_block *old, size_t size)
{
	struct buf_block *block = sys_resize(old, size);

	if (!block)
		return NULL;
	if (!old)
		*block = (struct buf_block){0};
	block->room = (uint32_t)(size - HEAD);
	return block;
}

char *buf_grow(struct buf *b, size_t len)
{
	struct buf_block *block = b->block;
	size_t live = buf_len(b);
	size_t before = block ? HEAD + block->room : 0;
	size_t size = block ? before : SIZE_MIN;

	if (live > ROOM_MAX || len > ROOM_MAX - live)
		return NULL;
	/* Moving pays only when at least as much was consumed as is moved;
	 * else a queue that stays nearly full would move for every append. */
	if (block && block->start < live)
		size *= 2;
	while (size - HEAD < live + len)
		size *= 2;
	if (block)
		move_to_front(block);
	if (size > before) {
		block = resize(block, size);
		if (!block)
			return NULL;
		b->block = block;
	}
	return block->bytes + block->end;
}

int buf_append(struct buf *b, const void *src, size_t len)
{
	char *dst;

	if (len == 0)
		return 0;
	dst = buf_reserve(b, len);
	if (!dst)
		return -ENOMEM;
	memcpy(dst, src, len);
	b->block->end += (uint32_t)len;
	return 0;
}

void buf_consume(struct buf *b, size_t len)
{
	size_t live = buf_len(b);

	HERD_ASSERT(len <= live);
	if (len == live)
		buf_fini(b);
	else
		b->block->start += (uint32_t)len;
}

void buf_truncate(struct buf *b, size_t len)
{
	HERD_ASSERT(len <= buf_len(b));
	if (len == 0)
		buf_fini(b);
	else
		b->block->end = b->block->start + (uint32_t)len;
}
