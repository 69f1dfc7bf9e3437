/* The measure of refused credentials that a server is shown. */
#include "mux/server.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct settings with(uint64_t a_minute)
{
    struct settings settings;

    settings_defaults(&settings);
    settings.login_failures_per_minute = a_minute;
    return settings;
}

static void refuse(struct server *server, const struct settings *settings, usec now)
{
    server_reserve(server);
    server_release(server, settings, true, now);
}

Test(server, refusals_fill_the_measure_and_time_empties_it)
{
    struct settings settings = with(4);
    struct server server = {0};
    usec now = USEC_HOUR;

    for (int i = 0; i < 4; i++) {
        cr_assert_leq(server_open_at(&server, &settings, false, now), now, "refusal %d", i);
        refuse(&server, &settings, now);
    }
    cr_assert_eq(server_open_at(&server, &settings, false, now), now + 15 * USEC_SECOND);
    cr_assert_leq(server_open_at(&server, &settings, false, now + 15 * USEC_SECOND), now + 15 * USEC_SECOND);
}

Test(server, strangers_have_half_of_it)
{
    struct settings settings = with(4);
    struct server server = {0};
    usec now = USEC_HOUR;

    refuse(&server, &settings, now);
    refuse(&server, &settings, now);
    cr_assert_gt(server_open_at(&server, &settings, true, now), now);
    cr_assert_leq(server_open_at(&server, &settings, false, now), now);
}

Test(server, trials_under_way_count_until_they_have_gone_well)
{
    struct settings settings = with(4);
    struct server server = {0};
    usec now = USEC_HOUR;

    server_reserve(&server);
    server_reserve(&server);
    cr_assert_eq(server_open_at(&server, &settings, true, now), USEC_NEVER);
    server_release(&server, &settings, false, now);
    cr_assert_leq(server_open_at(&server, &settings, true, now), now);
    server_release(&server, &settings, false, now);
    cr_assert_eq(server.filled_until, 0);
}

static void note_woken(struct task *task, usec now)
{
    (void)now;
    task_set_deadline(task, USEC_NEVER);
}

/* When a trial ends, whatever comes of it, there may be a place for each of those who wait. */
Test(server, the_end_of_a_trial_wakes_all_who_wait_once)
{
    struct settings settings = with(4);
    struct server server = {0};
    struct runqueue *runqueue = runqueue_new();
    struct task tasks[2];
    struct server_waiter waiters[2] = {{.task = &tasks[0]}, {.task = &tasks[1]}};

    for (int i = 0; i < 2; i++)
        task_init(&tasks[i], runqueue, note_woken);
    runqueue_step(runqueue, USEC_SECOND);
    server_reserve(&server);
    server_await(&server, &waiters[0]);
    server_await(&server, &waiters[1]);
    server_await(&server, &waiters[1]);
    cr_assert_eq(runqueue_next(runqueue), USEC_NEVER);
    server_leave(&server, &waiters[0]);
    server_release(&server, &settings, false, USEC_SECOND);
    cr_assert(waiters[0].waits == false && waiters[1].waits == false);
    cr_assert_leq(runqueue_next(runqueue), USEC_SECOND, "the one that waits is to be run");
    for (int i = 0; i < 2; i++)
        task_clear(&tasks[i]);
    runqueue_free(runqueue);
}

Test(server, one_a_minute_may_be_tried_by_anybody)
{
    struct settings settings = with(1);
    struct server server = {0};
    usec now = USEC_HOUR;

    cr_assert_leq(server_open_at(&server, &settings, true, now), now);
    refuse(&server, &settings, now);
    cr_assert_eq(server_open_at(&server, &settings, true, now), now + USEC_MINUTE);
}

Test(server, remembers_the_limits_of_the_last_accounts)
{
    static struct server server;
    char name[20];

    for (unsigned i = 0; i < SERVER_LIMITS + 1; i++) {
        snprintf(name, sizeof(name), "user%u", i);
        server_note_limit(&server, name, i + 1, USEC_HOUR);
    }
    server_note_limit(&server, "user7", 9, 2 * USEC_HOUR);
    cr_assert_eq(server_limit_of(&server, "user0").sessions, 0, "the oldest one");
    cr_assert_eq(server_limit_of(&server, "user1").sessions, 2);
    cr_assert_eq(server_limit_of(&server, "user7").sessions, 9);
    cr_assert_eq(server_limit_of(&server, "user7").until, 2 * USEC_HOUR);
    cr_assert_eq(server_limit_of(&server, "nobody").sessions, 0);
}

/* One that wants nothing any more must not stand before the others; a try that it has under way goes on. */
Test(server, who_leaves_the_row_lets_the_next_one_be_the_first)
{
    struct manners manners = {.login_pace = 1};
    struct runqueue *runqueue = runqueue_new();
    struct task tasks[2];
    struct server_visitor visitors[2] = {{.task = &tasks[0]}, {.task = &tasks[1]}};
    struct server server = {0};
    usec now = USEC_HOUR;

    for (int i = 0; i < 2; i++)
        task_init(&tasks[i], runqueue, note_woken);
    cr_assert_leq(server_visit_at(&server, &manners, &visitors[0], true, now), now);
    cr_assert_eq(server_visit_at(&server, &manners, &visitors[1], true, now), USEC_NEVER);
    server_leave_row(&server, &visitors[0]);
    cr_assert_leq(server_visit_at(&server, &manners, &visitors[1], true, now), now);
    server.down = true;
    server_visited(&server, &manners, &visitors[1], now);
    server_leave_row(&server, &visitors[1]);
    cr_assert_eq(server.prober, &visitors[1]);
    for (int i = 0; i < 2; i++)
        task_clear(&tasks[i]);
    runqueue_free(runqueue);
}
