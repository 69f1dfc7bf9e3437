/* The command reader: lines with literals in them, literals that are spooled or refused, limits, and wiping. */
#include "imap/command_reader.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "unit/imap/feed.h"

/* ---- a feeder: literals up to 10 octets are accepted, up to 1000 spooled, others refused ---- */

static void decide(struct command_reader *reader, const struct command_input *input)
{
    if (input->literal_size <= 10)
        command_reader_accept(reader);
    else if (input->literal_size <= 1000)
        command_reader_spool(reader);
    else
        command_reader_refuse(reader);
}

static void record_line(struct evbuffer *record, struct line line)
{
    record_quoted(record, line.bytes);
    for (size_t i = 0; i < line.spooled_count; i++)
        evbuffer_add_printf(record, " $%zu", line.spooled[i]);
}

static void record_input(struct command_reader *reader, const struct command_input *input, struct evbuffer *record)
{
    static const char *const names[] = {"MORE", "LITERAL ", "", "READY ", "LONG ", "NO MEMORY ", "SKIPPED"};

    if (evbuffer_get_length(record) > 0)
        evbuffer_add_printf(record, "\n");
    evbuffer_add_printf(record, "%s", names[input->event]);
    record_line(record, input->line);
    if (input->event != COMMAND_LITERAL)
        return;
    evbuffer_add_printf(record, " %llu%s%s\n", (unsigned long long)input->literal_size,
                        input->synchronising ? " waits" : "", input->literal8 ? " 8" : "");
    decide(reader, input);
}

static void take(void *reader, struct evbuffer *in, struct evbuffer *record)
{
    for (;;) {
        struct command_input input = command_reader_next(reader, in);
        if (input.event == COMMAND_MORE)
            return;
        if (input.event == COMMAND_DATA)
            record_data(record, input.bytes);
        else
            record_input(reader, &input, record);
    }
}

static void *start(void)
{
    return command_reader_new(4000, false);
}

static void *start_wiping(void)
{
    return command_reader_new(4000, true);
}

static void *start_small(void)
{
    return command_reader_new(20, false);
}

static void *start_small_wiping(void)
{
    return command_reader_new(20, true);
}

static void end(void *reader)
{
    command_reader_free(reader);
}

static const struct feeder plain = {start, take, end}, wiping = {start_wiping, take, end},
                           small = {start_small, take, end}, small_wiping = {start_small_wiping, take, end};

static void expect(struct slice input, const char *expected)
{
    feed_every_way(&plain, input, expected);
    feed_every_way(&wiping, input, expected);
}

static void expect_small(struct slice input, const char *expected)
{
    feed_every_way(&small, input, expected);
    feed_every_way(&small_wiping, input, expected);
}

Test(command_reader, commands_come_line_by_line)
{
    expect(SLICE("a NOOP\r\nDONE\nb LOGOUT\r\nc"), "READY a NOOP\nREADY DONE\nREADY b LOGOUT");
}

Test(command_reader, accepted_literals_stand_in_the_line)
{
    expect(SLICE("a LOGIN {4}\r\n\r\n\"( ~{2+}\r\n){ x\r\nb\r\n"),
           "LITERAL a LOGIN  4 waits\n\nLITERAL a LOGIN {4}\\x0d\\x0a\\x0d\\x0a\"(  2 8\n\n"
           "READY a LOGIN {4}\\x0d\\x0a\\x0d\\x0a\"( ~{2}\\x0d\\x0a){ x\nREADY b");
}

Test(command_reader, spooled_literals_come_as_data)
{
    expect(SLICE("a APPEND x {11}\r\n12345\r\n1234 ~{12+}\r\nabcdefabcdef {0}\r\n\r\nb\r\n"),
           "LITERAL a APPEND x  11 waits\nDATA 12345\\x0d\\x0a1234\nLITERAL a APPEND x {11}\\x0d\\x0a  $11 12 8\n"
           "DATA abcdefabcdef\nLITERAL a APPEND x {11}\\x0d\\x0a ~{12}\\x0d\\x0a  $11 $18 0 waits\n\n"
           "READY a APPEND x {11}\\x0d\\x0a ~{12}\\x0d\\x0a {0}\\x0d\\x0a $11 $18\nREADY b");
}

Test(command_reader, what_was_read_parses_back)
{
    struct command_reader *reader = command_reader_new(1000, false);
    struct evbuffer *in = evbuffer_new(), *record = evbuffer_new();
    struct arena arena;
    struct value *values;
    const char *error;
    struct command_input input;

    evbuffer_add_printf(in, "APPEND x {3}\r\nabc {100+}\r\n%0100d (y)\r\n", 7);
    while ((input = command_reader_next(reader, in)).event != COMMAND_READY) {
        if (input.event == COMMAND_LITERAL)
            decide(reader, &input);
        cr_assert_neq(input.event, COMMAND_MORE);
    }
    arena_init(&arena, 10000);
    cr_assert_eq(value_parse(input.line, 0, &arena, &values, &error), VALUE_OK);
    record_values(record, values);
    evbuffer_add(record, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(record, -1), "APPEND x {3}abc $0:100 (y)");
    arena_clear(&arena);
    command_reader_free(reader);
    evbuffer_free(in);
    evbuffer_free(record);
}

Test(command_reader, a_refused_synchronising_literal_ends_its_line)
{
    expect(SLICE("a X {2000}\r\nb NOOP\r\n"), "LITERAL a X  2000 waits\n\nSKIPPED\nREADY b NOOP");
}

Test(command_reader, a_refused_literal_that_comes_anyway_is_dropped)
{
    char input[3000];
    int head = sprintf(input, "a X {2000+}\r\n");

    memset(input + head, '\n', 2000);
    strcpy(input + head + 2000, " {3+}\r\n\r\n\r rest\r\nb NOOP\r\n");
    expect(slice_of(input), "LITERAL a X  2000\n\nSKIPPED\nREADY b NOOP");
}

Test(command_reader, nothing_goes_on_before_the_owner_has_decided)
{
    struct command_reader *reader = command_reader_new(1000, true);
    struct evbuffer *in = evbuffer_new();

    evbuffer_add_printf(in, "a {3+}\r\nabc\r\n");
    cr_assert(command_reader_idle(reader));
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_LITERAL);
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_MORE);
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_MORE);
    cr_assert_not(command_reader_idle(reader));
    cr_assert_eq(command_reader_used(reader), 2);
    command_reader_accept(reader);
    command_reader_refuse(reader); /* too late: nothing happens */
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_READY);
    cr_assert(command_reader_idle(reader));
    command_reader_free(reader);
    evbuffer_free(in);
}

Test(command_reader, a_line_that_is_too_long_is_told_once)
{
    expect_small(SLICE("tag 67890123456789012345\r\nb NOOP\r\n"), "LONG tag 6789012345678901\nREADY b NOOP");
    expect_small(SLICE("12345678901234567890\r\n"), "READY 12345678901234567890");
}

Test(command_reader, literals_in_the_line_count_too)
{
    expect_small(SLICE("a {5}\r\n12345 {5}\r\n12345\r\nb\r\n"),
                 "LITERAL a  5 waits\n\nLITERAL a {5}\\x0d\\x0a12345  5 waits\n\nLONG a {5}\\x0d\\x0a12345 "
                 "{5}\\x0d\\x0a\nREADY b");
    expect_small(SLICE("a {10}\r\n1234567890\r\nb\r\n"),
                 "LITERAL a  10 waits\n\nREADY a {10}\\x0d\\x0a1234567890\nREADY b");
    expect_small(SLICE("a {10}\r\n1234567890123\r\nb\r\n"),
                 "LITERAL a  10 waits\n\nLONG a {10}\\x0d\\x0a1234567890\nREADY b");
}

Test(command_reader, spooled_literals_do_not_count)
{
    expect_small(SLICE("a {20}\r\n12345678901234567890 xy\r\nb\r\n"),
                 "LITERAL a  20 waits\nDATA 12345678901234567890\nREADY a {20}\\x0d\\x0a xy $2\nREADY b");
}

Test(command_reader, an_accepted_literal_that_does_not_fit_is_read_and_dropped)
{
    expect_small(SLICE("tag 1234567890 {8}\r\nb NOOP\r\n tail\r\nb LOGOUT\r\n"),
                 "LITERAL tag 1234567890  8 waits\n\n"
                 "LONG tag 1234567890 {8}\\x0d\\x0a\nREADY b LOGOUT");
}

Test(command_reader, the_beginning_of_a_very_long_line_is_kept_for_its_tag)
{
    struct command_reader *reader = command_reader_new(100000, false);
    struct evbuffer *in = evbuffer_new();
    struct command_input input;

    evbuffer_add_printf(in, "tag7 %0200000d", 1);
    input = command_reader_next(reader, in);
    cr_assert_eq(input.event, COMMAND_TOO_LONG);
    cr_assert_eq(input.line.bytes.length, 200);
    cr_assert(slice_starts_nocase(input.line.bytes, SLICE("tag7 ")));
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_MORE);
    cr_assert_leq(evbuffer_get_length(in), 64);
    command_reader_free(reader);
    evbuffer_free(in);
}

/* ---- limits that change, wiping ---- */

Test(command_reader, new_limits_hold_from_the_next_line_on)
{
    struct command_reader *reader = command_reader_new(20, true);
    struct evbuffer *in = evbuffer_new();
    struct command_input input;

    evbuffer_add_printf(in, "a LOGIN me secret\r\nb %020d\r\n", 7);
    input = command_reader_next(reader, in);
    cr_assert_eq(input.event, COMMAND_READY);
    command_reader_set_limit(reader, 100, false);
    cr_assert(slice_equal(input.line.bytes, SLICE("a LOGIN me secret")), "still borrowed");
    input = command_reader_next(reader, in);
    cr_assert_eq(input.event, COMMAND_READY);
    cr_assert_eq(input.line.bytes.length, 22);
    command_reader_set_limit(reader, 10, true);
    evbuffer_add_printf(in, "c 34567890\r\nd 345678901\r\n");
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_READY);
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_TOO_LONG);
    command_reader_free(reader);
    evbuffer_free(in);
}

Test(command_reader, passwords_are_wiped_in_both_places)
{
    struct command_reader *reader = command_reader_new(100, true);
    struct evbuffer *in = evbuffer_new();
    struct command_input input;
    const char *line, *inside;
    size_t length;

    evbuffer_add_printf(in, "a LOGIN {2+}\r\nme {6+}\r\nsecret\r\n");
    inside = (const char *)evbuffer_pullup(in, -1);
    evbuffer_add_printf(in, "b NOOP\r\n");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(command_reader_next(reader, in).event, COMMAND_LITERAL);
        command_reader_accept(reader);
    }
    input = command_reader_next(reader, in);
    cr_assert_eq(input.event, COMMAND_READY);
    cr_assert(slice_contains_nocase(input.line.bytes, SLICE("secret")));
    line = input.line.bytes.data;
    length = input.line.bytes.length;
    for (size_t i = 0; i < strlen("a LOGIN {2+}\r\nme {6+}\r\nsecret\r\n"); i++)
        cr_assert_eq(inside[i], 0);
    input = command_reader_next(reader, in);
    cr_assert_eq(input.event, COMMAND_READY);
    cr_assert_eq(input.line.bytes.data, line, "the same buffer");
    for (size_t i = input.line.bytes.length; i < length; i++)
        cr_assert_eq(line[i], 0);
    command_reader_free(reader);
    evbuffer_free(in);
}

Test(command_reader, a_password_is_wiped_once_its_line_is_settled)
{
    struct command_reader *reader = command_reader_new(100, true);
    struct evbuffer *in = evbuffer_new();
    struct command_input input;

    evbuffer_add_printf(in, "a LOGIN me secret\r\n");
    input = command_reader_next(reader, in);
    cr_assert(slice_equal(input.line.bytes, SLICE("a LOGIN me secret")));
    command_reader_settle(reader, in);
    for (size_t i = 0; i < input.line.bytes.length; i++)
        cr_assert_eq(input.line.bytes.data[i], 0, "nothing has to follow for that");
    cr_assert_eq(command_reader_used(reader), 0);
    evbuffer_add_printf(in, "b NOOP\r\n");
    input = command_reader_next(reader, in);
    cr_assert(slice_equal(input.line.bytes, SLICE("b NOOP")));
    command_reader_free(reader);
    evbuffer_free(in);
}

Test(command_reader, what_was_borrowed_is_given_back_before_tls)
{
    struct command_reader *reader = command_reader_new(100, true);
    struct evbuffer *in = evbuffer_new();

    evbuffer_add_printf(in, "a STARTTLS\r\nplain text");
    cr_assert_eq(command_reader_next(reader, in).event, COMMAND_READY);
    command_reader_settle(reader, in);
    cr_assert_eq(evbuffer_get_length(in), strlen("plain text"));
    command_reader_free(reader);
    evbuffer_free(in);
}

Test(command_reader, no_input_makes_events_depend_on_the_chunking)
{
    static const char *const pieces[] = {
        "\r\n",        "\n",         "{3}\r\n", "{3+}\r\n", "~{12}\r\n", "\"", "a LOGIN ",
        "{2000+}\r\n", "{2000}\r\n", "xyz",     "}",        "{0}\r\n",   "\0", "12345678901234567890"};
    const struct feeder *const feeders[] = {&plain, &wiping, &small, &small_wiping};
    struct random random;

    random_init(&random, 5);
    for (int round = 0; round < 200; round++) {
        char input[1000];
        size_t length = 0;
        for (size_t i = random_below(&random, 30); i > 0; i--) {
            const char *piece = pieces[random_below(&random, sizeof(pieces) / sizeof(*pieces))];
            size_t size = *piece ? strlen(piece) : 1;
            memcpy(input + length, piece, size);
            length += size;
        }
        feed_consistently(feeders[random_below(&random, 4)], (struct slice){input, length});
    }
}

Test(command_reader, wiping_makes_no_difference_to_what_is_read)
{
    struct random random;

    random_init(&random, 6);
    for (int round = 0; round < 200; round++) {
        static const char alphabet[] = "ab {}1+~\"\\\r\n";
        char input[120], *one, *other;
        size_t length = random_below(&random, sizeof(input));
        for (size_t i = 0; i < length; i++)
            input[i] = alphabet[random_below(&random, sizeof(alphabet) - 1)];
        one = feed_whole(&small, (struct slice){input, length});
        other = feed_whole(&small_wiping, (struct slice){input, length});
        cr_assert_str_eq(one, other);
        free(one);
        free(other);
    }
}
