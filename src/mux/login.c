/* Who may attach to an account. Its first client's password logs the upstream in; others attach with a password that
 * the upstream has accepted not longer than verify_ttl ago. An unknown one is tried in place, between jobs: log out,
 * log in with it, and with the old one again if it fails. Only the upstream's own word makes a password wrong; a login
 * that cannot be served is never answered OK. Passwords are in locked memory, compared in constant time, never logged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "mux/account_inside.h"

/* --- accepted credentials */

static struct credential *find_credential(struct account *account, struct slice password)
{
    struct credential *found = NULL;

    for (size_t i = 0; i < account->credential_count; i++) { /* all of them: no word about which by the time it takes */
        if (secret_equal(account->credentials[i].password, password))
            found = &account->credentials[i];
    }
    return found;
}

static void remove_credential(struct account *account, size_t at)
{
    secret_free(account->credentials[at].password);
    account->credential_count--;
    memmove(account->credentials + at, account->credentials + at + 1,
            (account->credential_count - at) * sizeof(*account->credentials));
    if (account->credential_current > at || account->credential_current >= account->credential_count)
        account->credential_current = account->credential_current > 0 ? account->credential_current - 1 : 0;
}

void login_forget_credentials(struct account *account)
{
    while (account->credential_count > 0)
        remove_credential(account, account->credential_count - 1);
}

/* The upstream has accepted it: the oldest other one makes room. Takes the secret. */
static void add_credential(struct account *account, struct secret *password, usec now)
{
    size_t oldest = 0;

    if (account->credential_count == ACCOUNT_CREDENTIALS) {
        for (size_t i = 1; i < account->credential_count; i++) {
            if (account->credentials[i].accepted_at < account->credentials[oldest].accepted_at)
                oldest = i;
        }
        remove_credential(account, oldest);
    }
    account->credential_current = account->credential_count++;
    account->credentials[account->credential_current] = (struct credential){password, now};
}

/* --- ending a login */

static void free_login(void *object)
{
    struct login *login = object;

    if (!login)
        return;
    secret_free(login->password);
    free(login);
}

static void remove_login(struct login *login)
{
    struct account *account = login->account;

    if (account->trying == login) {
        account->trying = NULL;
        account->verifying = false;
    }
    DL_DELETE(account->logins, login);
    if (!account->logins && account->member_count == 0)
        account->empty_since = task_now(&account->task);
    runqueue_dispose(registry_runqueue(account->registry), free_login, login);
    task_wake(&account->task);
}

/* Its password is on its way upstream at this moment: the login stays, without anybody to tell, until the server has
 * spoken. */
static bool in_flight(const struct login *login)
{
    return login->account->trying == login && upstream_state(login->account->upstream) != UPSTREAM_DISCONNECTED;
}

static void answer(struct login *login, enum login_outcome outcome, const char *text)
{
    struct login_answer told = {.outcome = outcome, .account = login->account, .text = slice_of(text)};
    void (*done)(void *, const struct login_answer *) = login->done;

    login->done = NULL;
    login->deadline = USEC_NEVER;
    if (!in_flight(login))
        remove_login(login);
    if (done)
        done(login->owner, &told);
}

void login_cancel(struct login *login)
{
    login->done = NULL;
    login->deadline = USEC_NEVER;
    if (!in_flight(login))
        remove_login(login);
}

void login_fail_all(struct account *account, enum login_outcome outcome, const char *text)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (account->logins, login, next) {
        answer(login, outcome, text);
    }
}

/* All who wait with this password. */
static void answer_equals(struct account *account, struct slice password, enum login_outcome outcome, const char *text)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (account->logins, login, next) {
        if (secret_equal(login->password, password))
            answer(login, outcome, text);
    }
}

/* --- beginning one */

static struct slice make_key(const struct upstream_settings *upstream, const struct login_credentials *credentials,
                             char *buffer, size_t size)
{
    struct slice authorization =
        credentials->authorization_id.length > 0 ? credentials->authorization_id : credentials->authentication_id;
    int length =
        snprintf(buffer, size, "%s%c%.*s%c%.*s", upstream->name, 0, (int)authorization.length, authorization.data, 0,
                 (int)credentials->authentication_id.length, credentials->authentication_id.data);

    return (struct slice){buffer, length < 0 || (size_t)length >= size ? 0 : (size_t)length};
}

struct login *login_begin(struct registry *registry, const struct upstream_settings *upstream,
                          const struct login_credentials *credentials, const char *peer,
                          void (*done)(void *owner, const struct login_answer *answer), void *owner)
{
    char buffer[8192];
    struct slice key = make_key(upstream, credentials, buffer, sizeof(buffer));
    struct account *account = key.length > 0 ? registry_find(registry, key) : NULL;
    struct login *login = calloc(1, sizeof(*login));

    (void)peer;
    if (login)
        login->password = secret_new(credentials->password);
    if (!account && key.length > 0 && login && login->password)
        account = account_new(registry, upstream, credentials, key);
    if (!account || !login || !login->password) {
        free_login(login);
        return NULL;
    }
    login->account = account;
    login->done = done;
    login->owner = owner;
    login->deadline = task_now(&account->task) + registry_settings(registry)->login_wait;
    DL_APPEND(account->logins, login);
    task_wake(&account->task);
    return login;
}

/* --- what can be answered now */

static struct slice account_key(const struct account *account)
{
    return (struct slice){account->key, account->key_length};
}

static const struct credential *accepted(struct account *account, const struct login *login, usec now)
{
    const struct credential *credential = find_credential(account, secret_bytes(login->password));

    if (!credential || now - credential->accepted_at > account_settings(account)->verify_ttl)
        return NULL;
    return credential;
}

static usec verification_due(const struct account *account)
{
    return account->last_verification + account_settings(account)->reverify_interval;
}

static void time_out(struct account *account, struct login *login)
{
    enum login_outcome outcome = account->last_refusal == REFUSAL_LIMIT ? LOGIN_LIMIT : LOGIN_UNAVAILABLE;
    char text[500];

    if (account->last_reason[0] && !account->logged_in)
        snprintf(text, sizeof(text), "The mail server cannot be reached or lets nobody in: %s", account->last_reason);
    else
        snprintf(text, sizeof(text), "The password could not be checked in time; please try again");
    answer(login, outcome, text);
}

static void consider(struct account *account, struct login *login, usec now, usec *deadline)
{
    if (!login->done) {
        return; /* nobody waits for it any more */
    } else if (account->ending) {
        answer(login, LOGIN_UNAVAILABLE, "Shutting down; please try again");
    } else if (account->trying != login &&
               registry_is_rejected(account->registry, account_key(account), secret_bytes(login->password))) {
        answer(login, LOGIN_REJECTED, "");
    } else if (account->logged_in && accepted(account, login, now)) {
        answer(login, LOGIN_OK, "");
    } else if (now >= login->deadline) {
        time_out(account, login);
    } else if (account->credential_count > 0 && account->trying != login && !accepted(account, login, now) &&
               verification_due(account) > login->deadline) {
        answer(login, LOGIN_UNAVAILABLE,
               "Another password of this account was checked a moment ago; please try again in a minute");
    } else if (login->deadline < *deadline) {
        *deadline = login->deadline;
    }
}

void login_step(struct account *account, usec now, usec *deadline)
{
    struct login *login, *next;

    DL_FOREACH_SAFE (account->logins, login, next) {
        consider(account, login, now, deadline);
    }
    if (account->logins && account->credential_count > 0 && verification_due(account) > now &&
        verification_due(account) < *deadline)
        *deadline = verification_due(account);
}

/* --- trying one upstream */

static struct login *next_unknown(struct account *account, usec now)
{
    struct login *login;

    DL_FOREACH (account->logins, login) {
        if (!accepted(account, login, now))
            return login;
    }
    return NULL;
}

bool login_wants_verification(const struct account *account, usec now)
{
    return account->logins && !account->trying && now >= verification_due(account) &&
           next_unknown((struct account *)(uintptr_t)account, now) != NULL;
}

void login_begin_verification(struct account *account, usec now)
{
    account->trying = next_unknown(account, now);
    account->verifying = true;
    account->last_verification = now;
    log_line(account_log(account), LOG_INFO, "%s: a password that is not known is checked upstream", account->name);
    upstream_logout(account->upstream);
}

bool login_choose(struct account *account, struct upstream_login *login)
{
    const struct secret *password = NULL;

    if (account->credential_count == 0 && !account->trying)
        account->trying = account->logins;
    if (account->trying)
        password = account->trying->password;
    else if (account->credential_count > 0)
        password = account->credentials[account->credential_current].password;
    if (!password)
        return false;
    *login = (struct upstream_login){.authorization_id = slice_of(account->authorization_id),
                                     .authentication_id = slice_of(account->authentication_id),
                                     .password = password};
    return true;
}

void login_accepted(struct account *account, usec now)
{
    struct login *login = account->trying;
    struct credential *known = login ? find_credential(account, secret_bytes(login->password)) : NULL;

    account->trying = NULL;
    account->verifying = false;
    if (!login) {
        if (account->credential_count > 0)
            account->credentials[account->credential_current].accepted_at = now;
        return;
    }
    if (known) {
        known->accepted_at = now;
        account->credential_current = (size_t)(known - account->credentials);
    } else {
        add_credential(account, login->password, now);
        login->password = secret_new(secret_bytes(login->password));
    }
    if (!login->done)
        remove_login(login);
    else if (!login->password) /* out of memory for its own copy: what the account has is the same */
        answer(login, LOGIN_OK, "");
}

static void rejected(struct account *account, const struct secret *password)
{
    struct secret *copy = secret_new(secret_bytes(password));

    if (!copy)
        return;
    registry_note_rejected(account->registry, account_key(account), secret_bytes(copy));
    if (account->trying) {
        struct login *login = account->trying;
        account->trying = NULL;
        account->verifying = false;
        if (!login->done)
            remove_login(login);
    }
    answer_equals(account, secret_bytes(copy), LOGIN_REJECTED, "");
    secret_free(copy);
}

/* The upstream no longer accepts what it accepted before: the others are tried, then nobody is left who has proved who
 * he is. */
static void credential_failed(struct account *account)
{
    size_t at = account->credential_current;

    rejected(account, account->credentials[at].password);
    remove_credential(account, at);
    if (account->credential_count == 0)
        account_end_members(account, "The mail server no longer accepts the password of this account");
}

void login_failed(struct account *account, const struct upstream_end *end)
{
    account->last_refusal = end->refusal;
    snprintf(account->last_reason, sizeof(account->last_reason), "%s", end->reason);
    if (end->refusal == REFUSAL_CREDENTIALS) {
        if (account->trying) {
            struct credential *known = find_credential(account, secret_bytes(account->trying->password));
            if (known)
                remove_credential(account, (size_t)(known - account->credentials));
            rejected(account, account->trying->password);
            if (known && account->credential_count == 0)
                account_end_members(account, "The mail server no longer accepts the password of this account");
        } else if (account->credential_count > 0) {
            credential_failed(account);
        }
    } else if (end->refusal == REFUSAL_UNKNOWN && account->trying) {
        struct login *login = account->trying;
        account->trying = NULL;
        account->verifying = false;
        answer(login, LOGIN_UNAVAILABLE, account->last_reason);
    } else if (account->trying && !account->trying->done) {
        remove_login(account->trying);
    }
}
