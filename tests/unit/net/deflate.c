#include "net/deflate.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PLENTY ((size_t)1024 * 1024)

struct pair {
    struct deflater *deflater;
    struct inflater inflater;
    struct evbuffer *plain, *wire, *out;
};

static void open_pair(struct pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    pair->deflater = deflater_new();
    pair->plain = evbuffer_new();
    pair->wire = evbuffer_new();
    pair->out = evbuffer_new();
    cr_assert(pair->deflater && pair->plain && pair->wire && pair->out);
}

static void close_pair(struct pair *pair)
{
    deflater_free(pair->deflater);
    inflater_clear(&pair->inflater);
    evbuffer_free(pair->plain);
    evbuffer_free(pair->wire);
    evbuffer_free(pair->out);
}

static void say(struct pair *pair, const char *text)
{
    evbuffer_add(pair->plain, text, strlen(text));
    cr_assert(deflater_press(pair->deflater, pair->plain, PLENTY, pair->wire));
    cr_assert_eq(evbuffer_get_length(pair->plain), 0);
}

static bool heard(struct pair *pair, const char *text)
{
    size_t length = strlen(text);
    bool same = evbuffer_get_length(pair->out) == length && memcmp(evbuffer_pullup(pair->out, -1), text, length) == 0;

    evbuffer_drain(pair->out, evbuffer_get_length(pair->out));
    return same;
}

static enum inflate_result take(struct pair *pair, size_t most)
{
    return inflater_take(&pair->inflater, pair->wire, most, pair->out);
}

Test(deflate, what_was_pressed_comes_out_at_once)
{
    struct pair pair;

    open_pair(&pair);
    for (int i = 0; i < 3; i++) {
        say(&pair, "* 12 EXISTS\r\n");
        cr_assert_eq(take(&pair, PLENTY), INFLATE_OK);
        cr_assert(heard(&pair, "* 12 EXISTS\r\n"));
    }
    say(&pair, "");
    cr_assert_eq(evbuffer_get_length(pair.wire), 0);
    close_pair(&pair);
}

Test(deflate, many_connections_share_one_deflater)
{
    struct pair pair;
    struct inflater other = {0};
    struct evbuffer *wire = evbuffer_new();

    open_pair(&pair);
    for (int i = 0; i < 3; i++) {
        say(&pair, "to the first, to the first\r\n");
        evbuffer_add(pair.plain, "to the other\r\n", 14);
        cr_assert(deflater_press(pair.deflater, pair.plain, PLENTY, wire));
        cr_assert_eq(take(&pair, PLENTY), INFLATE_OK);
        cr_assert(heard(&pair, "to the first, to the first\r\n"));
        cr_assert_eq(inflater_take(&other, wire, PLENTY, pair.out), INFLATE_OK);
        cr_assert(heard(&pair, "to the other\r\n"));
    }
    inflater_clear(&other);
    evbuffer_free(wire);
    close_pair(&pair);
}

/* The other side's deflater, as most programs have it: it refers to all that it has sent. */
static void press_on(z_stream *stream, const void *bytes, size_t size, int flush, struct evbuffer *to)
{
    static unsigned char out[256 * 1024];

    stream->next_in = (void *)(uintptr_t)bytes;
    stream->avail_in = (uInt)size;
    stream->next_out = out;
    stream->avail_out = sizeof(out);
    cr_assert_geq(deflate(stream, flush), Z_OK);
    cr_assert_gt(stream->avail_out, 0);
    evbuffer_add(to, out, sizeof(out) - stream->avail_out);
}

Test(deflate, at_rest_it_keeps_the_window_only_and_goes_on_with_it)
{
    struct pair pair;
    z_stream stream = {0};
    char *noise = malloc(40000);

    open_pair(&pair);
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    press_on(&stream, "a NOOP\r\n", 8, Z_SYNC_FLUSH, pair.wire);
    cr_assert_eq(take(&pair, PLENTY), INFLATE_OK);
    cr_assert(heard(&pair, "a NOOP\r\n"));
    cr_assert_null(pair.inflater.active);
    cr_assert_eq(pair.inflater.history_length, 8);
    for (size_t i = 0; i < 40000; i++)
        noise[i] = (char)(rand() & 127);
    press_on(&stream, noise, 40000, Z_SYNC_FLUSH, pair.wire);
    cr_assert_eq(take(&pair, PLENTY), INFLATE_OK);
    cr_assert_null(pair.inflater.active);
    cr_assert_eq(pair.inflater.history_length, 32768);
    evbuffer_drain(pair.out, 40000);
    for (int i = 0; i < 3; i++) {
        press_on(&stream, noise + 10000, 20000, Z_SYNC_FLUSH, pair.wire);
        cr_assert_lt(evbuffer_get_length(pair.wire), 2000, "it refers to what was sent before");
        cr_assert_eq(take(&pair, PLENTY), INFLATE_OK);
        cr_assert_eq(memcmp(evbuffer_pullup(pair.out, -1), noise + 10000, 20000), 0);
        evbuffer_drain(pair.out, 20000);
    }
    deflateEnd(&stream);
    free(noise);
    close_pair(&pair);
}

/* Octet by octet, and flushed in a way that ends within an octet. */
Test(deflate, it_may_be_cut_anywhere)
{
    static const int flushes[] = {Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_FULL_FLUSH};
    struct pair pair;
    struct evbuffer *all = evbuffer_new();
    z_stream stream = {0};
    char text[64], octet;

    open_pair(&pair);
    cr_assert_eq(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    for (int i = 0; i < 300; i++) {
        int length = snprintf(text, sizeof(text), "a%d UID FETCH %d (FLAGS)\r\n", i, i * 7);
        press_on(&stream, text, (size_t)length, flushes[i % 3], all);
        while (evbuffer_remove(all, &octet, 1) == 1) {
            evbuffer_add(pair.wire, &octet, 1);
            cr_assert_eq(take(&pair, PLENTY), INFLATE_OK);
        }
        cr_assert(heard(&pair, text));
    }
    deflateEnd(&stream);
    evbuffer_free(all);
    close_pair(&pair);
}

Test(deflate, a_bomb_comes_out_in_parts)
{
    struct pair pair;
    z_stream stream = {0};
    char *zeros = calloc(1, PLENTY);
    size_t out = 0;

    open_pair(&pair);
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    for (int i = 0; i < 20; i++)
        press_on(&stream, zeros, PLENTY, Z_SYNC_FLUSH, pair.wire);
    while (evbuffer_get_length(pair.wire) > 0 || pair.inflater.holds) {
        cr_assert_eq(take(&pair, 50000), INFLATE_OK);
        cr_assert_leq(evbuffer_get_length(pair.out), 50000);
        out += evbuffer_get_length(pair.out);
        evbuffer_drain(pair.out, evbuffer_get_length(pair.out));
    }
    cr_assert_eq(out, 20 * PLENTY);
    cr_assert_null(pair.inflater.active);
    deflateEnd(&stream);
    free(zeros);
    close_pair(&pair);
}

Test(deflate, a_large_output_is_pressed_in_segments)
{
    struct pair pair;
    char *text = malloc(PLENTY);

    open_pair(&pair);
    for (size_t i = 0; i < PLENTY; i++)
        text[i] = (char)(rand() & 63);
    evbuffer_add(pair.plain, text, PLENTY);
    while (evbuffer_get_length(pair.plain) > 0) {
        size_t before = evbuffer_get_length(pair.plain);
        cr_assert(deflater_press(pair.deflater, pair.plain, 65536, pair.wire));
        cr_assert_eq(before - evbuffer_get_length(pair.plain), 65536);
    }
    cr_assert_eq(take(&pair, 2 * PLENTY), INFLATE_OK);
    cr_assert_eq(evbuffer_get_length(pair.out), PLENTY);
    cr_assert_eq(memcmp(evbuffer_pullup(pair.out, -1), text, PLENTY), 0);
    free(text);
    close_pair(&pair);
}

Test(deflate, damage_and_an_end_are_told)
{
    struct pair pair;
    z_stream stream = {0};

    open_pair(&pair);
    evbuffer_add(pair.wire, "\007no block is of this kind", 24);
    cr_assert_eq(take(&pair, PLENTY), INFLATE_DAMAGED);
    inflater_clear(&pair.inflater);
    evbuffer_drain(pair.wire, evbuffer_get_length(pair.wire));
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    press_on(&stream, "bye", 3, Z_FINISH, pair.wire);
    cr_assert_eq(take(&pair, PLENTY), INFLATE_ENDED);
    cr_assert(heard(&pair, "bye"));
    deflateEnd(&stream);
    close_pair(&pair);
}
