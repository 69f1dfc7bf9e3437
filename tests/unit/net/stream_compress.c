#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "net/stream_inside.h"
#include "unit/net/bench.h"

/* A stream, and on the other side a plain socket whose octets the test presses itself. */
struct line {
    struct bench bench;
    struct stream *stream;
    struct deflater *deflater;
    int peer, woken;
    struct evbuffer *plain, *wire, *heard;
    struct inflater inflater;
};

static void wake(void *owner)
{
    ((struct line *)owner)->woken++;
}

static void open_line(struct line *line)
{
    int pair[2];

    memset(line, 0, sizeof(*line));
    bench_open(&line->bench);
    bench_sockets(pair);
    line->peer = pair[1];
    line->stream = stream_new(line->bench.base, pair[0], wake, line);
    line->deflater = deflater_new();
    line->plain = evbuffer_new();
    line->wire = evbuffer_new();
    line->heard = evbuffer_new();
    cr_assert(line->stream && line->deflater);
}

static void close_line(struct line *line)
{
    stream_free(line->stream);
    deflater_free(line->deflater);
    inflater_clear(&line->inflater);
    evbuffer_free(line->plain);
    evbuffer_free(line->wire);
    evbuffer_free(line->heard);
    if (line->peer >= 0)
        close(line->peer);
    bench_close(&line->bench);
}

static void peer_says(struct line *line, const char *text)
{
    evbuffer_add(line->plain, text, strlen(text));
    cr_assert(deflater_press(line->deflater, line->plain, SIZE_MAX, line->wire));
    while (evbuffer_get_length(line->wire) > 0)
        cr_assert_gt(evbuffer_write(line->wire, line->peer), 0);
}

/* What the peer has read so far, inflated. */
static size_t listen_to(struct line *line)
{
    char bytes[4096];
    long got;

    while ((got = bench_read(line->peer, bytes, sizeof(bytes))) > 0)
        evbuffer_add(line->wire, bytes, (size_t)got);
    if (evbuffer_get_length(line->wire) > 0)
        cr_assert_eq(inflater_take(&line->inflater, line->wire, SIZE_MAX / 4, line->heard), INFLATE_OK);
    return evbuffer_get_length(line->heard);
}

static size_t input_length(const struct line *line)
{
    return evbuffer_get_length(stream_input(line->stream));
}

static bool input_is(struct line *line, const char *text)
{
    size_t length = strlen(text);

    return input_length(line) == length && memcmp(evbuffer_pullup(stream_input(line->stream), -1), text, length) == 0;
}

static bool input_waits(void *context)
{
    return input_length(context) > 0;
}

static bool has_failed(void *context)
{
    return stream_state(((struct line *)context)->stream) == STREAM_FAILED;
}

static bool input_has_ended(void *context)
{
    return stream_input_ended(((struct line *)context)->stream);
}

static bool is_closed(void *context)
{
    return stream_state(((struct line *)context)->stream) >= STREAM_LINGERING;
}

Test(stream_compress, octets_pass_both_ways)
{
    struct line line;
    char text[] = "* 12 EXISTS\r\n";

    open_line(&line);
    stream_compress(line.stream, line.deflater);
    peer_says(&line, "a NOOP\r\n");
    cr_assert(bench_until(&line.bench, input_waits, &line));
    cr_assert(input_is(&line, "a NOOP\r\n"));
    evbuffer_add(stream_output(line.stream), text, strlen(text));
    cr_assert_eq(stream_waiting(line.stream), strlen(text));
    stream_flush(line.stream);
    cr_assert_eq(stream_waiting(line.stream), 0);
    bench_rounds(&line.bench, 3);
    cr_assert_eq(listen_to(&line), strlen(text));
    cr_assert_eq(memcmp(evbuffer_pullup(line.heard, -1), text, strlen(text)), 0);
    close_line(&line);
}

Test(stream_compress, the_input_that_was_left_is_inflated_and_the_output_that_waits_is_not_deflated)
{
    struct line line;
    char got[16];

    open_line(&line);
    evbuffer_add(line.plain, "a NOOP\r\n", 8);
    cr_assert(deflater_press(line.deflater, line.plain, SIZE_MAX, line.wire));
    cr_assert_gt(evbuffer_write(line.wire, line.peer), 0);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    evbuffer_add(stream_output(line.stream), "plain", 5);
    stream_compress(line.stream, line.deflater);
    cr_assert_eq(input_length(&line), 0);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    cr_assert(input_is(&line, "a NOOP\r\n"));
    bench_rounds(&line.bench, 3);
    cr_assert_eq(bench_read(line.peer, got, sizeof(got)), 5);
    close_line(&line);
}

static void add_bomb(struct line *line)
{
    char *block = calloc(1, 1024 * 1024);

    for (int i = 0; i < 64; i++) {
        evbuffer_add(line->plain, block, 1024 * 1024);
        cr_assert(deflater_press(line->deflater, line->plain, SIZE_MAX, line->wire));
    }
    free(block);
}

Test(stream_compress, a_bomb_stays_deflated_until_there_is_room)
{
    struct line line;
    size_t taken = 0, most = 0;

    open_line(&line);
    stream_compress(line.stream, line.deflater);
    add_bomb(&line);
    for (int i = 0; i < 5000 && taken < (size_t)64 * 1024 * 1024; i++) {
        if (evbuffer_get_length(line.wire) > 0)
            (void)evbuffer_write(line.wire, line.peer);
        bench_round(&line.bench);
        most = input_length(&line) > most ? input_length(&line) : most;
        if (i % 3 == 0) {
            taken += input_length(&line);
            evbuffer_drain(stream_input(line.stream), input_length(&line));
            stream_pause(line.stream, false);
        }
    }
    cr_assert_eq(taken, (size_t)64 * 1024 * 1024);
    cr_assert_leq(most, STREAM_INPUT_MAX);
    close_line(&line);
}

Test(stream_compress, a_paused_stream_inflates_nothing)
{
    struct line line;

    open_line(&line);
    stream_compress(line.stream, line.deflater);
    stream_pause(line.stream, true);
    peer_says(&line, "a NOOP\r\n");
    bench_rounds(&line.bench, 5);
    cr_assert_eq(input_length(&line), 0);
    stream_pause(line.stream, false);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    close_line(&line);
}

Test(stream_compress, damage_ends_it)
{
    struct line line;

    open_line(&line);
    stream_compress(line.stream, line.deflater);
    cr_assert_eq(write(line.peer, "\007no block is of this kind", 24), 24);
    cr_assert(bench_until(&line.bench, has_failed, &line));
    cr_assert(strstr(stream_reason(line.stream), "DEFLATE"));
    close_line(&line);
}

/* All that came before it is told first. */
Test(stream_compress, the_end_is_told_when_all_is_inflated)
{
    struct line line;
    size_t taken = 0;

    open_line(&line);
    stream_compress(line.stream, line.deflater);
    add_bomb(&line);
    for (int i = 0; i < 5000 && !stream_input_ended(line.stream); i++) {
        if (evbuffer_get_length(line.wire) > 0)
            (void)evbuffer_write(line.wire, line.peer);
        else if (line.peer >= 0) {
            close(line.peer);
            line.peer = -1;
        }
        bench_round(&line.bench);
        taken += input_length(&line);
        evbuffer_drain(stream_input(line.stream), input_length(&line));
        stream_pause(line.stream, false);
    }
    cr_assert_eq(taken, (size_t)64 * 1024 * 1024);
    close_line(&line);
}

Test(stream_compress, a_cut_within_a_block_is_an_end)
{
    struct line line;

    open_line(&line);
    stream_compress(line.stream, line.deflater);
    evbuffer_add(line.plain, "a NOOP\r\n", 8);
    cr_assert(deflater_press(line.deflater, line.plain, SIZE_MAX, line.wire));
    cr_assert_eq(write(line.peer, evbuffer_pullup(line.wire, 4), 4), 4);
    close(line.peer);
    line.peer = -1;
    cr_assert(bench_until(&line.bench, input_has_ended, &line));
    close_line(&line);
}

Test(stream_compress, a_slow_reader_gets_all_before_the_end)
{
    static char block[8 * 1024 * 1024];
    struct line line;

    open_line(&line);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)(rand() & 63);
    stream_compress(line.stream, line.deflater);
    evbuffer_add(stream_output(line.stream), block, sizeof(block));
    stream_flush(line.stream);
    cr_assert_gt(stream_waiting(line.stream), 0);
    cr_assert_leq(evbuffer_get_length(line.stream->raw_output), 2 * STREAM_LOW_WATER);
    stream_close(line.stream);
    while (!is_closed(&line) || listen_to(&line) < sizeof(block)) {
        bench_round(&line.bench);
        (void)listen_to(&line);
    }
    cr_assert_eq(evbuffer_get_length(line.heard), sizeof(block));
    cr_assert_eq(memcmp(evbuffer_pullup(line.heard, -1), block, sizeof(block)), 0);
    close_line(&line);
}
