/* hashes - see hashes.h. base64 itself is libcrypto's; it is given whole groups
 * of three hashes, whose 24 bytes need no padding, and the rest. */
#include "herd/hashes.h"

#include <endian.h>
#include <openssl/evp.h>

#define GROUP       3
#define GROUP_CHARS 32

/* Of a last group of so many hashes: characters, and padding among them. */
static const size_t chars_of[GROUP + 1] = {0, 12, 24, 32};
static const size_t padding_of[GROUP + 1] = {0, 1, 2, 0};

size_t hashes_put(const uint64_t *hashes, size_t count, char *dst)
{
	char *end = dst;

	for (size_t i = 0; i < count; i += GROUP) {
		size_t n = count - i < GROUP ? count - i : GROUP;
		uint64_t bytes[GROUP];

		for (size_t k = 0; k < n; k++)
			bytes[k] = htobe64(hashes[i + k]);
		end += EVP_EncodeBlock((unsigned char *)end,
			(const unsigned char *)bytes, (int)(n * sizeof *bytes));
	}
	*end = '\0';
	return (size_t)(end - dst);
}

bool hashes_count(size_t text_len, size_t *ret_count)
{
	size_t rest = text_len % GROUP_CHARS;

	for (size_t n = 0; n < GROUP; n++) {
		if (chars_of[n] != rest)
			continue;
		*ret_count = text_len / GROUP_CHARS * GROUP + n;
		return true;
	}
	return false;
}

/* One group. libcrypto takes white space and padding in more places than there
 * may be any. */
static bool take_group(const char *chars, size_t n, uint64_t *ret_hashes)
{
	size_t digits = chars_of[n] - padding_of[n];
	unsigned char bytes[GROUP * sizeof *ret_hashes + 2];

	for (size_t i = 0; i < chars_of[n]; i++)
		if ((chars[i] == '=') != (i >= digits) || chars[i] <= ' ')
			return false;
	if (EVP_DecodeBlock(
		    bytes, (const unsigned char *)chars, (int)chars_of[n]) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t hash;

		memcpy(&hash, bytes + i * sizeof hash, sizeof hash);
		ret_hashes[i] = be64toh(hash);
	}
	return true;
}

bool hashes_take(struct text text, uint64_t *ret_hashes)
{
	size_t count;

	if (!hashes_count(text.len, &count))
		return false;
	for (size_t i = 0; i < count; i += GROUP) {
		size_t n = count - i < GROUP ? count - i : GROUP;

		if (!take_group(text.ptr, n, ret_hashes + i))
			return false;
		text.ptr += chars_of[n];
	}
	return true;
}
