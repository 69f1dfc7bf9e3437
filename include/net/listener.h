/* A listening socket or several (every address of its host): hands out accepted connections, pauses when descriptors or
 * memory run out instead of spinning, and tells such clients so. An eighth of the process's descriptors (RLIMIT_NOFILE;
 * 16 at least) is never handed out: it is for upstreams and spools. */
#ifndef IMAPMUX_NET_LISTENER_H
#define IMAPMUX_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/runqueue.h"
#include "net/address.h"

struct event_base;
struct listener; /* opaque */

struct listener_options {
    struct event_base *base;
    struct runqueue *runqueue;
    struct log *log;
    const char *name; /* for the log; copied */
    const char *host; /* name or address literal; "" and "*": all addresses of this machine */
    uint16_t port;    /* 0: any free one, see listener_port */
    bool speaks_tls;  /* clients refused for want of descriptors get no text */
    /* The descriptor (non-blocking, close-on-exec) is the owner's from now on. */
    void (*accepted)(void *owner, int descriptor, const struct address *peer);
    void *owner;
};

struct listener_fault {
    char text[256];
};

/* Returns owned and accepting; NULL: *fault says why. */
struct listener *listener_new(const struct listener_options *options, struct listener_fault *fault);
/* Closes its sockets. Connections handed out are not touched. NULL: nothing happens. */
void listener_free(struct listener *listener);
uint16_t listener_port(const struct listener *listener); /* of its first socket */

#endif
