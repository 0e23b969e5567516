/* reload - SIGHUP: read the file again, and go by it without letting go of
 * anybody whom it does not concern.
 *
 *   read, check --> what differs? --> what must wait for a restart is set back
 *        |              |              to what is in force, and said
 *        | bad          | nothing                 |
 *        v              v                         v
 *      said           said         the neighbours' slots, the log's choice;
 *                                  then, by mailbox: workers, acceptor, flood,
 *                                  logger
 *
 * Up to the arrow down on the right nothing has changed; behind it nothing can
 * fail. A mailbox that is full is tried again until it takes the message: each
 * is told of the configuration that is in force then, so that one may be
 * skipped, but never the last. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "herd/sys.h"

#include "parts.h"

#define AGAIN_NS (10 * HERD_MS_NS)

/* Who is told, by their place in server.untold: the workers come first. */
#define ACCEPTOR(s) ((s)->worker_count)
#define FLOOD(s)    ((s)->worker_count + 1)
#define LOGGER(s)   ((s)->worker_count + 2)
#define ALL(s)      ((s)->worker_count + 3)

static void say(struct server *s, enum log_event event, const char *bytes)
{
	log_write(s->main.log, event,
		&(struct log_facts){.bytes = text_of(bytes)});
}

/* --- telling -------------------------------------------------------------- */

static int tell_one(struct server *s, size_t who)
{
	int rc = 0;

	if (who < s->worker_count)
		return worker_update(s->workers[who], s->conf);
	if (who == ACCEPTOR(s))
		return acceptor_update(s->acceptor, s->connections);
	if (who == FLOOD(s))
		return flood_update(s->flood, s->conf);
	if (s->era->log_file.fd >= 0)
		rc = logger_move(s->logger, &s->era->log_file);
	return rc;
}

static void tell(struct server *s)
{
	bool all = true;

	for (size_t i = 0; i < ALL(s); i++) {
		if (s->untold[i])
			s->untold[i] = tell_one(s, i) != 0;
		all &= !s->untold[i];
	}
	if (all)
		server_tell_ready(s, "");
	else
		reactor_timer_set(s->main.reactor, &s->again,
			reactor_now_ns(s->main.reactor) + AGAIN_NS);
}

static void on_again(struct timer *timer)
{
	struct server *s = HERD_CONTAINER(timer, struct server, again);

	if (!s->stopping)
		tell(s);
}

/* --- what differs --------------------------------------------------------- */

struct changes {
	struct server *server;
	bool any;
	size_t len;
	char live[CONF_ERROR_MAX]; /* names, with commas between them */
};

static void note_change(void *arg, const char *option, bool live)
{
	struct changes *c = arg;
	int n;

	c->any = true;
	if (!live) {
		say(c->server, LOG_RELOAD_LATER, option);
		return;
	}
	n = snprintf(c->live + c->len, sizeof c->live - c->len, "%s%s",
		c->len ? ", " : "", option);
	c->len += (size_t)n;
	HERD_ASSERT(c->len < sizeof c->live);
}

/* The secret in force stays, too, when it is its file that has changed. */
static void compare_secrets(
	struct changes *c, const struct conf *next, const struct secret_file *f)
{
	const char *path = c->server->conf->peers.secret_file;
	struct text now = {c->server->secret.bytes, c->server->secret.len};

	if (path && next->peers.secret_file &&
		!strcmp(path, next->peers.secret_file) &&
		!text_equal(now, (struct text){f->bytes, f->len}))
		note_change(c, "the secret in peers.secret_file", false);
}

/* --- preparing ------------------------------------------------------------ */

/* What herdd checks at start is checked of the file as it is. */
static int read_file(struct server *s, struct conf **ret_next, size_t *ret_self,
	struct secret_file *ret_secret, char *error)
{
	struct conf *next;
	int rc = conf_read(s->conf->path, &next, error);

	if (rc)
		return rc;
	rc = conf_find_server(next, s->self->name, ret_self, error);
	if (!rc)
		rc = server_check_trust(next, error);
	if (!rc)
		rc = server_read_secret(next, ret_secret, error);
	if (rc)
		conf_free(next);
	else
		*ret_next = next;
	return rc;
}

/* Without its new file the log stays where it is, and all else goes on. */
static void open_log(struct server *s, struct era *era)
{
	const char *now = s->conf->log.directory;
	char error[CONF_ERROR_MAX];

	era->log_file = (struct logger_file){era->log_path, -1};
	if (!strcmp(now, era->conf->log.directory))
		return;
	if (server_open_log(
		    s, era->conf, era->log_path, &era->log_file.fd, error)) {
		say(s, LOG_MOVE_FAILED, error);
		era->conf->log.directory = now;
	}
}

/* The last that can fail: the neighbours are those of the new configuration,
 * or nothing has changed. */
static int change_neighbours(
	struct server *s, const struct conf *next, size_t self, char *error)
{
	int rc = neighbours_update(s->neighbours, next, self);

	if (rc == -ENOSPC)
		snprintf(error, CONF_ERROR_MAX,
			"%s: %s has had %d different neighbours, and must be "
			"restarted to have more",
			next->path, s->self->name, NEIGHBOURS_MAX);
	return rc;
}

static void close_log(const struct era *era)
{
	if (era->log_file.fd >= 0)
		close(era->log_file.fd);
}

/* Checked again as far as another configuration is in force than the file
 * says: a secret that comes with a restart does not protect before it. */
static int prepare(struct server *s, struct era *era, size_t self,
	unsigned *ret_connections, char *error)
{
	int rc = server_check_trust(era->conf, error);

	if (!rc)
		rc = server_check_descriptors(
			era->conf, ret_connections, error);
	if (rc)
		return rc;
	open_log(s, era);
	rc = change_neighbours(s, era->conf, self, error);
	if (rc)
		close_log(era);
	return rc;
}

/* --- in force ------------------------------------------------------------- */

/* What has changed is said if the old level or the new one has it said. */
static void choose_events(struct server *s, const char *changes)
{
	const struct conf *conf = s->conf;

	if (conf->log.level < LOG_INFO)
		say(s, LOG_RELOADED, changes);
	log_choose(s->log, conf->log.level, conf->log.messages, conf->log.wait);
	if (conf->log.level >= LOG_INFO)
		say(s, LOG_RELOADED, changes);
}

/* Where it cannot be moved now, the next reload tries again. */
static void move_control(struct server *s, struct era *era)
{
	const char *now = conf_control_directory(s->conf);
	const char *next = conf_control_directory(era->conf);
	char error[CONF_ERROR_MAX];

	if (!strcmp(now, next) || !control_move(s->control, next, error))
		return;
	say(s, LOG_CONTROL_STAYS, error);
	era->conf->control.directory = now;
}

static void enforce(struct server *s, struct era *era, size_t self,
	unsigned connections, const char *changes)
{
	move_control(s, era);
	/* A file that the logger has not been told of is not to be used. */
	if (s->untold[LOGGER(s)])
		close_log(s->era);
	era->before = s->era;
	s->era = era;
	s->conf = era->conf;
	s->self = &era->conf->servers[self];
	choose_events(s, changes);
	if (connections < s->conf->limits.connections &&
		connections != s->connections)
		log_write(s->main.log, LOG_LOWERED,
			&(struct log_facts){.number = {connections}});
	s->connections = connections;
	server_resolve_neighbours(s);
	for (size_t i = 0; i < ALL(s); i++)
		s->untold[i] = true;
	tell(s);
}

/* --- the whole of it ------------------------------------------------------ */

static int follow(struct server *s, struct conf *next, size_t self,
	const char *changes, char *error)
{
	struct era *era = sys_alloc_zero(1, sizeof *era);
	unsigned connections;
	int rc;

	if (!era)
		return -ENOMEM;
	era->conf = next;
	rc = prepare(s, era, self, &connections, error);
	if (rc)
		sys_free(era);
	else
		enforce(s, era, self, connections, changes);
	return rc;
}

/* 1: there is nothing to go by. */
static int read_again(struct server *s, char *error)
{
	struct changes c = {.server = s};
	size_t now = (size_t)(s->self - s->conf->servers);
	struct secret_file secret;
	struct conf *next;
	size_t self;
	int rc = read_file(s, &next, &self, &secret, error);

	if (rc)
		return rc;
	conf_compare(s->conf, now, next, self, note_change, &c);
	compare_secrets(&c, next, &secret);
	secret_file_fini(&secret);
	rc = 1;
	if (!c.any)
		say(s, LOG_RELOADED, "nothing has changed");
	else if (!c.len)
		say(s, LOG_RELOADED, "nothing has changed that can now");
	else {
		conf_keep(s->conf, now, next, self);
		rc = follow(s, next, self, c.live, error);
	}
	if (rc)
		conf_free(next);
	return rc;
}

static void tell_reloading(struct server *s)
{
	char state[STATE_ROOM];

	/* The time is for Type=notify-reload. */
	snprintf(state, sizeof state,
		"RELOADING=1\nSTATUS=Reading the configuration again\n"
		"MONOTONIC_USEC=%lld",
		(long long)(sys_monotonic_ns() / 1000));
	server_tell_manager(s, state);
}

void reload(struct server *s)
{
	char error[CONF_ERROR_MAX] = "";
	int rc;

	if (s->stopping)
		return;
	tell_reloading(s);
	rc = read_again(s, error);
	if (rc < 0) {
		say(s, LOG_RELOAD_REFUSED, *error ? error : sys_error_text(rc));
		server_tell_ready(s, "; a new configuration was not taken");
	} else if (rc > 0) {
		server_tell_ready(s, "");
	}
}

/* --- life ----------------------------------------------------------------- */

int reload_init(struct server *s)
{
	s->again.on_due = on_again;
	s->untold = sys_alloc_zero(ALL(s), sizeof *s->untold);
	return s->untold ? 0 : -ENOMEM;
}

void reload_fini(struct server *s)
{
	if (s->untold && s->untold[LOGGER(s)])
		close_log(s->era);
	while (s->era) {
		struct era *era = s->era;

		s->era = era->before;
		conf_free(era->conf);
		sys_free(era);
	}
	sys_free(s->untold);
}
