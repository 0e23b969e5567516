/* resolver - getaddrinfo_a(3), polled; see resolver.h. */
#include "herd/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>

#include "herd/sys.h"

/* On the heap, in one piece: the library may still write to it after we have
 * lost interest. */
struct resolver {
	struct gaicb request;
	struct addrinfo hints;
	char host[NI_MAXHOST];
	char service[8];
	bool busy;
};

int resolver_new(struct resolver **ret_resolver)
{
	struct resolver *r = sys_alloc_zero(1, sizeof *r);

	if (!r)
		return -ENOMEM;
	r->hints.ai_socktype = SOCK_STREAM;
	*ret_resolver = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	/* Under way and not to be cancelled: its memory must stay. */
	if (r->busy && gai_cancel(&r->request) == EAI_NOTCANCELED &&
		gai_error(&r->request) == EAI_INPROGRESS)
		return;
	if (r->request.ar_result)
		freeaddrinfo(r->request.ar_result);
	sys_free(r);
}

int resolver_start(struct resolver *r, const char *host, uint16_t port)
{
	struct gaicb *list[] = {&r->request};

	HERD_ASSERT(!r->busy);
	snprintf(r->host, sizeof r->host, "%s", host);
	snprintf(r->service, sizeof r->service, "%u", port);
	r->request = (struct gaicb){.ar_name = r->host,
		.ar_service = r->service,
		.ar_request = &r->hints};
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL))
		return -EAGAIN;
	r->busy = true;
	return 0;
}

int resolver_poll(struct resolver *r, struct address *ret_addresses,
	size_t room, size_t *ret_count)
{
	size_t count = 0;
	int rc = gai_error(&r->request);

	HERD_ASSERT(r->busy);
	if (rc == EAI_INPROGRESS)
		return -EINPROGRESS;
	r->busy = false;
	if (rc)
		return -ENOENT;
	for (struct addrinfo *a = r->request.ar_result; a; a = a->ai_next) {
		if (count == room || a->ai_addrlen > sizeof(struct address))
			continue;
		ret_addresses[count] = (struct address){0};
		memcpy(&ret_addresses[count++], a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(r->request.ar_result);
	r->request.ar_result = NULL;
	if (!count)
		return -ENOENT;
	*ret_count = count;
	return 0;
}
