/* places - a curl multi handle on a worker's reactor; see places.h.
 *
 * curl calls on_socket when it wants a socket watched, and on_timer when it
 * wants to be called again; both only take note, as curl must not be called
 * from within its own callbacks. What is ready goes to curl at once; new
 * questions, due timers and finished transfers have their turn once per round.
 *
 * The states of a fetch:
 *
 *   asked --> queued --> under way --> finished: judged, handed out, freed
 *                |            |
 *                '------------'---> aborted: nobody waits for it any more */
#include "herd/places.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <xxhash.h>

#include "herd/cut.h"
#include "herd/redact.h"
#include "herd/sys.h"

#include "common.h"

#define BUCKETS 4096
/* Questions begun, and sockets served, in a round: sessions that ask for no
 * places wait no longer than that. */
#define ROUND_MAX   16
#define REPLY_MAX   ((size_t)1 << 20) /* bytes of an answer */
#define REPLY_FIRST ((size_t)16384)   /* bytes of room to begin with */
#define HEADER_MAX  ((size_t)65536)   /* bytes of all its header lines */

/* A curl handle, kept for the next fetch. */
struct transfer {
	CURL *easy;
	struct fetch *fetch; /* NULL: idle */
	LIST_ENTRY(transfer) idle;
	char error[CURL_ERROR_SIZE];
};

/* One question to the provider, and who waits for the answer. */
struct fetch {
	struct places *places;
	struct transfer *transfer; /* NULL: queued */
	LIST_ENTRY(fetch) same;    /* in its bucket */
	TAILQ_ENTRY(fetch) queue;
	TAILQ_HEAD(, places_query) waiting;
	struct buf question;
	uint64_t hash; /* of the question */
	int64_t asked_ns, began_ns;
	struct buf reply;
	size_t header_bytes;
	const char *why; /* we broke it off; NULL */
};

struct places {
	struct places_common *common;
	struct reactor *reactor;
	struct log_ring *log;
	CURLM *multi;
	struct reactor_io io; /* an epoll set of curl's sockets */
	struct reactor_hook hook;
	struct timer timer;   /* of curl */
	bool due;             /* curl wants to be called */
	struct timer starter; /* a fetch can be started */
	uint64_t seed;        /* of the hashes */
	LIST_HEAD(, fetch) buckets[BUCKETS];
	TAILQ_HEAD(, fetch) queue; /* wait for their turn */
	LIST_HEAD(, transfer) idle;
	unsigned under_way;
	struct buf scratch; /* a question, a URL, or a translated answer */
};

/* --- what is said where the provider says nothing ------------------------- */

#define EXCUSE(message)                                                        \
	"{\n"                                                                  \
	"   \"error_message\" : \"" message "\",\n"                            \
	"   \"html_attributions\" : [],\n"                                     \
	"   \"results\" : [],\n"                                               \
	"   \"status\" : \"UNKNOWN_ERROR\"\n"                                  \
	"}"

static const char no_provider[] = EXCUSE("This server has no places provider.");
static const char no_memory[] = EXCUSE("This server is out of memory.");
static const char unreachable[] =
	EXCUSE("The places provider could not be reached.");
static const char too_late[] =
	EXCUSE("The places provider did not answer in time.");
static const char unusable[] =
	EXCUSE("The places provider did not answer as it should.");

struct text places_excuse(int rc)
{
	return text_of(rc == -ENOENT ? no_provider : no_memory);
}

static struct cut cut_of_excuse(const char *excuse)
{
	return (struct cut){.json = text_of(excuse)};
}

/* Logged with the key taken out, wherever the words come from. */
static void log_failure(struct places *p, const char *why, const char *words)
{
	char detail[CURL_ERROR_SIZE];
	size_t len = strnlen(words, sizeof detail);

	memcpy(detail, words, len);
	if (p->common->key.len)
		len = redact(detail, len, p->common->key);
	log_write(p->log, LOG_PLACES_FAILED,
		&(struct log_facts){.why = why, .bytes = {detail, len}});
}

/* --- those who wait ------------------------------------------------------- */

static void leave(struct places_query *q)
{
	reactor_timer_clear(q->places->reactor, &q->deadline);
	TAILQ_REMOVE(&q->fetch->waiting, q, waiting);
	q->fetch = NULL;
}

static void hand_out(struct fetch *f, const struct cut *cut)
{
	struct places_query *q;
	struct text head;
	struct text tail;

	while ((q = TAILQ_FIRST(&f->waiting))) {
		leave(q);
		cut_at(cut, q->bound, &head, &tail);
		q->on_answer(q, head, tail);
	}
}

/* --- transfers ------------------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct fetch *f = t->fetch;
	size_t len = size * count;

	if (len > REPLY_MAX - buf_len(&f->reply)) {
		f->why = "its answer is longer than 1 MiB";
		return 0;
	}
	if ((!buf_len(&f->reply) && !buf_reserve(&f->reply, REPLY_FIRST)) ||
		buf_append(&f->reply, data, len)) {
		f->why = "out of memory";
		return 0;
	}
	return len;
}

/* Header lines, those of 1xx included: none is wanted, but they end. */
static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct fetch *f = t->fetch;
	size_t len = size * count;

	(void)data;
	f->header_bytes += len;
	if (f->header_bytes <= HEADER_MAX)
		return len;
	f->why = "its header is longer than 64 KiB";
	return 0;
}

static void start_soon(struct places *p)
{
	reactor_timer_set(p->reactor, &p->starter, reactor_now_ns(p->reactor));
}

static struct transfer *take_transfer(struct places *p)
{
	struct transfer *t = LIST_FIRST(&p->idle);
	CURLcode bad = CURLE_OK;

	if (t) {
		LIST_REMOVE(t, idle);
		return t;
	}
	t = sys_alloc_zero(1, sizeof *t);
	if (!t)
		return NULL;
	t->easy = places_common_easy(p->common);
	if (t->easy) {
		bad |= curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
		bad |= curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
		bad |= curl_easy_setopt(
			t->easy, CURLOPT_WRITEFUNCTION, on_body);
		bad |= curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
		bad |= curl_easy_setopt(
			t->easy, CURLOPT_HEADERFUNCTION, on_header);
		bad |= curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
		if (!bad)
			return t;
		curl_easy_cleanup(t->easy);
	}
	sys_free(t);
	return NULL;
}

static void put_back_transfer(struct places *p, struct transfer *t)
{
	t->fetch = NULL;
	LIST_INSERT_HEAD(&p->idle, t, idle);
}

static void end_transfer(struct fetch *f)
{
	struct places *p = f->places;

	if (!f->transfer)
		return;
	HERD_ASSERT(!curl_multi_remove_handle(p->multi, f->transfer->easy));
	put_back_transfer(p, f->transfer);
	f->transfer = NULL;
	p->under_way--;
	if (!TAILQ_EMPTY(&p->queue))
		start_soon(p);
}

/* --- fetches -------------------------------------------------------------- */

static void free_fetch(struct fetch *f)
{
	struct places *p = f->places;

	if (f->transfer)
		end_transfer(f);
	else if (f->began_ns == 0)
		TAILQ_REMOVE(&p->queue, f, queue);
	LIST_REMOVE(f, same);
	buf_fini(&f->question);
	buf_fini(&f->reply);
	sys_free(f);
}

static int new_fetch(struct places *p, struct text question, uint64_t hash,
	struct fetch **ret_fetch)
{
	struct fetch *f = sys_alloc_zero(1, sizeof *f);

	if (!f || buf_append(&f->question, question.ptr, question.len)) {
		sys_free(f);
		return -ENOMEM;
	}
	f->places = p;
	f->hash = hash;
	f->asked_ns = reactor_now_ns(p->reactor);
	TAILQ_INIT(&f->waiting);
	LIST_INSERT_HEAD(&p->buckets[hash % BUCKETS], f, same);
	TAILQ_INSERT_TAIL(&p->queue, f, queue);
	start_soon(p);
	*ret_fetch = f;
	return 0;
}

/* One that asks the same. Not one that is so old that it may never end: who
 * asks now has all of places.timeout. */
static struct fetch *find_fetch(
	struct places *p, struct text question, uint64_t hash)
{
	int64_t oldest_ns =
		reactor_now_ns(p->reactor) - p->common->conf->places.timeout_ns;
	struct fetch *f;

	LIST_FOREACH(f, &p->buckets[hash % BUCKETS], same)
		if (f->hash == hash && f->asked_ns >= oldest_ns &&
			text_equal(
				question, (struct text){buf_front(&f->question),
						  buf_len(&f->question)}))
			return f;
	return NULL;
}

/* --- starting ------------------------------------------------------------- */

/* The URL into p->scratch; it is logged before the key comes in. */
static int write_url(struct places *p, const struct fetch *f)
{
	const struct places_common *c = p->common;
	struct buf *url = &p->scratch;
	const char *body = c->provider->posts ? " " : "";
	int rc;

	buf_clear(url);
	rc = buf_append(url, buf_front(&c->before), buf_len(&c->before));
	if (!rc)
		rc = buf_append(url, body, strlen(body));
	if (!rc)
		rc = buf_append(
			url, buf_front(&f->question), buf_len(&f->question));
	if (rc)
		return rc;
	log_write(p->log, LOG_PLACES_REQUEST,
		&(struct log_facts){.bytes = {buf_front(url), buf_len(url)}});
	if (c->provider->posts) {
		buf_clear(url);
		rc = buf_append(
			url, buf_front(&c->before), buf_len(&c->before));
	}
	if (!rc && buf_len(&c->after))
		rc = buf_append(url, buf_front(&c->after), buf_len(&c->after));
	return rc ? rc : buf_append(url, "", 1);
}

static int start_transfer(struct places *p, struct fetch *f)
{
	struct transfer *t = take_transfer(p);
	CURLcode bad = CURLE_OK;

	if (!t)
		return -ENOMEM;
	if (write_url(p, f))
		goto out_put_back;
	/* curl takes a URL to pieces and prints the query byte by byte: a tenth
	 * of all instructions that a question takes. */
	bad |= curl_easy_setopt(t->easy, CURLOPT_REQUEST_TARGET,
		buf_front(&p->scratch) + p->common->target);
	if (p->common->provider->posts) {
		bad |= curl_easy_setopt(
			t->easy, CURLOPT_POSTFIELDS, buf_front(&f->question));
		bad |= curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE,
			(long)buf_len(&f->question));
	}
	if (bad)
		goto out_put_back;
	t->error[0] = '\0';
	t->fetch = f;
	if (curl_multi_add_handle(p->multi, t->easy))
		goto out_put_back;
	f->transfer = t;
	p->under_way++;
	return 0;

out_put_back:
	put_back_transfer(p, t);
	return -ENOMEM;
}

static bool may_start(const struct places *p)
{
	return !TAILQ_EMPTY(&p->queue) && p->under_way < p->common->transfers;
}

/* A timer, because it keeps awake a loop at the end of whose round a resumed
 * session has asked. */
static void on_start(struct timer *timer)
{
	struct places *p = HERD_CONTAINER(timer, struct places, starter);
	struct cut cut = cut_of_excuse(no_memory);

	for (int i = 0; i < ROUND_MAX && may_start(p); i++) {
		struct fetch *f = TAILQ_FIRST(&p->queue);

		TAILQ_REMOVE(&p->queue, f, queue);
		f->began_ns = reactor_now_ns(p->reactor);
		if (!start_transfer(p, f))
			continue;
		log_failure(p, "cannot ask", "out of memory");
		hand_out(f, &cut);
		free_fetch(f);
	}
}

/* --- finishing ------------------------------------------------------------ */

/* `shown`: the answer as it may be shown. */
static void log_reply(
	struct places *p, const struct fetch *f, long status, struct text shown)
{
	struct log_facts facts = {
		.number = {(uint64_t)status, buf_len(&f->reply),
			(uint64_t)(reactor_now_ns(p->reactor) - f->began_ns) /
				HERD_MS_NS},
	};

	if (!p->common->conf->log.places_body) {
		log_write(p->log, LOG_PLACES_REPLY, &facts);
		return;
	}
	facts.bytes = shown;
	log_write(p->log, LOG_PLACES_REPLY_BODY, &facts);
}

/* The answer as clients get it: without the key, LFs one by one. */
static struct text clean(struct places *p, struct buf *answer)
{
	char *bytes = answer->data + answer->start;
	size_t len = buf_len(answer);

	if (len && p->common->key.len)
		len = redact(bytes, len, p->common->key);
	return (struct text){bytes, len ? cut_squeeze(bytes, len) : 0};
}

/* In the form that clients know. NULL; or why it is refused. */
static const char *translate(struct places *p, unsigned status,
	struct text json, struct cut *ret_cut)
{
	int rc;

	buf_clear(&p->scratch);
	rc = p->common->provider->translate(status, json, &p->scratch);
	if (rc)
		return rc == -EBADMSG ? "not what this provider says"
				      : "out of memory";
	return cut_measure(clean(p, &p->scratch), "results", ret_cut);
}

/* NULL; or why it is refused. */
static const char *judge(
	struct places *p, struct fetch *f, long status, struct cut *ret_cut)
{
	const struct provider *provider = p->common->provider;
	struct text json = clean(p, &f->reply);
	const char *why;

	log_reply(p, f, status, json);
	if (status >= 300 && status < 400)
		return "it answers from elsewhere; is places.url right?";
	why = cut_measure(json, provider->results, ret_cut);
	if (!why && provider->translate && !p->common->conf->places.native)
		why = translate(p, (unsigned)status, json, ret_cut);
	return why;
}

static void log_refusal(struct places *p, const struct cut *cut)
{
	if (cut->status.len && !text_equal(cut->status, text_of("OK")) &&
		!text_equal(cut->status, text_of("ZERO_RESULTS")))
		log_write(p->log, LOG_PLACES_REFUSED,
			&(struct log_facts){.bytes = cut->status});
}

static void finish(struct fetch *f, CURLcode result)
{
	struct places *p = f->places;
	struct cut cut;
	long status = 0;
	const char *why;
	char words[32] = "";

	(void)curl_easy_getinfo(
		f->transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result) {
		log_failure(p, f->why ? f->why : curl_easy_strerror(result),
			f->why ? "" : f->transfer->error);
		cut = cut_of_excuse(status || f->why ? unusable : unreachable);
	} else {
		why = judge(p, f, status, &cut);
		if (why) {
			snprintf(
				words, sizeof words, "HTTP status %ld", status);
			log_failure(p, why, words);
			cut = cut_of_excuse(unusable);
		} else {
			log_refusal(p, &cut);
		}
	}
	end_transfer(f);
	hand_out(f, &cut);
	free_fetch(f);
}

static void take_finished(struct places *p)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(p->multi, &left))) {
		struct transfer *t;

		if (message->msg != CURLMSG_DONE)
			continue;
		HERD_ASSERT(!curl_easy_getinfo(
			message->easy_handle, CURLINFO_PRIVATE, &t));
		finish(t->fetch, message->data.result);
	}
}

/* --- giving up ------------------------------------------------------------ */

/* How far it had come, for the log. */
static const char *stage(const struct fetch *f)
{
	curl_off_t named = 0;
	curl_off_t connected = 0;
	curl_off_t asked = 0;
	CURL *easy;

	if (!f->transfer)
		return "while it waited for its turn (places.transfers)";
	easy = f->transfer->easy;
	(void)curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
	(void)curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
	(void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &asked);
	if (!named)
		return "while its name was looked up";
	if (!connected)
		return "while connecting";
	if (!asked)
		return "in the TLS handshake";
	return f->header_bytes ? "in the middle of its answer"
			       : "while waiting for its answer";
}

static void on_deadline(struct timer *timer)
{
	struct places_query *q =
		HERD_CONTAINER(timer, struct places_query, deadline);
	struct fetch *f = q->fetch;
	struct text nothing = {"", 0};

	leave(q);
	if (TAILQ_EMPTY(&f->waiting)) {
		log_failure(f->places, "no answer in time", stage(f));
		free_fetch(f);
	}
	q->on_answer(q, text_of(too_late), nothing);
}

void places_cancel(struct places_query *q)
{
	struct fetch *f = q->fetch;

	if (!f)
		return;
	leave(q);
	if (TAILQ_EMPTY(&f->waiting))
		free_fetch(f);
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

/* One that curl has closed meanwhile, it knows no more and passes over. */
static void on_ready(struct reactor_io *io, uint32_t events)
{
	struct places *p = HERD_CONTAINER(io, struct places, io);
	struct epoll_event ready[ROUND_MAX];
	int n = epoll_wait(io->fd, ready, ROUND_MAX, 0);
	int running;

	(void)events;
	for (int i = 0; i < n; i++)
		(void)curl_multi_socket_action(p->multi, ready[i].data.fd,
			selection(ready[i].events), &running);
}

/* curl may have closed the socket before it says so, and its number may be in
 * use again. Where one cannot be watched, the deadlines end the matter. */
static int on_socket(
	CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct places *p = arg;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	(void)of_socket;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(p->io.fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(p->io.fd, EPOLL_CTL_ADD, fd, &event))
		(void)epoll_ctl(p->io.fd, EPOLL_CTL_MOD, fd, &event);
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct places *p = arg;

	(void)multi;
	reactor_timer_clear(p->reactor, &p->timer);
	if (timeout_ms == 0)
		p->due = true;
	else if (timeout_ms > 0)
		reactor_timer_set(p->reactor, &p->timer,
			reactor_now_ns(p->reactor) + timeout_ms * HERD_MS_NS);
	return 0;
}

static void on_due(struct timer *timer)
{
	HERD_CONTAINER(timer, struct places, timer)->due = true;
}

static bool on_round(struct reactor_hook *hook)
{
	struct places *p = HERD_CONTAINER(hook, struct places, hook);
	int running;

	if (p->due) {
		p->due = false;
		(void)curl_multi_socket_action(
			p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	if (p->under_way)
		take_finished(p);
	if (may_start(p))
		start_soon(p); /* the rest, in the next round */
	return p->due;
}

/* --- from outside --------------------------------------------------------- */

int places_ask(struct places *p, const struct provider_question *question,
	int64_t timeout_ns, struct places_query *q)
{
	const struct provider *provider = p->common->provider;
	struct fetch *f;
	struct text bytes;
	uint64_t hash;

	if (!provider)
		return -ENOENT;
	buf_clear(&p->scratch);
	if (provider->write_question(question, &p->scratch))
		return -ENOMEM;
	bytes = (struct text){buf_front(&p->scratch), buf_len(&p->scratch)};
	hash = XXH3_64bits_withSeed(bytes.ptr, bytes.len, p->seed);
	f = find_fetch(p, bytes, hash);
	if (!f && new_fetch(p, bytes, hash, &f))
		return -ENOMEM;
	q->places = p;
	q->fetch = f;
	q->bound = question->bound;
	q->deadline.on_due = on_deadline;
	TAILQ_INSERT_TAIL(&f->waiting, q, waiting);
	reactor_timer_set(p->reactor, &q->deadline,
		reactor_now_ns(p->reactor) + timeout_ns);
	return 0;
}

void places_hurry(struct places_query *q, int64_t due_ns)
{
	if (q->fetch && due_ns < q->deadline.due_ns)
		reactor_timer_set(q->places->reactor, &q->deadline, due_ns);
}

static int make_multi(struct places *p)
{
	CURLMcode bad = CURLM_OK;
	int rc;

	p->io.fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->io.fd < 0)
		return -errno;
	rc = reactor_watch(p->reactor, &p->io, EPOLLIN);
	if (rc)
		return rc;
	p->multi = curl_multi_init();
	if (!p->multi)
		return -ENOMEM;
	bad |= curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	bad |= curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	bad |= curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	bad |= curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	bad |= curl_multi_setopt(
		p->multi, CURLMOPT_MAXCONNECTS, (long)p->common->transfers);
	return bad ? -ENOMEM : 0;
}

int places_new(struct places_common *common, struct reactor *reactor,
	struct log_ring *log, struct places **ret_places)
{
	struct places *p = sys_alloc_zero(1, sizeof *p);
	int rc;

	if (!p)
		return -ENOMEM;
	p->common = common;
	p->reactor = reactor;
	p->log = log;
	p->io = (struct reactor_io){.fd = -1, .on_ready = on_ready};
	p->timer.on_due = on_due;
	p->starter.on_due = on_start;
	p->hook.on_round = on_round;
	TAILQ_INIT(&p->queue);
	rc = sys_random(&p->seed, sizeof p->seed);
	if (!rc)
		rc = make_multi(p);
	if (rc) {
		places_free(p);
		return rc;
	}
	reactor_hook_add(reactor, &p->hook);
	*ret_places = p;
	return 0;
}

void places_free(struct places *p)
{
	struct transfer *t;

	if (!p)
		return;
	HERD_ASSERT(p->under_way == 0 && TAILQ_EMPTY(&p->queue));
	while ((t = LIST_FIRST(&p->idle))) {
		LIST_REMOVE(t, idle);
		curl_easy_cleanup(t->easy);
		sys_free(t);
	}
	if (p->multi)
		(void)curl_multi_cleanup(p->multi);
	reactor_unwatch(p->reactor, &p->io);
	if (p->io.fd >= 0)
		close(p->io.fd);
	reactor_timer_clear(p->reactor, &p->timer);
	reactor_timer_clear(p->reactor, &p->starter);
	buf_fini(&p->scratch);
	sys_free(p);
}
