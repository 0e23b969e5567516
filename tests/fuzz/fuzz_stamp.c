/* fuzz_stamp - any bytes as a number: the three readers agree where their
 * forms meet, and what is formatted reads back as itself. */
#include "herd/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_difference(int64_t ns)
{
	char bytes[STAMP_DIFFERENCE_MAX];
	char *end = stamp_format_difference(ns, bytes);
	struct text field = {bytes, (size_t)(end - bytes)};
	int64_t again;

	HERD_ASSERT(field.len <= sizeof bytes);
	HERD_ASSERT(stamp_parse_difference(field, &again) && again == ns);
	HERD_ASSERT(stamp_parse_any(field, &again) && again == ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text field = {(const char *)data, size};
	int64_t ns;
	int64_t any_ns;
	bool rest;

	if (stamp_parse(field, &ns, &rest)) {
		HERD_ASSERT(ns >= 0);
		HERD_ASSERT(stamp_parse_any(field, &any_ns) && any_ns == ns);
		check_difference(ns);
		check_difference(-ns);
	}
	if (stamp_parse_difference(field, &ns)) {
		HERD_ASSERT(stamp_parse_any(field, &any_ns) && any_ns == ns);
		check_difference(ns);
	}
	if (stamp_parse_any(field, &any_ns))
		check_difference(any_ns);
	if (size == sizeof ns) {
		memcpy(&ns, data, sizeof ns);
		check_difference(ns);
	}
	return 0;
}
