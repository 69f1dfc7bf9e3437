/* Logins that wait, and the one place where they are answered. A refusal is held back, longer with each one; meanwhile
 * nothing else from a strange address is even compared, so that nobody can guess faster here than at the server. A
 * login whose credential is on its way upstream stays, without a client, until the server has spoken. */
#include "mux/logins.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "mux/logins_inside.h"

static struct applicant applicant_of(const struct login *login)
{
    return (struct applicant){login->logins->options.key, login->address};
}

static struct reputation *reputation_of(const struct login *login)
{
    return login->logins->options.reputation;
}

static usec now_of(const struct logins *logins)
{
    return task_now(logins->options.task);
}

/* --- ending */

static void free_login(void *object)
{
    struct login *login = object;

    if (!login)
        return;
    credential_clear(&login->credential);
    free(login->challenge);
    free(login);
}

static void join_queue(struct logins *logins, struct login *login)
{
    struct login *other;

    credential_room_take(logins->options.room, &login->credential);
    DL_FOREACH (logins->waiting, other) {
        if (other->address == login->address)
            login->ahead = other;
    }
    if (login->ahead)
        login->ahead->behind = login;
    DL_APPEND(logins->waiting, login);
}

static void leave_queue(struct logins *logins, struct login *login)
{
    credential_room_leave(logins->options.room, &login->credential);
    if (login->ahead)
        login->ahead->behind = login->behind;
    if (login->behind)
        login->behind->ahead = login->ahead;
    DL_DELETE(logins->waiting, login);
}

/* A login whose credential is on its way upstream stays without its client until the server has answered. */
void login_forget(struct login *login)
{
    struct logins *logins = login->logins;

    if (login->done)
        return;
    task_wake(logins->options.task);
    if (trials_is_tried(login))
        return;
    leave_queue(logins, login);
    runqueue_dispose(logins->options.ground->runqueue, free_login, login);
}

static void answer(struct login *login, const struct login_answer *told)
{
    login_answered *done = login->done;

    login->done = NULL;
    login->deadline = USEC_NEVER;
    login_forget(login);
    if (done)
        done(login->owner, told);
}

/* No challenge belongs to it. */
static void tell(struct login *login, enum login_outcome outcome, const char *text)
{
    answer(login, &(struct login_answer){
                      .outcome = outcome, .account = login->logins->options.account, .text = slice_of(text)});
}

void login_fail(struct login *login, enum login_outcome outcome, const char *text)
{
    assert(outcome != LOGIN_OK && outcome != LOGIN_REJECTED);
    tell(login, outcome, text);
}

void login_cancel(struct login *login)
{
    login->done = NULL;
    login->deadline = USEC_NEVER;
    login_forget(login);
}

void logins_end(struct logins *logins, enum login_outcome outcome, const char *text)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (logins->waiting, login, next) {
        if (login->done) /* one whose client has gone waits for the end of its trial */
            login_fail(login, outcome, text);
    }
}

static void let_in(struct login *login, usec now)
{
    struct applicant applicant = applicant_of(login);

    reputation_note_entered(reputation_of(login), &applicant, now);
    tell(login, LOGIN_OK, "");
}

/* --- refusing */

/* The next login from the same strange address waits on. */
static void shut_address(struct logins *logins, uint64_t address, usec until)
{
    struct login *login;

    DL_FOREACH (logins->waiting, login) {
        if (login->address == address && login->stranger && login->not_before < until)
            login->not_before = until;
    }
}

static void hold_back(struct login *login, enum login_outcome outcome, const char *words, usec now)
{
    struct reputation *reputation = reputation_of(login);
    struct applicant applicant = applicant_of(login);

    login->refused = true;
    login->outcome = outcome;
    login->words = words;
    login->refused_until = now + reputation_delay(reputation, &applicant, now);
    reputation_shut_until(reputation, &applicant, login->refused_until);
    shut_address(login->logins, login->address, login->refused_until);
    task_wake(login->logins->options.task);
}

static void refuse(struct login *login, struct slice challenge, usec now)
{
    login->challenge = challenge.length > 0 ? slice_copy(challenge) : NULL;
    hold_back(login, LOGIN_REJECTED, "", now);
}

/* It was compared with the accepted ones in vain and will not be tried. To a guesser that tells as much as
 * a refusal. */
static void note_vain_comparison(struct login *login, usec now)
{
    struct applicant applicant = applicant_of(login);

    if (login->stranger && login->logins->accepted.count > 0 && login->admitted && !login_known(login))
        reputation_note_failure(reputation_of(login), &applicant, now);
}

void login_refuse_all(struct logins *logins, const struct credential *credential, struct slice challenge)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (logins->waiting, login, next) {
        if (login->done && !login->refused && credential_equal(&login->credential, credential))
            refuse(login, challenge, now_of(logins));
    }
}

static void tell_refusal(struct login *login)
{
    answer(login, &(struct login_answer){.outcome = login->outcome,
                                         .account = login->logins->options.account,
                                         .text = slice_of(login->words),
                                         .challenge = slice_of(login->challenge ? login->challenge : "")});
}

/* --- beginning */

struct login *logins_add(struct logins *logins, enum credential_kind kind, struct slice secret, uint64_t address,
                         login_answered *done, void *owner)
{
    struct login *login = calloc(1, sizeof(*login));

    if (!login || !credential_room_fits(logins->options.room, secret) ||
        !credential_init(&login->credential, kind, secret)) {
        free(login);
        return NULL;
    }
    login->logins = logins;
    login->address = address;
    login->done = done;
    login->owner = owner;
    login->deadline = now_of(logins) + logins->options.ground->settings->login_wait;
    join_queue(logins, login);
    logins->came++;
    task_wake(logins->options.task);
    return login;
}

/* --- answers */

struct accepted_credential *login_known(const struct login *login)
{
    return credential_list_find(&login->logins->accepted, &login->credential);
}

bool login_is_accepted(const struct login *login, usec now)
{
    const struct accepted_credential *known = login_known(login);

    return known && !known->refused_once &&
           now - known->accepted_at <= login->logins->options.ground->settings->verify_ttl;
}

static bool one_is_ahead(const struct login *login)
{
    for (const struct login *ahead = login->ahead; ahead; ahead = ahead->ahead) {
        if (ahead->stranger && ahead->done && !credential_equal(&ahead->credential, &login->credential))
            return true;
    }
    return false;
}

bool login_is_open(const struct login *login, usec now)
{
    return login->done && login->admitted && !login->refused && now >= login->not_before &&
           !(login->stranger && one_is_ahead(login));
}

/* Asks the reputation once, when the login's time has come; later changes are told to the login. */
static void admit(struct login *login, usec now)
{
    struct reputation *reputation = reputation_of(login);
    struct applicant applicant = applicant_of(login);

    login->stranger = !reputation_has_entered(reputation, &applicant, now);
    login->not_before = reputation_open_at(reputation, &applicant, now);
    if (now < login->not_before)
        return;
    login->admitted = true;
    if (reputation_is_rejected(reputation, &applicant, &login->credential, now))
        refuse(login, SLICE(""), now);
}

/* Why it could not be let in, as far as a code says. RFC 5530. */
static enum login_outcome outcome_of(const struct permit *permit, usec now)
{
    usec until;

    if (permit_state(permit, now, &until) == PERMIT_KICKED)
        return LOGIN_INUSE;
    return permit->refusal == REFUSAL_LIMIT ? LOGIN_LIMIT : LOGIN_UNAVAILABLE;
}

static void time_out(struct login *login, const struct logins_facts *facts)
{
    const struct permit *permit = login->logins->options.permit;
    enum login_outcome outcome = facts->logged_in ? LOGIN_UNAVAILABLE : outcome_of(permit, facts->now);
    char text[700];

    note_vain_comparison(login, facts->now);
    if (facts->now < login->not_before || !login->admitted)
        snprintf(text, sizeof(text), "Too many refused logins from your address; please try again later");
    else if (!facts->logged_in)
        permit_explain(permit, facts->now, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "The password could not be checked in time; please try again");
    login_fail(login, outcome, text);
}

/* True: no in-place check can happen before the login's deadline. */
static bool is_hopeless(const struct login *login, const struct logins_facts *facts)
{
    const struct logins *logins = login->logins;

    return logins->accepted.count > 0 && facts->logged_in && logins->trials.on[LOGINS_ON_FIRST].state == TRIAL_NONE &&
           !trials_is_tried(login) && login_is_open(login, facts->now) &&
           trials_due(login, facts->now) > login->deadline;
}

static void wait_until(usec *deadline, usec at)
{
    if (at < *deadline)
        *deadline = at;
}

/* Its password cannot be tried before its time is up. A stranger may be guessing: that counts, and is held back longer
 * and longer. Somebody at an address that is in the account waits failure_delay and no longer, whoever else has failed
 * there. */
static void give_up(struct login *login, usec now)
{
    static const char words[] =
        "Another password of this account was checked a moment ago; please try again in a minute";

    if (login->stranger) {
        note_vain_comparison(login, now);
        hold_back(login, LOGIN_UNAVAILABLE, words, now);
        return;
    }
    login->refused = true;
    login->outcome = LOGIN_UNAVAILABLE;
    login->words = words;
    login->refused_until = now + login->logins->options.ground->settings->failure_delay;
    task_wake(login->logins->options.task);
}

/* The login is refused already and is told so after the delay. */
static void consider_refused(struct login *login, usec now, usec *deadline)
{
    if (now >= login->refused_until)
        tell_refusal(login);
    else
        wait_until(deadline, login->refused_until);
}

static void consider(struct login *login, const struct logins_facts *facts, usec *deadline)
{
    usec now = facts->now;

    if (facts->ending) {
        login_fail(login, LOGIN_UNAVAILABLE, "Shutting down; please try again");
        return;
    }
    if (!login->admitted && now >= login->not_before)
        admit(login, now);
    if (login->refused) {
        consider_refused(login, now, deadline);
    } else if (facts->logged_in && login_is_open(login, now) && login_is_accepted(login, now)) {
        let_in(login, now);
    } else if (now >= login->deadline) {
        time_out(login, facts);
    } else if (login_is_open(login, now) && trials_is_shut_out(login)) {
        note_vain_comparison(login, now);
        hold_back(login, LOGIN_UNAVAILABLE,
                  "This account is in use with a password. Tokens beside it need a mail server that is known to check "
                  "their user names (tokens = checked)",
                  now);
    } else if (is_hopeless(login, facts)) {
        give_up(login, now);
    } else {
        wait_until(deadline, login->deadline);
        if (now < login->not_before)
            wait_until(deadline, login->not_before);
    }
}

void logins_step(struct logins *logins, const struct logins_facts *facts, usec *deadline)
{
    struct applicant anybody = {logins->options.key, 0};
    struct login *login, *next;

    logins->second_room = facts->second_room;
    if (logins->waiting)
        logins->strangers_failed = reputation_strangers_failed(logins->options.reputation, &anybody, facts->now);
    DL_FOREACH_SAFE (logins->waiting, login, next) {
        if (login->done)
            consider(login, facts, deadline);
    }
    if (facts->disconnected)
        trials_forget_unwanted(logins, facts->now);
}

/* --- making and ending */

uint64_t logins_came(const struct logins *logins)
{
    return logins->came;
}

bool logins_wait(const struct logins *logins)
{
    return logins->waiting != NULL;
}

struct logins *logins_new(const struct logins_options *options)
{
    struct logins *logins = calloc(1, sizeof(*logins));

    if (!logins)
        return NULL;
    logins->options = *options;
    trials_init(logins);
    return logins;
}

void logins_free(struct logins *logins)
{
    if (!logins)
        return;
    assert(!logins->waiting);
    credential_list_clear(&logins->accepted);
    free(logins);
}
