/* Addresses as values: text to address and back, and who is the same host. */
#include "herd/address.h"

#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#include "herd/sys.h"
#include "sys_fault.h"

static struct address parsed(const char *host)
{
	struct address a;

	ck_assert_msg(address_parse(host, 4711, &a) == 0, "%s", host);
	return a;
}

static const struct {
	const char *host;
	const char *text; /* NULL: no address */
} texts[] = {
	{"127.0.0.1", "127.0.0.1:12000"},
	{"0.0.0.0", "0.0.0.0:12000"},
	{"255.255.255.255", "255.255.255.255:12000"},
	{"10.20.30.40", "10.20.30.40:12000"},
	{"::", "[::]:12000"},
	{"::1", "[::1]:12000"},
	{"2001:DB8::0:5", "[2001:db8::5]:12000"},
	{"::ffff:1.2.3.4", "[::ffff:1.2.3.4]:12000"},
	{"fe80::1%7", "[fe80::1%7]:12000"},
	{"fe80::1%4294967295", "[fe80::1%4294967295]:12000"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:12000"},
	{"", NULL},
	{"localhost", NULL},
	{"127.1", NULL},
	{"127.0.0.1 ", NULL},
	{"127.0.0.256", NULL},
	{"127.0.0.1%1", NULL},
	{"1.2.3.4.5", NULL},
	{"[::1]", NULL},
	{":::1", NULL},
	{"%1", NULL},
	{"fe80::1%", NULL},
	{"fe80::1%0", NULL},
	{"fe80::1%4294967296", NULL},
	{"fe80::1%99999999999999999999", NULL},
	{"fe80::1%no such interface", NULL},
	{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
};

START_TEST(reads_and_writes_text)
{
	struct address a;
	char text[ADDRESS_TEXT];
	int r = address_parse(texts[_i].host, 12000, &a);

	if (!texts[_i].text) {
		ck_assert_int_eq(r, -EINVAL);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(address_port(&a), 12000);
	ck_assert_uint_eq(address_format(&a, text), strlen(texts[_i].text));
	ck_assert_str_eq(text, texts[_i].text);
	ck_assert_uint_eq(address_len(&a),
		a.any.sa_family == AF_INET ? sizeof a.v4 : sizeof a.v6);
}
END_TEST

START_TEST(writes_ports)
{
	static const struct {
		uint16_t port;
		const char *text;
	} ports[] = {
		{0, "127.0.0.1:0"},
		{9, "127.0.0.1:9"},
		{10, "127.0.0.1:10"},
		{65535, "127.0.0.1:65535"},
	};

	for (size_t i = 0; i < HERD_COUNT(ports); i++) {
		struct address a;
		char text[ADDRESS_TEXT];
		ck_assert_int_eq(
			address_parse("127.0.0.1", ports[i].port, &a), 0);
		(void)address_format(&a, text);
		ck_assert_str_eq(text, ports[i].text);
	}
}
END_TEST

START_TEST(scope_may_be_a_name)
{
	struct address a = parsed("fe80::1%lo");

	ck_assert_uint_eq(a.v6.sin6_scope_id, if_nametoindex("lo"));
}
END_TEST

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{"127.0.0.1", "127.0.0.1", true},
	{"127.0.0.1", "127.0.0.2", false},
	{"1.2.3.4", "::ffff:1.2.3.4", true},
	{"::ffff:1.2.3.4", "::ffff:1.2.3.4", true},
	{"::ffff:1.2.3.4", "::ffff:1.2.3.5", false},
	{"1.2.3.4", "::1.2.3.4", false},
	{"::1", "::1", true},
	{"::1", "::2", false},
	{"127.0.0.1", "::1", false},
	{"fe80::1%1", "fe80::1%1", true},
	{"fe80::1%1", "fe80::1%2", false},
	{"2001:db8::1%1", "2001:db8::1%2", true},
};

START_TEST(knows_the_same_host)
{
	struct address a = parsed(pairs[_i].a);
	struct address b = parsed(pairs[_i].b);

	if (b.any.sa_family == AF_INET)
		b.v4.sin_port = 1;
	else
		b.v6.sin6_port = 1;
	ck_assert(address_same_host(&a, &b) == pairs[_i].same);
	ck_assert(address_same_host(&b, &a) == pairs[_i].same);
}
END_TEST

static const struct {
	const char *host;
	bool loopback;
} loopbacks[] = {
	{"127.0.0.1", true},
	{"127.255.0.3", true},
	{"::1", true},
	{"::ffff:127.9.9.9", true},
	{"128.0.0.1", false},
	{"126.255.255.255", false},
	{"0.0.0.0", false},
	{"::", false},
	{"::2", false},
	{"::ffff:128.0.0.1", false},
	{"::127.0.0.1", false},
};

START_TEST(knows_loopback)
{
	struct address a = parsed(loopbacks[_i].host);

	ck_assert(address_is_loopback(&a) == loopbacks[_i].loopback);
}
END_TEST

START_TEST(resolves_numbers_and_names)
{
	struct address a[4];
	size_t count = 0;

	ck_assert_int_eq(address_resolve("::1", 7, a, 1, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert(address_is_loopback(&a[0]));
	ck_assert_uint_eq(address_port(&a[0]), 7);

	ck_assert_int_eq(address_resolve("localhost", 8, a, 4, &count), 0);
	ck_assert_uint_ge(count, 1);
	for (size_t i = 0; i < count; i++) {
		ck_assert(address_is_loopback(&a[i]));
		ck_assert_uint_eq(address_port(&a[i]), 8);
	}
	ck_assert_int_eq(address_resolve("localhost", 8, a, 1, &count), 0);
	ck_assert_uint_eq(count, 1);
}
END_TEST

/* No resolver is asked about names that cannot be. */
START_TEST(resolves_no_nonsense)
{
	struct address a;
	size_t count = 99;

	ck_assert_int_eq(address_resolve("a b", 7, &a, 1, &count), -ENOENT);
	ck_assert_int_eq(address_resolve("", 7, &a, 1, &count), -ENOENT);
	ck_assert_uint_eq(count, 99);
}
END_TEST

/* The sockets of sys, here because addresses are what goes in and out. */
static const char *const local_hosts[] = {"127.0.0.1", "::1"};

static struct address local_address(int fd)
{
	struct address a;
	socklen_t len = sizeof a;

	ck_assert_int_eq(getsockname(fd, &a.any, &len), 0);
	return a;
}

START_TEST(connects_from_a_chosen_host)
{
	struct address at, peer, from;
	int listener, fd, accepted;

	ck_assert_int_eq(address_parse(local_hosts[_i], 0, &at), 0);
	if (sys_listen(&at, &listener) < 0)
		return; /* a machine without IPv6 */
	at = local_address(listener);

	ck_assert_int_eq(sys_accept(listener, &peer, &accepted), -EAGAIN);
	/* 4711 must not be used: the port of `from` is to be ignored. */
	from = parsed(_i == 0 ? "127.0.0.9" : "::1");
	ck_assert_int_eq(sys_connect(&at, &from, &fd), 0);
	ck_assert_int_eq(sys_accept(listener, &peer, &accepted), 0);
	ck_assert_int_eq(sys_connected(fd), 0);
	ck_assert(address_same_host(&peer, &from));
	ck_assert_uint_ne(address_port(&peer), 4711);

	char byte;
	ck_assert_int_eq(sys_read(accepted, &byte, 1), -EAGAIN);
	ck_assert_int_eq(sys_send(fd, "x", 1), 1);
	ck_assert_int_eq(sys_read(accepted, &byte, 1), 1);
	close(fd);
	ck_assert_int_eq(sys_read(accepted, &byte, 1), 0);
	close(accepted);

	/* The port may be listened on again at once. */
	close(listener);
	ck_assert_int_eq(sys_listen(&at, &listener), 0);
	int second;
	ck_assert_int_eq(sys_listen(&at, &second), -EADDRINUSE);
	close(listener);
}
END_TEST

START_TEST(refuses_what_is_no_listener)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct address v4 = parsed("127.0.0.1"), v6 = parsed("::1");
	int fd;

	ck_assert_int_lt(sys_listener_options(udp), 0);
	close(udp);
	ck_assert_int_eq(sys_connected(udp), -EBADF);
	ck_assert_int_lt(sys_connect(&v4, &v6, &fd), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *tcase = tcase_create("address");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, sys_fault_reset, NULL);
	tcase_add_loop_test(tcase, reads_and_writes_text, 0, HERD_COUNT(texts));
	tcase_add_test(tcase, writes_ports);
	tcase_add_test(tcase, scope_may_be_a_name);
	tcase_add_loop_test(tcase, knows_the_same_host, 0, HERD_COUNT(pairs));
	tcase_add_loop_test(tcase, knows_loopback, 0, HERD_COUNT(loopbacks));
	tcase_add_test(tcase, resolves_numbers_and_names);
	tcase_add_test(tcase, resolves_no_nonsense);
	tcase_add_loop_test(
		tcase, connects_from_a_chosen_host, 0, HERD_COUNT(local_hosts));
	tcase_add_test(tcase, refuses_what_is_no_listener);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
