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

static unsigned sessions(const char *list, uint64_t otherwise, const char *user)
{
    struct upstream_settings settings = {.manners = {.max_sessions = otherwise}, .max_sessions_for = list};

    return settings_sessions(&settings, slice_of(user));
}

Test(settings, sessions_are_those_of_the_first_pattern_that_matches)
{
    static const char list[] = "boss@example.org=3  *@example.org=2 a=b*=4 ?y=5";
    static const struct {
        const char *user;
        unsigned sessions;
    } rows[] = {
        {"boss@example.org", 3},
        {"Boss@Example.ORG", 3},
        {"clerk@example.org", 2},
        {"@example.org", 2},
        {"boss@example.org.net", 1},
        {"a=bc", 4},
        {"xy", 5},
        {"xyz", 1},
        {"", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(sessions(list, 1, rows[i].user), rows[i].sessions, "%s", rows[i].user);
    cr_assert_eq(sessions(NULL, 2, "anybody"), 2);
    cr_assert_eq(sessions("", 0, "anybody"), 1, "one is always permitted");
    cr_assert_eq(sessions("*a*b*c=7", 1, "xxaybzzbc"), 7);
    cr_assert_eq(sessions("*a*b*c=7", 1, "xxaybzzbd"), 1);
}

Test(settings, a_list_of_users_without_numbers_is_a_fault)
{
    static const char *const bad[] = {"a", "a=", "=2", "a=0", "a=17", "a=2 b", "a=x", "a = 2", "a=-1"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not_null(settings_sessions_fault(bad[i]), "%s", bad[i]);
    cr_assert_null(settings_sessions_fault("a=2 *@b.c=16 "));
    cr_assert_null(settings_sessions_fault(""));
}
