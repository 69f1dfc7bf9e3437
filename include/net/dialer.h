/* One attempt to reach a host: its addresses are looked up and tried one after another, never two at a time. */
#ifndef IMAPMUX_NET_DIALER_H
#define IMAPMUX_NET_DIALER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "mux/link.h"

struct dialer; /* opaque */
struct event_base;
struct evdns_base;

struct dialer_options {
    struct event_base *base;
    struct evdns_base *resolver; /* NULL: address literals and names of this machine only */
    struct runqueue *runqueue;
    const char *host; /* name or address literal, without brackets; copied */
    uint16_t port;
    /* The ends are to be these; length 0: any. That address of the host is tried first, and no other one from there.
     * Where it is not possible any port will do. */
    struct link_ends between;
    const char *source; /* see net/sources.h: addresses of the host of another family are left out; NULL: any. Borrowed
                           for the call */
    struct slice user;  /* the user whose address of `source` is taken. Borrowed for the call */
    usec timeout;       /* for the whole dial; the rest is divided among the remaining addresses */
    /* Called once, from the runqueue. descriptor: connected and non-blocking, the owner's from now on; -1: `reason`
     * says why in words. The dialer may be freed within. */
    void (*done)(void *owner, int descriptor, const char *reason);
    void *owner;
};

/* Returns owned; NULL: out of memory. */
struct dialer *dialer_new(const struct dialer_options *options);
void dialer_free(struct dialer *dialer); /* ends it; done is not called any more */
/* In done: no address of the host could be tried for want of a source. Nothing is known of the host. */
bool dialer_lacks_source(const struct dialer *dialer);

/* The resolver of this machine's /etc/resolv.conf and /etc/hosts; good without either. Returns owned
 * (evdns_base_free(resolver, 1)); NULL: out of memory. */
struct evdns_base *dialer_resolver_new(struct event_base *base);
/* Reads /etc/resolv.conf and /etc/hosts again. Look-ups in progress go on with the new name servers. */
void dialer_resolver_reload(struct evdns_base *resolver);

#endif
