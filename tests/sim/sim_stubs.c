/* sim_stubs - what simulated servers do without: the provider of places, and a
 * log of their own. The log's events are what the world knows of links. */
#include <errno.h>
#include <stdio.h>

#include "../../src/base/log_format.h"
#include "world.h"

/* --- places: nobody is asked ---------------------------------------------- */

int places_new(struct places_common *common, struct reactor *reactor,
	struct log_ring *log, struct places **ret_places)
{
	(void)common;
	(void)reactor;
	(void)log;
	*ret_places = NULL;
	return 0;
}

void places_update(struct places *places, const struct conf *conf)
{
	(void)places;
	(void)conf;
}

void places_free(struct places *places)
{
	(void)places;
}

int places_ask(struct places *places, const struct provider_question *question,
	int64_t timeout_ns, struct places_query *query)
{
	(void)places;
	(void)question;
	(void)timeout_ns;
	(void)query;
	return -ENOENT;
}

void places_cancel(struct places_query *query)
{
	(void)query;
}

void places_hurry(struct places_query *query, int64_t due_ns)
{
	(void)query;
	(void)due_ns;
}

struct text places_excuse(int rc)
{
	(void)rc;
	return text_of("{}");
}

void places_answer_hold(struct places_answer *answer)
{
	(void)answer;
}

void places_answer_drop(struct places_answer *answer)
{
	(void)answer;
}

/* --- the log -------------------------------------------------------------- */

bool log_wants(const struct log_ring *ring, enum log_event event)
{
	(void)ring;
	(void)event;
	return sim.verbose;
}

void log_write(struct log_ring *ring, enum log_event event,
	const struct log_facts *facts)
{
	struct log_calendar calendar = {0};
	struct log_facts dated = *facts;
	char line[LOG_LINE_MAX];
	size_t len;

	node_on_log(ring, event, facts);
	if (!sim.verbose)
		return;
	dated.time_ns = 1;
	len = log_format_line(&calendar, event, &dated, facts->bytes.len, line);
	sim_say("%s: %.*s", node_of_ring(ring), (int)len - 29, line + 28);
}

/* A thread's round is nearly over: others may run now. */
void log_flush(struct log_ring *ring)
{
	(void)ring;
	sim_preempt();
}
