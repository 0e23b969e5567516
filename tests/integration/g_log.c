/* g_log - what stands in NAME.log, and what does not: herd(7), "Log". */
#include <inttypes.h>
#include <netinet/in.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "herd_client.h"
#include "herd_proc.h"

static struct herd *one(int design, const char *log)
{
	return herd_up(&(struct herd_setup){
		.design = herd_design(design),
		.log = log,
	});
}

/* "127.0.0.1:PORT" as the server sees this client. */
static const char *address_of(struct herd *h, struct client *c)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;

	ck_assert_int_eq(
		getsockname(client_fd(c), (struct sockaddr *)&at, &len), 0);
	return herd_printf(h, "127.0.0.1:%" PRIu16, ntohs(at.sin_port));
}

/* Every line has its time and level, and is printable ASCII. */
static void check_form(const char *log)
{
	regex_t form;

	ck_assert_int_eq(regcomp(&form,
				 "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"
				 "[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z "
				 "(error|warning|info|debug) [ -~]+$",
				 REG_EXTENDED | REG_NOSUB),
		0);
	for (const char *end; (end = strchr(log, '\n')); log = end + 1) {
		char line[8192];

		ck_assert_uint_lt((size_t)(end - log), sizeof line);
		snprintf(line, sizeof line, "%.*s", (int)(end - log), log);
		ck_assert_msg(!regexec(&form, line, 0, NULL, 0), "%s", line);
	}
	ck_assert_str_eq(log, "");
	regfree(&form);
}

/* The texts stand in the log in this order. */
static void check_order(const char *log, const char *const *texts)
{
	for (; *texts; texts++) {
		const char *found = strstr(log, *texts);

		ck_assert_msg(
			found, "no '%s' in its place in\n%s", *texts, log);
		log = found + strlen(*texts);
	}
}

START_TEST(events_of_a_client)
{
	struct herd *h = one(_i, NULL);
	struct client *c = client_open(h, "Goloman");
	const char *address = address_of(h, c);
	const char *line;
	const char *log;

	client_send(c, " hello\t there \r\n");
	client_line(c);
	client_send(c, "IAMAT k +1+1 5\n");
	line = herd_printf(h, "%s", client_line(c));
	client_close(c);
	herd_wait_log(h, "Goloman", "client closed ", 1);
	herd_stop(h, "Goloman");
	log = herd_read(h, "Goloman.log");
	check_form(log);
	check_order(log,
		(const char *const[]){
			herd_printf(h,
				" info serving on 127.0.0.1:%" PRIu16 "\n",
				herd_port(h, "Goloman")),
			herd_printf(h, " info client connected %s\n", address),
			herd_printf(h, " received from %s: hello\\t there\n",
				address),
			herd_printf(
				h, " sent to %s: ? hello\\t there\n", address),
			herd_printf(h, " received from %s: IAMAT k +1+1 5\n",
				address),
			herd_printf(h, " sent to %s: %s\n", address, line),
			herd_printf(h,
				" info client closed %s: 2 commands, "
				"31 bytes in, %zu bytes out, ",
				address, strlen(line) + 1 + 15),
			" stopping: SIGTERM\n", " stopped", NULL});
	herd_free(h);
}
END_TEST

START_TEST(without_messages)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
		.log = "messages = false;",
	});
	const char *line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "5");

	herd_wait_known(h, "Hands", "kiwi", line);
	herd_wait_log(h, "Goloman", "client closed ", 1);
	herd_stop(h, "Goloman");
	herd_stop(h, "Hands");
	for (size_t i = 0; i < 2; i++) {
		const char *file = i ? "Goloman.log" : "Hands.log";
		const char *log = herd_read(h, file);

		check_form(log);
		ck_assert_ptr_nonnull(strstr(log, "client connected "));
		ck_assert_ptr_nonnull(strstr(log, "connected to "));
		ck_assert_ptr_null(strstr(log, "kiwi"));
		ck_assert_ptr_null(strstr(log, "received from"));
		ck_assert_ptr_null(strstr(log, "sent to"));
		ck_assert_ptr_null(strstr(log, "flooded to"));
	}
	herd_free(h);
}
END_TEST

START_TEST(bytes_are_escaped)
{
	static const char request[] =
		"a\\b\"'\x01\x1b[31m\x7f\x80\xff\xc3\xa9\rb\tc\vd\n";
	static const char zero[] = "x\0y\n";
	struct herd *h = one(_i, NULL);
	const char *log;

	herd_ask(h, "Goloman", request);
	herd_exchange(h, "Goloman", (struct text){zero, 4});
	log = herd_wait_log(h, "Goloman", "client closed ", 2);
	check_form(log);
	check_order(log,
		(const char *const[]){
			": a\\\\b\"'\\x01\\x1b[31m\\x7f\\x80\\xff\\xc3\\xa9"
			"\\rb\\tc\\x0bd\n",
			": x\\x00y\n", NULL});
	herd_free(h);
}
END_TEST

START_TEST(long_events_are_cut)
{
	struct herd *h = one(_i, NULL);
	char *request = malloc(60002);
	const char *log;

	ck_assert_ptr_nonnull(request);
	for (int escaped = 0; escaped < 2; escaped++) {
		memset(request, escaped ? '\x80' : 'y', 60000);
		strcpy(request + 60000, "\n");
		herd_ask(h, "Goloman", request);
	}
	free(request);
	log = herd_wait_log(h, "Goloman", "client closed ", 2);
	check_form(log);
	ck_assert_uint_eq(herd_count(log, "y [60000 bytes]\n"), 1);
	ck_assert_uint_eq(herd_count(log, "y [60003 bytes]\n") +
				  herd_count(log, "y [60002 bytes]\n"),
		1);
	ck_assert_uint_eq(herd_count(log, "\\x80 [60000 bytes]\n"), 1);
	for (const char *end; (end = strchr(log, '\n')); log = end + 1)
		ck_assert_int_lt(end - log, 4097);
	herd_free(h);
}
END_TEST

/* --- when it cannot keep up ----------------------------------------------- */

#define BURST 20000

static void send_burst(struct herd *h)
{
	char *request = malloc(BURST * 8 + 1);
	size_t len = 0;

	ck_assert_ptr_nonnull(request);
	for (int i = 0; i < BURST; i++)
		len += (size_t)sprintf(request + len, "x%06d\n", i);
	herd_exchange(h, "Goloman", (struct text){request, len});
	free(request);
	herd_stop(h, "Goloman");
}

START_TEST(full_wait_is_complete)
{
	struct herd *h = one(_i, "full = \"wait\";");
	const char *log;
	int next = 0;

	send_burst(h);
	log = herd_read(h, "Goloman.log");
	check_form(log);
	ck_assert_uint_eq(herd_count(log, "sent to"), BURST);
	ck_assert_uint_eq(herd_count(log, "lines dropped"), 0);
	for (const char *end; (end = strchr(log, '\n')); log = end + 1) {
		int number;

		if (sscanf(log, "%*s %*s received from %*s x%d", &number) == 1)
			ck_assert_int_eq(number, next++);
	}
	ck_assert_int_eq(next, BURST);
	herd_free(h);
}
END_TEST

/* The sum of what "lines dropped" tells. */
static size_t count_dropped(const char *log)
{
	static const char event[] = "lines dropped: ";
	size_t sum = 0;

	for (; (log = strchr(log, *event)); log++) {
		if (!strncmp(log, event, strlen(event)))
			sum += strtoul(log + strlen(event), NULL, 10);
	}
	return sum;
}

START_TEST(full_drop_counts_what_is_lost)
{
	struct herd *h = one(_i, "full = \"drop\";");
	const char *log;
	size_t all;

	send_burst(h);
	log = herd_read(h, "Goloman.log");
	check_form(log);
	all = herd_count(log, "\n") - herd_count(log, "lines dropped");
	/* Started, serving, connected, closed, stopping, stopped. */
	ck_assert_uint_eq(all + count_dropped(log), 2 * BURST + 7);
	herd_free(h);
}
END_TEST

/* --- the file ------------------------------------------------------------- */

START_TEST(sigusr1_reopens)
{
	struct herd *h = one(_i, NULL);

	herd_ask(h, "Goloman", "before\n");
	herd_wait_log(h, "Goloman", "client closed ", 1);
	ck_assert_int_eq(rename(herd_path(h, "Goloman.log"),
				 herd_path(h, "Goloman.log.1")),
		0);
	herd_ask(h, "Goloman", "between\n");
	herd_signal(h, "Goloman", SIGUSR1);
	herd_wait_log(h, "Goloman", "log reopened", 1);
	herd_ask(h, "Goloman", "after\n");
	herd_wait_log(h, "Goloman", "client closed ", 1);
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log.1"), ": before\n"), 1);
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log.1"), ": after\n"), 0);
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log"), ": after\n"), 1);
	/* Nothing is lost in between. */
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log"), ": between\n") +
			herd_count(
				herd_read(h, "Goloman.log.1"), ": between\n"),
		1);
	herd_free(h);
}
END_TEST

START_TEST(a_restart_appends)
{
	struct herd *h = one(_i, NULL);

	herd_ask(h, "Goloman", "before\n");
	herd_stop(h, "Goloman");
	herd_start(h, "Goloman");
	herd_ask(h, "Goloman", "after\n");
	herd_stop(h, "Goloman");
	check_order(herd_read(h, "Goloman.log"),
		(const char *const[]){"serving on", ": before\n", "stopped",
			"serving on", ": after\n", "stopped", NULL});
	herd_free(h);
}
END_TEST

START_TEST(events_of_neighbours)
{
	struct herd *h = herd_up(&(struct herd_setup){
		.design = herd_design(_i),
		.topology = "Goloman-Hands",
	});
	const char *line;

	herd_wait_log(h, "Goloman", "connected to Hands 127.0.0.1:", 1);
	herd_wait_log(h, "Goloman", "link accepted from Hands 127.0.0.1:", 1);
	line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "5");
	herd_wait_log(h, "Goloman",
		herd_printf(h, "flooded to Hands: %s\n", line), 1);
	herd_wait_log(h, "Hands",
		herd_printf(h, "received from Goloman: %s\n", line), 1);
	herd_kill(h, "Hands");
	herd_wait_log(h, "Goloman", "lost connection to Hands: ", 1);
	herd_wait_log(h, "Goloman", "link closed from Hands 127.0.0.1:", 1);
	herd_start(h, "Hands");
	herd_wait_log(h, "Goloman", "connected to Hands 127.0.0.1:", 2);
	check_form(herd_read(h, "Goloman.log"));
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log"), "no secret: "), 1);
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, events_of_a_client);
	herd_add_test(tcase, without_messages);
	herd_add_test(tcase, bytes_are_escaped);
	herd_add_test(tcase, long_events_are_cut);
	herd_add_test(tcase, full_wait_is_complete);
	herd_add_test(tcase, full_drop_counts_what_is_lost);
	herd_add_test(tcase, sigusr1_reopens);
	herd_add_test(tcase, a_restart_appends);
	herd_add_test(tcase, events_of_neighbours);
}

int main(void)
{
	return herd_main("g_log", add_tests, 60);
}
