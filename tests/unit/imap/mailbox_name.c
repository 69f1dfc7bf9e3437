/* Mailbox names: INBOX in any case, everything else by its bytes. */
#include "imap/mailbox_name.h"

#include <criterion/criterion.h>
#include <string.h>

Test(mailbox_name, inbox_is_one_name_in_any_case)
{
    cr_assert(slice_equal(mailbox_name_canonical(SLICE("inBox")), SLICE("INBOX")));
    cr_assert(slice_equal(mailbox_name_canonical(SLICE("inBox/a")), SLICE("inBox/a")));
    cr_assert(slice_equal(mailbox_name_canonical(SLICE("Sent")), SLICE("Sent")));
}

Test(mailbox_name, what_no_mailbox_can_be_called)
{
    static char text[MAILBOX_NAME_MAX + 1];
    const char *error = NULL;

    cr_assert(mailbox_name_valid(SLICE("a b/&ZeVnLIqe-"), &error));
    cr_assert_null(error);
    cr_assert_not(mailbox_name_valid((struct slice){0}, &error));
    cr_assert_not_null(error);
    cr_assert_not(mailbox_name_valid(SLICE("a\rb"), &error));
    cr_assert_not(mailbox_name_valid(SLICE("a\nb"), &error));
    cr_assert_not(mailbox_name_valid(SLICE("a\0b"), &error));
    memset(text, 'x', sizeof(text));
    cr_assert(mailbox_name_valid((struct slice){text, MAILBOX_NAME_MAX}, &error));
    cr_assert_not(mailbox_name_valid((struct slice){text, MAILBOX_NAME_MAX + 1}, &error));
}

Test(mailbox_name, inferiors_are_below_a_separator)
{
    cr_assert(mailbox_name_is_inferior(SLICE("a/b"), SLICE("a"), '/'));
    cr_assert(mailbox_name_is_inferior(SLICE("a/b/c"), SLICE("a"), '/'));
    cr_assert(mailbox_name_is_inferior(SLICE("inbox.b"), SLICE("INBOX"), '.'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("A/b"), SLICE("a"), '/'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("ab/c"), SLICE("a"), '/'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("a"), SLICE("a"), '/'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("a/"), SLICE("a"), '/'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("a/b"), SLICE("a"), '.'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("a/b"), SLICE("a"), '\0'));
    cr_assert_not(mailbox_name_is_inferior(SLICE("/b"), SLICE(""), '/'));
}
