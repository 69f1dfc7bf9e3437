/* Clients that want to be let in to an account, and what they are told. Who brings a credential that the upstream has
 * accepted not longer than verify_ttl ago is let in as soon as the upstream is logged in; the others wait until theirs
 * has been tried (verification.c). Only the upstream's own word makes a credential wrong, and a login that cannot be
 * served is never answered OK. A refusal is held back, longer with each one; meanwhile nothing else from a strange
 * address is even compared, so that nobody can guess faster here than at the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "mux/account_inside.h"

struct applicant login_applicant(const struct login *login)
{
    return (struct applicant){{login->account->key, login->account->key_length}, login->address};
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

static size_t footprint(const struct login *login)
{
    return secret_footprint(secret_bytes(login->credential.secret).length);
}

static void join_queue(struct account *account, struct login *login)
{
    struct login *other;

    *registry_waiting_secrets(account->registry) += footprint(login);
    DL_FOREACH (account->logins, other) {
        if (other->address == login->address)
            login->ahead = other;
    }
    if (login->ahead)
        login->ahead->behind = login;
    DL_APPEND(account->logins, login);
}

static void leave_queue(struct account *account, struct login *login)
{
    *registry_waiting_secrets(account->registry) -= footprint(login);
    if (login->ahead)
        login->ahead->behind = login->behind;
    if (login->behind)
        login->behind->ahead = login->ahead;
    DL_DELETE(account->logins, login);
}

/* While its credential is on its way upstream it stays, without anybody to tell, until the server has spoken. */
void login_forget(struct login *login)
{
    struct account *account = login->account;

    if (login->done)
        return;
    task_wake(&account->task);
    if (verification_is_tried(login))
        return;
    leave_queue(account, login);
    if (!account->logins && account->member_count == 0)
        account->empty_since = task_now(&account->task);
    runqueue_dispose(account->ground->runqueue, free_login, login);
}

static void answer(struct login *login, const struct login_answer *told)
{
    void (*done)(void *, const struct login_answer *) = login->done;

    login->done = NULL;
    login->deadline = USEC_NEVER;
    login_forget(login);
    if (done)
        done(login->owner, told);
}

void login_fail(struct login *login, enum login_outcome outcome, const char *text)
{
    answer(login,
           &(struct login_answer){.outcome = outcome, .account = login->account, .text = slice_of(text ? text : "")});
}

void login_cancel(struct login *login)
{
    login->done = NULL;
    login->deadline = USEC_NEVER;
    login_forget(login);
}

void login_fail_all(struct account *account, enum login_outcome outcome, const char *text)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (account->logins, login, next) {
        login_fail(login, outcome, text);
    }
}

static void let_in(struct login *login, usec now)
{
    struct applicant applicant = login_applicant(login);

    reputation_note_entered(registry_reputation(login->account->registry), &applicant, now);
    login_fail(login, LOGIN_OK, "");
}

/* --- refusing */

/* What waits from the same strange address waits on. */
static void shut_address(struct account *account, uint64_t address, usec until)
{
    struct login *login;

    DL_FOREACH (account->logins, login) {
        if (login->address == address && login->stranger && login->not_before < until)
            login->not_before = until;
    }
}

static void hold_back(struct login *login, enum login_outcome outcome, const char *words, usec now)
{
    struct reputation *reputation = registry_reputation(login->account->registry);
    struct applicant applicant = login_applicant(login);

    login->refused = true;
    login->outcome = outcome;
    login->words = words;
    login->refused_until = now + reputation_delay(reputation, &applicant, now);
    reputation_shut_until(reputation, &applicant, login->refused_until);
    shut_address(login->account, login->address, login->refused_until);
    task_wake(&login->account->task);
}

static void refuse(struct login *login, struct slice challenge, usec now)
{
    login->challenge = challenge.length > 0 ? slice_copy(challenge) : NULL;
    hold_back(login, LOGIN_REJECTED, "", now);
}

/* It has been compared with what is accepted, in vain, and will not be tried: to whoever guesses that tells as much as
 * a refusal. */
static void note_vain_comparison(struct login *login, usec now)
{
    struct applicant applicant = login_applicant(login);

    if (login->account->accepted.count > 0 && login->admitted && !login_known(login))
        reputation_note_failure(registry_reputation(login->account->registry), &applicant, now);
}

void login_refuse_all(struct account *account, const struct credential *credential, struct slice challenge)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (account->logins, login, next) {
        if (login->done && !login->refused && credential_equal(&login->credential, credential))
            refuse(login, challenge, task_now(&account->task));
    }
}

static void tell_refusal(struct login *login)
{
    answer(login, &(struct login_answer){.outcome = login->outcome,
                                         .account = login->account,
                                         .text = slice_of(login->words),
                                         .challenge = slice_of(login->challenge ? login->challenge : "")});
}

/* --- beginning */

#define NAME_MAX_OCTETS 2048
#define KEY_MAX         ((size_t)3 * NAME_MAX_OCTETS)

/* The user name as the settings of the upstream want it. False: too long. */
static bool normalise(const struct upstream_settings *upstream, struct slice name, char buffer[NAME_MAX_OCTETS],
                      struct slice *made)
{
    bool bare = name.length > 0 && !memchr(name.data, '@', name.length);
    const char *domain = bare && upstream->default_domain ? upstream->default_domain : "";
    int length = snprintf(buffer, NAME_MAX_OCTETS, "%.*s%s%s", (int)name.length, name.length ? name.data : "",
                          domain[0] ? "@" : "", domain);

    if (name.length >= NAME_MAX_OCTETS || length < 0 || length >= NAME_MAX_OCTETS)
        return false;
    for (int i = 0; upstream->lower_case_users && i < length; i++) {
        if (buffer[i] >= 'A' && buffer[i] <= 'Z')
            buffer[i] = (char)(buffer[i] - 'A' + 'a');
    }
    *made = (struct slice){buffer, (size_t)length};
    return true;
}

static struct slice make_key(const struct upstream_settings *upstream, const struct login_credentials *credentials,
                             char buffer[KEY_MAX])
{
    struct slice authorization =
        credentials->authorization_id.length > 0 ? credentials->authorization_id : credentials->authentication_id;
    int length =
        snprintf(buffer, KEY_MAX, "%s%c%.*s%c%.*s", upstream->name, 0, (int)authorization.length, authorization.data, 0,
                 (int)credentials->authentication_id.length, credentials->authentication_id.data);

    return (struct slice){buffer, length < 0 || (size_t)length >= KEY_MAX ? 0 : (size_t)length};
}

static struct account *find_account(struct registry *registry, const struct upstream_settings *upstream,
                                    const struct login_credentials *credentials)
{
    char authorization[NAME_MAX_OCTETS], authentication[NAME_MAX_OCTETS], buffer[KEY_MAX];
    struct login_credentials made = *credentials;
    struct account *account;
    struct slice key;

    if (!normalise(upstream, credentials->authorization_id, authorization, &made.authorization_id) ||
        !normalise(upstream, credentials->authentication_id, authentication, &made.authentication_id))
        return NULL;
    key = make_key(upstream, &made, buffer);
    account = key.length > 0 ? registry_find(registry, key) : NULL;
    return account || key.length == 0 ? account : account_new(registry, upstream, &made, key);
}

#define WAITING_SHARE (SECRET_HEAP_SIZE / 2)
#define LARGEST_PART  16 /* of what is left of that */

/* Those who wait leave half of the memory for passwords to what has been accepted and to what is dialled with, and the
 * less is left the smaller must be what comes in: with passwords of many kilobytes nobody can keep out ordinary ones.
 */
static bool has_room(struct registry *registry, struct slice secret)
{
    size_t waiting = *registry_waiting_secrets(registry);

    return waiting < WAITING_SHARE && secret_footprint(secret.length) <= (WAITING_SHARE - waiting) / LARGEST_PART;
}

struct login *login_begin(struct registry *registry, const struct upstream_settings *upstream,
                          const struct login_credentials *credentials, uint64_t address,
                          void (*done)(void *owner, const struct login_answer *answer), void *owner)
{
    struct login *login = calloc(1, sizeof(*login));

    if (login && has_room(registry, credentials->secret) &&
        credential_init(&login->credential, credentials->kind, credentials->secret))
        login->account = find_account(registry, upstream, credentials);
    if (!login || !login->account) {
        free_login(login);
        return NULL;
    }
    login->address = address;
    login->done = done;
    login->owner = owner;
    login->deadline = task_now(&login->account->task) + registry_ground(registry)->settings->login_wait;
    join_queue(login->account, login);
    task_wake(&login->account->task);
    return login;
}

/* --- what can be answered now */

struct accepted_credential *login_known(const struct login *login)
{
    return credential_list_find(&login->account->accepted, &login->credential);
}

bool login_is_accepted(const struct login *login, usec now)
{
    const struct accepted_credential *known = login_known(login);

    return known && now - known->accepted_at <= account_settings(login->account)->verify_ttl;
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

/* Asked once, when its time has come; the rest of its life it is told of what changes. */
static void admit(struct login *login, usec now)
{
    struct reputation *reputation = registry_reputation(login->account->registry);
    struct applicant applicant = login_applicant(login);

    login->stranger = !reputation_has_entered(reputation, &applicant, now);
    login->not_before = reputation_open_at(reputation, &applicant, now);
    if (now < login->not_before)
        return;
    login->admitted = true;
    if (reputation_is_rejected(reputation, &applicant, &login->credential, now))
        refuse(login, SLICE(""), now);
}

static void time_out(struct account *account, struct login *login, usec now)
{
    enum login_outcome outcome = account->last_refusal == REFUSAL_LIMIT ? LOGIN_LIMIT : LOGIN_UNAVAILABLE;
    char text[500];

    note_vain_comparison(login, now);
    if (now < login->not_before || !login->admitted)
        snprintf(text, sizeof(text), "Too many refused logins from your address; please try again later");
    else if (account->last_reason[0] && !account->logged_in)
        snprintf(text, sizeof(text), "The mail server cannot be reached or lets nobody in: %s", account->last_reason);
    else
        snprintf(text, sizeof(text), "The password could not be checked in time; please try again");
    login_fail(login, outcome, text);
}

/* Everybody's line is not given up for it in time. */
static bool is_hopeless(const struct account *account, const struct login *login, usec now)
{
    return account->accepted.count > 0 && account->logged_in && account->trial.state == TRIAL_NONE &&
           !verification_is_tried(login) && login_is_open(login, now) && verification_due(login, now) > login->deadline;
}

static void consider(struct account *account, struct login *login, usec now, usec *deadline)
{
    if (account->ending) {
        login_fail(login, LOGIN_UNAVAILABLE, "Shutting down; please try again");
        return;
    }
    if (!login->admitted && now >= login->not_before)
        admit(login, now);
    if (login->refused) {
        if (now >= login->refused_until)
            tell_refusal(login);
        else
            earlier(deadline, login->refused_until);
    } else if (account->logged_in && login_is_open(login, now) && login_is_accepted(login, now)) {
        let_in(login, now);
    } else if (now >= login->deadline) {
        time_out(account, login, now);
    } else if (is_hopeless(account, login, now)) {
        note_vain_comparison(login, now);
        hold_back(login, LOGIN_UNAVAILABLE,
                  "Another password of this account was checked a moment ago; please try again in a minute", now);
    } else {
        earlier(deadline, login->deadline);
        if (now < login->not_before)
            earlier(deadline, login->not_before);
    }
}

void login_step(struct account *account, usec now, usec *deadline)
{
    struct applicant anybody = {{account->key, account->key_length}, 0};
    struct login *login, *next;

    if (account->logins)
        account->strangers_failed = reputation_strangers_failed(registry_reputation(account->registry), &anybody, now);
    DL_FOREACH_SAFE (account->logins, login, next) {
        if (login->done)
            consider(account, login, now, deadline);
    }
}
