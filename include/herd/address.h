/* address - an IPv4 or IPv6 address with a port, in 28 bytes.
 * Threads: any (values). address_resolve blocks: never call it on a loop. */
#ifndef HERD_ADDRESS_H
#define HERD_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "herd/base.h"

struct address {
	union {
		struct sockaddr any; /* any.sa_family tells which */
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* Room for the longest text, its NUL included: "[v6%scope]:65535". */
#define ADDRESS_TEXT 80

/* The size to hand to the kernel with &a->any. */
socklen_t address_len(const struct address *a);

/* A numeric host ("127.0.0.1", "::1"). 0; -EINVAL: a name, or nonsense. */
HERD_MUST_CHECK int address_parse(
	const char *host, uint16_t port, struct address *ret_address);

/* Look a host name or numeric address up (getaddrinfo; may take seconds).
 * 0 with at least one address; -ENOENT: no such name; -EAGAIN: ask later. */
HERD_MUST_CHECK int address_resolve(const char *host, uint16_t port,
	struct address *ret_addresses, size_t room, size_t *ret_count);

/* The same host, ports aside; ::ffff:1.2.3.4 is 1.2.3.4. */
bool address_same_host(const struct address *a, const struct address *b);

/* 127.0.0.0/8, ::1, or the former written as v6. */
bool address_is_loopback(const struct address *a);

uint16_t address_port(const struct address *a);

/* "127.0.0.1:12000" or "[::1]:12000" into dst[ADDRESS_TEXT]; its length. */
size_t address_format(const struct address *a, char *dst);

#endif
