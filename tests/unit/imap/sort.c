/* Sort criteria: what is one, and how it is written upstream. */
#include "imap/sort.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>

static bool permits(const void *context, struct slice name)
{
    return !slice_equal_nocase(name, slice_of(context));
}

static const char *written_upstream(const char *text)
{
    static char printed[200];
    struct search_permit permit = {permits, permits, "DISPLAYTO"};
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();
    const char *error = NULL, *result = printed;
    struct value *values;
    struct arena arena;

    arena_init(&arena, 10000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text)}, 0, &arena, &values, &error), VALUE_OK);
    if (sort_check(values, &permit, &error)) {
        sort_print_upstream(values, outgoing);
        cr_assert_eq(outgoing_send(outgoing, out), OUTGOING_DONE);
        printed[evbuffer_remove(out, printed, sizeof(printed) - 1) - 2] = '\0';
    } else {
        result = error;
    }
    outgoing_free(outgoing);
    evbuffer_free(out);
    arena_clear(&arena);
    return result;
}

Test(sort, criteria_are_written_in_our_own_words)
{
    cr_assert_str_eq(written_upstream("(arrival REVERSE Cc date FROM size subject to)"),
                     "(ARRIVAL REVERSE CC DATE FROM SIZE SUBJECT TO)");
    cr_assert_str_eq(written_upstream("(REVERSE displayfrom)"), "(REVERSE DISPLAYFROM)");
}

Test(sort, what_is_none_is_refused)
{
    static const char *const unknown[] = {
        "(REVERSE)", "(REVERSE REVERSE DATE)", "(NOSUCH)", "(\"DATE\")", "((DATE))", "(DATE 1)", "(DISPLAYTO)"};

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        cr_assert_str_eq(written_upstream(unknown[i]), "Unknown sort key", "%s", unknown[i]);
    cr_assert_str_eq(written_upstream("()"), "SORT takes a list of sort keys");
    cr_assert_str_eq(written_upstream("DATE"), "SORT takes a list of sort keys");
    cr_assert_str_eq(written_upstream(""), "SORT takes a list of sort keys");
}
