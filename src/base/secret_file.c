/* secret_file - from a path to its contents, or to one line that says why not;
 * see secret_file.h. */
#include "herd/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "herd/sys.h"

#define ROOM      ((size_t)SECRET_FILE_MAX + 1) /* one too many is noticed */
#define OF_OTHERS (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)

static const char spaces[6] = {' ', '\t', '\r', '\n', '\f', '\v'};

/* Each of these says what is wrong, for people; NULL: nothing. */

static const char *check_kind(int fd, bool only_owner)
{
	struct stat st;

	if (fstat(fd, &st))
		return sys_error_text(-errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (only_owner && (st.st_mode & OF_OTHERS))
		return "others than its owner may read or write it";
	return NULL;
}

static const char *take_contents(int fd, struct secret_file *secret)
{
	ssize_t n;

	do {
		n = sys_read(
			fd, secret->bytes + secret->len, ROOM - secret->len);
		if (n < 0)
			return sys_error_text((int)n);
		secret->len += (size_t)n;
	} while (n > 0 && secret->len < ROOM);
	if (secret->len == ROOM)
		return "too long";
	while (secret->len &&
		memchr(spaces, secret->bytes[secret->len - 1], sizeof spaces))
		secret->len--;
	return NULL;
}

static const char *read_file(
	const char *path, bool only_owner, struct secret_file *secret)
{
	/* Not to wait for the other end of a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong;

	if (fd < 0)
		return sys_error_text(-errno);
	wrong = check_kind(fd, only_owner);
	if (!wrong)
		wrong = take_contents(fd, secret);
	close(fd);
	return wrong;
}

/* Where a service manager would have put it. */
static bool find_credential(const char *path, char handed[PATH_MAX])
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const char *slash = strrchr(path, '/');
	int n;

	if (!folder)
		return false;
	n = snprintf(
		handed, PATH_MAX, "%s/%s", folder, slash ? slash + 1 : path);
	return n > 0 && n < PATH_MAX && !access(handed, F_OK);
}

int secret_file_read(const char *path, const struct secret_file_rule *rule,
	struct secret_file *ret_secret, char *error, size_t room)
{
	struct secret_file secret = {.bytes = sys_alloc(ROOM)};
	char handed[PATH_MAX];
	const char *from = path;
	const char *wrong = NULL;

	if (!secret.bytes) {
		wrong = sys_error_text(-ENOMEM);
	} else if (find_credential(path, handed)) {
		from = handed;
		wrong = read_file(from, false, &secret);
	}
	if (!wrong && !secret.len) {
		from = path;
		wrong = read_file(path, rule->only_owner, &secret);
	}
	if (!wrong && secret.len < rule->min)
		wrong = secret.len ? "too short" : "empty";
	if (!wrong) {
		*ret_secret = secret;
		return 0;
	}
	secret_file_fini(&secret);
	snprintf(error, room, "%s = \"%.500s\" cannot be used: %s; %s",
		rule->option, from, wrong, rule->right);
	return -EINVAL;
}

void secret_file_fini(struct secret_file *secret)
{
	if (secret->bytes)
		explicit_bzero(secret->bytes, ROOM);
	sys_free(secret->bytes);
	*secret = (struct secret_file){0};
}
