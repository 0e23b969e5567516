/* conf_value - settings of libconfig into members of a struct, by the table.
 *
 * libconfig keeps 5, 5L and 5.0 apart; people do not, so any number will do
 * where a number is due, as long as it is whole where it has to be. */
#include "conf_reader.h"

#include <errno.h>
#include <string.h>

#define SHOWN_MAX 100 /* bytes of a value quoted in a message */

int conf_line(const config_setting_t *setting)
{
	return (int)config_setting_source_line(setting);
}

/* The value as the file has it, for messages. */
static void show(const config_setting_t *setting, char *dst, size_t room)
{
	dst[0] = '\0';
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		conf_append(
			dst, room, "%lld", config_setting_get_int64(setting));
		break;
	case CONFIG_TYPE_FLOAT:
		conf_append(
			dst, room, "%.15g", config_setting_get_float(setting));
		break;
	case CONFIG_TYPE_BOOL:
		conf_append(dst, room, "%s",
			config_setting_get_bool(setting) ? "true" : "false");
		break;
	case CONFIG_TYPE_STRING:
		conf_append(dst, room, "\"%.80s\"",
			config_setting_get_string(setting));
		break;
	case CONFIG_TYPE_GROUP:
		conf_append(dst, room, "{ ... }");
		break;
	case CONFIG_TYPE_ARRAY:
		conf_append(dst, room, "[ ... ]");
		break;
	default:
		conf_append(dst, room, "( ... )");
		break;
	}
}

/* "NAME = VALUE PROBLEM; RIGHT". */
static int complain_value(struct conf_reader *r,
	const struct conf_option *option, const config_setting_t *setting,
	int line, const char *problem)
{
	char shown[SHOWN_MAX], right[CONF_PHRASE];

	show(setting, shown, sizeof shown);
	conf_option_right(option, right);
	return conf_complain(
		r, line, "%s = %s %s; %s", option->name, shown, problem, right);
}

static void store_whole(
	const struct conf_option *option, void *base, uint64_t value)
{
	void *member = (char *)base + option->offset;

	switch (option->size) {
	case sizeof(uint8_t):
		*(uint8_t *)member = (uint8_t)value;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)member = (uint16_t)value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		HERD_ASSERT(option->size == sizeof(uint64_t));
		*(uint64_t *)member = value;
		break;
	}
}

static void store_text(
	const struct conf_option *option, void *base, const char *text)
{
	void *member = (char *)base + option->offset;

	HERD_ASSERT(option->size == sizeof(const char *));
	*(const char **)member = text;
}

static void store_seconds(
	const struct conf_option *option, void *base, double seconds)
{
	store_whole(option, base,
		(uint64_t)(seconds * (double)HERD_SECOND_NS + 0.5));
}

static int read_number(struct conf_reader *r, const struct conf_option *option,
	const config_setting_t *setting, double *ret_number)
{
	int line = conf_line(setting);
	double number;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		number = (double)config_setting_get_int64(setting);
		break;
	case CONFIG_TYPE_FLOAT:
		number = config_setting_get_float(setting);
		break;
	default:
		return complain_value(
			r, option, setting, line, "has the wrong type");
	}
	/* libconfig cuts these to 32 bits: 0x100000005 has become 5. */
	if (config_setting_get_format(setting) == CONFIG_FORMAT_HEX)
		return complain_value(
			r, option, setting, line, "is written in hexadecimal");
	if (number < option->min)
		return complain_value(r, option, setting, line, "is too small");
	if (number > option->max)
		return complain_value(r, option, setting, line, "is too large");
	if (option->type == CONF_WHOLE && number != (double)(uint64_t)number)
		return complain_value(r, option, setting, line, "is not whole");
	*ret_number = number;
	return 0;
}

/* A string that fits the option; `line` is not the setting's own where that
 * is an element of a list: libconfig notes the line of the next token there. */
static int check_text(struct conf_reader *r, const struct conf_option *option,
	const config_setting_t *setting, int line)
{
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return complain_value(
			r, option, setting, line, "has the wrong type");
	text = config_setting_get_string(setting);
	if (!text || !*text)
		return complain_value(r, option, setting, line, "is empty");
	if (option->fits && !option->fits(text))
		return complain_value(r, option, setting, line, "is not valid");
	return 0;
}

static int check_texts(struct conf_reader *r, const struct conf_option *option,
	const config_setting_t *setting)
{
	int line = conf_line(setting);

	if (!config_setting_is_array(setting) &&
		!config_setting_is_list(setting))
		return complain_value(
			r, option, setting, line, "has the wrong type");
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *item =
			config_setting_get_elem(setting, (unsigned)i);
		int rc = check_text(r, option, item, line);

		if (rc)
			return rc;
		for (int j = 0; j < i; j++)
			if (!strcmp(config_setting_get_string_elem(setting, i),
				    config_setting_get_string_elem(setting, j)))
				return complain_value(r, option, item, line,
					"stands there twice");
	}
	return 0;
}

static int read_word(struct conf_reader *r, const struct conf_option *option,
	const config_setting_t *setting, void *base)
{
	int line = conf_line(setting);
	int rc = check_text(r, option, setting, line);
	const char *word;
	unsigned index;

	if (rc)
		return rc;
	word = config_setting_get_string(setting);
	if (!conf_word_index(option->words, word, &index))
		return complain_value(r, option, setting, line, "is not known");
	if (option->type == CONF_CHOICE) {
		store_whole(option, base, index);
	} else if (option->size) {
		word = conf_take_text(r, text_of(""), word);
		if (!word)
			return -ENOMEM;
		store_text(option, base, word);
	}
	return 0;
}

static int read_text(struct conf_reader *r, const struct conf_option *option,
	const config_setting_t *setting, void *base)
{
	int rc = check_text(r, option, setting, conf_line(setting));
	const char *text;

	if (rc)
		return rc;
	text = config_setting_get_string(setting);
	text = conf_take_text(r,
		option->type == CONF_PATH && *text != '/' ? r->folder
							  : text_of(""),
		text);
	if (!text)
		return -ENOMEM;
	store_text(option, base, text);
	return 0;
}

static int read_value(struct conf_reader *r, const struct conf_option *option,
	const config_setting_t *setting, void *base)
{
	double number = 0;
	int rc;

	switch (option->type) {
	case CONF_BOOL:
		if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
			return complain_value(r, option, setting,
				conf_line(setting), "has the wrong type");
		store_whole(option, base,
			config_setting_get_bool(setting) != CONFIG_FALSE);
		return 0;
	case CONF_WHOLE:
	case CONF_SECONDS:
		rc = read_number(r, option, setting, &number);
		if (rc)
			return rc;
		if (option->type == CONF_WHOLE)
			store_whole(option, base, (uint64_t)number);
		else
			store_seconds(option, base, number);
		return 0;
	case CONF_CHOICE:
	case CONF_WORD:
		return read_word(r, option, setting, base);
	case CONF_TEXT:
	case CONF_PATH:
		return read_text(r, option, setting, base);
	case CONF_TEXTS:
		return check_texts(r, option, setting);
	case CONF_SERVERS:
		break;
	}
	if (!config_setting_is_list(setting))
		return complain_value(r, option, setting, conf_line(setting),
			"has the wrong type");
	if (!config_setting_length(setting))
		return complain_value(r, option, setting, conf_line(setting),
			"names no server");
	return conf_read_servers(r, setting, base);
}

void conf_set_defaults(const struct conf_table *table, void *base)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct conf_option *option = &table->options[i];
		unsigned index;

		if (!option->size)
			continue;
		if (option->type == CONF_SECONDS) {
			store_seconds(option, base, option->number);
		} else if (option->type == CONF_CHOICE) {
			bool known = conf_word_index(
				option->words, option->text, &index);

			HERD_ASSERT(known);
			store_whole(option, base, index);
		} else if (option->type == CONF_BOOL ||
			   option->type == CONF_WHOLE) {
			store_whole(option, base, (uint64_t)option->number);
		} else {
			store_text(option, base, option->text);
		}
	}
}

static int read_member(struct conf_reader *r, const struct conf_table *table,
	const char *prefix, const config_setting_t *setting, void *base)
{
	const struct conf_option *option;
	char name[CONF_PHRASE] = "", nearest[CONF_PHRASE];

	conf_append(name, sizeof name, "%s%s", prefix,
		config_setting_name(setting));
	option = conf_table_find(table, name);
	if (option)
		return read_value(r, option, setting, base);
	if (!*prefix && conf_table_has_group(table, name)) {
		if (!config_setting_is_group(setting))
			return conf_complain(r, conf_line(setting),
				"%s has the wrong type; %s = { ... };", name,
				name);
		conf_append(name, sizeof name, ".");
		return conf_read_group(r, table, name, setting, base);
	}
	conf_table_nearest(name, nearest);
	return conf_complain(r, conf_line(setting),
		"unknown option %s; did you mean %s?", name, nearest);
}

/* The options of this very group that the file may not leave out. */
static int check_required(struct conf_reader *r, const struct conf_table *table,
	const char *prefix, const config_setting_t *group)
{
	size_t len = strlen(prefix);
	char right[CONF_PHRASE];

	for (size_t i = 0; i < table->count; i++) {
		const struct conf_option *option = &table->options[i];

		if (!option->required || strncmp(option->name, prefix, len) ||
			config_setting_get_member(group, option->name + len))
			continue;
		conf_option_right(option, right);
		return conf_complain(r, conf_line(group), "%s is missing; %s",
			option->name, right);
	}
	return 0;
}

int conf_read_group(struct conf_reader *r, const struct conf_table *table,
	const char *prefix, const config_setting_t *group, void *base)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		int rc = read_member(r, table, prefix,
			config_setting_get_elem(group, (unsigned)i), base);

		if (rc)
			return rc;
	}
	return check_required(r, table, prefix, group);
}
