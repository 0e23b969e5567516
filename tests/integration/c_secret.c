/* c_secret - herds of real servers that share a secret, or should; and the file
 * it is in. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "herd_client.h"
#include "herd_proc.h"

#define SECRET "b7Qx0cJ3kR9wS1vT5yZ8aD2fG4hL6mN0"

static void write_secret(struct herd *h, const char *secret)
{
	ck_assert_int_eq(chmod(herd_write(h, "herd.secret", secret), 0600), 0);
}

static struct herd *new_herd(int design, const char *topology)
{
	struct herd *h = herd_new(&(struct herd_setup){
		.design = herd_design(design),
		.topology = topology,
		.peers = "secret_file = \"herd.secret\";",
	});

	write_secret(h, SECRET "\n");
	return h;
}

START_TEST(five_servers)
{
	struct herd *h = new_herd(_i, HERD_FIVE);
	const char *line;

	herd_start_all(h);
	line = herd_iamat(h, "Goloman", "kiwi", "+1+1", "5");
	herd_wait_known_by_all(h, "kiwi", line);
	line = herd_iamat(h, "Welsh", "plum", "+1+1", "5");
	herd_wait_known_by_all(h, "plum", line);
	herd_kill(h, "Holiday");
	herd_start(h, "Holiday");
	herd_wait_known_by_all(h, "plum", line);
	for (size_t i = 0; i < herd_size(h); i++) {
		const char *log =
			herd_read(h, herd_printf(h, "%s.log", herd_name(h, i)));

		ck_assert_uint_ge(herd_count(log, " info secret: "), 1);
		ck_assert_uint_eq(herd_count(log, "no secret: "), 0);
		ck_assert_uint_eq(herd_count(log, "link refused"), 0);
		ck_assert_uint_eq(herd_count(log, SECRET), 0);
		ck_assert_uint_eq(herd_count(log, "PROOF"), 0);
	}
	herd_free(h);
}
END_TEST

/* Hands has `secret`, or none; as soon as it has the right one all is well. What
 * was told before would come by repair, as in five_servers. */
static void check_odd_one(int design, const char *secret, const char *why)
{
	struct herd *h = new_herd(design, "Goloman-Hands");
	const char *file = strrchr(herd_conf(h, "Hands"), '/') + 1;
	const char *conf = herd_read(h, file);
	const char *line;

	herd_start(h, "Goloman");
	if (secret)
		write_secret(h, secret);
	else
		herd_write(h, file,
			herd_printf(h, "%.*s%s",
				(int)(strstr(conf, "secret_file") - conf), conf,
				strstr(conf, "secret_file") +
					strlen("secret_file = \"herd.secret\";")));
	herd_start(h, "Hands");
	herd_wait_log(h, "Goloman", why, 1);
	herd_iamat(h, "Goloman", "kiwi", "+1+1", "5");
	ck_assert_str_eq(herd_ask(h, "Hands", "WHATSAT kiwi 0 0\n"),
		"? WHATSAT kiwi 0 0\n");
	ck_assert_uint_eq(
		herd_count(herd_read(h, "Goloman.log"), "connected to Hands"),
		0);
	herd_stop(h, "Hands");
	write_secret(h, SECRET);
	herd_write(h, file, conf);
	herd_start(h, "Hands");
	herd_wait_log(h, "Goloman", "connected to Hands", 1);
	line = herd_iamat(h, "Goloman", "plum", "+1+1", "5");
	herd_wait_known(h, "Hands", "plum", line);
	herd_free(h);
}

START_TEST(one_server_has_another_secret)
{
	check_odd_one(_i, "sixteen other bytes",
		": its proof is wrong: another secret?");
}
END_TEST

START_TEST(one_server_has_none)
{
	check_odd_one(_i, NULL, ": it has no secret, and this server has one");
}
END_TEST

/* --- start ---------------------------------------------------------------- */

static void check_start(struct herd *h, const char *conf, const char *error)
{
	const char *const runs[][5] = {{"-c", conf, "Goloman", NULL},
		{"-t", "-c", conf, NULL}, {"-t", "-c", conf, "Goloman", NULL}};

	for (size_t i = error ? 0 : 1; i < HERD_COUNT(runs); i++) {
		struct herd_output o = herd_run(h, runs[i]);

		ck_assert_int_eq(o.exit_status, error ? 1 : 0);
		if (!error)
			continue;
		ck_assert_msg(strstr(o.err, error) != NULL, "%s", o.err);
		ck_assert_msg(strstr(o.err, "chmod 600") != NULL, "%s", o.err);
	}
}

START_TEST(the_file_must_be_right)
{
	struct herd *h = new_herd(_i, HERD_ONE);
	const char *conf = herd_conf(h, "Goloman");
	const char *secret = herd_path(h, "herd.secret");
	const char *far = herd_write(h, "far.conf",
		"servers = ( { name = \"Goloman\"; host = \"192.0.2.1\"; "
		"port = 9; } );\nlog = { directory = \".\"; };\n"
		"peers = { secret_file = \"herd.secret\"; };\n");
	const char *elsewhere = herd_write(h, "elsewhere.conf",
		"servers = ( { name = \"Goloman\"; host = \"127.0.0.1\"; "
		"port = 9; } );\npeers = { secret_file = "
		"\"/nowhere/herd.secret\"; };\n");

	check_start(h, conf, NULL);
	check_start(h, far, NULL); /* the secret is trust enough */
	ck_assert_int_eq(chmod(secret, 0640), 0);
	check_start(h, conf, "others than its owner may read or write it");
	write_secret(h, "fifteen bytes..\n");
	check_start(h, conf, "too short");
	remove(secret);
	check_start(h, conf, "No such file or directory");

	check_start(h, elsewhere, "No such file or directory");
	write_secret(h, SECRET);
	setenv("CREDENTIALS_DIRECTORY", herd_dir(h), 1);
	check_start(h, elsewhere, NULL);
	unsetenv("CREDENTIALS_DIRECTORY");
	herd_free(h);
}
END_TEST

static void add_tests(TCase *tcase)
{
	herd_add_test(tcase, five_servers);
	herd_add_test(tcase, one_server_has_another_secret);
	herd_add_test(tcase, one_server_has_none);
	herd_add_test(tcase, the_file_must_be_right);
}

int main(void)
{
	return herd_main("c_secret", add_tests, 60);
}
