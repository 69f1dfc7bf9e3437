/* The state shared by all accounts of one server (endpoint.h): whether it can be reached, how many logins it sees and
 * how many refused credentials among them, since each comes from the proxy's own address and servers ban addresses, and
 * whether it has been seen to take tokens.
 *
 * Every connection begins with a place in one row: at most login_pace a second leave it, and server_login_budget logins
 * a minute. While the server cannot be reached only the first of the row tries it; when it answers again the others
 * follow. */
#ifndef IMAPMUX_MUX_SERVER_H
#define IMAPMUX_MUX_SERVER_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "imap/capability.h"
#include "mux/backoff.h"
#include "mux/bucket.h"
#include "mux/ground.h"
#include "mux/settings.h"

/* An account that waits until one more unknown credential may be tried, or for a place. Zero-initialised, but for the
 * task. */
struct server_waiter {
    struct server_waiter *prev, *next;
    struct task *task; /* woken; borrowed */
    bool waits;        /* true from server_await until it is woken or leaves */
};

/* An account that wants to connect. Zero-initialised, but for the task. */
struct server_visitor {
    struct server_visitor *prev, *next;
    struct task *task; /* woken when it has become the first of the row; borrowed */
    bool waits;        /* in the row */
    bool hurries;      /* a client waits for it: before those for whom nobody waits */
};

/* How many sessions the server has been seen to permit an account. */
#define SERVER_LIMITS 64
struct server_limit {
    uint64_t account; /* a hash of its name; 0: nothing is known here */
    unsigned sessions;
    usec until;
};

/* Zero-initialised: nothing known. */
struct server {
    struct server_visitor *row; /* DL list: who hurries first, then in the order of their coming */
    size_t row_length;
    struct bucket logins; /* of server_login_budget */
    struct bucket pace;   /* of login_pace */
    bool down;            /* it could not be reached when it was tried last */
    usec down_since;
    usec probe_at;                       /* while it is down: it is not tried before */
    const struct server_visitor *prober; /* tries it now; NULL: nobody does */
    struct backoff backoff;
    char why_down[200]; /* in words; "" while it is not */

    usec filled_until;  /* refusals of the last minute: each fills it by a minute / login_failures_per_minute */
    unsigned reserved;  /* unknown credentials that are being tried now: each may become a refusal */
    bool takes_xoauth2; /* seen in its CAPABILITY before a login */
    bool takes_oauthbearer;
    struct server_waiter *waiters;             /* for a trial, in the order of their coming */
    struct server_waiter *no_place;            /* refused because there was no place for one more session */
    struct server_limit limits[SERVER_LIMITS]; /* kept here, because accounts come and go; the oldest is replaced */
    unsigned next_limit;
};

/* --- connections */

/* When may this visitor connect? `now` or earlier: now. It stands in the row from here on. USEC_NEVER: others are
 * before it; its task is woken. hurries: a client waits for it. */
usec server_visit_at(struct server *server, const struct manners *manners, struct server_visitor *visitor, bool hurries,
                     usec now);
/* It connects now: it leaves the row, and its place counts. */
void server_visited(struct server *server, const struct manners *manners, struct server_visitor *visitor, usec now);
/* A client has come that wants to be let in: a server that is down is tried once more. */
void server_somebody_came(struct server *server, usec now);
/* It leaves the row for nothing, or will never come back (before its task goes). */
void server_stay_away(struct server *server, struct server_visitor *visitor);
/* It does not wait any more: the next one is the first. A try that it has under way goes on. */
void server_leave_row(struct server *server, struct server_visitor *visitor);
/* The server has answered it, with whatever word. */
void server_is_up(struct server *server, struct ground *ground, struct server_visitor *visitor, const char *name,
                  usec now);
/* It could not be reached: no connection, no TLS, or no greeting in time. why: in words. name: of the server, for the
 * log. */
void server_is_down(struct server *server, struct ground *ground, struct server_visitor *visitor, const char *name,
                    const char *why, usec now);
/* LOGIN or AUTHENTICATE is sent. */
void server_spend_login(struct server *server, const struct manners *manners, usec now);
/* When it may be sent; `now` or earlier: now. */
usec server_login_at(const struct server *server, const struct manners *manners, usec now);

/* It was refused for want of a place. Its task is woken, and it waits no more, when a session of any account has ended:
 * some servers count the sessions of an address. */
void server_await_place(struct server *server, struct server_waiter *waiter);
/* It does not wait for one any more; before its task goes. Nothing happens if it does not. */
void server_has_place(struct server *server, struct server_waiter *waiter);
/* A session has ended. */
void server_place_is_free(struct server *server);

/* It permits the account of this name so many sessions, until then. */
void server_note_limit(struct server *server, const char *account, unsigned sessions, usec until);
/* What has been noted last of the account; sessions 0: nothing. */
struct server_limit server_limit_of(const struct server *server, const char *account);

/* --- unknown credentials */

/* May one more unknown credential be tried? Strangers may use half of what there is, so that they cannot keep out whom
 * the account knows. Returns the time from which it may, `now` or earlier if at once; USEC_NEVER: when another trial
 * has ended. */
usec server_open_at(const struct server *server, const struct settings *settings, bool stranger, usec now);
/* A trial of an unknown credential begins; server_release must follow. */
void server_reserve(struct server *server);
/* The trial has ended; refused: the server said that the credential is wrong, or gave no cause. */
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
