/* The lexer and the printer of values: kinds are kept, nothing of one value leaks into another. */
#include "imap/value.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "unit/imap/feed.h"

static char *take_text(struct evbuffer *buffer)
{
    size_t length = evbuffer_get_length(buffer);
    char *text = malloc(length + 1);

    evbuffer_remove(buffer, text, length);
    text[length] = '\0';
    evbuffer_free(buffer);
    return text;
}

/* Parses a copy of its own, so that reading past the end is seen. */
static void expect_line(struct line line, const char *expected)
{
    struct arena arena;
    struct value *values = NULL;
    const char *error = NULL;
    struct evbuffer *record = evbuffer_new();
    char *copy = malloc(line.bytes.length + !line.bytes.length), *text;

    if (line.bytes.length)
        memcpy(copy, line.bytes.data, line.bytes.length);
    line.bytes.data = copy;
    arena_init(&arena, 1 << 20);
    switch (value_parse(line, 0, &arena, &values, &error)) {
    case VALUE_OK:
        record_values(record, values);
        break;
    case VALUE_BAD:
        cr_assert_not_null(error);
        evbuffer_add_printf(record, "BAD %s", error);
        break;
    case VALUE_TOO_BIG:
        evbuffer_add_printf(record, "BIG");
        break;
    }
    text = take_text(record);
    cr_assert_str_eq(text, expected);
    free(text);
    free(copy);
    arena_clear(&arena);
}

static void expect(struct slice text, const char *expected)
{
    expect_line((struct line){.bytes = text, .sections = true}, expected);
}

Test(value, atoms_strings_and_lists_keep_their_kind)
{
    expect(SLICE("NIL \"NIL\" {3}\r\nNIL (NIL)"), "NIL \"NIL\" {3}NIL (NIL)");
    expect(SLICE(""), "");
    expect(SLICE("   "), "");
    expect(SLICE("()"), "()");
    expect(SLICE("(a (b ()) \"c\")"), "(a (b ()) \"c\")");
    expect(SLICE(" a  b "), "a b");
}

Test(value, lists_may_touch_as_in_an_envelope)
{
    expect(SLICE("((\"a\" NIL)(\"b\" NIL)\"c\")"), "BAD Missing space between arguments");
    expect(SLICE("((\"a\" NIL)(\"b\" NIL) \"c\")"), "((\"a\" NIL) (\"b\" NIL) \"c\")");
    expect(SLICE("a(b)"), "a (b)");
}

Test(value, other_values_are_kept_apart_by_spaces)
{
    expect(SLICE("\"a\"\"b\""), "BAD Missing space between arguments");
    expect(SLICE("a\"b\""), "BAD Missing space between arguments");
    expect(SLICE("{1}\r\nab"), "BAD Missing space between arguments");
    expect(SLICE("a{1}\r\nb"), "BAD Missing space between arguments");
}

Test(value, quoted_strings_are_unescaped)
{
    expect(SLICE("\"a\\\"b\\\\c\" \"\" \"\\x\""), "\"a\"b\\c\" \"\" \"x\"");
    expect(SLICE("\"\t\x01 gr\xc3\xbc\xc3\x9f\""), "\"\\x09\\x01 gr\\xc3\\xbc\\xc3\\x9f\"");
}

Test(value, a_clients_backslash_stands_before_a_quote_or_a_backslash_only)
{
    expect_line((struct line){.bytes = SLICE("\"a\\\"b\\\\\""), .strict = true}, "\"a\"b\\\"");
    expect_line((struct line){.bytes = SLICE("\"\\x\""), .strict = true},
                "BAD In a quoted string a backslash may only precede a quote or a backslash");
}

Test(value, a_quoted_string_must_end)
{
    expect(SLICE("\""), "BAD Unterminated quoted string");
    expect(SLICE("\"abc"), "BAD Unterminated quoted string");
    expect(SLICE("\"abc\\"), "BAD Unterminated quoted string");
    expect(SLICE("\"abc\\\""), "BAD Unterminated quoted string");
    expect(SLICE("\"a\rb\""), "BAD Unterminated quoted string");
    expect(SLICE("\"a\\\rb\""), "BAD Unterminated quoted string");
    expect(SLICE("\"a\0b\""), "BAD Unterminated quoted string");
    expect(SLICE("\"a {3}\r\nb\" c"), "BAD Unterminated quoted string");
}

Test(value, literals_hold_anything_but_nul)
{
    expect(SLICE("{6}\r\n\r\n\")(} x"), "{6}\\x0d\\x0a\")(} x");
    expect(SLICE("{0}\r\n"), "{0}");
    expect(SLICE("{0}\r\n {1}\r\n\""), "{0} {1}\"");
    expect(SLICE("{1}\r\n\0"), "BAD NUL octet in a literal");
    expect(SLICE("~{3}\r\na\0b ~c"), "~{3}a\\x00b ~c");
}

Test(value, a_servers_message_may_hold_nul)
{
    expect_line((struct line){.bytes = SLICE("{3}\r\na\0b"), .any_octet = true}, "{3}a\\x00b");
}

Test(value, a_broken_literal_is_refused)
{
    expect(SLICE("{"), "BAD Malformed literal");
    expect(SLICE("{}\r\n"), "BAD Malformed literal");
    expect(SLICE("{3}\r\nab"), "BAD Malformed literal");
    expect(SLICE("{3}ab"), "BAD Malformed literal");
    expect(SLICE("{3}\r"), "BAD Malformed literal");
    expect(SLICE("{3+}\r\nabc"), "BAD Malformed literal");
    expect(SLICE("{-1}\r\na"), "BAD Malformed literal");
    expect(SLICE("{99999999999999999999}\r\na"), "BAD Malformed literal");
    expect(SLICE("{18446744073709551615}\r\na"), "BAD Malformed literal");
    expect(SLICE("a {x} b"), "BAD Malformed literal");
    expect(SLICE("~{2}\r\na"), "BAD Malformed literal");
    expect(SLICE("~{"), "BAD Malformed literal");
}

Test(value, spooled_literals_are_known_by_their_place)
{
    size_t spooled[] = {2, 11};
    struct line line = {.spooled = spooled, .spooled_count = 2};

    line.bytes = SLICE("a {5}\r\n (b ~{99999}\r\n) {1}\r\nx");
    expect_line(line, "a $0:5 (b $1:99999) {1}x");
}

Test(value, parentheses_must_match)
{
    expect(SLICE("("), "BAD Unbalanced parentheses");
    expect(SLICE("(a"), "BAD Unbalanced parentheses");
    expect(SLICE("a)"), "BAD Unbalanced parentheses");
    expect(SLICE("(a))"), "BAD Unbalanced parentheses");
    expect(SLICE(")("), "BAD Unbalanced parentheses");
}

Test(value, control_characters_are_refused)
{
    expect(SLICE("a\rb"), "BAD Control character");
    expect(SLICE("\t"), "BAD Control character");
    expect(SLICE("a \0"), "BAD Control character");
    expect(SLICE("a\x7f"), "BAD Control character");
}

Test(value, atoms_are_taken_as_servers_write_them)
{
    expect(SLICE("\\Seen \\* $Junk] [x] a[b %.* 1:*,3 AUTH=PLAIN x}y gr\xfc\xdf~ a@b\\c"),
           "\\Seen \\* $Junk] [x] a[b %.* 1:*,3 AUTH=PLAIN x}y gr\\xfc\\xdf~ a@b\\c");
}

Test(value, a_section_is_one_atom)
{
    expect(SLICE("body[] Body.Peek[header.fields (from to)]<0.10> binary.size[1.2] RFC822.TEXT x"),
           "BODY[] BODY.PEEK[header.fields (from to)]<0.10> BINARY.SIZE[1.2] RFC822.TEXT x");
    expect(SLICE("(UID 7 BODY[TEXT]<0> \"x\")"), "(UID 7 BODY[TEXT]<0> \"x\")");
    expect(SLICE("BODY[1]<0.4294967295>"), "BODY[1]<0.4294967295>");
}

Test(value, strings_in_a_section_become_plain_where_they_may)
{
    expect(SLICE("BODY[HEADER.FIELDS (\"From\" \"x y\" \"a\\\"b\")] z"),
           "BODY[HEADER.FIELDS (From \"x y\" \"a\\\"b\")] z");
    expect(SLICE("BODY[HEADER.FIELDS ({4}\r\nFrom {3}\r\n]\"\\)] z"), "BODY[HEADER.FIELDS (From \"]\\\"\\\\\")] z");
    expect(SLICE("BODY[HEADER.FIELDS (\"]\" \"\")]"), "BODY[HEADER.FIELDS (\"]\" \"\")]");
}

Test(value, a_broken_section_is_refused)
{
    expect(SLICE("BODY["), "BAD Unterminated section: ] is missing");
    expect(SLICE("BODY[HEADER.FIELDS (From) x"), "BAD Unterminated section: ] is missing");
    expect(SLICE("BODY[\"x"), "BAD Unterminated quoted string");
    expect(SLICE("BODY[{5}\r\nx"), "BAD Malformed literal");
    expect(SLICE("BODY[{2}\r\n\r\n]"), "BAD Malformed section");
    expect(SLICE("BODY[\"\xe4\"]"), "BAD Malformed section");
    expect(SLICE("BODY[\t]"), "BAD Control character in a section");
    expect(SLICE("BODY[]x y]"), "BODY[]x y]");
}

Test(value, depth_is_bounded)
{
    char text[402];

    memset(text, '(', 200);
    memset(text + 200, ')', 200);
    expect((struct slice){text, 400}, "BIG");
    expect((struct slice){text + 99, 202}, "BIG");
    memset(text, '(', 100);
    memset(text + 100, ')', 100);
    cr_assert(true);
    {
        struct arena arena;
        struct value *values;
        const char *error;
        arena_init(&arena, 1 << 20);
        cr_assert_eq(value_parse((struct line){.bytes = {text, 200}}, 0, &arena, &values, &error), VALUE_OK);
        arena_clear(&arena);
    }
}

Test(value, the_arena_bounds_how_many_values_there_are)
{
    struct arena arena;
    struct value *values;
    const char *error;

    arena_init(&arena, 3 * sizeof(struct value));
    cr_assert_eq(value_parse((struct line){.bytes = SLICE("a b c")}, 0, &arena, &values, &error), VALUE_OK);
    arena_clear(&arena);
    cr_assert_eq(value_parse((struct line){.bytes = SLICE("a b c d")}, 0, &arena, &values, &error), VALUE_TOO_BIG);
    cr_assert_null(values);
    arena_clear(&arena);
}

/* ---- what a value is ---- */

static struct value atom(const char *text)
{
    return (struct value){.kind = VALUE_ATOM, .text = slice_of(text)};
}

static struct value quoted(struct slice text)
{
    return (struct value){.kind = VALUE_QUOTED, .text = text};
}

Test(value, nil_is_only_ever_the_atom)
{
    struct value nil = atom("nil"), string = quoted(SLICE("NIL"));
    struct slice text;
    bool is_nil;

    cr_assert(value_is_nil(&nil));
    cr_assert_not(value_is_nil(&string));
    cr_assert_not(value_is_nil(NULL));
    cr_assert(value_nstring(&nil, &text, &is_nil) && is_nil);
    cr_assert(value_nstring(&string, &text, &is_nil) && !is_nil);
    cr_assert_not(value_nstring(&(struct value){.kind = VALUE_LIST}, &text, &is_nil));
}

Test(value, numbers_are_bounded)
{
    struct value most = atom("4294967295"), more = atom("4294967296"), negative = atom("-1"), none = atom("1a");
    struct value string = quoted(SLICE("1"));
    uint64_t number = 7;

    cr_assert_not(value_number(&more, UINT32_MAX, &number));
    cr_assert_not(value_number(&negative, UINT32_MAX, &number));
    cr_assert_not(value_number(&none, UINT32_MAX, &number));
    cr_assert_not(value_number(&string, UINT32_MAX, &number));
    cr_assert_not(value_number(NULL, UINT32_MAX, &number));
    cr_assert_eq(number, 7);
    cr_assert(value_number(&most, UINT32_MAX, &number));
    cr_assert_eq(number, UINT32_MAX);
}

Test(value, an_astring_has_no_line_ends)
{
    struct slice text;
    struct value plain = atom("INBOX"), bad = quoted(SLICE("a\rb")), nul = quoted(SLICE("a\0b"));

    cr_assert(value_astring(&plain, &text) && slice_equal(text, SLICE("INBOX")));
    cr_assert_not(value_astring(&bad, &text));
    cr_assert_not(value_astring(&nul, &text));
    cr_assert_not(value_astring(&(struct value){.kind = VALUE_LIST}, &text));
    cr_assert_not(value_astring(&(struct value){.kind = VALUE_SPOOLED}, &text));
    cr_assert_not(value_astring(NULL, &text));
}

/* ---- printing ---- */

static void expect_string(struct slice text, const char *string, const char *astring)
{
    struct evbuffer *out = evbuffer_new(), *as_astring = evbuffer_new();
    char *printed;

    cr_assert(value_print_string(text, out));
    printed = take_text(out);
    cr_assert_str_eq(printed, string);
    free(printed);
    cr_assert(value_print_astring(text, as_astring));
    printed = take_text(as_astring);
    cr_assert_str_eq(printed, astring);
    free(printed);
}

Test(value, strings_are_printed_so_that_they_come_back)
{
    expect_string(SLICE("INBOX"), "\"INBOX\"", "INBOX");
    expect_string(SLICE(""), "\"\"", "\"\"");
    expect_string(SLICE("nil"), "\"nil\"", "\"nil\"");
    expect_string(SLICE("a b"), "\"a b\"", "\"a b\"");
    expect_string(SLICE("a]b"), "\"a]b\"", "a]b");
    expect_string(SLICE("%*"), "\"%*\"", "\"%*\"");
    expect_string(SLICE("a\"b"), "{3}\r\na\"b", "\"a\\\"b\"");
    expect_string(SLICE("a\\b"), "{3}\r\na\\b", "\"a\\\\b\"");
    expect_string(SLICE("\xfc"), "{1}\r\n\xfc", "{1}\r\n\xfc");
    expect_string(SLICE("a\r\nb"), "{4}\r\na\r\nb", "{4}\r\na\r\nb");
}

Test(value, an_atom_with_control_characters_is_printed_as_a_string)
{
    struct value atom = {.kind = VALUE_ATOM, .text = SLICE("a\tb\x7f")};
    struct evbuffer *out = evbuffer_new();
    char *printed;

    cr_assert(value_print(&atom, out));
    printed = take_text(out);
    cr_assert_str_eq(printed, "\"a\tb\x7f\"");
    free(printed);
}

Test(value, a_long_string_is_a_literal)
{
    char text[1002];
    struct evbuffer *out = evbuffer_new();

    memset(text, 'x', sizeof(text));
    cr_assert(value_print_string((struct slice){text, 1000}, out));
    cr_assert_eq(evbuffer_get_length(out), 1002);
    evbuffer_drain(out, 1002);
    cr_assert(value_print_string((struct slice){text, 1001}, out));
    cr_assert_eq(evbuffer_get_length(out), 1001 + strlen("{1001}\r\n"));
    evbuffer_free(out);
}

static char *print_line(struct slice line, struct arena *arena)
{
    struct value *values;
    const char *error;
    struct evbuffer *out = evbuffer_new();

    cr_assert_eq(value_parse((struct line){.bytes = line, .sections = true}, 0, arena, &values, &error), VALUE_OK);
    cr_assert(value_print_all(values, out));
    return take_text(out);
}

Test(value, where_there_are_no_sections_their_names_are_atoms_like_any_other)
{
    expect_line((struct line){.bytes = SLICE("body[x] BODY[ rfc822[y z]")}, "body[x] BODY[ rfc822[y z]");
    expect_line((struct line){.bytes = SLICE("body[\"x\"]")}, "BAD Missing space between arguments");
}

Test(value, printing_and_parsing_again_gives_the_same)
{
    static const char *const pieces[] = {
        "NIL",     "\"NIL\"",        "(",      ")",         "()",
        "\"a b\"", "{4}\r\na\"\\\r", "\\Seen", "~{1}\r\nx", "BODY[HEADER.FIELDS (\"x y\")]<0>",
        "17",      "\"\"",           "{0}\r\n"};
    struct random random;

    random_init(&random, 3);
    for (int round = 0; round < 2000; round++) {
        struct arena arena;
        char line[600], *once, *twice;
        size_t length = 0;
        int depth = 0;
        for (size_t i = random_below(&random, 20); i > 0; i--) {
            const char *piece = pieces[random_below(&random, sizeof(pieces) / sizeof(*pieces))];
            if (*piece == ')' && depth == 0)
                continue;
            depth += strcmp(piece, "(") == 0;
            depth -= *piece == ')';
            length += (size_t)sprintf(line + length, " %s", piece);
        }
        while (depth-- > 0)
            line[length++] = ')';
        arena_init(&arena, 1 << 20);
        once = print_line((struct slice){line, length}, &arena);
        twice = print_line(slice_of(once), &arena);
        cr_assert_str_eq(once, twice);
        free(once);
        free(twice);
        arena_clear(&arena);
    }
}

Test(value, a_spooled_literal_is_never_printed)
{
    struct evbuffer *out = evbuffer_new();

    cr_assert_not(value_print(&(struct value){.kind = VALUE_SPOOLED}, out));
    evbuffer_free(out);
}
