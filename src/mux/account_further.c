/* Sessions beside the first, where the server permits them. One is begun only when it helps: work waits for other work,
 * or clients idle on a mailbox that no session watches. Never before the first is logged in, nor with a credential that
 * the server has not accepted. It goes when nobody has needed it for a while. */
#include <stdio.h>

#include "mux/account_inside.h"

/* It is kept for so many times `linger`: logins are counted, and it may be needed again. */
#define FURTHER_LINGERS 10

/* --- room */

static unsigned permitted(const struct account *account)
{
    const char *name = account->authorization_id[0] ? account->authorization_id : account->authentication_id;

    return settings_sessions(account->options.settings, slice_of(name));
}

/* The verifier's one may be the second. */
static size_t connections_permitted(const struct account *account)
{
    size_t sessions = permitted(account);

    return account->options.settings->verify_connection && sessions < 2 ? 2 : sessions;
}

static unsigned sessions_permitted(const struct account *account)
{
    return permit_sessions(&account->permit, permitted(account), task_now(&account->task));
}

bool account_has_room(const struct account *account)
{
    size_t sessions = slots_connected(&account->slots), verifying = !verifier_is_free(account->verifier);

    return sessions < sessions_permitted(account) && sessions + verifying < connections_permitted(account);
}

bool account_may_verify(const struct account *account)
{
    return slots_connected(&account->slots) < connections_permitted(account);
}

bool account_has_room_to_verify(const struct account *account)
{
    return verifier_is_free(account->verifier) && account_may_verify(account);
}

/* --- a session too many */

static bool is_idled_on(const struct account *account, const struct slot *slot)
{
    const struct mailbox *selected = selection_mailbox(slot_selection(slot));

    return selected && members_idling(&account->members, selected) > 0;
}

bool account_is_superfluous(const struct account *account, const struct slot *slot, usec now, usec *deadline)
{
    usec until;

    if (account->slots.count == 1 || slots_working_beside(&account->slots, slot) == 0 ||
        scheduler_works(slot_scheduler(slot)))
        return false;
    if (slots_working_beside(&account->slots, NULL) > permitted(account))
        return slot != slots_first(&account->slots);
    if (is_idled_on(account, slot))
        return false;
    until = slot_served_at(slot) + FURTHER_LINGERS * account->ground->settings->linger;
    if (now < until && until < *deadline)
        *deadline = until;
    return now >= until;
}

void account_give_up(struct account *account, struct slot *slot)
{
    log_line(account->ground->log, LOG_INFO, "%s: a further session is not needed any more; logging it out",
             account->name);
    slot_log_out(slot);
}

/* --- a session too few */

/* What lasts no longer than this (0.25 s by default) is no reason for a login. */
static usec patience(const struct account *account)
{
    return 5 * account->ground->settings->idle_delay;
}

/* One that is in trouble is left alone by all. */
static bool is_unwatched(const struct mailbox *mailbox, usec now)
{
    return !mailbox->holder && !mailbox->deleted && now >= mailbox->shut_until;
}

static bool one_is_unwatched(const struct account *account, usec now)
{
    for (const struct account_member *member = account->members.first; member; member = member->next) {
        if (member->idling && member->view && member->view->mailbox && is_unwatched(member->view->mailbox, now))
            return true;
    }
    return false;
}

/* A client idles where nobody listens, and that has lasted. */
static usec unwatched_at(struct account *account, usec now)
{
    if (!one_is_unwatched(account, now))
        account->unwatched_since = USEC_NEVER;
    else if (account->unwatched_since == USEC_NEVER)
        account->unwatched_since = now;
    return account->unwatched_since == USEC_NEVER ? USEC_NEVER : account->unwatched_since + patience(account);
}

/* A client's job waits that another session could carry out. */
static usec work_waits_at(const struct account *account)
{
    for (const struct job *job = jobs_next(account->jobs, NULL); job; job = jobs_next(account->jobs, job)) {
        if (job->account && !job->background && (!job->mailbox || !job->mailbox->holder))
            return job->queueing.since + patience(account);
    }
    return USEC_NEVER;
}

/* One at a time: a session that is being opened may be all that lacks. */
static bool may_seek(const struct account *account)
{
    return !account_is_over(account) && account->members.count > 0 && slot_is_working(slots_first(&account->slots)) &&
           slots_connected(&account->slots) == slots_working_beside(&account->slots, NULL) &&
           account_has_room(account) && !account->options.server->no_place;
}

static void begin(struct account *account)
{
    struct upstream_login with;
    struct slot *slot = logins_choose_further(account->logins, &with) ? slots_further(&account->slots) : NULL;

    if (!slot) {
        permit_further_declined(&account->permit);
        return;
    }
    log_line(account->ground->log, LOG_INFO, "%s: opening a further session (max_sessions)", account->name);
    account_dial(account, slot, &with, true);
}

void account_seek_further(struct account *account, usec now, usec *deadline)
{
    usec at;

    permit_note_sessions(&account->permit, permitted(account));
    if (permitted(account) == 1 || !may_seek(account)) {
        permit_further_declined(&account->permit);
        return;
    }
    at = unwatched_at(account, now);
    at = usec_earlier(at, work_waits_at(account));
    if (at > now)
        permit_further_declined(&account->permit);
    else
        at = permit_further_at(&account->permit, now);
    if (at <= now)
        begin(account);
    else if (at < *deadline)
        *deadline = at;
}
