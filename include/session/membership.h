/* A session's place in its account: whether it has joined, the view of its selected mailbox, and whether it waits in
 * IDLE. The only place that writes these three; the account reads them through its member (mux/account.h). */
#ifndef IMAPMUX_SESSION_MEMBERSHIP_H
#define IMAPMUX_SESSION_MEMBERSHIP_H

#include <stdbool.h>

#include "mailbox/view.h"
#include "mux/account.h"

struct task;

struct membership {
    struct account *account; /* NULL: not logged in, or the session has left it */
    struct account_member member;
    struct view *view;         /* of the selected mailbox; owned; NULL: none. Once it has ended its mailbox is NULL */
    const char *ended;         /* why the view has ended: a constant text, "" for the session's own DELETE or RENAME */
    bool numbers_changed;      /* messages have come or gone; cleared by membership_take_numbers_changed */
    bool flags_changed;        /* flags have changed; cleared by membership_take_flags_changed */
    struct task *task;         /* borrowed: woken when there is something to do */
    void (*doom)(void *owner); /* what is asked upstream for this view must not be carried out for another one */
};

/* Callbacks of the account: end, retire and alert of the member, with `owner` as first argument; doom likewise. */
struct membership_ops {
    void (*end)(void *owner, const char *reason);
    void (*retire)(void *owner, const char *reason);
    void (*alert)(void *owner, struct slice text);
    void (*doom)(void *owner);
};

/* Not joined, nothing selected. ops, owner and task are borrowed. */
void membership_init(struct membership *membership, const struct membership_ops *ops, void *owner, struct task *task);
/* False: the account has too many sessions (sessions_per_account). */
bool membership_join(struct membership *membership, struct account *account) __attribute__((warn_unused_result));
void membership_leave(struct membership *membership); /* its view ends, too; nothing happens if it has not joined */

/* Selects; takes `view`, whose ops must be membership_view_ops and its owner the membership. */
void membership_select(struct membership *membership, struct view *view);
extern const struct view_ops membership_view_ops;
void membership_unselect(struct membership *membership); /* nothing happens without a view */
/* The view, if it means something: NULL if nothing is selected or its mailbox is gone. */
struct view *membership_view(const struct membership *membership);

/* The client has begun or ended IDLE. The session must have joined; the account is told. */
void membership_set_idling(struct membership *membership, bool idling);
/* Is the client in IDLE? */
bool membership_is_idling(const struct membership *membership);
/* Returns whether something has changed since the last call, and forgets it. */
bool membership_take_numbers_changed(struct membership *membership);
/* Whether flags have changed since the last call, and forgets it. */
bool membership_take_flags_changed(struct membership *membership);

#endif
