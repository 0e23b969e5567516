/* fuzz_conf - any bytes as a configuration file: refused with one line, or
 * read into a graph whose edges run both ways. */
#include "herd/conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 loses the text before a syntax error ('a "b"'), some bytes once
 * per program start. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static bool is_neighbour(const struct conf_server *server, size_t index)
{
	for (size_t i = 0; i < server->neighbour_count; i++)
		if (server->neighbours[i] == index)
			return true;
	return false;
}

static void check_conf(const struct conf *conf)
{
	char error[CONF_ERROR_MAX];
	size_t found;

	HERD_ASSERT(conf->server_count > 0);
	for (size_t i = 0; i < conf->server_count; i++) {
		const struct conf_server *s = &conf->servers[i];
		int result = conf_find_server(conf, s->name, &found, error);

		HERD_ASSERT(result == 0 && found == i);
		HERD_ASSERT(s->port > 0 && s->line > 0 && s->host[0]);
		for (size_t j = 0; j < s->neighbour_count; j++) {
			size_t other = s->neighbours[j];

			HERD_ASSERT(other < conf->server_count && other != i);
			HERD_ASSERT(j == 0 || s->neighbours[j - 1] < other);
			HERD_ASSERT(is_neighbour(&conf->servers[other], i));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One more, as a stream of no bytes may not be opened. */
	char *bytes = malloc(size + 1);
	char error[CONF_ERROR_MAX] = "";
	struct conf *conf = NULL;
	FILE *stream;
	int result;

	HERD_ASSERT(bytes);
	memcpy(bytes, data, size);
	bytes[size] = '\n';
	stream = fmemopen(bytes, size + 1, "r");
	HERD_ASSERT(stream);
	result = conf_read_stream(stream, "/fuzz/herd.conf", &conf, error);
	fclose(stream);
	free(bytes);
	if (result == 0) {
		HERD_ASSERT(!*error);
		check_conf(conf);
		conf_free(conf);
	} else {
		HERD_ASSERT(!conf && *error && !strchr(error, '\n'));
	}
	return 0;
}
