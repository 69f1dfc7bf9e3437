/* Sequence sets: as written, resolved, added to, walked; and that ranges are never expanded. */
#include "imap/seqset.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

static void expect_printed(const struct seqset *set, const char *expected)
{
    struct evbuffer *out = evbuffer_new();
    size_t length;

    cr_assert(seqset_print(set, out));
    length = evbuffer_get_length(out);
    cr_assert_eq(seqset_fitting(set, length), set->count);
    cr_assert(set->count < 2 || seqset_fitting(set, length - 1) == set->count - 1);
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(out, -1), expected);
    evbuffer_free(out);
}

static void expect_resolved(const char *text, uint32_t star, const char *expected)
{
    struct seqset written = {0}, resolved = {0};

    cr_assert_eq(seqset_parse(slice_of(text), &written), SEQSET_OK, "%s", text);
    expect_printed(&written, text);
    cr_assert(seqset_resolve(&written, star, &resolved));
    expect_printed(&resolved, expected);
    seqset_clear(&written);
    seqset_clear(&resolved);
}

Test(seqset, sets_are_resolved_to_sorted_ranges_that_do_not_touch)
{
    expect_resolved("5", 9, "5");
    expect_resolved("3,1,2", 9, "1:3");
    expect_resolved("5:2,3,9,8", 9, "2:5,8:9");
    expect_resolved("1:3,2:5,10", 9, "1:5,10");
    expect_resolved("4294967295,4294967294", 9, "4294967294:4294967295");
    expect_resolved("1:4294967295,7", 9, "1:4294967295");
}

Test(seqset, a_star_is_the_last_message)
{
    expect_resolved("*", 9, "9");
    expect_resolved("5:*", 9, "5:9");
    expect_resolved("12:*", 9, "9:12");
    expect_resolved("*:3", 9, "3:9");
    expect_resolved("*,1", 9, "1,9");
    expect_resolved("1,5:*", 0, "1");
}

Test(seqset, what_is_no_set_is_refused)
{
    static const char *const bad[] = {"",      "0",  "1,",         ",1",  "1:", ":1", "a",  "1-2",
                                      "1:2:3", "-1", "4294967296", "1 2", "**", "1*", "1:0"};
    struct seqset set = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_assert_eq(seqset_parse(slice_of(bad[i]), &set), SEQSET_BAD, "%s", bad[i]);
        cr_assert_null(set.ranges);
    }
}

Test(seqset, a_dollar_may_stand_in_a_set_of_a_client)
{
    static const char *const bad[] = {"", "$$", "$1", "1$", "$,", ",$", "1:$", "$:1"};
    struct seqset set = {0};
    bool saved;

    cr_assert_eq(seqset_parse_saved(SLICE("$"), &set, &saved), SEQSET_OK);
    cr_assert(saved && set.count == 0);
    cr_assert_eq(seqset_parse_saved(SLICE("2,$,7:*"), &set, &saved), SEQSET_OK);
    cr_assert(saved && set.count == 2);
    seqset_clear(&set);
    cr_assert_eq(seqset_parse_saved(SLICE("2"), &set, &saved), SEQSET_OK);
    cr_assert_not(saved);
    seqset_clear(&set);
    cr_assert_eq(seqset_parse(SLICE("$"), &set), SEQSET_BAD);
    cr_assert_eq(seqset_parse(SLICE("3,$"), &set), SEQSET_BAD);
    cr_assert_null(set.ranges);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_assert_eq(seqset_parse_saved(slice_of(bad[i]), &set, &saved), SEQSET_BAD, "%s", bad[i]);
}

Test(seqset, what_stands_in_a_written_set)
{
    struct seqset set = {0};

    cr_assert_eq(seqset_parse(SLICE("7:5,*"), &set), SEQSET_OK);
    cr_assert(seqset_has_star(&set));
    cr_assert_eq(seqset_highest(&set), 7);
    seqset_clear(&set);
    cr_assert_not(seqset_has_star(&set));
    cr_assert_eq(seqset_highest(&set), 0);
}

Test(seqset, a_million_numbers_out_of_order)
{
    enum { COUNT = 1000000 };
    char *text = malloc(COUNT * 11);
    size_t length = 0;
    struct seqset written = {0}, resolved = {0};

    /* 7,000,003 is coprime to the step: every number once, in a wild order. */
    for (uint64_t i = 0; i < COUNT; i++)
        length += (size_t)sprintf(text + length, "%s%u", i ? "," : "", (unsigned)(i * 1234577 % 7000003 + 1));
    cr_assert_eq(seqset_parse((struct slice){text, length}, &written), SEQSET_OK);
    cr_assert(seqset_resolve(&written, 1, &resolved));
    cr_assert_eq(seqset_size(&resolved), COUNT);
    for (size_t i = 1; i < resolved.count; i++)
        cr_assert_gt(resolved.ranges[i].low, resolved.ranges[i - 1].high + 1);
    seqset_clear(&written);
    seqset_clear(&resolved);
    free(text);
}

#define NUMBERS 64

static void check_against(const struct seqset *set, const bool *in)
{
    struct seqset_walk walk;
    uint32_t number, last = 0;
    uint64_t count = 0;

    for (uint32_t i = 1; i < NUMBERS; i++)
        cr_assert_eq(seqset_contains(set, i), in[i]);
    for (size_t i = 1; i < set->count; i++)
        cr_assert_gt(set->ranges[i].low, set->ranges[i - 1].high + 1, "ranges must not touch");
    seqset_walk_start(&walk, set);
    while (seqset_walk_next(&walk, &number)) {
        cr_assert_gt(number, last);
        cr_assert(in[number]);
        last = number;
        count++;
    }
    cr_assert_eq(count, seqset_size(set));
}

Test(seqset, adding_and_removing_anywhere)
{
    struct random random;
    struct seqset set = {0}, copy = {0};
    bool in[NUMBERS] = {false};

    random_init(&random, 11);
    for (int round = 0; round < 5000; round++) {
        uint32_t low = 1 + (uint32_t)random_below(&random, NUMBERS - 1);
        uint32_t high = low + (uint32_t)random_below(&random, 5);
        high = high < NUMBERS ? high : NUMBERS - 1;
        switch (random_below(&random, 4)) {
        case 0:
            cr_assert(seqset_add_range(&set, low, high));
            for (uint32_t i = low; i <= high; i++)
                in[i] = true;
            break;
        case 1:
            cr_assert(seqset_add(&set, low));
            in[low] = true;
            break;
        default:
            seqset_remove(&set, low);
            in[low] = false;
        }
        check_against(&set, in);
    }
    cr_assert(seqset_copy(&set, &copy));
    check_against(&copy, in);
    seqset_clear(&set);
    seqset_clear(&copy);
}

Test(seqset, the_ends_of_the_numbers)
{
    struct seqset set = {0};
    struct seqset_walk walk;
    uint32_t number;

    cr_assert(seqset_add(&set, UINT32_MAX));
    cr_assert(seqset_add(&set, 1));
    cr_assert(seqset_add(&set, UINT32_MAX - 1));
    cr_assert(seqset_add(&set, UINT32_MAX));
    expect_printed(&set, "1,4294967294:4294967295");
    seqset_walk_start(&walk, &set);
    for (int i = 0; i < 3; i++)
        cr_assert(seqset_walk_next(&walk, &number));
    cr_assert_eq(number, UINT32_MAX);
    cr_assert_not(seqset_walk_next(&walk, &number));
    cr_assert(seqset_add_range(&set, 1, UINT32_MAX));
    cr_assert_eq(seqset_size(&set), UINT32_MAX);
    seqset_remove(&set, UINT32_MAX);
    seqset_remove(&set, 1);
    seqset_remove(&set, 7);
    expect_printed(&set, "2:6,8:4294967294");
    seqset_clear(&set);
    seqset_remove(&set, 1);
    expect_printed(&set, "");
}

Test(seqset, cutting_off_the_front)
{
    struct seqset set = {0};

    seqset_cut_up_to(&set, 5);
    cr_assert(seqset_add_range(&set, 2, 4));
    cr_assert(seqset_add_range(&set, 7, 9));
    cr_assert(seqset_add(&set, UINT32_MAX));
    seqset_cut_up_to(&set, 1);
    expect_printed(&set, "2:4,7:9,4294967295");
    seqset_cut_up_to(&set, 7);
    expect_printed(&set, "8:9,4294967295");
    seqset_cut_up_to(&set, UINT32_MAX);
    expect_printed(&set, "");
    seqset_clear(&set);
}

Test(seqset, printing_long_sets_and_parsing_again)
{
    struct seqset set = {0}, again = {0};
    struct evbuffer *out = evbuffer_new();

    for (uint32_t i = 0; i < 3000; i++)
        cr_assert(seqset_add_range(&set, UINT32_C(4000000000) + 10 * i, UINT32_C(4000000000) + 10 * i + i % 3));
    cr_assert(seqset_print(&set, out));
    cr_assert_eq(seqset_fitting(&set, evbuffer_get_length(out)), 3000);
    cr_assert_eq(seqset_fitting(&set, 0), 1, "one in any case");
    cr_assert_eq(seqset_parse((struct slice){(char *)evbuffer_pullup(out, -1), evbuffer_get_length(out)}, &again),
                 SEQSET_OK);
    cr_assert_eq(again.count, 3000);
    cr_assert_eq(memcmp(again.ranges, set.ranges, 3000 * sizeof(*set.ranges)), 0);
    seqset_clear(&set);
    seqset_clear(&again);
    evbuffer_free(out);
}

/* Whatever the order and however many pieces: the same set as by adding each number. */
Test(seqset, written_numbers_are_added_in_any_order)
{
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct seqset plain = {0}, set = {0};

        srandom(seed);
        for (int piece = 0; piece < 4; piece++) {
            struct seqset written = {0};
            for (int i = 0; i < (int)(seed % 40); i++) {
                uint32_t number = 1 + (uint32_t)random() % 100 + (piece % 2 ? UINT32_MAX - 100 : 0);
                cr_assert(seqset_write(&written, number));
                cr_assert(seqset_add(&plain, number));
            }
            cr_assert(seqset_add_written(&set, &written));
            seqset_clear(&written);
            cr_assert_eq(set.count, plain.count, "seed %u", seed);
            cr_assert(set.count == 0 || memcmp(set.ranges, plain.ranges, set.count * sizeof(*set.ranges)) == 0);
        }
        seqset_clear(&plain);
        seqset_clear(&set);
    }
}

Test(seqset, a_list_in_an_order_of_its_own_is_kept_in_runs)
{
    static const uint32_t numbers[] = {7, 3, 4, 5, 5, UINT32_MAX, 1};
    struct evbuffer *out = evbuffer_new();
    struct seqset list = {0};
    char text[100] = "";

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        cr_assert(seqset_write_next(&list, numbers[i]));
    cr_assert_eq(seqset_size(&list), 7);
    cr_assert(seqset_print(&list, out));
    evbuffer_remove(out, text, sizeof(text) - 1);
    cr_assert_str_eq(text, "7,3:5,5,4294967295,1");
    seqset_clear(&list);
    evbuffer_free(out);
}
