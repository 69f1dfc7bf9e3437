/* What a date is, and what only looks like one. */
#include "imap/date.h"

#include <criterion/criterion.h>

Test(date, of_search)
{
    cr_assert(date_valid(SLICE("1-Feb-1994")) && date_valid(SLICE("01-feb-1994")) && date_valid(SLICE("31-DEC-0000")));
    cr_assert_not(date_valid(SLICE("0-Feb-1994")) || date_valid(SLICE("32-Feb-1994")) || date_valid(SLICE("")));
    cr_assert_not(date_valid(SLICE("1-Fab-1994")) || date_valid(SLICE("1-Feb-94")) || date_valid(SLICE("1-Feb-1994 ")));
}

Test(date, of_append)
{
    static const char *const wrong[] = {"",
                                        "1-Feb-1994 00:00:00 +0000",
                                        "00-Feb-1994 00:00:00 +0000",
                                        "01-Feb-1994 24:00:00 +0000",
                                        "01-Feb-1994 00:60:00 +0000",
                                        "01-Feb-1994 00:00:61 +0000",
                                        "01-Feb-1994 00:00:00 0000 ",
                                        "01-Feb-1994 00:00:00 +00x0",
                                        "01-Feb-1994 00:00:00 +0000 ",
                                        "01-Feb-1994T00:00:00 +0000",
                                        "a\"b"};

    cr_assert(date_time_valid(SLICE("01-Feb-1994 23:59:60 +0100")));
    cr_assert(date_time_valid(SLICE(" 1-feb-1994 00:00:00 -0000")));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert_not(date_time_valid(slice_of(wrong[i])), "%s", wrong[i]);
}
