/* One user on one upstream: its clients (members), its mailboxes, its accepted credentials, its jobs, and the upstream
 * sessions that carry them out. The functions that sessions call, and those of the registry.
 *
 * It owns every connection to the server for its user, the short one that checks a password included, so that "never
 * more than permitted" is asserted in one file. */
#ifndef IMAPMUX_MUX_ACCOUNT_H
#define IMAPMUX_MUX_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/capability.h"
#include "mailbox/mailbox.h"
#include "mailbox/view.h"
#include "mux/identity.h"
#include "mux/job.h"
#include "mux/logins.h"
#include "mux/member.h"

struct account;

/* --- for the registry */

struct account_options {
    struct ground *ground;
    const struct upstream_settings *settings; /* borrowed for life, as the next three */
    struct server *server;
    struct reputation *reputation;
    struct credential_room *room;
    const char *ending; /* why nobody is let in any more, a constant; NULL: not shutting down */
    /* It has nobody left and no connection: out of the registry with it. It is freed after this event round. */
    void (*gone)(void *owner, struct account *account);
    void (*counted)(void *owner, int change); /* a session has joined (1) or left (-1) */
    void *owner;
};

/* The names are copied. Returns owned; NULL: out of memory. */
struct account *account_new(const struct account_options *options, const struct identity *identity);
void account_free(struct account *account); /* at once, without LOGOUT; NULL: nothing happens */
/* The logins that wait at this account. Borrowed for as long as the account lives. */
struct logins *account_logins(struct account *account);
struct slice account_key(const struct account *account); /* see identity.h */
/* Admits nobody any more; waiting clients get the reason, a constant. It logs out and goes once its members have
 * left, and is not dialled again. */
void account_shutdown(struct account *account, const char *reason);
/* Retires at most so many of its members that have not been told yet; returns how many. */
size_t account_retire_members(struct account *account, size_t most);
/* Ends all its members with this reason (member->end); each may leave meanwhile. */
void account_end_members(struct account *account, const char *reason);

/* --- members */

/* False: the account has too many sessions (sessions_per_account), or is ending. */
bool account_join(struct account *account, struct account_member *member);
/* The member has joined; it is none from here on and is not called any more. */
void account_leave(struct account *account, struct account_member *member);
/* A member's view or idling has changed. */
void account_interest_changed(struct account *account);

/* --- jobs */

/* Queued after those that wait. Returns borrowed (the account owns it); NULL: out of memory, nothing happens. `wanted`
 * is copied: set what stands above "private". done is never called from within. */
struct job *job_submit(struct account *account, const struct job *wanted);
/* The owner is no longer interested: no op is called any more. An answer in flight is read to its end and dropped. */
void job_abandon(struct job *job);
/* The job must not be built any more, because its purpose is gone. It ends JOB_DEAD at its turn. */
void job_doom(struct job *job);

/* --- for sessions */

const char *account_name(const struct account *account); /* "user@upstream", for the log */
/* Is this the user's name, as the server knows it? */
bool account_is_of(const struct account *account, struct slice user);
/* The capabilities that the upstream announced after login, without hidden ones. During a reconnect, the last list. */
const struct capability_set *account_capabilities(const struct account *account);
/* Called by `build`: must the FETCH that asks for FLAGS of this mailbox ask for MODSEQ as well? Flags without it would
 * leave an old modseq beside them. */
bool account_wants_modseq(const struct account *account, const struct mailbox *mailbox);
/* Called by `build`: can a FETCH of this mailbox ask for VANISHED? */
bool account_tells_vanished(const struct account *account, const struct mailbox *mailbox);
/* An answer to LIST or NAMESPACE has told a separator of names. */
void account_note_separator(struct account *account, const struct value *separator);
/* The truth of a mailbox by its name (made canonical); made if not there. NULL: out of memory. */
struct mailbox *account_mailbox(struct account *account, struct slice name);
struct mailbox *account_find_mailbox(struct account *account, struct slice name); /* NULL: not there */
/* The upstream has it selected and its map (and tail) in step. */
bool account_in_step(const struct account *account, const struct mailbox *mailbox);
/* Selected upstream, and so are all its flags in step. */
bool account_flags_in_step(const struct account *account, const struct mailbox *mailbox);
/* Selected upstream, in step, and looked at not longer ago than `freshness`. */
bool account_is_fresh(const struct account *account, const struct mailbox *mailbox);
/* Does a session of the account have it selected upstream? */
bool account_is_selected(const struct account *account, const struct mailbox *mailbox);
/* Somebody has changed it from outside (APPEND, COPY): look at it soon if a view is on it. */
void account_mailbox_touched(struct account *account, struct slice name);
/* DELETE or RENAME has been answered OK: views on it end, all with * BYE but `except`, which just ends. All knowledge
 * of it is forgotten. What else the command took away is found by the job's name_change. */
void account_mailbox_gone(struct account *account, struct slice name, const char *reason, struct view *except);
/* The knowledge of it is no longer sure (RENAME INBOX). */
void account_mailbox_out_of_step(struct account *account, struct slice name);
/* A STATUS answer about a mailbox that is not selected: marks it out of step and looks at it if it differs from the
 * truth. */
void account_status_seen(struct account *account, struct mailbox *mailbox, const struct value *items);

#endif
