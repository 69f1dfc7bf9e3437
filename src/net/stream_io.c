/* A connection's bytes: from the kernel or libssl into the input, and from the output back. It must never leave a
 * password in memory. A drained evbuffer keeps its octets in freed memory. So input before login lives in chunks that
 * wipe themselves (`wipe_input`), written output is overwritten if asked for (`wipe_output`), and octets for libssl
 * pass through a buffer that is wiped. Input that the owner has not looked at must never exceed STREAM_INPUT_MAX by
 * more than one read. */
#include <errno.h>
#include <event2/buffer.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/secret.h"
#include "net/stream_inside.h"

#define RECORD_MAX    ((size_t)16 * 1024) /* the largest TLS record (RFC 8446 section 5.1) */
#define WRITE_ROUND   ((size_t)1024 * 1024)
#define WRITE_VECTORS 64
#define DISCARD_SIZE  ((size_t)16 * 1024)
#define DATALESS_MAX  ((uint64_t)64 * 1024)

static void fail_memory(struct stream *stream)
{
    errno = ENOMEM;
    stream_fail_errno(stream, "reading");
}

static void end_input(struct stream *stream)
{
    stream->input_ended = true;
    stream->wake(stream->owner);
}

/* ---- reading ---- */

static void wipe_chunk(const void *data, size_t size, void *context)
{
    (void)context;
    secret_wipe((void *)data, size); /* ours, the buffer only reads it */
    free((void *)data);
}

/* A chunk of input that is wiped when it has been drained. The buffer keeps it by reference. Octets past `used` were
 * never filled. */
static bool add_wiped(struct stream *stream, void *chunk, size_t used)
{
    if (evbuffer_add_reference(stream->raw_input, chunk, used, wipe_chunk, NULL) == 0)
        return true;
    wipe_chunk(chunk, used, NULL);
    return false;
}

struct room {
    void *memory;
    size_t size;
    struct evbuffer_iovec vector;
};

static bool reserve(struct stream *stream, size_t size, struct room *room)
{
    if (stream->wipe_input) {
        *room = (struct room){.memory = malloc(STREAM_READ_LEAST), .size = STREAM_READ_LEAST};
        return room->memory != NULL;
    }
    if (evbuffer_reserve_space(stream->raw_input, (ev_ssize_t)size, &room->vector, 1) != 1)
        return false;
    room->memory = room->vector.iov_base;
    room->size = size;
    return true;
}

static bool commit(struct stream *stream, struct room *room, size_t used)
{
    if (stream->wipe_input && used == 0) {
        free(room->memory);
        return true;
    }
    stream->octets_read += used;
    stream->acknowledge = stream->acknowledge || used > 0;
    if (stream->wipe_input)
        return add_wiped(stream, room->memory, used);
    room->vector.iov_len = used;
    return evbuffer_commit_space(stream->raw_input, &room->vector, used > 0 ? 1 : 0) == 0;
}

static void adapt_read_size(struct stream *stream, size_t got)
{
    if (got == stream->read_size && stream->read_size < STREAM_INPUT_MAX)
        stream->read_size *= 2;
    else if (got < stream->read_size / 4 && stream->read_size > STREAM_READ_LEAST)
        stream->read_size /= 2;
}

void stream_read_plain(struct stream *stream)
{
    struct room room = {0};
    ssize_t got;
    int error;

    if (!reserve(stream, stream->read_size, &room)) {
        fail_memory(stream);
        return;
    }
    got = read(stream->descriptor, room.memory, room.size);
    error = errno;
    if (!commit(stream, &room, got > 0 ? (size_t)got : 0)) {
        fail_memory(stream);
        return;
    }
    if (got > 0) {
        adapt_read_size(stream, (size_t)got);
        stream->wake(stream->owner);
    } else if (got == 0) {
        end_input(stream);
    } else if (error != EAGAIN && error != EINTR) {
        errno = error;
        stream_fail_errno(stream, "reading");
    }
}

static uint64_t dataless(const struct stream *stream)
{
    return BIO_number_read(SSL_get_rbio(stream->ssl)) - stream->data_until;
}

/* Before libssl reads from the kernel. Messages of TLS itself (key updates, tickets) would keep SSL_read going for as
 * long as they come, and nobody else would be served: where they go on without data libssl is told to wait. */
static long permit_reading(BIO *bio, int operation, const char *bytes, size_t size, int integer, long number,
                           int result, size_t *processed)
{
    const struct stream *stream = (const struct stream *)BIO_get_callback_arg(bio);

    (void)bytes, (void)size, (void)integer, (void)number, (void)processed;
    if (operation != BIO_CB_READ || !stream->secure || dataless(stream) < DATALESS_MAX)
        return result;
    BIO_set_retry_read(bio);
    return -1;
}

bool stream_attach_tls(struct stream *stream)
{
    if (SSL_set_fd(stream->ssl, stream->descriptor) != 1)
        return false;
    BIO_set_callback_ex(SSL_get_rbio(stream->ssl), permit_reading);
    BIO_set_callback_arg(SSL_get_rbio(stream->ssl), (char *)stream);
    return true;
}

void stream_note_data(struct stream *stream)
{
    stream->data_until = BIO_number_read(SSL_get_rbio(stream->ssl));
}

static void fail_dataless(struct stream *stream)
{
    snprintf(stream->reason.text, sizeof(stream->reason.text),
             "TLS reading: the other side sends TLS's own messages only, and no data");
    stream_set_state(stream, STREAM_FAILED);
}

static bool is_truncation(int code)
{
    unsigned long error = ERR_peek_last_error();

    if (code == SSL_ERROR_SYSCALL && error == 0 && errno == 0)
        return true;
    return code == SSL_ERROR_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

static void read_tls_stopped(struct stream *stream, int result)
{
    int code = SSL_get_error(stream->ssl, result);

    stream->ssl_may_hold = false;
    if (code == SSL_ERROR_WANT_READ && dataless(stream) < DATALESS_MAX) {
        if (dataless(stream) > 0)
            stream_acknowledge(stream); /* half a record */
        return;
    }
    if (code == SSL_ERROR_WANT_READ)
        fail_dataless(stream);
    else if (code == SSL_ERROR_WANT_WRITE)
        stream->read_wants_write = true;
    else if (code == SSL_ERROR_ZERO_RETURN || is_truncation(code)) /* many never say close_notify */
        end_input(stream);
    else if (code == SSL_ERROR_SYSCALL && errno != 0)
        stream_fail_errno(stream, "reading");
    else
        stream_fail_tls(stream, "reading");
}

void stream_read_tls(struct stream *stream)
{
    size_t round = 0;

    stream->read_wants_write = false;
    stream->ssl_may_hold = true;
    while (round < STREAM_INPUT_MAX && stream_has_room(stream)) {
        struct room room = {0};
        if (!reserve(stream, RECORD_MAX, &room)) {
            fail_memory(stream);
            return;
        }
        ERR_clear_error();
        errno = 0;
        int got = SSL_read(stream->ssl, room.memory, (int)room.size);
        if (got <= 0)
            read_tls_stopped(stream, got); /* before anything that touches errno */
        if (!commit(stream, &room, got > 0 ? (size_t)got : 0)) {
            fail_memory(stream);
            return;
        }
        if (got <= 0)
            break;
        stream_note_data(stream);
        round += (size_t)got;
    }
    if (round > 0)
        stream->wake(stream->owner);
}

/* Octets after our end are of no use. Unread they would make the kernel reset the connection, and the peer might never
 * see our last words. */
void stream_read_away(struct stream *stream)
{
    char nothing[DISCARD_SIZE];
    ssize_t got = read(stream->descriptor, nothing, sizeof(nothing));

    stream->input_ended |= got == 0;
    stream->reset_by_peer |= got < 0 && errno == ECONNRESET;
    secret_wipe(nothing, sizeof(nothing));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        stream_set_state(stream, STREAM_CLOSED);
}

/* ---- writing ---- */

static void wipe_front(struct evbuffer *buffer, size_t size)
{
    while (size > 0) {
        struct evbuffer_iovec vector;
        if (evbuffer_peek(buffer, (ev_ssize_t)size, NULL, &vector, 1) < 1)
            return;
        size_t most = vector.iov_len < size ? vector.iov_len : size;
        secret_wipe(vector.iov_base, most);
        evbuffer_drain(buffer, most);
        size -= most;
    }
}

static void note_written(struct stream *stream, size_t size)
{
    stream->octets_written += size;
    stream->acknowledge = false; /* they carry it */
    if (stream->wipe_output)
        wipe_front(stream->raw_output, size);
    else
        evbuffer_drain(stream->raw_output, size);
}

/* evbuffer_write would drain the written octets before they could be wiped. */
static bool write_plain(struct stream *stream)
{
    struct evbuffer_iovec vectors[WRITE_VECTORS];
    int count = evbuffer_peek(stream->raw_output, (ev_ssize_t)WRITE_ROUND, NULL, vectors, WRITE_VECTORS);
    ssize_t sent = writev(stream->descriptor, vectors, count < WRITE_VECTORS ? count : WRITE_VECTORS);

    if (sent > 0)
        note_written(stream, (size_t)sent);
    if (sent >= 0 || errno == EAGAIN || errno == EINTR)
        return true;
    stream_fail_errno(stream, "writing");
    return false;
}

static bool write_tls_stopped(struct stream *stream, int result)
{
    int code = SSL_get_error(stream->ssl, result);

    if (code == SSL_ERROR_WANT_WRITE)
        return true;
    if (code == SSL_ERROR_WANT_READ) {
        stream->write_wants_read = true;
        return true;
    }
    if (code == SSL_ERROR_SYSCALL && errno != 0)
        stream_fail_errno(stream, "writing");
    else
        stream_fail_tls(stream, "writing");
    return false;
}

/* By way of a buffer of ours, since libssl wants one run of bytes and evbuffer_pullup would leave copies of passwords.
 * A write that libssl put off is repeated with the same bytes and perhaps more: SSL_MODE_ACCEPT_MOVING and
 * PARTIAL_WRITE permit that. */
static bool write_tls(struct stream *stream)
{
    char record[RECORD_MAX];
    bool alive = true;
    size_t round = 0, filled = 0;

    stream->write_wants_read = false;
    while (round < WRITE_ROUND && evbuffer_get_length(stream->raw_output) > 0) {
        ev_ssize_t size = evbuffer_copyout(stream->raw_output, record, sizeof(record));
        if (size <= 0)
            break;
        filled = (size_t)size > filled ? (size_t)size : filled;
        ERR_clear_error();
        errno = 0;
        int sent = SSL_write(stream->ssl, record, (int)size);
        if (sent <= 0) {
            alive = write_tls_stopped(stream, sent);
            break;
        }
        note_written(stream, (size_t)sent);
        round += (size_t)sent;
    }
    secret_wipe(record, filled);
    return alive;
}

/* True: the stream has not failed. With compression the raw output holds a part only, and is filled again. */
bool stream_write_some(struct stream *stream)
{
    for (size_t round = 0; round < WRITE_ROUND; round += STREAM_LOW_WATER) {
        if (!stream_deflate(stream))
            return false;
        if (evbuffer_get_length(stream->raw_output) == 0)
            return true;
        if (!(stream->ssl ? write_tls(stream) : write_plain(stream)))
            return false;
        if (!stream->deflater || evbuffer_get_length(stream->raw_output) > 0)
            return true;
    }
    return true;
}
