/* run - a plan from its start to the herd's rest, and the search for the few
 * events of it that make it fail. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "plan.h"

/* Run it without the events that are dropped (NULL: with all). true: nothing
 * was wrong; else sim.failure tells. */
bool run_plan(const struct plan *plan, const bool *dropped);

/* Its two ends, for who does something else in between: servers are started,
 * and events are due; all of it is given back. */
void run_begin(const struct plan *plan, const bool *dropped);
void run_end(void);

/* It fails without the events already dropped: drop as many more as can be. */
void run_shrink(const struct plan *plan, bool dropped[PLAN_EVENTS]);

#endif
