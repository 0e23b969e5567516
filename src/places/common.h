/* common - what the workers' places have in common; made by places_common_new
 * (places.h). Private to src/places.
 * Threads: immutable once made, but for what curl keeps in `share`, which it
 * locks by our functions. */
#ifndef HERD_COMMON_H
#define HERD_COMMON_H

#include <curl/curl.h>
#include <pthread.h>

#include "herd/places.h"
#include "herd/secret_file.h"

struct places_common {
	const struct conf *conf;
	const struct provider *provider; /* NULL: nobody is to be asked */
	const char *url;
	struct secret_file key_file;
	struct text key;   /* in it; empty: none */
	struct buf before; /* what stands in the URL before a question */
	struct buf after;  /* and after it: the key */
	size_t target;     /* where in `before` the request's target begins */
	struct curl_slist *headers;
	unsigned transfers; /* at a time, of each places */
	bool shared;
	CURLSH *share;
	pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
};

/* A handle with all options that do not depend on the question. NULL: no
 * memory. */
CURL *places_common_easy(const struct places_common *common);

#endif
