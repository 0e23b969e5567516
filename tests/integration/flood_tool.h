/* flood_tool - herd-bench flood, as the tests run it: writing to Alpha, watching
 * a server that they name, playing Echo.
 *
 * Its output are files of the herd's directory. Errors: whatever goes wrong fails
 * the running test. Threads: owner only. */
#ifndef TESTS_FLOOD_TOOL_H
#define TESTS_FLOOD_TOOL_H

#include <json-c/json.h>

#include "herd_proc.h"

#define FLOOD_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Start it, with these further arguments; wait until it has ended. */
pid_t flood_start(struct herd *h, const char *watch, const char *const *args);
struct herd_output flood_end(struct herd *h, pid_t pid);

/* Its figures, when all was well; json_object_put. */
json_object *flood_good(const struct herd_output *o);

/* One of them, which must be there; one of "flood_latency"; whether there is
 * one. */
double flood_at(json_object *from, const char *key);
double flood_latency(json_object *from, const char *key);
bool flood_has(json_object *from, const char *key);

/* Exit status 1, one line on standard error, which says `words`, and no
 * figures. */
void flood_check_bad(const struct herd_output *o, const char *words);

#endif
