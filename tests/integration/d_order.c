/* d_order - answers come in the order of the commands, whatever has to wait for
 * the provider, and each says what was known when its command was read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "near.h"

#define IN_FLIGHT 32 /* WHATSATs of one connection, at most */

static void up(struct near *n, int design)
{
	near_up(n,
		&(struct herd_setup){
			.design = herd_design(design),
			.general = "workers = 1;",
			.places = "timeout = 60;",
		},
		NULL);
}

/* The metres that a legacy request asks for. */
static unsigned metres_of(const struct asked *a)
{
	const char *radius = strstr(a->target, "&radius=");
	unsigned metres;

	ck_assert_ptr_nonnull(radius);
	ck_assert_int_eq(sscanf(radius, "&radius=%u", &metres), 1);
	return metres;
}

/* An answer that tells which question it is for. */
static const char *json_of(struct herd *h, unsigned metres)
{
	return herd_printf(h, "{\"metres\":%u}", metres);
}

static void answer(struct near *n, struct asked *a)
{
	asked_answer(a, 200, json_of(n->h, metres_of(a)));
}

static void expect(struct near *n, unsigned metres)
{
	near_expect(n->h, n->client, n->at, json_of(n->h, metres));
}

START_TEST(nobody_overtakes)
{
	struct near n;
	struct asked *asked[3];

	up(&n, _i);
	near_ask(&n, "WHATSAT kiwi 1 5\nhello\nWHATSAT kiwi 2 5\n\n"
		     "IAMAT plum +1+1 5\nWHATSAT kiwi 0 5\nWHATSAT kiwi 3 5");
	for (size_t i = 0; i < HERD_COUNT(asked); i++)
		asked[i] = double_await(n.provider);
	answer(&n, asked[2]);
	answer(&n, asked[1]);
	near_check_others(&n);
	near_check_waits(n.client);
	answer(&n, asked[0]);
	expect(&n, 1000);
	ck_assert_str_eq(client_line(n.client), "? hello");
	expect(&n, 2000);
	ck_assert_ptr_nonnull(strstr(client_line(n.client), " plum +1+1 5"));
	ck_assert_str_eq(
		herd_printf(n.h, "\n%s\n\n", near_json(n.h, n.client, n.at)),
		HERD_NOTHING);
	expect(&n, 3000);
	near_free(&n);
}
END_TEST

/* What is finished does not wait for what comes after it. */
START_TEST(nobody_waits_for_later_ones)
{
	struct near n;
	struct asked *first;
	struct asked *second;

	up(&n, _i);
	near_ask(&n, "hello\nWHATSAT kiwi 1 5\nagain\nWHATSAT kiwi 2 5\nbye");
	ck_assert_str_eq(client_line(n.client), "? hello");
	first = double_await(n.provider);
	second = double_await(n.provider);
	answer(&n, first);
	expect(&n, 1000);
	ck_assert_str_eq(client_line(n.client), "? again");
	near_ask(&n, "more");
	near_check_others(&n);
	near_check_waits(n.client);
	answer(&n, second);
	expect(&n, 2000);
	ck_assert_str_eq(client_line(n.client), "? bye");
	ck_assert_str_eq(client_line(n.client), "? more");
	near_free(&n);
}
END_TEST

/* The location is the one of the moment when the command was read. */
START_TEST(what_was_known_then)
{
	static const char *const locations[] = {"+1+1", "+2+2", "+3+3"};
	const char *at[HERD_COUNT(locations)];
	struct asked *asked[HERD_COUNT(locations)];
	struct near n;

	up(&n, _i);
	at[0] = herd_iamat(n.h, "Goloman", "plum", locations[0], "5");
	near_ask(&n, "WHATSAT plum 10 5");
	asked[0] = double_await(n.provider);
	at[1] = herd_iamat(n.h, "Goloman", "plum", locations[1], "6");
	near_ask(&n, "WHATSAT plum 10 5\nIAMAT plum +3+3 7\nWHATSAT plum 10 5");
	asked[1] = double_await(n.provider);
	asked[2] = double_await(n.provider);
	for (size_t i = HERD_COUNT(asked); i-- > 0;) {
		const char *location =
			herd_printf(n.h, "location=%zu,%zu&", i + 1, i + 1);

		ck_assert_ptr_nonnull(strstr(asked[i]->target, location));
		asked_answer(asked[i], 200, NEAR_GOOD);
	}
	near_expect(n.h, n.client, at[0], NEAR_GOOD);
	near_expect(n.h, n.client, at[1], NEAR_GOOD);
	at[2] = herd_printf(n.h, "%s", client_line(n.client));
	ck_assert_ptr_nonnull(strstr(at[2], " plum +3+3 7"));
	near_expect(n.h, n.client, at[2], NEAR_GOOD);
	near_free(&n);
}
END_TEST

/* --- many ----------------------------------------------------------------- */

static void ask_many(struct near *n, unsigned count)
{
	char *lines = malloc(count * sizeof "WHATSAT kiwi 49.999 20\n");
	size_t len = 0;

	ck_assert_ptr_nonnull(lines);
	for (unsigned i = 1; i <= count; i++)
		len += (size_t)sprintf(
			lines + len, "WHATSAT kiwi 1.%03u 20\n", i);
	client_send_bytes(n->client, (struct text){lines, len});
	free(lines);
}

START_TEST(many_in_one_segment)
{
	enum {
		MANY = 150
	};
	struct asked *asked[MANY];
	struct near n;

	up(&n, _i);
	ask_many(&n, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		asked[i] = double_await(n.provider);
		ck_assert_uint_eq(metres_of(asked[i]), 1001 + i);
		if (i + 1 < IN_FLIGHT)
			continue;
		/* One at a time makes room for another, the first last. */
		if (i + 1 == IN_FLIGHT)
			near_check_others(&n);
		ck_assert_uint_eq(double_requests(n.provider), i + 1);
		near_check_waits(n.client);
		answer(&n, asked[i + 2 - IN_FLIGHT]);
	}
	for (unsigned i = MANY + 2 - IN_FLIGHT; i < MANY; i++)
		answer(&n, asked[i]);
	near_check_others(&n);
	near_check_waits(n.client);
	answer(&n, asked[0]);
	for (unsigned i = 0; i < MANY; i++)
		expect(&n, 1001 + i);
	near_check_waits(n.client);
	near_free(&n);
}
END_TEST

/* Commands of all kinds, answered in any order; see near_json for theirs. */
START_TEST(all_kinds_in_any_order)
{
	enum {
		MANY = 400
	};
	struct asked *open[IN_FLIGHT];
	unsigned questions = 0;
	unsigned answered = 0;
	unsigned waiting = 0;
	struct near n;

	srand(3);
	up(&n, _i);
	for (unsigned i = 0; i < MANY; i++) {
		int kind = rand() % 5;

		near_ask(&n, kind == 0   ? herd_printf(n.h, "what %u", i)
			     : kind == 1 ? "WHATSAT kiwi 0 0"
					 : herd_printf(n.h,
						   "WHATSAT kiwi 1.%03u 9", i));
		questions += kind > 1;
	}
	while (answered < questions) {
		unsigned i;

		if (!waiting || (waiting < IN_FLIGHT && rand() % 2 &&
					waiting + answered < questions))
			open[waiting++] = double_await(n.provider);
		i = (unsigned)rand() % waiting;
		answer(&n, open[i]);
		open[i] = open[--waiting];
		answered++;
	}
	srand(3);
	for (unsigned i = 0; i < MANY; i++) {
		int kind = rand() % 5;

		if (kind == 0)
			ck_assert_str_eq(client_line(n.client),
				herd_printf(n.h, "? what %u", i));
		else if (kind == 1)
			near_json(n.h, n.client, n.at);
		else
			expect(&n, 1000 + i);
	}
	near_free(&n);
}
END_TEST

/* --- much ----------------------------------------------------------------- */

#define BIG      60000 /* bytes of an answer, nearly */
#define MUCH     100
#define BIG_ROOM (262144 / BIG + 2) /* as many are taken at the most */

/* An IAMAT that is very long, and so is the answer to its WHATSAT. */
static const char *make_big(struct herd *h)
{
	char *zeros = calloc(1, BIG + 1);
	const char *location;

	ck_assert_ptr_nonnull(zeros);
	memset(zeros, '0', BIG);
	location = herd_printf(h, "+1.%s+1", zeros);
	free(zeros);
	return herd_iamat(h, "Goloman", "big", location, "5");
}

/* What waits for its turn is bounded: further commands are read when it has
 * left, and none is lost. */
START_TEST(much_that_waits)
{
	struct near n;
	struct asked *a;
	const char *big;
	size_t taken;

	up(&n, _i);
	big = make_big(n.h);
	near_ask(&n, "WHATSAT kiwi 1 5");
	a = double_await(n.provider);
	for (int i = 0; i < MUCH; i++)
		near_ask(&n, "WHATSAT big 0 0");
	near_check_others(&n);
	taken = herd_count(herd_wait_log(n.h, "Goloman", " other +1+1 5", 2),
		": WHATSAT big 0 0\n");
	ck_assert_uint_le(taken, BIG_ROOM);
	answer(&n, a);
	expect(&n, 1000);
	for (int i = 0; i < MUCH; i++)
		near_json(n.h, n.client, big);
	near_ask(&n, "hello");
	ck_assert_str_eq(client_line(n.client), "? hello");
	near_free(&n);
}
END_TEST

/* --- the end of input ----------------------------------------------------- */

START_TEST(half_close)
{
	struct near n;
	struct asked *asked[3];

	up(&n, _i);
	client_send(n.client,
		"WHATSAT kiwi 1 5\nWHATSAT kiwi 2 5\nhello\nWHATSAT kiwi 3 5");
	for (int i = 0; i < 2; i++)
		asked[i] = double_await(n.provider);
	client_finish(n.client);
	asked[2] = double_await(n.provider);
	near_check_others(&n);
	near_check_waits(n.client);
	answer(&n, asked[2]);
	answer(&n, asked[0]);
	expect(&n, 1000);
	answer(&n, asked[1]);
	ck_assert_str_eq(client_rest(n.client).ptr,
		herd_printf(n.h, "%s\n%s\n\n? hello\n%s\n%s\n\n", n.at,
			json_of(n.h, 2000), n.at, json_of(n.h, 3000)));
	near_free(&n);
}
END_TEST

/* More than may be under way, the last line without its end. */
START_TEST(half_close_with_many)
{
	enum {
		MANY = 100
	};
	struct near n;

	up(&n, _i);
	ask_many(&n, MANY);
	client_send(n.client, "  WHATSAT kiwi 2 5 \t");
	client_finish(n.client);
	for (int i = 0; i <= MANY; i++)
		answer(&n, double_await(n.provider));
	for (unsigned i = 0; i < MANY; i++)
		expect(&n, 1001 + i);
	expect(&n, 2000);
	ck_assert_uint_eq(client_rest(n.client).len, 0);
	near_free(&n);
}
END_TEST

/* The end of a connection by a line that is too long comes in turn as well. */
START_TEST(a_line_too_long)
{
	enum {
		LONG = 70000
	};
	struct near n;
	struct asked *a;
	char *line = malloc(LONG);
	struct text rest;

	ck_assert_ptr_nonnull(line);
	memset(line, 'x', LONG);
	up(&n, _i);
	near_ask(&n, "WHATSAT kiwi 1 5");
	a = double_await(n.provider);
	client_send_bytes(n.client, (struct text){line, LONG});
	near_check_others(&n);
	near_check_waits(n.client);
	answer(&n, a);
	expect(&n, 1000);
	rest = client_rest(n.client);
	ck_assert_uint_eq(rest.len, 2 + 128 + 1);
	ck_assert(!memcmp(rest.ptr, "? xxx", 5));
	free(line);
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, nobody_overtakes);
	herd_add_test(tcase, nobody_waits_for_later_ones);
	herd_add_test(tcase, what_was_known_then);
	herd_add_test(tcase, many_in_one_segment);
	herd_add_test(tcase, all_kinds_in_any_order);
	herd_add_test(tcase, much_that_waits);
	herd_add_test(tcase, half_close);
	herd_add_test(tcase, half_close_with_many);
	herd_add_test(tcase, a_line_too_long);
}

int main(void)
{
	return herd_main("d_order", add_tests, 60);
}
