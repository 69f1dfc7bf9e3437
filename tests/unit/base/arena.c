/* The arena: aligned, zeroed, bounded. */
#include "base/arena.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    struct arena arena;
    char *pieces[300];

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(&arena, i + 1);
        cr_assert_not_null(pieces[i]);
        cr_assert_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k <= i; k++)
            cr_assert_eq(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 0x7f) + 1, i + 1);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k <= i; k++)
            cr_assert_eq(pieces[i][k], (char)((i & 0x7f) + 1));
    arena_clear(&arena);
}

Test(arena, nothing_is_handed_out_beyond_the_limit)
{
    struct arena arena;

    arena_init(&arena, 100);
    cr_assert_not_null(arena_alloc(&arena, 60));
    cr_assert_null(arena_alloc(&arena, 60));
    cr_assert_null(arena_alloc(&arena, SIZE_MAX));
    cr_assert_not_null(arena_alloc(&arena, 36));
    cr_assert_null(arena_alloc(&arena, 1));
    cr_assert_eq(arena.used, 100);
    arena_clear(&arena);
    cr_assert_not_null(arena_alloc(&arena, 100), "can be used again");
    arena_clear(&arena);
}

Test(arena, a_copy_is_the_same_bytes_and_empty_ones_are_no_failure)
{
    struct arena arena;
    struct slice copy;

    arena_init(&arena, 64);
    copy = arena_copy(&arena, SLICE("a\0b"));
    cr_assert(slice_equal(copy, SLICE("a\0b")));
    copy = arena_copy(&arena, (struct slice){0});
    cr_assert_not_null(copy.data);
    copy = arena_copy(&arena, (struct slice){"x", 100});
    cr_assert_null(copy.data);
    arena_clear(&arena);
}
