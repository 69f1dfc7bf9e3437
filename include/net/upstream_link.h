/* Between an upstream and its connection: dialer, stream and TLS. Gives the machines struct upstream_link_ops. */
#ifndef IMAPMUX_NET_UPSTREAM_LINK_H
#define IMAPMUX_NET_UPSTREAM_LINK_H

#include <stddef.h>

#include "base/log.h"
#include "mux/link.h"
#include "mux/settings.h"

struct event_base;
struct evdns_base;
struct runqueue;
struct upstream_link;

/* The context of the ops: all connections to upstreams of one worker. Everything is borrowed and outlives them. */
struct upstream_links {
    struct event_base *base;
    struct evdns_base *resolver;
    struct runqueue *runqueue;
    const struct settings *settings;
    struct log *log;

    struct upstream_link *first; /* private */
    size_t count;
};

extern const struct upstream_link_ops upstream_link_ops;

/* Closes all of them at once without telling their upstreams: after registry_free. */
void upstream_links_clear(struct upstream_links *links);

#endif
