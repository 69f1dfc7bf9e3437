#include "session/lines.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

/* What a client is shown of the server's line; "" where it is not sound. Borrowed until the next call. */
static const char *shown(const char *line)
{
    static char text[500];
    struct response_reader *reader = response_reader_new(10000);
    struct evbuffer *in = evbuffer_new(), *out = evbuffer_new();
    struct response_input input;

    evbuffer_add(in, line, strlen(line));
    evbuffer_add(in, "\r\n", 2);
    input = response_reader_next(reader, in);
    text[0] = '\0';
    if (input.event == RESPONSE_EVENT_READY && line_is_sound(input.response)) {
        cr_assert(line_print(input.response->kind, line_name(input.response), input.response->arguments, out));
        text[evbuffer_remove(out, text, sizeof(text) - 1)] = '\0';
    }
    evbuffer_free(in);
    evbuffer_free(out);
    response_reader_free(reader);
    return text;
}

Test(lines, they_are_printed_again)
{
    cr_assert_str_eq(shown("* acl \"INBOX\" \"u1\" {2}\r\nlr \"two words\" \"\""),
                     "* ACL INBOX u1 lr \"two words\" \"\"\r\n");
    cr_assert_str_eq(shown("* QUOTA {1}\r\n# (STORAGE 1 2)"), "* QUOTA # (STORAGE 1 2)\r\n");
    cr_assert_str_eq(shown("* QUOTA \"\" ()"), "* QUOTA \"\" ()\r\n");
    cr_assert_str_eq(shown("* QUOTA \"ROOT\""), "* QUOTA ROOT ()\r\n"); /* Courier */
    cr_assert_str_eq(shown("* QUOTAROOT \"a b\""), "* QUOTAROOT \"a b\"\r\n");
    cr_assert_str_eq(shown("* LISTRIGHTS a u1 \"\" l r"), "* LISTRIGHTS a u1 \"\" l r\r\n");
    cr_assert_str_eq(shown("* MYRIGHTS \"NIL\" lr"), "* MYRIGHTS \"NIL\" lr\r\n");
    cr_assert_str_eq(shown("* METADATA \"\" (/a ~{3}\r\nb\nc \"/d\" \"e\" /f NIL)"),
                     "* METADATA \"\" (/a {3}\r\nb\nc /d \"e\" /f NIL)\r\n");
    cr_assert_str_eq(shown("* METADATA \"\" ()"), "* METADATA \"\" ()\r\n");
}

Test(lines, what_lacks_something_is_not_sound)
{
    static const char *const lines[] = {
        "* ACL",
        "* ACL a b",
        "* ACL (a)",
        "* LISTRIGHTS a",
        "* MYRIGHTS a",
        "* MYRIGHTS a b c",
        "* QUOTA a (b 1)",
        "* QUOTA a (b 1 x)",
        "* QUOTA (a)",
        "* QUOTA a (1 2 3 4)",
        "* QUOTAROOT",
        "* METADATA a /b",
        "* METADATA a (/b)",
        "* METADATA a (/b c)",
        "* METADATA a (/b (c))",
        "* LIST () NIL a",
        "* FLAGS (a)",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        cr_expect_str_eq(shown(lines[i]), "", "%s", lines[i]);
}
