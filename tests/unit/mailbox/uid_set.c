/* A sorted set of UIDs, against a plain table. */
#include "mailbox/uid_set.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(uid_set, it_is_sorted_and_adding_twice_is_adding_once)
{
    static const uint32_t added[] = {30, 10, 20, 10, UINT32_MAX, 1};
    static const uint32_t expected[] = {1, 10, 20, 30, UINT32_MAX};
    struct uid_set set = {0};

    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
        cr_assert(uid_set_add(&set, added[i]));
    cr_assert_eq(set.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(uid_set_at(&set, i), expected[i]);
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

#define RANGE 6000

static void check(const struct uid_set *set, const bool *plain)
{
    size_t count = 0;
    uint32_t last = 0;

    for (uint32_t uid = 1; uid < RANGE; uid++) {
        cr_assert_eq(uid_set_contains(set, uid), plain[uid]);
        cr_assert_eq(uid_set_below(set, uid), count);
        if (!plain[uid])
            continue;
        cr_assert_eq(uid_set_at(set, count), uid);
        cr_assert_eq(uid_set_next(set, last), uid);
        last = uid;
        count++;
    }
    cr_assert_eq(set->count, count);
    cr_assert_eq(uid_set_next(set, last), 0);
}

/* Ascending, descending and anywhere, over many blocks. */
Test(uid_set, many_come_and_go_anywhere)
{
    static bool plain[RANGE];
    struct uid_set set = {0};

    srandom(2);
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t uids[] = {i + 1, RANGE - 1 - i, 1 + (uint32_t)random() % (RANGE - 1)};
        for (size_t k = 0; k < sizeof(uids) / sizeof(*uids); k++) {
            plain[uids[k]] = true;
            cr_assert(uid_set_add(&set, uids[k]));
        }
    }
    check(&set, plain);
    for (uint32_t i = 0; i < 2500; i++) {
        uint32_t uids[] = {i + 1, RANGE - 1 - i, 1 + (uint32_t)random() % (RANGE - 1)};
        for (size_t k = 0; k < sizeof(uids) / sizeof(*uids); k++) {
            cr_assert_eq(uid_set_remove(&set, uids[k]), plain[uids[k]]);
            plain[uids[k]] = false;
        }
    }
    check(&set, plain);
    for (uint32_t uid = 1; uid < RANGE; uid++)
        uid_set_remove(&set, uid);
    cr_assert_eq(set.count, 0);
    cr_assert(uid_set_add(&set, UINT32_MAX));
    cr_assert_eq(uid_set_next(&set, UINT32_MAX), 0);
    uid_set_clear(&set);
}
