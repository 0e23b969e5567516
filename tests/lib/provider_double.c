/* provider_double - see the header. Sockets are blocking where the double sends
 * and polled where it reads, so that a herdd that does not do its part fails a
 * test instead of hanging it. */
#include "provider_double.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd_proc.h"

#define LINKS_MAX 512
#define CHUNK     65536

struct double_link {
	int fd; /* -1: closed by us */
	bool gone;
	char *data; /* read, and of no request yet */
	size_t len;
	struct asked *last; /* NULL: none */
};

struct provider_double {
	int listen_fd;
	uint16_t port;
	struct double_link links[LINKS_MAX];
	size_t link_count;
	struct asked **asked;
	size_t asked_count, awaited;
};

struct provider_double *double_new(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof at;
	struct provider_double *d = calloc(1, sizeof *d);

	ck_assert_ptr_nonnull(d);
	d->listen_fd =
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(d->listen_fd, 0);
	ck_assert_int_eq(
		bind(d->listen_fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(d->listen_fd, SOMAXCONN), 0);
	ck_assert_int_eq(
		getsockname(d->listen_fd, (struct sockaddr *)&at, &len), 0);
	d->port = ntohs(at.sin_port);
	return d;
}

static void free_asked(struct asked *a)
{
	free((char *)(uintptr_t)a->method);
	free((char *)(uintptr_t)a->target);
	free((char *)(uintptr_t)a->head);
	free((char *)(uintptr_t)a->body.ptr);
	free(a);
}

void double_free(struct provider_double *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->asked_count; i++)
		free_asked(d->asked[i]);
	free(d->asked);
	for (size_t i = 0; i < d->link_count; i++) {
		free(d->links[i].data);
		if (d->links[i].fd >= 0)
			close(d->links[i].fd);
	}
	close(d->listen_fd);
	free(d);
}

uint16_t double_port(const struct provider_double *d)
{
	return d->port;
}

/* --- requests ------------------------------------------------------------- */

/* Where the value of a header begins; NULL: there is none. */
static const char *find_header(const char *head, const char *name)
{
	size_t len = strlen(name);

	while ((head = strstr(head, "\r\n"))) {
		head += 2;
		if (!strncasecmp(head, name, len) && head[len] == ':')
			return head + len + 1 + strspn(head + len + 1, " ");
	}
	return NULL;
}

const char *asked_header(const struct asked *a, const char *name)
{
	static char value[4096];
	const char *found = find_header(a->head, name);

	if (!found)
		return NULL;
	snprintf(value, sizeof value, "%.*s", (int)strcspn(found, "\r"), found);
	return value;
}

static char *copy(const char *bytes, size_t len)
{
	char *text = strndup(bytes, len);

	ck_assert_ptr_nonnull(text);
	return text;
}

static void add_asked(struct provider_double *d, struct double_link *link,
	const char *head, struct text body)
{
	struct asked *a = calloc(1, sizeof *a);
	const char *target = head + strcspn(head, " ") + 1;

	ck_assert_ptr_nonnull(a);
	a->method = copy(head, strcspn(head, " "));
	a->target = copy(target, strcspn(target, " \r"));
	a->head = head;
	a->body = (struct text){copy(body.ptr, body.len), body.len};
	a->link = link;
	link->last = a;
	d->asked = realloc(d->asked, (d->asked_count + 1) * sizeof *d->asked);
	ck_assert_ptr_nonnull(d->asked);
	d->asked[d->asked_count++] = a;
}

static void take_request(struct provider_double *d, struct double_link *link)
{
	const char *end =
		link->len ? memmem(link->data, link->len, "\r\n\r\n", 4) : NULL;
	const char *length;
	size_t head_len;
	size_t body_len;
	char *head;

	if (!end)
		return;
	head_len = (size_t)(end + 4 - link->data);
	head = copy(link->data, head_len);
	length = find_header(head, "Content-Length");
	body_len = length ? strtoul(length, NULL, 10) : 0;
	if (link->len < head_len + body_len) {
		free(head);
		return;
	}
	add_asked(d, link, head, (struct text){end + 4, body_len});
	link->len -= head_len + body_len;
	memmove(link->data, end + 4 + body_len, link->len);
}

static void read_link(struct provider_double *d, struct double_link *link)
{
	ssize_t len;

	link->data = realloc(link->data, link->len + CHUNK);
	ck_assert_ptr_nonnull(link->data);
	len = recv(link->fd, link->data + link->len, CHUNK, MSG_DONTWAIT);
	if (len > 0) {
		link->len += (size_t)len;
		take_request(d, link);
	} else if (len == 0 || errno != EAGAIN) {
		link->gone = true;
	}
}

static void accept_links(struct provider_double *d)
{
	int fd;

	while ((fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		ck_assert_uint_lt(d->link_count, LINKS_MAX);
		setsockopt(
			fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		d->links[d->link_count++] = (struct double_link){.fd = fd};
	}
	ck_assert_int_eq(errno, EAGAIN);
}

/* Take what there is, waiting for it up to `ms`; false: there is nothing. */
static bool look(struct provider_double *d, int ms)
{
	struct pollfd polled[1 + LINKS_MAX] = {
		{.fd = d->listen_fd, .events = POLLIN}};
	size_t count = d->link_count;

	for (size_t i = 0; i < count; i++) {
		polled[1 + i].fd = d->links[i].gone ? -1 : d->links[i].fd;
		polled[1 + i].events = POLLIN;
	}
	if (poll(polled, 1 + count, ms) <= 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (polled[1 + i].revents)
			read_link(d, &d->links[i]);
	accept_links(d);
	return true;
}

struct asked *double_await(struct provider_double *d)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (d->awaited == d->asked_count)
		ck_assert_msg(look(d, herd_left_ms(deadline)),
			"the provider is not asked");
	return d->asked[d->awaited++];
}

static void look_now(struct provider_double *d)
{
	while (look(d, 0))
		;
}

struct asked *double_next(struct provider_double *d)
{
	look_now(d);
	return d->awaited < d->asked_count ? d->asked[d->awaited++] : NULL;
}

/* --- counting ------------------------------------------------------------- */

size_t double_connections(struct provider_double *d)
{
	look_now(d);
	return d->link_count;
}

size_t double_requests(struct provider_double *d)
{
	look_now(d);
	return d->asked_count;
}

static size_t count_cancelled(const struct provider_double *d)
{
	size_t count = 0;

	for (size_t i = 0; i < d->asked_count; i++)
		count += !d->asked[i]->answered && d->asked[i]->link->gone;
	return count;
}

size_t double_cancelled(struct provider_double *d)
{
	look_now(d);
	return count_cancelled(d);
}

void double_await_cancelled(struct provider_double *d, size_t count)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (count_cancelled(d) < count)
		ck_assert_msg(look(d, herd_left_ms(deadline)),
			"%zu requests cancelled instead of %zu",
			count_cancelled(d), count);
}

/* --- answers -------------------------------------------------------------- */

bool asked_try(struct asked *a, struct text bytes)
{
	struct pollfd p = {.fd = a->link->fd, .events = POLLOUT};
	int64_t deadline = herd_deadline(HERD_PATIENCE);

	while (bytes.len) {
		ssize_t len;

		ck_assert_msg(poll(&p, 1, herd_left_ms(deadline)) == 1,
			"the provider's answer is not read");
		len = send(p.fd, bytes.ptr, bytes.len,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (len > 0) {
			bytes.ptr += len;
			bytes.len -= (size_t)len;
		} else if (errno != EAGAIN) {
			return false;
		}
	}
	return true;
}

void asked_say_bytes(struct asked *a, struct text bytes)
{
	ck_assert_msg(asked_try(a, bytes), "the provider's answer: %s",
		strerror(errno));
}

void asked_say(struct asked *a, const char *text)
{
	asked_say_bytes(a, text_of(text));
}

void asked_answer(struct asked *a, unsigned status, const char *json)
{
	char head[256];

	snprintf(head, sizeof head,
		"HTTP/1.1 %u Because\r\n"
		"Content-Type: application/json; charset=UTF-8\r\n"
		"Content-Length: %zu\r\n\r\n",
		status, strlen(json));
	asked_say(a, head);
	asked_say(a, json);
	a->answered = true;
}

void asked_close(struct asked *a)
{
	a->answered = true;
	close(a->link->fd);
	a->link->fd = -1;
}

void asked_reset(struct asked *a)
{
	struct linger abort = {.l_onoff = 1, .l_linger = 0};

	setsockopt(a->link->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
	asked_close(a);
}

/* --- floods --------------------------------------------------------------- */

HERD_NORETURN static void flood(int fd, struct text bytes, pid_t parent)
{
	size_t size = 0;
	char page[CHUNK];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* What the test closes shall be closed. */
	if (fd > 3)
		close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
	while (size + bytes.len <= sizeof page) {
		memcpy(page + size, bytes.ptr, bytes.len);
		size += bytes.len;
	}
	while (send(fd, page, size, MSG_NOSIGNAL) > 0)
		;
	_exit(0);
}

void asked_flood(struct asked *a, struct text bytes)
{
	pid_t self = getpid();

	a->flooder = fork();
	ck_assert_int_ge(a->flooder, 0);
	if (!a->flooder)
		flood(a->link->fd, bytes, self);
}

void asked_flood_ends(struct asked *a)
{
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	unsigned tries = 0;

	while (!waitpid(a->flooder, NULL, WNOHANG)) {
		ck_assert_msg(!herd_late(deadline), "endless bytes are read");
		herd_back_off(&tries);
	}
}
