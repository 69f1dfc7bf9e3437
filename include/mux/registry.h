/* Everything that one worker has: its accounts, found by (endpoint, authorization id, authentication id), and what they
 * all need. The accounts of two users are two objects that share nothing but this. */
#ifndef IMAPMUX_MUX_REGISTRY_H
#define IMAPMUX_MUX_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mux/ground.h"
#include "mux/login.h"

struct registry;
struct upstream_settings;

struct registry_options {
    struct runqueue *runqueue;
    struct log *log;
    const struct settings *settings;
    struct spooler *spooler;
    const struct upstream_link_ops *link_ops;
    void *link_context;
    const struct ghost_keeper *ghost_keeper; /* NULL: none */
    uint64_t seed;          /* of jitter and hash tables: from the system's random numbers in the program */
    const char *version;    /* told in ID */
    uint8_t digest_key[32]; /* for remembering refused passwords: random in the program */
};

/* Everything borrowed from the options must outlive the registry. Returns owned; NULL: out of memory. */
struct registry *registry_new(const struct registry_options *options);
void registry_free(struct registry *registry); /* ends everything at once, without LOGOUT */
/* The ground of its machines and sessions; borrowed, as long-lived as the registry. */
struct ground *registry_ground(struct registry *registry);
/* Lets nobody in any more and ends all sessions with * BYE and the reason (a constant), an account after the other: at
 * least 50 every 50 ms, all within two seconds, so that they do not come all at once to their next server. A
 * command in progress is answered first, if that takes less than three seconds from the beginning. An account whose
 * last session has gone logs out upstream. Done when registry_idle is true. */
void registry_shutdown(struct registry *registry, const char *reason);
bool registry_idle(const struct registry *registry); /* no account, no session, no upstream connection is left */
/* Are clients that log in there offered AUTHENTICATE XOAUTH2 and OAUTHBEARER? */
bool registry_offers_tokens(struct registry *registry, const struct upstream_settings *upstream);
/* --- logging in */

/* Opens the account or attaches to it. `address` is the key under which the client's address is counted. `done` is
 * called once, never from within this call; then the login is gone (login_cancel in login.h: it is not called).
 * Credentials are copied into locked memory; the caller wipes its own. Returns borrowed; NULL: out of memory, or the
 * names are too long; done is not called. */
struct login *login_begin(struct registry *registry, const struct upstream_settings *upstream,
                          const struct login_credentials *credentials, uint64_t address, login_answered *done,
                          void *owner);

/* How many accounts there are, with or without a connection. */
size_t registry_accounts(const struct registry *registry);
/* How many clients are logged in, over all accounts. */
size_t registry_sessions(const struct registry *registry);

#endif
