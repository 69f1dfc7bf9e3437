/* A session that is logged in, as the account sees it. The session owns it; between account_join and account_leave the
 * account keeps it in its list. */
#ifndef IMAPMUX_MUX_MEMBER_H
#define IMAPMUX_MUX_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "mailbox/view.h"

/* The [ALERT]s that a member has heard last. Written by mux/members only. */
#define ALERTS_KEPT 4
struct alerts_heard {
    uint64_t words[ALERTS_KEPT]; /* their hashes */
    usec at[ALERTS_KEPT];
    unsigned next; /* the place of the next one */
};

struct account_member {
    struct account_member *prev, *next; /* the account's */
    struct alerts_heard alerts;
    bool retired; /* set when the account calls `retire`, never cleared */
    void *owner;
    /* The account has ended (credentials no longer accepted, shutdown): say BYE. */
    void (*end)(void *owner, const char *reason);
    /* It is to end as soon as the command in progress has been answered; none of those after it is begun. The reason
     * is a constant. The account calls it once. */
    void (*retire)(void *owner, const char *reason);
    void (*alert)(void *owner, struct slice text); /* the server's [ALERT] text: write "* OK [ALERT] text" */
    struct view *view; /* of its selected mailbox, or NULL: kept up to date by the session */
    bool idling;       /* it is in IDLE now; account_interest_changed is called after a change of either */
};

#endif
