/* google_legacy - Nearby Search of Google's legacy Places API: what clients
 * know. Most of its errors come with status 200 of HTTP, so that there is
 * nothing to translate. */
#include <errno.h>

#include "herd/provider.h"

static int write_question(const struct provider_question *q, struct buf *out)
{
	if (buf_append_string(out, "location=") ||
		provider_write_degrees(q->latitude, out) ||
		buf_append_string(out, ",") ||
		provider_write_degrees(q->longitude, out) ||
		buf_append_string(out, "&radius=") ||
		provider_write_metres(q->radius_um, out))
		return -ENOMEM;
	return 0;
}

const struct provider provider_google_legacy = {
	.name = "google-legacy",
	.url = "https://maps.googleapis.com/maps/api/place/nearbysearch/json",
	.results = "results",
	.key_parameter = "key",
	.write_question = write_question,
};
