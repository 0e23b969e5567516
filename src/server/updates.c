/* updates - AT lines into the store; see updates.h. */
#include "herd/updates.h"

#include "herd/line.h"
#include "herd/store.h"

/* `name`: of the neighbour; NULL: it is one of several. */
static void log_received(struct session *s, struct text body, const char *name)
{
	log_write(s->env->log, name ? LOG_PEER_RECEIVED : LOG_RECEIVED,
		&(struct log_facts){.time_ns = s->env->now_ns,
			.name = name,
			.address = &s->address,
			.bytes = body});
}

static void put(struct session *s, const struct answer_line *l,
	const struct store_source *source)
{
	struct session_env *env = s->env;
	enum store_result result;
	struct sighting seen;

	line_normalise_at(&l->line, env->normal, &seen);
	if (store_put(env->store, l->key, &seen, source, &result))
		/* On a link the dialler finds out by comparing, on its next. */
		s->doomed = "out of memory";
	else if (result == STORE_NEWER)
		env->on_update(env, l->key.shard);
}

void updates_take(struct session *s, const struct answer_line *l)
{
	struct store_source source = {.origin = s->link->incarnation,
		.now_ns = reactor_now_ns(s->env->reactor)};

	log_received(s, l->line.body, session_link_name(s));
	s->link->updates++;
	neighbours_count_line(s->env->neighbours, s->link->neighbour, true);
	put(s, l, &source);
}

/* --- plain neighbours ----------------------------------------------------- */

bool updates_take_plain(struct session *s, const struct answer_line *l)
{
	struct neighbours *nb = s->env->neighbours;
	struct store_source source = {
		.plain = true, .now_ns = reactor_now_ns(s->env->reactor)};
	struct answer_line at = {.bytes = l->bytes};
	const char *name = NULL;
	size_t which;
	size_t count;

	if (!line_parse_plain_at(at.bytes, &at.line))
		return false;
	count = neighbours_plain_from(nb, &s->address, &which);
	if (!count)
		return false;
	/* Of several at one address nobody knows which it is: then it gets its
	 * line back, which is no news there. */
	if (count == 1) {
		name = neighbours_name(nb, which);
		source.origin = neighbours_incarnation(nb, which, text_of(""));
		neighbours_count_line(nb, which, true);
	}
	s->commands++;
	log_received(s, at.line.body, name);
	at.key = store_key_of(s->env->store, at.line.at.id);
	put(s, &at, &source);
	return true;
}

bool updates_may_be_plain(const struct session *s, struct text start)
{
	size_t which;

	while (start.len && line_is_space(*start.ptr)) {
		start.ptr++;
		start.len--;
	}
	return start.len > 2 && !memcmp(start.ptr, "AT", 2) &&
	       line_is_space(start.ptr[2]) &&
	       neighbours_plain_from(s->env->neighbours, &s->address, &which);
}
