/* Nested answers are printed with the separators that their grammar has at each place. */
#include "imap/structure.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>

#include "imap/fetch_value.h"

static void expect_namespaces(const char *read, const char *printed);

static void expect(bool (*print)(const struct value *value, struct evbuffer *out), struct slice read,
                   const char *printed)
{
    struct evbuffer *out = evbuffer_new();
    struct arena arena;
    struct value *values;
    const char *error;

    arena_init(&arena, 1 << 20);
    cr_assert_eq(value_parse((struct line){.bytes = read}, 0, &arena, &values, &error), VALUE_OK);
    cr_assert(print(values, out));
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((const char *)evbuffer_pullup(out, -1), printed);
    evbuffer_free(out);
    arena_clear(&arena);
}

static void expect_body(const char *text)
{
    expect(structure_print_body, slice_of(text), text);
}

static void expect_envelope(const char *text)
{
    expect(structure_print_envelope, slice_of(text), text);
}

static void expect_namespaces(const char *read, const char *printed)
{
    expect(structure_print_namespaces, slice_of(read), printed);
}

#define PLAIN "(\"text\" \"plain\" (\"charset\" \"utf-8\" \"format\" \"flowed\") NIL NIL \"7bit\" 12 1)"
#define HTML                                                                                                           \
    "(\"text\" \"html\" NIL NIL NIL \"7bit\" 12 1 NIL (\"inline\" (\"a\" \"b\" \"c\" \"d\")) (\"de\" \"en\") NIL)"
#define BASIC    "(\"a\" \"b\" NIL NIL NIL \"7bit\" 5 NIL (\"attachment\" (\"filename\" \"x\")) NIL \"loc\" (1 (2 NIL)) 7)"
#define ADDRESS  "(\"A\" NIL \"a\" \"example.org\")"
#define ENVELOPE "(\"d\" \"s\" (" ADDRESS ")(" ADDRESS ADDRESS ") NIL NIL NIL NIL NIL NIL \"<id>\")"
#define WHOLE    "(NIL \"s\" (" ADDRESS ") (" ADDRESS ADDRESS ") (" ADDRESS ADDRESS ADDRESS ") NIL NIL () \"<r>\" NIL)"

Test(structure, bodies_of_a_multipart_stand_side_by_side)
{
    expect_body(PLAIN);
    expect_body(HTML);
    expect_body(BASIC);
    expect_body("(" PLAIN HTML " \"alternative\")");
    expect_body("(" PLAIN " \"mixed\")");
    expect_body("(" PLAIN BASIC HTML
                " \"mixed\" (\"boundary\" \"x\" \"y\" \"z\") (\"inline\" NIL) (\"de\" \"en\") NIL (1 2) 3)");
    expect_body("((" PLAIN HTML " \"alternative\" (\"boundary\" \"i\") NIL NIL)" BASIC " \"mixed\" NIL NIL NIL NIL)");
}

Test(structure, a_message_inside_has_an_envelope_and_a_body)
{
    expect_body("(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 90 " WHOLE " (" PLAIN HTML
                " \"mixed\") 4 NIL NIL (\"de\" \"en\") NIL)");
    expect_body("(" PLAIN "(\"message\" \"global\" NIL NIL NIL \"8bit\" 90 " WHOLE " " PLAIN " 4) \"mixed\")");
    expect_body(
        "(\"message\" \"delivery-status\" NIL NIL NIL \"7bit\" 5 NIL (\"attachment\" (\"a\" \"b\" \"c\" \"d\")))");
}

Test(structure, addresses_stand_side_by_side)
{
    expect_envelope(WHOLE);
    expect_envelope("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

Test(structure, spaces_of_the_server_do_not_matter)
{
    expect(structure_print_envelope, SLICE("(NIL NIL (" ADDRESS " " ADDRESS ")(" ADDRESS "))"),
           "(NIL NIL (" ADDRESS ADDRESS ") (" ADDRESS "))");
    expect(structure_print_body, SLICE("(" PLAIN " " HTML " \"mixed\")"), "(" PLAIN HTML " \"mixed\")");
}

Test(structure, what_is_of_no_shape_is_printed_as_it_is)
{
    expect_body("NIL");
    expect_body("()");
    expect_body("\"x\"");
    expect_body("(NIL \"mixed\")");
    expect_body("(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 90 () () 4)");
    expect_envelope("NIL");
    expect_envelope("(1 2 3 (x) 5 6 7 8 (9 9) (10) 11)");
}

Test(structure, namespaces_stand_side_by_side)
{
    expect_namespaces("((\"\" \"/\")) NIL ((\"#shared/\" \"/\")(\"#public/\" NIL \"X-P\" (\"a\" \"b\")))",
                      "((\"\" \"/\")) NIL ((\"#shared/\" \"/\")(\"#public/\" NIL \"X-P\" (\"a\" \"b\")))");
    expect_namespaces("((\"\" \"\\\\\") (\"a\" {1}\r\n/)) () NIL", "((\"\" \"\\\\\")(\"a\" \"/\")) NIL NIL");
    expect_namespaces("(x (\"\")) NIL", "(x(\"\")) NIL");
}

Test(structure, a_prefix_is_a_string_whatever_it_comes_as)
{
    expect_namespaces("((INBOX. \".\")) NIL NIL", "((\"INBOX.\" \".\")) NIL NIL");
}

Test(structure, attributes_of_a_mailbox_are_words)
{
    expect(structure_print_attributes, SLICE("(\\Marked \\HasNoChildren)"), "(\\Marked \\HasNoChildren)");
    expect(structure_print_attributes, SLICE("(\"\\\\Sent\" {1}\r\nx \"a b\" \"\" (y) a\\b \\ \xc3\xa4)"),
           "(\\Sent x)");
    expect(structure_print_attributes, SLICE("NIL"), "()");
}

Test(structure, a_separator_is_one_octet_in_quotes_or_nil)
{
    expect(structure_print_separator, SLICE("\"/\""), "\"/\"");
    expect(structure_print_separator, SLICE("\"\\\\\""), "\"\\\\\"");
    expect(structure_print_separator, SLICE("{1}\r\n\""), "\"\\\"\"");
    expect(structure_print_separator, SLICE("NIL"), "NIL");
    expect(structure_print_separator, SLICE("."), "\".\"");
    expect(structure_print_separator, SLICE("\"\""), "NIL");
    expect(structure_print_separator, SLICE("\"ab\""), "NIL");
    expect(structure_print_separator, SLICE("\"\xc3\""), "NIL");
    expect(structure_print_separator, SLICE("()"), "NIL");
}

static bool print_section(const struct value *value, struct evbuffer *out)
{
    return fetch_value_print(&(struct fetch_item){.kind = FETCH_SECTION}, value, out);
}

Test(structure, each_item_is_printed_by_its_own_grammar)
{
    struct fetch_item envelope = {.kind = FETCH_ENVELOPE}, body = {.kind = FETCH_BODY};
    struct evbuffer *out = evbuffer_new();
    struct value inner = {.kind = VALUE_LIST}, second = {.kind = VALUE_LIST};
    struct value list = {.kind = VALUE_LIST, .first = &inner};

    inner.next = &second;
    cr_assert(fetch_value_print(&envelope, &list, out) && fetch_value_print(&body, &list, out));
    cr_assert(evbuffer_get_length(out) == 13 && memcmp(evbuffer_pullup(out, -1), "(() ())(()())", 13) == 0);
    evbuffer_free(out);
    expect(print_section, SLICE("~{3}\r\na\rb"), "{3}\r\na\rb");
    expect(print_section, SLICE("NIL"), "NIL");
}

/* A multipart in a multipart, `depth` times, around `inside`. Returned until the next call. */
static const char *nested(unsigned depth, const char *inside)
{
    static char text[40000];
    size_t used = 0;

    for (unsigned i = 0; i < depth; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "(%s", PLAIN);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", inside);
    for (unsigned i = 0; i < depth; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, " \"mixed\")");
    return text;
}

static enum value_result parse_deep(const char *text, struct arena *arena, struct value **values)
{
    const char *error;

    arena_init(arena, 1 << 20);
    return value_parse((struct line){.bytes = slice_of(text), .deep = true}, 0, arena, values, &error);
}

static void expect_deep(const char *text)
{
    struct evbuffer *out = evbuffer_new();
    struct arena arena;
    struct value *values;

    cr_assert_eq(parse_deep(text, &arena, &values), VALUE_OK);
    cr_assert(structure_print_body(values, out));
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((const char *)evbuffer_pullup(out, -1), text);
    evbuffer_free(out);
    arena_clear(&arena);
}

Test(structure, a_body_nested_deeper_than_values_are_comes_out_as_it_was)
{
    for (unsigned depth = 95; depth < 105; depth++)
        expect_deep(nested(depth, PLAIN));
    expect_deep(nested(130, "(\"text\" \"pl\\\"(ain\" NIL {3}\r\na)\" NIL \"7bit\" 1 1)"));
    expect_deep(nested(130, "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 12 " ENVELOPE PLAIN " 1)"));
}

Test(structure, what_is_deep_is_checked_all_the_same)
{
    static const char *const faults[] = {"(\"a\"b\" NIL)", "(\"a\" {9}\r\nshort)", "(a\tb)", "(a", "(\"a\r\nb\")",
                                         "(a\"b\")"};
    struct arena arena;
    struct value *values;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        cr_assert_eq(parse_deep(nested(130, faults[i]), &arena, &values), VALUE_BAD, "%s", faults[i]);
        arena_clear(&arena);
    }
}
