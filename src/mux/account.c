/* An account joins its parts. News of one part reaches the others here, and nowhere else. The step function
 * below is the only place from which anything is begun; everything else marks the account as runnable. It never dials
 * while an open connection forbids a further one. It goes away only without members and waiting logins, and with every
 * connection closed. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account_inside.h"

static usec now_of(const struct account *account)
{
    return task_now(&account->task);
}

static bool is_logged_in(const struct account *account)
{
    return slots_logged_in(&account->slots) > 0;
}

static bool has_work(const struct account *account)
{
    return jobs_wait(account->jobs) || slots_work(&account->slots);
}

/* --- the account's state */

const char *account_name(const struct account *account)
{
    return account->name;
}

bool account_is_of(const struct account *account, struct slice user)
{
    const char *id = account->authorization_id && account->authorization_id[0] ? account->authorization_id
                                                                               : account->authentication_id;

    return slice_equal(user, slice_of(id));
}

struct slice account_key(const struct account *account)
{
    return (struct slice){account->key, account->key_length};
}

struct logins *account_logins(struct account *account)
{
    return account->logins;
}

const struct capability_set *account_capabilities(const struct account *account)
{
    return &account->capabilities;
}

bool account_wants_modseq(const struct account *account, const struct mailbox *mailbox)
{
    const struct slot *slot = slots_with(&account->slots, mailbox);

    return slot && upstream_has_condstore(slot_upstream(slot));
}

bool account_tells_vanished(const struct account *account, const struct mailbox *mailbox)
{
    const struct slot *slot = slots_with(&account->slots, mailbox);

    return slot && upstream_has_qresync(slot_upstream(slot));
}

/* --- members */

bool account_join(struct account *account, struct account_member *member)
{
    if (account->ending || account->members.count >= account->ground->settings->sessions_per_account)
        return false;
    members_join(&account->members, member);
    account->options.counted(account->options.owner, 1);
    task_wake(&account->task);
    return true;
}

void account_leave(struct account *account, struct account_member *member)
{
    members_leave(&account->members, member);
    account->options.counted(account->options.owner, -1);
    task_wake(&account->task);
}

void account_end_members(struct account *account, const char *reason)
{
    members_end(&account->members, reason);
}

size_t account_retire_members(struct account *account, size_t most)
{
    return members_retire(&account->members, most, account->ending);
}

bool account_ask(struct account *account, struct mailbox *mailbox, enum job_goal goal)
{
    return slots_ask(&account->slots, mailbox, goal);
}

/* A client that begins to wait on a mailbox wants to know what has happened there meanwhile. */
void account_interest_changed(struct account *account)
{
    struct account_member *member;

    for (member = account->members.first; member; member = member->next) {
        struct mailbox *mailbox = member->view ? member->view->mailbox : NULL;
        if (member->idling && mailbox && !account_is_selected(account, mailbox) &&
            now_of(account) - mailbox->looked_at > account->ground->settings->freshness)
            (void)account_ask(account, mailbox, JOB_LOOK);
    }
    task_wake(&account->task);
}

/* --- mailboxes */

static bool mailbox_is_needed(void *owner, const struct mailbox *mailbox)
{
    const struct account *account = owner;

    return jobs_need(account->jobs, mailbox) || slots_need(&account->slots, mailbox);
}

static void mailbox_is_dropped(void *owner, struct mailbox *mailbox)
{
    struct account *account = owner;

    slots_mailbox_dropped(&account->slots, mailbox);
}

static const struct mailboxes_ops mailboxes_ops = {.needed = mailbox_is_needed, .dropped = mailbox_is_dropped};

/* --- events of the slots */

static void on_before_login(void *owner, struct slot *slot, const struct capability_set *capabilities)
{
    struct account *account = owner;

    (void)slot;
    server_note_capabilities(account->options.server, capabilities);
    permit_logs_in(&account->permit, now_of(account));
}

static bool on_capabilities(void *owner, struct slot *slot, const struct capability_set *now)
{
    struct account *account = owner;

    return slot_is_further(slot) || offered_take(&account->capabilities, now, account->ground->log, account->name);
}

/* The session may be another user's now, so nothing from before may reach anybody. */
static void change_hands(struct account *account)
{
    static const char reason[] = "Another login has taken over this account; please log in again";

    log_line(account->ground->log, LOG_WARNING, "%s: another login has taken over the session (see tokens = checked)",
             account->name);
    for (size_t i = 1; i < account->slots.count; i++)
        slot_drop(account->slots.at[i], "another login has taken over the session");
    slots_end_jobs(&account->slots, reason);
    members_end(&account->members, reason);
    mailboxes_forget(account->mailboxes, reason);
}

static void on_ready(void *owner, struct slot *slot, const struct credential *credential)
{
    struct account *account = owner;
    const struct link_ends *ends = upstream_ends(slot_upstream(slot));

    if (slot_is_further(slot)) {
        permit_further_ready(&account->permit, ends, now_of(account));
        logins_further_accepted(account->logins, credential, now_of(account));
        return;
    }
    permit_ready(&account->permit, ends, now_of(account));
    if (logins_accepted(account->logins, LOGINS_ON_FIRST, credential, now_of(account)))
        change_hands(account);
}

static void on_alert(void *owner, struct slice text)
{
    struct account *account = owner;

    members_alert(&account->members, text, now_of(account));
}

/* Judges a connection's credential by the way the connection ended. */
static void judge_end(struct account *account, enum logins_place place, const struct upstream_end *end)
{
    if (logins_failed(account->logins, place, end, now_of(account)))
        members_end(&account->members, "The mail server no longer accepts the password of this account");
}

/* The others go on, and so does the account. */
static void one_is_lost(struct account *account, const struct upstream_end *end, unsigned others)
{
    logins_further_refused(account->logins, end);
    permit_further_closed(&account->permit, end, others, now_of(account));
}

/* Is it one of several? The account's connection is lost with the last one, and where it was dialled as such. */
static bool is_one_of_several(const struct account *account, const struct slot *slot, const struct upstream_end *end,
                              unsigned others)
{
    if (slot_is_further(slot))
        return others > 0 || !end->was_ready || logins_tries_in_place(account->logins);
    return others > 0 && end->was_ready && !logins_tries_in_place(account->logins);
}

static bool on_closed(void *owner, struct slot *slot, const struct upstream_end *end)
{
    struct account *account = owner;
    unsigned others = slots_working_beside(&account->slots, slot);
    bool checked = logins_tries_in_place(account->logins), goes_on;

    if (is_one_of_several(account, slot, end, others)) {
        one_is_lost(account, end, others);
        return false;
    }
    if (!end->was_ready || end->refusal != REFUSAL_NONE)
        judge_end(account, LOGINS_ON_FIRST, end);
    goes_on = logins_tries_in_place(account->logins);
    permit_closed(&account->permit, end,
                  goes_on   ? PERMIT_CHECK_GOES_ON
                  : checked ? PERMIT_CHECK_OVER
                            : PERMIT_NO_CHECK,
                  logins_wait(account->logins) || has_work(account), now_of(account));
    return goes_on;
}

static const struct slot_ops slot_ops = {.before_login = on_before_login,
                                         .ready = on_ready,
                                         .capabilities = on_capabilities,
                                         .alert = on_alert,
                                         .closed = on_closed};

/* --- connections: every connection for this user is opened here */

void account_dial(struct account *account, struct slot *slot, struct upstream_login *with, bool further)
{
    assert(account_has_room(account));
    assert(!further || slot_is_working(slots_first(&account->slots)));
    with->between = further ? permit_further_dialled(&account->permit, now_of(account))
                            : permit_dialled(&account->permit, now_of(account));
    slot_dial(slot, with, further);
}

static void on_verified(void *owner, const struct credential *credential)
{
    struct account *account = owner;
    bool taken_over = logins_accepted(account->logins, LOGINS_ON_SECOND, credential, now_of(account));

    assert(!taken_over);
    task_wake(&account->task);
}

static void on_verifier_closed(void *owner, const struct upstream_end *end)
{
    struct account *account = owner;

    judge_end(account, LOGINS_ON_SECOND, end);
    task_wake(&account->task);
}

static void on_verifier_logs_in(void *owner)
{
    struct account *account = owner;

    permit_logs_in(&account->permit, now_of(account));
}

static const struct verifier_ops verifier_ops = {
    .logs_in = on_verifier_logs_in, .accepted = on_verified, .closed = on_verifier_closed};

static void dial_verifier(struct account *account, const struct upstream_login *with)
{
    assert(account->options.settings->verify_connection && account_has_room_to_verify(account));
    if (!verifier_dial(account->verifier, with))
        logins_second_is_impossible(account->logins, now_of(account));
}

/* --- the step */

static bool is_wanted(const struct account *account)
{
    return account->members.count > 0 || logins_wait(account->logins);
}

static struct logins_facts logins_facts(struct account *account)
{
    const struct slot *slot = slots_first(&account->slots);

    return (struct logins_facts){.now = now_of(account),
                                 .logged_in = is_logged_in(account),
                                 .disconnected = slot_is_away(slot),
                                 .ending = account->ending,
                                 .jobs_wait = jobs_wait(account->jobs),
                                 .works = has_work(account),
                                 .turns = slots_turns(&account->slots),
                                 .quiet_since = slots_quiet_since(&account->slots),
                                 .second_free = account_has_room_to_verify(account),
                                 .second_room = account_may_verify(account)};
}

static void step_logins(struct account *account, usec *deadline)
{
    struct logins_facts facts = logins_facts(account);
    struct upstream_login with;

    logins_step(account->logins, &facts, deadline);
    if (logins_try_on_second(account->logins, &facts, &with, deadline))
        dial_verifier(account, &with);
}

static void free_account(void *object)
{
    account_free(object);
}

static void go_away(struct account *account)
{
    slots_end_jobs(&account->slots, "the account has been closed");
    permit_clear(&account->permit);
    account->options.gone(account->options.owner, account);
    task_clear(&account->task);
    runqueue_dispose(account->ground->runqueue, free_account, account);
}

static void reconnect(struct account *account, struct slot *slot, usec now, usec *deadline)
{
    bool hurries = logins_wait(account->logins) || has_work(account);
    struct upstream_login with;
    usec at;

    if (!account_has_room(account)) /* one that is closing wakes the account */
        return;
    if (logins_came(account->logins) != account->came)
        permit_somebody_came(&account->permit, now);
    account->came = logins_came(account->logins);
    at = permit_open_at(&account->permit, hurries, now);
    account->seeks = at > now;
    if (at > now)
        *deadline = at < *deadline ? at : *deadline;
    else if (logins_choose(account->logins, &with, now, deadline))
        account_dial(account, slot, &with, false);
    else
        permit_decline(&account->permit);
}

static bool has_lingered(const struct account *account, usec now, usec *deadline)
{
    return !has_work(account) && linger_is_over(&account->linger, account->ground->settings, now, deadline);
}

static void log_out(struct account *account, struct slot *slot)
{
    if (!account->ending && slot == slots_first(&account->slots))
        log_line(account->ground->log, LOG_INFO, "%s: the last client has gone; logging out upstream", account->name);
    slot_log_out(slot);
}

static void work(struct account *account, struct slot *slot, usec now, usec *deadline)
{
    struct logins_facts facts = logins_facts(account);

    if ((account->ending && account->members.count == 0 && !has_work(account)) || has_lingered(account, now, deadline))
        log_out(account, slot);
    else if (slot == slots_first(&account->slots) && !scheduler_works(slot_scheduler(slot)) &&
             logins_try_in_place(account->logins, &facts, deadline))
        slot_check(slot);
    else if (account_is_superfluous(account, slot, now, deadline))
        account_give_up(account, slot);
    else
        slot_work(slot, now, deadline);
}

/* Why no connection will be made again; NULL: one may be. */
const char *account_is_over(const struct account *account)
{
    if (account->ending)
        return account->ending;
    return account->options.settings->removed ? "The settings name another mail server now; please log in again" : NULL;
}

/* Nobody wants it any more; but while its measure of logins counts it stays, without a connection. */
static bool is_forgettable(const struct account *account, usec now, usec *deadline)
{
    usec until = permit_matters_until(&account->permit);

    if (account_is_over(account) || until <= now)
        return true;
    *deadline = until < *deadline ? until : *deadline;
    return false;
}

static bool may_go(const struct account *account)
{
    return !is_wanted(account) && slots_connected(&account->slots) == 0 && verifier_is_free(account->verifier);
}

/* True: the account has gone. */
static bool step_away(struct account *account, struct slot *slot, usec now, usec *deadline)
{
    if (!logins_tries_in_place(account->logins))
        slot_checked(slot);
    if (account_is_over(account)) { /* what they wait for will not come */
        logins_end(account->logins, LOGIN_UNAVAILABLE, account_is_over(account));
        account_end_members(account, account_is_over(account));
    } else if (is_wanted(account) || jobs_owed(account->jobs, now)) {
        reconnect(account, slot, now, deadline);
        return false;
    }
    if (!may_go(account) || !is_forgettable(account, now, deadline))
        return false;
    go_away(account);
    return true;
}

/* A client is told after login_wait why its command is not carried out: a mail program that hears nothing for a minute
 * gives up the connection. */
static void answer_jobs(struct account *account, usec now, usec *deadline)
{
    usec patience = account->ground->settings->login_wait, oldest;
    char text[700];

    if (is_logged_in(account) || !jobs_wait(account->jobs))
        return;
    permit_explain(&account->permit, now, text, sizeof(text));
    oldest = jobs_end_older(account->jobs, now - patience, text);
    if (oldest != USEC_NEVER && oldest + patience < *deadline)
        *deadline = oldest + patience;
}

static void step(struct task *task, usec now)
{
    struct account *account = (struct account *)task;
    usec deadline = USEC_NEVER;

    account->seeks = false;
    slots_order(&account->slots);
    step_logins(account, &deadline);
    linger_note(&account->linger, is_wanted(account), now);
    for (size_t i = account->slots.count; i-- > 0;) { /* the first one rests if another takes the work */
        struct slot *slot = account->slots.at[i];
        if (slot_can_work(slot))
            work(account, slot, now, &deadline);
        else if (i == 0 && slot_is_away(slot) && step_away(account, slot, now, &deadline))
            return;
    }
    if (!account->seeks) /* it may have stood in the row for somebody who has gone: nobody gets past it */
        permit_decline(&account->permit);
    account_seek_further(account, now, &deadline);
    answer_jobs(account, now, &deadline);
    task_set_deadline(&account->task, deadline);
}

/* --- making and ending */

static bool copy_names(struct account *account, const struct identity *identity)
{
    account->name = identity_name(identity, account->options.settings);
    account->key = slice_copy(identity->key);
    account->key_length = identity->key.length;
    account->authorization_id = slice_copy(identity->authorization_id);
    account->authentication_id = slice_copy(identity->authentication_id);
    return account->name && account->key && account->authorization_id && account->authentication_id;
}

static bool make_logins(struct account *account)
{
    const struct account_options *options = &account->options;

    account->logins = logins_new(&(struct logins_options){.ground = account->ground,
                                                          .task = &account->task,
                                                          .settings = options->settings,
                                                          .server = options->server,
                                                          .permit = &account->permit,
                                                          .reputation = options->reputation,
                                                          .room = options->room,
                                                          .account = account,
                                                          .name = account->name,
                                                          .key = account_key(account),
                                                          .authorization_id = slice_of(account->authorization_id),
                                                          .authentication_id = slice_of(account->authentication_id)});
    return account->logins != NULL;
}

static bool make_slots(struct account *account)
{
    struct slot_options options = {.ground = account->ground,
                                   .task = &account->task,
                                   .settings = account->options.settings,
                                   .jobs = account->jobs,
                                   .mailboxes = account->mailboxes,
                                   .hierarchy = &account->hierarchy,
                                   .members = &account->members,
                                   .name = account->name,
                                   .ops = &slot_ops,
                                   .owner = account};

    return slots_make(&account->slots, &options);
}

static bool make_parts(struct account *account)
{
    struct verifier_options verifier = {.ground = account->ground,
                                        .settings = account->options.settings,
                                        .name = account->name,
                                        .ops = &verifier_ops,
                                        .owner = account};

    permit_init(&account->permit, &(struct permit_options){.ground = account->ground,
                                                           .settings = account->options.settings,
                                                           .server = account->options.server,
                                                           .task = &account->task,
                                                           .name = account->name,
                                                           .key = account_key(account)});
    account->mailboxes = mailboxes_new(account->ground->runqueue, &mailboxes_ops, account);
    account->jobs = jobs_new(account->ground->runqueue);
    account->hierarchy = (struct hierarchy){.jobs = account->jobs, .mailboxes = account->mailboxes};
    account->verifier = verifier_new(&verifier);
    return account->mailboxes && account->jobs && account->verifier && make_logins(account) && make_slots(account);
}

struct account *account_new(const struct account_options *options, const struct identity *identity)
{
    struct account *account = calloc(1, sizeof(*account));

    if (!account)
        return NULL;
    account->options = *options;
    account->ground = options->ground;
    account->ending = options->ending;
    task_init(&account->task, account->ground->runqueue, step);
    account->linger.unwanted_since = now_of(account);
    account->unwatched_since = USEC_NEVER;
    if (copy_names(account, identity) && make_parts(account))
        return account;
    account_free(account);
    return NULL;
}

void account_free(struct account *account)
{
    if (!account)
        return;
    members_end(&account->members, "shutting down"); /* those without a client */
    permit_clear(&account->permit);
    task_clear(&account->task);
    slots_end_jobs(&account->slots, "the account has been closed");
    if (account->logins) {
        logins_end_trials(account->logins, now_of(account));
        logins_end(account->logins, LOGIN_UNAVAILABLE, "shutting down");
    }
    mailboxes_free(account->mailboxes);
    slots_free(&account->slots);
    verifier_free(account->verifier);
    jobs_free(account->jobs);
    logins_free(account->logins);
    capability_set_clear(&account->capabilities);
    free(account->authentication_id);
    free(account->authorization_id);
    free(account->key);
    free(account->name);
    free(account);
}

void account_shutdown(struct account *account, const char *reason)
{
    account->ending = reason;
    logins_end(account->logins, LOGIN_UNAVAILABLE, reason);
    verifier_log_out(account->verifier);
    for (size_t i = 0; i < account->slots.count; i++) {
        if (!slot_is_logged_in(account->slots.at[i]))
            slot_log_out(account->slots.at[i]);
    }
    task_wake(&account->task);
}
