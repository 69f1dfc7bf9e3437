/* Compression of a stream: between the owner's evbuffers and those that src/net/stream_io.c reads and writes. It must
 * never inflate more than the input has room for, however little the other side sent for it: what there is no room for
 * stays deflated, and nothing is read from the kernel meanwhile. */
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>

#include "net/stream_inside.h"

bool stream_holds_input(const struct stream *stream)
{
    return stream->deflater && (stream->inflater.holds || evbuffer_get_length(stream->raw_input) > 0);
}

size_t stream_waiting(const struct stream *stream)
{
    size_t waiting = evbuffer_get_length(stream->output);

    return stream->deflater ? waiting + evbuffer_get_length(stream->raw_output) : waiting;
}

static void fail_memory(struct stream *stream, const char *doing)
{
    errno = ENOMEM;
    stream_fail_errno(stream, doing);
}

static void fail_damaged(struct stream *stream)
{
    snprintf(stream->reason.text, sizeof(stream->reason.text), "reading: what the other side sends is not DEFLATE");
    stream_set_state(stream, STREAM_FAILED);
}

/* The last block has come: an end like any other. */
static void end_input(struct stream *stream)
{
    stream->input_ended = true;
    evbuffer_drain(stream->raw_input, evbuffer_get_length(stream->raw_input));
}

void stream_inflate(struct stream *stream)
{
    size_t before = evbuffer_get_length(stream->input);
    bool ended = stream->input_ended;

    if (stream->state != STREAM_OPEN || !stream_holds_input(stream) || !stream_has_room(stream))
        return;
    switch (
        inflater_take(&stream->inflater, stream->raw_input, stream->seen + STREAM_INPUT_MAX - before, stream->input)) {
    case INFLATE_OK:
        break;
    case INFLATE_ENDED:
        end_input(stream);
        break;
    case INFLATE_DAMAGED:
        fail_damaged(stream);
        return;
    case INFLATE_NO_MEMORY:
        fail_memory(stream, "inflating");
        return;
    }
    if (evbuffer_get_length(stream->input) > before || (stream->input_ended && (!ended || !stream_holds_input(stream))))
        stream->wake(stream->owner);
}

bool stream_deflate(struct stream *stream)
{
    if (!stream->deflater || evbuffer_get_length(stream->raw_output) >= STREAM_LOW_WATER)
        return true;
    if (deflater_press(stream->deflater, stream->output, STREAM_LOW_WATER, stream->raw_output))
        return true;
    fail_memory(stream, "deflating");
    return false;
}

void stream_compress(struct stream *stream, struct deflater *deflater)
{
    struct evbuffer *input = evbuffer_new(), *output = evbuffer_new();

    assert(stream->state == STREAM_OPEN && !stream->deflater);
    if (!input || !output || evbuffer_add_buffer(input, stream->input) != 0 ||
        evbuffer_add_buffer(output, stream->output) != 0) {
        if (input)
            evbuffer_free(input);
        if (output)
            evbuffer_free(output);
        fail_memory(stream, "beginning compression");
        return;
    }
    stream->raw_input = input;
    stream->raw_output = output;
    stream->deflater = deflater;
    stream->seen = 0;
    stream_arm(stream);
}
