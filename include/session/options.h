/* A session's facts about its connection, from its link. */
#ifndef IMAPMUX_SESSION_OPTIONS_H
#define IMAPMUX_SESSION_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "mux/settings.h"

struct session_options {
    const struct upstream_settings *upstream; /* where this listener's clients are logged in */
    struct naming naming;                     /* how their user names are read */
    bool secure;                              /* the connection has TLS already */
    bool starttls;                            /* STARTTLS can be done */
    bool plaintext_login;                     /* LOGIN and AUTHENTICATE are permitted without TLS */
    bool compress;                            /* COMPRESS=DEFLATE is offered */
    const char *peer;                         /* address for the log, copied */
    uint64_t address;                         /* the key under which clients of its address are counted */
    /* Output has been added, or session_wants has changed, outside of session_receive: the link is to look. Never
     * called from within session_receive's caller's stack other than from the runqueue. */
    void (*wake)(void *link);
    void *link;
};

#endif
