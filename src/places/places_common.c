/* places_common - the provider that is configured: its key, its headers, and
 * what curl may share between threads, which is the caches of names and of TLS
 * sessions. Connections are not among it: curl does not support that for
 * threads that run at the same time, see CURLSHOPT_SHARE(3). */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "herd/sys.h"

/* --- the key -------------------------------------------------------------- */

static int read_key(struct places_common *c, char *error)
{
	static const struct secret_file_rule rule = {
		.option = "places.key_file",
		.right = "a file with the key for the places provider, one "
			 "word of printable ASCII without '%' and '\\'",
		.min = 1,
	};
	const char *path = c->conf->places.key_file;
	int rc;

	if (!path)
		return 0;
	rc = secret_file_read(path, &rule, &c->key_file, error, CONF_ERROR_MAX);
	if (rc)
		return rc;
	c->key = (struct text){c->key_file.bytes, c->key_file.len};
	for (size_t i = 0; i < c->key.len; i++) {
		char byte = c->key.ptr[i];

		if (byte > ' ' && byte < 0x7f && byte != '%' && byte != '\\')
			continue;
		snprintf(error, CONF_ERROR_MAX,
			"%s = \"%.500s\" cannot be used: it holds a byte that "
			"keys do not have; %s",
			rule.option, path, rule.right);
		return -EINVAL;
	}
	return 0;
}

/* --- texts ---------------------------------------------------------------- */

/* All but the unreserved characters of RFC 3986 as %XX. */
static int append_escaped(struct buf *out, struct text text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";
	char escaped[4];
	int rc = 0;

	for (size_t i = 0; i < text.len && !rc; i++) {
		char c = text.ptr[i];

		if (memchr(plain, c, sizeof plain - 1)) {
			rc = buf_append(out, &c, 1);
			continue;
		}
		snprintf(escaped, sizeof escaped, "%%%02X",
			(unsigned)(unsigned char)c);
		rc = buf_append_string(out, escaped);
	}
	return rc;
}

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https:", 6);
}

/* Where the path begins, or should. */
static size_t path_of(const char *url)
{
	size_t host = strlen(is_https(url) ? "https://" : "http://");

	return host + strcspn(url + host, "/?");
}

/* What stands in the URL before the question, and after it. */
static int write_url(struct places_common *c)
{
	const struct provider *p = c->provider;
	size_t path = path_of(c->url);
	int rc = buf_append(&c->before, c->url, path);

	/* A proxy that passes the request on is told all of the URL. */
	c->target = c->conf->places.proxy && !is_https(c->url) ? 0 : path;
	if (!rc && c->url[path] != '/')
		rc = buf_append_string(&c->before, "/");
	if (!rc)
		rc = buf_append_string(&c->before, c->url + path);
	if (!rc && !p->posts)
		rc = buf_append_string(
			&c->before, strchr(c->url, '?') ? "&" : "?");
	if (rc || !c->key.len || !p->key_parameter)
		return rc;
	rc = buf_append_string(
		&c->after, p->posts && !strchr(c->url, '?') ? "?" : "&");
	if (!rc)
		rc = buf_append_string(&c->after, p->key_parameter);
	if (!rc)
		rc = buf_append_string(&c->after, "=");
	return rc ? rc : append_escaped(&c->after, c->key);
}

static int add_header(
	struct places_common *c, const char *name, struct text value)
{
	struct buf line = {0};
	struct curl_slist *longer = NULL;
	int rc = buf_append_string(&line, name);

	if (!rc)
		rc = buf_append_string(&line, ": ");
	if (!rc)
		rc = buf_append_text(&line, value);
	if (!rc)
		rc = buf_append(&line, "", 1);
	if (!rc)
		longer = curl_slist_append(c->headers, buf_front(&line));
	if (longer)
		c->headers = longer;
	buf_fini(&line);
	return longer ? 0 : -ENOMEM;
}

static int write_headers(struct places_common *c)
{
	const struct provider *p = c->provider;
	int rc = 0;

	if (p->posts)
		rc = add_header(c, "Content-Type", text_of("application/json"));
	if (!rc && p->key_header && c->key.len)
		rc = add_header(c, p->key_header, c->key);
	if (!rc && p->mask_header)
		rc = add_header(
			c, p->mask_header, text_of(c->conf->places.field_mask));
	return rc;
}

/* --- what curl shares ----------------------------------------------------- */

static void lock(
	CURL *easy, curl_lock_data data, curl_lock_access access, void *arg)
{
	struct places_common *c = arg;

	(void)easy;
	(void)access;
	HERD_ASSERT(!pthread_mutex_lock(&c->locks[data]));
}

static void unlock(CURL *easy, curl_lock_data data, void *arg)
{
	struct places_common *c = arg;

	(void)easy;
	HERD_ASSERT(!pthread_mutex_unlock(&c->locks[data]));
}

/* With one thread nothing is locked. */
static int make_share(struct places_common *c)
{
	CURLSHcode bad = CURLSHE_OK;

	c->share = curl_share_init();
	if (!c->share)
		return -ENOMEM;
	if (c->shared) {
		bad |= curl_share_setopt(c->share, CURLSHOPT_USERDATA, c);
		bad |= curl_share_setopt(c->share, CURLSHOPT_LOCKFUNC, lock);
		bad |= curl_share_setopt(
			c->share, CURLSHOPT_UNLOCKFUNC, unlock);
	}
	bad |= curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	bad |= curl_share_setopt(
		c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return bad ? -ENOMEM : 0;
}

CURL *places_common_easy(const struct places_common *c)
{
	CURL *easy = curl_easy_init();
	CURLcode bad = CURLE_OK;
	const char *proxy = c->conf->places.proxy;
	/* Where a name has several addresses, each gets its part of it. */
	long connect_ms = (long)(c->conf->places.timeout_ns / HERD_MS_NS);

	if (!easy)
		return NULL;
	bad |= curl_easy_setopt(easy, CURLOPT_URL, c->url);
	bad |= curl_easy_setopt(easy, CURLOPT_SHARE, c->share);
	bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Giving up on a name must not wait for whoever looks it up. */
	bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
		is_https(c->url) ? "https" : "http");
	/* "": not even one that the environment names. */
	bad |= curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
	/* Several questions on one connection where the server can do that:
	 * worth the wait for the first to find out. */
	bad |= curl_easy_setopt(
		easy, CURLOPT_PIPEWAIT, is_https(c->url) ? 1L : 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	bad |= curl_easy_setopt(
		easy, CURLOPT_USERAGENT, "herd/" PACKAGE_VERSION);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	if (c->provider->posts)
		bad |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
	if (c->conf->places.ca_file)
		bad |= curl_easy_setopt(
			easy, CURLOPT_CAINFO, c->conf->places.ca_file);
	if (!bad)
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

/* --- life ----------------------------------------------------------------- */

/* curl says so only when it asks, and then of every question. */
static int check_ca_file(const struct places_common *c, char *error)
{
	const char *path = c->conf->places.ca_file;
	int rc;

	if (!path || !access(path, R_OK))
		return 0;
	rc = -errno;
	snprintf(error, CONF_ERROR_MAX,
		"places.ca_file = \"%.500s\" cannot be used: %s; a file of "
		"certificates (PEM) to trust",
		path, sys_error_text(rc));
	return rc;
}

static int configure(struct places_common *c, char *error)
{
	const struct conf *conf = c->conf;
	int rc;

	if (!conf_asks_places(conf))
		return 0;
	c->provider = provider_find(conf->places.provider);
	HERD_ASSERT(c->provider);
	c->url = conf->places.url ? conf->places.url : c->provider->url;
	rc = read_key(c, error);
	if (!rc)
		rc = check_ca_file(c, error);
	if (!rc)
		rc = write_url(c);
	if (!rc)
		rc = write_headers(c);
	return rc ? rc : make_share(c);
}

int places_common_new(const struct conf *conf, bool shared, size_t workers,
	struct places_common **ret_common, char *error)
{
	struct places_common *c = sys_alloc_zero(1, sizeof *c);
	int rc;

	*error = '\0';
	if (!c)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		sys_free(c);
		snprintf(error, CONF_ERROR_MAX, "libcurl cannot be set up");
		return -ENOMEM;
	}
	c->conf = conf;
	c->shared = shared;
	c->transfers = conf->places.transfers / (unsigned)workers;
	if (!c->transfers)
		c->transfers = 1;
	for (size_t i = 0; i < HERD_COUNT(c->locks); i++)
		HERD_ASSERT(!pthread_mutex_init(&c->locks[i], NULL));
	rc = configure(c, error);
	if (rc) {
		if (!*error)
			snprintf(error, CONF_ERROR_MAX, "%s",
				sys_error_text(rc));
		places_common_free(c);
		return rc;
	}
	*ret_common = c;
	return 0;
}

const char *places_common_url(const struct places_common *c)
{
	return c->url;
}

void places_common_free(struct places_common *c)
{
	if (!c)
		return;
	if (c->share)
		HERD_ASSERT(curl_share_cleanup(c->share) == CURLSHE_OK);
	curl_slist_free_all(c->headers);
	curl_global_cleanup();
	for (size_t i = 0; i < HERD_COUNT(c->locks); i++)
		(void)pthread_mutex_destroy(&c->locks[i]);
	buf_fini(&c->before);
	buf_fini(&c->after);
	secret_file_fini(&c->key_file);
	sys_free(c);
}
