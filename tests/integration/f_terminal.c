/* f_terminal - what herdctl prints on a terminal, which a pseudo-terminal stands
 * in for. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "herd_client.h"
#include "tool.h"

#define LOCATION "+34.068930-118.445127"

/* --- running it on a terminal --------------------------------------------- */

struct terminal {
	int fd; /* the side where what is printed comes out */
	pid_t pid;
};

static struct terminal terminal_start(
	struct herd *h, unsigned short columns, const char *const *args)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	struct terminal t;
	struct termios mode;
	int tool_fd;

	ck_assert_int_eq(openpty(&t.fd, &tool_fd, NULL, NULL, &size), 0);
	ck_assert_int_eq(tcgetattr(tool_fd, &mode), 0);
	cfmakeraw(&mode); /* no CR before an LF */
	ck_assert_int_eq(tcsetattr(tool_fd, TCSANOW, &mode), 0);
	t.pid = tool_start_to(h, "in", tool_fd, args);
	close(tool_fd);
	return t;
}

/* Everything that is printed goes into the file "out". */
static struct herd_output terminal_end(struct herd *h, struct terminal t)
{
	FILE *f = fopen(herd_path(h, "out"), "we");
	struct pollfd ready = {.fd = t.fd, .events = POLLIN};
	int64_t deadline = herd_deadline(HERD_PATIENCE);
	char chunk[4096];
	ssize_t len;

	ck_assert_ptr_nonnull(f);
	do {
		ck_assert_int_eq(poll(&ready, 1, herd_left_ms(deadline)), 1);
		len = read(t.fd, chunk, sizeof chunk);
		if (len > 0)
			fwrite(chunk, 1, (size_t)len, f);
	} while (len > 0);
	ck_assert_int_eq(errno, EIO); /* nobody has the other side any more */
	fclose(f);
	close(t.fd);
	return tool_end(h, t.pid);
}

static struct herd_output show(struct herd *h, const char *const *args)
{
	herd_write(h, "in", "");
	return terminal_end(h, terminal_start(h, 80, args));
}

#define SHOW(h, ...) show(h, (const char *const[]){__VA_ARGS__, NULL})

/* The same with a server that the test plays. */
static struct herd_output show_answer(
	struct herd *h, unsigned short columns, struct text answer)
{
	const char *const args[] = {
		host_port(h, "Goloman"), "whatsat", "kiwi", "10", "5", NULL};
	struct herd_output o;
	struct terminal t;
	struct client *c;
	pid_t sender;

	herd_write(h, "in", "");
	t = terminal_start(h, columns, args);
	c = client_accept(herd_listener(h, "Goloman"));
	ck_assert_str_eq(client_line(c), "WHATSAT kiwi 10 5");
	/* Who prints may wait for who reads, and who sends for who prints. */
	sender = fork();
	ck_assert_int_ge(sender, 0);
	if (!sender) {
		client_send_bytes(c, answer);
		_exit(0);
	}
	client_close(c);
	o = terminal_end(h, t);
	ck_assert_int_eq(waitpid(sender, NULL, 0), sender);
	return o;
}

/* --- the tests ------------------------------------------------------------ */

/* In a pipe, with --raw, and of any other command: what the server sent. */
START_TEST(a_terminal_gets_words)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	const char *there = host_port(h, "Goloman");
	const char *line = herd_iamat(h, "Goloman", "kiwi", LOCATION, "1");
	const char *nothing = herd_printf(h, "%s%s", line, HERD_NOTHING);
	const char *failure = herd_ask(h, "Goloman", "WHATSAT kiwi 10 5\n");
	const char *const send[] = {there, "send", NULL};
	const char *client = "kiwi at " LOCATION ", heard by Goloman ";
	struct herd_output o = SHOW(h, there, "whatsat", "kiwi", "0", "5");

	ck_assert_int_eq(strncmp(o.out, client, strlen(client)), 0);
	ck_assert_ptr_nonnull(strstr(o.out, " s)\nno places within 0 km\n"));
	ck_assert_uint_eq(herd_count(o.out, "\n"), 2);
	check_good(&o, o.out);
	o = SHOW(h, there, "whatsat", "kiwi", "10", "00");
	ck_assert_ptr_nonnull(strstr(o.out, " s)\nno places asked for\n"));
	o = SHOW(h, there, "whatsat", "kiwi", "10", "5");
	ck_assert_int_eq(strncmp(o.out, client, strlen(client)), 0);
	ck_assert_ptr_nonnull(strstr(o.out, " s)\nno places: "));
	ck_assert_ptr_nonnull(strstr(o.out, " (UNKNOWN_ERROR)\n"));
	check_good(&o, o.out);

	o = SHOW(h, "--raw", there, "whatsat", "kiwi", "0", "5");
	check_good(&o, nothing);
	o = SHOW(h, "-r", there, "whatsat", "kiwi", "10", "5");
	check_good(&o, failure);
	o = RUN(h, there, "whatsat", "kiwi", "10", "5");
	check_good(&o, failure);
	o = RUN(h, "--table", there, "whatsat", "kiwi", "10", "5");
	ck_assert_ptr_nonnull(strstr(o.out, " (UNKNOWN_ERROR)\n"));
	ck_assert_int_eq(strncmp(o.out, client, strlen(client)), 0);
	check_good(&o, o.out);
	herd_write(h, "in", "WHATSAT kiwi 0 0\n");
	o = terminal_end(h, terminal_start(h, 80, send));
	check_good(&o, nothing);
	o = SHOW(h, there, "iamat", "kiwi", LOCATION, "1");
	ck_assert_int_eq(strncmp(o.out, "AT Goloman +", 12), 0);
	check_good(&o, o.out);
	herd_free(h);
}
END_TEST

START_TEST(a_terminal_gets_refusals_as_they_are)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
	});
	struct herd_output o =
		SHOW(h, host_port(h, "Goloman"), "whatsat", "nobody", "1", "1");

	ck_assert_str_eq(o.out, "? WHATSAT nobody 1 1\n");
	check_bad(&o, 1, "never have heard");
	herd_free(h);
}
END_TEST

#define AT "AT Goloman +0.2 kiwi " LOCATION " 1\n"

#define CUT                                                                    \
	"#  NAME               DISTANCE\n"                                     \
	"1  Caf\xc3\xa9 ?[2J with a\xe2\x80\xa6       0 m\n"
#define WHOLE                                                                  \
	"#  NAME                        DISTANCE\n"                            \
	"1  Caf\xc3\xa9 ?[2J with a long name       0 m\n"

/* What the terminal says of its width counts more than the environment. */
START_TEST(a_terminal_gets_a_table)
{
	static const struct {
		unsigned short columns;
		const char *environment;
		const char *table;
	} widths[] = {
		{34, "200", CUT},
		{39, "1", WHOLE},
		{0, "34", CUT},
		{0, "many", WHOLE},
	};
	static const char answer[] =
		AT "{\"results\" : [ {\"name\" : \"Caf\xc3\xa9 \\u001b[2J with "
		   "a long name\", \"geometry\" : {\"location\" : {\"lat\" : "
		   "34.068930, \"lng\" : -118.445127}}} ], \"status\" : "
		   "\"OK\"}\n\n";
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	struct herd_output o;

	for (size_t i = 0; i < HERD_COUNT(widths); i++) {
		setenv("COLUMNS", widths[i].environment, 1);
		o = show_answer(h, widths[i].columns, text_of(answer));
		check_good(&o, o.out);
		ck_assert_str_eq(strchr(o.out, '\n') + 1,
			herd_printf(h, "%s1 place within 10 km\n",
				widths[i].table));
	}
	herd_free(h);
}
END_TEST

/* Nothing is lost of what is no table. */
START_TEST(a_terminal_gets_the_rest_as_it_is)
{
	enum {
		LONG = 6 << 20
	};
	struct herd *h = herd_new(&(struct herd_setup){.design = "threaded"});
	const char *strange = AT "{\"results\" : 5}\n\n";
	const char *unfinished = AT "{}";
	const char *end = AT "{}\n\n";
	char *spaces = malloc(LONG);
	struct herd_output o = show_answer(h, 80, text_of(strange));

	check_good(&o, strange);
	o = show_answer(h, 80, text_of(unfinished));
	check_bad(&o, 3, "too early");
	ck_assert_str_eq(o.out, unfinished);
	ck_assert_ptr_nonnull(spaces);
	memset(spaces, ' ', LONG);
	strcpy(spaces + LONG - strlen(end) - 1, end);
	o = show_answer(h, 80, text_of(spaces));
	check_good(&o, spaces);
	free(spaces);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, a_terminal_gets_words);
	herd_add_test(tcase, a_terminal_gets_refusals_as_they_are);
	tcase_add_test(tcase, a_terminal_gets_a_table);
	tcase_add_test(tcase, a_terminal_gets_the_rest_as_it_is);
}

int main(void)
{
	return herd_main("f_terminal", add_tests, 30);
}
