/* A small sorted set of UIDs. */
#include "mailbox/uid_set.h"

#include <criterion/criterion.h>

Test(uid_set, it_is_sorted_and_adding_twice_is_adding_once)
{
    static const uint32_t added[] = {30, 10, 20, 10, UINT32_MAX, 1};
    static const uint32_t expected[] = {1, 10, 20, 30, UINT32_MAX};
    struct uid_set set = {0};

    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
        cr_assert(uid_set_add(&set, added[i]));
    cr_assert_eq(set.count, 5);
    cr_assert_arr_eq(set.uids, expected, sizeof(expected));
    uid_set_clear(&set);
    cr_assert_eq(set.count, 0);
}

Test(uid_set, removing_says_whether_it_was_there_and_below_counts)
{
    struct uid_set set = {0};

    for (uint32_t uid = 10; uid <= 50; uid += 10)
        cr_assert(uid_set_add(&set, uid));
    cr_assert_eq(uid_set_below(&set, 10), 0);
    cr_assert_eq(uid_set_below(&set, 35), 3);
    cr_assert_eq(uid_set_below(&set, 51), 5);
    cr_assert(uid_set_remove(&set, 30));
    cr_assert_not(uid_set_remove(&set, 30));
    cr_assert_not(uid_set_contains(&set, 30));
    cr_assert(uid_set_contains(&set, 40));
    cr_assert_eq(uid_set_below(&set, 35), 2);
    uid_set_clear(&set);
}
