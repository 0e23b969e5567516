/* inspect - herdctl's looks into servers; see the header. */
#include "herd/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "herd/control_client.h"
#include "herd/dump.h"
#include "herd/status.h"
#include "herd/sys.h"

static int complain(const char *error)
{
	fprintf(stderr, "herdctl: %s\n", error);
	return EXIT_FAILURE;
}

static int ask(const struct inspect *in, const char *server,
	const char *request, struct buf *ret_reply, char *error)
{
	return control_ask(conf_control_directory(in->conf), server, request,
		in->timeout_ms, ret_reply, error);
}

int inspect_dump(const struct inspect *in)
{
	const char *server =
		in->count ? in->names[0] : in->conf->servers[0].name;
	char error[CONF_ERROR_MAX];
	struct buf reply = {0};
	int rc = ask(in, server, "DUMP", &reply, error);

	if (rc)
		return complain(error);
	rc = dump_print(buf_text(&reply), stdout);
	buf_fini(&reply);
	if (!rc)
		return EXIT_SUCCESS;
	snprintf(error, sizeof error, "%s: %s", server,
		rc == -EBADMSG ? "what it sent are no AT lines"
			       : sys_error_text(rc));
	return complain(error);
}

/* --- status --------------------------------------------------------------- */

/* Append one server's reply; the exit status so far. */
static int add_status(const struct inspect *in, const char *server,
	bool may_be_elsewhere, struct buf *replies)
{
	char error[CONF_ERROR_MAX];
	struct buf reply = {0};
	int rc = ask(in, server, "STATUS", &reply, error);

	if (rc == -ENOENT && may_be_elsewhere)
		return EXIT_SUCCESS;
	if (rc)
		return complain(error);
	rc = buf_append_text(replies, buf_text(&reply));
	buf_fini(&reply);
	return rc ? complain(sys_error_text(rc)) : EXIT_SUCCESS;
}

static int show(struct text replies, bool raw)
{
	struct buf out = {0};
	int rc = raw ? buf_append_text(&out, replies)
		     : status_table(replies, &out);

	errno = EIO; /* for a stream that does not tell */
	if (!rc && (fwrite(buf_text(&out).ptr, 1, buf_len(&out), stdout) !=
				   buf_len(&out) ||
			   fflush(stdout)))
		rc = -errno;
	buf_fini(&out);
	return rc ? complain(sys_error_text(rc)) : EXIT_SUCCESS;
}

int inspect_status(const struct inspect *in)
{
	char error[CONF_ERROR_MAX];
	struct buf replies = {0};
	int code = EXIT_SUCCESS;
	int shown;

	for (size_t i = 0; i < in->count; i++)
		code |= add_status(in, in->names[i], false, &replies);
	for (size_t i = 0; !in->count && i < in->conf->server_count; i++)
		code |= add_status(
			in, in->conf->servers[i].name, true, &replies);
	if (!buf_len(&replies) && !code) {
		snprintf(error, sizeof error,
			"no server of %.400s runs here (no socket in %.400s)",
			in->conf->path, conf_control_directory(in->conf));
		return complain(error);
	}
	shown = show(buf_text(&replies), in->raw);
	buf_fini(&replies);
	return code | shown;
}
