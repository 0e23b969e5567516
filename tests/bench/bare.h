/* bare - a server that does nothing but move bytes: what the kernel alone costs.
 *
 * One read of up to 64 KiB per event, all answers in one buffer, one write.
 * What the socket does not take waits, and nothing is read meanwhile. A
 * connection keeps nothing but an unfinished request.
 * A benchmark tool: errors end it. */
#ifndef TESTS_BENCH_BARE_H
#define TESTS_BENCH_BARE_H

#include "herd/base.h"

#define BARE_GROWTH 4 /* bytes of answer per byte of request, at the most */

/* Answer all complete requests of in[0, len), which came at now_ns (since the
 * epoch), into `out`, which has room for BARE_GROWTH * len bytes.
 * How many bytes were requests; ret_len: of answers. */
typedef size_t bare_answer_fn(
	const char *in, size_t len, int64_t now_ns, char *out, size_t *ret_len);

/* The whole program: NAME [-w WORKERS] [-a] PORT
 * PORT 0: any free one. It prints "serving on 127.0.0.1:PORT".
 * -a: workers are pinned, one per usable CPU, and get the connections whose
 * packets arrive there. Else connections go round. */
int bare_main(const char *name, int argc, char **argv, bare_answer_fn *answer);

#endif
