/* probe - see the header. */
#include "probe.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys_fault.h"

#define RING_SIZE ((size_t)16 * 1024)

static char directory[64];
char probe_path[96];
size_t probe_blocks;

const struct log_options probe_everything = {
	.level = LOG_DEBUG, .messages = true};

void probe_set_up(void)
{
	sys_fault_reset();
	probe_blocks = sys_fault_blocks();
	snprintf(directory, sizeof directory, "/tmp/herd-log-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(probe_path, sizeof probe_path, "%s/Goloman.log", directory);
}

void probe_tear_down(void)
{
	ck_assert_uint_eq(sys_fault_blocks(), probe_blocks);
	unlink(probe_path);
	ck_assert_int_eq(rmdir(directory), 0);
}

struct log *probe_open(struct log_options options)
{
	struct log *log;

	options.path = probe_path;
	if (options.ring_size == 0)
		options.ring_size = RING_SIZE;
	ck_assert_int_eq(log_new(&options, &log), 0);
	return log;
}

struct log_ring *probe_ring(struct log *log)
{
	struct log_ring *ring;

	ck_assert_int_eq(log_ring_new(log, &ring), 0);
	return ring;
}

char *probe_read(const char *file, size_t *ret_len)
{
	FILE *f = fopen(file, "r");
	char *text = NULL;
	size_t room = 0;

	ck_assert_ptr_nonnull(f);
	ssize_t len = getdelim(&text, &room, EOF, f);
	fclose(f);
	if (len < 0) {
		len = 0;
		text = realloc(text, 1);
		text[0] = '\0';
	}
	if (ret_len)
		*ret_len = (size_t)len;
	return text;
}

void probe_expect(const char *file, const char *expected)
{
	char *text = probe_read(file, NULL);

	ck_assert_str_eq(text, expected);
	free(text);
}

void probe_write_at(struct log_ring *ring, int64_t second, const char *name)
{
	log_write(ring, LOG_PEER_ACCEPTED,
		&(struct log_facts){
			.time_ns = second * HERD_SECOND_NS, .name = name});
}

void probe_write_numbered(struct log_ring *ring, const char *name, int number)
{
	char bytes[400];
	int len = snprintf(bytes, sizeof bytes, "%d %.*s", number,
		number * 37 % 301,
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

	log_write(ring, LOG_PEER_RECEIVED,
		&(struct log_facts){
			.name = name, .bytes = {bytes, (size_t)len}});
}

static void tally_line(const char *line, struct probe_tally *tally)
{
	unsigned producer;
	int number, len;
	uint64_t dropped;
	const char *facts = strchr(line, ' ');

	if (facts && sscanf(facts, " info received from %u: %d %n", &producer,
			     &number, &len) == 2) {
		/* Whole, and later than all before. */
		ck_assert_uint_lt(producer, PROBE_PRODUCERS);
		ck_assert_int_ge(number, (int)tally->seen[producer]);
		ck_assert_uint_eq(
			strlen(facts + len), (size_t)(number * 37 % 301));
		tally->seen[producer]++;
	} else if (facts && sscanf(facts, " error lines dropped: %lu (",
				    &dropped) == 1) {
		tally->dropped += dropped;
	} else {
		tally->odd++;
	}
}

struct probe_tally probe_tally(void)
{
	struct probe_tally tally = {.odd = 0};
	char *text = probe_read(probe_path, NULL);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		tally_line(line, &tally);
	free(text);
	return tally;
}
