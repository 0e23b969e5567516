/* places - questions, and those who wait for their answers; see places.h. The
 * asking itself is in transfers.c.
 *
 * The states of a fetch:
 *
 *   asked --> queued --> under way --> finished: judged, handed out, freed
 *                |            |
 *                '------------'---> aborted: nobody waits for it any more
 *
 * Whatever is new at the end of a round starts in the next one, so that nothing
 * is handed out from within places_ask. */
#include "herd/places.h"

#include <errno.h>
#include <stdio.h>
#include <xxhash.h>

#include "herd/cut.h"
#include "herd/redact.h"
#include "herd/sys.h"

#include "transfers.h"

#define BUCKETS 4096

/* One question to the provider, and who waits for the answer. */
struct fetch {
	struct places *places;
	struct transfer transfer;
	LIST_ENTRY(fetch) same; /* in its bucket */
	TAILQ_ENTRY(fetch) queue;
	bool queued;
	TAILQ_HEAD(queries, places_query) waiting;
	struct buf question;
	uint64_t hash; /* of the question */
	int64_t asked_ns, began_ns;
};

struct places {
	struct places_common *common;
	const struct conf *conf; /* in force */
	struct reactor *reactor;
	struct log_ring *log;
	struct transfers *transfers; /* NULL: nobody is to be asked */
	struct reactor_hook hook;
	struct timer starter; /* a fetch can be started */
	uint64_t seed;        /* of the hashes */
	LIST_HEAD(bucket, fetch) buckets[BUCKETS];
	TAILQ_HEAD(fetches, fetch) queue; /* wait for their turn */
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

void places_answer_hold(struct places_answer *answer)
{
	answer->holders++;
}

void places_answer_drop(struct places_answer *answer)
{
	if (--answer->holders)
		return;
	buf_fini(&answer->bytes);
	sys_free(answer);
}

/* NULL: nobody but the one who waits would hold it, or there is no memory; it
 * can be copied all the same. */
static struct places_answer *share(struct fetch *f, struct buf *bytes)
{
	struct places_query *first = TAILQ_FIRST(&f->waiting);
	struct places_answer *answer;

	if (!first || !TAILQ_NEXT(first, waiting))
		return NULL;
	answer = sys_alloc_zero(1, sizeof *answer);
	if (!answer)
		return NULL;
	answer->holders = 1;
	answer->bytes = *bytes;
	*bytes = (struct buf){0};
	return answer;
}

/* `bytes` is what the cut lies in; NULL: it is constant. */
static void hand_out(struct fetch *f, const struct cut *cut, struct buf *bytes)
{
	struct places_answer *shared = bytes ? share(f, bytes) : NULL;
	struct places_query *q;
	struct text head;
	struct text tail;

	while ((q = TAILQ_FIRST(&f->waiting))) {
		leave(q);
		cut_at(cut, q->bound, &head, &tail);
		q->on_answer(q, head, tail, shared);
	}
	if (shared)
		places_answer_drop(shared);
}

/* --- fetches -------------------------------------------------------------- */

static void start_soon(struct places *p)
{
	reactor_timer_set(p->reactor, &p->starter, reactor_now_ns(p->reactor));
}

static void free_fetch(struct fetch *f)
{
	struct places *p = f->places;

	transfers_abort(p->transfers, &f->transfer);
	if (f->queued)
		TAILQ_REMOVE(&p->queue, f, queue);
	LIST_REMOVE(f, same);
	buf_fini(&f->question);
	buf_fini(&f->transfer.reply);
	sys_free(f);
}

static int new_fetch(struct places *p, struct text question, uint64_t hash,
	struct fetch **ret_fetch)
{
	struct fetch *f = sys_alloc_zero(1, sizeof *f);

	if (!f || buf_append_text(&f->question, question)) {
		sys_free(f);
		return -ENOMEM;
	}
	f->places = p;
	f->hash = hash;
	f->asked_ns = reactor_now_ns(p->reactor);
	TAILQ_INIT(&f->waiting);
	LIST_INSERT_HEAD(&p->buckets[hash % BUCKETS], f, same);
	TAILQ_INSERT_TAIL(&p->queue, f, queue);
	f->queued = true;
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
		reactor_now_ns(p->reactor) - p->conf->places.timeout_ns;
	struct fetch *f;

	LIST_FOREACH(f, &p->buckets[hash % BUCKETS], same)
		if (f->hash == hash && f->asked_ns >= oldest_ns &&
			text_equal(question, buf_text(&f->question)))
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
	rc = buf_append_text(url, buf_text(&c->before));
	if (!rc)
		rc = buf_append_string(url, body);
	if (!rc)
		rc = buf_append_text(url, buf_text(&f->question));
	if (rc)
		return rc;
	log_write(p->log, LOG_PLACES_REQUEST,
		&(struct log_facts){.bytes = buf_text(url)});
	if (c->provider->posts) {
		buf_clear(url);
		rc = buf_append_text(url, buf_text(&c->before));
	}
	if (!rc)
		rc = buf_append_text(url, buf_text(&c->after));
	return rc ? rc : buf_append(url, "", 1);
}

static int start(struct places *p, struct fetch *f)
{
	TAILQ_REMOVE(&p->queue, f, queue);
	f->queued = false;
	f->began_ns = reactor_now_ns(p->reactor);
	if (write_url(p, f))
		return -ENOMEM;
	return transfers_begin(p->transfers, &f->transfer,
		buf_front(&p->scratch) + p->common->target,
		buf_text(&f->question));
}

static bool may_start(const struct places *p)
{
	return !TAILQ_EMPTY(&p->queue) && transfers_have_room(p->transfers);
}

/* A timer, because it keeps awake a loop at the end of whose round a resumed
 * session has asked. */
static void on_start(struct timer *timer)
{
	struct places *p = HERD_CONTAINER(timer, struct places, starter);
	struct cut cut = cut_of_excuse(no_memory);

	for (int i = 0; i < TRANSFERS_ROUND_MAX && may_start(p); i++) {
		struct fetch *f = TAILQ_FIRST(&p->queue);

		if (!start(p, f))
			continue;
		log_failure(p, "cannot ask", "out of memory");
		hand_out(f, &cut, NULL);
		free_fetch(f);
	}
}

/* --- finishing ------------------------------------------------------------ */

/* `shown`: the answer as it may be shown. */
static void log_reply(
	struct places *p, const struct fetch *f, long status, struct text shown)
{
	struct log_facts facts = {
		.number = {(uint64_t)status, buf_len(&f->transfer.reply),
			(uint64_t)(reactor_now_ns(p->reactor) - f->began_ns) /
				HERD_MS_NS},
	};

	if (!p->conf->log.places_body) {
		log_write(p->log, LOG_PLACES_REPLY, &facts);
		return;
	}
	facts.bytes = shown;
	log_write(p->log, LOG_PLACES_REPLY_BODY, &facts);
}

/* The answer as clients get it: without the key, LFs one by one. */
static struct text clean(struct places *p, struct buf *answer)
{
	char *bytes = buf_bytes(answer);
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
	struct text json = clean(p, &f->transfer.reply);
	const char *why;

	log_reply(p, f, status, json);
	if (status >= 300 && status < 400)
		return "it answers from elsewhere; is places.url right?";
	why = cut_measure(json, provider->results, ret_cut);
	if (!why && provider->translate && !p->conf->places.native)
		why = translate(p, (unsigned)status, json, ret_cut);
	return why;
}

/* A web server that is no places provider says its errors in JSON, too. */
static void log_refusal(
	struct places *p, const struct cut *cut, struct text http)
{
	struct text said = cut->status.len ? cut->status : http;

	if (said.len && !text_equal(said, text_of("OK")) &&
		!text_equal(said, text_of("ZERO_RESULTS")))
		log_write(p->log, LOG_PLACES_REFUSED,
			&(struct log_facts){.bytes = said});
}

static struct cut judge_or_excuse(
	struct places *p, struct fetch *f, long status)
{
	char words[32];
	struct cut cut;
	const char *why = judge(p, f, status, &cut);

	snprintf(words, sizeof words, "HTTP status %ld", status);
	if (!why) {
		log_refusal(p, &cut, text_of(status >= 400 ? words : ""));
		return cut;
	}
	log_failure(p, why, words);
	return cut_of_excuse(unusable);
}

/* What a cut lies in: the provider's own bytes, or those of a translation. */
static struct buf *holder_of(struct fetch *f, const struct cut *cut)
{
	struct buf *const candidates[] = {
		&f->transfer.reply, &f->places->scratch};

	for (size_t i = 0; i < HERD_COUNT(candidates); i++)
		if (buf_len(candidates[i]) &&
			cut->json.ptr == buf_front(candidates[i]))
			return candidates[i];
	return NULL;
}

static void on_end(
	struct transfer *t, CURLcode result, const char *words, long status)
{
	struct fetch *f = HERD_CONTAINER(t, struct fetch, transfer);
	struct places *p = f->places;
	struct cut cut;

	if (t->why) {
		log_failure(p, t->why, "");
		cut = cut_of_excuse(unusable);
	} else if (result) {
		log_failure(p, curl_easy_strerror(result), words);
		cut = cut_of_excuse(status ? unusable : unreachable);
	} else {
		cut = judge_or_excuse(p, f, status);
	}
	hand_out(f, &cut, holder_of(f, &cut));
	free_fetch(f);
}

/* --- giving up ------------------------------------------------------------ */

static const char *stage(const struct fetch *f)
{
	return f->queued ? "while it waited for its turn (places.transfers)"
			 : transfers_stage(&f->transfer);
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
	q->on_answer(q, text_of(too_late), nothing, NULL);
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

static bool on_round(struct reactor_hook *hook)
{
	struct places *p = HERD_CONTAINER(hook, struct places, hook);
	bool more = transfers_run(p->transfers);

	if (may_start(p))
		start_soon(p); /* the rest, in the next round */
	return more;
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
	bytes = buf_text(&p->scratch);
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

int places_new(struct places_common *common, struct reactor *reactor,
	struct log_ring *log, struct places **ret_places)
{
	struct places *p = sys_alloc_zero(1, sizeof *p);
	int rc;

	if (!p)
		return -ENOMEM;
	p->common = common;
	p->conf = common->conf;
	p->reactor = reactor;
	p->log = log;
	p->starter.on_due = on_start;
	p->hook.on_round = on_round;
	TAILQ_INIT(&p->queue);
	rc = sys_random(&p->seed, sizeof p->seed);
	if (!rc && common->provider)
		rc = transfers_new(common, reactor, on_end, &p->transfers);
	if (rc) {
		places_free(p);
		return rc;
	}
	if (p->transfers)
		reactor_hook_add(reactor, &p->hook);
	*ret_places = p;
	return 0;
}

void places_update(struct places *p, const struct conf *conf)
{
	p->conf = conf;
}

void places_free(struct places *p)
{
	if (!p)
		return;
	HERD_ASSERT(TAILQ_EMPTY(&p->queue));
	transfers_free(p->transfers);
	reactor_timer_clear(p->reactor, &p->starter);
	buf_fini(&p->scratch);
	sys_free(p);
}
