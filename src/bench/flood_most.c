/* flood_most - flood without a rate: how many updates do the servers take? See
 * bench_flood.h. */
#include "flood_parts.h"

#include <errno.h>

#include "herd/cost.h"
#include "herd/sys.h"

#define AGREE_NS (60 * HERD_SECOND_NS)

/* Rounds until the servers agree, and everything has arrived. */
static int await_agreement(struct bench *b, const struct survey *s)
{
	int64_t limit_ns = sys_monotonic_ns() + AGREE_NS;
	unsigned before = b->interrupted;
	bool agree = false;
	int rc = 0;

	while (!rc && (!agree || flood_missing(b))) {
		if (sys_monotonic_ns() > limit_ns)
			return flood_fail(b, -ETIMEDOUT,
				"after %d s the servers do not agree yet, or "
				"updates are missing: %llu",
				(int)(AGREE_NS / HERD_SECOND_NS),
				(unsigned long long)flood_missing(b));
		if (b->interrupted != before)
			return flood_give_up(b, "before the servers agreed");
		rc = flood_round(b, "agreeing");
		/* Asked sooner, it would only cost the servers time. */
		if (!rc && !agree && !flood_missing(b))
			rc = survey_agree(s, &agree, b->error);
	}
	return rc;
}

/* Rounds until everything has arrived, as long as anything still does. */
static int await_arrival(struct bench *b)
{
	const struct arrivals *a = &b->arrivals;
	unsigned before = b->interrupted;
	int64_t limit_ns = 0;
	uint64_t arrived = UINT64_MAX;
	int rc = 0;

	while (!rc && flood_missing(b)) {
		if (a->arrived != arrived)
			limit_ns = sys_monotonic_ns() + FLOOD_PATIENCE_NS;
		arrived = a->arrived;
		if (sys_monotonic_ns() > limit_ns)
			return flood_fail(b, -ETIMEDOUT,
				"%s has told %s of nothing for %d s, and not "
				"of all: of %llu updates, %llu are missing",
				flood_watched(b), flood_played(b),
				(int)(FLOOD_PATIENCE_NS / HERD_SECOND_NS),
				(unsigned long long)(writer_sent(b->writer) -
						     a->first),
				(unsigned long long)flood_missing(b));
		if (b->interrupted != before)
			return flood_give_up(b, "before all had arrived");
		rc = flood_round(b, "arriving");
	}
	return rc;
}

/* As many as are answered, for that time. */
static int load(struct bench *b)
{
	int64_t end_ns = sys_monotonic_ns() +
			 (int64_t)(b->o->time_s * (double)HERD_SECOND_NS);
	int rc = 0;

	writer_keep_busy(b->writer, true);
	while (!rc && !b->interrupted && sys_monotonic_ns() < end_ns)
		rc = flood_round(b, "flood");
	writer_keep_busy(b->writer, false);
	end_ns = sys_monotonic_ns() + FLOOD_PATIENCE_NS;
	while (!rc && writer_answered(b->writer) < writer_sent(b->writer)) {
		rc = flood_round(b, "waiting");
		if (!rc && sys_monotonic_ns() > end_ns)
			rc = flood_fail(b, -ETIMEDOUT,
				"%s has stopped answering", flood_written(b));
	}
	return rc;
}

static int take_cost(struct bench *b, struct cost *ret_cost)
{
	int rc = cost_take(b->o->pids, b->o->pid_count, ret_cost);

	return rc ? flood_fail(b, rc, "cannot read what the servers use: %s",
			    cost_explain(rc))
		  : 0;
}

/* How many, and what they cost; how long it took for all: `done_ns`, of which
 * `rest_ns` after the last was written. */
static void tell(struct bench *b, struct figures *f, const struct cost *cost,
	int64_t done_ns, int64_t rest_ns)
{
	const struct arrivals *a = &b->arrivals;
	bool plain = flood_is_plain(b);
	double updates = (double)(writer_answered(b->writer) - a->first);

	figures_add_count(f, "updates", (uint64_t)updates);
	figures_add(f,
		plain ? "updates_per_s_until_all_arrived"
		      : "updates_per_s_until_all_agree",
		updates * (double)HERD_SECOND_NS / (double)done_ns);
	figures_add(f, plain ? "arrive_s" : "agree_s",
		(double)rest_ns / (double)HERD_SECOND_NS);
	figures_add_count(f, "member_lines", a->arrived + a->repeated);
	if (b->o->pid_count)
		figures_add(f, "cpu_us_per_update",
			(double)cost->cpu_ns / 1e3 / updates);
	figures_add(f, "generator_cpu_us",
		(double)cost->own_cpu_ns / 1e3 / updates);
	figures_add(f, "other_load", cost_other_load(cost));
}

/* Those that are to be compared. A plain server has nothing to compare. */
static int find_servers(struct bench *b, struct survey *ret_survey)
{
	struct survey s = {0};
	int rc = flood_is_plain(b)
			 ? 0
			 : survey_find(b->way.conf, b->way.as, &s, b->error);

	if (!rc && !flood_is_plain(b) && !s.count)
		rc = flood_fail(b, -ENOENT,
			"no server of %s runs on this machine (no one at "
			"%s/NAME.sock): without one, whether they agree "
			"cannot be seen",
			b->o->conf_path, conf_control_directory(b->way.conf));
	if (rc)
		survey_free(&s);
	else
		*ret_survey = s;
	return rc;
}

int flood_measure_most(struct bench *b, struct figures *f)
{
	int64_t start_ns, written_ns, done_ns;
	struct cost before, after;
	struct survey s;
	int rc = find_servers(b, &s);

	if (rc)
		return rc;
	rc = take_cost(b, &before);
	start_ns = sys_monotonic_ns();
	if (!rc)
		rc = load(b);
	written_ns = sys_monotonic_ns();
	if (!rc)
		rc = flood_is_plain(b) ? await_arrival(b)
				       : await_agreement(b, &s);
	done_ns = sys_monotonic_ns();
	if (!rc)
		rc = take_cost(b, &after);
	if (!rc && writer_answered(b->writer) == b->arrivals.first)
		rc = flood_fail(b, -ENODATA, "%s has answered no update",
			flood_written(b));
	if (!rc) {
		cost_subtract(&after, &before);
		if (s.count)
			figures_add_count(f, "servers_compared", s.count);
		tell(b, f, &after, done_ns - start_ns, done_ns - written_ns);
	}
	survey_free(&s);
	return rc;
}
