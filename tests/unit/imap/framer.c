/* The framer: what is text, what is a literal, and that this never depends on how the bytes arrived. */
#include "imap/framer.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "unit/imap/feed.h"

/* ---- a feeder that writes down every event ---- */

struct probe {
    struct framer framer;
    bool skip_literals; /* refuses every literal that it meets */
    char *secret;
};

static struct probe *new_probe(enum framer_side side, size_t line_max)
{
    struct probe *probe = calloc(1, sizeof(*probe));

    framer_init(&probe->framer, side, line_max);
    return probe;
}

static void *start_client(void)
{
    return new_probe(FRAMER_CLIENT, 2000);
}

static void *start_upstream(void)
{
    return new_probe(FRAMER_UPSTREAM, 2000);
}

static void *start_small(void)
{
    return new_probe(FRAMER_CLIENT, 10);
}

static void *start_small_upstream(void)
{
    return new_probe(FRAMER_UPSTREAM, 10);
}

static void *start_refusing(void)
{
    struct probe *probe = new_probe(FRAMER_CLIENT, 2000);
    probe->skip_literals = true;
    return probe;
}

static void *start_secret(void)
{
    struct probe *probe = new_probe(FRAMER_CLIENT, 2000);
    probe->secret = malloc(2000);
    probe->framer.secret_text = probe->secret;
    return probe;
}

static void record_frame(struct probe *probe, struct frame frame, struct evbuffer *record)
{
    static const char *const names[] = {"MORE", "TEXT ", "LITERAL", "", "END", "LONG "};

    if (frame.event == FRAMER_DATA) {
        record_data(record, frame.bytes);
        return;
    }
    if (evbuffer_get_length(record) > 0)
        evbuffer_add_printf(record, "\n");
    evbuffer_add_printf(record, "%s", names[frame.event]);
    record_quoted(record, frame.bytes);
    if (frame.event == FRAMER_LITERAL) {
        evbuffer_add_printf(record, " %llu%s%s\n", (unsigned long long)frame.literal_size,
                            frame.synchronising ? " waits" : "", frame.literal8 ? " 8" : "");
        if (probe->skip_literals)
            framer_skip(&probe->framer);
    }
    if (frame.event == FRAMER_TOO_LONG)
        framer_skip(&probe->framer);
}

static void take(void *reader, struct evbuffer *in, struct evbuffer *record)
{
    struct probe *probe = reader;

    for (;;) {
        struct frame frame = framer_next(&probe->framer, in);
        if (frame.event == FRAMER_MORE)
            return;
        record_frame(probe, frame, record);
    }
}

static void end(void *reader)
{
    struct probe *probe = reader;
    free(probe->secret);
    free(probe);
}

static const struct feeder client = {start_client, take, end}, upstream = {start_upstream, take, end},
                           small = {start_small, take, end}, small_upstream = {start_small_upstream, take, end},
                           refusing = {start_refusing, take, end}, secret = {start_secret, take, end};

/* ---- text and line ends ---- */

Test(framer, lines_end_with_crlf_or_a_bare_lf)
{
    feed_every_way(&client, SLICE("a NOOP\r\nb NOOP\nc\r\n\r\nrest"),
                   "TEXT a NOOP\nEND\nTEXT b NOOP\nEND\nTEXT c\nEND\nTEXT \nEND");
}

Test(framer, a_carriage_return_inside_a_line_is_text)
{
    feed_every_way(&client, SLICE("a\rb\r\r\n"), "TEXT a\\x0db\\x0d\nEND");
}

/* ---- literals ---- */

Test(framer, literal_bytes_never_come_out_as_text)
{
    feed_every_way(
        &client, SLICE("a LOGIN {9}\r\nx\r\nb NOOP {3+}\r\n\r\n}\r\n"),
        "TEXT a LOGIN \nLITERAL 9 waits\nDATA x\\x0d\\x0ab NOOP\nTEXT  \nLITERAL 3\nDATA \\x0d\\x0a}\nTEXT \nEND");
}

Test(framer, an_empty_literal_has_no_data)
{
    feed_every_way(&client, SLICE("a {0}\r\n{0+}\r\n\r\n"),
                   "TEXT a \nLITERAL 0 waits\n\nTEXT \nLITERAL 0\n\nTEXT \nEND");
}

Test(framer, literal8_is_told_apart)
{
    feed_every_way(&client, SLICE("a ~{2}\r\nxy ~{1+}\r\nz\r\n"),
                   "TEXT a \nLITERAL 2 waits 8\nDATA xy\nTEXT  \nLITERAL 1 8\nDATA z\nTEXT \nEND");
}

Test(framer, an_announcement_counts_only_outside_quotes)
{
    feed_every_way(&client, SLICE("a \"x {3}\"\r\nb \"x {3}\r\nc \"x\\\" {3}\r\nd \"x\\\\\" {1}\r\ny\r\n"),
                   "TEXT a \"x {3}\"\nEND\nTEXT b \"x {3}\nEND\nTEXT c \"x\\\" {3}\nEND\n"
                   "TEXT d \"x\\\\\" \nLITERAL 1 waits\nDATA y\nTEXT \nEND");
}

Test(framer, what_is_no_announcement_is_text)
{
    feed_every_way(&client, SLICE("a {}\r\nb {+}\r\nc {1 }\r\nd {1} \r\ne {1}x\r\nf {-1}\r\ng 1}\r\nh {1++}\r\n}\r\n"),
                   "TEXT a {}\nEND\nTEXT b {+}\nEND\nTEXT c {1 }\nEND\nTEXT d {1} \nEND\nTEXT e {1}x\nEND\n"
                   "TEXT f {-1}\nEND\nTEXT g 1}\nEND\nTEXT h {1++}\nEND\nTEXT }\nEND");
}

Test(framer, a_size_beyond_63_bits_is_text)
{
    feed_every_way(&client,
                   SLICE("a {9223372036854775808}\r\nb {000000000000000000001}\r\nc {9223372036854775807}\r\nz"),
                   "TEXT a {9223372036854775808}\nEND\nTEXT b {000000000000000000001}\nEND\n"
                   "TEXT c \nLITERAL 9223372036854775807 waits\nDATA z");
}

/* ---- upstream ---- */

Test(framer, a_status_line_never_announces_a_literal)
{
    feed_every_way(
        &upstream,
        SLICE("* NO no such mailbox: x {99}\r\na1 ok {3}\r\n+ idling {5}\r\n+{5}\r\n* bye {1}\r\n* PREAUTH {1}\r\n"
              "a2 BAD {1}\r\n\0\0* OK {7}\r\n"),
        "TEXT * NO no such mailbox: x {99}\nEND\nTEXT a1 ok {3}\nEND\nTEXT + idling {5}\nEND\nTEXT +{5}\nEND\n"
        "TEXT * bye {1}\nEND\nTEXT * PREAUTH {1}\nEND\nTEXT a2 BAD {1}\nEND\nTEXT \\x00\\x00* OK {7}\nEND");
}

Test(framer, other_lines_of_a_server_announce_literals)
{
    feed_every_way(
        &upstream, SLICE("* LIST () \"/\" {2}\r\nOK\r\n* 1 FETCH (X OK {1}\r\n)\r\n"),
        "TEXT * LIST () \"/\" \nLITERAL 2\nDATA OK\nTEXT \nEND\nTEXT * 1 FETCH (X OK \nLITERAL 1\nDATA )\nTEXT \nEND");
}

Test(framer, a_status_word_behind_a_literal_does_not_make_a_status_line)
{
    feed_every_way(&upstream, SLICE("* X {1}\r\na* OK {1}\r\nb\r\n"),
                   "TEXT * X \nLITERAL 1\nDATA a\nTEXT * OK \nLITERAL 1\nDATA b\nTEXT \nEND");
}

Test(framer, a_client_may_name_a_status_word_and_announce)
{
    feed_every_way(&client, SLICE("a OK {1+}\r\nx\r\n"), "TEXT a OK \nLITERAL 1\nDATA x\nTEXT \nEND");
}

/* ---- limits ---- */

static struct slice long_line(const char *head, size_t filling, const char *tail, char *buffer)
{
    size_t head_length = strlen(head), tail_length = strlen(tail);

    memcpy(buffer, head, head_length);
    memset(buffer + head_length, 'x', filling);
    memcpy(buffer + head_length + filling, tail, tail_length);
    return (struct slice){buffer, head_length + filling + tail_length};
}

Test(framer, a_line_of_exactly_the_limit_passes)
{
    feed_every_way(&small, SLICE("0123456789\r\n01234567890\r\nok\r\n"),
                   "TEXT 0123456789\nEND\nLONG 0123456789\nEND\nTEXT ok\nEND");
}

Test(framer, the_limit_counts_all_text_of_a_command_but_no_literals)
{
    feed_every_way(&small, SLICE("12345{3}\r\nabc12\r\n12345{3}\r\nabc123\r\n"),
                   "TEXT 12345\nLITERAL 3 waits\nDATA abc\nTEXT 12\nEND\n"
                   "TEXT 12345\nLITERAL 3 waits\nDATA abc\nLONG 12\nEND");
}

Test(framer, what_is_too_long_is_never_held)
{
    struct framer framer;
    struct evbuffer *in = evbuffer_new();
    char filling[1000];

    memset(filling, 'x', sizeof(filling));
    framer_init(&framer, FRAMER_CLIENT, 100);
    evbuffer_add(in, filling, sizeof(filling));
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_TOO_LONG);
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_TOO_LONG, "until it is skipped");
    framer_skip(&framer);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(framer_next(&framer, in).event, FRAMER_MORE);
        cr_assert_leq(evbuffer_get_length(in), 64);
        evbuffer_add(in, filling, sizeof(filling));
    }
    evbuffer_add(in, "\r\n", 2);
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_END);
    cr_assert(framer_at_line_start(&framer));
    evbuffer_free(in);
}

Test(framer, the_literals_of_a_skipped_line_are_skipped_too)
{
    char buffer[4000];

    feed_every_way(&small,
                   long_line("a ", 1500, " {20+}\r\n\r\nb LOGOUT\r\nc NOOP\r\n d {3+}\r\n\r\n\n\r\ne\r\n", buffer),
                   "LONG a xxxxxxxx\nEND\nTEXT e\nEND");
}

Test(framer, a_skipped_line_ends_where_its_sender_waits)
{
    char buffer[4000];

    feed_every_way(&small, long_line("a ", 1500, " {20}\r\nb NOOP\r\n", buffer),
                   "LONG a xxxxxxxx\nEND\nTEXT b NOOP\nEND");
}

Test(framer, a_skipped_quoted_announcement_is_none)
{
    char buffer[4000];

    feed_every_way(&small, long_line("a \"", 1500, " {20+}\r\nb NOOP\r\n", buffer),
                   "LONG a \"xxxxxxx\nEND\nTEXT b NOOP\nEND");
}

Test(framer, a_long_status_line_announces_nothing_when_skipped)
{
    char buffer[4000];

    feed_every_way(&small_upstream, long_line("* NO ", 1500, " {20}\r\n* 1 EXPUNGE\r\n", buffer),
                   "LONG * NO xxxxx\nEND\nLONG * 1 EXPUNG\nEND");
    feed_every_way(&small_upstream, SLICE("* NO 123456 {20}\r\n* OK\r\n"), "LONG * NO 12345\nEND\nTEXT * OK\nEND");
    feed_every_way(&small_upstream, SLICE("* LIST 3456 {2}\r\n\r\n\r\n* OK\r\n"),
                   "LONG * LIST 345\nEND\nTEXT * OK\nEND");
}

/* ---- refusing ---- */

Test(framer, a_refused_synchronising_literal_ends_the_line_at_once)
{
    feed_every_way(&refusing, SLICE("a APPEND {100}\r\nb NOOP\r\n"),
                   "TEXT a APPEND \nLITERAL 100 waits\n\nEND\nTEXT b NOOP\nEND");
}

Test(framer, a_refused_literal_that_comes_anyway_is_dropped_with_its_line)
{
    feed_every_way(&refusing, SLICE("a APPEND {10+}\r\n\r\nb NOOP\r\n {2+}\r\n\r\n more\r\nc NOOP\r\n"),
                   "TEXT a APPEND \nLITERAL 10\n\nEND\nTEXT c NOOP\nEND");
}

Test(framer, skipping_in_the_middle_of_data_drops_the_rest)
{
    struct framer framer;
    struct evbuffer *in = evbuffer_new();

    framer_init(&framer, FRAMER_CLIENT, 100);
    evbuffer_add_printf(in, "a {10}\r\n12\r\n");
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_TEXT);
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_LITERAL);
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_DATA);
    framer_skip(&framer);
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_MORE);
    evbuffer_add_printf(in, "\"5678\"\r\nb\r\n");
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_END);
    cr_assert(slice_equal(framer_next(&framer, in).bytes, SLICE("b")));
    evbuffer_free(in);
}

/* ---- borrowed bytes, secrets ---- */

Test(framer, settling_gives_back_what_was_borrowed)
{
    struct framer framer;
    struct evbuffer *in = evbuffer_new();

    framer_init(&framer, FRAMER_CLIENT, 100);
    evbuffer_add_printf(in, "a STARTTLS\r\nplain");
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_TEXT);
    framer_settle(&framer, in);
    cr_assert_eq(evbuffer_get_length(in), 5);
    evbuffer_drain(in, 5);
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_END);
    evbuffer_add_printf(in, "b\r\n");
    cr_assert(slice_equal(framer_next(&framer, in).bytes, SLICE("b")));
    evbuffer_free(in);
}

Test(framer, secrets_are_read_as_other_text_is)
{
    feed_every_way(&secret, SLICE("a LOGIN {2}\r\nme \"pass word\"\r\nb \"{1}\r\nc {3+}\r\n\"\r\n\r\n"),
                   "TEXT a LOGIN \nLITERAL 2 waits\nDATA me\nTEXT  \"pass word\"\nEND\nTEXT b \"{1}\nEND\n"
                   "TEXT c \nLITERAL 3\nDATA \"\\x0d\\x0a\nTEXT \nEND");
}

Test(framer, secrets_are_overwritten_before_they_are_drained)
{
    struct framer framer;
    struct evbuffer *in = evbuffer_new();
    char text[100];
    const char *inside;

    framer_init(&framer, FRAMER_CLIENT, sizeof(text));
    framer.secret_text = text;
    evbuffer_add_printf(in, "a LOGIN me secret\r\nrest");
    inside = (const char *)evbuffer_pullup(in, -1);
    cr_assert(slice_equal(framer_next(&framer, in).bytes, SLICE("a LOGIN me secret")));
    cr_assert_eq(framer_next(&framer, in).event, FRAMER_END);
    for (size_t i = 0; i < strlen("a LOGIN me secret\r\n"); i++)
        cr_assert_eq(inside[i], 0);
    evbuffer_free(in);
}

/* ---- anything ---- */

Test(framer, no_input_makes_events_depend_on_the_chunking)
{
    static const char *const pieces[] = {"\r\n",  "\n",          "{3}",     "{3+}",        "~{2}", "\"", "\\",
                                         "* OK ", "* 1 FETCH (", "+ ",      "a ",          "}",    "{",  "{12}\r\n",
                                         "\r",    "xyz",         "{0}\r\n", " NO {2}\r\n", "\0"};
    const struct feeder *const feeders[] = {&client, &upstream, &small, &small_upstream, &refusing, &secret};
    struct random random;

    random_init(&random, 1);
    for (int round = 0; round < 300; round++) {
        char input[400];
        size_t length = 0;
        for (size_t i = random_below(&random, 30); i > 0; i--) {
            const char *piece = pieces[random_below(&random, sizeof(pieces) / sizeof(*pieces))];
            size_t size = *piece ? strlen(piece) : 1;
            memcpy(input + length, piece, size);
            length += size;
        }
        feed_consistently(feeders[random_below(&random, 6)], (struct slice){input, length});
    }
}
