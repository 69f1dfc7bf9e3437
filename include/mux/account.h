/* One user on one upstream: its clients (members), its mailboxes, its accepted credentials and its single upstream. The
 * scheduler. */
#ifndef IMAPMUX_MUX_ACCOUNT_H
#define IMAPMUX_MUX_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/capability.h"
#include "mailbox/mailbox.h"
#include "mailbox/view.h"
#include "mux/credential.h"
#include "mux/job.h"
#include "mux/registry.h"

struct account;

/* --- logging in */

enum login_outcome {
    LOGIN_OK,
    LOGIN_REJECTED,    /* the upstream's own word that the credentials are wrong */
    LOGIN_LIMIT,       /* too many sessions there */
    LOGIN_UNAVAILABLE, /* anything else; proves nothing */
};

struct login_answer {
    enum login_outcome outcome;
    struct account *account; /* LOGIN_OK: join it at once with account_join */
    struct slice text;       /* the server's words, if it had any; borrowed for the call */
    struct slice challenge; /* LOGIN_REJECTED of a token: what the server said of it, or what stands for it; borrowed */
};

struct login_credentials {
    struct slice authorization_id; /* empty: the same as the authentication id */
    struct slice authentication_id;
    enum credential_kind kind;
    struct slice secret;
};

struct login; /* opaque: a login under way */

/* Opens the account or attaches to it. `address` is the key under which the client's address is counted. `done` is
 * called once, never from within this call; then the login is gone. Credentials are copied into locked memory; the
 * caller wipes his own. Returns borrowed; NULL: out of memory, or the names are too long; done is not called. */
struct login *login_begin(struct registry *registry, const struct upstream_settings *upstream,
                          const struct login_credentials *credentials, uint64_t address,
                          void (*done)(void *owner, const struct login_answer *answer), void *owner);
void login_cancel(struct login *login); /* done will not be called */

/* --- members: sessions that are logged in */

struct account_member {
    struct account_member *prev, *next;
    void *owner;
    /* The account has ended (credentials no longer accepted, shutdown): say BYE. */
    void (*end)(void *owner, const char *reason);
    /* It is to end as soon as the command in progress has been answered; none of those behind it is begun. The reason
     * is a constant. The account calls it once. */
    void (*retire)(void *owner, const char *reason);
    bool retired;                                  /* private: it has been called */
    void (*alert)(void *owner, struct slice text); /* the server's [ALERT] text: write "* OK [ALERT] text" */
    struct view *view;                             /* what it has selected, or NULL: kept up to date by the session */
    bool idling; /* it is in IDLE now; call account_interest_changed after a change of either */
};

/* False: the account has too many sessions (sessions_per_account). */
bool account_join(struct account *account, struct account_member *member);
void account_leave(struct account *account, struct account_member *member);
void account_interest_changed(struct account *account);

/* --- what a session asks of it */

const char *account_name(const struct account *account); /* "user@upstream", for the log */
struct registry *account_registry(const struct account *account);
/* What the upstream announced after login, hidden ones taken out; the last list while it reconnects. */
const struct capability_set *account_capabilities(const struct account *account);
/* Every FETCH that asks the upstream for FLAGS must ask for MODSEQ as well: flags without it would leave an old modseq
 * beside them. */
bool account_wants_modseq(const struct account *account);
char account_separator(const struct account *account); /* hierarchy separator; 0: not known or flat */
/* A LIST answer has told it. */
void account_note_separator(struct account *account, char separator);
/* The truth of a mailbox by its name (made canonical); made if not there. NULL: out of memory. */
struct mailbox *account_mailbox(struct account *account, struct slice name);
struct mailbox *account_find_mailbox(struct account *account, struct slice name); /* NULL: not there */
/* The upstream has it selected and its map (and tail) in step. */
bool account_in_step(const struct account *account, const struct mailbox *mailbox);
bool account_flags_in_step(const struct account *account, const struct mailbox *mailbox);
bool account_is_fresh(const struct account *account, const struct mailbox *mailbox);
bool account_is_selected(const struct account *account, const struct mailbox *mailbox);
/* Somebody has changed it from outside (APPEND, COPY): look at it soon if a view is on it. */
void account_mailbox_touched(struct account *account, struct slice name);
/* DELETE or RENAME has been answered OK: views on it (and on its inferiors) end, all with * BYE but `except`, which
 * just ends. What is known of it is forgotten. */
void account_mailbox_gone(struct account *account, struct slice name, bool inferiors, const char *reason,
                          struct view *except);
/* What is known of it is no longer sure (RENAME INBOX). */
void account_mailbox_out_of_step(struct account *account, struct slice name);
/* A STATUS answer about a mailbox that is not selected: marks it out of step and looks at it if it differs from the
 * truth. */
void account_status_seen(struct account *account, struct mailbox *mailbox, const struct value *items);

#endif
