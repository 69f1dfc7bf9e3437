/* The sessions that are logged in to one account, in the order of their coming. */
#ifndef IMAPMUX_MUX_MEMBERS_H
#define IMAPMUX_MUX_MEMBERS_H

#include <stddef.h>

#include "mux/member.h"

/* Zero-initialised: nobody. */
struct members {
    struct account_member *first; /* DL list */
    size_t count;
};

/* Adds at the end. Borrows the member until members_leave. */
void members_join(struct members *members, struct account_member *member);
/* Takes off a member that has joined. */
void members_leave(struct members *members, struct account_member *member);
/* How many of them idle on this mailbox. */
unsigned members_idling(const struct members *members, const struct mailbox *mailbox);
/* Each may leave while it is told. */
void members_end(struct members *members, const char *reason);
/* Hands the text of an [ALERT] to every member that has not heard the same within the last hour. Borrowed for the call.
 */
void members_alert(struct members *members, struct slice text, usec now);
/* Retires at most so many of those that have not been told yet; returns how many. The reason is a constant. */
size_t members_retire(struct members *members, size_t most, const char *reason);

#endif
