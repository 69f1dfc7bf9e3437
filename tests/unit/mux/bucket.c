/* So many at once, then one each so often. */
#include "mux/bucket.h"

#include <criterion/criterion.h>

#include "mux/settings.h"

#define NOW USEC_HOUR

static const struct bucket_measure three = {.burst = 3, .each = 30 * USEC_SECOND};

Test(bucket, three_at_once_then_one_each_thirty_seconds)
{
    struct bucket bucket = {0};

    for (int i = 0; i < 3; i++) {
        cr_assert_leq(bucket_open_at(&bucket, three, 1, NOW), NOW);
        bucket_take(&bucket, three, NOW);
    }
    cr_assert_eq(bucket_open_at(&bucket, three, 1, NOW), NOW + 30 * USEC_SECOND);
    cr_assert_leq(bucket_open_at(&bucket, three, 1, NOW + 30 * USEC_SECOND), NOW + 30 * USEC_SECOND);
    bucket_take(&bucket, three, NOW + 30 * USEC_SECOND);
    cr_assert_eq(bucket_open_at(&bucket, three, 1, NOW + 31 * USEC_SECOND), NOW + 60 * USEC_SECOND);
    cr_assert_eq(bucket_open_at(&bucket, three, 3, NOW + 31 * USEC_SECOND), NOW + 120 * USEC_SECOND);
}

Test(bucket, what_was_not_taken_is_not_saved_up_beyond_the_burst)
{
    struct bucket bucket = {0};

    bucket_take(&bucket, three, NOW);
    for (int i = 0; i < 3; i++) {
        cr_assert_leq(bucket_open_at(&bucket, three, 1, NOW + USEC_HOUR), NOW + USEC_HOUR);
        bucket_take(&bucket, three, NOW + USEC_HOUR);
    }
    cr_assert_gt(bucket_open_at(&bucket, three, 1, NOW + USEC_HOUR), NOW + USEC_HOUR);
}

Test(bucket, without_a_measure_it_is_always_open)
{
    struct bucket bucket = {0};

    for (int i = 0; i < 100; i++)
        bucket_take(&bucket, (struct bucket_measure){0}, NOW);
    cr_assert_eq(bucket_open_at(&bucket, (struct bucket_measure){0}, 1, NOW), NOW);
}
