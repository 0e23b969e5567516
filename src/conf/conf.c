/* conf - a file becomes a const struct conf, or one line that says why not.
 *
 * The file is read whole before libconfig sees it: libconfig ends the process
 * when a stream fails (a folder given as file). Whatever the configuration
 * points to is one chain of blocks, so that neither an error half-way nor
 * conf_free has to know what was made. */
#include "herd/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "conf_reader.h"
#include "herd/sys.h"

#define FILE_MAX 1048576 /* no herd needs a longer file; /dev/zero is one */

struct block {
	struct block *next;
	max_align_t payload[];
};

struct conf_box {
	struct conf conf;
	struct block *blocks;
};

int conf_complain(struct conf_reader *r, int line, const char *format, ...)
{
	va_list args;
	size_t len;

	r->error[0] = '\0';
	conf_append(r->error, CONF_ERROR_MAX, "%s", r->path);
	if (line > 0)
		conf_append(r->error, CONF_ERROR_MAX, ":%d", line);
	conf_append(r->error, CONF_ERROR_MAX, ": ");
	len = strlen(r->error);
	va_start(args, format);
	vsnprintf(r->error + len, CONF_ERROR_MAX - len, format, args);
	va_end(args);
	/* Values are quoted as the file has them, and may hold any byte. */
	for (char *c = r->error; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -EINVAL;
}

/* The same for what is no fault of the file's contents. */
static int complain_errno(struct conf_reader *r, int rc)
{
	(void)!conf_complain(r, 0, "%s", sys_error_text(rc));
	return rc;
}

void *conf_take(struct conf_reader *r, size_t count, size_t size)
{
	struct block *block = NULL;
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes) &&
		!__builtin_add_overflow(bytes, sizeof *block, &bytes))
		block = sys_alloc_zero(1, bytes);
	if (!block) {
		(void)!complain_errno(r, -ENOMEM);
		return NULL;
	}
	block->next = r->box->blocks;
	r->box->blocks = block;
	return block->payload;
}

const char *conf_take_text(
	struct conf_reader *r, struct text head, const char *tail)
{
	size_t tail_len = strlen(tail);
	char *copy = conf_take(r, head.len + tail_len + 1, 1);

	if (copy) {
		memcpy(copy, head.ptr, head.len);
		memcpy(copy + head.len, tail, tail_len);
	}
	return copy;
}

static void free_box(struct conf_box *box)
{
	while (box->blocks) {
		struct block *block = box->blocks;

		box->blocks = block->next;
		sys_free(block);
	}
	sys_free(box);
}

void conf_free(struct conf *conf)
{
	if (conf)
		free_box(HERD_CONTAINER(conf, struct conf_box, conf));
}

/* Set conf->path and the folder that relative paths start from. */
static int take_path(struct conf_reader *r)
{
	struct conf *conf = &r->box->conf;
	char here[PATH_MAX + 1] = "";

	if (*r->path != '/') {
		if (!getcwd(here, PATH_MAX)) {
			int rc = -errno;

			(void)!conf_complain(r, 0, "the folder it is in: %s",
				sys_error_text(rc));
			return rc;
		}
		if (strcmp(here, "/") != 0)
			conf_append(here, sizeof here, "/");
	}
	conf->path = conf_take_text(r, text_of(here), r->path);
	if (!conf->path)
		return -ENOMEM;
	r->folder = (struct text){conf->path,
		(size_t)(strrchr(conf->path, '/') + 1 - conf->path)};
	return 0;
}

/* The whole stream, NUL added, to be freed with sys_free. */
static int read_stream(
	struct conf_reader *r, FILE *stream, char **ret_text, size_t *ret_len)
{
	char *text = sys_alloc(FILE_MAX + 1);
	size_t len;
	int rc;

	if (!text)
		return complain_errno(r, -ENOMEM);
	errno = 0;
	len = fread(text, 1, FILE_MAX + 1, stream);
	if (ferror(stream)) {
		rc = complain_errno(r, errno ? -errno : -EIO);
		goto out_free;
	}
	if (len > FILE_MAX) {
		rc = conf_complain(r, 0,
			"longer than %d bytes; this is no configuration file",
			FILE_MAX);
		goto out_free;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;

out_free:
	sys_free(text);
	return rc;
}

/* What libconfig says of a file it cannot read, and what would be right. */
static int complain_syntax(struct conf_reader *r, const config_t *config)
{
	const char *what = config_error_text(config);
	const char *right = "look in this line and the one before: options "
			    "read NAME = VALUE; servers are separated by ',' "
			    "with none after the last, texts stand in double "
			    "quotes";

	if (strstr(what, "duplicate"))
		right = "an option may stand once";
	else if (strstr(what, "array"))
		right = "the values in [ ] are all of one type";
	return conf_complain(
		r, config_error_line(config), "%s; %s", what, right);
}

static int read_text(struct conf_reader *r, const char *text, size_t len)
{
	config_t config;
	int rc = conf_scan(r, text, len);

	if (rc)
		return rc;
	config_init(&config);
	if (config_read_string(&config, text) == CONFIG_TRUE) {
		conf_set_defaults(&conf_table, &r->box->conf);
		rc = conf_read_group(r, &conf_table, "",
			config_root_setting(&config), &r->box->conf);
	} else {
		rc = complain_syntax(r, &config);
	}
	config_destroy(&config);
	return rc;
}

int conf_read_stream(
	FILE *stream, const char *path, struct conf **ret_conf, char *error)
{
	struct conf_reader r = {.path = path, .error = error};
	char *text = NULL;
	size_t len = 0;
	int rc = read_stream(&r, stream, &text, &len);

	if (rc)
		return rc;
	r.box = sys_alloc_zero(1, sizeof *r.box);
	if (!r.box) {
		rc = complain_errno(&r, -ENOMEM);
		goto out_free_text;
	}
	rc = take_path(&r);
	if (!rc)
		rc = read_text(&r, text, len);
	if (rc)
		free_box(r.box);
	else
		*ret_conf = &r.box->conf;
out_free_text:
	sys_free(text);
	return rc;
}

int conf_read(const char *path, struct conf **ret_conf, char *error)
{
	struct conf_reader r = {.path = path, .error = error};
	FILE *stream = fopen(path, "re");
	int rc;

	if (!stream && errno == ENOENT) {
		(void)!conf_complain(&r, 0, "%s (-c FILE names another)",
			sys_error_text(-ENOENT));
		return -ENOENT;
	}
	if (!stream)
		return complain_errno(&r, -errno);
	rc = conf_read_stream(stream, path, ret_conf, error);
	fclose(stream);
	return rc;
}

void conf_list_servers(const struct conf *conf, char *dst, size_t room)
{
	/* Past this, one more name would leave no room for the dots. */
	size_t enough = room - sizeof ", ..." - strlen(", ") - CONF_NAME_MAX;

	dst[0] = '\0';
	for (size_t i = 0; i < conf->server_count; i++) {
		if (strlen(dst) > enough) {
			conf_append(dst, room, ", ...");
			return;
		}
		conf_append(dst, room, "%s%s", i ? ", " : "",
			conf->servers[i].name);
	}
}

int conf_find_server(const struct conf *conf, const char *name,
	size_t *ret_index, char *error)
{
	struct conf_reader r = {.path = conf->path, .error = error};
	char known[CONF_ERROR_MAX / 2];

	for (size_t i = 0; i < conf->server_count; i++) {
		if (!strcmp(conf->servers[i].name, name)) {
			*ret_index = i;
			return 0;
		}
	}
	conf_list_servers(conf, known, sizeof known);
	(void)!conf_complain(
		&r, 0, "no server %.80s; there are %s", name, known);
	return -ENOENT;
}
