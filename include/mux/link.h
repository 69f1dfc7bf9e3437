/* The way from the upstream machine to a socket that it does not know. The machines' owner (net, a test, a simulator)
 * hands in the ops; the verbs that the link calls back are in upstream.h. */
#ifndef IMAPMUX_MUX_LINK_H
#define IMAPMUX_MUX_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* Both ends of a connection, ours and the server's: addresses and ports, as the link writes them. Nobody else reads the
 * octets. */
#define LINK_END_SIZE 28
struct link_ends {
    uint8_t length; /* of each of them; 0: none */
    uint8_t local[LINK_END_SIZE], remote[LINK_END_SIZE];
};

struct upstream;
struct upstream_settings;

struct upstream_link_ops {
    /* Begins a connection to the settings' host (addresses one after another, TLS with verification if implicit),
     * between the ends of upstream_between first, if the host has that address still.
     * Returns the link; NULL: cannot even begin. Afterwards the link calls, never from within this call:
     * upstream_connected once the connection stands, upstream_receive with bytes, and upstream_closed EXACTLY ONCE,
     * when its descriptor has been closed for any reason (also after close below); the link is gone then. Until that
     * call no other dial happens for this upstream. */
    void *(*dial)(void *context, struct upstream *upstream, const struct upstream_settings *settings);
    void (*start_tls)(void *link); /* drops buffered plain text; then upstream_secured */
    /* What upstream_receive has left, and all that comes later, is inflated; what upstream_output gets from then on is
     * deflated (RFC 4978); then upstream_compressed. */
    void (*compress)(void *link);
    void (*wake)(void *link); /* upstream_output has bytes, or reading may go on */
    /* At once; or, with `flush`: our end after upstream_output has been written, the descriptor when the server has
     * closed its end, too, or after response_timeout. */
    void (*close)(void *link, bool flush);
    void (*pause)(void *link, bool paused); /* stop and go on reading */
};

#endif
