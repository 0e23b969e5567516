/* nearby_http - libmicrohttpd at the front, the pure answers behind it.
 *
 * libmicrohttpd brings its own epoll set and leaves the waiting to us: so there
 * is one thread, one poll, and no lock. A request that has to wait (--delay)
 * costs nothing meanwhile: its connection is suspended and stands in a queue,
 * which is in order of time because all wait equally long.
 *
 *      handle_request ──► delayed? ──yes──► suspend, queue ──due──► resume ─┐
 *            ▲               │ no                                           │
 *            └───────────────┼──────────────────────────────────────────────┘
 *                            ▼
 *                        answer, log */
#include "herd/nearby_http.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "herd/address.h"
#include "herd/buf.h"
#include "herd/nearby_legacy.h"
#include "herd/nearby_new.h"
#include "herd/sys.h"

#define IDLE_SECONDS 120u
#define BODY_MAX     ((size_t)65536)

/* Requests that go on at a time. New ones are read in between, so that their
 * delay begins when they come, and not when all these have been answered: else
 * clients whose next question follows an answer would come ever more as one. */
#define RESUME_MAX 16

struct request {
	struct MHD_Connection *connection;
	struct buf body;
	bool too_large;       /* the body, the rest of which is dropped */
	bool waited;          /* its delay is over, or there is none */
	int64_t due_ns;       /* when it is */
	struct request *next; /* in the queue */
};

struct nearby_http {
	struct nearby_http_settings set;
	struct MHD_Daemon *daemon;
	int epoll_fd;
	bool started;
	char said[NEARBY_HTTP_ERROR_MAX]; /* by libmicrohttpd at the start */
	struct buf out;                   /* for the answer being written */
	struct request *first;            /* of those that wait */
	struct request **last;            /* where the next one goes */
};

/* --- answers -------------------------------------------------------------- */

static const char *find(
	const struct request *r, enum MHD_ValueKind kind, const char *key)
{
	return MHD_lookup_connection_value(r->connection, kind, key);
}

static int answer_legacy(struct nearby_http *http, const struct request *r,
	struct nearby_answer *ret_answer)
{
	struct nearby_legacy_question q = {
		.location = find(r, MHD_GET_ARGUMENT_KIND, "location"),
		.radius = find(r, MHD_GET_ARGUMENT_KIND, "radius"),
		.key = find(r, MHD_GET_ARGUMENT_KIND, "key"),
	};

	if (http->set.fail) {
		*ret_answer = (struct nearby_answer){.status = http->set.fail};
		return nearby_legacy_fail(http->set.fail, &http->out);
	}
	return nearby_legacy_answer(http->set.gazetteer, http->set.api_key, &q,
		&http->out, ret_answer);
}

static int answer_error(struct nearby_http *http, unsigned status,
	const char *message, struct nearby_answer *ret_answer)
{
	*ret_answer = (struct nearby_answer){.status = status};
	return nearby_new_error(status, message, &http->out);
}

static int answer_new(struct nearby_http *http, const struct request *r,
	struct nearby_answer *ret_answer)
{
	struct nearby_new_question q = {
		.key = find(r, MHD_HEADER_KIND, "X-Goog-Api-Key"),
		.field_mask = find(r, MHD_HEADER_KIND, "X-Goog-FieldMask"),
		.body = buf_text(&r->body),
	};

	if (r->too_large)
		return answer_error(
			http, 413, "The body is too large.", ret_answer);
	return nearby_new_answer(http->set.gazetteer, http->set.api_key, &q,
		&http->out, ret_answer);
}

static int answer(struct nearby_http *http, const struct request *r,
	const char *method, const char *path, struct nearby_answer *ret_answer)
{
	if (!strcmp(path, NEARBY_LEGACY_PATH) &&
		(!strcmp(method, "GET") || !strcmp(method, "HEAD")))
		return answer_legacy(http, r, ret_answer);
	if (http->set.fail)
		return answer_error(http, http->set.fail,
			"This server was told to fail.", ret_answer);
	if (!strcmp(path, NEARBY_NEW_PATH) && !strcmp(method, "POST"))
		return answer_new(http, r, ret_answer);
	return answer_error(http, 404,
		"Not found. There are GET " NEARBY_LEGACY_PATH
		" and POST " NEARBY_NEW_PATH ".",
		ret_answer);
}

/* --- the log -------------------------------------------------------------- */

static void format_client(struct MHD_Connection *connection, char *dst)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct address a;

	memset(&a, 0, sizeof a);
	if (info && info->client_addr->sa_family == AF_INET)
		memcpy(&a.v4, info->client_addr, sizeof a.v4);
	else if (info && info->client_addr->sa_family == AF_INET6)
		memcpy(&a.v6, info->client_addr, sizeof a.v6);
	address_format(&a, dst);
}

/* Words of a client: one line, whatever they are. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text > ' ' && *text < 0x7f && *text != '\\')
			putchar(*text);
		else
			printf("\\x%02x", (unsigned)(unsigned char)*text);
	}
}

static void log_request(const struct nearby_http *http, const struct request *r,
	const char *method, const char *path, const struct nearby_answer *a,
	int64_t began_ns)
{
	char client[ADDRESS_TEXT];

	if (!http->set.log)
		return;
	format_client(r->connection, client);
	printf("%s ", client);
	print_escaped(method);
	putchar(' ');
	print_escaped(path);
	if (a->radius_m > 0)
		printf(" %.7g,%.8g %g m", a->latitude, a->longitude,
			a->radius_m);
	printf(": %u, %zu places, %zu bytes, %" PRId64 " us\n", a->status,
		a->found, buf_len(&http->out),
		(sys_monotonic_ns() - began_ns) / 1000);
}

/* --- requests ------------------------------------------------------------- */

static enum MHD_Result send_answer(struct nearby_http *http, struct request *r,
	const struct nearby_answer *a)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(buf_len(&http->out),
			buf_bytes(&http->out), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
		"application/json; charset=UTF-8");
	if (result == MHD_YES)
		result = MHD_queue_response(r->connection, a->status, response);
	MHD_destroy_response(response);
	return result;
}

static void take_body(struct request *r, const char *data, size_t len)
{
	if (r->too_large || len > BODY_MAX - buf_len(&r->body) ||
		buf_append(&r->body, data, len))
		r->too_large = true;
}

static void let_wait(struct nearby_http *http, struct request *r)
{
	r->waited = true;
	r->due_ns = sys_monotonic_ns() + http->set.delay_ms * HERD_MS_NS;
	r->next = NULL;
	*http->last = r;
	http->last = &r->next;
	MHD_suspend_connection(r->connection);
}

/* libmicrohttpd calls it at the head of a request, for each piece of the body,
 * at the end, and again when it was suspended there. MHD_NO closes. */
static enum MHD_Result handle_request(void *cls,
	struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *data, size_t *data_len,
	void **request_cls)
{
	struct nearby_http *http = cls;
	struct request *r = *request_cls;
	struct nearby_answer a;
	int64_t began_ns;

	(void)version;
	if (!r) {
		r = sys_alloc_zero(1, sizeof *r);
		if (!r)
			return MHD_NO;
		r->connection = connection;
		r->waited = http->set.delay_ms == 0;
		*request_cls = r;
		return MHD_YES;
	}
	if (*data_len) {
		take_body(r, data, *data_len);
		*data_len = 0;
		return MHD_YES;
	}
	if (!r->waited) {
		let_wait(http, r);
		return MHD_YES;
	}
	began_ns = sys_monotonic_ns();
	buf_clear(&http->out);
	if (answer(http, r, method, path, &a))
		return MHD_NO;
	log_request(http, r, method, path, &a, began_ns);
	return send_answer(http, r, &a);
}

static void end_request(void *cls, struct MHD_Connection *connection,
	void **request_cls, enum MHD_RequestTerminationCode why)
{
	struct request *r = *request_cls;

	(void)cls;
	(void)connection;
	(void)why;
	if (!r)
		return;
	buf_fini(&r->body);
	sys_free(r);
	*request_cls = NULL;
}

/* Those whose time has come by `now_ns`, `most` of them. */
static void resume_due(struct nearby_http *http, int64_t now_ns, size_t most)
{
	while (http->first && http->first->due_ns <= now_ns && most-- > 0) {
		struct request *r = http->first;

		http->first = r->next;
		if (!http->first)
			http->last = &http->first;
		MHD_resume_connection(r->connection);
	}
}

/* --- start, serve, stop --------------------------------------------------- */

HERD_PRINTF(2, 0)
static void hear(void *cls, const char *format, va_list args)
{
	struct nearby_http *http = cls;

	/* Later it is about single clients, and of no use to anybody. */
	if (http->started)
		return;
	vsnprintf(http->said, sizeof http->said, format, args);
	http->said[strcspn(http->said, "\n")] = '\0';
}

static struct MHD_Daemon *start_daemon(struct nearby_http *http)
{
	const struct nearby_http_settings *set = &http->set;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;

	if (set->cert_pem) {
		/* Only read; the option's type cannot say so. */
		tls[0].ptr_value = (void *)(uintptr_t)set->cert_pem;
		tls[1].ptr_value = (void *)(uintptr_t)set->key_pem;
		flags |= MHD_USE_TLS;
	} else {
		tls[0].option = MHD_OPTION_END;
	}
	return MHD_start_daemon(flags, 0, NULL, NULL, handle_request, http,
		MHD_OPTION_EXTERNAL_LOGGER, hear, http,
		MHD_OPTION_LISTEN_SOCKET, set->listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, set->limit,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
		MHD_OPTION_NOTIFY_COMPLETED, end_request, http,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
}

int nearby_http_new(const struct nearby_http_settings *set,
	struct nearby_http **ret_http, char *error)
{
	struct nearby_http *http = sys_alloc_zero(1, sizeof *http);

	if (!http) {
		snprintf(error, NEARBY_HTTP_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	http->set = *set;
	http->last = &http->first;
	http->daemon = start_daemon(http);
	if (!http->daemon) {
		snprintf(error, NEARBY_HTTP_ERROR_MAX, "%s",
			*http->said ? http->said : "libmicrohttpd: no reason");
		sys_free(http);
		return -EINVAL;
	}
	http->epoll_fd =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)
			->epoll_fd;
	http->started = true;
	*ret_http = http;
	return 0;
}

/* For poll(): until libmicrohttpd or the first in the queue has to go on. */
static int time_left_ms(const struct nearby_http *http)
{
	MHD_UNSIGNED_LONG_LONG most;
	int64_t left_ms = -1;

	if (http->first) {
		int64_t left_ns = http->first->due_ns - sys_monotonic_ns();

		left_ms = left_ns > 0 ? (left_ns + HERD_MS_NS - 1) / HERD_MS_NS
				      : 0;
	}
	if (MHD_get_timeout(http->daemon, &most) == MHD_YES &&
		(left_ms < 0 || (int64_t)most < left_ms))
		left_ms = (int64_t)most;
	return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

int nearby_http_run(struct nearby_http *http, int stop_fd)
{
	struct pollfd fds[] = {
		{.fd = http->epoll_fd, .events = POLLIN},
		{.fd = stop_fd, .events = POLLIN},
	};

	for (;;) {
		if (poll(fds, HERD_COUNT(fds), time_left_ms(http)) < 0 &&
			errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return 0;
		if (http->first)
			resume_due(http, sys_monotonic_ns(), RESUME_MAX);
		if (MHD_run(http->daemon) != MHD_YES)
			return -EIO;
	}
}

void nearby_http_free(struct nearby_http *http)
{
	if (!http)
		return;
	/* A suspended connection must not be there at the end. */
	resume_due(http, INT64_MAX, SIZE_MAX);
	MHD_stop_daemon(http->daemon);
	buf_fini(&http->out);
	sys_free(http);
}
