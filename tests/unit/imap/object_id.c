/* Ids of objects. */
#include "imap/object_id.h"

#include <criterion/criterion.h>
#include <string.h>

Test(object_id, letters_digits_and_two_signs)
{
    char text[OBJECT_ID_MAX + 1];

    memset(text, 'x', sizeof(text));
    cr_assert(object_id_valid(SLICE("M6d99_ac3-275bb4e")));
    cr_assert(object_id_valid((struct slice){text, OBJECT_ID_MAX}));
    cr_assert_not(object_id_valid((struct slice){text, OBJECT_ID_MAX + 1}));
    cr_assert_not(object_id_valid(SLICE("")));
    cr_assert_not(object_id_valid(SLICE("a.b")));
    cr_assert_not(object_id_valid(SLICE("a b")));
}

static bool is_told(const char *text)
{
    struct arena arena;
    struct value *values;
    const char *error;
    bool told;

    arena_init(&arena, 1 << 16);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text)}, 0, &arena, &values, &error), VALUE_OK);
    told = object_id_is_told(values);
    arena_clear(&arena);
    return told;
}

Test(object_id, an_answer_has_one_in_parentheses)
{
    cr_assert(is_told("(F2212ea87)"));
    cr_assert_not(is_told("F2212ea87"));
    cr_assert_not(is_told("()"));
    cr_assert_not(is_told("(a b)"));
    cr_assert_not(is_told("(\"a\")"));
    cr_assert_not(is_told("NIL"));
}
