/* The state shared by all accounts of one server (endpoint.h): how many refused credentials that server sees, since
 * each comes from the proxy's own address and servers ban addresses, and whether it has been seen to take tokens. */
#ifndef IMAPMUX_MUX_SERVER_H
#define IMAPMUX_MUX_SERVER_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "imap/capability.h"
#include "mux/settings.h"

/* An account that waits until one more unknown credential may be tried. Zero-initialised, but for the task. */
struct server_waiter {
    struct server_waiter *prev, *next;
    struct task *task; /* woken; borrowed */
    bool waits;        /* true from server_await until it is woken or leaves */
};

/* Zero-initialised: nothing known. */
struct server {
    usec filled_until;  /* refusals of the last minute: each fills it by a minute / login_failures_per_minute */
    unsigned reserved;  /* unknown credentials that are being tried now: each may become a refusal */
    bool takes_xoauth2; /* seen in its CAPABILITY before a login */
    bool takes_oauthbearer;
    struct server_waiter *waiters; /* in the order of their coming */
};

/* May one more unknown credential be tried? Strangers may use half of what there is, so that they cannot keep out whom
 * the account knows. Returns the time from which it may, `now` or earlier if at once; USEC_NEVER: when another trial
 * has ended. */
usec server_open_at(const struct server *server, const struct settings *settings, bool stranger, usec now);
/* A trial of an unknown credential begins; server_release must follow. */
void server_reserve(struct server *server);
/* The trial has ended; refused: by the server's word that the credential is wrong. */
void server_release(struct server *server, const struct settings *settings, bool refused, usec now);
/* Where server_open_at has said USEC_NEVER: the waiter's task is woken once, at the end of the next trial of any
 * account. A waiter that waits already keeps its place. */
void server_await(struct server *server, struct server_waiter *waiter);
/* It is not woken any more; before its task goes. Nothing happens if it does not wait. */
void server_leave(struct server *server, struct server_waiter *waiter);
/* Keeps whether the server offered XOAUTH2 and OAUTHBEARER before this login; the former answer is replaced. */
void server_note_capabilities(struct server *server, const struct capability_set *before_login);
/* Is the server known to refuse a bearer token beside any user name but those that the token opens? Else its OK proves
 * nothing about the name: some servers take the user from the token alone. The settings say so, or its host does. */
bool server_checks_names(const struct upstream_settings *settings);

#endif
