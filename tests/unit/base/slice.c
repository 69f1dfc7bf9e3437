/* Slices: comparing without case, numbers with bounds. */
#include "base/slice.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct slice empty;

Test(slice, equality_is_of_bytes)
{
    cr_assert(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    cr_assert_not(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    cr_assert_not(slice_equal(SLICE("a"), SLICE("A")));
    cr_assert(slice_equal(empty, SLICE("")));
    cr_assert(slice_equal(slice_of(NULL), empty));
    cr_assert_eq(slice_of("abc").length, 3);
}

Test(slice, only_ascii_letters_compare_without_case)
{
    cr_assert(slice_equal_nocase(SLICE("Inbox"), SLICE("INBOX")));
    cr_assert_not(slice_equal_nocase(SLICE("["), SLICE("{")));
    cr_assert_not(slice_equal_nocase(SLICE("\xe4"), SLICE("\xc4")));
    cr_assert_not(slice_equal_nocase(SLICE("ab"), SLICE("abc")));
}

Test(slice, beginnings_and_parts)
{
    cr_assert(slice_starts_nocase(SLICE("Body[x"), SLICE("BODY[")));
    cr_assert_not(slice_starts_nocase(SLICE("BOD"), SLICE("BODY")));
    cr_assert(slice_starts_nocase(empty, empty));
    cr_assert(slice_contains_nocase(SLICE("a Too Many b"), SLICE("too many")));
    cr_assert(slice_contains_nocase(SLICE("xab"), SLICE("AB")));
    cr_assert(slice_contains_nocase(SLICE("ab"), empty));
    cr_assert(slice_contains_nocase(empty, empty));
    cr_assert_not(slice_contains_nocase(SLICE("ab"), SLICE("abc")));
    cr_assert_not(slice_contains_nocase(SLICE("aab"), SLICE("abb")));
}

Test(slice, the_shorter_comes_first)
{
    cr_assert_lt(slice_compare(SLICE("a"), SLICE("ab")), 0);
    cr_assert_gt(slice_compare(SLICE("b"), SLICE("ab")), 0);
    cr_assert_gt(slice_compare(SLICE("\xff"), SLICE("a")), 0);
    cr_assert_eq(slice_compare(SLICE("ab"), SLICE("ab")), 0);
    cr_assert_lt(slice_compare(empty, SLICE("a")), 0);
}

Test(slice, numbers_are_bounded_and_digits_only)
{
    uint64_t number = 7;

    cr_assert(slice_number(SLICE("0"), 10, &number));
    cr_assert_eq(number, 0);
    cr_assert(slice_number(SLICE("00000000000000000010"), 10, &number));
    cr_assert_eq(number, 10);
    cr_assert(slice_number(SLICE("18446744073709551615"), UINT64_MAX, &number));
    cr_assert_eq(number, UINT64_MAX);
    number = 7;
    cr_assert_not(slice_number(SLICE("18446744073709551616"), UINT64_MAX, &number));
    cr_assert_not(slice_number(SLICE("99999999999999999999"), UINT64_MAX, &number));
    cr_assert_not(slice_number(SLICE("11"), 10, &number));
    cr_assert_not(slice_number(SLICE("000000000000000000001"), 10, &number));
    cr_assert_not(slice_number(SLICE("+1"), 10, &number));
    cr_assert_not(slice_number(SLICE("1 "), 10, &number));
    cr_assert_not(slice_number(empty, 10, &number));
    cr_assert_eq(number, 7, "untouched");
}

Test(slice, a_copy_ends_in_nul)
{
    char *copy = slice_copy(SLICE("abc"));

    cr_assert_str_eq(copy, "abc");
    free(copy);
    copy = slice_copy(empty);
    cr_assert_str_eq(copy, "");
    free(copy);
}
