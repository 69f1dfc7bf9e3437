/* One user on one upstream: its members, its mailboxes, its upstream's comings and goings. The step function below is
 * the only place from which anything is begun; everything else marks the account as runnable. It never dials while the
 * upstream has a link, and goes away only when nobody is left and the upstream is disconnected. */
#include "mux/account.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account_inside.h"

#include <utlist.h>

const char *account_name(const struct account *account)
{
    return account->name;
}

struct registry *account_registry(const struct account *account)
{
    return account->registry;
}

struct log *account_log(const struct account *account)
{
    return account->ground->log;
}

const struct settings *account_settings(const struct account *account)
{
    return account->ground->settings;
}

const struct capability_set *account_capabilities(const struct account *account)
{
    return &account->capabilities;
}

bool account_has(const struct account *account, enum capability capability)
{
    return upstream_capabilities(account->upstream)->has[capability];
}

bool account_wants_modseq(const struct account *account)
{
    return upstream_has_condstore(account->upstream);
}

char account_separator(const struct account *account)
{
    return account->separator;
}

void account_note_separator(struct account *account, char separator)
{
    if (account->separator == '\0')
        account->separator = separator;
}

bool account_ready(const struct account *account)
{
    return account->logged_in;
}

/* --- members */

bool account_join(struct account *account, struct account_member *member)
{
    if (account->ending || account->member_count >= account_settings(account)->sessions_per_account)
        return false;
    DL_APPEND(account->members, member);
    account->member_count++;
    registry_count_sessions(account->registry, 1);
    task_wake(&account->task);
    return true;
}

void account_leave(struct account *account, struct account_member *member)
{
    DL_DELETE(account->members, member);
    account->member_count--;
    registry_count_sessions(account->registry, -1);
    if (account->member_count == 0)
        account->empty_since = task_now(&account->task);
    task_wake(&account->task);
}

void account_end_members(struct account *account, const char *reason)
{
    struct account_member *member, *next;

    DL_FOREACH_SAFE (account->members, member, next) {
        member->end(member->owner, reason);
    }
}

/* A client that begins to wait on a mailbox wants to know what has happened there meanwhile. */
void account_interest_changed(struct account *account)
{
    struct account_member *member;

    DL_FOREACH (account->members, member) {
        struct mailbox *mailbox = member->view ? member->view->mailbox : NULL;
        if (member->idling && mailbox && !account_is_selected(account, mailbox) &&
            task_now(&account->task) - mailbox->looked_at > account_settings(account)->freshness)
            scheduler_submit_own(account, mailbox, JOB_LOOK, false);
    }
    task_wake(&account->task);
}

/* --- the line */

void account_send(struct account *account, enum account_activity activity, struct outgoing *command)
{
    account->activity = activity;
    account->activity_number = upstream_send(account->upstream, command);
}

/* A server that contradicts itself without end is left alone for a pause. */
static void count_garbage(struct account *account)
{
    account->garbage_since_tag = true;
    if (++account->garbage > account_settings(account)->max_garbage)
        upstream_drop(account->upstream, "too much that cannot be understood");
}

void account_broken(struct account *account, const char *why)
{
    struct mailbox *mailbox = account->selected;

    log_line(account_log(account), LOG_WARNING, "%s: %s: out of step with the server (%s): resynchronising",
             account->name, mailbox ? mailbox->name : "-", why);
    if (mailbox)
        mailbox_doubt(mailbox);
    if (account->current)
        account->current->spoilt = true;
    fetch_intake_broken(account);
    count_garbage(account);
}

static void on_before_login(void *owner)
{
    struct account *account = owner;

    server_note_capabilities(account->server, upstream_capabilities(account->upstream));
}

/* A server that has been changed meanwhile. Clients keep the list that they were told. */
static void take_capabilities(struct account *account)
{
    const struct capability_set *now = upstream_capabilities(account->upstream);
    bool before = account->capabilities.known;

    for (size_t i = 0; before && i < CAPABILITY_COUNT; i++) {
        if (now->has[i] != account->capabilities.has[i])
            log_line(account_log(account), LOG_WARNING, "%s: the server %s %s", account->name,
                     now->has[i] ? "now has" : "no longer has", capability_name((enum capability)i));
    }
    if (!capability_set_copy(now, &account->capabilities))
        upstream_drop(account->upstream, "out of memory");
}

static void on_ready(void *owner, const struct credential *credential)
{
    struct account *account = owner;
    usec now = task_now(&account->task);

    account->logged_in = true;
    account->last_refusal = REFUSAL_NONE;
    account->garbage = 0;
    take_capabilities(account);
    log_line(account_log(account), LOG_INFO, "%s: logged in upstream", account->name);
    verification_accepted(account, credential, now);
    watch_connected(account, now);
    if (account->separator == '\0')
        scheduler_learn_separator(account);
    task_wake(&account->task);
}

static void tell_alert(struct account *account, struct slice text)
{
    struct account_member *member, *next;

    DL_FOREACH_SAFE (account->members, member, next) {
        member->alert(member->owner, text);
    }
}

static void on_untagged(void *owner, const struct response *response)
{
    struct account *account = owner;

    if (response->kind == RESPONSE_CAPABILITY ||
        (response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_CAPABILITY)) {
        if (account->logged_in)
            take_capabilities(account);
    } else if (response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_ALERT) {
        tell_alert(account, response->text);
    } else {
        scheduler_untagged(account, response);
    }
    task_wake(&account->task);
}

static void on_fetch(void *owner, const struct response *response)
{
    struct account *account = owner;

    fetch_intake_response(account, response);
    task_wake(&account->task);
}

static void on_fetch_data(void *owner, struct slice bytes)
{
    fetch_intake_data(owner, bytes);
}

static void on_garbage(void *owner, struct slice line, bool open_fetch)
{
    struct account *account = owner;
    char quoted[LOG_QUOTE_SIZE];

    log_line(account_log(account), LOG_WARNING, "%s: the server sent what cannot be understood: %s", account->name,
             log_quote(line, quoted, sizeof(quoted)));
    if (account->current)
        account->current->garbled = true;
    if (open_fetch)
        fetch_intake_broken(account);
    if (account->selected)
        mailbox_doubt(account->selected);
    if (account->resync.mailbox)
        resync_disturbed(account);
    count_garbage(account);
    task_wake(&account->task);
}

static void on_tagged(void *owner, const struct response *response)
{
    struct account *account = owner;

    account->quiet_since = task_now(&account->task);
    if (response->code.name == RESPONSE_CODE_ALERT)
        tell_alert(account, response->text);
    if (!account->garbage_since_tag)
        account->garbage = 0;
    account->garbage_since_tag = false;
    scheduler_tagged(account, response);
    task_wake(&account->task);
}

static void on_idle_over(void *owner, bool refused)
{
    struct account *account = owner;

    if (refused)
        account->idle_refused = true;
    account->quiet_since = task_now(&account->task);
    task_wake(&account->task);
}

static void out_of_step(struct account *account, struct mailbox *mailbox)
{
    mailbox_line_lost(mailbox, mailbox == account->selected);
}

/* The next pause: doubled each time, jittered, and not long while somebody waits to be let in. */
static usec next_pause(struct account *account)
{
    const struct settings *settings = account_settings(account);
    usec first = settings->reconnect_first > 0 ? settings->reconnect_first : 1;
    usec ceiling = account->logins && settings->reconnect_ceiling > 2 * USEC_SECOND ? 2 * USEC_SECOND
                                                                                    : settings->reconnect_ceiling;
    usec pause = account->backoff > 0 ? account->backoff : first;

    if (pause > ceiling)
        pause = ceiling;
    account->backoff = pause * 2;
    return pause / 2 + (usec)random_below(&account->ground->random, (uint64_t)pause);
}

static void on_closed(void *owner, const struct upstream_end *end)
{
    struct account *account = owner;
    usec now = task_now(&account->task);
    bool in_place = account->trial.state == TRIAL_IN_PLACE;
    usec pause;

    log_line(account_log(account), end->was_ready && end->refusal == REFUSAL_NONE ? LOG_INFO : LOG_WARNING,
             "%s: upstream connection ended: %s%s%s", account->name, end->reason,
             end->refusal == REFUSAL_NONE ? "" : ": ", end->refusal == REFUSAL_NONE ? "" : refusal_name(end->refusal));
    account->logged_in = false;
    account_each_mailbox(account, out_of_step);
    account->selected = NULL;
    scheduler_lost(account);
    if (!end->was_ready || end->refusal != REFUSAL_NONE)
        verification_failed(account, end, now);
    if (in_place && account->trial.state == TRIAL_NONE)
        account->backoff = 0; /* the others have waited for it long enough */
    pause = next_pause(account);
    account->retry_at = account->trial.state == TRIAL_IN_PLACE && end->was_ready
                            ? now
                            : now + (end->backoff > pause ? end->backoff : pause);
    task_wake(&account->task);
}

/* --- the step */

static void free_account(void *object)
{
    account_free(object);
}

static bool is_wanted(const struct account *account)
{
    return account->member_count > 0 || account->logins != NULL;
}

static void go_away(struct account *account)
{
    scheduler_end(account, "the account has been closed");
    registry_remove(account->registry, account);
    task_clear(&account->task);
    runqueue_dispose(account->ground->runqueue, free_account, account);
}

static void dial(struct account *account, usec now, usec *deadline)
{
    struct upstream_login login;

    /* Who has just come does not wait out a long pause. */
    if ((account->logins || scheduler_has_work(account)) && account->retry_at > now + 2 * USEC_SECOND &&
        account->last_refusal != REFUSAL_THROTTLED)
        account->retry_at = now + 2 * USEC_SECOND;
    if (now < account->retry_at) {
        if (account->retry_at < *deadline)
            *deadline = account->retry_at;
        return;
    }
    if (!verification_choose(account, &login, now, deadline))
        return;
    log_line(account_log(account), LOG_DEBUG, "%s: connecting to %s:%u", account->name, account->settings->host,
             account->settings->port);
    upstream_dial(account->upstream, &login);
}

static bool linger_is_over(const struct account *account, usec now, usec *deadline)
{
    usec until = account->empty_since + account_settings(account)->linger;

    if (is_wanted(account) || scheduler_has_work(account))
        return false;
    if (now < until && until < *deadline)
        *deadline = until;
    return now >= until;
}

static void work(struct account *account, usec now, usec *deadline)
{
    bool ended = account->ending && account->member_count == 0;

    if (ended || linger_is_over(account, now, deadline)) {
        if (!ended)
            log_line(account_log(account), LOG_INFO, "%s: no client is left: logging out upstream", account->name);
        upstream_logout(account->upstream);
        return;
    }
    if (!account->current && verification_wants_place(account, now, deadline)) {
        verification_begin_in_place(account, now);
        return;
    }
    scheduler_step(account, now);
    while (!upstream_busy(account->upstream) && !account->current && !account->jobs && account->logged_in) {
        if (!watch_rest(account, now, deadline))
            break;
        scheduler_step(account, now);
    }
}

static void step(struct task *task, usec now)
{
    struct account *account = (struct account *)task;
    usec deadline = USEC_NEVER;

    login_step(account, now, &deadline);
    verification_step(account, now, &deadline);
    if (upstream_state(account->upstream) == UPSTREAM_DISCONNECTED) {
        if (account->ending)
            account_end_members(account, account->ending); /* what they wait for will not come */
        if (account->ending || !is_wanted(account)) {
            if (account->member_count == 0 && !account->logins && verification_is_idle(account)) {
                go_away(account);
                return;
            }
        } else {
            dial(account, now, &deadline);
        }
    } else if (account->logged_in && !upstream_busy(account->upstream)) {
        work(account, now, &deadline);
    }
    task_set_deadline(&account->task, deadline);
}

/* --- making and ending */

static const struct upstream_owner upstream_ops = {
    .before_login = on_before_login,
    .ready = on_ready,
    .untagged = on_untagged,
    .fetch = on_fetch,
    .fetch_data = on_fetch_data,
    .garbage = on_garbage,
    .tagged = on_tagged,
    .idle_over = on_idle_over,
    .closed = on_closed,
};

static char *make_name(const struct upstream_settings *settings, const struct login_credentials *credentials)
{
    char *name = NULL, quoted[LOG_QUOTE_SIZE], quoted_as[LOG_QUOTE_SIZE];
    bool other = credentials->authorization_id.length > 0 &&
                 !slice_equal(credentials->authorization_id, credentials->authentication_id);

    log_quote(credentials->authentication_id, quoted, sizeof(quoted));
    log_quote(credentials->authorization_id, quoted_as, sizeof(quoted_as));
    if (asprintf(&name, "%s%s%s@%s", quoted, other ? " as " : "", other ? quoted_as : "", settings->name) < 0)
        return NULL;
    return name;
}

struct account *account_new(struct registry *registry, const struct upstream_settings *settings,
                            const struct login_credentials *credentials, struct slice key)
{
    struct account *account = calloc(1, sizeof(*account));
    struct upstream_owner owner = upstream_ops;

    if (!account)
        return NULL;
    account->registry = registry;
    account->ground = registry_ground(registry);
    task_init(&account->task, account->ground->runqueue, step);
    account->settings = settings;
    account->ending = registry_farewell(registry); /* who comes now is told so, and nobody is dialled */
    account->server = registry_server(registry, settings);
    account->server_waiter.task = &account->task;
    account->familiar_verified_at = account->strangers_verified_at = -1000000 * USEC_SECOND;
    account->park_wanted_since = USEC_NEVER;
    account->empty_since = task_now(&account->task);
    account->name = make_name(settings, credentials);
    account->key = slice_copy(key);
    account->key_length = key.length;
    account->authorization_id = slice_copy(credentials->authorization_id);
    account->authentication_id = slice_copy(credentials->authentication_id);
    owner.owner = account;
    if (account->name && account->server)
        account->upstream = upstream_new(account->ground, settings, account->name, &owner);
    if (account->upstream && account->key && account->authorization_id && account->authentication_id &&
        registry_add(registry, account, key))
        return account;
    account_free(account);
    return NULL;
}

void account_free(struct account *account)
{
    if (!account)
        return;
    task_clear(&account->task);
    scheduler_end(account, "the account has been closed");
    verification_free(account);
    login_fail_all(account, LOGIN_UNAVAILABLE, "shutting down");
    account_free_mailboxes(account);
    fetch_intake_broken(account);
    resync_clear(account);
    credential_list_clear(&account->accepted);
    upstream_free(account->upstream);
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
    login_fail_all(account, LOGIN_UNAVAILABLE, reason);
    verification_abandon(account);
    if (!account->logged_in)
        upstream_logout(account->upstream);
    task_wake(&account->task);
}

size_t account_retire_members(struct account *account, size_t most)
{
    struct account_member *member;
    size_t told = 0;

    DL_FOREACH (account->members, member) {
        if (told == most)
            break;
        if (member->retired)
            continue;
        member->retired = true;
        member->retire(member->owner, account->ending);
        told++;
    }
    return told;
}
