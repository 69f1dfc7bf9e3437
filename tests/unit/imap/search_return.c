/* RETURN of SEARCH: its options. */
#include "imap/search_return.h"

#include <criterion/criterion.h>

static bool permits(const void *context, struct slice name)
{
    return !slice_equal_nocase(name, slice_of(context));
}

static bool parses(const char *text, struct search_return *options)
{
    struct search_permit permit = {permits, permits, "COUNT"};
    const char *error = NULL;
    struct arena arena;
    struct value *values;
    bool parsed;

    arena_init(&arena, 10000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text)}, 0, &arena, &values, &error), VALUE_OK);
    parsed = search_return_parse(values, &permit, options, &error);
    cr_assert_eq(parsed, error == NULL, "%s", text);
    arena_clear(&arena);
    return parsed;
}

Test(search_return, options_are_read_without_case_and_none_means_all)
{
    struct search_return options;

    cr_assert(parses("(min SAVE)", &options));
    cr_assert(options.given && options.min && options.save && !options.max && !options.all && !options.count);
    cr_assert(search_return_tells(&options));
    cr_assert(parses("(SAVE)", &options));
    cr_assert(options.save && !options.all && !search_return_tells(&options));
    cr_assert(parses("()", &options));
    cr_assert(options.all && !options.save);
}

Test(search_return, what_is_unknown_or_not_permitted_is_refused)
{
    struct search_return options;

    cr_assert_not(parses("(COUNT)", &options));
    cr_assert_not(parses("(MIN NOSUCH)", &options));
    cr_assert_not(parses("MIN", &options));
    cr_assert_not(parses("", &options));
    cr_assert_not(parses("({3}\r\nMIN)", &options));
}
