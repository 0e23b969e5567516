/* d_key - the key for the provider: where it is read, that nobody gets to see
 * it, and what the log says of questions and answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "near.h"

#define KEY "Sec/ret-Key"

static void up(struct near *n, int design, const char *log, const char *key)
{
	near_up(n,
		&(struct herd_setup){.design = herd_design(design),
			.log = log,
			.general = "workers = 1;"},
		key);
}

/* --- where it is read ----------------------------------------------------- */

START_TEST(white_space_at_its_end)
{
	static const char *const files[] = {
		KEY, KEY "\n", KEY "\r\n", KEY " \t\n\n"};

	for (size_t i = 0; i < HERD_COUNT(files); i++) {
		struct near n;
		struct asked *a;

		up(&n, _i, NULL, files[i]);
		near_ask(&n, "WHATSAT kiwi 10 5");
		a = double_await(n.provider);
		ck_assert_str_eq(
			strstr(a->target, "&key="), "&key=Sec%2Fret-Key");
		asked_answer(a, 200, NEAR_GOOD);
		near_expect(n.h, n.client, n.at, NEAR_GOOD);
		near_free(&n);
	}
}
END_TEST

/* herdd does not start, one line says why, and a test says the same. */
static void check_option_refused(
	struct herd *h, const char *option, const char *words)
{
	const char *conf = herd_conf(h, "Goloman");
	const char *const runs[][5] = {
		{"-c", conf, "Goloman", NULL},
		{"-t", "-c", conf, NULL},
	};

	for (size_t i = 0; i < HERD_COUNT(runs); i++) {
		struct herd_output o = herd_run(h, runs[i]);

		ck_assert_msg(
			o.exit_status == 1, "exit status %d", o.exit_status);
		ck_assert_msg(strstr(o.err, option), "%s", o.err);
		ck_assert_msg(
			strstr(o.err, words), "no '%s' in: %s", words, o.err);
		ck_assert_uint_eq(herd_count(o.err, "\n"), 1);
		ck_assert_ptr_null(strstr(o.err, "two words"));
	}
}

static void check_refused(struct herd *h, const char *words)
{
	check_option_refused(h, "places.key_file", words);
}

START_TEST(certificates_that_are_not_there)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.places = "url = \"https://localhost:9/\"; "
			  "ca_file = \"none.pem\";",
	});

	herd_unlisten(h, "Goloman");
	check_option_refused(h, "places.ca_file", "No such file");
	herd_free(h);
}
END_TEST

START_TEST(files_that_hold_no_key)
{
	static const char *const files[] = {"", "\n", " \r\n\t", "two words",
		"two\nlines", "caf\xc3\xa9", "bell\x07"};
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(_i),
		.places = "key_file = \"key\";",
	});
	char *large = calloc(1, 100000);

	ck_assert_ptr_nonnull(large);
	herd_unlisten(h, "Goloman");
	check_refused(h, "No such file");
	for (size_t i = 0; i < HERD_COUNT(files); i++) {
		herd_write(h, "key", files[i]);
		check_refused(h, "key");
	}
	memset(large, 'x', 99999);
	herd_write(h, "key", large);
	check_refused(h, "key");
	free(large);
	ck_assert_int_eq(unlink(herd_path(h, "key")), 0);
	ck_assert_int_eq(mkdir(herd_path(h, "key"), 0700), 0);
	check_refused(h, "key");
	ck_assert_int_eq(rmdir(herd_path(h, "key")), 0);
	herd_free(h);
}
END_TEST

static void expect_key(struct near *n, const char *key)
{
	struct asked *a;

	near_ask(n, "WHATSAT kiwi 10 5");
	a = double_await(n->provider);
	ck_assert_str_eq(
		strstr(a->target, "&key="), herd_printf(n->h, "&key=%s", key));
	asked_answer(a, 200, NEAR_GOOD);
	near_expect(n->h, n->client, n->at, NEAR_GOOD);
}

static void restart(struct near *n)
{
	client_close(n->client);
	herd_stop(n->h, "Goloman");
	herd_start(n->h, "Goloman");
	n->client = client_open(n->h, "Goloman");
	n->at = herd_iamat(n->h, "Goloman", "kiwi", NEAR_LOCATION, "5");
}

/* What a service manager hands over under the file's name, unless it is
 * blank. */
START_TEST(credentials)
{
	char folder[] = "/tmp/herd-credentials-XXXXXX";
	const char *handed;
	struct near n;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	up(&n, _i, NULL, "of-the-file\n");
	handed = herd_printf(n.h, "../../%s/key", folder);
	expect_key(&n, "of-the-file");
	herd_write(n.h, handed, "of-the-manager\n");
	restart(&n);
	expect_key(&n, "of-the-manager");
	herd_write(n.h, handed, " \n");
	restart(&n);
	expect_key(&n, "of-the-file");
	herd_write(n.h, handed, "of-the-manager");
	unlink(herd_path(n.h, "key"));
	restart(&n);
	expect_key(&n, "of-the-manager");
	herd_stop(n.h, "Goloman");
	herd_unlisten(n.h, "Goloman");
	herd_write(n.h, handed, "\n");
	check_refused(n.h, "No such file");
	unlink(herd_path(n.h, handed));
	rmdir(folder);
	near_free(&n);
}
END_TEST

/* --- who gets to see it --------------------------------------------------- */

static void check_not_in(const char *where, const char *text)
{
	static const char *const forms[] = {
		KEY, "Sec\\/ret-Key", "Sec%2Fret-Key", "Sec%2fret"};

	for (size_t i = 0; i < HERD_COUNT(forms); i++)
		ck_assert_msg(!strcasestr(text, forms[i]),
			"the key is in %s:\n%s", where, text);
}

static void check_hidden(struct near *n)
{
	static const char *const of_process[] = {"cmdline", "environ", "comm"};

	for (size_t i = 0; i < HERD_COUNT(of_process); i++)
		check_not_in(of_process[i],
			herd_read(n->h, herd_printf(n->h, "../../proc/%d/%s",
						(int)herd_pid(n->h, "Goloman"),
						of_process[i])));
	client_finish(n->client);
	herd_stop(n->h, "Goloman");
	check_not_in("the log", herd_read(n->h, "Goloman.log"));
	check_not_in("stderr", herd_read(n->h, "Goloman.stderr"));
}

/* As it is, as JSON and URLs may write it, and where taking it away would put
 * it together. */
#define ECHOES                                                                 \
	"{\"a\":\"" KEY "\",\"b\":\"x Sec\\/ret-Key y\","                      \
	"\"c\":\"\\u0053ec\\u002Fret\\u002dKey\",\"d\":\"key=Sec%2Fret-Key\"," \
	"\"e\":\"%53ec%2fret%2DKey\",\"f\":\"Sec" KEY "/ret-Key\","            \
	"\"results\":[\"" KEY "\",1]}"
#define ECHOES_TAKEN                                                           \
	"{\"a\":\"\",\"b\":\"x  y\",\"c\":\"\",\"d\":\"key=\",\"e\":\"\","     \
	"\"f\":\"\",\"results\":[\"\"]}"

START_TEST(a_provider_that_tells_it)
{
	struct near n;
	struct asked *a;

	up(&n, _i, "level = \"debug\"; places_body = true;", KEY "\n");
	near_ask(&n, "WHATSAT kiwi 10 1");
	asked_answer(double_await(n.provider), 200, ECHOES);
	near_expect(n.h, n.client, n.at, ECHOES_TAKEN);
	near_ask(&n, "WHATSAT kiwi 10 1");
	asked_answer(double_await(n.provider), 403, ECHOES);
	near_expect(n.h, n.client, n.at, ECHOES_TAKEN);
	near_ask(&n, "WHATSAT kiwi 10 1");
	asked_answer(double_await(n.provider), 500, "<html>" KEY "</html>");
	near_expect_excuse(n.h, n.client, n.at, "no JSON");
	near_ask(&n, "WHATSAT kiwi 10 1");
	asked_say(double_await(n.provider),
		"HTTP/1.1 302 " KEY "\r\nLocation: /?key=" KEY "\r\n"
		"X-" KEY ": " KEY "\r\nContent-Length: 0\r\n\r\n");
	near_expect_excuse(n.h, n.client, n.at, "a redirect");
	near_ask(&n, "WHATSAT kiwi 10 1");
	a = double_await(n.provider);
	asked_say(a, "HTTP/1.1 200 OK\r\nContent-Encoding: " KEY "\r\n\r\n");
	asked_close(a);
	near_expect_excuse(n.h, n.client, n.at, "an encoding");
	near_ask(&n, "WHATSAT kiwi 10 1");
	a = double_await(n.provider);
	asked_say(a, KEY "/1.1 " KEY "\r\n\r\n");
	asked_close(a);
	near_expect_excuse(n.h, n.client, n.at, "no HTTP");
	near_check_good(&n);
	check_hidden(&n);
	near_free(&n);
}
END_TEST

#define NO_KEY                                                                 \
	"{\"error\":{\"code\":403,\"message\":\"No \\u0053ec\\/ret-Key.\","    \
	"\"status\":\"PERMISSION_DENIED\"}}"

START_TEST(a_new_provider_that_tells_it)
{
	for (int native = 0; native < 2; native++) {
		struct near n;

		near_up(&n,
			&(struct herd_setup){
				.design = herd_design(_i),
				.log = "level = \"debug\"; places_body = true;",
				.places = native ? "provider = \"google\"; "
						   "native = true;"
						 : "provider = \"google\";",
			},
			KEY);
		near_ask(&n, "WHATSAT kiwi 10 1");
		asked_answer(double_await(n.provider), 403, NO_KEY);
		ck_assert_ptr_nonnull(
			strstr(near_json(n.h, n.client, n.at), "\"No .\""));
		check_hidden(&n);
		near_free(&n);
	}
}
END_TEST

/* --- the log -------------------------------------------------------------- */

#define QUESTION NEAR_PATH "?location=34.068930,-118.445127&radius=10000"

START_TEST(questions_and_answers_are_logged)
{
	struct near n;
	const char *log;

	up(&n, _i, NULL, KEY);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 403, NEAR_DENIED);
	near_expect(n.h, n.client, n.at, NEAR_DENIED);
	log = herd_wait_log(n.h, "Goloman", "REQUEST_DENIED\n", 1);
	ck_assert_uint_eq(
		herd_count(
			log, herd_printf(n.h,
				     " info places request "
				     "http://127.0.0.1:%" PRIu16 QUESTION "\n",
				     double_port(n.provider))),
		2);
	ck_assert_uint_eq(
		herd_count(log, herd_printf(n.h,
					" info places reply: status 200, "
					"%zu bytes, ",
					strlen(NEAR_GOOD))),
		1);
	ck_assert_uint_eq(
		herd_count(log, herd_printf(n.h,
					" info places reply: status 403, "
					"%zu bytes, ",
					strlen(NEAR_DENIED))),
		1);
	ck_assert_uint_eq(herd_count(log, " ms\n"), 2);
	/* Why clients get none is worth knowing. */
	ck_assert_uint_eq(herd_count(log, " warning places "), 1);
	/* Its own words stand in what is sent, and nowhere else. */
	ck_assert_uint_eq(herd_count(log, "Westwood"), 1);
	near_free(&n);
}
END_TEST

START_TEST(answers_in_full)
{
	struct near n;
	const char *log;

	up(&n, _i, "places_body = true;", KEY);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, "{\n\"a\" : \"b\"}");
	near_expect(n.h, n.client, n.at, "{\n\"a\" : \"b\"}");
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, "Hello there.");
	near_expect_excuse(n.h, n.client, n.at, "no JSON");
	herd_wait_log(n.h, "Goloman", "places failed", 1);
	log = herd_read(n.h, "Goloman.log");
	ck_assert_uint_eq(herd_count(log, " ms: {\\n\"a\" : \"b\"}\n"), 1);
	ck_assert_uint_eq(herd_count(log, " ms: Hello there.\n"), 1);
	near_free(&n);
}
END_TEST

/* What is taken out of an answer leaves no piece of itself behind it. */
START_TEST(answers_in_full_without_the_key)
{
	static const char *const said[] = {
		KEY,
		"no " KEY " " KEY,
		"{\"a\" : \"" KEY "\"}\n\n\n",
		"\n\n\n\n" KEY "\n\n\n\n",
	};
	struct near n;
	const char *log;

	up(&n, _i, "places_body = true;", KEY);
	for (size_t i = 0; i < HERD_COUNT(said); i++) {
		near_ask(&n, herd_printf(n.h, "WHATSAT kiwi %zu 5", i + 1));
		asked_answer(double_await(n.provider), 200, said[i]);
		herd_wait_log(n.h, "Goloman", " ms: ", (unsigned)i + 1);
	}
	log = herd_read(n.h, "Goloman.log");
	/* One byte may be one of the address or the time. */
	for (const char *piece = KEY; piece[3]; piece++)
		ck_assert_uint_eq(
			herd_count(log, herd_printf(n.h, "%.4s", piece)), 0);
	near_free(&n);
}
END_TEST

START_TEST(without_messages)
{
	struct near n;
	const char *log;

	up(&n, _i, "messages = false; places_body = true;", KEY);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_answer(double_await(n.provider), 200, NEAR_GOOD);
	near_expect(n.h, n.client, n.at, NEAR_GOOD);
	near_ask(&n, "WHATSAT kiwi 10 5");
	asked_close(double_await(n.provider));
	asked_close(double_await(n.provider));
	near_expect_excuse(n.h, n.client, n.at, "closed");
	herd_wait_log(n.h, "Goloman", " warning places failed: ", 1);
	log = herd_read(n.h, "Goloman.log");
	ck_assert_uint_eq(herd_count(log, "places re"), 0);
	ck_assert_uint_eq(herd_count(log, "places failed"), 1);
	ck_assert_uint_eq(herd_count(log, "Westwood"), 0);
	near_free(&n);
}
END_TEST

/* What the provider does, and a word of what the log says of it. */
static const struct {
	const char *reply; /* then it closes the connection; NULL: nothing */
	const char *words;
} causes[] = {
	{NULL, "no answer in time"},
	{"", "empty reply"},
	{"HTTP/1.1 503 Busy\r\n\r\nBusy", "503"},
	{"HTTP/1.1 404 Not Found\r\n\r\n", "404"},
	{"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n", "elsewhere"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "transfer"},
	{"HTTP/1.1 200 OK\r\n\r\n{\"a\":5", "JSON"},
};

START_TEST(causes_of_failures)
{
	struct near n;
	const char *log;

	near_up(&n,
		&(struct herd_setup){
			.design = herd_design(_i),
			.places = herd_slow() > 1 ? "timeout = 1.0;"
						  : "timeout = 0.2;",
		},
		KEY);
	for (size_t i = 0; i < HERD_COUNT(causes); i++) {
		struct asked *a;

		near_ask(&n, "WHATSAT kiwi 10 5");
		a = double_await(n.provider);
		if (causes[i].reply) {
			asked_say(a, causes[i].reply);
			asked_close(a);
		}
		near_expect_excuse(n.h, n.client, n.at, causes[i].words);
		log = strstr(herd_wait_log(
				     n.h, "Goloman", " places failed: ", i + 1),
			" places failed: ");
		for (size_t skip = 0; skip < i; skip++)
			log = strstr(log + 1, " places failed: ");
		log = herd_printf(n.h, "%.*s", (int)strcspn(log, "\n"), log);
		ck_assert_msg(strcasestr(log, causes[i].words),
			"no '%s' in: %s", causes[i].words, log);
	}
	near_free(&n);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, white_space_at_its_end);
	herd_add_test(tcase, files_that_hold_no_key);
	herd_add_test(tcase, certificates_that_are_not_there);
	herd_add_test(tcase, credentials);
	herd_add_test(tcase, a_provider_that_tells_it);
	herd_add_test(tcase, a_new_provider_that_tells_it);
	herd_add_test(tcase, questions_and_answers_are_logged);
	herd_add_test(tcase, answers_in_full);
	herd_add_test(tcase, answers_in_full_without_the_key);
	herd_add_test(tcase, without_messages);
	herd_add_test(tcase, causes_of_failures);
}

int main(void)
{
	return herd_main("d_key", add_tests, 60);
}
