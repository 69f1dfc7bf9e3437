#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>

#include "mailbox/keywords.h"

Test(keywords, equal_sets_have_one_number_whatever_the_order_and_case)
{
    struct keywords *keywords = keywords_new();
    struct slice one[] = {SLICE("$Work"), SLICE("later")}, other[] = {SLICE("LATER"), SLICE("$work"), SLICE("later")};
    uint32_t a, b;

    cr_assert(keywords_intern(keywords, one, 2, &a));
    cr_assert(keywords_intern(keywords, other, 3, &b));
    cr_assert_eq(a, b);
    cr_assert_neq(a, 0);
    cr_assert_eq(keywords_count(keywords), 2);
    keywords_free(keywords);
}

Test(keywords, adding_and_removing_come_back_to_the_same_set)
{
    struct keywords *keywords = keywords_new();
    struct slice a[] = {SLICE("a")}, b[] = {SLICE("B")};
    uint32_t set, with_b, again, none;

    cr_assert(keywords_intern(keywords, a, 1, &set));
    cr_assert(keywords_add(keywords, set, b, 1, &with_b));
    cr_assert_neq(set, with_b);
    cr_assert(keywords_remove(keywords, with_b, b, 1, &again));
    cr_assert_eq(set, again);
    cr_assert(keywords_remove(keywords, set, a, 1, &none));
    cr_assert_eq(none, 0);
    cr_assert_eq(keywords_reach(keywords, with_b), 2);
    cr_assert_eq(keywords_reach(keywords, 0), 0);
    keywords_free(keywords);
}

Test(keywords, past_the_limit_no_new_ones_are_stored)
{
    struct keywords *keywords = keywords_new();
    char name[16];
    uint32_t set, again;

    for (int i = 0; i < KEYWORDS_MAX + 50; i++) {
        struct slice slice = {name, (size_t)snprintf(name, sizeof(name), "k%d", i)};
        cr_assert(keywords_intern(keywords, &slice, 1, &set));
        cr_assert_eq(set == 0, i >= KEYWORDS_MAX);
    }
    cr_assert_eq(keywords_count(keywords), KEYWORDS_MAX);
    cr_assert(keywords_intern(keywords, (struct slice[]){SLICE("k7")}, 1, &again));
    cr_assert_neq(again, 0);
    keywords_free(keywords);
}

Test(keywords, a_set_is_printed_with_a_space_before_each_name)
{
    struct keywords *keywords = keywords_new();
    struct evbuffer *out = evbuffer_new();
    uint32_t set;

    cr_assert(keywords_intern(keywords, (struct slice[]){SLICE("x"), SLICE("$y")}, 2, &set));
    cr_assert(keywords_print(keywords, set, out));
    cr_assert(evbuffer_get_length(out) == 5 && memcmp(evbuffer_pullup(out, 5), " x $y", 5) == 0);
    evbuffer_free(out);
    keywords_free(keywords);
}

Test(keywords, what_is_no_flag_is_kept_but_not_shown)
{
    struct keywords *keywords = keywords_new();
    struct slice names[] = {SLICE("a]b"),  SLICE("x"),        SLICE("\\Answer\\d"),
                            SLICE("\\Ok"), SLICE("\xc3\xa4"), SLICE("%")};
    struct evbuffer *out = evbuffer_new();
    uint32_t set, only;

    cr_assert(keywords_intern(keywords, names, 6, &set) && keywords_intern(keywords, names, 1, &only));
    cr_assert(keywords_count(keywords) == 6 && set != only && only != 0);
    cr_assert(keywords_print(keywords, set, out) && keywords_print(keywords, only, out));
    cr_assert(evbuffer_get_length(out) == 6 && memcmp(evbuffer_pullup(out, 6), " x \\Ok", 6) == 0);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(keywords_is_shown(keywords, i), i == 1 || i == 3);
    evbuffer_free(out);
    keywords_free(keywords);
}

/* Sets of two out of a thousand names: enough to come to the limit. */
static size_t fill_sets(struct keywords *keywords)
{
    size_t made = 0;

    for (int i = 0; i < 1000; i++) {
        for (int j = i + 1; j < 1000 && made < KEYWORDS_SETS_MAX; j++, made++) {
            char one[16], other[16];
            uint32_t set = 0;
            snprintf(one, sizeof(one), "k%d", i);
            snprintf(other, sizeof(other), "k%d", j);
            cr_assert(keywords_intern(keywords, (struct slice[]){slice_of(one), slice_of(other)}, 2, &set));
            cr_assert_eq(set, made + 1);
        }
    }
    return made;
}

Test(keywords, past_the_limit_of_sets_the_former_set_stays)
{
    struct keywords *keywords = keywords_new();
    struct slice known[] = {SLICE("k0"), SLICE("k1")}, more[] = {SLICE("k0"), SLICE("k1"), SLICE("k2")};
    uint32_t former = 7, result = 0;

    cr_assert_eq(fill_sets(keywords), KEYWORDS_SETS_MAX);
    cr_assert(keywords_intern(keywords, more, 3, &former));
    cr_assert_eq(former, 7);
    cr_assert(keywords_add(keywords, 1, more + 2, 1, &result));
    cr_assert_eq(result, 1);
    cr_assert(keywords_remove(keywords, 1, known, 1, &result)); /* {k1} alone is new, too */
    cr_assert_eq(result, 1);
    cr_assert(keywords_intern(keywords, known, 2, &result));
    cr_assert_eq(result, 1);
    cr_assert(keywords_intern(keywords, NULL, 0, &result));
    cr_assert_eq(result, 0);
    keywords_free(keywords);
}

/* Names that stand in no set any more make room; those of marked and pinned sets keep their index. */
Test(keywords, a_sweep_makes_room)
{
    struct keywords *keywords = keywords_new();
    struct slice fresh[] = {SLICE("fresh")}, names[KEYWORDS_MAX];
    uint32_t sets[KEYWORDS_MAX], set;
    char name[16];

    for (int i = 0; i < KEYWORDS_MAX; i++) {
        struct slice slice = {name, (size_t)snprintf(name, sizeof(name), "k%d", i)};
        cr_assert(keywords_intern(keywords, &slice, 1, &sets[i]));
    }
    cr_assert(keywords_lack_room(keywords, fresh, 1));
    for (int i = 2; i < KEYWORDS_MAX; i++)
        keywords_mark(keywords, sets[i]);
    keywords_pin(keywords, sets[0]);
    keywords_sweep(keywords);
    cr_assert_not(keywords_lack_room(keywords, fresh, 1));
    cr_assert_eq(keywords_replaced(keywords), 0);
    cr_assert(keywords_intern(keywords, fresh, 1, &set));
    cr_assert_eq(set, sets[1], "its number is free");
    cr_assert_eq(keywords_reach(keywords, set), 2);
    cr_assert_eq(keywords_replaced(keywords), 1);
    cr_assert_eq(keywords_names(keywords, sets[0], names), 1);
    cr_assert(slice_equal(names[0], SLICE("k0")));
    cr_assert_eq(keywords_names(keywords, sets[999], names), 1);
    cr_assert(slice_equal(names[0], SLICE("k999")));
    keywords_unpin(keywords, sets[0]);
    keywords_sweep(keywords);
    cr_assert_not(keywords_is_shown(keywords, 5));
    cr_assert_eq(keywords_name(keywords, 5).length, 0);
    keywords_free(keywords);
}
