/* sim_sys - herd/sys.h in a simulated world: its clocks, its randomness, its
 * network. Memory is the real one, and counted. */
#include "herd/sys.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "network.h"

#define UNUSED_CALL(name) HERD_ASSERT(!"nobody simulated calls " name)

const char *sys_error_text(int rc)
{
	const char *text = strerrordesc_np(-rc);

	return text ? text : "unknown error";
}

int64_t sys_realtime_ns(void)
{
	return sim.now_ns + (sim.self ? sim.self->realtime_offset_ns : 0);
}

int64_t sys_monotonic_ns(void)
{
	return sim.now_ns + (sim.self ? sim.self->monotonic_offset_ns : 0);
}

int sys_random(void *dst, size_t len)
{
	struct rng *rng = sim.self ? &sim.self->rng : &sim.rng;
	char *next = dst;

	while (len > 0) {
		uint64_t word = rng_next(rng);
		size_t n = len < sizeof word ? len : sizeof word;

		memcpy(next, &word, n);
		next += n;
		len -= n;
	}
	return 0;
}

/* --- memory --------------------------------------------------------------- */

static void *counted(void *block)
{
	if (block) {
		sim.blocks++;
		sim.bytes += malloc_usable_size(block);
	}
	if (sim.bytes > sim.most_bytes)
		sim.most_bytes = sim.bytes;
	return block;
}

static void uncounted(void *block)
{
	sim.blocks--;
	sim.bytes -= malloc_usable_size(block);
}

void *sys_alloc(size_t size)
{
	return counted(malloc(size));
}

void *sys_alloc_zero(size_t count, size_t size)
{
	return counted(calloc(count, size));
}

void *sys_alloc_aligned(size_t alignment, size_t size)
{
	void *block;

	return posix_memalign(&block, alignment, size) == 0 ? counted(block)
							    : NULL;
}

void *sys_resize(void *block, size_t size)
{
	if (block)
		uncounted(block);
	block = realloc(block, size);
	HERD_ASSERT(block);
	return counted(block);
}

void sys_free(void *block)
{
	if (block)
		uncounted(block);
	free(block);
}

/* --- sockets -------------------------------------------------------------- */

ssize_t sys_read(int fd, void *dst, size_t room)
{
	return net_read(net_end_of(fd), dst, room);
}

ssize_t sys_send(int fd, const void *src, size_t len)
{
	ssize_t n = net_send(net_end_of(fd), src, len);

	sim_preempt();
	return n;
}

int sys_connect(
	const struct address *to, const struct address *from, int *ret_fd)
{
	HERD_ASSERT(sim.self);
	(void)from;
	for (size_t node = 0; node < SIM_NODES; node++) {
		struct address a = net_address(node);

		if (!address_same_host(&a, to))
			continue;
		*ret_fd = net_dial(sim.self->node, node)->fd;
		return 0;
	}
	return -ENETUNREACH;
}

int sys_connected(int fd)
{
	struct net_end *e = net_end_of(fd);
	int error = e->error;

	e->error = 0;
	return -error;
}

void sys_close(int fd)
{
	net_close(net_end_of(fd));
}

void sys_shut_sending(int fd)
{
	net_shut(net_end_of(fd));
}

bool sys_is_quiet(int fd)
{
	return net_is_quiet(net_end_of(fd));
}

int sys_bytes_acked(int fd, uint64_t *ret_bytes)
{
	*ret_bytes = net_acked(net_end_of(fd));
	return 0;
}

int sys_peer_address(int fd, struct address *ret_address)
{
	*ret_address = net_address(net_other_place(net_end_of(fd)));
	return 0;
}

/* What the kernel takes is the seed's choice. */
void sys_limit_unsent(int fd, int bytes)
{
	(void)fd;
	(void)bytes;
}
