/* arrivals - see arrivals.h. */
#include "arrivals.h"

#include <errno.h>

#include "herd/sys.h"

int arrivals_init(struct arrivals *a, uint64_t ids)
{
	*a = (struct arrivals){
		.ids = ids, .newest = sys_alloc_zero(ids, sizeof *a->newest)};
	return a->newest ? 0 : -ENOMEM;
}

void arrivals_fini(struct arrivals *a)
{
	sys_free(a->newest);
	a->newest = NULL;
}

void arrivals_start(struct arrivals *a, uint64_t sent)
{
	for (uint64_t number = a->first; number < sent; number++)
		a->newest[number % a->ids] = number + 1;
	a->first = sent;
	a->arrived = a->superseded = a->repeated = 0;
}

bool arrivals_take(struct arrivals *a, uint64_t number)
{
	uint64_t *newest = &a->newest[number % a->ids];
	uint64_t before;

	if (number < *newest) {
		a->repeated += number >= a->first;
		return false;
	}
	before = *newest ? (*newest - 1) / a->ids + 1 : 0;
	a->superseded += number / a->ids - before;
	a->arrived++;
	*newest = number + 1;
	return true;
}

uint64_t arrivals_missing(const struct arrivals *a, uint64_t sent)
{
	return sent - a->first - a->arrived - a->superseded;
}
