/* herd_client - one connection to a server of a test's herd, and the questions
 * a client asks.
 *
 * Ownership: a client is freed by client_close or client_reset. Bytes that were
 * read live until the next read from the same client, unless said otherwise.
 * Threads: owner only. Errors: whatever goes wrong, a deadline of
 * HERD_PATIENCE included, fails the running test. */
#ifndef HERD_CLIENT_H
#define HERD_CLIENT_H

#include "herd_proc.h"

struct client;

/* Connect; no byte is exchanged. */
struct client *client_open(struct herd *h, const char *server);

/* Accept one connection on the listening socket of a server the test plays. */
struct client *client_accept(int listen_fd);

/* Connect to the control socket of a server; no byte is exchanged. */
struct client *client_open_control(struct herd *h, const char *server);

/* The connection's own socket, blocking. Stays the client's. */
int client_fd(struct client *c);

void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, struct text bytes);

/* No more will be sent; answers still come. */
void client_finish(struct client *c);

/* The next line, its LF not included, ended by a NUL. */
const char *client_line(struct client *c);

/* The next update on a link that a server dialled to the test, which plays a
 * neighbour that holds nothing: PINGs and questions of catching up are answered
 * accordingly. */
const char *client_update(struct client *link);

/* The same if it ends within `seconds`; NULL: it did not. */
const char *client_line_within(struct client *c, double seconds);

/* The next `len` bytes. */
struct text client_bytes(struct client *c, size_t len);

/* Everything up to the end of file, and a NUL. */
struct text client_rest(struct client *c);

/* Whether the connection ends (in whatever way) within `seconds`; what
 * arrives meanwhile is dropped. */
bool client_ends_within(struct client *c, double seconds);

/* Send and receive at the same time, shut down the sending side, and return
 * everything there is up to the end of file. */
struct text client_talk(struct client *c, struct text request);

void client_close(struct client *c);

/* Close with a reset, whatever is under way. */
void client_reset(struct client *c);

/* --- questions ------------------------------------------------------------ */

/* On a connection of its own: send, half-close, the whole answer. Kept until
 * herd_free. */
struct text herd_exchange(
	struct herd *h, const char *server, struct text request);
const char *herd_ask(struct herd *h, const char *server, const char *request);

/* Say one line to its control socket, its LF added; the whole reply, "END"
 * included. Kept until herd_free. */
struct text herd_control(
	struct herd *h, const char *server, const char *request);

/* Tell a server where a client is; the AT line it answers, without LF. Kept
 * until herd_free. */
const char *herd_iamat(struct herd *h, const char *server, const char *id,
	const char *location, const char *stamp);

/* What the answer to WHATSAT without places looks like after the AT line. */
#define HERD_NOTHING                                                           \
	"\n{\n   \"html_attributions\" : [],\n   \"results\" : [],\n"          \
	"   \"status\" : \"ZERO_RESULTS\"\n}\n\n"

/* Wait until the server knows exactly this AT line for the client id. */
void herd_wait_known(struct herd *h, const char *server, const char *id,
	const char *at_line);

/* The same of every server of the herd. */
void herd_wait_known_by_all(
	struct herd *h, const char *id, const char *at_line);

/* Check that `line` is the AT line by which `server` answers an IAMAT of these
 * fields received between two moments, to the nanosecond. */
void herd_check_at(struct herd *h, const char *line, const char *server,
	const char *id, const char *location, const char *stamp,
	int64_t after_ns, int64_t before_ns);

/* A stamp that many nanoseconds after the epoch. Kept until herd_free. */
const char *herd_stamp(struct herd *h, int64_t ns);

#endif
