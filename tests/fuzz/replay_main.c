/* replay_main - runs a fuzzer's corpus where there is no libFuzzer.
 *
 * `fuzz_<m>` without arguments feeds every file of tests/fuzz/corpus/<m>/ to
 * the fuzzer once, so that each input that ever broke something is tried in
 * every `make check`; with arguments, those files (to look at one crash). */
#include "herd/base.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes go into a block of exactly their size: reading one too many is
 * then seen by the address sanitizer. */
static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat info;
	size_t size;
	int error = 0;

	if (!file || fstat(fileno(file), &info) < 0) {
		error = -errno;
		goto out_close;
	}
	size = (size_t)info.st_size;
	data = malloc(size);
	if (size > 0 && (!data || fread(data, 1, size, file) != size)) {
		error = data ? -EIO : -ENOMEM;
		goto out_free;
	}
	(void)LLVMFuzzerTestOneInput(data, size);
out_free:
	free(data);
out_close:
	if (file)
		fclose(file);
	return error;
}

/* Replay every file of the folder, going there. How many, or -errno. */
static int replay_corpus(const char *folder)
{
	DIR *dir;
	int count = 0;
	int error = 0;

	if (chdir(folder) < 0)
		return -errno;
	dir = opendir(".");
	if (!dir)
		return -errno;
	for (struct dirent *entry; !error && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		error = replay_file(entry->d_name);
		count++;
	}
	closedir(dir);
	return error ? error : count;
}

/* tests/fuzz/fuzz_line or a path to it: "line". */
static const char *module_of(const char *program)
{
	const char *name = strrchr(program, '/');

	name = name ? name + 1 : program;
	return strncmp(name, "fuzz_", 5) ? name : name + 5;
}

int main(int argc, char **argv)
{
	const char *top = getenv("TOP_SRCDIR");
	char folder[4096];
	int count;

	for (int i = 1; i < argc; i++) {
		int error = replay_file(argv[i]);

		if (error) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-error));
			return 1;
		}
	}
	if (argc > 1)
		return 0;

	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s",
		top ? top : ".", module_of(argv[0]));
	count = replay_corpus(folder);
	if (count <= 0) {
		fprintf(stderr, "%s: %s\n", folder,
			count ? strerror(-count) : "no inputs");
		return 1;
	}
	printf("%d inputs replayed\n", count);
	return 0;
}
