/* herd_file - a herd's directory, the texts it keeps for its test, and the
 * janitor.
 *
 * A test may fail, crash or be killed by Check at any moment, and an assertion
 * that fails ends its process on the spot. So the report of a failure is left
 * to a process in a group of its own, which waits for the end of the test and
 * knows from one byte whether it was a success. */
#include "herd_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- text ----------------------------------------------------------------- */

static char *block_new(struct herd *h, size_t len)
{
	struct block *block = malloc(sizeof *block + len + 1);

	ck_assert_ptr_nonnull(block);
	block->next = h->blocks;
	h->blocks = block;
	block->bytes[len] = '\0';
	return block->bytes;
}

struct text herd_keep(struct herd *h, struct text bytes)
{
	char *copy = block_new(h, bytes.len);

	if (bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	return (struct text){copy, bytes.len};
}

const char *herd_printf(struct herd *h, const char *format, ...)
{
	va_list args;
	char *text;
	char *kept;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	ck_assert_int_ge(len, 0);
	kept = block_new(h, (size_t)len);
	memcpy(kept, text, (size_t)len);
	free(text);
	return kept;
}

/* Not by strstr, which sanitizers have look at the whole rest each time. */
size_t herd_count(const char *haystack, const char *needle)
{
	size_t len = strlen(needle);
	size_t count = 0;

	for (; (haystack = strchr(haystack, *needle)); haystack++)
		count += !strncmp(haystack, needle, len);
	return count;
}

/* --- files ---------------------------------------------------------------- */

const char *herd_dir(const struct herd *h)
{
	return h->dir;
}

const char *herd_path(struct herd *h, const char *file)
{
	return herd_printf(h, "%s/%s", h->dir, file);
}

const char *herd_write(struct herd *h, const char *file, const char *text)
{
	const char *path = herd_path(h, file);
	FILE *stream = fopen(path, "we");

	ck_assert_msg(stream, "%s: %s", path, strerror(errno));
	fputs(text, stream);
	ck_assert_int_eq(fclose(stream), 0);
	return path;
}

const char *herd_read_stream(struct herd *h, FILE *stream)
{
	char chunk[4096];
	char *all = NULL;
	size_t all_len = 0;
	FILE *memory = open_memstream(&all, &all_len);
	const char *text;
	size_t len;

	while ((len = fread(chunk, 1, sizeof chunk, stream))) {
		for (size_t i = 0; i < len; i++) {
			if (!chunk[i])
				chunk[i] = '?';
		}
		fwrite(chunk, 1, len, memory);
	}
	fclose(memory);
	text = herd_keep(h, (struct text){all, all_len}).ptr;
	free(all);
	return text;
}

const char *herd_read(struct herd *h, const char *file)
{
	FILE *stream = fopen(herd_path(h, file), "re");
	const char *text;

	if (!stream)
		return "";
	text = herd_read_stream(h, stream);
	fclose(stream);
	return text;
}

/* Logs are read over and over while a test waits; what was read before the
 * last time is of no use to anyone. */
size_t herd_count_in_file(struct herd *h, const char *file, const char *text)
{
	struct block *before = h->blocks;
	size_t count = herd_count(herd_read(h, file), text);

	while (h->blocks != before) {
		struct block *block = h->blocks;

		h->blocks = block->next;
		free(block);
	}
	return count;
}

/* --- the janitor ---------------------------------------------------------- */

static void remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

/* The last 4 KiB of a file to stderr. */
static void print_tail(int dir_fd, const char *file)
{
	char tail[4096];
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > (off_t)sizeof tail)
		lseek(fd, -(off_t)sizeof tail, SEEK_END);
	len = read(fd, tail, sizeof tail);
	if (len > 0)
		fprintf(stderr, "--- %s\n%.*s\n", file, (int)len, tail);
	close(fd);
}

static void report_failure(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	fprintf(stderr, "=== a test failed; its files are in %s\n", path);
	while (dir && (entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');

		if (end && (!strcmp(end, ".stderr") || !strcmp(end, ".log")))
			print_tail(dirfd(dir), entry->d_name);
	}
}

void herd_start_janitor(struct herd *h)
{
	int ends[2];
	char verdict;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	h->janitor = fork();
	ck_assert_int_ge(h->janitor, 0);
	if (!h->janitor) {
		/* Out of the group that Check kills after a test. */
		setpgid(0, 0);
		close(ends[1]);
		if (read(ends[0], &verdict, 1) == 1)
			remove_dir(h->dir);
		else
			report_failure(h->dir);
		_exit(0);
	}
	setpgid(h->janitor, h->janitor);
	close(ends[0]);
	h->verdict_fd = ends[1];
}

void herd_finish_janitor(struct herd *h)
{
	ck_assert_int_eq(write(h->verdict_fd, "", 1), 1);
	close(h->verdict_fd);
	waitpid(h->janitor, NULL, 0);
}
