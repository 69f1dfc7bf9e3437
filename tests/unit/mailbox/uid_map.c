/* The map against a plain sorted array, over random histories that make blocks come and go. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/random.h"
#include "mailbox/uid_map.h"

struct plain {
    uint32_t uids[20000];
    uint32_t count;
};

static uint32_t plain_rank(const struct plain *plain, uint32_t uid)
{
    uint32_t rank = 0;

    while (rank < plain->count && plain->uids[rank] <= uid)
        rank++;
    return rank;
}

static void plain_remove(struct plain *plain, uint32_t at)
{
    plain->count--;
    memmove(plain->uids + at, plain->uids + at + 1, (plain->count - at) * sizeof(uint32_t));
}

static void compare(const struct uid_map *map, const struct plain *plain)
{
    cr_assert_eq(map->count, plain->count);
    for (uint32_t i = 0; i < plain->count; i++) {
        cr_assert_eq(uid_map_at(map, i)->uid, plain->uids[i]);
        cr_assert_eq(uid_map_rank(map, plain->uids[i]), i + 1);
        cr_assert_eq(uid_map_find(map, plain->uids[i]), uid_map_at(map, i));
    }
}

Test(uid_map, is_a_sorted_list_whatever_happened_to_it)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        static struct plain plain;
        struct uid_map map = {0};
        struct random random;
        uint32_t next = 1;
        random_init(&random, seed);
        plain.count = 0;
        for (int step = 0; step < 3000; step++) {
            if (plain.count == 0 || random_below(&random, 100) < (step < 2000 ? 70 : 20)) {
                next += (uint32_t)random_below(&random, 3) + 1;
                cr_assert_not_null(uid_map_append(&map, next));
                plain.uids[plain.count++] = next;
            } else {
                uint32_t at = (uint32_t)random_below(&random, plain.count);
                cr_assert(uid_map_remove(&map, plain.uids[at]));
                cr_assert_not(uid_map_remove(&map, plain.uids[at]));
                plain_remove(&plain, at);
            }
            uint32_t probe = (uint32_t)random_below(&random, next + 3);
            cr_assert_eq(uid_map_rank(&map, probe), plain_rank(&plain, probe));
        }
        compare(&map, &plain);
        cr_assert_eq(map.highest, next);
        uid_map_clear(&map);
    }
}

Test(uid_map, an_intersection_names_the_living_only)
{
    struct uid_map map = {0};
    struct seqset set = {0}, living = {0}, dense = {0};

    for (uint32_t uid = 10; uid <= 100; uid += 10)
        cr_assert_not_null(uid_map_append(&map, uid));
    cr_assert(seqset_add_range(&set, 15, 40));
    cr_assert(seqset_add(&set, 55));
    cr_assert(seqset_add_range(&set, 90, UINT32_MAX));
    cr_assert(uid_map_intersect(&map, &set, &living));
    cr_assert_eq(seqset_size(&living), 5);
    cr_assert(seqset_contains(&living, 20) && seqset_contains(&living, 40) && seqset_contains(&living, 100));
    cr_assert_not(seqset_contains(&living, 10));
    cr_assert_not(seqset_contains(&living, 55));
    cr_assert(uid_map_intersect_dense(&map, &set, &dense));
    cr_assert_eq(dense.count, 2);
    cr_assert_eq(dense.ranges[0].low, 20);
    cr_assert_eq(dense.ranges[0].high, 40);
    cr_assert_eq(dense.ranges[1].low, 90);
    cr_assert_eq(dense.ranges[1].high, 100);
    seqset_clear(&set);
    seqset_clear(&living);
    seqset_clear(&dense);
    uid_map_clear(&map);
}

Test(uid_map, neighbours_become_one_range_only_if_nothing_lives_between)
{
    struct uid_map map = {0};
    struct seqset set = {0}, dense = {0};

    for (uint32_t uid = 1; uid <= 9; uid += 2) /* 1 3 5 7 9 */
        cr_assert_not_null(uid_map_append(&map, uid));
    cr_assert(seqset_add(&set, 1));
    cr_assert(seqset_add(&set, 3));
    cr_assert(seqset_add(&set, 7)); /* 5 lives between */
    cr_assert(seqset_add(&set, 9));
    cr_assert(uid_map_intersect_dense(&map, &set, &dense));
    cr_assert_eq(dense.count, 2);
    cr_assert_eq(dense.ranges[0].high, 3);
    cr_assert_eq(dense.ranges[1].low, 7);
    seqset_clear(&set);
    seqset_clear(&dense);
    uid_map_clear(&map);
}
