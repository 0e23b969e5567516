/* sys_fault - the sys of unit tests: the real one below, a script on top.
 *
 * src/base/sys.c itself is compiled in here under other names, so that what
 * tests run by default is the code that ships, and not a copy of it. What no
 * test needs to fail keeps its name. */
#define sys_realtime_ns      real_realtime_ns
#define sys_monotonic_ns     real_monotonic_ns
#define sys_random           real_random
#define sys_alloc            real_alloc
#define sys_alloc_zero       real_alloc_zero
#define sys_alloc_aligned    real_alloc_aligned
#define sys_resize           real_resize
#define sys_free             real_free
#define sys_read             real_read
#define sys_send             real_send
#define sys_write            real_write
#define sys_accept           real_accept
#define sys_connect          real_connect
#define sys_connected        real_connected
#define sys_bytes_acked      real_bytes_acked
#define sys_listen           real_listen
#define sys_listener_options real_listener_options

#include "../../src/base/sys.c"

#undef sys_realtime_ns
#undef sys_monotonic_ns
#undef sys_random
#undef sys_alloc
#undef sys_alloc_zero
#undef sys_alloc_aligned
#undef sys_resize
#undef sys_free
#undef sys_read
#undef sys_send
#undef sys_write
#undef sys_accept
#undef sys_connect
#undef sys_connected
#undef sys_bytes_acked
#undef sys_listen
#undef sys_listener_options

/* Once more, for the declarations under their own names. */
#undef HERD_SYS_H
#include "herd/sys.h"

#include "sys_fault.h"

#include <stdatomic.h>

/* Everything is [A]: tests with several threads go through here too. */
struct script {
	atomic_uint calls;
	atomic_int skip;  /* calls left before the first that fails; < 0: calls
			   * since */
	atomic_int times; /* how many fail; 0: no script */
	atomic_int error;
	atomic_bool fired;
	atomic_size_t limit; /* bytes per call; 0: none */
};

static struct script scripts[SYS_FAULT_COUNT];
static atomic_size_t blocks;
static atomic_bool clock_is_set;
static _Atomic int64_t realtime_ns;
static _Atomic int64_t monotonic_ns;
static atomic_bool random_is_seeded;
static _Atomic uint64_t random_state;

void sys_fault_reset(void)
{
	for (size_t i = 0; i < SYS_FAULT_COUNT; i++) {
		sys_fault_fail((enum sys_fault_call)i, 0, 0, 0);
		scripts[i].calls = 0;
		scripts[i].limit = 0;
	}
	clock_is_set = false;
	random_is_seeded = false;
}

void sys_fault_fail(
	enum sys_fault_call call, unsigned skip, unsigned times, int error)
{
	struct script *s = &scripts[call];

	s->times = 0;
	s->fired = false;
	s->skip = (int)skip;
	s->error = error;
	s->times = (int)times;
}

bool sys_fault_fired(enum sys_fault_call call)
{
	return scripts[call].fired;
}

unsigned sys_fault_calls(enum sys_fault_call call)
{
	return scripts[call].calls;
}

void sys_fault_short(enum sys_fault_call call, size_t len)
{
	scripts[call].limit = len;
}

void sys_fault_clock_set(int64_t new_realtime_ns, int64_t new_monotonic_ns)
{
	realtime_ns = new_realtime_ns;
	monotonic_ns = new_monotonic_ns;
	clock_is_set = true;
}

void sys_fault_clock_advance(int64_t ns)
{
	realtime_ns += ns;
	monotonic_ns += ns;
}

void sys_fault_seed(uint64_t seed)
{
	random_state = seed;
	random_is_seeded = true;
}

size_t sys_fault_blocks(void)
{
	return blocks;
}

/* The error this call is to end with; 0: let it through. */
static int next_error(enum sys_fault_call call)
{
	struct script *s = &scripts[call];
	int times = s->times;

	s->calls++;
	if (times == 0)
		return 0;

	int before = atomic_fetch_sub(&s->skip, 1);
	if (before > 0 || -before >= times)
		return 0;
	s->fired = true;
	return s->error;
}

static size_t limited(enum sys_fault_call call, size_t len)
{
	size_t limit = scripts[call].limit;

	return limit > 0 && limit < len ? limit : len;
}

int64_t sys_realtime_ns(void)
{
	return clock_is_set ? realtime_ns : real_realtime_ns();
}

int64_t sys_monotonic_ns(void)
{
	return clock_is_set ? monotonic_ns : real_monotonic_ns();
}

/* splitmix64: each state gives one good number. */
static uint8_t next_byte(void)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = atomic_fetch_add(&random_state, golden) + golden;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint8_t)(z ^ z >> 31);
}

int sys_random(void *dst, size_t len)
{
	uint8_t *bytes = dst;
	int error = next_error(SYS_FAULT_RANDOM);

	if (error)
		return -error;
	if (!random_is_seeded)
		return real_random(dst, len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = next_byte();
	return 0;
}

static void *counted(void *block)
{
	if (block)
		blocks++;
	return block;
}

void *sys_alloc(size_t size)
{
	if (next_error(SYS_FAULT_ALLOC))
		return NULL;
	return counted(real_alloc(size));
}

void *sys_alloc_zero(size_t count, size_t size)
{
	if (next_error(SYS_FAULT_ALLOC))
		return NULL;
	return counted(real_alloc_zero(count, size));
}

void *sys_alloc_aligned(size_t alignment, size_t size)
{
	if (next_error(SYS_FAULT_ALLOC))
		return NULL;
	return counted(real_alloc_aligned(alignment, size));
}

void *sys_resize(void *block, size_t size)
{
	if (next_error(SYS_FAULT_ALLOC))
		return NULL;
	if (!block)
		return counted(real_resize(NULL, size));
	return real_resize(block, size);
}

void sys_free(void *block)
{
	if (block)
		blocks--;
	real_free(block);
}

ssize_t sys_read(int fd, void *dst, size_t room)
{
	int error = next_error(SYS_FAULT_READ);

	if (error)
		return -error;
	return real_read(fd, dst, limited(SYS_FAULT_READ, room));
}

ssize_t sys_send(int fd, const void *src, size_t len)
{
	int error = next_error(SYS_FAULT_SEND);

	if (error)
		return -error;
	return real_send(fd, src, limited(SYS_FAULT_SEND, len));
}

ssize_t sys_write(int fd, const void *src, size_t len)
{
	int error = next_error(SYS_FAULT_WRITE);

	if (error)
		return -error;
	return real_write(fd, src, limited(SYS_FAULT_WRITE, len));
}

int sys_accept(int listener, struct address *ret_peer, int *ret_fd)
{
	int error = next_error(SYS_FAULT_ACCEPT);

	return error ? -error : real_accept(listener, ret_peer, ret_fd);
}

int sys_connect(
	const struct address *to, const struct address *from, int *ret_fd)
{
	int error = next_error(SYS_FAULT_CONNECT);

	return error ? -error : real_connect(to, from, ret_fd);
}

int sys_connected(int fd)
{
	int error = next_error(SYS_FAULT_CONNECTED);

	return error ? -error : real_connected(fd);
}

int sys_bytes_acked(int fd, uint64_t *ret_bytes)
{
	int error = next_error(SYS_FAULT_ACKED);

	return error ? -error : real_bytes_acked(fd, ret_bytes);
}

int sys_listen(const struct address *at, int *ret_fd)
{
	int error = next_error(SYS_FAULT_LISTEN);

	return error ? -error : real_listen(at, ret_fd);
}

int sys_listener_options(int fd)
{
	int error = next_error(SYS_FAULT_LISTEN);

	return error ? -error : real_listener_options(fd);
}
