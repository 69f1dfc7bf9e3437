#include "net/stream.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream_inside.h"
#include "unit/net/bench.h"

struct line {
    struct bench bench;
    struct stream *stream;
    int peer;
    int woken;
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
    cr_assert(line->stream);
}

static void close_line(struct line *line)
{
    stream_free(line->stream);
    if (line->peer >= 0)
        close(line->peer);
    bench_close(&line->bench);
}

static size_t input_length(const struct line *line)
{
    return evbuffer_get_length(stream_input(line->stream));
}

static void say(struct line *line, const char *text)
{
    evbuffer_add(stream_output(line->stream), text, strlen(text));
    stream_flush(line->stream);
}

/* As much as the kernel takes. */
static size_t stuff(int descriptor)
{
    static char block[65536];
    size_t all = 0;
    ssize_t sent;

    while ((sent = write(descriptor, block, sizeof(block))) > 0)
        all += (size_t)sent;
    return all;
}

static bool input_waits(void *context)
{
    return input_length(context) > 0;
}

static bool input_ended(void *context)
{
    return stream_input_ended(((struct line *)context)->stream);
}

static bool is_closed(void *context)
{
    return stream_state(((struct line *)context)->stream) == STREAM_CLOSED;
}

static bool has_failed(void *context)
{
    return stream_state(((struct line *)context)->stream) == STREAM_FAILED;
}

Test(stream, bytes_pass_both_ways)
{
    struct line line;
    char got[16] = "";

    open_line(&line);
    cr_assert_eq(write(line.peer, "hello", 5), 5);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    cr_assert_eq(input_length(&line), 5);
    cr_assert_gt(line.woken, 0);
    say(&line, "world");
    bench_rounds(&line.bench, 3);
    cr_assert_eq(bench_read(line.peer, got, sizeof(got)), 5);
    cr_assert_str_eq(got, "world");
    cr_assert_eq(stream_octets_written(line.stream), 5);
    close_line(&line);
}

static void stuff_again_and_again(struct line *line)
{
    for (int i = 0; i < 50; i++) {
        stuff(line->peer);
        bench_round(&line->bench);
    }
}

Test(stream, reading_stops_at_the_water_mark_and_goes_on_when_drained)
{
    struct line line;
    size_t before;

    open_line(&line);
    stuff_again_and_again(&line);
    before = input_length(&line);
    cr_assert_geq(before, STREAM_INPUT_MAX);
    cr_assert_lt(before, 2 * STREAM_INPUT_MAX + 1);
    evbuffer_drain(stream_input(line.stream), before);
    stream_pause(line.stream, false);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    close_line(&line);
}

Test(stream, what_the_owner_has_looked_at_and_left_keeps_nothing_from_coming)
{
    struct line line;
    size_t before;

    open_line(&line);
    stuff_again_and_again(&line);
    before = input_length(&line);
    stream_pause(line.stream, false);
    stuff_again_and_again(&line);
    cr_assert_geq(input_length(&line), before + STREAM_INPUT_MAX);
    cr_assert_lt(input_length(&line), before + 2 * STREAM_INPUT_MAX + 1);
    close_line(&line);
}

Test(stream, paused_it_reads_nothing)
{
    struct line line;

    open_line(&line);
    stream_pause(line.stream, true);
    cr_assert_eq(write(line.peer, "x", 1), 1);
    bench_rounds(&line.bench, 5);
    cr_assert_eq(input_length(&line), 0);
    stream_pause(line.stream, false);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    close_line(&line);
}

Test(stream, watching_it_sees_the_end_and_a_reset)
{
    struct line line;

    open_line(&line);
    stream_watch(line.stream);
    shutdown(line.peer, SHUT_WR);
    cr_assert(bench_until(&line.bench, input_ended, &line));
    close_line(&line);
    open_line(&line);
    stream_watch(line.stream);
    setsockopt(line.peer, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(line.peer);
    line.peer = -1;
    cr_assert(bench_until(&line.bench, has_failed, &line));
    close_line(&line);
}

Test(stream, watching_it_reads_once_however_much_comes)
{
    struct line line;
    size_t before;

    open_line(&line);
    cr_assert_eq(write(line.peer, "left", 4), 4);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    stream_pause(line.stream, false);
    evbuffer_drain(stream_input(line.stream), 4);
    stream_watch(line.stream);
    stuff_again_and_again(&line);
    before = input_length(&line);
    cr_assert(before > 0 && before <= STREAM_READ_LEAST);
    stream_watch(line.stream);
    stuff_again_and_again(&line);
    cr_assert_eq(input_length(&line), before);
    stream_pause(line.stream, false);
    stuff_again_and_again(&line);
    cr_assert_gt(input_length(&line), before);
    close_line(&line);
}

Test(stream, half_close_ends_the_input_but_not_the_output)
{
    struct line line;
    char got[16] = "";

    open_line(&line);
    cr_assert_eq(write(line.peer, "last", 4), 4);
    shutdown(line.peer, SHUT_WR);
    cr_assert(bench_until(&line.bench, input_ended, &line));
    cr_assert_eq(input_length(&line), 4);
    cr_assert_eq(stream_state(line.stream), STREAM_OPEN);
    say(&line, "answer");
    bench_rounds(&line.bench, 3);
    cr_assert_eq(bench_read(line.peer, got, sizeof(got)), 6);
    close_line(&line);
}

static size_t read_all(struct line *line, bool (*until)(void *))
{
    static char bytes[1 << 20];
    size_t all = 0;

    for (int i = 0; i < 3000 && !until(line); i++) {
        bench_round(&line->bench);
        long got = bench_read(line->peer, bytes, sizeof(bytes));
        if (got < 0)
            break;
        all += (size_t)got;
        if (got == 0)
            usleep(500);
    }
    return all;
}

Test(stream, close_writes_what_waits_and_then_ends)
{
    struct line line;
    size_t size = 8 * 1024 * 1024;
    char *block = calloc(1, size);

    open_line(&line);
    evbuffer_add(stream_output(line.stream), block, size);
    stream_close(line.stream);
    cr_assert_eq(stream_state(line.stream), STREAM_FLUSHING);
    cr_assert_eq(read_all(&line, is_closed), size);
    cr_assert_eq(stream_state(line.stream), STREAM_LINGERING, "the peer's end is waited for");
    close(line.peer);
    line.peer = -1;
    cr_assert(bench_until(&line.bench, is_closed, &line));
    free(block);
    close_line(&line);
}

Test(stream, close_delivers_the_last_words_although_the_peer_goes_on_sending)
{
    struct line line;
    char got[32] = "";

    open_line(&line);
    stuff(line.peer);
    say(&line, "* BYE\r\n");
    stream_close(line.stream);
    bench_rounds(&line.bench, 20);
    stuff(line.peer);
    bench_rounds(&line.bench, 20);
    cr_assert_eq(bench_read(line.peer, got, sizeof(got)), 7);
    cr_assert_str_eq(got, "* BYE\r\n");
    close_line(&line);
}

Test(stream, freed_it_leaves_out_what_waits)
{
    struct line line;
    size_t size = 8 * 1024 * 1024, sent;
    char *block = calloc(1, size);
    static char bytes[1 << 20];
    long got, all = 0;

    open_line(&line);
    evbuffer_add(stream_output(line.stream), block, size);
    stream_flush(line.stream);
    sent = stream_octets_written(line.stream);
    cr_assert_lt(sent, size);
    stream_free(line.stream);
    while ((got = bench_read(line.peer, bytes, sizeof(bytes))) > 0)
        all += got;
    cr_assert_leq((size_t)all, sent);
    free(block);
    close(line.peer);
    bench_close(&line.bench);
}

Test(stream, what_is_read_in_part_is_acknowledged_when_the_rest_is_waited_for)
{
    struct line line;
    int descriptor;

    open_line(&line);
    descriptor = line.stream->descriptor;
    bench_delay_acknowledgements(descriptor);
    stream_expect_more(line.stream);
    cr_assert(bench_delays_acknowledgements(descriptor), "nothing has come");
    cr_assert_eq(write(line.peer, "half a li", 9), 9);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    cr_assert(bench_delays_acknowledgements(descriptor), "nobody waits");
    stream_expect_more(line.stream);
    cr_assert_not(bench_delays_acknowledgements(descriptor));
    bench_delay_acknowledgements(descriptor);
    stream_expect_more(line.stream);
    cr_assert(bench_delays_acknowledgements(descriptor), "it has been asked for");
    close_line(&line);
}

Test(stream, what_is_answered_needs_no_acknowledgement_of_its_own)
{
    struct line line;

    open_line(&line);
    cr_assert_eq(write(line.peer, "half a li", 9), 9);
    cr_assert(bench_until(&line.bench, input_waits, &line));
    say(&line, "+ go on");
    bench_delay_acknowledgements(line.stream->descriptor);
    stream_expect_more(line.stream);
    cr_assert(bench_delays_acknowledgements(line.stream->descriptor));
    close_line(&line);
}

Test(stream, a_reset_has_a_reason)
{
    struct line line;

    open_line(&line);
    setsockopt(line.peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(line.peer);
    line.peer = -1;
    cr_assert(bench_until(&line.bench, has_failed, &line));
    cr_assert_str_eq(stream_reason(line.stream), "reading: Connection reset by peer");
    close_line(&line);
}

Test(stream, the_owner_is_woken_when_output_moves)
{
    struct line line;
    size_t size = 8 * 1024 * 1024;
    char *block = calloc(1, size);
    int before;

    open_line(&line);
    evbuffer_add(stream_output(line.stream), block, size);
    stream_flush(line.stream);
    bench_rounds(&line.bench, 3);
    before = line.woken;
    cr_assert_geq(evbuffer_get_length(stream_output(line.stream)), STREAM_LOW_WATER);
    for (int i = 0; i < 3000 && evbuffer_get_length(stream_output(line.stream)) >= STREAM_LOW_WATER; i++) {
        static char bytes[65536];
        bench_read(line.peer, bytes, sizeof(bytes));
        bench_round(&line.bench);
    }
    cr_assert_gt(line.woken, before);
    cr_assert_lt(evbuffer_get_length(stream_output(line.stream)), STREAM_LOW_WATER);
    free(block);
    close_line(&line);
}

Test(stream, wiped_input_reads_the_same)
{
    struct line line;
    char text[10000], got[10001];

    memset(text, 'p', sizeof(text));
    open_line(&line);
    stream_wipe_input(line.stream, true);
    cr_assert_eq(write(line.peer, text, sizeof(text)), (ssize_t)sizeof(text));
    bench_rounds(&line.bench, 10);
    cr_assert_eq(input_length(&line), sizeof(text));
    evbuffer_remove(stream_input(line.stream), got, sizeof(got));
    cr_assert_arr_eq(got, text, sizeof(text));
    close_line(&line);
}

Test(stream, wiped_output_is_written_the_same)
{
    struct line line;
    char got[64] = "";

    open_line(&line);
    stream_wipe_output(line.stream, true);
    evbuffer_add(stream_output(line.stream), "a LOGIN ", 8);
    struct evbuffer *more = evbuffer_new();
    evbuffer_add(more, "fry secret\r\n", 12);
    evbuffer_add_buffer(stream_output(line.stream), more);
    stream_flush(line.stream);
    bench_rounds(&line.bench, 2);
    bench_read(line.peer, got, sizeof(got));
    cr_assert_str_eq(got, "a LOGIN fry secret\r\n");
    cr_assert_eq(evbuffer_get_length(stream_output(line.stream)), 0);
    evbuffer_free(more);
    close_line(&line);
}

/* ---- events ---- */

/* A descriptor that epoll does not take stands for a kernel without memory. */
static int unwatchable(void)
{
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);

    cr_assert_geq(file, 0);
    return file;
}

Test(stream, without_an_event_for_it_there_is_no_stream)
{
    struct line line = {0};

    bench_open(&line.bench);
    line.peer = -1;
    cr_assert_null(stream_new(line.bench.base, unwatchable(), wake, &line));
    bench_close(&line.bench);
}

Test(stream, one_that_can_no_longer_be_watched_fails)
{
    struct line line;

    open_line(&line);
    stream_pause(line.stream, true);
    int file = unwatchable();
    cr_assert_geq(dup2(file, line.stream->descriptor), 0);
    close(file);
    line.woken = 0;
    stream_pause(line.stream, false);
    cr_assert_eq(stream_state(line.stream), STREAM_FAILED);
    cr_assert_gt(line.woken, 0);
    cr_assert(strstr(stream_reason(line.stream), "waiting for the other side"), "%s", stream_reason(line.stream));
    close_line(&line);
}

/* libssl wants to write before it reads on, and the owner wants no more input: nothing may fire until he does. */
Test(stream, paused_it_does_not_write_in_order_to_read)
{
    struct line line;

    open_line(&line);
    line.stream->read_wants_write = true;
    stream_pause(line.stream, true);
    cr_assert_eq(event_base_get_num_events(line.bench.base, EVENT_BASE_COUNT_ADDED), 0);
    stream_pause(line.stream, false);
    cr_assert_eq(event_base_get_num_events(line.bench.base, EVENT_BASE_COUNT_ADDED), 1);
    line.stream->read_wants_write = false;
    close_line(&line);
}
