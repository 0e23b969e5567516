/* slow_names - loaded into a herdd before libc (LD_PRELOAD), it never comes to
 * the end of looking up "slow.test": a name server that does not answer, on any
 * machine. "several.test" has many addresses, at the last of which there may be
 * somebody. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int look_up_fn(const char *name, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret);

static int look_up_several(look_up_fn *real, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	static const char *const several[] = {"127.0.0.9", "127.0.0.8",
		"127.0.0.7", "127.0.0.6", "127.0.0.5", "127.0.0.4", "127.0.0.3",
		"127.0.0.2", "127.0.0.1"};
	int rc = 0;

	for (size_t i = 0; i < sizeof several / sizeof *several && !rc; i++) {
		rc = real(several[i], service, hints, ret);
		while (!rc && *ret)
			ret = &(*ret)->ai_next;
	}
	return rc;
}

int getaddrinfo(const char *name, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	look_up_fn *real;

	while (name && !strcmp(name, "slow.test"))
		pause();
	/* ISO C knows no way from an object to a function but this. */
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name && !strcmp(name, "several.test"))
		return look_up_several(real, service, hints, ret);
	return real(name, service, hints, ret);
}
