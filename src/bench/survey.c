/* survey - see survey.h; the facts of a status are explained in herdd(8). */
#include "survey.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/conn.h"
#include "herd/control_client.h"
#include "herd/sys.h"

#define TIMEOUT_MS 10000

/* What one of them says. */
struct report {
	bool has_digest;
	uint64_t digest;
	uint64_t sent, due; /* to all but the played one */
	bool reached;       /* the neighbour that is being told of */
};

/* --- reading ---------------------------------------------------------------- */

static bool is(struct text word, const char *text)
{
	return text_equal(word, text_of(text));
}

static uint64_t number_of(struct text value, int base)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%.*s", (int)value.len, value.ptr);
	return strtoull(digits, NULL, base);
}

/* "NAME FACT VALUE"; the state comes first. Changes that are due to one that is
 * not reached stay so. */
static void take_link(struct report *r, const char *played, struct text rest)
{
	struct text name = text_take_word(&rest);
	struct text fact = text_take_word(&rest);

	if (is(name, played))
		return;
	if (is(fact, "state"))
		r->reached = is(rest, "up") || is(rest, "idle") ||
			     is(rest, "sending");
	else if (is(fact, "lag_changes") && r->reached)
		r->due += number_of(rest, 10);
	else if (is(fact, "sent"))
		r->sent += number_of(rest, 10);
}

static void take_fact(struct report *r, const char *played, struct text line)
{
	struct text fact = text_take_word(&line);

	if (is(fact, "digest")) {
		r->has_digest = true;
		r->digest = number_of(line, 16);
	} else if (is(fact, "link")) {
		take_link(r, played, line);
	}
}

static int ask(const struct survey *s, size_t server, struct report *ret_report,
	char *error)
{
	const char *name = s->conf->servers[server].name;
	const char *played = s->conf->servers[s->played].name;
	struct report r = {0};
	struct buf reply;
	struct text rest, line;
	int rc = control_ask(conf_control_directory(s->conf), name, "STATUS",
		TIMEOUT_MS, &reply, error);

	if (rc)
		return rc;
	rest = buf_text(&reply);
	while (conn_take_line(&rest, &line))
		take_fact(&r, played, line);
	buf_fini(&reply);
	if (!r.has_digest) {
		snprintf(error, CONF_ERROR_MAX, "%s: its status has no digest",
			name);
		return -EPROTO;
	}
	*ret_report = r;
	return 0;
}

/* --- from outside ----------------------------------------------------------- */

int survey_find(const struct conf *conf, size_t played,
	struct survey *ret_survey, char *error)
{
	struct survey s = {.conf = conf, .played = played};
	struct report report;
	int rc = 0;

	s.servers = sys_alloc_zero(conf->server_count, sizeof *s.servers);
	if (!s.servers) {
		snprintf(error, CONF_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; !rc && i < conf->server_count; i++) {
		rc = ask(&s, i, &report, error);
		if (!rc)
			s.servers[s.count++] = i;
		else if (rc == -ENOENT || rc == -ECONNREFUSED)
			rc = 0;
	}
	if (rc)
		survey_free(&s);
	else
		*ret_survey = s;
	return rc;
}

void survey_free(struct survey *s)
{
	sys_free(s->servers);
	*s = (struct survey){0};
}

int survey_agree(const struct survey *s, bool *ret_agree, char *error)
{
	struct report first = {0}, other;
	bool agree = true;
	int rc = s->count ? ask(s, s->servers[0], &first, error) : 0;

	for (size_t i = 1; !rc && i < s->count && agree; i++) {
		rc = ask(s, s->servers[i], &other, error);
		agree = !rc && other.digest == first.digest;
	}
	if (!rc)
		*ret_agree = agree;
	return rc;
}

int survey_sum(
	const struct survey *s, struct survey_sums *ret_sums, char *error)
{
	struct survey_sums sums = {.settled = true};
	struct report r;
	uint64_t first = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < s->count; i++) {
		rc = ask(s, s->servers[i], &r, error);
		if (rc)
			break;
		if (!i)
			first = r.digest;
		sums.settled = sums.settled && r.digest == first && !r.due;
		sums.sent += r.sent;
	}
	if (!rc)
		*ret_sums = sums;
	return rc;
}
