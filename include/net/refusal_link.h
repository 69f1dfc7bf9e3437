/* A refused client: it gets one line, through TLS if the listener speaks TLS, and is closed. Few at a time:
 * beyond that a flood is closed without words. */
#ifndef IMAPMUX_NET_REFUSAL_LINK_H
#define IMAPMUX_NET_REFUSAL_LINK_H

#include <stddef.h>

struct event_base;
struct refusal_link;
struct runqueue;
struct tls_context;

struct refusal_links {
    struct event_base *base; /* borrowed */
    struct runqueue *runqueue;

    struct refusal_link *first; /* private */
    size_t count;
};

#define REFUSAL_LINKS_MAX 64

/* Takes the descriptor. `tls`: what the listener speaks from the first octet; NULL: plain text. `words` follow "* BYE".
 */
void refusal_link_open(struct refusal_links *links, int descriptor, struct tls_context *tls, const char *words);
/* Closes all of them at once. */
void refusal_links_clear(struct refusal_links *links);

#endif
