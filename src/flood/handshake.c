/* handshake - who says hello to whom, and who proves what; see handshake.h.
 *
 * A proof covers both hellos with their nonces and names, and which end speaks:
 * so it is good for one link in one direction only, and neither a recorded
 * handshake nor our own words sent back to us prove anything. */
#include "herd/handshake.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "herd/sys.h"

#define DIGEST_LEN (LINE_PROOF_LEN / 2)

/* --- hellos --------------------------------------------------------------- */

/* A version as sent ("1", "01") is ours if its number is. */
static bool is_our_version(struct text version)
{
	while (version.len > 1 && *version.ptr == '0') {
		version.ptr++;
		version.len--;
	}
	return version.len == 1 && *version.ptr == '0' + LINE_HELLO_VERSION;
}

int handshake_begin(
	const struct neighbours *nb, struct handshake *ret_handshake)
{
	unsigned char nonce[LINE_NONCE_LEN / 2];
	int rc = 0;

	*ret_handshake = (struct handshake){0};
	if (neighbours_secret(nb).len)
		rc = sys_random(nonce, sizeof nonce);
	if (!rc && neighbours_secret(nb).len)
		line_put_hex(nonce, sizeof nonce, ret_handshake->nonce);
	return rc;
}

size_t handshake_hello(const struct handshake *h, const struct neighbours *nb,
	size_t which, char *dst)
{
	struct text boot = neighbours_boot(nb);
	bool secret = neighbours_secret(nb).len;
	int n = snprintf(dst, HANDSHAKE_HELLO_MAX, "HERD %d %s %s %.*s%s%.*s\n",
		LINE_HELLO_VERSION, neighbours_self(nb)->name,
		neighbours_name(nb, which), (int)boot.len, boot.ptr,
		secret ? " " : "", secret ? LINE_NONCE_LEN : 0, h->nonce);

	HERD_ASSERT(n > 0 && n < HANDSHAKE_HELLO_MAX);
	return (size_t)n;
}

/* Why no link comes of a hello between the right servers; NULL: one does. */
static const char *find_mismatch(
	const struct neighbours *nb, const struct line *hello)
{
	bool secret = neighbours_secret(nb).len;

	if (!is_our_version(hello->hello.version))
		return "it speaks another version of the link protocol";
	if (secret && !hello->hello.nonce.len)
		return "it has no secret, and this server has one";
	if (!secret && hello->hello.nonce.len)
		return "it has a secret, and this server has none";
	return NULL;
}

enum handshake_verdict handshake_judge(struct neighbours *nb,
	const struct line *hello, const struct address *address,
	size_t *ret_which, const char **ret_why)
{
	struct text us = text_of(neighbours_self(nb)->name);

	*ret_which = NEIGHBOURS_STRANGER;
	if (!neighbours_find(nb, hello->hello.from, ret_which))
		*ret_why = "this server has no neighbour of that name";
	else if (!text_equal(hello->hello.to, us))
		*ret_why = "it says hello to another server";
	else if (!neighbours_is_from(nb, *ret_which, address))
		*ret_why = "it does not come from that neighbour's address";
	else
		*ret_why = NULL;
	if (*ret_why)
		return HANDSHAKE_INVALID;
	*ret_why = find_mismatch(nb, hello);
	return *ret_why ? HANDSHAKE_REFUSED : HANDSHAKE_LINK;
}

const char *handshake_refusal(const struct handshake *h,
	const struct neighbours *nb, size_t which, const struct line *answer)
{
	const char *why;

	if (answer->verb != LINE_HELLO)
		return "it refused our hello";
	if (!text_equal(
		    answer->hello.from, text_of(neighbours_name(nb, which))) ||
		!text_equal(
			answer->hello.to, text_of(neighbours_self(nb)->name)))
		return "another server answers there";
	why = find_mismatch(nb, answer);
	if (!why && text_equal(answer->hello.nonce,
			    (struct text){h->nonce, sizeof h->nonce}))
		why = "it repeats our own nonce";
	return why;
}

/* --- proofs --------------------------------------------------------------- */

static unsigned char *put_field(unsigned char *dst, struct text field)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*dst++ = (unsigned char)(field.len >> shift);
	memcpy(dst, field.ptr, field.len);
	return dst + field.len;
}

/* Every field, those of later versions included. */
static unsigned char *put_fields(unsigned char *dst, struct text line)
{
	size_t len;

	for (; line.len; line.ptr += len, line.len -= len) {
		for (len = 0; len < line.len && !line_is_space(line.ptr[len]);)
			len++;
		if (len)
			dst = put_field(dst, (struct text){line.ptr, len});
		else
			len = 1;
	}
	return dst;
}

/* The digits by which one end proves itself. Each field takes four bytes more
 * than in its line, where it has at least one and a white space. */
static int compute(struct text secret, const char *label, struct text dialled,
	struct text accepted, char *ret_digits)
{
	size_t room = 4 + strlen(label) + 3 * (dialled.len + accepted.len + 2);
	unsigned char *bytes = sys_alloc(room);
	unsigned char digest[DIGEST_LEN];
	unsigned char *end;
	int rc = -ENOMEM;

	if (!bytes)
		return rc;
	end = put_field(bytes, text_of(label));
	end = put_fields(end, dialled);
	end = put_fields(end, accepted);
	if (HMAC(EVP_sha256(), secret.ptr, (int)secret.len, bytes,
		    (size_t)(end - bytes), digest, NULL)) {
		line_put_hex(digest, sizeof digest, ret_digits);
		rc = 0;
	}
	sys_free(bytes);
	return rc;
}

int handshake_meet(struct handshake *h, const struct neighbours *nb,
	size_t which, enum handshake_end us, const struct line *theirs)
{
	struct text secret = neighbours_secret(nb);
	bool dialler = us == HANDSHAKE_DIALLER;
	char hello[HANDSHAKE_HELLO_MAX];
	struct text ours = {hello, handshake_hello(h, nb, which, hello)};
	struct text dialled = dialler ? ours : theirs->body;
	struct text accepted = dialler ? theirs->body : ours;
	int rc;

	h->boot_len = theirs->hello.boot.len;
	memcpy(h->boot, theirs->hello.boot.ptr, h->boot_len);
	if (!secret.len)
		return 0;
	rc = compute(secret, "herd1 dial", dialled, accepted,
		dialler ? h->proof : h->expected);
	if (!rc)
		rc = compute(secret, "herd1 accept", dialled, accepted,
			dialler ? h->expected : h->proof);
	return rc;
}

size_t handshake_prove(const struct handshake *h, char *dst)
{
	int n = snprintf(dst, HANDSHAKE_PROOF_MAX, "PROOF %.*s\n",
		LINE_PROOF_LEN, h->proof);

	HERD_ASSERT(n > 0 && n < HANDSHAKE_PROOF_MAX);
	return (size_t)n;
}

bool handshake_is_proof(const struct handshake *h, const struct line *line)
{
	/* It takes as long wherever the first wrong digit is. */
	return line->verb == LINE_PROOF &&
	       !CRYPTO_memcmp(
		       line->proof.digits.ptr, h->expected, LINE_PROOF_LEN);
}
