/* turns - a queue of answers, some of which are not finished; see turns.h. */
#include "herd/turns.h"

#include "herd/sys.h"

static void free_turn(struct turn *t)
{
	struct turns *turns = t->session->turns;

	if (t->asking)
		places_cancel(&t->query);
	turns->bytes -= t->counted;
	TAILQ_REMOVE(&turns->queue, t, next);
	buf_fini(&t->text);
	sys_free(t);
}

static void free_empty(struct session *s)
{
	if (!s->turns || !TAILQ_EMPTY(&s->turns->queue))
		return;
	sys_free(s->turns);
	s->turns = NULL;
}

struct turn *turns_add(struct session *s)
{
	struct turn *t = sys_alloc_zero(1, sizeof *t);

	if (!t)
		return NULL;
	if (!s->turns) {
		s->turns = sys_alloc_zero(1, sizeof *s->turns);
		if (!s->turns) {
			sys_free(t);
			return NULL;
		}
		TAILQ_INIT(&s->turns->queue);
	}
	t->session = s;
	TAILQ_INSERT_TAIL(&s->turns->queue, t, next);
	return t;
}

void turns_count(struct turn *t)
{
	size_t bytes = sizeof *t + buf_len(&t->text);

	t->session->turns->bytes += bytes - t->counted;
	t->counted = bytes;
}

/* --- the provider --------------------------------------------------------- */

/* What follows the AT line. */
static void append_places(struct turn *t, struct text head, struct text tail)
{
	struct buf *text = &t->text;

	if (buf_append_string(text, "\n") || buf_append_text(text, head) ||
		buf_append_text(text, tail) || buf_append_string(text, "\n\n"))
		t->session->doomed = "out of memory";
	turns_count(t);
}

static void on_answer(
	struct places_query *query, struct text head, struct text tail)
{
	struct turn *t = HERD_CONTAINER(query, struct turn, query);
	struct session *s = t->session;

	t->asking = false;
	s->turns->asking--;
	append_places(t, head, tail);
	session_wake(s);
}

void turns_ask(struct turn *t, const struct provider_question *question)
{
	struct session *s = t->session;
	int64_t timeout_ns =
		session_patience_ns(s, s->env->conf->places.timeout_ns);
	int rc;

	t->query.on_answer = on_answer;
	rc = places_ask(s->env->places, question, timeout_ns, &t->query);
	if (rc) {
		append_places(t, places_excuse(rc), (struct text){"", 0});
		return;
	}
	t->asking = true;
	s->turns->asking++;
}

void turns_hurry(struct session *s, int64_t due_ns)
{
	struct turn *t;

	if (!s->turns)
		return;
	TAILQ_FOREACH(t, &s->turns->queue, next)
		if (t->asking)
			places_hurry(&t->query, due_ns);
}

/* --- leaving -------------------------------------------------------------- */

bool turns_leave(struct session *s,
	void (*on_leave)(struct session *s, struct text answer))
{
	struct buf *out = &s->env->out;
	bool moved = false;
	struct turn *t;

	if (!s->turns)
		return false;
	while ((t = TAILQ_FIRST(&s->turns->queue)) && !t->asking &&
		!s->doomed &&
		buf_len(&s->conn.out) + buf_len(out) < SESSION_OUT_MAX) {
		struct text answer = buf_text(&t->text);

		if (buf_append_text(out, answer))
			s->doomed = "out of memory";
		else
			on_leave(s, answer);
		free_turn(t);
		moved = true;
	}
	free_empty(s);
	return moved;
}

void turns_drop(struct session *s)
{
	struct turn *t;

	if (!s->turns)
		return;
	while ((t = TAILQ_FIRST(&s->turns->queue)))
		free_turn(t);
	free_empty(s);
}
