/* Numbers into UIDs and back, as the view has them. */
#include "session/renumber.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/session/bench.h"

static struct view *view;

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static const struct view_ops ops = {.changed = changed};

static void open_view(void)
{
    bench_open();
    view = view_new(bench.inbox, false, &ops, NULL);
}

static void close_view(void)
{
    view_free(view);
    bench_close();
}

TestSuite(renumber, .init = open_view, .fini = close_view);

static const char *printed(const struct seqset *set)
{
    static char text[200];
    struct seqset_walk walk;
    uint32_t number;

    text[0] = '\0';
    seqset_walk_start(&walk, set);
    while (seqset_walk_next(&walk, &number))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", number);
    return text;
}

static void expect(const char *written, bool uid, const char *uids)
{
    struct seqset set = {0};

    cr_assert_eq(renumber_set(view, slice_of(written), uid, &set), RENUMBER_OK, "%s", written);
    cr_assert_str_eq(printed(&set), uids);
    seqset_clear(&set);
}

static void expect_fault(const char *written, bool uid, enum renumber_result fault)
{
    struct seqset set = {0};

    cr_assert_eq(renumber_set(view, slice_of(written), uid, &set), fault, "%s", written);
    seqset_clear(&set);
}

Test(renumber, numbers_mean_the_messages_that_the_view_counts)
{
    expect("1", false, "10 ");
    expect("2:*", false, "20 30 ");
    expect("*:2,1", false, "10 20 30 ");
}

Test(renumber, a_ghost_keeps_its_number)
{
    bench_expunge(20);
    expect("2", false, "20 ");
    expect("3", false, "30 ");
}

Test(renumber, an_arrival_that_was_not_told_has_no_number)
{
    bench_deliver(40);
    expect_fault("4", false, RENUMBER_NO_MESSAGE);
    expect("*", false, "30 ");
    expect("*", true, "30 ");
    expect("35:50", true, "");
}

Test(renumber, uids_that_the_view_lacks_are_left_out)
{
    expect("5,10,15:25", true, "10 20 ");
}

static void save(const char *written)
{
    struct seqset set = {0}, saved = {0};

    cr_assert_eq(seqset_parse(slice_of(written), &set), SEQSET_OK);
    cr_assert(seqset_resolve(&set, 0, &saved));
    view_save(view, &saved);
    seqset_clear(&set);
}

Test(renumber, a_dollar_is_what_was_saved_and_lives)
{
    expect("$", false, "");
    expect("$", true, "");
    save("10:20");
    expect("$", false, "10 20 ");
    expect("$,3", true, "10 20 ");
    expect("$,3", false, "10 20 30 ");
    expect("30,$", true, "10 20 30 ");
    bench_expunge(10);
    expect("$", false, "20 "); /* a ghost is not, though it has its number still */
    expect("1,$", false, "10 20 ");
    view_end_ghost(view, 10);
    expect("$", false, "20 ");
    bench_expunge(20);
    view_end_ghost(view, 20);
    bench_expunge(30);
    view_end_ghost(view, 30);
    expect("$", false, "");
    expect_fault("$,1", false, RENUMBER_NO_MESSAGE);
}

Test(renumber, a_dollar_in_a_search)
{
    struct search_translation translation = renumber_search(view);
    struct seqset ranges = {0};

    save("20:30");
    bench_expunge(30);
    cr_assert(translation.numbers(translation.context, SLICE("$"), &ranges));
    cr_assert_str_eq(printed(&ranges), "20 ");
    seqset_clear(&ranges);
    cr_assert(translation.uids(translation.context, SLICE("10,$"), &ranges));
    cr_assert_str_eq(printed(&ranges), "10 20 ");
    seqset_clear(&ranges);
}

Test(renumber, an_unclipped_set_has_what_is_gone_and_what_is_saved)
{
    struct seqset uids = {0};

    save("20");
    cr_assert_eq(renumber_unclipped(view, SLICE("5:6,$,*"), &uids), RENUMBER_OK);
    cr_assert_str_eq(printed(&uids), "5 6 20 30 ");
    seqset_clear(&uids);
    cr_assert_eq(renumber_unclipped(view, SLICE("5:"), &uids), RENUMBER_BAD_SET);
}

Test(renumber, what_is_no_set_is_a_fault)
{
    expect_fault("a", false, RENUMBER_BAD_SET);
    expect_fault("1,,2", true, RENUMBER_BAD_SET);
    expect_fault("4", false, RENUMBER_NO_MESSAGE);
    cr_assert_null(renumber_fault(RENUMBER_OK));
    cr_assert_not_null(renumber_fault(RENUMBER_NO_MESSAGE));
}

Test(renumber, back_are_the_numbers_that_the_client_has)
{
    struct seqset uids = {0}, numbers = {0};

    bench_expunge(10);
    bench_deliver(40);
    cr_assert(seqset_add(&uids, 20) && seqset_add(&uids, 30) && seqset_add(&uids, 40));
    cr_assert(renumber_back(view, &uids, false, &numbers));
    cr_assert_str_eq(printed(&numbers), "2 3 "); /* 10 is a ghost still; 40 was not told */
    seqset_clear(&numbers);
    cr_assert(renumber_back(view, &uids, true, &numbers));
    cr_assert_str_eq(printed(&numbers), "20 30 ");
    seqset_clear(&numbers);
    seqset_clear(&uids);
}

Test(renumber, a_search_names_the_living_as_dense_ranges)
{
    struct search_translation translation = renumber_search(view);
    struct seqset ranges = {0};

    bench_expunge(20);
    cr_assert(translation.numbers(translation.context, SLICE("1:9"), &ranges));
    cr_assert_eq(ranges.count, 1);
    cr_assert(ranges.ranges[0].low == 10 && ranges.ranges[0].high == 30);
    seqset_clear(&ranges);
}
