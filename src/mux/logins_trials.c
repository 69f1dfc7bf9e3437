/* The choice of the credential that is tried upstream, and of the time. While no credential is accepted, the account
 * connects with the first login's. Later an unknown credential is tried on a short second connection where the settings
 * permit one, else in place, between jobs: log out, log in with it, and with an accepted one again if it fails. An
 * in-place check makes all clients wait. So a stranger's turn comes at a quiet moment and at most once a
 * reverify_interval, less often after failures. Addresses that have entered the account have turns of their own. No
 * server sees more than its measure of unknown credentials. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "mux/logins_inside.h"

#define QUIET            USEC_SECOND       /* without work: then a stranger's credential may be tried in place */
#define UNREST_PUT_UP    (5 * USEC_SECOND) /* so long before its deadline it is tried all the same */
#define UNDER_ATTACK     5                 /* strangers have failed: then only at a quiet moment */
#define IN_PLACE_MAX     (2 * USEC_SECOND) /* a server without a clear answer is not asked again after that */
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

static struct trial *trial_on(struct logins *logins, enum logins_place place)
{
    return &logins->trials.on[place];
}

static bool is_unknown(const struct login *login)
{
    return login_known(login) == NULL;
}

static void set_state(struct logins *logins, struct trial *trial, enum trial_state state)
{
    assert((trial->state == TRIAL_NONE) != (state == TRIAL_NONE));
    log_line(logins->options.ground->log, LOG_DEBUG, "%s: trial%s %s -> %s", logins->options.name,
             trial == trial_on(logins, LOGINS_ON_SECOND) ? " on a second connection" : "", state_names[trial->state],
             state_names[state]);
    trial->state = state;
}

static void trial_begin(struct logins *logins, struct trial *trial, enum trial_state state, struct login *login,
                        usec now)
{
    set_state(logins, trial, state);
    trial->login = login;
    trial->began = now;
    trial->reserved = is_unknown(login);
    if (trial->reserved)
        server_reserve(logins->options.server);
}

/* Without a trial nothing happens. refused: the server counts it as a wrong credential, or may do so. */
static void trial_end(struct logins *logins, struct trial *trial, bool refused, usec now)
{
    struct login *login = trial->login;

    if (trial->state == TRIAL_NONE)
        return;
    set_state(logins, trial, TRIAL_NONE);
    trial->login = NULL;
    if (trial->reserved)
        server_release(logins->options.server, logins->options.ground->settings, refused, now);
    login_forget(login);
}

void trials_init(struct logins *logins)
{
    logins->trials.familiar_at = logins->trials.strangers_at = -1000000 * USEC_SECOND;
    logins->trials.waits.task = logins->options.task;
}

bool trials_is_tried(const struct login *login)
{
    const struct trial *on = login->logins->trials.on;

    return on[LOGINS_ON_FIRST].login == login || on[LOGINS_ON_SECOND].login == login;
}

bool logins_tries_in_place(const struct logins *logins)
{
    return logins->trials.on[LOGINS_ON_FIRST].state == TRIAL_IN_PLACE;
}

void trials_forget_unwanted(struct logins *logins, usec now)
{
    struct trial *trial = trial_on(logins, LOGINS_ON_FIRST);

    if (trial->login && !trial->login->done)
        trial_end(logins, trial, false, now);
}

void logins_end_trials(struct logins *logins, usec now)
{
    trial_end(logins, trial_on(logins, LOGINS_ON_FIRST), false, now);
    trial_end(logins, trial_on(logins, LOGINS_ON_SECOND), false, now);
    server_leave(logins->options.server, &logins->trials.waits);
}

/* --- whose the session is */

static bool proves_user(const struct logins *logins, const struct credential *credential)
{
    return credential->kind != CREDENTIAL_TOKEN || server_checks_names(logins->options.settings);
}

bool trials_is_shut_out(const struct login *login)
{
    const struct logins *logins = login->logins;

    return logins->hand == HAND_USER && logins->accepted.count > 0 && !proves_user(logins, &login->credential);
}

/* Keeps the accepted credentials of the hand only. */
static void take_over(struct logins *logins, const struct credential *credential)
{
    struct credential_list *accepted = &logins->accepted;
    bool user = proves_user(logins, credential);

    for (size_t i = accepted->count; i-- > 0;) {
        if (!user || !proves_user(logins, &accepted->items[i].credential))
            credential_list_remove(accepted, &accepted->items[i].credential);
    }
    logins->hand = user ? HAND_USER : HAND_TOKENS + logins->hands++;
}

/* True: it was another's before. */
static bool changes_hands(struct logins *logins, const struct credential *credential)
{
    uint64_t before = logins->hand;
    bool user = proves_user(logins, credential);

    if (user ? before == HAND_USER : before >= HAND_TOKENS && credential_list_find(&logins->accepted, credential))
        return false;
    take_over(logins, credential);
    return before != HAND_NOBODY;
}

/* On a second connection nobody takes over the session. */
static bool is_of_hand(const struct logins *logins, const struct credential *credential)
{
    return logins->hand == HAND_USER && proves_user(logins, credential);
}

/* --- the next credential */

/* First credentials that were accepted once, then addresses that have entered the account, then strangers. */
enum rank { RANK_ACCEPTED_ONCE, RANK_FAMILIAR, RANK_STRANGER };

static enum rank rank(const struct login *login)
{
    return !is_unknown(login) ? RANK_ACCEPTED_ONCE : !login->stranger ? RANK_FAMILIAR : RANK_STRANGER;
}

/* When it may be tried; USEC_NEVER: not foreseeable. */
typedef usec due_time(const struct login *login, const struct logins_facts *facts);

/* The one of the first rank whose time has come, in the order of their coming; NULL: none before *deadline. */
static struct login *next_candidate(struct logins *logins, due_time *due, const struct logins_facts *facts,
                                    usec *deadline)
{
    struct login *login, *best = NULL;

    DL_FOREACH (logins->waiting, login) {
        usec at;
        if (!login_is_open(login, facts->now) || login_is_accepted(login, facts->now) || trials_is_tried(login))
            continue;
        at = due(login, facts);
        if (at == USEC_NEVER)
            server_await(logins->options.server, &logins->trials.waits);
        else if (at > facts->now)
            *deadline = at < *deadline ? at : *deadline;
        else if (!best || rank(login) < rank(best))
            best = login;
    }
    return best;
}

static usec server_open(const struct login *login, usec now)
{
    const struct logins_options *options = &login->logins->options;

    return is_unknown(login) ? server_open_at(options->server, options->ground->settings, login->stranger, now) : now;
}

static usec due_on_first(const struct login *login, const struct logins_facts *facts)
{
    return server_open(login, facts->now);
}

static usec place_is_open(const struct login *login, usec now)
{
    const struct logins *logins = login->logins;
    usec interval = logins->options.ground->settings->reverify_interval;
    unsigned failed = logins->strangers_failed;

    switch (rank(login)) {
    case RANK_ACCEPTED_ONCE:
        return now;
    case RANK_FAMILIAR:
        return logins->trials.familiar_at + interval;
    case RANK_STRANGER:
        return logins->trials.strangers_at + interval * (1 << (failed < INTERVAL_DOUBLED ? failed : INTERVAL_DOUBLED));
    }
    abort();
}

static bool uses_second(const struct login *login)
{
    return login->logins->options.settings->verify_connection && login->logins->second_room && !login->in_place &&
           is_of_hand(login->logins, &login->credential);
}

usec trials_due(const struct login *login, usec now)
{
    usec server = server_open(login, now), place = uses_second(login) ? now : place_is_open(login, now);
    usec budget = permit_check_at(login->logins->options.permit, now), due = server > place ? server : place;

    return budget > due ? budget : due;
}

/* --- in place */

/* Waits for a moment without work. A stranger near the deadline need not wait for it, unless too many have failed.
 */
static usec quiet_at(const struct login *login, const struct logins_facts *facts)
{
    usec quiet = facts->works ? USEC_NEVER : facts->quiet_since + QUIET;
    usec put_up = login->deadline - UNREST_PUT_UP;

    if (rank(login) != RANK_STRANGER)
        return facts->now;
    return login->logins->strangers_failed < UNDER_ATTACK && put_up < quiet ? put_up : quiet;
}

static usec due_in_place(const struct login *login, const struct logins_facts *facts)
{
    usec due = trials_due(login, facts->now), quiet = quiet_at(login, facts);

    if (uses_second(login))
        return USEC_NEVER;
    return quiet > due ? quiet : due;
}

bool logins_try_in_place(struct logins *logins, const struct logins_facts *facts, usec *deadline)
{
    struct trials *trials = &logins->trials;
    struct trial *trial = trial_on(logins, LOGINS_ON_FIRST);
    struct login *login;

    if (trials->owes_a_turn && trials->owed_since == facts->turns && facts->jobs_wait)
        return false; /* however many come: a job waits for one of them at a time */
    if (trial->state != TRIAL_NONE)
        return false;
    login = next_candidate(logins, due_in_place, facts, deadline);
    if (!login)
        return false;
    if (login->stranger)
        trials->strangers_at = facts->now;
    else
        trials->familiar_at = facts->now;
    trial_begin(logins, trial, TRIAL_IN_PLACE, login, facts->now);
    trials->owes_a_turn = true;
    trials->owed_since = facts->turns;
    log_line(logins->options.ground->log, LOG_INFO, "%s: checking a new password upstream (all clients pause for it)",
             logins->options.name);
    return true;
}

/* --- on the account's connection */

static struct upstream_login with_credential(const struct logins *logins, const struct credential *credential)
{
    return (struct upstream_login){.authorization_id = logins->options.authorization_id,
                                   .authentication_id = logins->options.authentication_id,
                                   .credential = credential};
}

bool logins_choose(struct logins *logins, struct upstream_login *with, usec now, usec *deadline)
{
    const struct credential *credential = credential_list_newest(&logins->accepted);
    struct logins_facts facts = {.now = now};
    struct trial *trial = trial_on(logins, LOGINS_ON_FIRST);
    struct login *first = NULL;

    if (trial->state == TRIAL_NONE && (!credential || logins->trials.in_doubt))
        first = next_candidate(logins, due_on_first, &facts, deadline);
    logins->trials.in_doubt = false;
    if (first)
        trial_begin(logins, trial, TRIAL_DIALLED, first, now);
    if (trial->state != TRIAL_NONE)
        credential = &trial->login->credential;
    if (!credential)
        return false;
    *with = with_credential(logins, credential);
    return true;
}

static bool is_refused(const struct upstream_end *end)
{
    return end->refusal == REFUSAL_CREDENTIALS && end->credential;
}

static const struct accepted_credential *newest_that_is_good(const struct logins *logins)
{
    const struct accepted_credential *best = NULL;

    for (size_t i = 0; i < logins->accepted.count; i++) {
        const struct accepted_credential *one = &logins->accepted.items[i];
        if (!one->refused_once && (!best || one->accepted_at >= best->accepted_at))
            best = one;
    }
    return best;
}

bool logins_choose_further(const struct logins *logins, struct upstream_login *with)
{
    const struct accepted_credential *accepted = newest_that_is_good(logins);

    if (accepted)
        *with = with_credential(logins, &accepted->credential);
    return accepted != NULL;
}

void logins_further_accepted(struct logins *logins, const struct credential *credential, usec now)
{
    if (credential_list_find(&logins->accepted, credential))
        (void)!credential_list_accept(&logins->accepted, credential, now);
}

void logins_further_refused(struct logins *logins, const struct upstream_end *end)
{
    struct accepted_credential *known =
        is_refused(end) ? credential_list_find(&logins->accepted, end->credential) : NULL;

    if (known)
        known->refused_once = true;
}

bool logins_accepted(struct logins *logins, enum logins_place place, const struct credential *credential, usec now)
{
    struct trial *trial = trial_on(logins, place);
    bool first = place == LOGINS_ON_FIRST, changed = first && changes_hands(logins, credential);

    if (!first && !is_of_hand(logins, credential)) {
        if (trial->login)
            trial->login->in_place = true;
    } else if (!credential_list_accept(&logins->accepted, credential, now)) {
        log_line(logins->options.ground->log, LOG_ERROR, "%s: out of memory: the accepted password is not remembered",
                 logins->options.name);
    }
    trial_end(logins, trial, false, now);
    return changed;
}

/* Refused by the server's own word, so the credential is accepted no longer. True: no accepted credential is left. */
static bool refused(struct logins *logins, const struct upstream_end *end, const struct login *login, usec now)
{
    struct reputation *reputation = logins->options.reputation;
    struct applicant applicant = {logins->options.key, login ? login->address : 0};
    bool known = credential_list_remove(&logins->accepted, end->credential);

    if (login && !known && !reputation_is_rejected(reputation, &applicant, end->credential, now))
        reputation_note_failure(reputation, &applicant, now);
    reputation_note_rejected(reputation, &applicant, end->credential, now);
    login_refuse_all(logins, end->credential, end->challenge);
    return known && logins->accepted.count == 0;
}

/* A server may ban for words that prove nothing as for a wrong password, once it has seen one. */
static bool counts_as_refused(const struct upstream_end *end)
{
    return is_refused(end) || (end->refusal == REFUSAL_UNKNOWN && end->credential);
}

/* A server that counts logins may call a right password wrong. What it accepted not long ago is tried once more before
 * it is believed. Others have their turn before. A token is expected to end. */
static bool is_disbelieved(struct logins *logins, const struct upstream_end *end, usec now)
{
    struct accepted_credential *known =
        is_refused(end) ? credential_list_find(&logins->accepted, end->credential) : NULL;

    if (!known || known->credential.kind == CREDENTIAL_TOKEN || known->refused_once ||
        now - known->accepted_at > logins->options.ground->settings->verify_ttl)
        return false;
    known->refused_once = true;
    log_line(logins->options.ground->log, LOG_WARNING,
             "%s: the server refuses the password that it accepted not long ago; trying it once more before believing "
             "that",
             logins->options.name);
    credential_list_put_last(&logins->accepted, end->credential);
    logins->trials.in_doubt = true;
    return true;
}

/* Perhaps the password was changed at a server with words of its own. Tried for ever it would keep everybody out, so
 * the other accepted credentials and those of waiting logins have their turns too. */
static void doubt(struct logins *logins, const struct upstream_end *end)
{
    if (end->refusal != REFUSAL_UNKNOWN || !end->credential)
        return;
    credential_list_put_last(&logins->accepted, end->credential);
    logins->trials.in_doubt = true;
}

/* The end proves nothing. An in-place check makes all clients wait, so it is repeated for a moment only. Otherwise the
 * account connects with the next credential for as long as a login waits. */
static void unanswered(struct logins *logins, const struct upstream_end *end, usec now)
{
    struct trial *trial = trial_on(logins, LOGINS_ON_FIRST);
    struct login *login = trial->login;
    usec next = now + logins->options.permit->backoff.next;
    bool in_place = trial->state == TRIAL_IN_PLACE, in_time = next - trial->began < IN_PLACE_MAX;

    if (!login) {
        doubt(logins, end);
        return;
    }
    if (in_place && in_time && login->done && end->refusal != REFUSAL_UNKNOWN)
        return;
    if (login->done && (end->refusal == REFUSAL_UNKNOWN || in_place))
        login_fail(login, end->refusal == REFUSAL_LIMIT ? LOGIN_LIMIT : LOGIN_UNAVAILABLE, end->reason);
    trial_end(logins, trial, counts_as_refused(end), now);
}

bool logins_failed(struct logins *logins, enum logins_place place, const struct upstream_end *end, usec now)
{
    struct trial *trial = trial_on(logins, place);
    struct login *login = trial->login;
    bool nobody_left;

    if (!login && place == LOGINS_ON_FIRST && is_disbelieved(logins, end, now))
        return false;
    nobody_left = is_refused(end) && refused(logins, end, login, now);
    if (!is_refused(end) && place == LOGINS_ON_FIRST) {
        unanswered(logins, end, now);
        return false;
    }
    if (!is_refused(end) && login)
        login->in_place = true; /* the second connection could not tell */
    trial_end(logins, trial, counts_as_refused(end), now);
    return nobody_left;
}

/* --- on a second connection */

static usec due_on_second(const struct login *login, const struct logins_facts *facts)
{
    return uses_second(login) ? trials_due(login, facts->now) : USEC_NEVER;
}

bool logins_try_on_second(struct logins *logins, const struct logins_facts *facts, struct upstream_login *with,
                          usec *deadline)
{
    struct login *login;

    if (!logins->options.settings->verify_connection || !facts->logged_in || facts->ending || !facts->second_free ||
        trial_on(logins, LOGINS_ON_FIRST)->state != TRIAL_NONE)
        return false;
    login = next_candidate(logins, due_on_second, facts, deadline);
    if (!login)
        return false;
    trial_begin(logins, trial_on(logins, LOGINS_ON_SECOND), TRIAL_DIALLED, login, facts->now);
    *with = with_credential(logins, &login->credential);
    return true;
}

void logins_second_is_impossible(struct logins *logins, usec now)
{
    struct trial *trial = trial_on(logins, LOGINS_ON_SECOND);

    if (trial->login)
        trial->login->in_place = true;
    trial_end(logins, trial, false, now);
}
