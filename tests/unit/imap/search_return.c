/* RETURN of SEARCH: its options. */
#include "imap/search_return.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>

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

static const char *chosen(const char *partial, const struct seqset *all)
{
    static char text[100];
    struct value value = {.kind = VALUE_ATOM, .text = slice_of(partial)};
    struct search_partial range;
    struct seqset part = {0};
    struct evbuffer *out = evbuffer_new();

    cr_assert(search_partial_parse(&value, &range), "%s", partial);
    cr_assert(search_partial_choose(&range, all, &part));
    cr_assert(seqset_print(&part, out));
    text[evbuffer_remove(out, text, sizeof(text) - 1)] = '\0';
    seqset_clear(&part);
    evbuffer_free(out);
    return text;
}

Test(search_return, a_part_is_chosen_by_its_places)
{
    struct seqset all = {0};

    cr_assert(seqset_write_range(&all, (struct seqrange){11, 14}) &&
              seqset_write_range(&all, (struct seqrange){20, 20}) && seqset_write_range(&all, (struct seqrange){3, 5}));
    cr_assert_str_eq(chosen("1:1", &all), "11");
    cr_assert_str_eq(chosen("3:2", &all), "12:13");
    cr_assert_str_eq(chosen("4:6", &all), "14,20,3");
    cr_assert_str_eq(chosen("7:4294967295", &all), "4:5");
    cr_assert_str_eq(chosen("9:10", &all), "");
    cr_assert_str_eq(chosen("-1:-1", &all), "5");
    cr_assert_str_eq(chosen("-2:-5", &all), "14,20,3:4");
    cr_assert_str_eq(chosen("-8:-100", &all), "11");
    cr_assert_str_eq(chosen("-9:-10", &all), "");
    seqset_clear(&all);
    cr_assert_str_eq(chosen("-1:-10", &all), "");
}

Test(search_return, a_part_has_two_ends_of_the_same_kind)
{
    static const char *const bad[] = {"(PARTIAL)",
                                      "(PARTIAL 1)",
                                      "(PARTIAL 0:1)",
                                      "(PARTIAL 1:-1)",
                                      "(PARTIAL -1:1)",
                                      "(PARTIAL 1:*)",
                                      "(PARTIAL 1:2,3)",
                                      "(PARTIAL \"1:2\")",
                                      "(PARTIAL 1:2 PARTIAL 1:2)",
                                      "(ALL PARTIAL 1:2)",
                                      "(PARTIAL 1:2 ALL)",
                                      "(PARTIAL (1:2))",
                                      "(PARTIAL 1:4294967296)"};
    struct search_return options;

    cr_assert(parses("(PARTIAL 1:2 MIN SAVE)", &options));
    cr_assert(search_return_tells(&options) && !options.all);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(parses(bad[i], &options), "%s", bad[i]);
}
