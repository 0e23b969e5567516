/* secret_file - a small file whose contents nobody else should know: a key, or
 * the secret that a herd shares.
 *
 * A service manager may hand over other contents: what $CREDENTIALS_DIRECTORY
 * holds under the file's own name is taken instead, unless it is blank. White
 * space at the end never counts.
 *
 * Threads: start-up only. */
#ifndef HERD_SECRET_FILE_H
#define HERD_SECRET_FILE_H

#include "herd/base.h"

#define SECRET_FILE_MAX 4096 /* bytes, white space at the end included */

struct secret_file {
	char *bytes; /* not terminated; NULL: none */
	size_t len;
};

/* What the file must be like. */
struct secret_file_rule {
	const char *option; /* that names it, for the error, and */
	const char *right;  /* what would be right */
	size_t min;         /* bytes, at least 1 */
	bool only_owner;    /* nobody else may read or write it; credentials
			     * are the service manager's to guard */
};

/* The caller ends the secret with secret_file_fini. 0; -EINVAL, and in
 * error[room] one line for people. */
HERD_MUST_CHECK int secret_file_read(const char *path,
	const struct secret_file_rule *rule, struct secret_file *ret_secret,
	char *error, size_t room);

/* Overwrite and free; what is left is all-zero, which is fine here too. */
void secret_file_fini(struct secret_file *secret);

#endif
