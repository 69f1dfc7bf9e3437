/* Text for humans is made fit for a client's line, and nothing else about it is changed. */
#include "imap/text.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>

static void expect(struct slice text, const char *printed)
{
    struct evbuffer *out = evbuffer_new();

    cr_assert(text_print(text, out));
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((const char *)evbuffer_pullup(out, -1), printed);
    evbuffer_free(out);
}

Test(text, what_may_stand_there_stays)
{
    expect(SLICE("Completed."), "Completed.");
    expect(SLICE("a [b] {3} \"c\" \\"), "a [b] {3} \"c\" \\");
    expect(SLICE("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xa7"), "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xa7");
}

Test(text, what_would_end_the_line_or_begin_a_code_does_not)
{
    expect(SLICE("[ALERT] a"), "(ALERT] a");
    expect(SLICE("a\r\nb OK\0c\x7f\t"), "a??b OK?c??");
    expect(SLICE(""), "-");
}

Test(text, octets_that_are_no_character_are_marked)
{
    expect(SLICE("\xe4 f\xfcr"), "? f?r");
    expect(SLICE("cut \xe2\x82"), "cut ??");
    expect(SLICE("\xc3"), "?");
    expect(SLICE("\xc0\x80\xe0\x9f\xbf\xf0\x8f\xbf\xbf"), "?????????");
    expect(SLICE("\xed\xa0\x80 \xf4\x90\x80\x80 \xf5\x80"), "??? ???? ??");
    expect(SLICE("\x80 \xc3\xc3\xa4"), "? ?\xc3\xa4");
}
