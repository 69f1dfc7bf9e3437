#include "base/append.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>

Test(append, what_is_appended_stands_there)
{
    struct evbuffer *to = evbuffer_new(), *from = evbuffer_new();

    cr_assert(append_bytes(to, "ab", 2));
    cr_assert(append_bytes(to, "", 0));
    cr_assert(append_format(from, " %u", 7u));
    cr_assert(append_buffer(to, from));
    cr_assert_eq(evbuffer_get_length(from), 0);
    cr_assert(append_bytes(to, "", 1));
    cr_assert_str_eq((char *)evbuffer_pullup(to, -1), "ab 7");
    cr_assert_not(append_failed(to));
    evbuffer_free(from);
    evbuffer_free(to);
}

Test(append, a_buffer_that_has_failed_takes_nothing_more_and_can_be_read)
{
    struct evbuffer *to = evbuffer_new();
    char text[3];

    cr_assert(append_bytes(to, "ab", 2));
    append_fail(to);
    cr_assert(append_failed(to));
    cr_assert_not(append_bytes(to, "c", 1));
    cr_assert_not(append_bytes(to, "", 0));
    cr_assert_not(append_format(to, "c"));
    cr_assert_eq(evbuffer_remove(to, text, sizeof(text)), 2);
    evbuffer_free(to);
}

Test(append, what_is_moved_from_a_failed_buffer_is_failed_too)
{
    struct evbuffer *to = evbuffer_new(), *from = evbuffer_new();

    cr_assert(append_bytes(from, "half", 4));
    append_fail(from);
    cr_assert_not(append_buffer(to, from));
    cr_assert(append_failed(to));
    evbuffer_free(from);
    evbuffer_free(to);
}
