/* One of the upstream sessions that the server permits an account at a time: its connection, its selection and turns
 * (mux/scheduler), and what it does when nobody asks (mux/watch). The account says when it connects, and with which
 * credential.
 *
 *     AWAY --dial--> CONNECTING --ready--> WORKING --log out--> LEAVING
 *      ^                  |                |  |  ^                 |
 *      +------closed------+-----closed-----+  |  |                 |
 *      |                                      v  | ready           |
 *      +---- closed, and the check is over -- CHECKING             |
 *      +---------------------------closed--------------------------+
 *
 * CHECKING lasts from the LOGOUT for a password that is checked in place until the server has spoken about it, over as
 * many connections as that takes, one after the other. */
#ifndef IMAPMUX_MUX_SLOT_H
#define IMAPMUX_MUX_SLOT_H

#include <stdbool.h>

#include "mux/ground.h"
#include "mux/jobs.h"
#include "mux/mailboxes.h"
#include "mux/members.h"
#include "mux/scheduler.h"
#include "mux/settings.h"
#include "mux/upstream.h"

struct slot;

#define SLOT_STATES(X)                                                                                                 \
    X(AWAY)       /* no connection */                                                                                  \
    X(CONNECTING) /* dialled, not logged in yet */                                                                     \
    X(WORKING)    /* logged in */                                                                                      \
    X(CHECKING)   /* logged out for a password that is checked in place, or dialled with it */                         \
    X(LEAVING)    /* logging out for good */

enum slot_state {
#define SLOT_STATE_ENUM(name) SLOT_##name,
    SLOT_STATES(SLOT_STATE_ENUM)
#undef SLOT_STATE_ENUM
};

/* Events that the account handles. */
struct slot_ops {
    /* A credential is about to be sent: the capabilities are those before the login. */
    void (*before_login)(void *owner, struct slot *slot, const struct capability_set *capabilities);
    /* Logged in with this credential, borrowed for the call. */
    void (*ready)(void *owner, struct slot *slot, const struct credential *credential);
    /* The server's list after the login, and each new one. False: out of memory. */
    bool (*capabilities)(void *owner, struct slot *slot, const struct capability_set *capabilities);
    void (*alert)(void *owner, struct slice text); /* the server's [ALERT] */
    /* The connection is closed. True: the check in place goes on, over a new connection. */
    bool (*closed)(void *owner, struct slot *slot, const struct upstream_end *end);
};

/* What the slots of an account decide together. */
struct slot_peers {
    /* See struct scheduler_options. */
    struct job *(*pick)(void *owner, struct scheduler *scheduler, const struct jobs_picker *here);
    /* Its connection is lost, at work; by_mailbox: see selection_lost. */
    void (*lost)(void *owner, const struct slot *slot, bool by_mailbox);
    /* Does this one make the rounds over the mailboxes that nobody has selected? */
    bool (*makes_rounds)(void *owner, const struct slot *slot);
};

/* All borrowed for as long as the slot lives. */
struct slot_options {
    struct ground *ground;
    struct task *task; /* the account's: woken when there may be something to do */
    const struct upstream_settings *settings;
    struct jobs *jobs;
    struct mailboxes *mailboxes;
    struct hierarchy *hierarchy;
    const struct members *members;
    const char *name;               /* of the account, for the log */
    const struct slot_peers *peers; /* NULL: it is the only one */
    void *peers_owner;
    const struct slot_ops *ops;
    void *owner;
};

/* Returns owned; NULL: out of memory. */
struct slot *slot_new(const struct slot_options *options);
void slot_free(struct slot *slot); /* without LOGOUT; its job must have ended (scheduler_end); NULL: nothing happens */

/* Borrowed for as long as the slot lives. */
struct scheduler *slot_scheduler(const struct slot *slot);
/* Its scheduler's selection. Borrowed for as long as the slot lives. */
struct selection *slot_selection(const struct slot *slot);
/* Its connection. Borrowed for as long as the slot lives. */
struct upstream *slot_upstream(const struct slot *slot);
bool slot_is_away(const struct slot *slot);      /* it has no connection */
bool slot_is_checking(const struct slot *slot);  /* see the diagram */
bool slot_is_logged_in(const struct slot *slot); /* until the connection is closed */
bool slot_is_working(const struct slot *slot);   /* the state */
bool slot_is_further(const struct slot *slot);   /* it was dialled beside one that was logged in */
bool slot_can_work(const struct slot *slot);     /* it is logged in and can take a command */
usec slot_quiet_since(const struct slot *slot);  /* the last command was answered */
usec slot_served_at(const struct slot *slot);    /* the last login, or the last turn of a client's job */

/* --- verbs of the account */

/* slot_is_away. further: another slot is logged in. */
void slot_dial(struct slot *slot, const struct upstream_login *with, bool further);
/* Carries out jobs, and rests when there are none. slot_can_work. */
void slot_work(struct slot *slot, usec now, usec *deadline);
void slot_check(struct slot *slot);   /* logs out for a check in place; slot_can_work */
void slot_checked(struct slot *slot); /* nobody wants the check any more; slot_is_away */
void slot_log_out(struct slot *slot); /* for good, whatever it does; nothing happens when it is away */
/* Closes the connection at once. Nothing happens when it is away. */
void slot_drop(struct slot *slot, const char *reason);

#endif
