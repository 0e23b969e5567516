/* herd_sums - see herd_sums.h. */
#include "herd_sums.h"

#include <stdio.h>

struct client *sums_link(struct herd *h, const char *server)
{
	struct client *link = client_open(h, server);

	client_send(link, herd_printf(h, "HERD 1 Relay %s aa\n", server));
	ck_assert_int_eq(strncmp(client_line(link), "HERD 1 ", 7), 0);
	return link;
}

bool sums_ask(struct client *link, struct sum *ret_sum)
{
	const char *line;

	client_send(link, "SYNC\n");
	line = client_line(link);
	snprintf(ret_sum->text, sizeof ret_sum->text, "%s", line);
	return !strncmp(line, "SUM ", 4);
}

bool sums_are_equal(struct client *a, struct client *b)
{
	struct sum sum_a;
	struct sum sum_b;

	return sums_ask(a, &sum_a) && sums_ask(b, &sum_b) &&
	       !strcmp(sum_a.text, sum_b.text);
}

void sums_wait_equal(struct client *a, struct client *b)
{
	int64_t deadline = herd_deadline(3 * HERD_PATIENCE);
	unsigned tries = 0;

	while (!sums_are_equal(a, b)) {
		ck_assert_msg(!herd_late(deadline), "two servers differ");
		herd_back_off(&tries);
	}
}
