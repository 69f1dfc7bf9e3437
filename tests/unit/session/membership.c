/* A session's place in its account. */
#include "session/membership.h"

#include <criterion/criterion.h>

#include "unit/session/bench.h"

static struct membership membership;
static struct task task;
static struct output output;
static unsigned dooms;

static void doom(void *owner)
{
    (void)owner;
    dooms++;
}

static void open_membership(void)
{
    static const struct membership_ops ops = {.doom = doom};

    bench_open();
    bench_output(&output, &task);
    membership_init(&membership, &ops, NULL, &task);
    cr_assert(membership_join(&membership, (struct account *)&bench));
}

static void close_membership(void)
{
    membership_leave(&membership);
    task_clear(&task);
    output_clear(&output);
    bench_close();
}

TestSuite(membership, .init = open_membership, .fini = close_membership);

static void select_inbox(void)
{
    membership_select(&membership, view_new(bench.inbox, false, &membership_view_ops, &membership));
}

Test(membership, the_account_sees_the_view_and_is_told)
{
    unsigned before = bench.interest;

    cr_assert_null(membership_view(&membership));
    select_inbox();
    cr_assert_eq(bench.member->view, membership_view(&membership));
    membership_unselect(&membership);
    cr_assert_null(bench.member->view);
    cr_assert_eq(bench.interest, before + 2);
}

Test(membership, changes_are_noted_and_wake_only_in_idle)
{
    select_inbox();
    cr_assert(mailbox_append(bench.inbox, 40));
    cr_assert_not(task.woken);
    cr_assert(membership_take_numbers_changed(&membership));
    cr_assert_not(membership_take_numbers_changed(&membership));
    cr_assert_not(membership_take_flags_changed(&membership));
    membership_set_idling(&membership, true);
    cr_assert(membership_is_idling(&membership));
    cr_assert(mailbox_append(bench.inbox, 50));
    cr_assert(task.woken);
}

Test(membership, a_view_that_ends_means_nothing_and_dooms_what_is_asked_for_it)
{
    dooms = 0;
    select_inbox();
    mailbox_end_views(bench.inbox, "gone", NULL);
    cr_assert_null(membership_view(&membership));
    cr_assert_null(bench.member->view);
    cr_assert_not_null(membership.view); /* until the session leaves it */
    cr_assert_str_eq(membership.ended, "gone");
    cr_assert(dooms == 1 && task.woken);
    membership_unselect(&membership);
    cr_assert_null(membership.ended);
}

Test(membership, leaving_ends_idle_and_view)
{
    select_inbox();
    membership_set_idling(&membership, true);
    membership_leave(&membership);
    cr_assert(bench.member == NULL && !membership.view && !membership.account);
    membership_leave(&membership); /* nothing happens */
}
