/* A change of names is a block of its own. */
#include "mux/name_change.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(name_change, names_are_copied)
{
    char name[] = "Work", to[] = "New/a";
    struct name_change *change = name_change_new(NAME_RENAMED, slice_of(name), slice_of(to));

    memset(name, 'x', strlen(name));
    memset(to, 'x', strlen(to));
    cr_assert_eq(change->kind, NAME_RENAMED);
    cr_assert(slice_equal(change->name, SLICE("Work")));
    cr_assert(slice_equal(change->to, SLICE("New/a")));
    free(change);
}

Test(name_change, a_deletion_has_no_second_name)
{
    struct name_change *change = name_change_new(NAME_DELETED, SLICE("Work"), (struct slice){0});

    cr_assert(slice_equal(change->name, SLICE("Work")));
    cr_assert_eq(change->to.length, 0);
    free(change);
}

Test(name_change, octets_may_be_any)
{
    struct name_change *change = name_change_new(NAME_CREATED, (struct slice){"a\0b", 3}, SLICE(""));

    cr_assert(slice_equal(change->name, (struct slice){"a\0b", 3}));
    free(change);
}
