/* Capabilities: the set and the list always say the same. */
#include "imap/capability.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"

static bool read_list(struct capability_set *set, const char *text)
{
    struct arena arena;
    struct value *values;
    const char *error;
    bool done;

    arena_init(&arena, 10000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text)}, 0, &arena, &values, &error), VALUE_OK);
    done = capability_set_read(set, values);
    arena_clear(&arena);
    return done;
}

Test(capability, a_list_is_read_in_any_case)
{
    struct capability_set set = {0};

    cr_assert(read_list(&set, "imap4REV1 IDLE AUTH=PLAIN LITERAL+  X-Foo"));
    cr_assert(set.known);
    cr_assert(set.has[CAPABILITY_IMAP4REV1] && set.has[CAPABILITY_IDLE] && set.has[CAPABILITY_AUTH_PLAIN]);
    cr_assert(set.has[CAPABILITY_LITERAL_PLUS] && !set.has[CAPABILITY_LITERAL_MINUS] &&
              !set.has[CAPABILITY_AUTH_LOGIN]);
    cr_assert_str_eq(set.text, "imap4REV1 IDLE AUTH=PLAIN LITERAL+ X-Foo");
    cr_assert(capability_set_names(&set, SLICE("x-foo")));
    cr_assert_not(capability_set_names(&set, SLICE("X-Fo")));
    capability_set_clear(&set);
}

Test(capability, a_new_list_replaces_the_former)
{
    struct capability_set set = {0};

    cr_assert(read_list(&set, "IDLE MOVE"));
    cr_assert(read_list(&set, "IDLE"));
    cr_assert_not(set.has[CAPABILITY_MOVE]);
    cr_assert(read_list(&set, ""));
    cr_assert(set.known);
    cr_assert_str_eq(set.text, "");
    capability_set_clear(&set);
}

Test(capability, a_list_that_cannot_be_read_whole_leaves_the_former)
{
    struct capability_set set = {0};

    cr_assert(read_list(&set, "IDLE \"MOVE\""));
    cr_assert(set.has[CAPABILITY_MOVE], "a word in quotes is a word");
    cr_assert_not(read_list(&set, "IMAP4rev1 (UIDPLUS)"));
    cr_assert_not(read_list(&set, "IMAP4rev1 \"X Y\""));
    cr_assert(set.known && set.has[CAPABILITY_MOVE] && !set.has[CAPABILITY_UIDPLUS]);
    cr_assert_str_eq(set.text, "IDLE MOVE");
    capability_set_clear(&set);
}

Test(capability, what_is_hidden_is_gone_from_both)
{
    struct capability_set set = {0};

    cr_assert(read_list(&set, "ESEARCH IDLE ESEARCH AUTH=PLAIN AUTH=LOGIN MOVE"));
    cr_assert(capability_set_hide(&set, "esearch"));
    cr_assert_not(set.has[CAPABILITY_ESEARCH]);
    cr_assert_str_eq(set.text, "IDLE AUTH=PLAIN AUTH=LOGIN MOVE");
    cr_assert(capability_set_hide(&set, "AUTH="));
    cr_assert_str_eq(set.text, "IDLE MOVE");
    cr_assert_not(set.has[CAPABILITY_AUTH_LOGIN]);
    cr_assert(capability_set_hide(&set, "MOVE"));
    cr_assert(capability_set_hide(&set, "IDLE"));
    cr_assert_str_eq(set.text, "");
    cr_assert_not(set.has[CAPABILITY_IDLE]);
    capability_set_clear(&set);
    cr_assert(capability_set_hide(&set, "IDLE THREAD="));
    cr_assert(capability_set_hides(&set, SLICE("idle")) && capability_set_hides(&set, SLICE("THREAD=REFS")));
    cr_assert_not(capability_set_hides(&set, SLICE("MOVE")));
    capability_set_clear(&set);
}

Test(capability, words_that_begin_so_are_found_one_after_another)
{
    struct capability_set set = {0};
    struct slice word;
    size_t at = 0;

    cr_assert(read_list(&set, "THREAD=REFS SORT THREAD=ORDEREDSUBJECT"));
    cr_assert(capability_set_next(&set, SLICE("THREAD="), &at, &word) && slice_equal(word, SLICE("THREAD=REFS")));
    cr_assert(capability_set_next(&set, SLICE("THREAD="), &at, &word));
    cr_assert(slice_equal(word, SLICE("THREAD=ORDEREDSUBJECT")));
    cr_assert_not(capability_set_next(&set, SLICE("THREAD="), &at, &word));
    capability_set_clear(&set);
}

Test(capability, appendlimit_stands_with_a_number_or_without)
{
    struct capability_set set = {0};

    cr_assert(read_list(&set, "APPENDLIMIT=1000"));
    cr_assert(set.has[CAPABILITY_APPENDLIMIT]);
    cr_assert(read_list(&set, "APPENDLIMIT"));
    cr_assert(set.has[CAPABILITY_APPENDLIMIT]);
    capability_set_clear(&set);
}

Test(capability, a_copy_is_its_own)
{
    struct capability_set set = {0}, copy = {0};

    cr_assert(read_list(&copy, "MOVE"));
    cr_assert(read_list(&set, "IDLE"));
    cr_assert(capability_set_copy(&set, &copy));
    capability_set_clear(&set);
    cr_assert(copy.has[CAPABILITY_IDLE] && !copy.has[CAPABILITY_MOVE]);
    cr_assert_str_eq(copy.text, "IDLE");
    cr_assert(capability_set_copy(&set, &copy));
    cr_assert_null(copy.text);
    cr_assert_str_eq(capability_name(CAPABILITY_AUTH_PLAIN), "AUTH=PLAIN");
}
