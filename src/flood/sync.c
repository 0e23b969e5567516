/* sync - the rounds of comparison and repair; see sync.h. */
#include "herd/sync.h"

#include <stdio.h>
#include <stdlib.h>

#include "herd/conn.h"
#include "herd/hashes.h"
#include "herd/sys.h"

#define YOUNG_NS    (2 * HERD_SECOND_NS) /* still under way, most likely */
#define RECHECK_NS  (YOUNG_NS + 100 * HERD_MS_NS)
#define WAIT_NS     (250 * HERD_MS_NS)
#define TRIES       3  /* repairs of a bucket before the pauses begin */
#define SKIP_MAX    64 /* rounds of a pause, at the most */
#define PAGES_MAX   64 /* of the store, looked at in one go */
#define PAGE_FULL   65536
#define REQUEST_MAX 16 /* bytes of "LIST 1023" and LF, and more */

/* --- sets of buckets ------------------------------------------------------ */

static bool has(const uint64_t *set, unsigned bucket)
{
	return set[bucket / 64] >> bucket % 64 & 1;
}

static void add(uint64_t *set, unsigned bucket)
{
	set[bucket / 64] |= UINT64_C(1) << bucket % 64;
}

static unsigned next_in(const uint64_t *set, unsigned bucket)
{
	while (bucket < STORE_BUCKETS && !has(set, bucket))
		bucket++;
	return bucket;
}

/* --- lists ---------------------------------------------------------------- */

static struct sync_list *list_at(struct sync *s, unsigned i)
{
	return &s->lists[(s->first_list + i) % SYNC_LISTS];
}

/* Answers come in the order of the questions: the one being told. */
static struct sync_list *list_being_told(struct sync *s)
{
	for (unsigned i = 0; i < s->list_count; i++)
		if (!list_at(s, i)->complete)
			return list_at(s, i);
	return NULL;
}

static void drop_first_list(struct sync *s)
{
	struct sync_list *list = list_at(s, 0);

	s->hashes -= list->count;
	sys_free(list->hashes);
	*list = (struct sync_list){0};
	s->first_list = (s->first_list + 1) % SYNC_LISTS;
	s->list_count--;
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool list_holds(const struct sync_list *list, uint64_t hash)
{
	return list && list->count &&
	       bsearch(&hash, list->hashes, list->count, sizeof hash,
		       compare_hashes);
}

static const char *list_add(
	struct sync *s, struct sync_list *list, struct text text)
{
	size_t count;

	if (!hashes_count(text.len, &count))
		return "its hashes are none";
	if (count > SYNC_HASHES_MAX - s->hashes)
		return "it lists more than buckets can hold";
	if (list->count + count > list->room) {
		size_t room = (list->count + count) * 2;
		uint64_t *more = sys_resize(list->hashes, room * sizeof *more);

		if (!more)
			return "out of memory";
		list->hashes = more;
		list->room = room;
	}
	if (!hashes_take(text, list->hashes + list->count))
		return "its hashes are none";
	list->count += count;
	s->hashes += count;
	return NULL;
}

/* --- rounds --------------------------------------------------------------- */

static void ask(struct sync *s, enum sync_state state)
{
	s->state = state;
	s->asks = true;
}

static void rest(struct sync *s, int64_t due_ns)
{
	s->state = SYNC_IDLE;
	s->due_ns = due_ns;
}

/* A round has come to its end. Lines that were there before the link came up
 * and were too young to be repaired are looked for once more. */
static void end_round(struct sync *s, int64_t now_ns, int64_t interval_ns)
{
	if (s->round_lines)
		s->repairs++;
	if (!s->missed_young)
		s->settled = true;
	if (s->missed_young)
		rest(s, now_ns + (s->hurry ? 0 : RECHECK_NS));
	else
		rest(s, now_ns + interval_ns);
}

static void take_sum(
	struct sync *s, uint64_t theirs, int64_t now_ns, int64_t interval_ns)
{
	s->comparisons++;
	s->round_lines = 0;
	s->round_buckets = 0;
	s->missed_young = false;
	s->stuck = STORE_BUCKETS;
	if (theirs == s->ours)
		memset(s->pace, 0, sizeof s->pace);
	/* Who holds nothing has nothing to give. */
	if (theirs == s->ours || s->ours == 0)
		end_round(s, now_ns, interval_ns);
	else
		ask(s, SYNC_SORTING);
}

/* Whether to repair this bucket, which differs, in this round. */
static bool is_its_turn(struct sync_pace *pace)
{
	if (pace->skip) {
		pace->skip--;
		return false;
	}
	if (pace->tries < UINT8_MAX)
		pace->tries++;
	if (pace->tries > TRIES) {
		unsigned doubled = pace->tries - TRIES;

		pace->skip = (uint8_t)(doubled < 6 ? 1U << doubled : SKIP_MAX);
	}
	return true;
}

static void take_sums(struct sync *s, const uint64_t *theirs)
{
	memset(s->differs, 0, sizeof s->differs);
	memset(s->empty, 0, sizeof s->empty);
	for (unsigned b = 0; b < STORE_BUCKETS; b++) {
		if (theirs[b] == s->sums[b]) {
			s->pace[b] = (struct sync_pace){0};
			continue;
		}
		if (!s->sums[b])
			continue; /* we have nothing to give */
		if (!s->hurry && !is_its_turn(&s->pace[b]))
			continue;
		add(s->differs, b);
		if (!theirs[b])
			add(s->empty, b);
	}
	s->state = SYNC_REPAIRING;
	s->bucket = next_in(s->differs, 0);
	s->next_ask = s->bucket;
	s->walking = false;
}

static const char *take_hashes(struct sync *s, const struct line *line)
{
	struct sync_list *list = list_being_told(s);

	if (!list || list->bucket != line->hashes.bucket)
		return "it lists what was not asked for";
	if (line->hashes.text.len)
		return list_add(s, list, line->hashes.text);
	if (list->count)
		qsort(list->hashes, list->count, sizeof *list->hashes,
			compare_hashes);
	list->complete = true;
	return NULL;
}

static const char *take_digests(struct sync *s, const struct line *line,
	int64_t now_ns, int64_t interval_ns)
{
	uint64_t theirs[STORE_BUCKETS];
	size_t wanted = s->state == SYNC_SUMMING ? 1 : STORE_BUCKETS;
	size_t count;

	if (!hashes_count(line->hashes.text.len, &count) || count != wanted ||
		!hashes_take(line->hashes.text, theirs))
		return "its digests are none";
	if (s->state == SYNC_SUMMING)
		take_sum(s, theirs[0], now_ns, interval_ns);
	else
		take_sums(s, theirs);
	return NULL;
}

const char *sync_take(struct sync *s, const struct line *line, int64_t now_ns,
	int64_t interval_ns)
{
	bool asked = !s->asks;

	if (line->verb == LINE_SUM && s->state == SYNC_SUMMING && asked)
		return take_digests(s, line, now_ns, interval_ns);
	if (line->verb == LINE_SUMS && s->state == SYNC_SORTING && asked)
		return take_digests(s, line, now_ns, interval_ns);
	if (line->verb == LINE_HASHES && s->state == SYNC_REPAIRING)
		return take_hashes(s, line);
	if (line->verb == LINE_WAIT && asked &&
		(s->state == SYNC_SUMMING || s->state == SYNC_SORTING)) {
		rest(s, now_ns + WAIT_NS);
		return NULL;
	}
	return "it answers what was not asked";
}

/* --- what is said --------------------------------------------------------- */

/* SYNC or SUMS, and what we hold at this moment. */
static size_t put_question(struct sync *s, char *dst)
{
	const char *question = s->state == SYNC_SUMMING ? "SYNC\n" : "SUMS\n";

	if (s->state == SYNC_SUMMING)
		s->ours = store_digest(s->store);
	else
		store_digests(s->store, s->sums);
	s->asks = false;
	memcpy(dst, question, strlen(question));
	return strlen(question);
}

/* The next bucket to ask for; STORE_BUCKETS: none. */
static unsigned next_to_ask(const struct sync *s)
{
	unsigned b = next_in(s->differs, s->next_ask);

	while (b < STORE_BUCKETS && has(s->empty, b))
		b = next_in(s->differs, b + 1);
	return b;
}

static bool may_ask(const struct sync *s)
{
	return s->list_count < SYNC_LISTS && next_to_ask(s) < STORE_BUCKETS;
}

/* LIST for as many buckets as may be asked ahead. */
static size_t put_lists(struct sync *s, char *dst)
{
	size_t len = 0;

	while (may_ask(s)) {
		unsigned b = next_to_ask(s);

		s->next_ask = b + 1;
		*list_at(s, s->list_count) = (struct sync_list){.bucket = b};
		s->list_count++;
		len += (size_t)snprintf(dst + len, REQUEST_MAX, "LIST %u\n", b);
	}
	return len;
}

/* Leave on the page just walked what the acceptor lacks; the bytes of it. */
static size_t keep_missing(
	struct sync *s, const struct sync_list *list, int64_t now_ns)
{
	struct text lines = {s->walk.dst, s->walk.len};
	char *end = s->walk.dst;
	struct text line;

	for (unsigned i = 0; conn_take_line(&lines, &line); i++) {
		int64_t changed_ns = s->walk.changed_ns[i];

		if (list_holds(list, store_line_hash(s->store, line)))
			continue;
		if (!s->hurry && now_ns - changed_ns < YOUNG_NS) {
			s->missed_young |= changed_ns <= s->up_ns;
			continue;
		}
		memmove(end, line.ptr, line.len + 1);
		end += line.len + 1;
		s->round_lines++;
		s->lines++;
		s->lacked = true;
	}
	return (size_t)(end - s->walk.dst);
}

/* The bucket at hand is done. */
static void end_bucket(struct sync *s)
{
	if (!has(s->empty, s->bucket))
		drop_first_list(s);
	if (s->lacked) {
		s->round_buckets++;
		if (s->pace[s->bucket].tries > TRIES)
			s->stuck = s->bucket;
	}
	s->walking = false;
	s->bucket = next_in(s->differs, s->bucket + 1);
}

/* Whether the bucket at hand can be walked through: it is known what the
 * acceptor has of it. ret_list: that; NULL: nothing. */
static bool may_walk(struct sync *s, struct sync_list **ret_list)
{
	*ret_list = NULL;
	if (s->bucket == STORE_BUCKETS)
		return false;
	if (has(s->empty, s->bucket))
		return true;
	*ret_list = list_at(s, 0);
	return s->list_count && (*ret_list)->complete;
}

/* What the acceptor lacks of the bucket at hand and those after it, as far as
 * its lists have come; the bytes of it. */
static size_t put_lines(struct sync *s, int64_t now_ns, char *dst, size_t room)
{
	struct sync_list *list;
	size_t len = 0;

	for (int i = 0; i < PAGES_MAX && len < PAGE_FULL && may_walk(s, &list);
		i++) {
		if (!s->walking) {
			s->walk = (struct store_walk){.bucket = s->bucket};
			s->walking = true;
			s->lacked = false;
		}
		s->walk.dst = dst + len;
		s->walk.room = room - len;
		if (store_walk(s->store, &s->walk, now_ns))
			len += keep_missing(s, list, now_ns);
		else
			end_bucket(s);
	}
	return len;
}

static size_t put_done(
	struct sync *s, int64_t now_ns, int64_t interval_ns, char *dst)
{
	static const char done[] = "DONE\n";

	end_round(s, now_ns, interval_ns);
	memcpy(dst, done, strlen(done));
	return strlen(done);
}

/* A server that stops compares no more than it has to. */
static bool is_due(const struct sync *s, int64_t now_ns)
{
	return s->state == SYNC_IDLE && now_ns >= s->due_ns &&
	       !(s->hurry && s->settled);
}

size_t sync_pump(struct sync *s, int64_t now_ns, int64_t interval_ns, char *dst,
	size_t room, bool *ret_updates)
{
	size_t len;

	*ret_updates = false;
	if (is_due(s, now_ns))
		ask(s, SYNC_SUMMING);
	if (s->state != SYNC_IDLE && s->asks)
		return put_question(s, dst);
	if (s->state != SYNC_REPAIRING)
		return 0;
	len = put_lists(s, dst);
	if (len)
		return len;
	len = put_lines(s, now_ns, dst, room);
	if (!len && s->bucket == STORE_BUCKETS)
		return put_done(s, now_ns, interval_ns, dst);
	*ret_updates = len > 0;
	return len;
}

bool sync_has_work(struct sync *s, int64_t now_ns)
{
	struct sync_list *list;

	switch (s->state) {
	case SYNC_IDLE:
		return is_due(s, now_ns);
	case SYNC_SUMMING:
	case SYNC_SORTING:
		return s->asks;
	case SYNC_REPAIRING:
		break;
	}
	return s->bucket == STORE_BUCKETS || may_ask(s) || may_walk(s, &list);
}

/* --- from outside --------------------------------------------------------- */

void sync_init(struct sync *s, struct store *store)
{
	*s = (struct sync){.store = store, .stuck = STORE_BUCKETS};
}

void sync_begin(struct sync *s, int64_t up_ns, int64_t now_ns)
{
	s->settled = false;
	s->up_ns = up_ns + HERD_MS_NS; /* as exact as the store tells */
	memset(s->pace, 0, sizeof s->pace);
	rest(s, now_ns);
}

void sync_end(struct sync *s)
{
	while (s->list_count)
		drop_first_list(s);
	rest(s, INT64_MAX);
}

void sync_bring_forward(struct sync *s, int64_t due_ns)
{
	if (s->state == SYNC_IDLE && s->due_ns > due_ns)
		s->due_ns = due_ns;
}

void sync_hurry(struct sync *s, int64_t now_ns)
{
	s->hurry = true;
	if (s->state == SYNC_IDLE && !s->settled)
		s->due_ns = now_ns;
}
