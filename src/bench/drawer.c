/* drawer - ids by whatever law, and stamps; see drawer.h. */
#include "drawer.h"

#include <errno.h>
#include <math.h>

#include "herd/sys.h"

#define AHEAD ((uint32_t)1 << 18)

int drawer_init(struct drawer *w, const struct driver *d)
{
	const struct bench_options *o = d->o;
	struct zipf zipf;

	*w = (struct drawer){
		.ids = o->ids,
		.stamp_ns =
			sys_realtime_ns() / o->threads * o->threads + d->index,
		.stamp_step = o->threads,
		.reads_below = o->reads >= 1 ? UINT64_MAX
					     : (uint64_t)ldexp(o->reads, 64),
	};
	draw_init(&w->draw, o->seed, d->index);
	if (o->zipf <= 0)
		return 0;
	/* One draw costs as much as all the rest of a request. */
	w->ahead = sys_alloc(AHEAD * sizeof *w->ahead);
	if (!w->ahead)
		return -ENOMEM;
	zipf_init(&zipf, o->ids, o->zipf);
	for (uint32_t i = 0; i < AHEAD; i++)
		w->ahead[i] = (uint32_t)draw_zipf(&w->draw, &zipf);
	return 0;
}

void drawer_fini(struct drawer *w)
{
	sys_free(w->ahead);
	w->ahead = NULL;
}

static uint64_t next_id(struct drawer *w)
{
	if (w->ahead)
		return w->ahead[w->ahead_at++ % AHEAD];
	return draw_below(&w->draw, w->ids);
}

static int64_t next_stamp(struct drawer *w, int64_t now_ns)
{
	w->stamp_ns += w->stamp_step;
	if (w->stamp_ns < now_ns)
		w->stamp_ns +=
			(now_ns - w->stamp_ns) / w->stamp_step * w->stamp_step;
	return w->stamp_ns;
}

struct request drawer_next(struct drawer *w, int64_t now_ns)
{
	struct request r = {0};

	if (w->next < w->end) {
		r.id = w->next++;
		r.stamp_ns = next_stamp(w, now_ns);
		return r;
	}
	r.id = next_id(w);
	if (w->reads_below && draw_word(&w->draw) < w->reads_below)
		r.read = true;
	else
		r.stamp_ns = next_stamp(w, now_ns);
	return r;
}
