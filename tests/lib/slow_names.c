/* slow_names - loaded into a herdd before libc (LD_PRELOAD), it never comes to
 * the end of looking up "slow.test": a name server that does not answer, on any
 * machine. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int look_up_fn(const char *name, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret);

int getaddrinfo(const char *name, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	look_up_fn *real;

	while (name && !strcmp(name, "slow.test"))
		pause();
	/* ISO C knows no way from an object to a function but this. */
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(name, service, hints, ret);
}
