/* What differs between two configurations, and what a running server keeps. */
#include "herd/conf.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "sys_fault.h"

#define BASE                                                                   \
	"servers = ( { name = \"A\"; host = \"10.0.0.1\"; port = 1;"           \
	" talks_to = [ \"B\" ]; },"                                            \
	" { name = \"B\"; host = \"10.0.0.2\"; port = 2; } );"

static size_t blocks_before;

static void set_up(void)
{
	sys_fault_reset();
	blocks_before = sys_fault_blocks();
}

static void tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), blocks_before);
}

static struct conf *read_text(const char *text)
{
	FILE *stream = tmpfile();
	char error[CONF_ERROR_MAX];
	struct conf *conf;

	ck_assert_ptr_nonnull(stream);
	fputs(text, stream);
	rewind(stream);
	ck_assert_msg(!conf_read_stream(stream, "/etc/x.conf", &conf, error),
		"%s: %s", text, error);
	fclose(stream);
	return conf;
}

static char found[1024];

static void note(void *arg, const char *option, bool live)
{
	size_t len = strlen(found);

	ck_assert_ptr_eq(arg, found);
	snprintf(found + len, sizeof found - len, "%s%s ", live ? "+" : "-",
		option);
}

/* Where server A is in that configuration. */
static size_t self(const struct conf *conf)
{
	char error[CONF_ERROR_MAX];
	size_t index;

	ck_assert_int_eq(conf_find_server(conf, "A", &index, error), 0);
	return index;
}

static const char *compare(const struct conf *a, const struct conf *b)
{
	found[0] = '\0';
	conf_compare(a, self(a), b, self(b), note, found);
	return found;
}

#define SERVERS(list) "servers = ( " list " );"
#define A(more)       "{ name = \"A\"; host = \"10.0.0.1\"; port = 1;" more " }"
#define B(more)       "{ name = \"B\"; host = \"10.0.0.2\"; port = 2;" more " }"

static const struct {
	const char *text;
	const char *differs; /* from BASE */
} cases[] = {
	{BASE, ""},
	/* Said in another way. */
	{SERVERS(A() ", " B(" talks_to = [ \"A\" ];")) " workers = 0;", ""},
	{BASE " log = { level = \"info\"; messages = true; };", ""},

	{SERVERS(A() ", " B()), "+servers "},
	{SERVERS(A()), "+servers "},
	{SERVERS(B(" talks_to = [ \"A\" ];") ", " A()), "+servers "},
	{SERVERS(A(" talks_to = [ \"B\" ];") ", " B() ", { name = \"C\"; host "
						      "= \"c\"; port = 3; }"),
		"+servers "},
	{SERVERS(A(" talks_to = [ \"B\" ];") ", { name = \"B\"; host = "
					     "\"10.0.0.3\"; port = 2; }"),
		"+servers "},
	{SERVERS(A(" talks_to = [ \"B\" ];") ", { name = \"B\"; host = "
					     "\"10.0.0.2\"; port = 3; }"),
		"+servers "},
	{SERVERS(A(" talks_to = [ \"C\" ];") ", { name = \"C\"; host = "
					     "\"10.0.0.2\"; port = 2; }"),
		"+servers "},
	/* Where others listen is their own affair. */
	{SERVERS(A(" talks_to = [ \"B\" ];") ", " B(" listen = [ \"::1\" ];")),
		""},

	{SERVERS("{ name = \"A\"; host = \"10.0.0.9\"; port = 1; talks_to = [ "
		 "\"B\" ]; }, " B()),
		"-servers.host "},
	{SERVERS("{ name = \"A\"; host = \"10.0.0.1\"; port = 9; talks_to = [ "
		 "\"B\" ]; }, " B()),
		"-servers.port "},
	{SERVERS(A(" talks_to = [ \"B\" ]; listen = [ \"::1\" ];") ", " B()),
		"-servers.listen "},

	{BASE " threading = \"single\"; workers = 3; affinity = \"off\";",
		"-threading -workers -affinity "},
	{BASE " stop_timeout = 3;", "+stop_timeout "},
	{BASE " places = { provider = \"google\"; url = \"http://x/\"; key_file"
	      " = \"k\"; timeout = 1; transfers = 2; field_mask = \"a\"; native"
	      " = true; ca_file = \"c\"; proxy = \"http://p/\"; };",
		"-places.provider -places.url -places.key_file -places.timeout "
		"-places.transfers -places.field_mask -places.native "
		"-places.ca_file -places.proxy "},
	{BASE " log = { directory = \"l\"; level = \"debug\"; messages = false;"
	      " places_body = true; full = \"wait\"; };",
		"+log.directory +log.level +log.messages +log.places_body "
		"+log.full "},
	{BASE " peers = { trust_addresses = true; sync_interval = 3;"
	      " secret_file = \"s\"; };",
		"-peers.trust_addresses +peers.sync_interval "
		"-peers.secret_file "},
	{BASE " limits = { line = 200; connections = 3; write_timeout = 4;"
	      " clock_ahead = 5; };",
		"+limits.line +limits.connections +limits.write_timeout "
		"+limits.clock_ahead "},
};

START_TEST(names_what_differs)
{
	struct conf *a = read_text(BASE);
	struct conf *b = read_text(cases[_i].text);

	ck_assert_str_eq(compare(a, b), cases[_i].differs);
	ck_assert_str_eq(compare(b, a), cases[_i].differs);
	conf_free(b);
	conf_free(a);
}
END_TEST

/* Of every case: what is kept differs no more, what is live still does. */
START_TEST(keeps_what_cannot_change)
{
	char live[sizeof found] = "";
	char *save = NULL;
	struct conf *a = read_text(BASE);
	struct conf *b = read_text(cases[_i].text);

	(void)compare(a, b);
	for (char *c = strtok_r(found, " ", &save); c;
		c = strtok_r(NULL, " ", &save))
		if (*c == '+')
			strcat(strcat(live, c), " ");
	conf_keep(a, self(a), b, self(b));
	ck_assert_str_eq(compare(a, b), live);
	conf_free(b);
	conf_free(a);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf_compare");
	TCase *tcase = tcase_create("conf_compare");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(
		tcase, names_what_differs, 0, (int)HERD_COUNT(cases));
	tcase_add_loop_test(
		tcase, keeps_what_cannot_change, 0, (int)HERD_COUNT(cases));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
