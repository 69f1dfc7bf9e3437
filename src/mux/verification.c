/* Whose credential is tried at the upstream, and when. While nobody has been accepted the account's one connection is
 * dialled with what the first one brings. Later an unknown credential is tried on a short second connection where the
 * settings permit one, else in place, between jobs: log out, log in with it, and with an accepted one again if it
 * fails. In place everybody waits, so a stranger's turn comes at a quiet moment and at most once a reverify_interval,
 * more seldom the more of them have failed; whom the account knows has a turn of his own. No server is shown more than
 * its measure of unknown credentials.
 *
 * Never a second connection without verify_connection, and never more than one of those. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "mux/account_inside.h"

#define QUIET            USEC_SECOND       /* without work: then a stranger's credential may be tried in place */
#define UNREST_PUT_UP    (5 * USEC_SECOND) /* so long before its deadline it is tried all the same */
#define UNDER_ATTACK     5                 /* strangers have failed: then only at a quiet moment */
#define IN_PLACE_MAX     (2 * USEC_SECOND) /* a server that does not say is not asked again after that */
#define INTERVAL_DOUBLED 4                 /* at most so many times */

/* --- trials */

static bool is_unknown(const struct login *login)
{
    return login_known(login) == NULL;
}

static void reserve(struct account *account, struct trial *trial)
{
    if (trial->reserved || !trial->login || !is_unknown(trial->login))
        return;
    server_reserve(account->server);
    trial->reserved = true;
}

static void release(struct account *account, struct trial *trial, bool refused, usec now)
{
    if (!trial->reserved)
        return;
    server_release(account->server, account_settings(account), refused, now);
    trial->reserved = false;
}

/* The server has spoken, or there is nobody to try it for any more. */
static void end_trial(struct trial *trial)
{
    struct login *login = trial->login;

    trial->login = NULL;
    if (login)
        login_forget(login);
}

bool verification_is_tried(const struct login *login)
{
    const struct account *account = login->account;

    return (account->trial.login == login && upstream_state(account->upstream) != UPSTREAM_DISCONNECTED) ||
           account->second_trial.login == login;
}

void verification_forget(struct login *login)
{
    struct account *account = login->account;

    if (account->trial.login != login)
        return;
    release(account, &account->trial, false, task_now(&account->task));
    account->trial.login = NULL;
    account->verifying = false;
}

/* --- whose turn it is */

/* Accepted once: first; then who is known here; then strangers. */
static int rank(const struct login *login)
{
    return !is_unknown(login) ? 0 : !login->stranger ? 1 : 2;
}

static bool may_be_tried(const struct account *account, const struct login *login, usec now)
{
    return login_is_open(login, now) && !login_is_accepted(login, now) && account->trial.login != login &&
           account->second_trial.login != login;
}

/* The next one, in the order of ranks; NULL: none. */
static struct login *next_candidate(const struct account *account, usec now)
{
    struct login *login, *best = NULL;

    DL_FOREACH (account->logins, login) {
        if (may_be_tried(account, login, now) && (!best || rank(login) < rank(best)))
            best = login;
    }
    return best;
}

static usec server_is_open(const struct account *account, const struct login *login, usec now)
{
    return is_unknown(login) ? server_open_at(account->server, account_settings(account), login->stranger, now) : now;
}

static unsigned strangers_failed(const struct login *login, usec now)
{
    struct applicant applicant = login_applicant(login);

    return reputation_strangers_failed(registry_reputation(login->account->registry), &applicant, now);
}

static usec place_is_open(const struct account *account, const struct login *login, usec now)
{
    usec interval = account_settings(account)->reverify_interval;
    unsigned failed;

    switch (rank(login)) {
    case 0:
        return now;
    case 1:
        return account->familiar_verified_at + interval;
    default:
        failed = strangers_failed(login, now);
        return account->strangers_verified_at +
               interval * (1 << (failed < INTERVAL_DOUBLED ? failed : INTERVAL_DOUBLED));
    }
}

static bool uses_second(const struct account *account, const struct login *login)
{
    return account->settings->verify_connection && !login->in_place;
}

usec verification_due(const struct login *login, usec now)
{
    const struct account *account = login->account;
    usec server = server_is_open(account, login, now), place;

    if (uses_second(account, login))
        return server;
    place = place_is_open(account, login, now);
    return server > place ? server : place;
}

/* --- in place */

/* When nobody works; a stranger whose patience is at its end is not made to wait for that, unless too many have failed.
 */
static usec quiet_at(const struct account *account, const struct login *login, usec now)
{
    usec quiet = account->jobs || account->current ? USEC_NEVER : account->quiet_since + QUIET;
    usec put_up = login->deadline - UNREST_PUT_UP;

    if (rank(login) < 2)
        return now;
    return strangers_failed(login, now) < UNDER_ATTACK && put_up < quiet ? put_up : quiet;
}

static struct login *place_candidate(const struct account *account, usec now, usec *deadline)
{
    struct login *login, *best = NULL;

    DL_FOREACH (account->logins, login) {
        usec due, quiet;
        if (!may_be_tried(account, login, now) || uses_second(account, login))
            continue;
        due = verification_due(login, now);
        quiet = quiet_at(account, login, now);
        if (quiet > due)
            due = quiet;
        if (due > now)
            earlier(deadline, due);
        else if (!best || rank(login) < rank(best))
            best = login;
    }
    return best;
}

bool verification_wants_place(struct account *account, usec now, usec *deadline)
{
    return account->logins && !account->trial.login && place_candidate(account, now, deadline) != NULL;
}

void verification_begin_in_place(struct account *account, usec now)
{
    usec ignored;

    account->trial.login = place_candidate(account, now, &ignored);
    account->verifying = true;
    if (account->trial.login->stranger)
        account->strangers_verified_at = now;
    else
        account->familiar_verified_at = now;
    reserve(account, &account->trial);
    log_line(account_log(account), LOG_INFO, "%s: a password that is not known is checked upstream", account->name);
    upstream_logout(account->upstream);
}

/* --- on the account's one connection */

static struct upstream_login upstream_login(const struct account *account, const struct credential *credential)
{
    return (struct upstream_login){.authorization_id = slice_of(account->authorization_id),
                                   .authentication_id = slice_of(account->authentication_id),
                                   .credential = credential};
}

/* Nobody waits any more for what was to be tried next. */
static void drop_deserted(struct account *account, usec now)
{
    if (!account->trial.login || account->trial.login->done)
        return;
    release(account, &account->trial, false, now);
    account->verifying = false;
    end_trial(&account->trial);
}

bool verification_choose(struct account *account, struct upstream_login *login, usec now, usec *deadline)
{
    const struct credential *credential = credential_list_newest(&account->accepted);
    usec open;

    drop_deserted(account, now);
    if (!credential && !account->trial.login)
        account->trial.login = next_candidate(account, now);
    if (account->trial.login) {
        open = account->verifying || account->trial.reserved ? now : server_is_open(account, account->trial.login, now);
        if (open > now) {
            earlier(deadline, open);
            end_trial(&account->trial);
            return false;
        }
        reserve(account, &account->trial);
        credential = &account->trial.login->credential;
    }
    if (!credential)
        return false;
    *login = upstream_login(account, credential);
    return true;
}

void verification_accepted(struct account *account, const struct credential *credential, usec now)
{
    release(account, &account->trial, false, now);
    account->verifying = false;
    if (!credential_list_accept(&account->accepted, credential, now))
        log_line(account_log(account), LOG_ERROR, "%s: out of memory for what the server has accepted", account->name);
    end_trial(&account->trial);
}

/* By the server's own word. What was accepted before is accepted no longer; when nothing is left nobody of those who
 * are in has proved who he is. */
static void refused(struct account *account, const struct upstream_end *end, const struct login *login, usec now)
{
    struct reputation *reputation = registry_reputation(account->registry);
    struct applicant applicant = {{account->key, account->key_length}, login ? login->address : 0};
    bool known = credential_list_remove(&account->accepted, end->credential);

    if (login && !known && !reputation_is_rejected(reputation, &applicant, end->credential, now))
        reputation_note_failure(reputation, &applicant, now);
    reputation_note_rejected(reputation, &applicant, end->credential, now);
    login_refuse_all(account, end->credential, end->challenge);
    if (known && account->accepted.count == 0)
        account_end_members(account, "The mail server no longer accepts the password of this account");
}

/* In place everybody waits with the one whose credential is tried, so it is given up long before his patience ends. */
static bool others_wait_too_long(const struct account *account, const struct login *login, usec now)
{
    usec began = login->stranger ? account->strangers_verified_at : account->familiar_verified_at;

    return account->verifying && now - began >= IN_PLACE_MAX;
}

void verification_failed(struct account *account, const struct upstream_end *end, usec now)
{
    struct login *login = account->trial.login;
    bool credentials = end->refusal == REFUSAL_CREDENTIALS && end->credential;

    account->last_refusal = end->refusal;
    snprintf(account->last_reason, sizeof(account->last_reason), "%s", end->reason);
    release(account, &account->trial, credentials, now);
    if (credentials) {
        refused(account, end, login, now);
    } else if (login && login->done && (end->refusal == REFUSAL_UNKNOWN || others_wait_too_long(account, login, now))) {
        login_fail(login, end->refusal == REFUSAL_LIMIT ? LOGIN_LIMIT : LOGIN_UNAVAILABLE, account->last_reason);
    } else if (login && login->done) {
        return; /* it proves nothing: once more, as long as somebody waits */
    }
    account->verifying = false;
    end_trial(&account->trial);
}

/* --- on a second connection */

static void second_ready(void *owner, const struct credential *credential)
{
    struct account *account = owner;
    usec now = task_now(&account->task);

    release(account, &account->second_trial, false, now);
    if (!credential_list_accept(&account->accepted, credential, now))
        log_line(account_log(account), LOG_ERROR, "%s: out of memory for what the server has accepted", account->name);
    log_line(account_log(account), LOG_INFO, "%s: a password that was not known is right", account->name);
    end_trial(&account->second_trial);
    upstream_logout(account->verifier);
    task_wake(&account->task);
}

static void second_closed(void *owner, const struct upstream_end *end)
{
    struct account *account = owner;
    struct login *login = account->second_trial.login;
    usec now = task_now(&account->task);
    bool credentials = end->refusal == REFUSAL_CREDENTIALS && end->credential;

    release(account, &account->second_trial, credentials, now);
    if (credentials)
        refused(account, end, login, now);
    else if (login)
        login->in_place = true;
    end_trial(&account->second_trial);
    task_wake(&account->task);
}

static void second_before_login(void *owner)
{
    (void)owner;
}

static void second_response(void *owner, const struct response *response)
{
    (void)owner;
    (void)response;
}

static void second_data(void *owner, struct slice bytes)
{
    (void)owner;
    (void)bytes;
}

static void second_garbage(void *owner, struct slice line, bool open_fetch)
{
    (void)owner;
    (void)line;
    (void)open_fetch;
}

static void second_idle_over(void *owner, bool was_refused)
{
    (void)owner;
    (void)was_refused;
}

static const struct upstream_owner second_ops = {
    .before_login = second_before_login,
    .ready = second_ready,
    .untagged = second_response,
    .fetch = second_response,
    .fetch_data = second_data,
    .garbage = second_garbage,
    .tagged = second_response,
    .idle_over = second_idle_over,
    .closed = second_closed,
};

static struct login *second_candidate(const struct account *account, usec now, usec *deadline)
{
    struct login *login, *best = NULL;

    DL_FOREACH (account->logins, login) {
        usec open;
        if (!may_be_tried(account, login, now) || !uses_second(account, login))
            continue;
        open = server_is_open(account, login, now);
        if (open > now)
            earlier(deadline, open);
        else if (!best || rank(login) < rank(best))
            best = login;
    }
    return best;
}

static bool make_verifier(struct account *account)
{
    struct upstream_owner owner = second_ops;

    owner.owner = account;
    if (!account->verifier)
        account->verifier = upstream_new(account->registry, account->settings, account->name, &owner);
    return account->verifier != NULL;
}

void verification_step(struct account *account, usec now, usec *deadline)
{
    struct upstream_login login;

    if (account->ending && upstream_state(account->upstream) == UPSTREAM_DISCONNECTED)
        drop_deserted(account, now); /* nobody is dialled: an account that waited for this would stay for ever */
    if (!account->settings->verify_connection || !account->logged_in || account->ending || account->trial.login ||
        !verification_is_idle(account))
        return;
    account->second_trial.login = second_candidate(account, now, deadline);
    if (!account->second_trial.login)
        return;
    if (!make_verifier(account)) {
        account->second_trial.login->in_place = true;
        end_trial(&account->second_trial);
        return;
    }
    reserve(account, &account->second_trial);
    log_line(account_log(account), LOG_INFO, "%s: a password that is not known is checked on a second connection",
             account->name);
    login = upstream_login(account, &account->second_trial.login->credential);
    upstream_dial(account->verifier, &login);
}

bool verification_is_idle(const struct account *account)
{
    return !account->verifier || upstream_state(account->verifier) == UPSTREAM_DISCONNECTED;
}

void verification_abandon(struct account *account)
{
    if (account->verifier)
        upstream_logout(account->verifier);
}

void verification_free(struct account *account)
{
    usec now = task_now(&account->task);

    release(account, &account->trial, false, now);
    release(account, &account->second_trial, false, now);
    account->trial.login = account->second_trial.login = NULL;
    account->verifying = false;
    upstream_free(account->verifier);
    account->verifier = NULL;
}
