/* What is told to all members. */
#include "mux/members.h"

#include <criterion/criterion.h>

static struct members members;
static struct account_member all[3];
static unsigned told;

static void leave(void *owner, const char *reason)
{
    (void)reason;
    told++;
    members_leave(&members, owner);
}

static void note(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
    told++;
}

static void note_alert(void *owner, struct slice text)
{
    (void)owner;
    (void)text;
    told++;
}

static void three(void)
{
    for (size_t i = 0; i < 3; i++) {
        all[i] = (struct account_member){.owner = &all[i], .end = leave, .retire = note, .alert = note_alert};
        members_join(&members, &all[i]);
    }
}

Test(members, each_may_leave_while_all_are_told)
{
    three();
    members_alert(&members, SLICE("full"), 0);
    cr_assert_eq(told, 3);
    members_end(&members, "over");
    cr_assert_eq(told, 6);
    cr_assert_eq(members.count, 0);
    cr_assert_null(members.first);
}

Test(members, the_same_alert_is_told_again_after_an_hour_only)
{
    three();
    members_alert(&members, SLICE("full"), 1);
    members_alert(&members, SLICE("going down"), 2);
    cr_assert_eq(told, 6);
    members_alert(&members, SLICE("full"), 3 + 3599 * USEC_SECOND);
    cr_assert_eq(told, 6);
    members_alert(&members, SLICE("full"), 3 + 3600 * USEC_SECOND);
    cr_assert_eq(told, 9);
}

Test(members, they_are_retired_once_each_a_few_at_a_time)
{
    three();
    cr_assert_eq(members_retire(&members, 2, "going down"), 2);
    cr_assert_eq(members_retire(&members, 2, "going down"), 1);
    cr_assert_eq(members_retire(&members, 2, "going down"), 0);
    cr_assert_eq(told, 3);
}
