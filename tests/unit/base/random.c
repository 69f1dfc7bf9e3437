/* Random numbers: the same for the same seed, and within their bound. */
#include "base/random.h"

#include <criterion/criterion.h>

Test(random, a_seed_replays)
{
    struct random one, other;

    random_init(&one, 42);
    random_init(&other, 42);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(random_next(&one), random_next(&other));
    random_init(&other, 43);
    cr_assert_neq(random_next(&one), random_next(&other));
}

/* The first number of splitmix64 for seed 0 is known. */
Test(random, is_splitmix64)
{
    struct random random;

    random_init(&random, 0);
    cr_assert_eq(random_next(&random), UINT64_C(0xe220a8397b1dcdaf));
}

Test(random, results_stay_below_the_bound_and_reach_all_of_it)
{
    struct random random;
    unsigned seen[7] = {0};

    random_init(&random, 1);
    for (int i = 0; i < 7000; i++)
        seen[random_below(&random, 7)]++;
    for (int i = 0; i < 7; i++)
        cr_assert(seen[i] > 800 && seen[i] < 1200);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(random_below(&random, 1), 0);
        cr_assert_lt(random_below(&random, UINT64_MAX), UINT64_MAX);
    }
}
