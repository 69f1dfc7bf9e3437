/* One meaning in one spelling, and what is no section. */
#include "imap/fetch_section.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool mean_the_same(const char *one, const char *other)
{
    char *room[] = {malloc(fetch_section_room(slice_of(one))), malloc(fetch_section_room(slice_of(other)))};
    bool same =
        slice_equal(fetch_section_meaning(slice_of(one), room[0]), fetch_section_meaning(slice_of(other), room[1]));

    free(room[0]);
    free(room[1]);
    return same;
}

Test(fetch_section, however_it_is_written)
{
    cr_assert(mean_the_same("", "") && mean_the_same("1.MIME", "1.mime"));
    cr_assert(mean_the_same("HEADER.FIELDS (From To)", "header.fields (\"TO\"  FROM to)"));
    cr_assert(mean_the_same("HEADER.FIELDS.NOT(b a)", "HEADER.FIELDS.NOT (a b)"));
    cr_assert_not(mean_the_same("HEADER.FIELDS (a)", "HEADER.FIELDS (a b)"));
    cr_assert_not(mean_the_same("HEADER.FIELDS (a b)", "HEADER.FIELDS (\"a b\")"));
    cr_assert_not(mean_the_same("HEADER.FIELDS (a)", "HEADER.FIELDS.NOT (a)"));
    cr_assert_not(mean_the_same("1", "1.TEXT"));
}

Test(fetch_section, a_list_that_is_very_long_means_what_it_says)
{
    char one[4000] = "HEADER.FIELDS (", other[4000] = "HEADER.FIELDS (x000";

    for (int i = 0; i < 300; i++) {
        snprintf(one + strlen(one), 16, "x%03d ", i);
        if (i > 0)
            snprintf(other + strlen(other), 16, " x%03d", 300 - i);
    }
    one[strlen(one) - 1] = ')';
    strcat(other, ")");
    cr_assert(mean_the_same(one, one));
    cr_assert_not(mean_the_same(one, other));
}

Test(fetch_section, its_end_and_its_grammar)
{
    cr_assert_eq(fetch_section_end(SLICE("HEADER.FIELDS (\"a]\")]<0>")), strlen("HEADER.FIELDS (\"a]\")"));
    cr_assert_eq(fetch_section_end(SLICE("TEXT")), 4);
    cr_assert(fetch_section_valid(SLICE("1.2.HEADER")) && fetch_section_valid(SLICE("HEADER.FIELDS (a)")));
    cr_assert_not(fetch_section_valid(SLICE("MIME")) || fetch_section_valid(SLICE("HEADER.FIELDS ()")));
    cr_assert(fetch_section_alike(SLICE("HEADER.FIELDS (\"A\")"), SLICE("header.fields (a)")));
    cr_assert_not(fetch_section_alike(SLICE("HEADER.FIELDS (a b)"), SLICE("HEADER.FIELDS (b a)")));
}
