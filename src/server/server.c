/* server - the wiring of one server; see server.h for the picture and for the
 * order in which it stops. */
#include "herd/server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd/notify.h"
#include "herd/sys.h"

#include "parts.h"

void server_say(struct server *s, enum log_event event, const char *why)
{
	log_write(s->main.log, event,
		&(struct log_facts){.name = s->self->name, .why = why});
}

/* The service manager decides nothing on what we fail to tell it that a person
 * could not mend, so that is a line in the log. */
void server_tell_manager(struct server *s, const char *state)
{
	int rc = notify_send(state);

	if (rc)
		server_say(s, LOG_NOTIFY_FAILED, sys_error_text(rc));
}

static bool on_main_round(struct reactor_hook *hook)
{
	struct server *s = HERD_CONTAINER(hook, struct server, main_hook);

	log_flush(s->main.log);
	return false;
}

/* --- setting up ----------------------------------------------------------- */

static int new_seat(struct server *s, struct seat *seat)
{
	int rc;

	if (s->conf->single && seat != &s->main) {
		*seat = s->main;
		return 0;
	}
	rc = reactor_new(!s->conf->single, &seat->reactor);
	return rc ? rc : log_ring_new(s->log, &seat->log);
}

static int make_seats(struct server *s)
{
	int rc = new_seat(s, &s->main);

	if (!rc)
		rc = new_seat(s, &s->acceptor_seat);
	if (!rc)
		rc = new_seat(s, &s->flood_seat);
	if (!rc)
		rc = new_seat(s, &s->log_seat);
	for (size_t i = 0; i < s->worker_count && !rc; i++)
		rc = new_seat(s, &s->worker_seats[i]);
	return rc;
}

/* How many workers, and where. */
static int plan_workers(struct server *s)
{
	size_t cpus = thread_usable_cpus(s->worker_cpus, CPUS_MAX);

	s->worker_count = s->conf->workers ? s->conf->workers : cpus;
	if (s->conf->single)
		s->worker_count = 1;
	s->pinned = !s->conf->single &&
		    s->conf->affinity == CONF_AFFINITY_AUTO &&
		    s->worker_count == cpus && cpus > 1 && cpus <= CPUS_MAX;
	snprintf(s->about, sizeof s->about, "%s design, %zu worker%s%s",
		s->conf->single ? "single-threaded" : "threaded",
		s->worker_count, s->worker_count == 1 ? "" : "s",
		s->pinned ? ", pinned" : "");
	s->workers = sys_alloc_zero(s->worker_count, sizeof *s->workers);
	s->worker_seats =
		sys_alloc_zero(s->worker_count, sizeof *s->worker_seats);
	return s->workers && s->worker_seats ? 0 : -ENOMEM;
}

int server_open_log(const struct server *s, const struct conf *conf,
	char path[PATH_ROOM], int *ret_fd, char *error)
{
	int n = snprintf(path, PATH_ROOM, "%s/%s.log", conf->log.directory,
		s->self->name);
	int rc = n > 0 && n < PATH_ROOM ? 0 : -ENAMETOOLONG;

	if (!rc)
		rc = log_open(path, ret_fd);
	/* One level is made, not a whole path: that would hide a typo. */
	if (rc == -ENOENT && !mkdir(conf->log.directory, 0750))
		rc = log_open(path, ret_fd);
	if (rc)
		snprintf(error, CONF_ERROR_MAX,
			"cannot open the log %.800s: %s (log.directory must be a "
			"directory that this user can write to)",
			path, sys_error_text(rc));
	return rc;
}

static int open_log(struct server *s, char *error)
{
	struct log_options options = {.path = s->log_path,
		.level = s->conf->log.level,
		.messages = s->conf->log.messages,
		.wait = s->conf->log.wait,
		.shared = !s->conf->single};
	int fd;
	int rc = server_open_log(s, s->conf, s->log_path, &fd, error);

	if (rc)
		return rc;
	close(fd);
	return log_new(&options, &s->log);
}

/* Where all servers are on loopback their names were looked up already, and
 * cost nothing; elsewhere answers may take long, and flood asks on its own. */
void server_resolve_neighbours(struct server *s)
{
	struct address found[NEIGHBOUR_ADDRESSES];
	struct address known;
	size_t count;

	if (s->conf->peers.secret_file || s->conf->peers.trust_addresses)
		return;
	for (size_t i = 0; i < neighbours_count(s->neighbours); i++) {
		unsigned moves = neighbours_moves(s->neighbours, i);
		const struct conf_server *n =
			neighbours_server(s->neighbours, i);

		if (!neighbours_address(s->neighbours, i, 0, &known) &&
			!address_resolve(n->host, n->port, found,
				HERD_COUNT(found), &count))
			neighbours_set_addresses(
				s->neighbours, i, moves, found, count);
	}
}

/* Links leave from the address at which our neighbours know us. */
static void find_source(struct server *s)
{
	size_t count;

	s->has_source =
		!address_resolve(s->self->host, 0, &s->source, 1, &count);
}

static int attach_workers(struct server *s)
{
	int rc = 0;

	for (size_t i = 0; i < s->worker_count && !rc; i++) {
		struct worker_options options = {
			.reactor = s->worker_seats[i].reactor,
			.store = s->store,
			.neighbours = s->neighbours,
			.flood = s->flood,
			.places = s->places,
			.workers = s->workers,
			.worker_count = s->worker_count,
			.log = s->worker_seats[i].log,
			.conf = s->conf,
			.server = s->self->name,
			.on_drained = stop_worker_drained,
			.arg = s};

		rc = worker_new(&options, &s->workers[i]);
	}
	return rc;
}

static int attach_flood(struct server *s)
{
	struct flood_options options = {.reactor = s->flood_seat.reactor,
		.store = s->store,
		.neighbours = s->neighbours,
		.log = s->flood_seat.log,
		.conf = s->conf,
		.source = s->has_source ? &s->source : NULL,
		.on_drained = stop_flood_drained,
		.arg = s};

	return flood_new(&options, &s->flood);
}

static int attach_acceptor(struct server *s)
{
	struct acceptor_options options = {.reactor = s->acceptor_seat.reactor,
		.listeners = s->listeners.fd,
		.listener_count = s->listeners.count,
		.workers = s->workers,
		.worker_count = s->worker_count,
		.worker_cpus = s->pinned ? s->worker_cpus : NULL,
		.neighbours = s->neighbours,
		.log = s->acceptor_seat.log,
		.connections = s->connections,
		.on_closed = stop_acceptor_closed,
		.arg = s};

	return acceptor_new(&options, &s->acceptor);
}

static int make_neighbours(struct server *s, char *error)
{
	int rc = neighbours_new(
		s->conf, (size_t)(s->self - s->conf->servers), &s->neighbours);

	if (rc == -ENOSPC)
		snprintf(error, CONF_ERROR_MAX,
			"%s has more than %d neighbours", s->self->name,
			NEIGHBOURS_MAX);
	return rc;
}

/* Order matters in the single-threaded design: workers before flood, flood
 * before the logger, so that a round's news leaves in that round. */
static int attach_roles(struct server *s, char *error)
{
	struct text secret = {s->secret.bytes, s->secret.len};
	struct store_options options = {
		.shared = !s->conf->single, .seed = store_seed_of(secret)};
	int rc = store_new(&options, &s->store);

	if (!rc)
		rc = make_neighbours(s, error);
	if (!rc) {
		neighbours_set_secret(s->neighbours, secret);
		server_resolve_neighbours(s);
		rc = attach_flood(s);
	}
	if (!rc)
		rc = attach_workers(s);
	if (!rc)
		rc = attach_acceptor(s);
	if (!rc)
		flood_start(s->flood);
	if (!rc)
		rc = logger_new(s->log, s->log_seat.reactor, s->log_seat.log,
			&s->logger);
	return rc;
}

static int attach_control(struct server *s, char *error)
{
	struct control_options options = {.reactor = s->main.reactor,
		.store = s->store,
		.neighbours = s->neighbours,
		.flood = s->flood,
		.workers = s->workers,
		.worker_count = s->worker_count,
		.directory = conf_control_directory(s->conf),
		.server = s->self->name,
		.design = s->conf->single ? "single" : "threaded"};

	return control_new(&options, &s->control, error);
}

int server_new(const struct conf *conf, size_t self, struct server **ret_server,
	char *error)
{
	struct server *s = sys_alloc_zero(1, sizeof *s);
	int rc;

	if (!s) {
		snprintf(error, CONF_ERROR_MAX, "%s", sys_error_text(-ENOMEM));
		return -ENOMEM;
	}
	s->conf = conf;
	s->self = &conf->servers[self];
	s->signals.fd = -1;
	s->deadline.on_due = stop_on_deadline;
	s->main_hook.on_round = on_main_round;
	*error = '\0';
	rc = server_check_trust(conf, error);
	if (!rc)
		rc = server_read_secret(conf, &s->secret, error);
	if (!rc)
		rc = server_check_descriptors(conf, &s->connections, error);
	if (!rc)
		rc = open_log(s, error);
	if (!rc)
		rc = listeners_open(s->self, &s->listeners, error);
	if (!rc)
		rc = plan_workers(s);
	if (!rc)
		rc = make_seats(s);
	if (!rc)
		rc = signals_open(s);
	if (!rc)
		rc = reload_init(s);
	if (!rc)
		rc = places_common_new(conf, !conf->single, s->worker_count,
			&s->places, error);
	if (!rc) {
		find_source(s);
		reactor_hook_add(s->main.reactor, &s->main_hook);
		rc = attach_roles(s, error);
	}
	if (!rc)
		rc = attach_control(s, error);
	if (rc) {
		if (!*error)
			snprintf(error, CONF_ERROR_MAX, "%s",
				sys_error_text(rc));
		server_free(s);
		return rc;
	}
	*ret_server = s;
	return 0;
}

/* --- running -------------------------------------------------------------- */

static void run_reactor(void *arg)
{
	reactor_run(arg);
}

static int start_seat(
	struct server *s, struct seat *seat, const char *name, int cpu)
{
	int rc;

	if (s->conf->single)
		return 0;
	rc = thread_start(&seat->thread, name, cpu, run_reactor, seat->reactor);
	seat->running = !rc;
	return rc;
}

static int start_threads(struct server *s)
{
	char name[sizeof s->main.thread.name];
	int rc = start_seat(s, &s->log_seat, "log", -1);

	if (!rc)
		rc = start_seat(s, &s->flood_seat, "flood", -1);
	for (size_t i = 0; i < s->worker_count && !rc; i++) {
		snprintf(name, sizeof name, "worker %u", (unsigned)i % 10000);
		rc = start_seat(s, &s->worker_seats[i], name,
			s->pinned ? s->worker_cpus[i] : -1);
	}
	return rc ? rc : start_seat(s, &s->acceptor_seat, "acceptor", -1);
}

/* What one server is told, the whole herd believes. */
static bool any_is_plain(const struct conf *conf)
{
	for (size_t i = 0; i < conf->server_count; i++)
		if (conf->servers[i].plain && conf->servers[i].neighbour_count)
			return true;
	return false;
}

static void say_whom_we_trust(struct server *s)
{
	if (s->secret.len)
		server_say(s, LOG_PROVING,
			"neighbours prove who they are; what they then say is "
			"not encrypted");
	else
		server_say(s, LOG_TRUSTING,
			"any program on a neighbour's machine can forge "
			"locations");
	if (any_is_plain(s->conf))
		server_say(s, LOG_FORGEABLE,
			"any program at the address of one can forge "
			"locations, which no secret prevents");
}

static void say_what_runs(struct server *s)
{
	const char *url = places_common_url(s->places);

	server_say(s, LOG_STARTED, s->about);
	if (s->self->neighbour_count)
		say_whom_we_trust(s);
	if (url)
		log_write(s->main.log, LOG_PLACES_PROVIDER,
			&(struct log_facts){.name = s->conf->places.provider,
				.bytes = text_of(url)});
	else
		server_say(s, LOG_PLACES_NOBODY,
			"neither places.url nor places.key_file is set");
	if (s->connections < s->conf->limits.connections)
		log_write(s->main.log, LOG_LOWERED,
			&(struct log_facts){.number = {s->connections}});
	for (size_t i = 0; i < s->listeners.count; i++) {
		struct address at = {0};
		socklen_t len = sizeof at;

		(void)getsockname(s->listeners.fd[i], &at.any, &len);
		log_write(s->main.log, LOG_SERVING,
			&(struct log_facts){.address = &at});
	}
	log_flush(s->main.log);
}

void server_tell_ready(struct server *s, const char *remark)
{
	char state[STATE_ROOM];

	snprintf(state, sizeof state, "READY=1\nSTATUS=Serving: %s%s", s->about,
		remark);
	server_tell_manager(s, state);
}

int server_run(struct server *s, char *error)
{
	int rc;

	say_what_runs(s);
	rc = start_threads(s);
	if (rc)
		snprintf(error, CONF_ERROR_MAX, "cannot start a thread: %s",
			sys_error_text(rc));
	else {
		server_tell_ready(s, "");
		reactor_run(s->main.reactor);
	}
	stop_threads(s);
	return rc;
}

static void free_seat(struct server *s, struct seat *seat)
{
	if (seat == &s->main || seat->reactor != s->main.reactor)
		reactor_free(seat->reactor);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	control_free(s->control);
	acceptor_free(s->acceptor);
	for (size_t i = 0; s->workers && i < s->worker_count; i++)
		worker_free(s->workers[i]);
	places_common_free(s->places);
	flood_free(s->flood);
	logger_free(s->logger);
	neighbours_free(s->neighbours);
	store_free(s->store);
	if (!s->acceptor) /* else they were the acceptor's */
		listeners_close(&s->listeners);
	for (size_t i = 0; s->worker_seats && i < s->worker_count; i++)
		free_seat(s, &s->worker_seats[i]);
	free_seat(s, &s->acceptor_seat);
	free_seat(s, &s->flood_seat);
	free_seat(s, &s->log_seat);
	free_seat(s, &s->main);
	if (s->signals.fd >= 0)
		close(s->signals.fd);
	log_free(s->log);
	secret_file_fini(&s->secret);
	reload_fini(s);
	sys_free(s->workers);
	sys_free(s->worker_seats);
	sys_free(s);
}
