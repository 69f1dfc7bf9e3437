/* Addresses of messages: read and written again. */
#include "imap/message_url.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena;

static bool parse(const char *text, struct message_url *url)
{
    arena_init(&arena, 100000);
    return message_url_parse(slice_of(text), &arena, url);
}

static void expect(const char *text, const char *written)
{
    struct message_url url, again;
    struct slice printed;

    cr_assert(parse(text, &url), "%s", text);
    if (!url.mailbox.data)
        url.mailbox = SLICE("Selected Box");
    printed = message_url_print(&url, &arena);
    cr_expect(slice_equal(printed, slice_of(written)), "%.*s", (int)printed.length, printed.data);
    cr_expect(message_url_parse(printed, &arena, &again), "what was written can be read");
    cr_expect(slice_equal(message_url_print(&again, &arena), printed), "and is written the same");
    arena_clear(&arena);
}

Test(message_url, each_form_is_written_from_the_root)
{
    expect("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
           "/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=HEADER");
    expect("/a/b%20c/;uid=5", "/a/b%20c/;UID=5");
    expect("/a/;UID=5/;PARTIAL=0.1024", "/a/;UID=5/;PARTIAL=0.1024");
    expect("/a/;UID=5/;Section=1.2.MIME/;PARTIAL=7", "/a/;UID=5/;SECTION=1.2.MIME/;PARTIAL=7");
    expect("/a/;UID=5/;SECTION=HEADER.FIELDS%20(From)", "/a/;UID=5/;SECTION=HEADER.FIELDS%20%28From%29");
    expect(";UID=5/;SECTION=TEXT", "/Selected%20Box/;UID=5/;SECTION=TEXT");
    expect("imap://joe;AUTH=*@mail.example.org:143/%c3%a4;UIDVALIDITY=1/;UID=4294967295",
           "/%C3%A4;UIDVALIDITY=1/;UID=4294967295");
    expect("/a/;UID=5/;SECTION=", "/a/;UID=5/;SECTION=");
}

Test(message_url, the_server_is_named_apart)
{
    struct message_url url;

    cr_assert(parse("imap://jo%65;AUTH=*@[::1]:143/a/;UID=1", &url));
    cr_assert(url.absolute && slice_equal(url.user, SLICE("joe")) && slice_equal(url.host, SLICE("::1")));
    arena_clear(&arena);
    cr_assert(parse("IMAP://host/a/;UID=1", &url));
    cr_assert(url.absolute && url.user.length == 0 && slice_equal(url.host, SLICE("host")));
    arena_clear(&arena);
    cr_assert(parse("/a/;UID=1", &url) && !url.absolute);
    arena_clear(&arena);
}

Test(message_url, anything_else_is_none)
{
    static const char *const bad[] = {
        "",
        "/",
        "a/;UID=5",
        "/a;UID=5",
        "//host/a/;UID=5",
        "/a/;UID=0",
        "/a/;UID=x",
        "/a/;UID=4294967296",
        "/;UID=5",
        "/a",
        "/a;UIDVALIDITY=0/;UID=5",
        "/a;UIDVALIDITY=5;UID=5",
        "/a/;UID=5/;SECTION=FOO",
        "/a/;UID=5/;SECTION=1]",
        "/a/;UID=5/;PARTIAL=",
        "/a/;UID=5/;PARTIAL=1.0",
        "/a/;UID=5;EXPIRE=2027-01-01T00:00:00Z;URLAUTH=anonymous",
        "/a/;UID=5/",
        "/a%0d%0a/;UID=5",
        "/a%00/;UID=5",
        "/a%/;UID=5",
        "/a%g1/;UID=5",
        "imap:///a/;UID=5",
        "http://host/a/;UID=5",
        "imap://host",
    };
    struct message_url url;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_expect_not(parse(bad[i], &url), "%s", bad[i]);
        arena_clear(&arena);
    }
}
