/* Whose credential is tried at the upstream, and when. While nobody has been accepted the account's one connection is
 * dialled with what the first one brings. Later an unknown credential is tried on a short second connection where the
 * settings permit one, else in place, between jobs: log out, log in with it, and with an accepted one again if it
 * fails. In place everybody waits, so a stranger's turn comes at a quiet moment and at most once a reverify_interval,
 * more seldom the more of them have failed; whom the account knows has a turn of his own. No server is shown more than
 * its measure of unknown credentials.
 *
 * Never a second connection without verify_connection, and never more than one of those. */
#include <assert.h>
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

/*
 *          nobody is logged in, or on the second connection       the connection is ready, or has ended
 *      +---------------------------------------------> DIALLED ----------------------------------------+
 *      |                                                                                               v
 *    NONE                                                                                             NONE
 *      |   all are logged out for it                              ready, refused, nobody waits for it  ^
 *      +---------------------------------------------> IN_PLACE ---------------------------------------+
 *                                                      |      ^   any more, or no word for IN_PLACE_MAX
 *                                                      +------+
 *                                                  ended without a word
 */

static const char *const state_names[] = {
#define STATE_NAME(name) [TRIAL_##name] = #name,
    TRIAL_STATES(STATE_NAME)
#undef STATE_NAME
};

/* --- trials */

static bool is_unknown(const struct login *login)
{
    return login_known(login) == NULL;
}

static void set_state(struct account *account, struct trial *trial, enum trial_state state)
{
    assert((trial->state == TRIAL_NONE) != (state == TRIAL_NONE));
    log_line(account_log(account), LOG_DEBUG, "%s: trial%s %s -> %s", account->name,
             trial == &account->second_trial ? " on a second connection" : "", state_names[trial->state],
             state_names[state]);
    trial->state = state;
}

static void trial_begin(struct account *account, struct trial *trial, enum trial_state state, struct login *login,
                        usec now)
{
    set_state(account, trial, state);
    trial->login = login;
    trial->began = now;
    trial->reserved = is_unknown(login);
    if (trial->reserved)
        server_reserve(account->server);
}

/* Without a trial nothing happens. refused: by the server's own word. */
static void trial_end(struct account *account, struct trial *trial, bool refused, usec now)
{
    struct login *login = trial->login;

    if (trial->state == TRIAL_NONE)
        return;
    set_state(account, trial, TRIAL_NONE);
    trial->login = NULL;
    if (trial->reserved)
        server_release(account->server, account_settings(account), refused, now);
    login_forget(login);
}

bool verification_is_tried(const struct login *login)
{
    return login->account->trial.login == login || login->account->second_trial.login == login;
}

/* --- whose turn it is */

/* Accepted once: first; then who is known here; then strangers. */
static int rank(const struct login *login)
{
    return !is_unknown(login) ? 0 : !login->stranger ? 1 : 2;
}

/* The one of the first rank whose time has come, in the order of their coming; NULL: none before *deadline. */
static struct login *next_candidate(struct account *account, usec (*due)(const struct login *login, usec now), usec now,
                                    usec *deadline)
{
    struct login *login, *best = NULL;

    DL_FOREACH (account->logins, login) {
        usec at;
        if (!login_is_open(login, now) || login_is_accepted(login, now) || verification_is_tried(login))
            continue;
        at = due(login, now);
        if (at == USEC_NEVER)
            server_await(account->server, &account->server_waiter);
        else if (at > now)
            earlier(deadline, at);
        else if (!best || rank(login) < rank(best))
            best = login;
    }
    return best;
}

static usec server_is_open(const struct login *login, usec now)
{
    const struct account *account = login->account;

    return is_unknown(login) ? server_open_at(account->server, account_settings(account), login->stranger, now) : now;
}

static usec place_is_open(const struct login *login, usec now)
{
    const struct account *account = login->account;
    usec interval = account_settings(account)->reverify_interval;
    unsigned failed = account->strangers_failed;

    switch (rank(login)) {
    case 0:
        return now;
    case 1:
        return account->familiar_verified_at + interval;
    default:
        return account->strangers_verified_at +
               interval * (1 << (failed < INTERVAL_DOUBLED ? failed : INTERVAL_DOUBLED));
    }
}

static bool uses_second(const struct login *login)
{
    return login->account->settings->verify_connection && !login->in_place;
}

usec verification_due(const struct login *login, usec now)
{
    usec server = server_is_open(login, now), place;

    if (uses_second(login))
        return server;
    place = place_is_open(login, now);
    return server > place ? server : place;
}

/* --- in place */

/* When nobody works; a stranger whose patience is at its end is not made to wait for that, unless too many have failed.
 */
static usec quiet_at(const struct login *login, usec now)
{
    const struct account *account = login->account;
    usec quiet = account->jobs || account->current ? USEC_NEVER : account->quiet_since + QUIET;
    usec put_up = login->deadline - UNREST_PUT_UP;

    if (rank(login) < 2)
        return now;
    return account->strangers_failed < UNDER_ATTACK && put_up < quiet ? put_up : quiet;
}

static usec due_in_place(const struct login *login, usec now)
{
    usec due = verification_due(login, now), quiet = quiet_at(login, now);

    if (uses_second(login))
        return USEC_NEVER;
    return quiet > due ? quiet : due;
}

bool verification_wants_place(struct account *account, usec now, usec *deadline)
{
    if (account->owes_a_turn && account->jobs)
        return false; /* however many come: whoever works waits for one of them at a time */
    return account->trial.state == TRIAL_NONE && next_candidate(account, due_in_place, now, deadline) != NULL;
}

void verification_begin_in_place(struct account *account, usec now)
{
    usec ignored = USEC_NEVER;
    struct login *login = next_candidate(account, due_in_place, now, &ignored);

    if (login->stranger)
        account->strangers_verified_at = now;
    else
        account->familiar_verified_at = now;
    trial_begin(account, &account->trial, TRIAL_IN_PLACE, login, now);
    account->owes_a_turn = true;
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

bool verification_choose(struct account *account, struct upstream_login *login, usec now, usec *deadline)
{
    const struct credential *credential = credential_list_newest(&account->accepted);
    struct login *first = NULL;

    if (account->trial.state == TRIAL_NONE && (!credential || account->in_doubt))
        first = next_candidate(account, server_is_open, now, deadline);
    account->in_doubt = false;
    if (first)
        trial_begin(account, &account->trial, TRIAL_DIALLED, first, now);
    if (account->trial.state != TRIAL_NONE)
        credential = &account->trial.login->credential;
    if (!credential)
        return false;
    *login = upstream_login(account, credential);
    return true;
}

static void accepted(struct account *account, struct trial *trial, const struct credential *credential, usec now)
{
    if (!credential_list_accept(&account->accepted, credential, now))
        log_line(account_log(account), LOG_ERROR, "%s: out of memory for what the server has accepted", account->name);
    trial_end(account, trial, false, now);
}

void verification_accepted(struct account *account, const struct credential *credential, usec now)
{
    accepted(account, &account->trial, credential, now);
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

static bool is_refused(const struct upstream_end *end)
{
    return end->refusal == REFUSAL_CREDENTIALS && end->credential;
}

/* A password that has been changed, perhaps, at a server that says so in words of its own: tried for ever it would keep
 * everybody out, so the other accepted ones and those who wait have their turns with it. */
static void doubt(struct account *account, const struct upstream_end *end)
{
    if (end->refusal != REFUSAL_UNKNOWN || !end->credential)
        return;
    credential_list_put_last(&account->accepted, end->credential);
    account->in_doubt = true;
}

/* It proves nothing. In place everybody waits with the one whose credential is tried, so it is asked again for a moment
 * only; else the one whose turn it is is dialled with, as long as somebody waits. */
static void unanswered(struct account *account, const struct upstream_end *end, usec now)
{
    struct trial *trial = &account->trial;
    struct login *login = trial->login;
    bool in_place = trial->state == TRIAL_IN_PLACE, in_time = now + account->backoff - trial->began < IN_PLACE_MAX;

    if (!login) {
        doubt(account, end);
        return;
    }
    if (in_place && in_time && login->done && end->refusal != REFUSAL_UNKNOWN)
        return;
    if (login->done && (end->refusal == REFUSAL_UNKNOWN || in_place))
        login_fail(login, end->refusal == REFUSAL_LIMIT ? LOGIN_LIMIT : LOGIN_UNAVAILABLE, account->last_reason);
    trial_end(account, trial, false, now);
}

void verification_failed(struct account *account, const struct upstream_end *end, usec now)
{
    account->last_refusal = end->refusal;
    snprintf(account->last_reason, sizeof(account->last_reason), "%s", end->reason);
    if (is_refused(end)) {
        refused(account, end, account->trial.login, now);
        trial_end(account, &account->trial, true, now);
    } else {
        unanswered(account, end, now);
    }
}

/* --- on a second connection */

static void second_ready(void *owner, const struct credential *credential)
{
    struct account *account = owner;

    log_line(account_log(account), LOG_INFO, "%s: a password that was not known is right", account->name);
    accepted(account, &account->second_trial, credential, task_now(&account->task));
    upstream_logout(account->verifier);
    task_wake(&account->task);
}

static void second_closed(void *owner, const struct upstream_end *end)
{
    struct account *account = owner;
    struct login *login = account->second_trial.login;
    usec now = task_now(&account->task);

    if (is_refused(end))
        refused(account, end, login, now);
    else if (login)
        login->in_place = true;
    trial_end(account, &account->second_trial, is_refused(end), now);
    task_wake(&account->task);
}

static usec due_on_second(const struct login *login, usec now)
{
    return uses_second(login) ? server_is_open(login, now) : USEC_NEVER;
}

static void try_on_second(struct account *account, struct login *login, usec now)
{
    const struct upstream_owner owner = {.owner = account, .ready = second_ready, .closed = second_closed};
    struct upstream_login dialled = upstream_login(account, &login->credential);

    if (!account->verifier)
        account->verifier = upstream_new(account->ground, account->settings, account->name, &owner);
    if (!account->verifier) {
        login->in_place = true;
        return;
    }
    trial_begin(account, &account->second_trial, TRIAL_DIALLED, login, now);
    log_line(account_log(account), LOG_INFO, "%s: a password that is not known is checked on a second connection",
             account->name);
    upstream_dial(account->verifier, &dialled);
}

void verification_step(struct account *account, usec now, usec *deadline)
{
    struct login *login = account->trial.login;

    if (login && !login->done && upstream_state(account->upstream) == UPSTREAM_DISCONNECTED)
        trial_end(account, &account->trial, false, now); /* nobody waits any more for what was to be tried next */
    if (!account->settings->verify_connection || !account->logged_in || account->ending ||
        account->trial.state != TRIAL_NONE || !verification_is_idle(account))
        return;
    login = next_candidate(account, due_on_second, now, deadline);
    if (login)
        try_on_second(account, login, now);
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

    trial_end(account, &account->trial, false, now);
    trial_end(account, &account->second_trial, false, now);
    if (account->server)
        server_leave(account->server, &account->server_waiter);
    upstream_free(account->verifier);
    account->verifier = NULL;
}
