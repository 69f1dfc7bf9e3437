/* Between a client's stream and its session: feeds the session what was read, takes its output to the stream, by way of
 * a spool if the client reads slowly, and obeys what the session wants. */
#ifndef IMAPMUX_NET_CLIENT_LINK_H
#define IMAPMUX_NET_CLIENT_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/spool.h"
#include "mux/settings.h"
#include "net/address.h"

struct client_link;
struct deflater;
struct event_base;
struct registry;
struct runqueue;
struct tls_context;

/* All clients of one worker. Everything is borrowed and outlives them. */
struct client_links {
    struct event_base *base;
    struct runqueue *runqueue;
    struct registry *registry;
    const struct settings *settings;
    struct spooler *spooler;
    struct log *log;
    /* A client has gone: its address may be counted down. */
    void (*gone)(void *owner, const struct address *peer);
    void *owner;

    struct client_link *first; /* private */
    size_t count;
    struct deflater *deflater; /* private: of all that compress; NULL: none has */
};

struct client_link_options {
    const struct upstream_settings *upstream;
    struct naming naming;    /* how user names are read */
    struct tls_context *tls; /* NULL: neither STARTTLS nor implicit TLS */
    bool implicit_tls;
    bool plaintext_login;
    bool compress; /* COMPRESS=DEFLATE is offered */
    struct address peer;
};

/* Takes the descriptor, also when it fails. False: out of memory, `gone` is not called. */
bool client_link_open(struct client_links *links, int descriptor, const struct client_link_options *options)
    __attribute__((warn_unused_result));
/* Takes leave of those that have not logged in: * BYE and the reason, then they close. The others' accounts do it. */
void client_links_dismiss_strangers(struct client_links *links, const char *reason);
/* Ends all of them at once, without a word; the runqueue must be stepped afterwards. */
void client_links_clear(struct client_links *links);

#endif
