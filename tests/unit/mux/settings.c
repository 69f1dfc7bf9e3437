/* The defaults fit each other. */
#include "mux/settings.h"

#include <criterion/criterion.h>

Test(settings, defaults_fit_each_other)
{
    struct settings settings;

    settings_defaults(&settings);
    cr_assert_lt(settings.idle_probe, settings.idle_reissue);
    cr_assert_lt(settings.idle_reissue, 29 * USEC_MINUTE, "RFC 2177");
    cr_assert_lt(settings.reconnect_first, settings.reconnect_ceiling);
    cr_assert_lt(settings.login_wait, settings.login_timeout);
    cr_assert_lt(settings.failure_delay, settings.failure_delay_max);
    cr_assert_lt(settings.client_line_max_before_login, settings.client_line_max);
    cr_assert_lt(settings.output_memory, settings.spool_max);
    cr_assert_lt(settings.spool_max, settings.spool_total);
    cr_assert_gt(settings.quantum, 0);
    cr_assert_gt(settings.slice_messages, 0);
}
