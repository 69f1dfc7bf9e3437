/* What a client has switched on. */
#include "session/enabled.h"

#include <criterion/criterion.h>

Test(enabled, qresync_switches_condstore_on_and_others_do_nothing)
{
    struct enabled enabled = {0};

    cr_assert_not(enabled_switch_on(&enabled, SLICE("X-OTHER")));
    cr_assert_not(enabled.condstore);
    cr_assert(enabled_switch_on(&enabled, SLICE("condstore")));
    cr_assert(enabled.condstore && !enabled.qresync);
    enabled = (struct enabled){0};
    cr_assert(enabled_switch_on(&enabled, SLICE("QRESYNC")));
    cr_assert(enabled.condstore && enabled.qresync);
}
