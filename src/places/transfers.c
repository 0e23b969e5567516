/* transfers - a curl multi handle on a reactor; see transfers.h. */
#include "transfers.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "herd/sys.h"

#define REPLY_MAX   ((size_t)1 << 20) /* bytes of an answer */
#define REPLY_FIRST ((size_t)16384)   /* bytes of room to begin with */
#define HEADER_MAX  ((size_t)65536)   /* bytes of all its header lines */

/* Transfers whose name may be looked up at a time. Each takes libcurl a thread,
 * which goes on when the transfer has given up: so one, if names are slow. */
#define LOOKUPS_MAX      16
#define LOOKUPS_MAX_SLOW 1

/* In an event of the epoll set: no transfer uses the socket. */
#define IDLE (UINT64_C(1) << 32)

/* A curl handle, kept for the next transfer. */
struct handle {
	CURL *easy;
	struct transfer *transfer; /* NULL: idle */
	LIST_ENTRY(handle) idle;
	char error[CURL_ERROR_SIZE];
};

struct transfers {
	struct places_common *common;
	struct reactor *reactor;
	transfers_end_fn *on_end;
	CURLM *multi;
	struct reactor_io io; /* an epoll set of curl's sockets */
	struct timer timer;   /* of curl */
	bool due;             /* curl wants to be called */
	bool stuck;           /* so does a transfer, but curl forgot */
	bool multiplexed; /* connections carry several transfers at a time */
	bool slow_names;  /* a transfer gave up before it had its name */
	LIST_HEAD(handles, handle) idle;
	unsigned under_way;
	unsigned looking; /* of those, that do not have their name yet */
};

/* --- the reply ------------------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct handle *h = arg;
	struct transfer *t = h->transfer;
	size_t len = size * count;

	if (len > REPLY_MAX - buf_len(&t->reply)) {
		t->why = "its answer is longer than 1 MiB";
		return 0;
	}
	if ((!buf_len(&t->reply) && !buf_reserve(&t->reply, REPLY_FIRST)) ||
		buf_append(&t->reply, data, len)) {
		t->why = "out of memory";
		return 0;
	}
	return len;
}

/* Header lines, those of 1xx included: none is wanted, but they end. */
static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct handle *h = arg;
	struct transfer *t = h->transfer;
	size_t len = size * count;

	(void)data;
	t->header_bytes += len;
	if (t->header_bytes <= HEADER_MAX)
		return len;
	t->why = "its header is longer than 64 KiB";
	return 0;
}

/* --- handles -------------------------------------------------------------- */

static int set_up_handle(struct handle *h)
{
	CURLcode bad = CURLE_OK;

	bad |= curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);
	bad |= curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->error);
	bad |= curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	bad |= curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	bad |= curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	return bad ? -ENOMEM : 0;
}

static void free_handle(struct handle *h)
{
	curl_easy_cleanup(h->easy);
	sys_free(h);
}

static struct handle *take_handle(struct transfers *ts)
{
	struct handle *h = LIST_FIRST(&ts->idle);

	if (h) {
		LIST_REMOVE(h, idle);
		return h;
	}
	h = sys_alloc_zero(1, sizeof *h);
	if (!h)
		return NULL;
	h->easy = places_common_easy(ts->common);
	if (h->easy && !set_up_handle(h))
		return h;
	free_handle(h);
	return NULL;
}

static void put_back_handle(struct transfers *ts, struct handle *h)
{
	h->transfer = NULL;
	LIST_INSERT_HEAD(&ts->idle, h, idle);
}

/* --- beginning and ending ------------------------------------------------- */

/* The name is known: from now on it takes no thread. */
static void note_name(struct transfers *ts, struct transfer *t)
{
	curl_off_t named = 0;

	(void)curl_easy_getinfo(
		t->handle->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
	if (t->named || !named)
		return;
	t->named = true;
	ts->looking--;
	ts->slow_names = false;
}

bool transfers_have_room(const struct transfers *ts)
{
	return ts->under_way < ts->common->transfers &&
	       ts->looking < (ts->slow_names ? LOOKUPS_MAX_SLOW : LOOKUPS_MAX);
}

static int begin(struct transfers *ts, struct handle *h, const char *target,
	struct text body)
{
	CURLcode bad = CURLE_OK;

	/* curl takes a URL to pieces and prints the query byte by byte: a tenth
	 * of all instructions that a question takes. */
	bad |= curl_easy_setopt(h->easy, CURLOPT_REQUEST_TARGET, target);
	if (ts->common->provider->posts) {
		bad |= curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, body.ptr);
		bad |= curl_easy_setopt(
			h->easy, CURLOPT_POSTFIELDSIZE, (long)body.len);
	}
	h->error[0] = '\0';
	return bad || curl_multi_add_handle(ts->multi, h->easy) ? -ENOMEM : 0;
}

int transfers_begin(struct transfers *ts, struct transfer *t,
	const char *target, struct text body)
{
	struct handle *h = take_handle(ts);
	int rc;

	if (!h)
		return -ENOMEM;
	h->transfer = t;
	t->handle = h;
	rc = begin(ts, h, target, body);
	if (rc) {
		t->handle = NULL;
		put_back_handle(ts, h);
		return rc;
	}
	ts->under_way++;
	ts->looking++;
	return 0;
}

static void take_back(struct transfers *ts, struct transfer *t)
{
	HERD_ASSERT(!curl_multi_remove_handle(ts->multi, t->handle->easy));
	put_back_handle(ts, t->handle);
	t->handle = NULL;
	ts->under_way--;
	if (!t->named)
		ts->looking--;
}

void transfers_abort(struct transfers *ts, struct transfer *t)
{
	if (!t->handle)
		return;
	note_name(ts, t);
	ts->slow_names |= !t->named;
	take_back(ts, t);
}

static void finish(struct transfers *ts, struct transfer *t, CURLcode result)
{
	struct handle *h = t->handle;
	long status = 0;
	long version = 0;

	(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(h->easy, CURLINFO_HTTP_VERSION, &version);
	ts->multiplexed |= version >= CURL_HTTP_VERSION_2_0;
	note_name(ts, t);
	take_back(ts, t);
	ts->on_end(t, result, h->error, status);
}

const char *transfers_stage(const struct transfer *t)
{
	CURL *easy = t->handle->easy;
	curl_off_t named = 0;
	curl_off_t connected = 0;
	curl_off_t asked = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
	(void)curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
	(void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &asked);
	if (!named)
		return "while its name was looked up";
	if (!connected)
		return "while connecting";
	if (!asked)
		return "in the TLS handshake";
	return t->header_bytes ? "in the middle of its answer"
			       : "while waiting for its answer";
}

/* --- what curl wants ------------------------------------------------------ */

static int selection(uint32_t events)
{
	int what = 0;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	return what;
}

/* The provider sends something, or ends the connection, when nothing was asked.
 * libcurl 7.88 would use it again, and take what came for the next answer; this
 * makes it see that the connection is good for nothing any more. */
static void spoil(struct transfers *ts, int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
	(void)epoll_ctl(ts->io.fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Idle ones first: in curl's hands their numbers may come to stand for other
 * sockets. One that curl has closed meanwhile, it knows no more. */
static void on_ready(struct reactor_io *io, uint32_t events)
{
	struct transfers *ts = HERD_CONTAINER(io, struct transfers, io);
	struct epoll_event ready[TRANSFERS_ROUND_MAX];
	int n = epoll_wait(io->fd, ready, TRANSFERS_ROUND_MAX, 0);
	int running;

	(void)events;
	for (int i = 0; i < n; i++)
		if (ready[i].data.u64 & IDLE)
			spoil(ts, (int)(ready[i].data.u64 & ~IDLE));
	for (int i = 0; i < n; i++)
		if (!(ready[i].data.u64 & IDLE))
			(void)curl_multi_socket_action(ts->multi,
				(int)ready[i].data.u64,
				selection(ready[i].events), &running);
}

/* NULL: curl does something of its own. */
static struct transfer *transfer_of(CURL *easy)
{
	struct handle *h = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &h);
	return h ? h->transfer : NULL;
}

/* It may be closed now, or kept for another transfer. On a multiplexed one the
 * provider may well have something to say in between. */
static void leave_socket(struct transfers *ts, int fd, const struct transfer *t)
{
	struct epoll_event idle = {.events = EPOLLIN | EPOLLRDHUP,
		.data.u64 = (unsigned)fd | IDLE};
	bool kept = t && t->header_bytes && !ts->multiplexed;

	(void)epoll_ctl(
		ts->io.fd, kept ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, fd, &idle);
}

/* curl may have closed the socket before it says so, and its number may be in
 * use again. Where one cannot be watched, the deadlines end the matter. */
static int on_socket(
	CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct transfers *ts = arg;
	struct transfer *t = transfer_of(easy);
	struct epoll_event event = {.data.u64 = (unsigned)fd};
	void *connecting = ts; /* any mark will do */

	if (what == CURL_POLL_REMOVE) {
		/* Given up while connecting: see try_next_addresses. */
		ts->stuck |= of_socket == connecting;
		leave_socket(ts, fd, t);
		return 0;
	}
	if (t && t->handle)
		note_name(ts, t);
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	(void)curl_multi_assign(
		ts->multi, fd, what == CURL_POLL_OUT ? connecting : NULL);
	if (epoll_ctl(ts->io.fd, EPOLL_CTL_ADD, fd, &event))
		(void)epoll_ctl(ts->io.fd, EPOLL_CTL_MOD, fd, &event);
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct transfers *ts = arg;

	(void)multi;
	reactor_timer_clear(ts->reactor, &ts->timer);
	/* The timer of at once, too: it keeps awake a loop at the end of whose
	 * round a resumed session has cancelled a question. */
	if (timeout_ms >= 0)
		reactor_timer_set(ts->reactor, &ts->timer,
			reactor_now_ns(ts->reactor) + timeout_ms * HERD_MS_NS);
	return 0;
}

static void on_due(struct timer *timer)
{
	HERD_CONTAINER(timer, struct transfers, timer)->due = true;
}

static void take_finished(struct transfers *ts)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(ts->multi, &left))) {
		struct handle *h;

		if (message->msg != CURLMSG_DONE)
			continue;
		HERD_ASSERT(!curl_easy_getinfo(
			message->easy_handle, CURLINFO_PRIVATE, &h));
		finish(ts, h->transfer, message->data.result);
	}
}

/* When an address does not answer, libcurl 7.88 sets no timer for the next one
 * of its name: a transfer would wait for whatever other timer it has, which may
 * be that of its end. This is libcurl's only way to have it looked at without a
 * socket and a timer, however old. */
static void try_next_addresses(struct transfers *ts)
{
	int running;

	ts->stuck = false;
	CURL_IGNORE_DEPRECATION(
		(void)curl_multi_socket_all(ts->multi, &running);)
}

bool transfers_run(struct transfers *ts)
{
	int running;

	if (ts->due) {
		ts->due = false;
		(void)curl_multi_socket_action(
			ts->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	if (ts->stuck)
		try_next_addresses(ts);
	if (ts->under_way)
		take_finished(ts);
	return ts->stuck;
}

/* --- life ----------------------------------------------------------------- */

static int make_multi(struct transfers *ts)
{
	CURLMcode bad = CURLM_OK;

	ts->multi = curl_multi_init();
	if (!ts->multi)
		return -ENOMEM;
	bad |= curl_multi_setopt(ts->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	bad |= curl_multi_setopt(ts->multi, CURLMOPT_SOCKETDATA, ts);
	bad |= curl_multi_setopt(ts->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	bad |= curl_multi_setopt(ts->multi, CURLMOPT_TIMERDATA, ts);
	bad |= curl_multi_setopt(
		ts->multi, CURLMOPT_MAXCONNECTS, (long)ts->common->transfers);
	return bad ? -ENOMEM : 0;
}

int transfers_new(struct places_common *common, struct reactor *reactor,
	transfers_end_fn *on_end, struct transfers **ret_transfers)
{
	struct transfers *ts = sys_alloc_zero(1, sizeof *ts);
	int rc;

	if (!ts)
		return -ENOMEM;
	ts->common = common;
	ts->reactor = reactor;
	ts->on_end = on_end;
	ts->timer.on_due = on_due;
	ts->io = (struct reactor_io){.on_ready = on_ready};
	ts->io.fd = epoll_create1(EPOLL_CLOEXEC);
	rc = ts->io.fd < 0 ? -errno : reactor_watch(reactor, &ts->io, EPOLLIN);
	if (!rc)
		rc = make_multi(ts);
	if (rc) {
		transfers_free(ts);
		return rc;
	}
	*ret_transfers = ts;
	return 0;
}

void transfers_free(struct transfers *ts)
{
	struct handle *h;

	if (!ts)
		return;
	HERD_ASSERT(ts->under_way == 0);
	while ((h = LIST_FIRST(&ts->idle))) {
		LIST_REMOVE(h, idle);
		free_handle(h);
	}
	if (ts->multi)
		(void)curl_multi_cleanup(ts->multi);
	reactor_unwatch(ts->reactor, &ts->io);
	if (ts->io.fd >= 0)
		close(ts->io.fd);
	reactor_timer_clear(ts->reactor, &ts->timer);
	sys_free(ts);
}
