/* Pauses before reconnects. */
#include "mux/backoff.h"

#include <criterion/criterion.h>

static bool is_about(usec pause, usec middle)
{
    return pause >= middle / 2 && pause < middle + middle / 2;
}

Test(backoff, pauses_double_up_to_the_ceiling_and_begin_again)
{
    struct settings settings;
    struct backoff backoff = {0};
    struct random random;
    usec expected;

    settings_defaults(&settings);
    random_init(&random, 1);
    for (expected = settings.reconnect_first; expected < settings.reconnect_ceiling; expected *= 2)
        cr_assert(is_about(backoff_pause(&backoff, &settings, false, &random), expected));
    for (int i = 0; i < 100; i++)
        cr_assert(is_about(backoff_pause(&backoff, &settings, false, &random), settings.reconnect_ceiling));
    backoff_reset(&backoff);
    cr_assert(is_about(backoff_pause(&backoff, &settings, false, &random), settings.reconnect_first));
}

Test(backoff, while_somebody_waits_they_are_short_but_never_nothing)
{
    struct settings settings;
    struct backoff backoff = {0};
    struct random random;

    settings_defaults(&settings);
    random_init(&random, 1);
    settings.reconnect_first = 0;
    cr_assert_geq(backoff_pause(&backoff, &settings, true, &random), 0);
    for (int i = 0; i < 40; i++)
        cr_assert_lt(backoff_pause(&backoff, &settings, true, &random), 3 * USEC_SECOND);
    cr_assert_gt(backoff.next, 0);
}
