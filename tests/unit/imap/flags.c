/* Flags: bits, keywords, duplicates. */
#include "imap/flags.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static bool parse(const char *text, struct flag_list *flags)
{
    struct value *values;
    const char *error;

    arena_init(&arena, 64 << 20);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text), .sections = true}, 0, &arena, &values, &error),
                 VALUE_OK);
    return flags_parse(values, &arena, flags);
}

Test(flags, system_flags_are_bits_and_the_rest_are_names)
{
    struct flag_list flags;

    cr_assert(parse("(\\SEEN $Junk \\deleted \\* foo)", &flags));
    cr_assert_eq(flags.system, FLAG_SEEN | FLAG_DELETED);
    cr_assert_eq(flags.keyword_count, 3);
    cr_assert(slice_equal(flags.keywords[1], SLICE("\\*")));
    arena_clear(&arena);
}

Test(flags, a_keyword_in_quotes_is_a_keyword_and_what_can_be_none_is_left_out)
{
    struct flag_list flags;

    cr_assert(parse("(\"$Junk\" \\Seen \"two words\" {1}\r\na \"\\\\Deleted\")", &flags));
    cr_assert_eq(flags.system, FLAG_SEEN | FLAG_DELETED);
    cr_assert_eq(flags.keyword_count, 2);
    cr_assert(slice_equal(flags.keywords[0], SLICE("$Junk")) && slice_equal(flags.keywords[1], SLICE("a")));
    arena_clear(&arena);
}

Test(flags, the_bare_form_of_store)
{
    struct flag_list flags;

    cr_assert(parse("\\Seen a", &flags));
    cr_assert_eq(flags.system, FLAG_SEEN);
    cr_assert_eq(flags.keyword_count, 1);
    arena_clear(&arena);
}

Test(flags, no_flags)
{
    struct flag_list flags;

    cr_assert(parse("()", &flags));
    cr_assert_eq(flags.system, 0);
    cr_assert_eq(flags.keyword_count, 0);
    arena_clear(&arena);
}

Test(flags, duplicates_come_out_once)
{
    struct flag_list flags;

    cr_assert(parse("(\\Seen \\seen foo FOO bar Foo)", &flags));
    cr_assert_eq(flags.keyword_count, 2);
    cr_assert(slice_equal(flags.keywords[0], SLICE("foo")));
    cr_assert(slice_equal(flags.keywords[1], SLICE("bar")));
    arena_clear(&arena);
}

Test(flags, many_duplicates_are_no_work)
{
    enum { COUNT = 200000 };
    char *text = malloc(COUNT * 8 + 3);
    size_t length = 1;
    struct flag_list flags;

    text[0] = '(';
    for (unsigned i = 0; i < COUNT; i++)
        length += (size_t)sprintf(text + length, i % 2 ? "K%u " : "k%u ", i / 4);
    strcpy(text + length, ")");
    cr_assert(parse(text, &flags));
    cr_assert_eq(flags.keyword_count, COUNT / 4);
    arena_clear(&arena);
    free(text);
}

Test(flags, what_is_no_flag_is_refused)
{
    static const char *const bad[] = {"((a))", "a (b)", "(\\)", "(BODY[a b])"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct flag_list flags;
        cr_assert_not(parse(bad[i], &flags), "%s", bad[i]);
        arena_clear(&arena);
    }
}

Test(flags, names_that_a_client_may_use)
{
    static const char *const good[] = {"\\Seen", "\\answered", "$Forwarded", "a.b", "\\X", "[x"};
    static const char *const bad[] = {"",      "\\",     "\\Recent", "\\*", "a b", "a(", "a]", "a\\b",
                                      "\\\\a", "gr\xfc", "\x01",     "a\"", "*",   "%",  "a{"};

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        cr_assert(flags_valid_name(slice_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_assert_not(flags_valid_name(slice_of(bad[i])), "%s", bad[i]);
}

Test(flags, bits_are_printed_by_name)
{
    struct evbuffer *out = evbuffer_new();

    cr_assert(flags_print_system(0, out));
    cr_assert_eq(evbuffer_get_length(out), 0);
    cr_assert(flags_print_system(FLAG_SEEN | FLAG_ANSWERED, out));
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(out, -1), "\\Answered \\Seen");
    evbuffer_free(out);
    cr_assert_eq(flags_system_bit(SLICE("\\DRAFT")), FLAG_DRAFT);
    cr_assert_eq(flags_system_bit(SLICE("Draft")), 0);
    cr_assert_eq(flags_system_bit((struct slice){0}), 0);
}
