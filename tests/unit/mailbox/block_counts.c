/* Counts of blocks, against adding them up. */
#include "mailbox/block_counts.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void check(const struct block_counts *counts, const uint32_t *plain, size_t blocks)
{
    uint32_t sum = 0, within;

    for (size_t i = 0; i < blocks; i++) {
        cr_assert_eq(block_counts_before(counts, i), sum);
        for (uint32_t index = 0; index < plain[i]; index++) {
            cr_assert_eq(block_counts_find(counts, sum + index, &within), i);
            cr_assert_eq(within, index);
        }
        sum += plain[i];
    }
    cr_assert_eq(block_counts_before(counts, blocks), sum);
}

Test(block_counts, they_are_sums_of_what_was_appended_and_changed)
{
    struct block_counts counts = {0};
    uint32_t plain[70];

    srandom(1);
    for (size_t i = 0; i < 70; i++) {
        plain[i] = (uint32_t)(random() % 4);
        cr_assert(block_counts_reserve(&counts, i + 1));
        block_counts_append(&counts, plain[i]);
        check(&counts, plain, i + 1);
    }
    for (int step = 0; step < 200; step++) {
        size_t at = (size_t)random() % 70;
        int32_t difference = plain[at] > 0 && random() % 2 ? -1 : 1;
        plain[at] += (uint32_t)difference;
        block_counts_change(&counts, at, difference);
        check(&counts, plain, 70);
    }
    block_counts_clear(&counts);
}

Test(block_counts, a_beginning_stays_right_when_the_end_is_cut_off)
{
    struct block_counts counts = {0};
    uint32_t plain[40];

    cr_assert(block_counts_reserve(&counts, 40));
    for (uint32_t i = 0; i < 40; i++)
        block_counts_append(&counts, plain[i] = i % 3);
    for (size_t blocks = 40; blocks-- > 0;) {
        block_counts_truncate(&counts, blocks);
        check(&counts, plain, blocks);
    }
    block_counts_append(&counts, plain[0] = 5);
    check(&counts, plain, 1);
    block_counts_clear(&counts);
}
