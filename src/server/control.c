/* control - the server's end of the control socket; see control.h. */
#include "herd/control.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "herd/conn.h"
#include "herd/control_socket.h"
#include "herd/line.h"
#include "herd/sys.h"

#include "control_status.h"

#define PAGE_FULL 65536
#define PAGE_ROOM (PAGE_FULL + LINE_LINK_MAX + 1)
#define REST_NS   (100 * HERD_MS_NS) /* after a failed accept */

enum asker_state {
	ASKER_ASKING,  /* its line is not complete */
	ASKER_WAITING, /* for flood's part of the status */
	ASKER_DUMPING,
	ASKER_LEAVING, /* all is said */
};

struct asker {
	struct control *control;
	struct conn conn; /* closed: the place is free */
	struct timer timer;
	enum asker_state state;
	char request[CONTROL_REQUEST_MAX];
	size_t len;             /* of the request */
	struct store_walk walk; /* DUMPING */
};

/* All fields [O], unless tagged. The report is flood's while it is `wanted` and
 * not `filled`; whoever asks for the status meanwhile gets the same. */
struct control {
	struct control_options options;
	struct control_socket socket;
	struct reactor_io listener;
	struct timer rest; /* until then nobody is accepted */
	char *page;        /* PAGE_ROOM bytes, scratch */
	int64_t start_ns;
	struct reactor_hook hook;
	struct flood_report report;
	bool wanted;
	atomic_bool filled; /* [A] by flood, who then wakes us */
	struct asker askers[CONTROL_ASKERS];
};

/* --- a place for an asker ------------------------------------------------- */

static struct asker *find_place(struct control *c)
{
	for (size_t i = 0; i < CONTROL_ASKERS; i++)
		if (c->askers[i].conn.io.fd < 0)
			return &c->askers[i];
	return NULL;
}

static void rest(struct control *c)
{
	reactor_unwatch(c->options.reactor, &c->listener);
	reactor_timer_set(c->options.reactor, &c->rest,
		reactor_now_ns(c->options.reactor) + REST_NS);
}

static void listen_again(struct control *c)
{
	if (!timer_is_set(&c->rest) && find_place(c) &&
		reactor_watch(c->options.reactor, &c->listener, EPOLLIN))
		rest(c);
}

static void on_rested(struct timer *timer)
{
	listen_again(HERD_CONTAINER(timer, struct control, rest));
}

static void leave(struct asker *a)
{
	reactor_timer_clear(a->control->options.reactor, &a->timer);
	conn_close(&a->conn, a->control->options.reactor);
	listen_again(a->control);
}

static void be_patient(struct asker *a, int64_t for_ns)
{
	struct reactor *r = a->control->options.reactor;

	reactor_timer_set(r, &a->timer, reactor_now_ns(r) + for_ns);
}

/* --- replies -------------------------------------------------------------- */

/* Once this has left, more may follow. */
static void say(struct asker *a, const char *bytes, size_t len)
{
	int rc = conn_send(&a->conn, bytes, len);

	if (!rc)
		rc = reactor_watch(
			a->control->options.reactor, &a->conn.io, EPOLLOUT);
	if (rc)
		leave(a);
	else
		be_patient(a, CONTROL_PATIENCE_NS);
}

static void say_error(struct asker *a, const char *what)
{
	char line[128];
	int len = snprintf(line, sizeof line, "ERROR %s\n", what);

	a->state = ASKER_LEAVING;
	say(a, line, (size_t)len);
}

/* The next page of the map; its length. */
static size_t fill_page(struct asker *a)
{
	struct control *c = a->control;
	size_t len = 0;

	while (len < PAGE_FULL && a->walk.bucket < STORE_BUCKETS) {
		a->walk.dst = c->page + len;
		a->walk.room = PAGE_ROOM - len;
		if (store_walk(c->options.store, &a->walk,
			    reactor_now_ns(c->options.reactor)))
			len += a->walk.len;
		else
			a->walk = (struct store_walk){
				.bucket = a->walk.bucket + 1};
	}
	return len;
}

static void dump(struct asker *a)
{
	static const char end[] = "END\n";
	char *page = a->control->page;
	size_t len = fill_page(a);

	if (len < PAGE_FULL) {
		memcpy(page + len, end, strlen(end));
		len += strlen(end);
		a->state = ASKER_LEAVING;
	}
	say(a, page, len);
}

/* --- status --------------------------------------------------------------- */

static void on_filled(struct flood_report *report)
{
	struct control *c = HERD_CONTAINER(report, struct control, report);
	struct mailbox *box = reactor_mailbox(c->options.reactor);

	atomic_store_explicit(&c->filled, true, memory_order_release);
	mailbox_wake(box);
}

/* 0; -ENOMEM; -EAGAIN: flood is far behind. */
static int want_report(struct control *c)
{
	size_t count = neighbours_count(c->options.neighbours);
	int rc = -ENOMEM;

	if (c->wanted)
		return 0;
	c->report = (struct flood_report){.room = count,
		.peers = sys_alloc_zero(count + 1, sizeof *c->report.peers),
		.on_filled = on_filled};
	if (c->report.peers)
		rc = flood_report(c->options.flood, &c->report);
	if (rc)
		sys_free(c->report.peers);
	else
		c->wanted = true;
	return rc;
}

static void await_status(struct asker *a)
{
	int rc = want_report(a->control);

	if (rc) {
		say_error(a, rc == -EAGAIN ? "the flood thread is far behind"
					   : sys_error_text(rc));
		return;
	}
	a->state = ASKER_WAITING;
	be_patient(a, CONTROL_FLOOD_NS);
	if (conn_watch(&a->conn, a->control->options.reactor, false))
		leave(a);
}

static void say_status(struct asker *a)
{
	struct control *c = a->control;
	int64_t uptime_ns = reactor_now_ns(c->options.reactor) - c->start_ns;
	struct buf reply = {0};

	a->state = ASKER_LEAVING;
	if (control_write_status(&c->options, uptime_ns, &c->report, &reply))
		say_error(a, sys_error_text(-ENOMEM));
	else
		say(a, buf_front(&reply), buf_len(&reply));
	buf_fini(&reply);
}

static bool on_round(struct reactor_hook *hook)
{
	struct control *c = HERD_CONTAINER(hook, struct control, hook);

	if (!c->wanted ||
		!atomic_load_explicit(&c->filled, memory_order_acquire))
		return false;
	for (size_t i = 0; i < CONTROL_ASKERS; i++)
		if (c->askers[i].conn.io.fd >= 0 &&
			c->askers[i].state == ASKER_WAITING)
			say_status(&c->askers[i]);
	c->wanted = false;
	atomic_store_explicit(&c->filled, false, memory_order_relaxed);
	sys_free(c->report.peers);
	return false;
}

static void on_impatient(struct timer *timer)
{
	struct asker *a = HERD_CONTAINER(timer, struct asker, timer);

	if (a->state == ASKER_WAITING)
		say_error(a, "the flood thread does not answer");
	else
		leave(a);
}

/* --- requests ------------------------------------------------------------- */

static void obey(struct asker *a, struct text request)
{
	if (text_equal(request, text_of("DUMP"))) {
		a->state = ASKER_DUMPING;
		a->walk = (struct store_walk){.bucket = 0};
		dump(a);
	} else if (text_equal(request, text_of("STATUS"))) {
		await_status(a);
	} else {
		say_error(a, "what is asked here is STATUS or DUMP");
	}
}

static void take_request(struct asker *a)
{
	ssize_t n = sys_read(
		a->conn.io.fd, a->request + a->len, sizeof a->request - a->len);
	struct text bytes;
	struct text line;

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		leave(a);
		return;
	}
	a->len += (size_t)n;
	bytes = (struct text){a->request, a->len};
	if (conn_take_line(&bytes, &line))
		obey(a, line);
	else if (a->len == sizeof a->request)
		say_error(a, "the request is too long");
}

static void go_on(struct asker *a)
{
	ssize_t n = conn_flush(&a->conn);

	if (n > 0)
		be_patient(a, CONTROL_PATIENCE_NS);
	if (n >= 0 && buf_len(&a->conn.out))
		return;
	if (n >= 0 && a->state == ASKER_DUMPING)
		dump(a);
	else
		leave(a);
}

static void on_ready(struct reactor_io *io, uint32_t events)
{
	struct asker *a = HERD_CONTAINER(io, struct asker, conn.io);

	(void)events; /* a broken connection shows in reading and in sending */
	if (a->state == ASKER_ASKING)
		take_request(a);
	else if (a->state == ASKER_WAITING)
		leave(a); /* it hung up */
	else
		go_on(a);
}

/* --- who asks ------------------------------------------------------------- */

static void on_arrival(struct reactor_io *io, uint32_t events)
{
	struct control *c = HERD_CONTAINER(io, struct control, listener);
	struct asker *a = find_place(c);
	struct address from;
	int fd;
	int rc = sys_accept(io->fd, &from, &fd);

	(void)events;
	if (rc == -EAGAIN)
		return;
	if (rc) {
		rest(c);
		return;
	}
	conn_init(&a->conn, fd, on_ready);
	a->state = ASKER_ASKING;
	a->len = 0;
	be_patient(a, CONTROL_PATIENCE_NS);
	if (conn_watch(&a->conn, c->options.reactor, true))
		leave(a);
	else if (!find_place(c))
		reactor_unwatch(c->options.reactor, &c->listener);
}

/* --- life ----------------------------------------------------------------- */

int control_new(const struct control_options *options,
	struct control **ret_control, char *error)
{
	struct control *c = sys_alloc_zero(1, sizeof *c);
	int rc = -ENOMEM;

	if (!c)
		goto out;
	c->options = *options;
	c->socket.fd = -1;
	c->rest.on_due = on_rested;
	c->start_ns = reactor_now_ns(options->reactor);
	for (size_t i = 0; i < CONTROL_ASKERS; i++) {
		c->askers[i].control = c;
		c->askers[i].conn.io.fd = -1;
		c->askers[i].timer.on_due = on_impatient;
	}
	c->page = sys_alloc(PAGE_ROOM);
	if (!c->page)
		goto out;
	rc = control_socket_open(
		options->directory, options->server, &c->socket, error);
	if (rc) {
		control_free(c);
		return rc;
	}
	c->listener =
		(struct reactor_io){.fd = c->socket.fd, .on_ready = on_arrival};
	rc = reactor_watch(options->reactor, &c->listener, EPOLLIN);
	if (rc)
		goto out;
	c->hook.on_round = on_round;
	reactor_hook_add(options->reactor, &c->hook);
	*ret_control = c;
	return 0;

out:
	snprintf(error, CONF_ERROR_MAX, "%s", sys_error_text(rc));
	control_free(c);
	return rc;
}

int control_move(struct control *c, const char *directory, char *error)
{
	struct control_socket next;
	int rc;

	if (control_socket_is_in(&c->socket, directory))
		return 0;
	rc = control_socket_open(directory, c->options.server, &next, error);
	if (rc)
		return rc;
	reactor_unwatch(c->options.reactor, &c->listener);
	control_socket_close(&c->socket);
	c->socket = next;
	c->listener.fd = next.fd;
	listen_again(c);
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	reactor_timer_clear(c->options.reactor, &c->rest);
	reactor_unwatch(c->options.reactor, &c->listener);
	for (size_t i = 0; i < CONTROL_ASKERS; i++) {
		reactor_timer_clear(c->options.reactor, &c->askers[i].timer);
		conn_close(&c->askers[i].conn, c->options.reactor);
	}
	control_socket_close(&c->socket);
	if (c->wanted)
		sys_free(c->report.peers);
	sys_free(c->page);
	sys_free(c);
}
