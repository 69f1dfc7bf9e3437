/* The time after the last client. */
#include "mux/linger.h"

#include <criterion/criterion.h>

Test(linger, it_counts_from_the_moment_in_which_nobody_was_left)
{
    struct settings settings = {.linger = 60};
    struct linger linger = {.unwanted_since = USEC_NEVER};
    usec deadline = USEC_NEVER;

    linger_note(&linger, true, 100);
    cr_assert_not(linger_is_over(&linger, &settings, 100, &deadline));
    cr_assert_eq(deadline, USEC_NEVER);
    linger_note(&linger, false, 200);
    linger_note(&linger, false, 250);
    cr_assert_not(linger_is_over(&linger, &settings, 250, &deadline));
    cr_assert_eq(deadline, 260);
    cr_assert(linger_is_over(&linger, &settings, 260, &deadline));
    linger_note(&linger, true, 270);
    cr_assert_not(linger_is_over(&linger, &settings, 1000, &deadline));
}
