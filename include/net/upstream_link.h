/* Between an upstream and its connection: dialer, stream and TLS. Gives the machines struct upstream_link_ops. */
#ifndef IMAPMUX_NET_UPSTREAM_LINK_H
#define IMAPMUX_NET_UPSTREAM_LINK_H

#include <stddef.h>

#include "base/log.h"
#include "mux/link.h"
#include "mux/settings.h"

struct deflater;
struct event_base;
struct evdns_base;
struct runqueue;
struct tls_context;
struct upstream_link;

/* A TLS context in use, one for each upstream's settings. */
struct upstream_tls_entry {
    struct upstream_tls_entry *next;
    const struct upstream_settings *settings;
    struct tls_context *context;
};

/* The context of the ops: all connections to upstreams of one worker. Everything is borrowed and outlives them. */
struct upstream_links {
    struct event_base *base;
    struct evdns_base *resolver;
    struct runqueue *runqueue;
    const struct settings *settings;
    struct log *log;

    struct upstream_link *first; /* private */
    size_t count;
    struct upstream_tls_entry *tls;
    struct deflater *deflater; /* private: of all that compress; NULL: none has */
};

extern const struct upstream_link_ops upstream_link_ops;

/* The next connections read the files of trusted certificates again (SIGHUP). */
void upstream_links_forget_tls(struct upstream_links *links);

/* Closes all of them at once without telling their upstreams: after registry_free. */
void upstream_links_clear(struct upstream_links *links);

#endif
