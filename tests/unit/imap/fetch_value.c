/* Values of FETCH answers: which fit, and how they are written. */
#include "imap/fetch_value.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "imap/response_line.h"

static struct arena arena;

/* "ITEM value" */
static struct fetch_pair *pair_of(struct slice text)
{
    struct fetch_pair *pairs;
    struct value *values;
    const char *error;

    arena_init(&arena, 1 << 20);
    cr_assert_eq(
        value_parse((struct line){.bytes = text, .sections = true, .any_octet = true}, 0, &arena, &values, &error),
        VALUE_OK);
    cr_assert(response_line_pairs(values, NULL, &arena, &pairs));
    return pairs;
}

static bool fits(const char *text)
{
    struct fetch_pair *pair = pair_of(slice_of(text));
    struct fetch_item item = {.kind = fetch_pair_kind(pair)};
    bool does;

    cr_assert_neq(item.kind, FETCH_UNKNOWN, "%s", text);
    does = fetch_value_fits(&item, pair->value);
    arena_clear(&arena);
    return does;
}

Test(fetch_value, each_item_has_its_form)
{
    static const char *const good[] = {
        "EMAILID (M6d99)",
        "THREADID (T64b4)",
        "THREADID NIL",
        "SAVEDATE \" 1-Jan-2015 00:00:01 +0000\"",
        "SAVEDATE NIL",
        "PREVIEW NIL",
        "PREVIEW \"\"",
        "PREVIEW {2}\r\nab",
        "X-GM-MSGID 18446744073709551615",
        "X-GM-THRID 0",
        "X-GM-LABELS ()",
        "X-GM-LABELS (\\Inbox \"a b\" c)",
        "BINARY[1] NIL",
        "BINARY[1] ~{1}\r\nx",
        "BINARY.SIZE[1] 0",
        "FLAGS NIL",
    };
    static const char *const bad[] = {
        "EMAILID NIL",     "EMAILID M6",        "EMAILID (a.b)", "THREADID \"x\"",     "SAVEDATE \"today\"",
        "SAVEDATE 5",      "PREVIEW x",         "PREVIEW (x)",   "X-GM-MSGID NIL",     "X-GM-MSGID \"5\"",
        "X-GM-LABELS NIL", "X-GM-LABELS ((a))", "BINARY[1] 5",   "BINARY.SIZE[1] NIL",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        cr_expect(fits(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_expect_not(fits(bad[i]), "%s", bad[i]);
}

static void expect_printed(struct slice text, struct slice expected)
{
    struct fetch_pair *pair = pair_of(text);
    struct fetch_item item = {.kind = fetch_pair_kind(pair)};
    struct evbuffer *out = evbuffer_new();
    char printed[200];
    size_t length;

    cr_assert(fetch_value_print(&item, pair->value, out));
    length = evbuffer_get_length(out);
    cr_assert_lt(length, sizeof(printed));
    evbuffer_remove(out, printed, length);
    cr_expect(slice_equal((struct slice){printed, length}, expected), "%.*s", (int)length, printed);
    evbuffer_free(out);
    arena_clear(&arena);
}

Test(fetch_value, only_binary_has_a_literal8)
{
    expect_printed(SLICE("BINARY[1] ~{3}\r\na\0b"), SLICE("~{3}\r\na\0b"));
    expect_printed(SLICE("BINARY[1] {3}\r\na\0b"), SLICE("~{3}\r\na\0b"));
    expect_printed(SLICE("BINARY[1] ~{0}\r\n"), SLICE("~{0}\r\n"));
    expect_printed(SLICE("BINARY[1] \"ab\""), SLICE("\"ab\""));
    expect_printed(SLICE("BINARY[1] NIL"), SLICE("NIL"));
    expect_printed(SLICE("PREVIEW ~{2}\r\nab"), SLICE("\"ab\""));
    expect_printed(SLICE("BODY[1] ~{2}\r\na\n"), SLICE("{2}\r\na\n"));
}

Test(fetch_value, a_label_is_an_atom_or_in_quotes)
{
    expect_printed(SLICE("X-GM-LABELS (\\Inbox \"\\\\Sent\" \"a b\" plain)"),
                   SLICE("(\\Inbox \"\\\\Sent\" \"a b\" plain)"));
    expect_printed(SLICE("X-GM-LABELS ({3}\r\n\xc3\xa4x)"), SLICE("({3}\r\n\xc3\xa4x)"));
    expect_printed(SLICE("X-GM-LABELS ()"), SLICE("()"));
}
