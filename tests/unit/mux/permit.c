/* When accounts may connect to their server: budgets, the row, a server that is down, one that cuts the oldest. */
#include "mux/permit.h"

#include <criterion/criterion.h>
#include <string.h>

#define ACCOUNTS 5

struct desk {
    struct ground ground;
    struct settings settings;
    struct log log;
    struct upstream_settings upstream_settings;
    struct server server;
    struct task tasks[ACCOUNTS];
    struct permit permits[ACCOUNTS];
    usec now;
};

static struct desk desk;

static void run(struct task *task, usec now)
{
    (void)now;
    task_set_deadline(task, USEC_NEVER);
}

static void begin(void)
{
    desk = (struct desk){.now = USEC_HOUR};
    settings_defaults(&desk.settings);
    desk.upstream_settings = (struct upstream_settings){.name = "server",
                                                        .host = "127.0.0.1",
                                                        .manners = {.login_budget = 3,
                                                                    .login_interval = 30 * USEC_SECOND,
                                                                    .server_login_budget = 60,
                                                                    .login_pace = 10,
                                                                    .kick_pause = 5 * USEC_MINUTE}};
    desk.ground = (struct ground){.runqueue = runqueue_new(), .log = &desk.log, .settings = &desk.settings};
    desk.log.level = LOG_ERROR;
    random_init(&desk.ground.random, 1);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        task_init(&desk.tasks[i], desk.ground.runqueue, run);
        permit_init(&desk.permits[i], &(struct permit_options){.ground = &desk.ground,
                                                               .settings = &desk.upstream_settings,
                                                               .server = &desk.server,
                                                               .task = &desk.tasks[i],
                                                               .name = "user@server"});
    }
}

static void finish(void)
{
    for (size_t i = 0; i < ACCOUNTS; i++) {
        permit_clear(&desk.permits[i]);
        task_clear(&desk.tasks[i]);
    }
    cr_assert_null(desk.server.row);
    runqueue_free(desk.ground.runqueue);
}

TestSuite(permit, .init = begin, .fini = finish);

/* Lets the time go on until it may connect, an hour at most. Returns how long that took. */
static usec wait_for(size_t account, bool hurries)
{
    usec from = desk.now;

    while (permit_open_at(&desk.permits[account], hurries, desk.now) > desk.now && desk.now < from + USEC_HOUR)
        desk.now += USEC_SECOND / 100;
    return desk.now - from;
}

static void connect_and_log_in(size_t account)
{
    permit_dialled(&desk.permits[account], desk.now);
    permit_logs_in(&desk.permits[account], desk.now);
}

static void end(size_t account, bool was_ready, enum refusal refusal, bool reached)
{
    permit_closed(
        &desk.permits[account],
        &(struct upstream_end){
            .was_ready = was_ready, .refusal = refusal, .reason = "no", .reached = reached, .by_server = true},
        PERMIT_NO_CHECK, true, desk.now);
}

static enum permit_state state(size_t account)
{
    usec until;

    return permit_state(&desk.permits[account], desk.now, &until);
}

/* How many logins a server sees from one account within a minute, if it ends each of them this way. */
static unsigned logins_in_a_minute(bool ready, enum refusal refusal)
{
    usec until = desk.now + USEC_MINUTE;
    unsigned logins = 0;

    for (;;) {
        while (desk.now < until && permit_open_at(&desk.permits[0], true, desk.now) > desk.now)
            desk.now += USEC_SECOND / 100;
        if (desk.now >= until)
            return logins;
        connect_and_log_in(0);
        logins++;
        if (ready)
            permit_ready(&desk.permits[0], NULL, desk.now);
        desk.now += USEC_SECOND / 10;
        end(0, ready, refusal, true);
    }
}

Test(permit, a_slot_held_by_a_stranger_costs_at_most_five_logins_a_minute)
{
    cr_assert_leq(logins_in_a_minute(false, REFUSAL_LIMIT), 5);
    cr_assert_eq(desk.permits[0].refusal, REFUSAL_LIMIT);
}

Test(permit, a_server_that_says_ok_and_then_bye_sees_at_most_six)
{
    cr_assert_leq(logins_in_a_minute(false, REFUSAL_UNKNOWN), 6);
}

Test(permit, a_server_that_cuts_the_oldest_sees_at_most_four_and_is_left_alone)
{
    char text[500];

    cr_assert_leq(logins_in_a_minute(true, REFUSAL_NONE), 4);
    cr_assert_eq(state(0), PERMIT_KICKED);
    permit_explain(&desk.permits[0], desk.now, text, sizeof(text));
    cr_assert(strstr(text, "Another program"), "%s", text);
    cr_assert_gt(wait_for(0, true), 3 * USEC_MINUTE, "also while a client waits");
}

Test(permit, a_session_that_lived_a_minute_was_not_kicked_and_its_pause_is_short)
{
    for (int i = 0; i < 10; i++) {
        (void)wait_for(0, true);
        connect_and_log_in(0);
        permit_ready(&desk.permits[0], NULL, desk.now);
        desk.now += USEC_MINUTE;
        end(0, true, REFUSAL_NONE, true);
        cr_assert_eq(state(0), PERMIT_PAUSED);
        cr_assert_leq(wait_for(0, false), USEC_SECOND / 5);
    }
}

Test(permit, a_check_leaves_a_login_for_the_account_itself)
{
    connect_and_log_in(0);
    cr_assert_leq(permit_check_at(&desk.permits[0], desk.now), desk.now);
    permit_logs_in(&desk.permits[0], desk.now);
    cr_assert_gt(permit_check_at(&desk.permits[0], desk.now), desk.now);
    end(0, true, REFUSAL_NONE, true);
    cr_assert_leq(wait_for(0, false), USEC_SECOND);
    connect_and_log_in(0);
    end(0, true, REFUSAL_NONE, true);
    desk.now += USEC_SECOND;
    cr_assert_eq(state(0), PERMIT_SPENT);
}

Test(permit, one_account_tries_a_server_that_is_down_and_the_others_follow)
{
    (void)wait_for(0, true);
    permit_dialled(&desk.permits[0], desk.now);
    end(0, false, REFUSAL_TEMPORARY, false);
    cr_assert_geq(permit_open_at(&desk.permits[1], false, desk.now), desk.server.probe_at);
    for (size_t i = 2; i < ACCOUNTS; i++)
        cr_assert_eq(permit_open_at(&desk.permits[i], false, desk.now), USEC_NEVER);
    cr_assert_eq(state(2), PERMIT_SERVER_DOWN);
    cr_assert_leq(wait_for(1, false), USEC_SECOND / 10);
    permit_dialled(&desk.permits[1], desk.now);
    cr_assert_eq(permit_open_at(&desk.permits[2], false, desk.now), USEC_NEVER, "it is being tried");
    permit_ready(&desk.permits[1], NULL, desk.now);
    cr_assert_not(desk.server.down);
    for (size_t i = 2; i < ACCOUNTS; i++) {
        cr_assert_leq(wait_for(i, false), USEC_SECOND / 10);
        permit_dialled(&desk.permits[i], desk.now);
    }
}

Test(permit, a_server_that_is_down_is_tried_often_enough)
{
    for (int i = 0; i < 20; i++) {
        cr_assert_leq(wait_for(0, false), 5 * USEC_SECOND);
        permit_dialled(&desk.permits[0], desk.now);
        end(0, false, REFUSAL_TEMPORARY, false);
    }
    cr_assert_gt(permit_open_at(&desk.permits[0], false, desk.now), desk.now + USEC_SECOND / 2);
    cr_assert_leq(wait_for(0, true), 2 * USEC_SECOND, "a client has come");
}

Test(permit, the_first_of_the_row_that_gives_up_makes_way)
{
    cr_assert_leq(permit_open_at(&desk.permits[0], false, desk.now), desk.now);
    cr_assert_eq(permit_open_at(&desk.permits[1], false, desk.now), USEC_NEVER);
    permit_decline(&desk.permits[0]);
    cr_assert_leq(permit_open_at(&desk.permits[1], false, desk.now), desk.now);
}

Test(permit, whom_a_client_waits_for_comes_before_the_others)
{
    cr_assert_leq(permit_open_at(&desk.permits[0], false, desk.now), desk.now);
    cr_assert_eq(permit_open_at(&desk.permits[1], false, desk.now), USEC_NEVER);
    cr_assert_leq(permit_open_at(&desk.permits[2], true, desk.now), desk.now);
    cr_assert_eq(permit_open_at(&desk.permits[3], true, desk.now), USEC_NEVER);
    permit_dialled(&desk.permits[2], desk.now);
    cr_assert_eq(permit_open_at(&desk.permits[0], false, desk.now), USEC_NEVER);
    cr_assert_leq(wait_for(3, true), USEC_SECOND / 10);
}

/* The line was lost, and the server counts the session on. */
Test(permit, a_lost_session_that_is_still_counted_is_connected_to_from_its_port)
{
    static const struct link_ends port = {.length = 1, .local = {7}};
    struct upstream_end lost = {.was_ready = true, .reason = "silent", .reached = true, .ghost = true, .ends = &port};
    const struct link_ends *from;

    (void)wait_for(0, true);
    cr_assert_null(permit_dialled(&desk.permits[0], desk.now));
    permit_ready(&desk.permits[0], NULL, desk.now);
    permit_closed(&desk.permits[0], &lost, PERMIT_NO_CHECK, true, desk.now);
    (void)wait_for(0, true);
    cr_assert_null(permit_dialled(&desk.permits[0], desk.now), "a fresh port first");
    end(0, false, REFUSAL_LIMIT, true);
    (void)wait_for(0, true);
    from = permit_dialled(&desk.permits[0], desk.now);
    cr_assert(from && from->local[0] == 7);
    permit_ready(&desk.permits[0], &port, desk.now);
    end(0, true, REFUSAL_NONE, true);
    (void)wait_for(0, true);
    cr_assert_null(permit_dialled(&desk.permits[0], desk.now), "it is gone");
}

/* The others connect from other addresses. */
Test(permit, an_account_without_an_address_to_connect_from_says_nothing_about_the_server)
{
    struct upstream_end sourceless = {.refusal = REFUSAL_TEMPORARY, .reason = "source = x", .sourceless = true};
    char text[500];

    (void)wait_for(0, true);
    permit_dialled(&desk.permits[0], desk.now);
    permit_closed(&desk.permits[0], &sourceless, PERMIT_NO_CHECK, true, desk.now);
    cr_assert_not(desk.server.down);
    cr_assert_eq(state(0), PERMIT_PAUSED);
    permit_explain(&desk.permits[0], desk.now, text, sizeof(text));
    cr_assert(strstr(text, "source = x"), "%s", text);
    cr_assert_leq(wait_for(1, true), USEC_SECOND / 5);
    end(1, false, REFUSAL_NONE, false);
    (void)wait_for(0, true);
    permit_dialled(&desk.permits[0], desk.now); /* it is the one that tries the server */
    permit_closed(&desk.permits[0], &sourceless, PERMIT_NO_CHECK, true, desk.now);
    cr_assert(desk.server.down && !desk.server.prober);
    cr_assert_leq(wait_for(1, true), 3 * USEC_SECOND, "the next one tries it");
}

/* Some servers count the sessions of an address, of all users together. */
Test(permit, a_session_that_ends_makes_room_for_one_that_was_refused)
{
    desk.upstream_settings.manners.login_budget = 0;
    (void)wait_for(0, true);
    connect_and_log_in(0);
    permit_ready(&desk.permits[0], NULL, desk.now);
    for (int i = 0; i < 6; i++) {
        (void)wait_for(1, true);
        connect_and_log_in(1);
        end(1, false, REFUSAL_LIMIT, true);
    }
    cr_assert_gt(permit_open_at(&desk.permits[1], true, desk.now), desk.now + 5 * USEC_SECOND);
    end(0, true, REFUSAL_NONE, true);
    cr_assert_leq(wait_for(1, true), USEC_SECOND / 5);
}

Test(permit, never_more_a_second_than_the_pace)
{
    usec from = desk.now;
    unsigned dials = 0;

    desk.upstream_settings.manners.login_budget = desk.upstream_settings.manners.server_login_budget = 0;
    while (desk.now < from + USEC_SECOND) {
        while (permit_open_at(&desk.permits[0], true, desk.now) <= desk.now) {
            permit_dialled(&desk.permits[0], desk.now);
            dials++;
        }
        desk.now += USEC_SECOND / 100;
    }
    cr_assert_eq(dials, 10);
}

/* --- sessions beside the first */

/* ghost: the server may not know that it has ended. */
static void further_ends(bool was_ready, enum refusal refusal, bool by_server, const struct link_ends *ghost)
{
    permit_further_closed(&desk.permits[0],
                          &(struct upstream_end){.was_ready = was_ready,
                                                 .refusal = refusal,
                                                 .reason = "no",
                                                 .reached = true,
                                                 .by_server = by_server,
                                                 .ends = ghost,
                                                 .ghost = ghost != NULL},
                          1, desk.now);
}

/* How long until a further session may be begun; an hour at most. */
static usec further_after(void)
{
    usec from = desk.now;

    while (permit_further_at(&desk.permits[0], desk.now) > desk.now && desk.now < from + USEC_HOUR)
        desk.now += USEC_SECOND / 10;
    return desk.now - from;
}

static void begin_further(void)
{
    cr_assert_leq(permit_further_at(&desk.permits[0], desk.now), desk.now);
    permit_further_dialled(&desk.permits[0], desk.now);
    permit_logs_in(&desk.permits[0], desk.now);
}

/* The first session is logged in, and is no news any more. */
static void first_is_in(void)
{
    connect_and_log_in(0);
    permit_ready(&desk.permits[0], NULL, desk.now);
    desk.now += 10 * USEC_MINUTE;
}

Test(permit, a_further_session_leaves_a_login_for_the_first)
{
    first_is_in();
    begin_further();
    permit_further_ready(&desk.permits[0], NULL, desk.now);
    desk.now += USEC_SECOND;
    cr_assert_leq(further_after(), USEC_SECOND, "one of three is used up");
    begin_further();
    permit_further_ready(&desk.permits[0], NULL, desk.now);
    desk.now += USEC_SECOND;
    cr_assert_eq(bucket_open_at(&desk.permits[0].logins, (struct bucket_measure){3, 30 * USEC_SECOND}, 1, desk.now),
                 desk.now, "the last one is kept");
    cr_assert_geq(further_after(), 20 * USEC_SECOND);
}

Test(permit, a_further_session_stands_in_the_row)
{
    first_is_in();
    (void)wait_for(1, true);
    connect_and_log_in(1);
    cr_assert_gt(permit_further_at(&desk.permits[0], desk.now), desk.now, "the pace");
    permit_further_declined(&desk.permits[0]);
    cr_assert_null(desk.server.row);
}

Test(permit, one_too_many_is_learned_for_a_day)
{
    first_is_in();
    cr_assert_eq(permit_sessions(&desk.permits[0], 3, desk.now), 3);
    begin_further();
    further_ends(false, REFUSAL_LIMIT, true, NULL);
    cr_assert_eq(permit_sessions(&desk.permits[0], 3, desk.now), 1);
    cr_assert_eq(permit_sessions(&desk.permits[0], 3, desk.now + 23 * USEC_HOUR), 1);
    cr_assert_eq(permit_sessions(&desk.permits[0], 3, desk.now + 25 * USEC_HOUR), 3);
}

Test(permit, what_was_learned_outlives_the_account)
{
    struct permit again, another;
    struct permit_options options;

    first_is_in();
    begin_further();
    further_ends(false, REFUSAL_LIMIT, true, NULL);
    options = desk.permits[0].options;
    permit_init(&again, &options);
    cr_assert_eq(permit_sessions(&again, 3, desk.now), 1);
    options.name = "somebody@server";
    permit_init(&another, &options);
    cr_assert_eq(permit_sessions(&another, 3, desk.now), 3);
    permit_clear(&again);
    permit_clear(&another);
}

Test(permit, a_refusal_teaches_nothing_while_the_server_may_count_a_dead_session)
{
    static const struct link_ends ghost = {.length = 1};

    first_is_in();
    begin_further();
    permit_further_ready(&desk.permits[0], NULL, desk.now);
    desk.now += USEC_HOUR;
    further_ends(true, REFUSAL_NONE, false, &ghost);
    desk.now += USEC_MINUTE;
    begin_further();
    further_ends(false, REFUSAL_LIMIT, true, NULL);
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 2);
    cr_assert_leq(further_after(), USEC_SECOND);
    desk.now += USEC_MINUTE;
    cr_assert_leq(permit_further_at(&desk.permits[0], desk.now), desk.now);
    cr_assert_not_null(permit_further_dialled(&desk.permits[0], desk.now), "between the ends of the dead one");
    permit_further_closed(
        &desk.permits[0],
        &(struct upstream_end){
            .refusal = REFUSAL_LIMIT, .reason = "no", .reached = true, .ends = &ghost, .between = &ghost},
        1, desk.now);
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 1, "it was not that");
}

static void one_is_cut_for_another(void)
{
    begin_further();
    permit_further_ready(&desk.permits[0], NULL, desk.now);
    desk.now += 5 * USEC_SECOND;
    further_ends(true, REFUSAL_NONE, true, NULL); /* the first one, while the other goes on */
    desk.now += USEC_MINUTE;
}

Test(permit, a_server_that_twice_cuts_a_session_for_another_permits_one_fewer)
{
    first_is_in();
    one_is_cut_for_another();
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 2, "once, it may have been restarted");
    one_is_cut_for_another();
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 1);
}

Test(permit, two_cuts_with_a_session_between_them_that_lived_mean_nothing)
{
    first_is_in();
    one_is_cut_for_another();
    begin_further();
    permit_further_ready(&desk.permits[0], NULL, desk.now);
    desk.now += 2 * USEC_MINUTE;
    further_ends(true, REFUSAL_NONE, true, NULL);
    desk.now += USEC_MINUTE;
    one_is_cut_for_another();
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 2);
}

Test(permit, a_session_that_is_cut_later_is_just_lost)
{
    first_is_in();
    begin_further();
    permit_further_ready(&desk.permits[0], NULL, desk.now);
    desk.now += USEC_MINUTE;
    further_ends(true, REFUSAL_NONE, true, NULL);
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 2);
    cr_assert_leq(further_after(), USEC_SECOND);
}

Test(permit, a_server_that_closes_twice_without_a_word_has_said_it)
{
    first_is_in();
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 2);
        begin_further();
        further_ends(false, REFUSAL_TEMPORARY, true, NULL);
        desk.now += 10 * USEC_MINUTE;
    }
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 1);
}

Test(permit, another_refusal_is_a_pause)
{
    first_is_in();
    begin_further();
    further_ends(false, REFUSAL_CREDENTIALS, true, NULL);
    cr_assert_eq(permit_sessions(&desk.permits[0], 2, desk.now), 2);
    cr_assert_geq(further_after(), 4 * USEC_MINUTE);
    cr_assert_eq(state(0), PERMIT_CONNECTED, "the first one goes on");
}
