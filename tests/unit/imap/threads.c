/* Threads: read, translated, and still threads when messages are left out. */
#include "imap/threads.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ten times as much; context: a string of the messages that are left out, one digit each. */
static uint32_t number(const void *context, uint32_t message)
{
    const char *gone = context;

    return message < 10 && strchr(gone, (int)('0' + message)) ? 0 : message * 10;
}

static const char *translated(const char *text, const char *gone)
{
    static char printed[200];
    struct threads threads = {0};
    struct evbuffer *out = evbuffer_new();

    cr_assert(threads_sound(slice_of(text)), "%s", text);
    cr_assert(threads_add(&threads, slice_of(text)));
    threads_translate(&threads, number, gone);
    cr_assert(threads_print(&threads, out));
    printed[evbuffer_remove(out, printed, sizeof(printed) - 1)] = '\0';
    threads_clear(&threads);
    evbuffer_free(out);
    return printed;
}

static void expect(const char *text, const char *gone, const char *expected)
{
    cr_assert_str_eq(translated(text, gone), expected, "%s without %s: %s", text, gone, translated(text, gone));
}

Test(threads, they_come_out_as_they_came_in)
{
    expect("", "", "");
    expect("(2)(3 6 (4 23)(44 7 96))", "", "(20)(30 60 (40 230)(440 70 960))");
    expect("((3)(5))", "", "((30)(50))");
    expect(" (1 (2 (3)(4))(5))  (6)", "", "(10 (20 (30)(40))(50))(60)");
}

Test(threads, what_follows_a_message_that_is_left_out_takes_its_place)
{
    expect("(1 2 3)", "2", "(10 30)");
    expect("(1 2 3)", "123", "");
    expect("(1 (2)(3))", "1", "((20)(30))");
    expect("(1 (2)(3))", "2", "(10 30)");
    expect("(1 (2)(3))", "12", "(30)");
    expect("(1 (2)(3))", "23", "(10)");
    expect("((1)(2))(3)", "1", "(20)(30)");
    expect("(1 (2 (3)(4))(5))", "5", "(10 20 (30)(40))");
    expect("(1 (2 (3)(4))(5))", "25", "(10 (30)(40))");
    expect("(1 (2 (3)(4))(5))", "2", "(10 ((30)(40))(50))");
    expect("(1 (2 (3)(4))(5))", "234", "(10 50)");
    expect("(1 (2 (3)(4))(5))", "12345", "");
}

Test(threads, what_is_none_is_not_sound)
{
    static const char *const bad[] = {"1",    "(1",      "1)",           "(0)",   "(a)", "(1 (2) 3)",
                                      "(1))", "(\"1\")", "(4294967296)", "(1,2)", "(1)x"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(threads_sound(slice_of(bad[i])), "%s", bad[i]);
}

Test(threads, depth_has_no_bound)
{
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH * 8);
    struct threads threads = {0};
    struct evbuffer *out = evbuffer_new();
    size_t length = 0;

    for (int i = 0; i < DEPTH; i++)
        length += (size_t)sprintf(text + length, "(1(2)");
    memset(text + length, ')', DEPTH);
    cr_assert(threads_sound((struct slice){text, length + DEPTH}));
    cr_assert(threads_add(&threads, (struct slice){text, length + DEPTH}));
    threads_translate(&threads, number, "2");
    cr_assert(threads_print(&threads, out));
    cr_assert_eq(evbuffer_get_length(out), 3 * DEPTH + 1);
    threads_clear(&threads);
    evbuffer_free(out);
    free(text);
}
