/* address - IPv4 and IPv6 addresses as values.
 *
 * Texts are read and written here rather than by getaddrinfo and getnameinfo:
 * those take "127.1" for an address, may open sockets to ask for the names of
 * interfaces, and cost more than the rest of a log line. Scopes are therefore
 * written as numbers; they are read as numbers or names. */
#include "herd/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>

#define SCOPE_DIGITS 10 /* of a uint32_t */

socklen_t address_len(const struct address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

/* "2" or "eth0" after the '%'. */
static bool parse_scope(const char *text, uint32_t *ret_scope)
{
	uint64_t number = 0;
	const char *c = text;

	while (*c >= '0' && *c <= '9' && c - text < SCOPE_DIGITS)
		number = number * 10 + (uint64_t)(*c++ - '0');
	if (c == text || *c != '\0')
		number = if_nametoindex(text);
	if (number == 0 || number > UINT32_MAX)
		return false;
	*ret_scope = (uint32_t)number;
	return true;
}

static bool parse_v6(const char *host, struct sockaddr_in6 *v6)
{
	char digits[INET6_ADDRSTRLEN];
	const char *percent = strchrnul(host, '%');
	size_t len = (size_t)(percent - host);

	if (len >= sizeof digits)
		return false;
	memcpy(digits, host, len);
	digits[len] = '\0';
	if (inet_pton(AF_INET6, digits, &v6->sin6_addr) != 1)
		return false;
	return *percent == '\0' || parse_scope(percent + 1, &v6->sin6_scope_id);
}

int address_parse(const char *host, uint16_t port, struct address *ret_address)
{
	struct address a;

	memset(&a, 0, sizeof a);
	if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(port);
	} else {
		memset(&a, 0, sizeof a);
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(port);
		if (!parse_v6(host, &a.v6))
			return -EINVAL;
	}
	*ret_address = a;
	return 0;
}

static void set_port(struct address *a, uint16_t port)
{
	if (a->any.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

int address_resolve(const char *host, uint16_t port,
	struct address *ret_addresses, size_t room, size_t *ret_count)
{
	/* No AI_ADDRCONFIG: it hides ::1 and 127.0.0.1 on machines that have
	 * no other address of that family. */
	static const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	size_t count = 0;

	HERD_ASSERT(room > 0);
	if (address_parse(host, port, ret_addresses) == 0) {
		*ret_count = 1;
		return 0;
	}

	switch (getaddrinfo(host, NULL, &hints, &found)) {
	case 0:
		break;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -ENOENT;
	default:
		/* No answer, no memory, no descriptor: all may pass. */
		return -EAGAIN;
	}
	for (const struct addrinfo *f = found; f && count < room;
		f = f->ai_next) {
		if (f->ai_family != AF_INET && f->ai_family != AF_INET6)
			continue;
		memset(&ret_addresses[count], 0, sizeof *ret_addresses);
		memcpy(&ret_addresses[count], f->ai_addr, f->ai_addrlen);
		set_port(&ret_addresses[count], port);
		count++;
	}
	freeaddrinfo(found);
	if (count == 0)
		return -ENOENT;
	*ret_count = count;
	return 0;
}

/* The IPv4 address `a` is, or stands for. */
static bool as_v4(const struct address *a, struct in_addr *ret_v4)
{
	if (a->any.sa_family == AF_INET) {
		*ret_v4 = a->v4.sin_addr;
		return true;
	}
	if (!IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return false;
	memcpy(ret_v4, &a->v6.sin6_addr.s6_addr[12], sizeof *ret_v4);
	return true;
}

bool address_same_host(const struct address *a, const struct address *b)
{
	struct in_addr a_v4, b_v4;
	bool a_is_v4 = as_v4(a, &a_v4);
	bool b_is_v4 = as_v4(b, &b_v4);

	if (a_is_v4 || b_is_v4)
		return a_is_v4 && b_is_v4 && a_v4.s_addr == b_v4.s_addr;
	if (!IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr))
		return false;
	/* The same link-local address on two links is two machines. */
	return !IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr) ||
	       a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool address_is_loopback(const struct address *a)
{
	struct in_addr v4;

	if (as_v4(a, &v4))
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

uint16_t address_port(const struct address *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port
						  : a->v4.sin_port);
}

static char *put_number(char *dst, uint32_t number)
{
	char digits[SCOPE_DIGITS];
	size_t len = 0;

	do {
		digits[len++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (len > 0)
		*dst++ = digits[--len];
	return dst;
}

static char *put_v4(char *dst, struct in_addr v4)
{
	uint32_t host = ntohl(v4.s_addr);

	for (unsigned shift = 24; shift > 0; shift -= 8) {
		dst = put_number(dst, host >> shift & 0xff);
		*dst++ = '.';
	}
	return put_number(dst, host & 0xff);
}

static char *put_v6(char *dst, const struct sockaddr_in6 *v6)
{
	*dst++ = '[';
	/* Cannot fail: the family is known and there is room. */
	(void)inet_ntop(AF_INET6, &v6->sin6_addr, dst, INET6_ADDRSTRLEN);
	dst += strlen(dst);
	if (v6->sin6_scope_id != 0) {
		*dst++ = '%';
		dst = put_number(dst, v6->sin6_scope_id);
	}
	*dst++ = ']';
	return dst;
}

size_t address_format(const struct address *a, char *dst)
{
	char *end = a->any.sa_family == AF_INET6 ? put_v6(dst, &a->v6)
						 : put_v4(dst, a->v4.sin_addr);

	*end++ = ':';
	end = put_number(end, address_port(a));
	*end = '\0';
	return (size_t)(end - dst);
}
