/* Connections that another proxy makes for its clients: each waits here until its PROXY header is complete, then it is
 * handed on with the true address. Not one octet after the header is read. Few at a time, and not for long. */
#ifndef IMAPMUX_NET_PROXY_LINK_H
#define IMAPMUX_NET_PROXY_LINK_H

#include <stddef.h>

#include "base/log.h"
#include "mux/settings.h"
#include "net/address.h"
#include "net/networks.h"

struct event_base;
struct proxy_link;
struct runqueue;

struct proxy_links {
    struct event_base *base; /* borrowed, as all of these */
    struct runqueue *runqueue;
    const struct settings *settings; /* login_timeout */
    struct log *log;

    struct proxy_link *first; /* private */
    size_t count;
    usec complained_at; /* 0: never; the log gets a line in ten seconds, however many are turned away */
    size_t unsaid;
};

#define PROXY_LINKS_MAX 1024

struct proxy_link_options {
    const struct networks *senders; /* peers that may send a header; only read during proxy_link_open */
    struct address peer;            /* of the connection itself */
    /* The descriptor is the owner's from now on. peer: the client, or the connection's own if the header tells none.
     * Not called for what is turned away. */
    void (*done)(void *owner, int descriptor, const struct address *peer);
    void *owner; /* outlives the links */
};

/* Takes the descriptor (non-blocking). Closes it, logged, if it is not one of the senders', or there are too many, or
 * no good header comes within login_timeout. */
void proxy_link_open(struct proxy_links *links, int descriptor, const struct proxy_link_options *options);
/* Closes all that wait, without a word. */
void proxy_links_clear(struct proxy_links *links);

#endif
