/* digests - see digests.h. */
#include "digests.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "herd/conn.h"
#include "herd/control_client.h"
#include "herd/sys.h"

#define TIMEOUT_MS 10000
#define DIGEST     "digest "

static int ask(const struct conf *conf, size_t server, uint64_t *ret_digest,
	char *error)
{
	const char *name = conf->servers[server].name;
	struct buf reply;
	struct text rest, line;
	int rc = control_ask(conf_control_directory(conf), name, "STATUS",
		TIMEOUT_MS, &reply, error);

	if (rc)
		return rc;
	rest = buf_text(&reply);
	rc = -EPROTO;
	while (rc && conn_take_line(&rest, &line))
		if (line.len > strlen(DIGEST) &&
			!memcmp(line.ptr, DIGEST, strlen(DIGEST)) &&
			sscanf(line.ptr + strlen(DIGEST), "%" SCNx64,
				ret_digest) == 1)
			rc = 0;
	buf_fini(&reply);
	if (rc)
		snprintf(error, CONF_ERROR_MAX, "%s: its status has no digest",
			name);
	return rc;
}

int digests_find(
	const struct conf *conf, struct digests *ret_digests, char *error)
{
	struct digests d = {.conf = conf};
	uint64_t digest;
	int rc = 0;

	d.servers = sys_alloc_zero(conf->server_count, sizeof *d.servers);
	if (!d.servers) {
		snprintf(error, CONF_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; !rc && i < conf->server_count; i++) {
		rc = ask(conf, i, &digest, error);
		if (!rc)
			d.servers[d.count++] = i;
		else if (rc == -ENOENT || rc == -ECONNREFUSED)
			rc = 0;
	}
	if (rc)
		digests_free(&d);
	else
		*ret_digests = d;
	return rc;
}

void digests_free(struct digests *d)
{
	sys_free(d->servers);
	*d = (struct digests){0};
}

int digests_agree(const struct digests *d, bool *ret_agree, char *error)
{
	uint64_t first = 0;
	bool agree = true;
	int rc = 0;

	for (size_t i = 0; !rc && i < d->count && agree; i++) {
		uint64_t digest;

		rc = ask(d->conf, d->servers[i], &digest, error);
		if (!i)
			first = digest;
		agree = digest == first;
	}
	if (!rc)
		*ret_agree = agree;
	return rc;
}
