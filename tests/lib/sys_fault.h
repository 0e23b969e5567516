/* sys_fault - herd/sys.h for tests: the same calls, and a script.
 *
 * Without a script each call does what herdd's does. A sweep makes call 0 of
 * an operation fail, then call 1, and so on until it gets through:
 *
 *	for (unsigned n = 0;; n++) {
 *		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
 *		r = operation();
 *		if (!sys_fault_fired(SYS_FAULT_ALLOC))
 *			break;
 *		... r is right, nothing leaked, the object still works ...
 *	}
 *
 * Threads: any; but a script is written while nothing runs that it is for. */
#ifndef TESTS_SYS_FAULT_H
#define TESTS_SYS_FAULT_H

#include "herd/base.h"

enum sys_fault_call {
	SYS_FAULT_ALLOC, /* sys_alloc, _alloc_zero, _alloc_aligned, _resize */
	SYS_FAULT_RANDOM,
	SYS_FAULT_READ,
	SYS_FAULT_SEND,
	SYS_FAULT_WRITE,
	SYS_FAULT_ACCEPT,
	SYS_FAULT_CONNECT,
	SYS_FAULT_CONNECTED,
	SYS_FAULT_ACKED,
	SYS_FAULT_LISTEN, /* sys_listen, sys_listener_options */
	SYS_FAULT_COUNT
};

/* Forget every script, the clock and the seed. Live blocks stay counted. */
void sys_fault_reset(void);

/* Let `skip` calls of this kind through from now on, then have `times` fail
 * with errno `error` (for SYS_FAULT_ALLOC: return NULL). */
void sys_fault_fail(
	enum sys_fault_call call, unsigned skip, unsigned times, int error);

/* Whether the script of the last sys_fault_fail has failed a call. */
bool sys_fault_fired(enum sys_fault_call call);

/* Calls of this kind since sys_fault_reset, failed ones included. */
unsigned sys_fault_calls(enum sys_fault_call call);

/* READ, SEND, WRITE: move at most `len` bytes per call; 0: no limit. */
void sys_fault_short(enum sys_fault_call call, size_t len);

/* Stop both clocks and set them; then move them on together. */
void sys_fault_clock_set(int64_t realtime_ns, int64_t monotonic_ns);
void sys_fault_clock_advance(int64_t ns);

/* From now on sys_random gives the same bytes for the same seed. */
void sys_fault_seed(uint64_t seed);

/* Blocks allocated and not freed: the same before and after, or a leak. */
size_t sys_fault_blocks(void);

#endif
