/* flood_tool - see flood_tool.h. */
#include "flood_tool.h"

#include "tool.h"

pid_t flood_start(struct herd *h, const char *watch, const char *const *args)
{
	const char *all[TOOL_ARGS_MAX] = {"flood", "--json", "--quiet",
		"--config", herd_conf(h, "Alpha"), "--write", "Alpha",
		"--watch", watch, "--as", "Echo", "-c", "4"};
	size_t count = 13;

	for (size_t i = 0; args[i]; i++) {
		ck_assert_uint_lt(count + 2, TOOL_ARGS_MAX);
		all[count++] = args[i];
	}
	return tool_start_other(h, "HERD_BENCH", all);
}

struct herd_output flood_end(struct herd *h, pid_t pid)
{
	return tool_end_within(h, pid, 3 * HERD_PATIENCE);
}

json_object *flood_good(const struct herd_output *o)
{
	json_object *all = json_tokener_parse(o->out);

	ck_assert_msg(o->exit_status == 0 && all, "exit status %d: %s%s",
		o->exit_status, o->out, o->err);
	return all;
}

double flood_at(json_object *from, const char *key)
{
	json_object *value;

	ck_assert_msg(json_object_object_get_ex(from, key, &value), "no %s: %s",
		key, json_object_to_json_string(from));
	return json_object_get_double(value);
}

bool flood_has(json_object *from, const char *key)
{
	return json_object_object_get_ex(from, key, NULL);
}

double flood_latency(json_object *from, const char *key)
{
	json_object *value;

	ck_assert(json_object_object_get_ex(from, "flood_latency", &value));
	return flood_at(value, key);
}

void flood_check_bad(const struct herd_output *o, const char *words)
{
	check_bad(o, 1, words);
	ck_assert_str_eq(o->out, "");
}
