/* The measure of refused credentials that a server is shown. */
#include "mux/server.h"

#include <criterion/criterion.h>

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

Test(server, one_a_minute_may_be_tried_by_anybody)
{
    struct settings settings = with(1);
    struct server server = {0};
    usec now = USEC_HOUR;

    cr_assert_leq(server_open_at(&server, &settings, true, now), now);
    refuse(&server, &settings, now);
    cr_assert_eq(server_open_at(&server, &settings, true, now), now + USEC_MINUTE);
}
