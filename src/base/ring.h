/* ring - records of bytes from one thread to another, without a lock.
 *
 *   bytes:  | free | record | record | record ... | free | padding |
 *                  tail                          head
 *
 * head and tail only grow; their low bits are offsets. A record is never split
 * at the end of the memory: padding goes there instead, and the record to the
 * front, so that both sides work in place. That costs nothing but the rule
 * that no record is longer than half the ring.
 *
 * Each side keeps the other's counter as it last saw it, and reads the shared
 * one only when it has to: on a machine with two caches that is the whole cost
 * of a ring.
 *
 * Threads: one producer, one consumer, as marked. Private to src/base. */
#ifndef HERD_RING_H
#define HERD_RING_H

#include <stdatomic.h>

#include "herd/base.h"

struct ring {
	char *bytes; /* [I] aligned to 8 */
	size_t size; /* [I] a power of two */

	/* [A] Written by the producer, release: what lies before is whole. */
	_Alignas(HERD_CACHE_LINE) atomic_size_t head;
	size_t next;      /* [O] producer: head after the reserved record */
	size_t tail_seen; /* [O] producer */

	/* [A] Written by the consumer, release: what lies before is free. */
	_Alignas(HERD_CACHE_LINE) atomic_size_t tail;
	size_t head_seen; /* [O] consumer */
};

struct ring_record {
	uint32_t size; /* this header included; a multiple of 8 */
	uint32_t is_padding;
};

/* Space for `len` bytes, aligned to 8, to be filled and then published; NULL:
 * the ring is full. Producer. */
static inline void *ring_reserve(struct ring *r, size_t len)
{
	size_t size = (sizeof(struct ring_record) + len + 7) & ~(size_t)7;
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	char *at = r->bytes + (head & (r->size - 1));
	size_t to_end = (size_t)(r->bytes + r->size - at);
	size_t padding = size > to_end ? to_end : 0;
	struct ring_record *record;

	HERD_ASSERT(size <= r->size / 2);
	if (padding + size > r->size - (head - r->tail_seen)) {
		r->tail_seen =
			atomic_load_explicit(&r->tail, memory_order_acquire);
		if (padding + size > r->size - (head - r->tail_seen))
			return NULL;
	}
	if (padding > 0) {
		*(struct ring_record *)(void *)at =
			(struct ring_record){(uint32_t)padding, true};
		at = r->bytes;
	}
	record = (void *)at;
	*record = (struct ring_record){(uint32_t)size, false};
	r->next = head + padding + size;
	return record + 1;
}

/* Producer. */
static inline void ring_publish(struct ring *r)
{
	atomic_store_explicit(&r->head, r->next, memory_order_release);
}

/* See what has been published by now; false: nothing. Consumer. */
static inline bool ring_look(struct ring *r)
{
	r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	return r->head_seen !=
	       atomic_load_explicit(&r->tail, memory_order_relaxed);
}

static inline const struct ring_record *ring_first(
	const struct ring *r, size_t tail)
{
	return (const void *)(r->bytes + (tail & (r->size - 1)));
}

/* The oldest record that ring_look saw; NULL: there is none left. Consumer. */
static inline const void *ring_peek(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	const struct ring_record *record;

	if (tail == r->head_seen)
		return NULL;
	record = ring_first(r, tail);
	/* Padding is published together with the record that follows it. */
	if (record->is_padding) {
		tail += record->size;
		atomic_store_explicit(&r->tail, tail, memory_order_release);
		record = ring_first(r, tail);
	}
	return record + 1;
}

/* Give the space of the record that ring_peek returned back. Consumer. */
static inline void ring_pop(struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + ring_first(r, tail)->size,
		memory_order_release);
}

#endif
