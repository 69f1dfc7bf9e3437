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

static void expect_utf8(const char *name, const char *expected)
{
    char room[200];
    size_t length;

    cr_assert(mailbox_name_to_utf8(slice_of(name), room, &length), "%s", name);
    cr_expect(slice_equal((struct slice){room, length}, slice_of(expected)), "%.*s", (int)length, room);
}

Test(mailbox_name, modified_utf7_is_decoded)
{
    char room[200];
    size_t length;
    static const char *const bad[] = {"&", "&AOQ", "a&b", "&AO-", "\xc3\xa4", "&2DzfIQ", "&2Dw-", "&3Ek-", "&AOR-"};

    expect_utf8("INBOX", "INBOX");
    expect_utf8("a&-b", "a&b");
    expect_utf8("&AOQ-", "\xc3\xa4");
    expect_utf8("~peter/mail/&U,BTFw-/&ZeVnLIqe-",
                "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
    expect_utf8("&2DzfIQ-", "\xf0\x9f\x8c\xa1");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_expect_not(mailbox_name_to_utf8(slice_of(bad[i]), room, &length), "%s", bad[i]);
}
