/* Preloaded into adbd, which by itself listens on every address and on vsock for anyone, as
 * root: every address becomes loopback, and there is no vsock. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int socket(int domain, int type, int protocol) {
    int (*real)(int, int, int);
    if (domain == AF_VSOCK) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "socket");
    return real(domain, type, protocol);
}

int bind(int file, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t);
    struct sockaddr_in6 own;
    *(void **)&real = dlsym(RTLD_NEXT, "bind");
    if (length > sizeof own || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return address->sa_family == AF_UNIX ? real(file, address, length) : (errno = EACCES, -1);
    memcpy(&own, address, length);
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)&own)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        own.sin6_addr = in6addr_loopback;
    return real(file, (struct sockaddr *)&own, length);
}
