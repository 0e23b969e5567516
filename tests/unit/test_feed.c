/* The change feed: who is given what, in which order, while entries move. */
#include "herd/store.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "herd/thread.h"
#include "store_sample.h"
#include "sys_fault.h"

#define SHORT 80
#define LONG  300

static size_t blocks_before;
static struct store *store;
static struct sample sample;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	store_free(store);
	store = NULL;
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static void open_store(bool shared, unsigned shards, unsigned readers)
{
	struct store_options options = {.shards = shards, .shared = shared};

	ck_assert_int_eq(store_new(&options, &store), 0);
	ck_assert_int_eq(feed_reserve(store, readers), 0);
}

static void put(unsigned client, int64_t stamp, size_t len, uint32_t origin)
{
	struct store_source source = {.origin = origin};
	enum store_result result;

	sample_make(&sample, client, stamp, 0, len);
	ck_assert_int_eq(sample_put(store, &sample, &source, &result), 0);
	ck_assert_int_eq(result, STORE_NEWER);
}

/* --- one reader, one shard, step by step ---------------------------------- */

/* +N  client N is seen, its line fits      *N  its line outgrows its entry
 * /N  one line is read: client N           =N..  the rest is: these clients
 * ^   rewind                               $    skip to the end
 * Below, [ ] is the entry the bookmark is at when something happens to it. */
static const char *const stories[] = {
	"=",
	"+1=1=",
	"+1+2+3=123=",
	"+1+1+1=1=",     /* each client once, newest */
	"+1+2+3+1=231=", /* in order of last change */
	"+1=1+1=1=",     /* the only entry [1] changes where it is */
	"+1=1*1=1=",     /* the only entry [1] is replaced */
	"*1=1+1=1=",
	"+1+2+3=123+3=3=", /* the last entry [3] changes where it is */
	"+1+2+3=123*3=3=",
	"+1+2+3/1+1=231=", /* the first entry [1] moves: back to the start */
	"+1+2+3/1*1=231=",
	"+1+2+3/1/2+2=32=", /* one in the middle [2] moves */
	"+1+2+3/1/2*2=32=",
	"+1+2+3/1/2+1=31=", /* one before the bookmark moves */
	"+1+2+3/1/2*1=31=",
	"+1+2+3/1+3=23=", /* one after it changes */
	"+1+2+3/1*2=32=",
	"+1+2+3+4/1/2/3+3+2+1=4321=", /* steps back again and again */
	"+1+2+3+4/1/2/3*3*2*1=4321=",
	"+1+2+3=123+1+2+3=123=", /* everything changes */
	"+1+2+3=123+3+2+1=321=",
	"+1+2=12+3+2=32=", /* new ones and old ones */
	"+1+2+3/1^=123=",  /* rewind */
	"+1+2+3=123^=123=",
	"^+1=1^^=1=",
	"+1+2=12^+1=21=",
	"$=", /* skip */
	"+1+2+3$=",
	"+1+2+3/1$=",
	"+1+2$+2+3=23=",
	"+1$*1=1=",
	"+1+2$^=12$=",
};

static unsigned read_some(size_t room, unsigned *ret_clients, bool *ret_more)
{
	static char dst[65536];
	struct feed_page page = {.dst = dst, .room = room};
	char *line = dst;

	feed_read(store, 0, 0, 0, &page);
	ck_assert_uint_eq(page.wanted, 0);
	for (unsigned i = 0; i < page.lines; i++) {
		char *end = memchr(line, '\n', (size_t)(dst + page.len - line));
		ck_assert_ptr_nonnull(end);
		ret_clients[i] = sample_client(line);
		line = end + 1;
	}
	ck_assert_ptr_eq(line, dst + page.len);
	*ret_more = page.more;
	return page.lines;
}

START_TEST(tells_a_story)
{
	unsigned clients[FEED_PAGE_LINES];
	int64_t stamp = 1000;
	size_t long_len = LONG;
	bool more;

	open_store(false, 1, 1);
	for (const char *at = stories[_i]; *at;) {
		char what = *at++;
		unsigned client = (unsigned)(*at - '0');

		switch (what) {
		case '+':
			put(client, stamp++, SHORT, 0);
			at++;
			break;
		case '*':
			put(client, stamp++, long_len += LONG, 0);
			at++;
			break;
		case '/':
			ck_assert_uint_eq(
				read_some(SHORT + 1, clients, &more), 1);
			ck_assert_uint_eq(clients[0], client);
			ck_assert(more);
			at++;
			break;
		case '=': {
			unsigned count = read_some(65536, clients, &more);
			size_t expected = strspn(at, "0123456789");
			ck_assert_msg(count == expected, "%s: at '%s': %u",
				stories[_i], at, count);
			for (unsigned i = 0; i < count; i++)
				ck_assert_msg(
					clients[i] == (unsigned)(at[i] - '0'),
					"%s: at '%s'", stories[_i], at);
			ck_assert(!more);
			at += expected;
			break;
		}
		case '$':
			feed_skip(store, 0);
			break;
		default:
			ck_assert_int_eq(what, '^');
			feed_rewind(store, 0);
		}
	}
}
END_TEST

START_TEST(looks_at_so_many_at_once)
{
	unsigned clients[FEED_PAGE_LINES];
	unsigned next = 0;
	bool more = true;

	open_store(_i, 1, 1);
	for (unsigned i = 0; i < 3 * FEED_PAGE_LINES + 1; i++)
		put(i, 1, SHORT, 0);
	while (more) {
		unsigned count = read_some(65536, clients, &more);
		ck_assert_uint_eq(count, more ? FEED_PAGE_LINES : 1);
		for (unsigned i = 0; i < count; i++)
			ck_assert_uint_eq(clients[i], next++);
	}
	ck_assert_uint_eq(next, 3 * FEED_PAGE_LINES + 1);
}
END_TEST

START_TEST(leaves_out_where_it_came_from)
{
	static char dst[65536];
	struct feed_page page = {.dst = dst, .room = sizeof dst};

	open_store(_i, 1, 3);
	for (unsigned i = 0; i < FEED_PAGE_LINES; i++)
		put(i, 1, SHORT, 7);
	put(100, 1, SHORT, 0);
	put(101, 1, SHORT, 8);
	put(102, 1, SHORT, 7);

	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, 0); /* those left out count as seen */
	ck_assert(page.more);
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, 2);
	ck_assert_uint_eq(sample_client(dst), 100);
	ck_assert(!page.more);

	feed_read(store, 1, 0, 8, &page);
	ck_assert_uint_eq(page.lines, FEED_PAGE_LINES);
	feed_read(store, 1, 0, 8, &page);
	ck_assert_uint_eq(page.lines, 2);

	feed_read(store, 2, 0, 0, &page); /* 0 leaves out nothing */
	feed_read(store, 2, 0, 0, &page);
	ck_assert_uint_eq(page.lines, 3);

	put(0, 2, SHORT, 0); /* the last who told counts, not the first */
	put(100, 2, SHORT, 7);
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, 1);
	ck_assert_uint_eq(sample_client(dst), 0);
	ck_assert(!page.more);
}
END_TEST

START_TEST(says_what_room_it_wants)
{
	static char dst[65536];
	struct feed_page page = {.dst = dst, .room = SHORT};

	open_store(_i, 1, 1);
	put(1, 1, SHORT, 7); /* left out: how long it is does not matter */
	put(2, 1, SHORT, 0);
	put(3, 1, 5000, 0);

	feed_read(store, 0, 0, 7, &page); /* no room for the LF */
	ck_assert_uint_eq(page.len, 0);
	ck_assert_uint_eq(page.wanted, SHORT + 1);
	ck_assert(page.more);

	page.room = SHORT + 1 + 5000;
	feed_read(
		store, 0, 0, 7, &page); /* the first fits, so nothing wanted */
	ck_assert_uint_eq(page.len, SHORT + 1);
	ck_assert_uint_eq(page.wanted, 0);
	ck_assert(page.more);

	page.room = 5000;
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.lines, 0);
	ck_assert_uint_eq(page.wanted, 5001);
	ck_assert(page.more);

	page.room = page.wanted;
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.len, 5001);
	ck_assert_mem_eq(dst, sample.line, 5000);
	ck_assert_int_eq(dst[5000], '\n');
	ck_assert_uint_eq(page.wanted, 0);
	ck_assert(!page.more);

	page.room = 0;
	feed_read(store, 0, 0, 7, &page);
	ck_assert_uint_eq(page.wanted, 0);
	ck_assert(!page.more);
}
END_TEST

/* --- readers of different speed ------------------------------------------- */

#define CLIENTS 150
#define ROOM    65536

/* What a reader was given last of each client. */
struct reader {
	struct thread thread;
	unsigned number;
	size_t room;
	int64_t stamp[CLIENTS];
	char line[CLIENTS][512];
	int64_t last_stamp; /* of the line it was given last */
	bool in_order;      /* each line a later change than the one before */
	bool forward;       /* no client's line older than the one before */
	char dst[ROOM];
};

static struct reader *readers_new(size_t count)
{
	struct reader *readers = calloc(count, sizeof *readers);

	ck_assert_ptr_nonnull(readers);
	for (unsigned i = 0; i < count; i++) {
		readers[i].number = i;
		readers[i].room = ROOM;
		readers[i].in_order = true;
		readers[i].forward = true;
	}
	return readers;
}

/* Read one page of a shard; true if there is more. */
static bool reader_read(struct reader *r, unsigned shard)
{
	struct feed_page page = {.dst = r->dst, .room = r->room};
	char *end;

	feed_read(store, r->number, shard, 0, &page);
	for (char *line = r->dst; line < r->dst + page.len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(r->dst + page.len - line));
		unsigned client = sample_client(line);
		int64_t stamp = sample_stamp(line);

		r->in_order &= stamp > r->last_stamp;
		r->forward &= stamp >= r->stamp[client];
		r->last_stamp = stamp;
		r->stamp[client] = stamp;
		*end = '\0';
		memcpy(r->line[client], line, (size_t)(end - line) + 1);
	}
	if (page.wanted)
		r->room = page.wanted;
	return page.more;
}

static bool reader_read_all(struct reader *r)
{
	bool any = false;

	for (unsigned shard = 0; shard < store_shards(store); shard++)
		while (reader_read(r, shard))
			any = true;
	return any;
}

static void assert_has_everything(const struct reader *r)
{
	for (unsigned client = 0; client < CLIENTS; client++) {
		char id[32];
		snprintf(id, sizeof id, "client-%u", client);
		struct buf held = {0};
		struct store_key key = store_key_of(store, text_of(id));

		ck_assert_int_eq(store_get(store, key, text_of(id), &held), 0);
		ck_assert_uint_eq(buf_len(&held), strlen(r->line[client]));
		ck_assert_mem_eq(
			buf_front(&held), r->line[client], buf_len(&held));
		buf_fini(&held);
	}
}

/* Stamps rise from put to put, so they number the changes: no reader may be
 * given a change twice, or two in the wrong order. */
START_TEST(serves_readers_of_different_speed)
{
	struct reader *readers = readers_new(4);
	uint64_t random = 99;

	open_store(_i, 1, 4);
	for (int64_t stamp = 1; stamp <= 20000; stamp++) {
		uint64_t r = sample_random(&random);
		unsigned client = (unsigned)(r % CLIENTS);

		put(client, stamp, r >> 20 & 1 ? SHORT : (r >> 24) % 400, 0);
		if (stamp % 3 == 0)
			reader_read(&readers[0], 0);
		if (stamp % 50 == 0) {
			readers[1].room = 512; /* a line or a few */
			reader_read(&readers[1], 0);
		}
		if (stamp % 5000 == 0)
			reader_read_all(&readers[2]);
	}
	for (unsigned i = 0; i < 4; i++) {
		reader_read_all(&readers[i]);
		ck_assert(readers[i].in_order);
		assert_has_everything(&readers[i]);
		memset(readers[i].line, 0, sizeof readers[i].line);
		feed_rewind(store, i);
		reader_read_all(&readers[i]);
		assert_has_everything(&readers[i]);
	}
	free(readers);
}
END_TEST

/* --- readers and writers at once ------------------------------------------ */

#define WRITERS 3
#define PUTS    8000 /* per writer */
#define READERS 3

static atomic_uint writers_left;

struct writer {
	struct thread thread;
	uint64_t random;
	struct sample sample;
	bool failed;
};

static void write_all(void *arg)
{
	struct writer *w = arg;

	for (int64_t stamp = 1; stamp <= PUTS; stamp++) {
		uint64_t r = sample_random(&w->random);
		unsigned client = (unsigned)(r % CLIENTS);
		enum store_result result;

		if (stamp <= CLIENTS) /* so that each is known at the end */
			client = (unsigned)(stamp - 1);
		sample_make(&w->sample, client, stamp, (unsigned)(r >> 16) % 10,
			r >> 20 & 1 ? SHORT : (r >> 24) % 400);
		if (sample_put(store, &w->sample, &(struct store_source){0},
			    &result))
			w->failed = true;
	}
	atomic_fetch_sub(&writers_left, 1);
}

/* The second reads page by page, the third starts over once in a while. */
static void follow(void *arg)
{
	struct reader *r = arg;
	bool last;
	unsigned round = 0;

	do {
		last = atomic_load(&writers_left) == 0;
		if (r->number == 1 && !last)
			r->room = 512;
		if (r->number == 2 && ++round % 64 == 0)
			feed_rewind(store, r->number);
		if (!reader_read_all(r))
			sched_yield();
	} while (!last);
}

START_TEST(follows_many_writers)
{
	struct reader *readers = readers_new(READERS);
	struct writer *writers = calloc(WRITERS, sizeof *writers);

	ck_assert_ptr_nonnull(writers);
	open_store(true, 1u << _i, READERS);
	atomic_store(&writers_left, WRITERS);
	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(thread_start(&readers[i].thread, "reader", -1,
					 follow, &readers[i]),
			0);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i].random = 77 + i;
		ck_assert_int_eq(thread_start(&writers[i].thread, "writer", -1,
					 write_all, &writers[i]),
			0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		thread_join(&writers[i].thread);
		ck_assert(!writers[i].failed);
	}
	for (unsigned i = 0; i < READERS; i++) {
		thread_join(&readers[i].thread);
		ck_assert(readers[i].forward);
		assert_has_everything(&readers[i]);
	}
	free(readers);
	free(writers);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("feed");
	TCase *tcase = tcase_create("feed");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, tells_a_story, 0, HERD_COUNT(stories));
	tcase_add_loop_test(tcase, looks_at_so_many_at_once, 0, 2);
	tcase_add_loop_test(tcase, leaves_out_where_it_came_from, 0, 2);
	tcase_add_loop_test(tcase, says_what_room_it_wants, 0, 2);
	tcase_add_loop_test(tcase, serves_readers_of_different_speed, 0, 2);
	tcase_add_loop_test(tcase, follows_many_writers, 0, 4);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
