/* Neighbours: who they are, where from, and which process of theirs. */
#include "herd/neighbours.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "herd/thread.h"
#include "sys_fault.h"

enum {
	GOLOMAN,
	HANDS,
	HOLIDAY,
	WELSH,
	WILKES,
	SERVERS
};

static struct conf_server servers[SERVERS] = {
	[GOLOMAN] = {.name = "Goloman", .host = "127.0.0.1", .port = 12000},
	[HANDS] = {.name = "Hands", .host = "10.0.0.2", .port = 12001},
	[HOLIDAY] = {.name = "Holiday", .host = "::1", .port = 12002},
	[WELSH] = {.name = "Welsh", .host = "10.0.0.4", .port = 12003},
	[WILKES] = {.name = "Wilkes", .host = "wilkes.invalid", .port = 12004},
};
static size_t of_goloman[] = {HANDS, HOLIDAY, WILKES};
static const struct conf conf = {.servers = servers, .server_count = SERVERS};
static struct neighbours *nb;
static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
	servers[GOLOMAN].neighbours = of_goloman;
	servers[GOLOMAN].neighbour_count = HERD_COUNT(of_goloman);
	ck_assert_int_eq(neighbours_new(&conf, GOLOMAN, &nb), 0);
}

static void tear_down(void)
{
	neighbours_free(nb);
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static struct address address_of(const char *host, uint16_t port)
{
	struct address a;

	ck_assert_int_eq(address_parse(host, port, &a), 0);
	return a;
}

START_TEST(knows_who_they_are)
{
	ck_assert_uint_eq(neighbours_count(nb), 3);
	ck_assert_ptr_eq(neighbours_self(nb), &servers[GOLOMAN]);
	ck_assert_ptr_eq(neighbours_server(nb, 0), &servers[HANDS]);
	ck_assert_ptr_eq(neighbours_server(nb, 1), &servers[HOLIDAY]);
	ck_assert_ptr_eq(neighbours_server(nb, 2), &servers[WILKES]);
}
END_TEST

static const struct {
	const char *name;
	int which; /* -1: no neighbour */
} names[] = {
	{"Hands", 0},
	{"Holiday", 1},
	{"Wilkes", 2},
	{"Welsh", -1},   /* of the herd, but not ours */
	{"Goloman", -1}, /* ourselves */
	{"hands", -1},
	{"Hand", -1},
	{"Handsome", -1},
	{"", -1},
};

START_TEST(finds_by_name)
{
	size_t which = 99;
	bool found = neighbours_find(nb, text_of(names[_i].name), &which);

	ck_assert(found == (names[_i].which >= 0));
	if (found)
		ck_assert_int_eq((int)which, names[_i].which);
}
END_TEST

static const struct {
	const char *from;
	int which; /* -1: nobody's */
} sources[] = {
	{"10.0.0.2", 0},
	{"::ffff:10.0.0.2", 0}, /* by a listener of both families */
	{"::1", 1},
	{"127.0.0.1", -1}, /* ourselves */
	{"10.0.0.4", -1},
	{"::ffff:10.0.0.4", -1},
	{"::10.0.0.2", -1},
	{"0.0.0.0", -1},
};

START_TEST(knows_where_from)
{
	struct address from = address_of(sources[_i].from, 54321);

	for (size_t i = 0; i < neighbours_count(nb); i++)
		ck_assert(neighbours_is_from(nb, i, &from) ==
			  ((int)i == sources[_i].which));
	ck_assert(neighbours_any_from(nb, &from) == (sources[_i].which >= 0));
}
END_TEST

START_TEST(knows_plain_ones_by_their_address)
{
	struct address hands = address_of("10.0.0.2", 54321);
	struct address others = address_of("10.9.0.1", 1);
	size_t which = 99;

	ck_assert_uint_eq(neighbours_plain_from(nb, &hands, &which), 0);
	servers[WELSH].plain = true; /* no neighbour */
	servers[WILKES].plain = true;
	ck_assert_uint_eq(neighbours_plain_from(nb, &hands, &which), 0);
	ck_assert_uint_eq(neighbours_plain_from(nb, &others, &which), 0);
	servers[HANDS].plain = true;
	ck_assert_uint_eq(neighbours_plain_from(nb, &hands, &which), 1);
	ck_assert_uint_eq(which, 0);
	neighbours_set_addresses(nb, 2, neighbours_moves(nb, 2), &others, 1);
	ck_assert_uint_eq(neighbours_plain_from(nb, &others, &which), 1);
	ck_assert_uint_eq(which, 2);
	/* Two at one address. */
	neighbours_set_addresses(nb, 2, neighbours_moves(nb, 2), &hands, 1);
	ck_assert_uint_eq(neighbours_plain_from(nb, &hands, &which), 2);
	ck_assert_uint_eq(which, 0);
}
END_TEST

START_TEST(learns_addresses)
{
	struct address found[NEIGHBOUR_ADDRESSES + 3];
	struct address a;

	/* A name has none before it was looked up. */
	ck_assert(!neighbours_address(nb, 2, 0, &a));
	for (size_t i = 0; i < HERD_COUNT(found); i++) {
		found[i] = address_of("10.9.0.0", 12004);
		found[i].v4.sin_addr.s_addr += htonl((uint32_t)i);
	}

	neighbours_set_addresses(nb, 2, neighbours_moves(nb, 2), found, 3);
	for (unsigned attempt = 0; attempt < 9; attempt++) {
		ck_assert(neighbours_address(nb, 2, attempt, &a));
		ck_assert(address_same_host(&a, &found[attempt % 3]));
		ck_assert_uint_eq(address_port(&a), 12004);
	}
	ck_assert(neighbours_is_from(nb, 2, &found[2]));
	ck_assert(!neighbours_is_from(nb, 2, &found[3]));
	ck_assert(neighbours_any_from(nb, &found[2]));

	/* Other ones take their place; there is room for so many. */
	neighbours_set_addresses(nb, 2, neighbours_moves(nb, 2), found + 1,
		HERD_COUNT(found) - 1);
	ck_assert(!neighbours_is_from(nb, 2, &found[0]));
	ck_assert(neighbours_is_from(nb, 2, &found[NEIGHBOUR_ADDRESSES]));
	ck_assert(!neighbours_is_from(nb, 2, &found[NEIGHBOUR_ADDRESSES + 1]));
	ck_assert(neighbours_address(nb, 2, NEIGHBOUR_ADDRESSES, &a));
	ck_assert(address_same_host(&a, &found[1]));
}
END_TEST

START_TEST(a_numeric_host_is_its_address)
{
	struct address a;

	for (unsigned attempt = 0; attempt < 3; attempt++) {
		ck_assert(neighbours_address(nb, 1, attempt, &a));
		ck_assert_int_eq(a.any.sa_family, AF_INET6);
		ck_assert_uint_eq(address_port(&a), 12002);
	}
}
END_TEST

START_TEST(its_boot_id_is_random)
{
	struct neighbours *second;
	struct text boot = neighbours_boot(nb);

	ck_assert_uint_eq(boot.len, 16);
	for (size_t i = 0; i < boot.len; i++)
		ck_assert_ptr_nonnull(
			memchr("0123456789abcdef", boot.ptr[i], 16));
	ck_assert_int_eq(neighbours_new(&conf, GOLOMAN, &second), 0);
	ck_assert(!text_equal(boot, neighbours_boot(second)));
	neighbours_free(second);
}
END_TEST

/* --- incarnations --------------------------------------------------------- */

static uint32_t incarnation(size_t which, const char *boot)
{
	uint32_t number = neighbours_incarnation(nb, which, text_of(boot));

	ck_assert_uint_ne(number, 0);
	return number;
}

START_TEST(one_number_per_boot)
{
	uint32_t a = incarnation(0, "aaaa");
	uint32_t b = incarnation(1, "aaaa"); /* another server's */

	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(incarnation(0, "aaaa"), a);
	ck_assert_uint_eq(incarnation(1, "aaaa"), b);

	uint32_t restarted = incarnation(0, "aaab");
	ck_assert_uint_ne(restarted, a);
	ck_assert_uint_ne(restarted, b);
	ck_assert_uint_eq(incarnation(0, "aaab"), restarted);
	ck_assert_uint_eq(incarnation(1, "aaaa"), b);
}
END_TEST

/* It has no boot id of its own; one it says on a link counts for nothing. */
START_TEST(one_number_for_a_plain_one)
{
	uint32_t number;

	servers[HANDS].plain = true;
	number = incarnation(0, "");
	ck_assert_uint_eq(incarnation(0, "aaaa"), number);
	ck_assert_uint_eq(incarnation(0, ""), number);
	ck_assert_uint_ne(incarnation(1, ""), number);
}
END_TEST

START_TEST(no_number_twice)
{
	static const char *const boots[] = {"a", "aa", "aaa",
		"0123456789abcdef0123456789abcdef", /* the longest */
		"0123456789abcdef0123456789abcdee", "b", "aa"};
	bool used[3 * HERD_COUNT(boots) + 1] = {false};

	for (size_t i = 0; i < HERD_COUNT(boots); i++) {
		for (size_t which = 0; which < 3; which++) {
			uint32_t number = incarnation(which, boots[i]);

			ck_assert_uint_lt(number, HERD_COUNT(used));
			ck_assert(!used[number]);
			used[number] = true;
		}
	}
}
END_TEST

START_TEST(numbers_links)
{
	uint32_t first;
	uint32_t other;
	uint32_t last = 0;

	ck_assert(neighbours_link_opened(nb, 0, &first));
	ck_assert(neighbours_link_is_newest(nb, 0, first));
	for (int i = 1; i < NEIGHBOUR_LINKS; i++)
		ck_assert(neighbours_link_opened(nb, 0, &last));
	ck_assert(!neighbours_link_opened(nb, 0, &other));
	ck_assert(!neighbours_link_is_newest(nb, 0, first));
	ck_assert(neighbours_link_is_newest(nb, 0, last));
	ck_assert(neighbours_link_opened(nb, 1, &other));
	ck_assert(neighbours_link_is_newest(nb, 0, last));

	/* The newest stays what it is when others close. */
	neighbours_link_closed(nb, 0);
	ck_assert(neighbours_link_is_newest(nb, 0, last));
	ck_assert(neighbours_link_opened(nb, 0, &other));
	ck_assert(!neighbours_link_is_newest(nb, 0, last));
}
END_TEST

/* --- what is shared, what is said ----------------------------------------- */

START_TEST(keeps_the_secret)
{
	ck_assert_uint_eq(neighbours_secret(nb).len, 0);
	neighbours_set_secret(nb, text_of("sesame"));
	ck_assert(text_equal(neighbours_secret(nb), text_of("sesame")));
}
END_TEST

START_TEST(says_a_cause_once_a_minute)
{
	const int64_t minute = 60 * HERD_SECOND_NS;
	char same[] = "a";

	for (int64_t t = 5; t < 5 + 3 * minute; t += minute) {
		ck_assert(neighbours_may_say(nb, 0, "a", t));
		ck_assert(!neighbours_may_say(nb, 0, "a", t));
		ck_assert(neighbours_may_say(nb, 0, "b", t + 7));
		ck_assert(neighbours_may_say(nb, 1, "a", t + 7));
		ck_assert(!neighbours_may_say(nb, 0, same, t + minute - 1));
		ck_assert(!neighbours_may_say(nb, 0, "b", t + minute - 1));
	}
}
END_TEST

/* Too many causes cost memory of what was said longest ago, nothing else. */
START_TEST(forgets_the_oldest_cause)
{
	static const char *const causes[] = {"a", "b", "c", "d", "e", "f", "g",
		"h", "i", "j", "k", "l", "m", "n", "o", "p"};
	int64_t t = HERD_SECOND_NS;

	for (size_t i = 0; i < HERD_COUNT(causes); i++)
		ck_assert(neighbours_may_say(nb, 0, causes[i], ++t));
	for (size_t i = 0; i < HERD_COUNT(causes); i++)
		ck_assert(!neighbours_may_say(nb, 0, causes[i], ++t));
	ck_assert(neighbours_may_say(nb, 0, "one more", ++t));
	ck_assert(!neighbours_may_say(nb, 0, "one more", ++t));
	for (size_t i = 1; i < HERD_COUNT(causes); i++)
		ck_assert(!neighbours_may_say(nb, 0, causes[i], ++t));
	ck_assert(neighbours_may_say(nb, 0, causes[0], ++t));
}
END_TEST

/* --- threads -------------------------------------------------------------- */

#define ASKERS 4
#define ASKS   5000

struct asker {
	struct thread thread;
	uint32_t last;
	unsigned said;
	bool right;
};

/* A worker: the boot ids only go up, and so must the numbers. */
static void ask(void *arg)
{
	struct asker *a = arg;
	struct address from = address_of("10.9.0.1", 1);
	char boot[] = "0000";

	a->right = true;
	for (int i = 0; i < ASKS; i++) {
		struct address to;
		uint32_t number;

		number = neighbours_incarnation(nb, 0, text_of(boot));
		a->right &= number >= a->last;
		a->last = number;
		if (neighbours_address(nb, 2, (unsigned)i, &to))
			a->right &= address_port(&to) == 12004;
		a->right &= !neighbours_is_from(nb, 0, &from);
		(void)neighbours_any_from(nb, &from);
		a->said += neighbours_may_say(nb, 0, "a", i);
	}
}

START_TEST(anyone_may_ask)
{
	struct asker askers[ASKERS] = {{.last = 0}};
	struct address found[2] = {
		address_of("10.9.0.1", 12004), address_of("::2", 12004)};
	unsigned said = 0;

	for (int i = 0; i < ASKERS; i++)
		ck_assert_int_eq(thread_start(&askers[i].thread, "asker", -1,
					 ask, &askers[i]),
			0);
	for (size_t i = 0; i < ASKS; i++) {
		(void)neighbours_incarnation(nb, 1, text_of(i % 2 ? "a" : "b"));
		neighbours_set_addresses(nb, 2, neighbours_moves(nb, 2),
			found + i % 2, 1 + i % 2 % 1);
	}
	for (int i = 0; i < ASKERS; i++) {
		thread_join(&askers[i].thread);
		ck_assert(askers[i].right);
		ck_assert_uint_eq(askers[i].last, askers[0].last);
		said += askers[i].said;
	}
	ck_assert_uint_eq(said, 1);
}
END_TEST

/* --- another configuration ------------------------------------------------ */

static struct conf_server later[SERVERS];
static const struct conf later_conf = {
	.servers = later, .server_count = SERVERS};

/* The same servers, of which these are Goloman's neighbours. */
static void reconfigure(size_t *neighbours, size_t count)
{
	memcpy(later, servers, sizeof later);
	later[GOLOMAN].neighbours = neighbours;
	later[GOLOMAN].neighbour_count = count;
}

static void update(void)
{
	ck_assert_int_eq(neighbours_update(nb, &later_conf, GOLOMAN), 0);
}

START_TEST(keeps_slots_for_good)
{
	size_t other[] = {WELSH, WILKES};
	size_t which;
	uint32_t before = neighbours_incarnation(nb, 0, text_of("a"));
	struct address hands = address_of("10.0.0.2", 1);
	struct address welsh = address_of("10.0.0.4", 1);

	reconfigure(other, HERD_COUNT(other));
	update();
	ck_assert_uint_eq(neighbours_count(nb), 4);
	ck_assert(!neighbours_is_active(nb, 0) && !neighbours_is_active(nb, 1));
	ck_assert(neighbours_is_active(nb, 2) && neighbours_is_active(nb, 3));
	ck_assert_str_eq(neighbours_name(nb, 0), "Hands");
	ck_assert(!neighbours_find(nb, text_of("Hands"), &which));
	ck_assert(neighbours_find(nb, text_of("Welsh"), &which) && which == 3);
	ck_assert(!neighbours_is_from(nb, 0, &hands));
	ck_assert(!neighbours_any_from(nb, &hands));
	ck_assert(neighbours_any_from(nb, &welsh));
	ck_assert_ptr_eq(neighbours_self(nb), &servers[GOLOMAN]);
	ck_assert_ptr_eq(neighbours_server(nb, 2), &later[WILKES]);

	/* Back again: where it was, who it was. */
	ck_assert_int_eq(neighbours_update(nb, &conf, GOLOMAN), 0);
	ck_assert_uint_eq(neighbours_count(nb), 4);
	ck_assert(neighbours_find(nb, text_of("Hands"), &which) && which == 0);
	ck_assert(!neighbours_is_active(nb, 3));
	ck_assert(neighbours_is_from(nb, 0, &hands));
	ck_assert_uint_eq(neighbours_incarnation(nb, 0, text_of("a")), before);
}
END_TEST

START_TEST(moves)
{
	struct address found = address_of("10.9.0.1", 12004);
	struct address a;
	unsigned hands = neighbours_moves(nb, 0);
	unsigned holiday = neighbours_moves(nb, 1);
	unsigned wilkes = neighbours_moves(nb, 2);

	neighbours_set_addresses(nb, 2, wilkes, &found, 1);
	reconfigure(of_goloman, HERD_COUNT(of_goloman));
	update();
	ck_assert_uint_eq(neighbours_moves(nb, 0), hands);
	ck_assert_uint_eq(neighbours_moves(nb, 2), wilkes);
	ck_assert(neighbours_is_from(nb, 2, &found));

	reconfigure(of_goloman, HERD_COUNT(of_goloman));
	later[HANDS].host = "10.0.0.3";
	later[HOLIDAY].port++;
	later[WILKES].host = "elsewhere.invalid";
	ck_assert_int_eq(neighbours_update(nb, &conf, GOLOMAN), 0);
	update();
	ck_assert_uint_ne(neighbours_moves(nb, 0), hands);
	ck_assert_uint_ne(neighbours_moves(nb, 1), holiday);
	ck_assert_uint_ne(neighbours_moves(nb, 2), wilkes);
	ck_assert(neighbours_address(nb, 0, 0, &a));
	ck_assert(address_same_host(&a,
		&(struct address){.v4 = {.sin_family = AF_INET,
					  .sin_addr = {htonl(0x0a000003)}}}));
	ck_assert(neighbours_address(nb, 1, 0, &a));
	ck_assert_uint_eq(address_port(&a), 12003);

	/* What was found for the name it had is not where it is. */
	ck_assert(!neighbours_address(nb, 2, 0, &a));
	neighbours_set_addresses(nb, 2, wilkes, &found, 1);
	ck_assert(!neighbours_address(nb, 2, 0, &a));
	neighbours_set_addresses(nb, 2, neighbours_moves(nb, 2), &found, 1);
	ck_assert(neighbours_address(nb, 2, 0, &a));
}
END_TEST

START_TEST(changes_all_or_nothing)
{
	size_t other[] = {WELSH};
	size_t before = sys_fault_blocks();

	reconfigure(other, HERD_COUNT(other));
	sys_fault_fail(SYS_FAULT_ALLOC, 0, 1, ENOMEM);
	ck_assert_int_eq(neighbours_update(nb, &later_conf, GOLOMAN), -ENOMEM);
	ck_assert_uint_eq(neighbours_count(nb), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert(neighbours_is_active(nb, i));
	ck_assert_uint_eq(sys_fault_blocks(), before);
}
END_TEST

START_TEST(has_room_for_so_many)
{
	static char called[NEIGHBOURS_MAX + 2][8];
	static struct conf_server many[NEIGHBOURS_MAX + 2];
	static size_t of_many[NEIGHBOURS_MAX + 1];
	const struct conf many_conf = {
		.servers = many, .server_count = HERD_COUNT(many)};
	struct neighbours *full;

	for (size_t i = 0; i < HERD_COUNT(many); i++) {
		snprintf(called[i], sizeof called[i], "n%zu", i);
		many[i] = (struct conf_server){
			.name = called[i], .host = "10.0.0.1"};
		if (i)
			of_many[i - 1] = i;
	}
	many[0].neighbours = of_many;
	many[0].neighbour_count = NEIGHBOURS_MAX;
	ck_assert_int_eq(neighbours_new(&many_conf, 0, &full), 0);
	ck_assert_uint_eq(neighbours_count(full), NEIGHBOURS_MAX);
	many[0].neighbours = of_many + 1;
	ck_assert_int_eq(neighbours_update(full, &many_conf, 0), -ENOSPC);
	ck_assert(neighbours_is_active(full, 0));
	neighbours_free(full);
	many[0].neighbour_count = NEIGHBOURS_MAX + 1;
	many[0].neighbours = of_many;
	ck_assert_int_eq(neighbours_new(&many_conf, 0, &full), -ENOSPC);
}
END_TEST

/* --- life ----------------------------------------------------------------- */

START_TEST(lives_alone)
{
	struct neighbours *alone;
	struct address from = address_of("127.0.0.1", 1);
	size_t which;

	ck_assert_int_eq(neighbours_new(&conf, WELSH, &alone), 0);
	ck_assert_uint_eq(neighbours_count(alone), 0);
	ck_assert(!neighbours_find(alone, text_of("Hands"), &which));
	ck_assert(!neighbours_any_from(alone, &from));
	neighbours_free(alone);
	neighbours_free(NULL);
}
END_TEST

START_TEST(survives_failures)
{
	struct neighbours *none;
	size_t blocks = sys_fault_blocks();

	for (unsigned n = 0; n <= HERD_COUNT(of_goloman); n++) {
		sys_fault_fail(SYS_FAULT_ALLOC, n, 1, ENOMEM);
		ck_assert_int_eq(
			neighbours_new(&conf, GOLOMAN, &none), -ENOMEM);
	}
	sys_fault_fail(SYS_FAULT_RANDOM, 0, 1, ENOSYS);
	ck_assert_int_eq(neighbours_new(&conf, GOLOMAN, &none), -ENOSYS);
	ck_assert_uint_eq(sys_fault_blocks(), blocks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("neighbours");
	TCase *tcase = tcase_create("neighbours");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, knows_who_they_are);
	tcase_add_loop_test(tcase, finds_by_name, 0, (int)HERD_COUNT(names));
	tcase_add_loop_test(
		tcase, knows_where_from, 0, (int)HERD_COUNT(sources));
	tcase_add_test(tcase, knows_plain_ones_by_their_address);
	tcase_add_test(tcase, learns_addresses);
	tcase_add_test(tcase, a_numeric_host_is_its_address);
	tcase_add_test(tcase, its_boot_id_is_random);
	tcase_add_test(tcase, one_number_per_boot);
	tcase_add_test(tcase, one_number_for_a_plain_one);
	tcase_add_test(tcase, no_number_twice);
	tcase_add_test(tcase, numbers_links);
	tcase_add_test(tcase, keeps_the_secret);
	tcase_add_test(tcase, says_a_cause_once_a_minute);
	tcase_add_test(tcase, forgets_the_oldest_cause);
	tcase_add_test(tcase, anyone_may_ask);
	tcase_add_test(tcase, keeps_slots_for_good);
	tcase_add_test(tcase, moves);
	tcase_add_test(tcase, changes_all_or_nothing);
	tcase_add_test(tcase, has_room_for_so_many);
	tcase_add_test(tcase, lives_alone);
	tcase_add_test(tcase, survives_failures);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
