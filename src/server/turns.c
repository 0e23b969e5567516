/* turns - a queue of answers, some of which are not finished; see turns.h. */
#include "herd/turns.h"

#include <errno.h>

#include "herd/sys.h"

static void free_turn(struct turn *t)
{
	struct turns *turns = t->session->turns;

	if (t->asking)
		places_cancel(&t->query);
	if (t->shared)
		places_answer_drop(t->shared);
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
	size_t bytes =
		sizeof *t + buf_len(&t->text) + t->head.len + t->tail.len;

	t->session->turns->bytes += bytes - t->counted;
	t->counted = bytes;
}

/* --- the provider --------------------------------------------------------- */

static int append_places(struct buf *out, struct text head, struct text tail)
{
	return buf_append_string(out, "\n") || buf_append_text(out, head) ||
			       buf_append_text(out, tail) ||
			       buf_append_string(out, "\n\n")
		       ? -ENOMEM
		       : 0;
}

/* What follows the AT line: copied, or kept where it is. */
static void take_places(struct turn *t, struct text head, struct text tail,
	struct places_answer *shared)
{
	if (shared) {
		places_answer_hold(shared);
		t->shared = shared;
		t->head = head;
		t->tail = tail;
	} else if (append_places(&t->text, head, tail)) {
		t->session->doomed = "out of memory";
	}
	turns_count(t);
}

/* The last few answers count most. */
static void learn(struct session_env *env, size_t len)
{
	env->places_bytes = (7 * env->places_bytes + len) / 8;
}

static void on_answer(struct places_query *query, struct text head,
	struct text tail, struct places_answer *shared)
{
	struct turn *t = HERD_CONTAINER(query, struct turn, query);
	struct session *s = t->session;

	t->asking = false;
	s->turns->asking--;
	take_places(t, head, tail, shared);
	learn(s->env, head.len + tail.len);
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
		take_places(t, places_excuse(rc), (struct text){"", 0}, NULL);
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

/* Append all of an answer. */
static int put_answer(const struct turn *t, struct buf *out)
{
	int rc = buf_append_text(out, buf_text(&t->text));

	if (!rc && t->shared)
		rc = append_places(out, t->head, t->tail);
	return rc;
}

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
		size_t from = buf_len(out);

		if (put_answer(t, out))
			s->doomed = "out of memory";
		else
			on_leave(s, (struct text){buf_front(out) + from,
					    buf_len(out) - from});
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
