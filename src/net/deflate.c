/* See deflate.h. A segment of output ends with an empty block that brings it to an octet's boundary (Z_SYNC_FLUSH); the
 * next segment comes from a deflater that was reset there. The other side's octets can be taken up again there, too,
 * with nothing but the window that they may refer to. */
#include "net/deflate.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <zlib.h>

#define RAW_WINDOW_BITS (-15) /* negative: without zlib's header and checksum (RFC 4978 section 4) */
#define LEVEL           6
#define MEMORY_LEVEL    8
#define CHUNK           ((size_t)16 * 1024)
#define WINDOW_MAX      ((size_t)32 * 1024)

/* Of z_stream's data_type after inflate: bits of the last octet that are not used yet, and flags. */
#define UNUSED_BITS   31
#define LAST_BLOCK    64
#define BETWEEN_BLOCK 128

struct deflater {
    z_stream stream;
};

struct deflater *deflater_new(void)
{
    struct deflater *deflater = calloc(1, sizeof(*deflater));

    if (deflater &&
        deflateInit2(&deflater->stream, LEVEL, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK)
        return deflater;
    free(deflater);
    return NULL;
}

void deflater_free(struct deflater *deflater)
{
    if (!deflater)
        return;
    (void)deflateEnd(&deflater->stream);
    free(deflater);
}

/* Writes what the stream gives, until it wants more. */
static bool drain_deflated(z_stream *stream, int flush, struct evbuffer *to)
{
    do {
        struct evbuffer_iovec room;
        if (evbuffer_reserve_space(to, (ev_ssize_t)CHUNK, &room, 1) != 1)
            return false;
        stream->next_out = room.iov_base;
        stream->avail_out = (uInt)CHUNK;
        (void)deflate(stream, flush); /* fails for want of room or of input only, which is no fault here */
        room.iov_len = CHUNK - stream->avail_out;
        if (evbuffer_commit_space(to, &room, room.iov_len > 0 ? 1 : 0) != 0)
            return false;
    } while (stream->avail_out == 0);
    return true;
}

/* The octets at the front of a buffer that lie in one piece. */
static struct evbuffer_iovec front_of(struct evbuffer *buffer, size_t most)
{
    struct evbuffer_iovec front = {0};

    (void)evbuffer_peek(buffer, (ev_ssize_t)most, NULL, &front, 1);
    if (front.iov_len > most)
        front.iov_len = most;
    return front;
}

bool deflater_press(struct deflater *deflater, struct evbuffer *from, size_t most, struct evbuffer *to)
{
    z_stream *stream = &deflater->stream;
    size_t left = evbuffer_get_length(from);
    bool well = true;

    left = left < most ? left : most;
    if (left == 0)
        return true;
    (void)deflateReset(stream);
    while (well && left > 0) {
        struct evbuffer_iovec front = front_of(from, left);
        stream->next_in = front.iov_base;
        stream->avail_in = (uInt)front.iov_len;
        left -= front.iov_len;
        well = drain_deflated(stream, left > 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH, to) &&
               evbuffer_drain(from, front.iov_len) == 0;
    }
    return well;
}

/* ---- inflating ---- */

static void end_active(struct inflater *inflater)
{
    if (!inflater->active)
        return;
    (void)inflateEnd(inflater->active);
    free(inflater->active);
    inflater->active = NULL;
}

static void forget_history(struct inflater *inflater)
{
    free(inflater->history);
    inflater->history = NULL;
    inflater->history_length = 0;
}

void inflater_clear(struct inflater *inflater)
{
    end_active(inflater);
    forget_history(inflater);
    *inflater = (struct inflater){0};
}

static bool wake_up(struct inflater *inflater)
{
    if (inflater->active)
        return true;
    inflater->active = calloc(1, sizeof(*inflater->active));
    if (!inflater->active)
        return false;
    if (inflateInit2(inflater->active, RAW_WINDOW_BITS) != Z_OK) {
        free(inflater->active);
        inflater->active = NULL;
        return false;
    }
    if (inflater->history_length > 0 &&
        inflateSetDictionary(inflater->active, inflater->history, (uInt)inflater->history_length) != Z_OK)
        return false;
    forget_history(inflater);
    return true;
}

/* Only between two blocks: in the middle of an octet the bits that are left would be lost. Without memory for the
 * history it stays awake. */
static void go_to_sleep(struct inflater *inflater)
{
    uInt length = 0;

    if ((inflater->active->data_type & (UNUSED_BITS | LAST_BLOCK | BETWEEN_BLOCK)) != BETWEEN_BLOCK)
        return;
    (void)inflateGetDictionary(inflater->active, NULL, &length);
    assert(length <= WINDOW_MAX);
    inflater->history = length > 0 ? malloc(length) : NULL;
    if (length > 0 && !inflater->history)
        return;
    (void)inflateGetDictionary(inflater->active, inflater->history, &length);
    inflater->history_length = length;
    end_active(inflater);
}

/* One piece of the input, into one piece of output. `most` is lowered by what came out. */
static int inflate_piece(struct inflater *inflater, struct evbuffer *from, size_t *most, struct evbuffer *to)
{
    z_stream *stream = inflater->active;
    struct evbuffer_iovec room, front = front_of(from, CHUNK);
    size_t size = *most < CHUNK ? *most : CHUNK;
    int result;

    if (evbuffer_reserve_space(to, (ev_ssize_t)size, &room, 1) != 1)
        return Z_MEM_ERROR;
    stream->next_in = front.iov_base;
    stream->avail_in = (uInt)front.iov_len;
    stream->next_out = room.iov_base;
    stream->avail_out = (uInt)size;
    result = inflate(stream, Z_SYNC_FLUSH);
    inflater->holds = result != Z_STREAM_END && stream->avail_out == 0;
    room.iov_len = size - stream->avail_out;
    *most -= room.iov_len;
    if (evbuffer_commit_space(to, &room, room.iov_len > 0 ? 1 : 0) != 0 ||
        evbuffer_drain(from, front.iov_len - stream->avail_in) != 0)
        return Z_MEM_ERROR;
    return result == Z_BUF_ERROR ? Z_OK : result; /* nothing more to do with what there is */
}

static enum inflate_result result_of(int result)
{
    if (result == Z_OK)
        return INFLATE_OK;
    if (result == Z_STREAM_END)
        return INFLATE_ENDED;
    return result == Z_MEM_ERROR ? INFLATE_NO_MEMORY : INFLATE_DAMAGED;
}

enum inflate_result inflater_take(struct inflater *inflater, struct evbuffer *from, size_t most, struct evbuffer *to)
{
    int result = Z_OK;

    if (!wake_up(inflater))
        return INFLATE_NO_MEMORY;
    while (result == Z_OK && most > 0 && (evbuffer_get_length(from) > 0 || inflater->holds))
        result = inflate_piece(inflater, from, &most, to);
    if (result == Z_OK && evbuffer_get_length(from) == 0 && !inflater->holds)
        go_to_sleep(inflater);
    return result_of(result);
}
