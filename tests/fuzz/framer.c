/* The framer, both sides: its events do not depend on how the bytes arrive, and put together they are the input. */
#include "imap/framer.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static const size_t line_limits[] = {64 * 1024, 16, 100, 600, 1};

struct options {
    enum framer_side side;
    size_t line_max;
    bool secret;
    unsigned refuse; /* every so many-th literal is refused; 0: none */
};

struct reading {
    const struct options *options;
    struct framer framer;
    char *secret_text;
    unsigned literals;
};

static void *start(void *context)
{
    struct reading *reading = fuzz_memory(calloc(1, sizeof(*reading)));

    reading->options = context;
    framer_init(&reading->framer, reading->options->side, reading->options->line_max);
    if (reading->options->secret)
        reading->framer.secret_text = reading->secret_text = fuzz_memory(malloc(reading->options->line_max + 1));
    return reading;
}

static void note(struct reading *reading, const struct frame *frame, struct fuzz_record *record)
{
    switch (frame->event) {
    case FRAMER_MORE:
        break;
    case FRAMER_TEXT:
        fuzz_require(frame->bytes.length <= reading->options->line_max, "a text is not longer than the limit");
        fuzz_note(record, "text");
        fuzz_note_bytes(record, frame->bytes);
        break;
    case FRAMER_LITERAL:
        fuzz_note(record, "literal %llu%s%s", (unsigned long long)frame->literal_size, frame->synchronising ? " s" : "",
                  frame->literal8 ? " 8" : "");
        reading->literals++;
        if (reading->options->refuse && reading->literals % reading->options->refuse == 0)
            framer_skip(&reading->framer);
        break;
    case FRAMER_DATA:
        fuzz_note_data(record, frame->bytes);
        break;
    case FRAMER_END:
        fuzz_note(record, "end");
        break;
    case FRAMER_TOO_LONG:
        fuzz_note(record, "too long");
        fuzz_note_bytes(record, frame->bytes);
        framer_skip(&reading->framer);
        break;
    }
}

static void take(void *reader, struct evbuffer *in, struct fuzz_record *record)
{
    struct reading *reading = reader;
    struct frame frame;

    do {
        frame = framer_next(&reading->framer, in);
        note(reading, &frame, record);
    } while (frame.event != FRAMER_MORE);
    framer_settle(&reading->framer, in);
}

static void end(void *reader)
{
    struct reading *reading = reader;

    free(reading->secret_text);
    free(reading);
}

/* --- put together it is the input */

static bool passed(struct slice *input, struct slice bytes)
{
    if (bytes.length > input->length || memcmp(input->data, bytes.data, bytes.length) != 0)
        return false;
    *input = (struct slice){input->data + bytes.length, input->length - bytes.length};
    return true;
}

static bool passed_line_end(struct slice *input)
{
    return passed(input, SLICE("\r\n")) || passed(input, SLICE("\n"));
}

static bool passed_announcement(struct slice *input, const struct frame *frame)
{
    uint64_t size = 0;

    if ((frame->literal8 && !passed(input, SLICE("~"))) || !passed(input, SLICE("{")))
        return false;
    while (input->length > 0 && *input->data >= '0' && *input->data <= '9') {
        size = size * 10 + (uint64_t)(*input->data - '0');
        *input = (struct slice){input->data + 1, input->length - 1};
    }
    (void)passed(input, SLICE("+"));
    return size == frame->literal_size && passed(input, SLICE("}")) && passed_line_end(input);
}

static void expect_the_input(struct slice input)
{
    struct framer framer;
    struct evbuffer *in = fuzz_memory(evbuffer_new());
    bool holds = true;

    framer_init(&framer, FRAMER_CLIENT, SIZE_MAX / 2);
    evbuffer_add(in, input.data, input.length);
    for (;;) {
        struct frame frame = framer_next(&framer, in);
        if (frame.event == FRAMER_MORE)
            break;
        if (frame.event == FRAMER_TEXT || frame.event == FRAMER_DATA)
            holds = passed(&input, frame.bytes);
        else if (frame.event == FRAMER_LITERAL)
            holds = passed_announcement(&input, &frame);
        else
            holds = frame.event == FRAMER_END && passed_line_end(&input);
        fuzz_require(holds, "what the framer gives is what it was given");
    }
    fuzz_require(slice_equal(fuzz_content(in), input), "what the framer leaves is the rest of the input");
    evbuffer_free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    unsigned seed = fuzz_option(&input, 256);
    unsigned how = fuzz_option(&input, 256);
    struct options options = {.side = how & 1 ? FRAMER_UPSTREAM : FRAMER_CLIENT,
                              .secret = how & 2,
                              .refuse = how >> 2 & 3,
                              .line_max = line_limits[(how >> 4) % (sizeof(line_limits) / sizeof(*line_limits))]};
    struct fuzz_feeder feeder = {.start = start, .take = take, .end = end, .context = &options, .owns = options.secret};

    fuzz_feed(&feeder, input, seed);
    expect_the_input(input);
    return 0;
}
