/* handshake - who says hello to whom, as pure decisions; see handshake.h. */
#include "herd/handshake.h"

#include <stdio.h>

/* A version as sent ("1", "01") is ours if its number is. */
static bool is_our_version(struct text version)
{
	while (version.len > 1 && *version.ptr == '0') {
		version.ptr++;
		version.len--;
	}
	return version.len == 1 && *version.ptr == '0' + LINE_HELLO_VERSION;
}

size_t handshake_hello(const struct neighbours *nb, size_t which, char *dst)
{
	struct text boot = neighbours_boot(nb);
	int n = snprintf(dst, HANDSHAKE_HELLO_MAX, "HERD %d %s %s %.*s\n",
		LINE_HELLO_VERSION, neighbours_self(nb)->name,
		neighbours_server(nb, which)->name, (int)boot.len, boot.ptr);

	HERD_ASSERT(n > 0 && n < HANDSHAKE_HELLO_MAX);
	return (size_t)n;
}

enum handshake_verdict handshake_judge(struct neighbours *nb,
	const struct line *hello, const struct address *address,
	size_t *ret_which)
{
	if (!text_equal(hello->hello.to, text_of(neighbours_self(nb)->name)) ||
		!neighbours_find(nb, hello->hello.from, ret_which) ||
		!neighbours_is_from(nb, *ret_which, address))
		return HANDSHAKE_INVALID;
	return is_our_version(hello->hello.version) ? HANDSHAKE_LINK
						    : HANDSHAKE_VERSION;
}

const char *handshake_refusal(
	const struct neighbours *nb, size_t which, const struct line *answer)
{
	if (answer->verb != LINE_HELLO)
		return "it refused our hello";
	if (!text_equal(answer->hello.from,
		    text_of(neighbours_server(nb, which)->name)) ||
		!text_equal(
			answer->hello.to, text_of(neighbours_self(nb)->name)))
		return "another server answers there";
	if (!is_our_version(answer->hello.version))
		return "it speaks another version of the link protocol";
	return NULL;
}
