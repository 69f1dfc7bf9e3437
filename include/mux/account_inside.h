/* The inside of an account, shared by its files: account.c (members, connections, the step), account_further.c
 * (sessions beside the first) and account_mailboxes.c (what clients' sessions ask of its mailboxes and jobs). Nobody
 * else includes it. */
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
    uint64_t came;        /* logins, as far as the permit knows */
    bool seeks;           /* set in a step in which it waits to be let in by the permit */
    usec unwatched_since; /* a client idles on a mailbox that no session watches; USEC_NEVER: none does */
};

/* Work of the account's own about a mailbox: see scheduler_ask. */
bool account_ask(struct account *account, struct mailbox *mailbox, enum job_goal goal);

/* Why no connection will be made again; NULL: one may be. */
const char *account_is_over(const struct account *account);
/* Every connection for the account's sessions is opened here. There must be room. further: beside one that works. */
void account_dial(struct account *account, struct slot *slot, struct upstream_login *with, bool further);

/* --- account_further.c: how many connections there may be, and what further sessions are for */

/* May one more session be begun, so that there are never more connections than permitted, the verifier's included? */
bool account_has_room(const struct account *account);
/* The same for the verifier's connection. */
bool account_has_room_to_verify(const struct account *account);
/* Could the verifier have a connection beside the sessions that there are? */
bool account_may_verify(const struct account *account);
/* There are others, and nobody has needed this session of late, or there are more than permitted now. */
bool account_is_superfluous(const struct account *account, const struct slot *slot, usec now, usec *deadline);
void account_give_up(struct account *account, struct slot *slot); /* logs it out: it is superfluous */
/* Begins a further session where one would help, is permitted, and may be begun now. */
void account_seek_further(struct account *account, usec now, usec *deadline);

#endif
