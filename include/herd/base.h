/* base - the few words every file of herd uses.
 *
 * Errors: a fallible call returns 0 (or a count) or -errno and is marked
 * HERD_MUST_CHECK; outputs come last, start with ret_, and are set only on
 * success. HERD_ASSERT is for our own mistakes, is never compiled out, and is
 * never fed bytes from outside. */
#ifndef HERD_BASE_H
#define HERD_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HERD_MUST_CHECK   __attribute__((warn_unused_result))
#define HERD_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define HERD_NORETURN     __attribute__((noreturn))
#define HERD_CACHE_LINE   64
/* On the path of every line, where a call would cost as much as what it does. */
#define HERD_HOT inline __attribute__((always_inline))

#define HERD_ASSERT(cond)                                                      \
	((cond) ? (void)0 : herd_panic(__FILE__, __LINE__, #cond))

/* The object of which `ptr` is the member `member`. */
#define HERD_CONTAINER(ptr, type, member)                                      \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define HERD_COUNT(array) (sizeof(array) / sizeof *(array))

#define HERD_SECOND_NS INT64_C(1000000000)
#define HERD_MS_NS     INT64_C(1000000)

/* Say on stderr which assertion failed where, and abort. */
HERD_NORETURN void herd_panic(const char *file, int line, const char *what);

/* A run of bytes owned by someone else; not terminated, may hold any byte. */
struct text {
	const char *ptr;
	size_t len;
};

static inline struct text text_of(const char *string)
{
	return (struct text){string, strlen(string)};
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

/* Take what is before the first space off the front of *rest, and that space;
 * all of it, if there is none. */
static inline struct text text_take_word(struct text *rest)
{
	struct text word = *rest;
	const char *space = word.len ? memchr(word.ptr, ' ', word.len) : NULL;

	if (!space) {
		rest->len = 0;
		return word;
	}
	word.len = (size_t)(space - word.ptr);
	rest->ptr += word.len + 1;
	rest->len -= word.len + 1;
	return word;
}

#endif
