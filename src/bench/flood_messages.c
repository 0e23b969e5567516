/* flood_messages - how many AT lines the servers have sent each other for an
 * update; see bench_flood.h.
 *
 * Some may still be under way when the last update has arrived where it is
 * watched for: those that tell servers what they know. */
#include "flood_parts.h"

#include "herd/sys.h"

/* Rounds until there is no more to send; or for so long, as there may be servers
 * that never agree. An error of a server: no sums, and the survey is empty. */
static int settle(
	struct bench *b, struct survey *survey, struct survey_sums *ret_sums)
{
	int64_t limit_ns = sys_monotonic_ns() + FLOOD_LATE_NS;
	unsigned before = b->interrupted;
	char error[CONF_ERROR_MAX];
	uint64_t sent;
	bool settled = false;
	int rc = 0;

	*ret_sums = (struct survey_sums){0};
	while (!rc && survey->count && !settled) {
		sent = ret_sums->sent;
		if (survey_sum(survey, ret_sums, error)) {
			survey_free(survey);
			break;
		}
		/* Twice: a server may have taken a line, but not noted yet that
		 * it is to be sent on. */
		settled = (ret_sums->settled && ret_sums->sent == sent) ||
			  b->interrupted != before ||
			  sys_monotonic_ns() > limit_ns;
		rc = flood_round(b, "settling");
	}
	return rc;
}

int flood_messages_start(struct bench *b, struct messages *m)
{
	char error[CONF_ERROR_MAX];

	*m = (struct messages){0};
	if (survey_find(b->way.conf, b->way.as, &m->survey, error))
		return 0;
	return settle(b, &m->survey, &m->before);
}

int flood_messages_tell(struct bench *b, struct messages *m, struct figures *f)
{
	uint64_t updates = writer_sent(b->writer) - b->arrivals.first;
	struct survey_sums after;
	int rc = settle(b, &m->survey, &after);

	/* One that was started anew counts anew. */
	if (rc || !m->survey.count || after.sent < m->before.sent || !updates)
		return rc;
	figures_add(f, "messages_per_update",
		(double)(after.sent - m->before.sent) / (double)updates);
	figures_add_count(f, "servers_counted", m->survey.count);
	return 0;
}

void flood_messages_free(struct messages *m)
{
	survey_free(&m->survey);
}
