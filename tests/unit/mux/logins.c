/* Who is let in, who waits, and whose credential is tried next: no server, no connection. */
#include "mux/logins.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW      USEC_HOUR
#define OFFICE   1 /* an address that has entered the account, once `enter` was called */
#define STRANGER 2

struct desk {
    struct ground ground;
    struct settings settings;
    struct log log;
    struct task task;
    struct upstream_settings upstream_settings;
    struct server server;
    struct permit permit;
    struct reputation *reputation;
    struct credential_room room;
    struct logins *logins;
    struct logins_facts facts;
    char told[500];
    usec deadline;
    enum credential_kind kind; /* of the secrets below */
};

static struct desk desk;

static void run(struct task *task, usec now)
{
    (void)now;
    task_set_deadline(task, USEC_NEVER);
}

static void begin(void)
{
    static const uint8_t key[32] = {1};
    struct logins_options options = {.name = "user@server", .key = SLICE("key"), .authentication_id = SLICE("user")};

    desk = (struct desk){.upstream_settings = {.name = "server"}};
    settings_defaults(&desk.settings);
    desk.ground = (struct ground){.runqueue = runqueue_new(), .log = &desk.log, .settings = &desk.settings};
    desk.log.level = LOG_ERROR;
    task_init(&desk.task, desk.ground.runqueue, run);
    runqueue_step(desk.ground.runqueue, NOW);
    desk.reputation = reputation_new(&desk.settings, key);
    options.ground = &desk.ground;
    options.task = &desk.task;
    options.settings = &desk.upstream_settings;
    options.server = &desk.server;
    options.reputation = desk.reputation;
    options.room = &desk.room;
    permit_init(&desk.permit, &(struct permit_options){.ground = &desk.ground,
                                                       .settings = &desk.upstream_settings,
                                                       .server = &desk.server,
                                                       .task = &desk.task,
                                                       .name = "user@server"});
    options.permit = &desk.permit;
    desk.logins = logins_new(&options);
    desk.facts = (struct logins_facts){.now = NOW, .disconnected = true, .second_free = true, .second_room = true};
}

static void finish(void)
{
    logins_end_trials(desk.logins, desk.facts.now);
    logins_end(desk.logins, LOGIN_UNAVAILABLE, "over");
    logins_free(desk.logins);
    cr_assert_eq(desk.room.taken, 0);
    cr_assert_eq(desk.server.reserved, 0);
    reputation_free(desk.reputation);
    task_clear(&desk.task);
    runqueue_free(desk.ground.runqueue);
}

TestSuite(logins, .init = begin, .fini = finish);

static void answered(void *owner, const struct login_answer *answer)
{
    static const char *const outcomes[] = {[LOGIN_OK] = "in",
                                           [LOGIN_REJECTED] = "rejected",
                                           [LOGIN_LIMIT] = "limit",
                                           [LOGIN_INUSE] = "in use",
                                           [LOGIN_UNAVAILABLE] = "unavailable"};
    char text[100];

    snprintf(text, sizeof(text), "%s %s;", (const char *)owner, outcomes[answer->outcome]);
    strcat(desk.told, text);
}

static struct login *come(const char *who, const char *secret, uint64_t address)
{
    runqueue_step(desk.ground.runqueue, desk.facts.now);
    return logins_add(desk.logins, desk.kind, slice_of(secret), address, answered, (void *)(uintptr_t)who);
}

static const char *step(void)
{
    runqueue_step(desk.ground.runqueue, desk.facts.now);
    desk.told[0] = '\0';
    desk.deadline = USEC_NEVER;
    logins_step(desk.logins, &desk.facts, &desk.deadline);
    return desk.told;
}

/* The secret with which the account is to be dialled now; "": with nothing. */
static const char *choose(void)
{
    static char secret[50];
    struct upstream_login with;

    secret[0] = '\0';
    desk.deadline = USEC_NEVER;
    if (logins_choose(desk.logins, &with, desk.facts.now, &desk.deadline))
        snprintf(secret, sizeof(secret), "%.*s", (int)secret_bytes(with.credential->secret).length,
                 secret_bytes(with.credential->secret).data);
    return secret;
}

/* True: the session has changed hands. */
static bool accept(enum logins_place place, const char *secret)
{
    struct credential credential;
    bool taken_over;

    cr_assert(credential_init(&credential, desk.kind, slice_of(secret)));
    taken_over = logins_accepted(desk.logins, place, &credential, desk.facts.now);
    credential_clear(&credential);
    return taken_over;
}

static bool fail(enum logins_place place, const char *secret, enum refusal refusal)
{
    struct credential credential;
    struct upstream_end end = {.refusal = refusal, .reason = "no", .credential = &credential};
    bool nobody_left;

    cr_assert(credential_init(&credential, desk.kind, slice_of(secret)));
    nobody_left = logins_failed(desk.logins, place, &end, desk.facts.now);
    credential_clear(&credential);
    return nobody_left;
}

/* Somebody is in, from the office. */
static void enter(void)
{
    come("first", "sesame", OFFICE);
    step();
    cr_assert_str_eq(choose(), "sesame");
    accept(LOGINS_ON_FIRST, "sesame");
    desk.facts.logged_in = true;
    desk.facts.disconnected = false;
    desk.facts.quiet_since = desk.facts.now;
    cr_assert_str_eq(step(), "first in;");
}

static bool try_in_place(void)
{
    desk.deadline = USEC_NEVER;
    return logins_try_in_place(desk.logins, &desk.facts, &desk.deadline);
}

Test(logins, the_first_credential_logs_the_upstream_in)
{
    enter();
    come("second", "sesame", STRANGER);
    cr_assert_str_eq(step(), "second in;", "the same credential, at once");
    cr_assert_not(logins_wait(desk.logins));
}

Test(logins, nobody_is_let_in_while_the_upstream_is_away)
{
    enter();
    desk.facts.logged_in = false;
    desk.facts.disconnected = true;
    come("second", "sesame", OFFICE);
    cr_assert_str_eq(step(), "");
    cr_assert_str_eq(choose(), "sesame", "the accepted one, for the reconnect");
    desk.facts.now += desk.settings.login_wait;
    cr_assert_str_eq(step(), "second unavailable;");
}

Test(logins, a_refusal_as_limit_is_told_as_limit_at_the_end_of_the_wait)
{
    come("first", "sesame", OFFICE);
    step();
    choose();
    cr_assert_not(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_LIMIT));
    desk.permit.refusal = REFUSAL_LIMIT;
    cr_assert_str_eq(step(), "");
    desk.facts.now += desk.settings.login_wait;
    cr_assert_str_eq(step(), "first limit;");
}

Test(logins, only_the_servers_own_word_rejects_and_the_answer_is_held_back)
{
    come("first", "wrong", OFFICE);
    step();
    choose();
    cr_assert_not(fail(LOGINS_ON_FIRST, "wrong", REFUSAL_CREDENTIALS), "nothing was accepted before");
    cr_assert_str_eq(step(), "");
    cr_assert_eq(desk.deadline, NOW + desk.settings.failure_delay);
    desk.facts.now = desk.deadline;
    cr_assert_str_eq(step(), "first rejected;");
    come("again", "wrong", OFFICE);
    desk.facts.now += 16 * USEC_SECOND;
    step();
    cr_assert_str_eq(choose(), "", "it is known as refused");
    desk.facts.now += 16 * USEC_SECOND;
    cr_assert_str_eq(step(), "again rejected;");
}

Test(logins, unknown_words_prove_nothing)
{
    come("first", "sesame", OFFICE);
    step();
    choose();
    desk.told[0] = '\0';
    cr_assert_not(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_UNKNOWN));
    cr_assert_str_eq(desk.told, "first unavailable;");
}

Test(logins, a_refused_reconnect_ends_everybody_when_nothing_else_is_accepted)
{
    enter();
    cr_assert_not(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS), "it was accepted a moment ago");
    cr_assert_str_eq(choose(), "sesame", "once more before that is believed");
    cr_assert(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS));
    cr_assert_str_eq(choose(), "");
}

Test(logins, who_was_refused_once_is_not_let_in_before_the_second_try)
{
    enter();
    cr_assert_not(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS));
    accept(LOGINS_ON_FIRST, "other");
    desk.facts.logged_in = true;
    come("old", "sesame", OFFICE);
    cr_assert_str_eq(step(), "");
    cr_assert(try_in_place());
    cr_assert_str_eq(choose(), "sesame");
}

Test(logins, a_refusal_that_was_not_believed_is_forgotten_when_the_password_is_accepted_again)
{
    enter();
    for (int round = 0; round < 3; round++) {
        cr_assert_not(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS));
        accept(LOGINS_ON_FIRST, "sesame");
    }
    desk.facts.now += desk.settings.verify_ttl + 1;
    cr_assert(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS), "it was accepted long ago");
}

/* Eight guesses came from the same office. */
Test(logins, the_owners_new_password_does_not_wait_longer_for_the_guesses_of_others_there)
{
    enter();
    desk.facts.logged_in = true;
    come("checked", "new", OFFICE);
    step();
    cr_assert(try_in_place());
    cr_assert_not(fail(LOGINS_ON_FIRST, "new", REFUSAL_CREDENTIALS));
    desk.facts.now += 20 * USEC_SECOND;
    step();
    for (int guess = 0; guess < 8; guess++) {
        char secret[20];
        snprintf(secret, sizeof(secret), "guess %d", guess);
        come("guess", secret, OFFICE);
        step();
        desk.facts.now += desk.settings.failure_delay;
        cr_assert_str_eq(step(), "guess unavailable;");
    }
    come("owner", "newer", OFFICE);
    step();
    desk.facts.now += desk.settings.failure_delay;
    cr_assert_str_eq(step(), "owner unavailable;");
}

Test(logins, a_second_app_password_keeps_the_account_when_the_first_is_refused)
{
    enter();
    accept(LOGINS_ON_FIRST, "other");
    cr_assert_not(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS));
    cr_assert_str_eq(choose(), "other");
}

Test(logins, one_that_was_accepted_too_long_ago_is_tried_again_first_of_all)
{
    enter();
    desk.facts.now += desk.settings.verify_ttl + 1;
    come("stranger", "guess", STRANGER);
    come("old", "sesame", OFFICE);
    cr_assert_str_eq(step(), "");
    cr_assert(try_in_place());
    cr_assert_str_eq(choose(), "sesame");
    accept(LOGINS_ON_FIRST, "sesame");
    cr_assert_str_eq(step(), "old in;");
}

Test(logins, a_stranger_waits_for_quiet_and_the_office_does_not)
{
    enter();
    desk.facts.works = true;
    come("stranger", "guess", STRANGER);
    step();
    cr_assert_not(try_in_place());
    come("office", "new", OFFICE);
    step();
    cr_assert(try_in_place());
    cr_assert(logins_tries_in_place(desk.logins));
    cr_assert_str_eq(choose(), "new");
}

Test(logins, strangers_are_tried_in_place_once_an_interval)
{
    enter();
    desk.facts.quiet_since = 0;
    come("one", "guess", STRANGER);
    step();
    cr_assert(try_in_place());
    cr_assert_str_eq(choose(), "guess");
    cr_assert_not(fail(LOGINS_ON_FIRST, "guess", REFUSAL_CREDENTIALS));
    desk.facts.now += 20 * USEC_SECOND;
    cr_assert_str_eq(step(), "one rejected;");
    come("two", "another", STRANGER);
    cr_assert_str_eq(step(), "");
    cr_assert_not(try_in_place());
}

Test(logins, after_a_check_in_place_a_job_has_its_turn_before_the_next)
{
    desk.settings.reverify_interval = 0;
    enter();
    come("one", "new", OFFICE);
    step();
    cr_assert(try_in_place());
    choose();
    accept(LOGINS_ON_FIRST, "new");
    come("two", "newer", OFFICE);
    step();
    desk.facts.jobs_wait = desk.facts.works = true;
    cr_assert_not(try_in_place());
    desk.facts.turns++;
    cr_assert(try_in_place());
}

Test(logins, a_second_connection_is_used_only_where_it_is_permitted_and_free)
{
    struct upstream_login with;
    usec deadline = USEC_NEVER;

    enter();
    come("new", "new", OFFICE);
    step();
    cr_assert_not(logins_try_on_second(desk.logins, &desk.facts, &with, &deadline));
    desk.upstream_settings.verify_connection = true;
    desk.facts.second_free = false;
    cr_assert_not(logins_try_on_second(desk.logins, &desk.facts, &with, &deadline));
    desk.facts.second_free = true;
    cr_assert(logins_try_on_second(desk.logins, &desk.facts, &with, &deadline));
    cr_assert_not(try_in_place(), "it is being tried");
    accept(LOGINS_ON_SECOND, "new");
    cr_assert_str_eq(step(), "new in;");
}

Test(logins, one_that_a_second_connection_could_not_tell_is_tried_in_place)
{
    struct upstream_login with;

    enter();
    desk.upstream_settings.verify_connection = true;
    come("new", "new", OFFICE);
    step();
    cr_assert(logins_try_on_second(desk.logins, &desk.facts, &with, &desk.deadline));
    cr_assert_not(fail(LOGINS_ON_SECOND, "new", REFUSAL_LIMIT));
    cr_assert(try_in_place());
}

Test(logins, one_whose_client_leaves_while_it_is_tried_stays_until_the_server_has_spoken)
{
    struct login *login = come("first", "sesame", OFFICE);

    step();
    choose();
    login_cancel(login);
    cr_assert(logins_wait(desk.logins));
    accept(LOGINS_ON_FIRST, "sesame");
    cr_assert_not(logins_wait(desk.logins));
    cr_assert_str_eq(step(), "");
}

Test(logins, an_account_without_a_place_at_its_server_is_woken_by_the_end_of_anothers_trial)
{
    desk.settings.login_failures_per_minute = 2; /* strangers have one place */
    server_reserve(&desk.server);
    come("first", "sesame", STRANGER);
    step();
    cr_assert_str_eq(choose(), "");
    cr_assert_eq(desk.deadline, USEC_NEVER);
    cr_assert_eq(runqueue_next(desk.ground.runqueue), USEC_NEVER);
    server_release(&desk.server, &desk.settings, false, desk.facts.now);
    cr_assert_leq(runqueue_next(desk.ground.runqueue), desk.facts.now);
    cr_assert_str_eq(choose(), "sesame");
}

Test(logins, those_who_come_while_the_program_goes_down_are_told_so)
{
    desk.facts.ending = "Going down";
    come("late", "sesame", OFFICE);
    cr_assert_str_eq(step(), "late unavailable;");
}

/* --- tokens at a server that is not known to check their names */

static void enter_with_token(void)
{
    desk.kind = CREDENTIAL_TOKEN;
    enter();
}

Test(logins, a_token_has_the_session_to_itself)
{
    enter_with_token();
    come("twin", "sesame", STRANGER);
    cr_assert_str_eq(step(), "twin in;", "the same token");
    cr_assert_not(accept(LOGINS_ON_FIRST, "sesame"), "a reconnect with the same token");
    come("other", "renewed", OFFICE);
    cr_assert_str_eq(step(), "");
    cr_assert(try_in_place());
    cr_assert_str_eq(choose(), "renewed");
    cr_assert(accept(LOGINS_ON_FIRST, "renewed"), "perhaps another user's");
    cr_assert_str_eq(step(), "other in;");
    come("old", "sesame", OFFICE);
    cr_assert_str_eq(step(), "", "the former token attaches no more");
}

Test(logins, a_password_takes_the_session_from_a_token_and_gives_it_back_to_none)
{
    enter_with_token();
    desk.kind = CREDENTIAL_PASSWORD;
    come("user", "password", OFFICE);
    step();
    cr_assert(try_in_place());
    cr_assert_str_eq(choose(), "password");
    cr_assert(accept(LOGINS_ON_FIRST, "password"));
    cr_assert_str_eq(step(), "user in;");
    desk.kind = CREDENTIAL_TOKEN;
    come("token", "sesame", STRANGER);
    cr_assert_str_eq(step(), "");
    desk.facts.now += USEC_HOUR;
    cr_assert_str_eq(step(), "token unavailable;");
    cr_assert_not(try_in_place());
    desk.kind = CREDENTIAL_PASSWORD;
    cr_assert_not(accept(LOGINS_ON_FIRST, "another"), "passwords share it");
}

Test(logins, a_token_is_never_told_by_a_second_connection)
{
    struct upstream_login with;

    desk.upstream_settings.verify_connection = true;
    enter_with_token();
    come("other", "renewed", OFFICE);
    desk.kind = CREDENTIAL_PASSWORD;
    come("user", "password", OFFICE);
    step();
    cr_assert_not(logins_try_on_second(desk.logins, &desk.facts, &with, &desk.deadline), "the session is another's");
    cr_assert(try_in_place());
}

Test(logins, a_session_that_a_token_lost_is_not_the_next_ones)
{
    enter_with_token();
    cr_assert(fail(LOGINS_ON_FIRST, "sesame", REFUSAL_CREDENTIALS), "nobody is left");
    desk.kind = CREDENTIAL_PASSWORD;
    cr_assert(accept(LOGINS_ON_FIRST, "password"), "the truths may be another user's");
}

Test(logins, tokens_are_as_good_as_passwords_where_the_server_checks_names)
{
    desk.upstream_settings.tokens = UPSTREAM_TOKENS_CHECKED;
    enter_with_token();
    cr_assert_not(accept(LOGINS_ON_FIRST, "renewed"));
    desk.kind = CREDENTIAL_PASSWORD;
    cr_assert_not(accept(LOGINS_ON_FIRST, "password"));
    desk.kind = CREDENTIAL_TOKEN;
    come("old", "sesame", STRANGER);
    cr_assert_str_eq(step(), "old in;");
}

/* --- sessions beside the first */

/* The secret that a further session is to be logged in with; "": none. */
static const char *choose_further(void)
{
    static char secret[50];
    struct upstream_login with;

    secret[0] = '\0';
    if (logins_choose_further(desk.logins, &with))
        snprintf(secret, sizeof(secret), "%.*s", (int)secret_bytes(with.credential->secret).length,
                 secret_bytes(with.credential->secret).data);
    return secret;
}

Test(logins, a_further_session_has_a_credential_that_was_accepted_and_not_refused_since)
{
    struct credential credential;
    struct upstream_end end = {.refusal = REFUSAL_CREDENTIALS, .reason = "no", .credential = &credential};

    come("first", "sesame", OFFICE);
    step();
    cr_assert_str_eq(choose_further(), "", "nothing has been accepted");
    cr_assert_str_eq(choose(), "sesame");
    accept(LOGINS_ON_FIRST, "sesame");
    desk.facts.logged_in = true;
    step();
    cr_assert_str_eq(choose_further(), "sesame");
    cr_assert(credential_init(&credential, desk.kind, SLICE("sesame")));
    logins_further_refused(desk.logins, &end);
    cr_assert_str_eq(choose_further(), "");
    come("again", "sesame", OFFICE);
    cr_assert_str_eq(step(), "", "the server is asked before anybody is let in by it");
    logins_further_accepted(desk.logins, &credential, desk.facts.now);
    cr_assert_str_eq(step(), "again in;");
    cr_assert_str_eq(choose_further(), "sesame");
    credential_clear(&credential);
}

Test(logins, without_room_for_a_second_connection_it_is_tried_in_place)
{
    struct upstream_login with;

    enter();
    desk.upstream_settings.verify_connection = true;
    desk.facts.second_free = desk.facts.second_room = false;
    come("new", "new", OFFICE);
    step();
    cr_assert_not(logins_try_on_second(desk.logins, &desk.facts, &with, &desk.deadline));
    cr_assert(try_in_place());
}
