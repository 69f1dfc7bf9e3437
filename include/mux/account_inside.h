/* The inside of an account, shared by its files: account.c (members, connections, the step) and account_mailboxes.c
 * (what sessions ask of its mailboxes and jobs). Nobody else includes it. */
#ifndef IMAPMUX_MUX_ACCOUNT_INSIDE_H
#define IMAPMUX_MUX_ACCOUNT_INSIDE_H

#include "mux/account.h"
#include "mux/hierarchy.h"
#include "mux/linger.h"
#include "mux/mailboxes.h"
#include "mux/members.h"
#include "mux/offered.h"
#include "mux/permit.h"
#include "mux/slots.h"
#include "mux/verifier.h"

struct account {
    struct task task;
    struct account_options options;
    struct ground *ground;
    char *name; /* for the log */
    char *key;
    size_t key_length;
    char *authorization_id;
    char *authentication_id;
    const char *ending; /* why nobody is let in any more: the last member's leave is the logout; NULL: it lives on */

    struct members members;
    struct linger linger;
    struct logins *logins;
    struct mailboxes *mailboxes;
    struct jobs *jobs;
    struct hierarchy hierarchy;
    struct capability_set capabilities; /* the last list after a login */

    struct slots slots;
    struct verifier *verifier;
    struct permit permit;
    uint64_t came; /* logins, as far as the permit knows */
};

/* Work of the account's own about a mailbox: see scheduler_ask. */
bool account_ask(struct account *account, struct mailbox *mailbox, enum job_goal goal);

#endif
