/* buf - a queue of bytes in one block.
 *
 *   data            start              end            room
 *    |  consumed      |  live bytes     |   free       |
 *
 * The block doubles, from 64 bytes: an idle connection holds the piece of a
 * line it waits to complete, and no page. */
#include "herd/buf.h"

#include <errno.h>

#include "herd/sys.h"

#define ROOM_MIN ((size_t)64)
#define ROOM_MAX ((size_t)UINT32_MAX / 4)

void buf_fini(struct buf *b)
{
	sys_free(b->data);
	*b = (struct buf){0};
}

static void move_to_front(struct buf *b)
{
	if (b->start == 0)
		return;
	HERD_ASSERT(b->data);
	memmove(b->data, b->data + b->start, buf_len(b));
	b->end -= b->start;
	b->start = 0;
}

char *buf_grow(struct buf *b, size_t len)
{
	size_t live = buf_len(b);
	size_t room = b->room > 0 ? b->room : ROOM_MIN;

	if (live > ROOM_MAX || len > ROOM_MAX - live)
		return NULL;
	/* Moving pays only when at least as much was consumed as is moved;
	 * else a queue that stays nearly full would move for every append. */
	if (b->start < live)
		room *= 2;
	while (room < live + len)
		room *= 2;
	move_to_front(b);
	if (room > b->room) {
		char *data = sys_resize(b->data, room);
		if (!data)
			return NULL;
		b->data = data;
		b->room = (uint32_t)room;
	}
	return b->data + b->end;
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
	b->end += (uint32_t)len;
	return 0;
}

void buf_consume(struct buf *b, size_t len)
{
	HERD_ASSERT(len <= buf_len(b));
	b->start += (uint32_t)len;
	if (b->start == b->end)
		buf_fini(b);
}

void buf_truncate(struct buf *b, size_t len)
{
	HERD_ASSERT(len <= buf_len(b));
	b->end = b->start + (uint32_t)len;
	if (b->start == b->end)
		buf_fini(b);
}
