/* May an account connect to its server now, and if not, why and until when: the account's one state for the log, for
 * clients that wait, and for whoever asks. It joins the account's own measure (pauses after an end, login budget, a
 * server that cuts the oldest session) with the server's (server.h). Connects nothing itself. */
#ifndef IMAPMUX_MUX_PERMIT_H
#define IMAPMUX_MUX_PERMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "mux/backoff.h"
#include "mux/bucket.h"
#include "mux/ghosts.h"
#include "mux/ground.h"
#include "mux/refusal.h"
#include "mux/server.h"
#include "mux/settings.h"
#include "mux/upstream.h"

/* The account's state. Of several reasons to wait the one that lasts longest counts. */
#define PERMIT_STATES(X)                                                                                               \
    X(OPEN)        /* it may connect */                                                                                \
    X(CONNECTED)   /* a connection stands, or is being made */                                                         \
    X(PAUSED)      /* the last connection ended or was refused: it waits before the next */                            \
    X(SPENT)       /* its login budget is used up */                                                                   \
    X(KICKED)      /* the server cuts the oldest session, so another program is left the only one */                   \
    X(SERVER_DOWN) /* the server cannot be reached; one account tries it */                                            \
    X(IN_ROW)      /* others of this server are before it */

enum permit_state {
#define PERMIT_STATE_ENUM(name) PERMIT_##name,
    PERMIT_STATES(PERMIT_STATE_ENUM)
#undef PERMIT_STATE_ENUM
};

/* All borrowed for as long as the permit lives. */
struct permit_options {
    struct ground *ground;
    const struct upstream_settings *settings;
    struct server *server;
    struct task *task; /* the account's: woken when it may connect */
    const char *name;  /* of the account, for the log */
    struct slice key;  /* of the account: see identity.h */
};

/* What is known of sessions beside the first. */
struct permit_further {
    struct server_visitor visitor;
    struct backoff backoff;
    usec retry_at;   /* not before */
    unsigned most;   /* sessions that the server has been seen to permit, until: */
    usec most_until; /* 0: it has never refused one */
    usec ready_at;   /* when the last one was logged in */
    unsigned silent; /* in a row that it closed without a word */
    unsigned cuts;   /* in a row that the server ended right after the last one's login, its own or another */
};

/* Written by its own functions only. */
struct permit {
    struct permit_options options;
    struct server_visitor visitor;
    struct server_waiter place;
    struct ghosts ghosts;
    bool no_place;        /* set by a refusal for want of a place, cleared when one is free or the account connects */
    struct bucket logins; /* of login_budget */
    struct backoff backoff;
    bool connected;
    usec retry_at;        /* after the last end: not before */
    bool kicked;          /* retry_at is the end of a kick_pause */
    enum refusal refusal; /* of the last connection that failed; REFUSAL_NONE: it did not */
    char reason[400];     /* in words: the server's if it had any; "": none */
    usec ready_at;        /* when the last session was logged in */
    unsigned cut_young;   /* sessions in a row that the server ended within a minute */
    struct permit_further further;
};

void permit_init(struct permit *permit, const struct permit_options *options);
/* Before its task or its server go. */
void permit_clear(struct permit *permit);

/* When may it connect? `now` or earlier: now. USEC_NEVER: others are before it, and its task is woken. hurries: a
 * client waits for it; then a pause after a failure is short, but not after a limit or a throttle. */
usec permit_open_at(struct permit *permit, bool hurries, usec now);
/* A client has come that wants to be let in. It is worth one more try where another program held the place before, as
 * far as the login budget goes. */
void permit_somebody_came(struct permit *permit, usec now);
/* It will not connect, although it may: it leaves the server's row. */
void permit_decline(struct permit *permit);
/* When may a credential be checked that nobody needs for the connection itself? A login stays for that one. */
usec permit_check_at(const struct permit *permit, usec now);

/* permit_open_at has said so. Returns between which ends the connection is to be made (see ghosts.h); NULL: any.
 * To be copied at once. */
const struct link_ends *permit_dialled(struct permit *permit, usec now);
void permit_logs_in(struct permit *permit, usec now); /* LOGIN or AUTHENTICATE is sent, on whatever connection */
/* The account's own connection is logged in; it stands between these ends (NULL: not known). */
void permit_ready(struct permit *permit, const struct link_ends *ends, usec now);
enum permit_check {
    PERMIT_NO_CHECK,      /* it was no connection of a check in place */
    PERMIT_CHECK_GOES_ON, /* the check goes on, and everybody waits for it */
    PERMIT_CHECK_OVER,    /* it has ended, and everybody has waited for it */
};
/* The account's own connection has ended. hurries: a client waits. */
void permit_closed(struct permit *permit, const struct upstream_end *end, enum permit_check check, bool hurries,
                   usec now);

/* --- permit_further.c: sessions beside one that is logged in. Nobody waits for them, and a login is kept for the first
 */

/* How many sessions at once: so many as the settings permit, or fewer where the server has refused one. At least 1. */
unsigned permit_sessions(const struct permit *permit, unsigned permitted, usec now);
void permit_note_sessions(struct permit *permit, unsigned permitted); /* so many by the settings */
/* When may one be begun? As permit_open_at: it stands in the server's row from here on. */
usec permit_further_at(struct permit *permit, usec now);
void permit_further_declined(struct permit *permit); /* none is wanted: it leaves the row */
/* Returns between which ends, as permit_dialled. */
const struct link_ends *permit_further_dialled(struct permit *permit, usec now);
void permit_further_ready(struct permit *permit, const struct link_ends *ends, usec now); /* ends: NULL: not known */
/* The connection of a session has ended beside `others` that go on. One more was refused as limit, or the server
 * has twice cut one for it: the server permits `others` and no more, for a day. */
void permit_further_closed(struct permit *permit, const struct upstream_end *end, unsigned others, usec now);

/* Until then what it knows counts: forgotten earlier, an account that is made anew would ask the server too often. */
usec permit_matters_until(const struct permit *permit);

/* The state, and until when it lasts at least (USEC_NEVER: not foreseeable). */
enum permit_state permit_state(const struct permit *permit, usec now, usec *until);
const char *permit_state_name(enum permit_state state); /* "SERVER_DOWN"; a constant */
/* Why a client cannot be served now, in words for it. */
void permit_explain(const struct permit *permit, usec now, char *text, size_t size);

#endif
