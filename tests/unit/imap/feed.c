/* See feed.h. */
#include "unit/imap/feed.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "imap/value.h"

static char *take_record(struct evbuffer *record)
{
    size_t length = evbuffer_get_length(record);
    char *text = malloc(length + 1);

    evbuffer_remove(record, text, length);
    text[length] = '\0';
    evbuffer_free(record);
    return text;
}

/* Each piece is a heap block of its own, so that the sanitizer sees reading past its end. */
static void give(const struct feeder *feeder, void *reader, struct evbuffer *in, struct slice piece,
                 struct evbuffer *record)
{
    struct evbuffer *link = evbuffer_new();

    evbuffer_add(link, piece.data, piece.length);
    evbuffer_add_buffer(in, link);
    evbuffer_free(link);
    feeder->take(reader, in, record);
}

/* Pieces: up to `cut`, then of `step` octets. */
static char *feed(const struct feeder *feeder, struct slice input, size_t cut, size_t step)
{
    void *reader = feeder->start();
    struct evbuffer *in = evbuffer_new(), *record = evbuffer_new();

    give(feeder, reader, in, (struct slice){input.data, cut}, record);
    for (size_t at = cut; at < input.length; at += step) {
        size_t left = input.length - at;
        give(feeder, reader, in, (struct slice){input.data + at, left < step ? left : step}, record);
    }
    feeder->end(reader);
    evbuffer_free(in);
    return take_record(record);
}

char *feed_whole(const struct feeder *feeder, struct slice input)
{
    return feed(feeder, input, input.length, 1);
}

static void expect_same(const char *expected, char *actual, size_t cut, size_t step)
{
    cr_assert_str_eq(actual, expected, "cut at %zu, then %zu by %zu:\n%s\ninstead of\n%s", cut, step, step, actual,
                     expected);
    free(actual);
}

void feed_every_way(const struct feeder *feeder, struct slice input, const char *expected)
{
    size_t stride = input.length / 300 + 1;

    expect_same(expected, feed_whole(feeder, input), input.length, 0);
    for (size_t cut = 0; cut < input.length; cut += stride)
        expect_same(expected, feed(feeder, input, cut, input.length), cut, input.length);
    expect_same(expected, feed(feeder, input, 0, 1), 0, 1);
    expect_same(expected, feed(feeder, input, 0, 7), 0, 7);
}

void feed_consistently(const struct feeder *feeder, struct slice input)
{
    char *expected = feed_whole(feeder, input);

    feed_every_way(feeder, input, expected);
    free(expected);
}

void record_quoted(struct evbuffer *record, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c < 0x7f)
            evbuffer_add(record, &c, 1);
        else
            evbuffer_add_printf(record, "\\x%02x", c);
    }
}

void record_data(struct evbuffer *record, struct slice piece)
{
    size_t length = evbuffer_get_length(record);
    struct evbuffer_ptr at;
    char last = '\0';

    cr_assert_gt(piece.length, 0);
    if (length > 0) {
        evbuffer_ptr_set(record, &at, length - 1, EVBUFFER_PTR_SET);
        evbuffer_copyout_from(record, &at, &last, 1);
    }
    if (last == '\n' || length == 0)
        evbuffer_add_printf(record, "DATA ");
    record_quoted(record, piece);
}

static void record_value(struct evbuffer *record, const struct value *value)
{
    switch (value->kind) {
    case VALUE_ATOM:
        record_quoted(record, value->text);
        break;
    case VALUE_QUOTED:
        evbuffer_add_printf(record, "\"");
        record_quoted(record, value->text);
        evbuffer_add_printf(record, "\"");
        break;
    case VALUE_LITERAL:
    case VALUE_LITERAL8:
        evbuffer_add_printf(record, "%s{%zu}", value->kind == VALUE_LITERAL8 ? "~" : "", value->text.length);
        record_quoted(record, value->text);
        break;
    case VALUE_SPOOLED:
        evbuffer_add_printf(record, "$%u:%llu", value->spool_index, (unsigned long long)value->size);
        break;
    case VALUE_DEEP:
        evbuffer_add_printf(record, "deep ");
        record_quoted(record, value->text);
        break;
    case VALUE_LIST:
        evbuffer_add_printf(record, "(");
        record_values(record, value->first);
        evbuffer_add_printf(record, ")");
        break;
    }
}

void record_values(struct evbuffer *record, const struct value *first)
{
    for (const struct value *value = first; value; value = value->next) {
        if (value != first)
            evbuffer_add_printf(record, " ");
        record_value(record, value);
    }
}
