/* A connection's life: its states, its two events and its ends; src/net/stream_io.c moves the bytes. Every change of
 * interest goes through stream_arm(), which derives both events from the state; every end goes through set_state. It
 * must never look into the bytes, call its owner for anything but wake, or close the descriptor before stream_free.
 *
 *   OPEN --stream_start_tls--> HANDSHAKE --agreed--> OPEN
 *   OPEN --stream_close--> FLUSHING --written--> LINGERING --EOF--> CLOSED
 *   and from each of them --error--> FAILED
 *
 * Traps: libssl may want to write in order to read and the reverse (`read_wants_write`, `write_wants_read`); bytes may
 * sit in the SSL object where no readiness will ever tell of them (`ssl_may_hold`). */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream_inside.h"

static const char *const state_names[] = {
#define STREAM_STATE_NAME(name) [STREAM_##name] = #name,
    STREAM_STATES(STREAM_STATE_NAME)
#undef STREAM_STATE_NAME
};

const char *stream_state_name(enum stream_state state)
{
    return state_names[state];
}

void stream_set_state(struct stream *stream, enum stream_state state)
{
    stream->state = state;
    stream_arm(stream);
    stream->wake(stream->owner);
}

/* ---- ends ---- */

void stream_fail_errno(struct stream *stream, const char *doing)
{
    stream->reset_by_peer = errno == ECONNRESET || errno == EPIPE;
    snprintf(stream->reason.text, sizeof(stream->reason.text), "%s: %s", doing, strerror(errno));
    stream_set_state(stream, STREAM_FAILED);
}

void stream_fail_tls(struct stream *stream, const char *stage)
{
    tls_explain(stream->ssl, stage, &stream->reason);
    stream_set_state(stream, STREAM_FAILED);
}

/* ---- interest ---- */

bool stream_has_room(const struct stream *stream)
{
    size_t waiting = evbuffer_get_length(stream->input);

    if (stream->watching)
        return waiting <= stream->seen;
    return !stream->paused && waiting < stream->seen + STREAM_INPUT_MAX;
}

static bool may_take_more(const struct stream *stream)
{
    return (!stream->input_ended || stream_holds_input(stream)) && stream_has_room(stream);
}

static bool wants_to_read(const struct stream *stream)
{
    switch (stream->state) {
    case STREAM_HANDSHAKE:
        return SSL_want_read(stream->ssl);
    case STREAM_OPEN:
        if (stream->write_wants_read)
            return true;
        return may_take_more(stream) && !stream->read_wants_write;
    case STREAM_FLUSHING:
        return stream->write_wants_read;
    case STREAM_LINGERING:
        return true;
    case STREAM_CLOSED:
    case STREAM_FAILED:
        return false;
    }
    abort();
}

static bool wants_to_write(const struct stream *stream)
{
    bool waiting = stream_waiting(stream) > 0 && !stream->write_wants_read;

    switch (stream->state) {
    case STREAM_HANDSHAKE:
        return SSL_want_write(stream->ssl);
    case STREAM_OPEN:
        return waiting || (stream->read_wants_write && may_take_more(stream)); /* else it would fire and fire */
    case STREAM_FLUSHING:
        return !stream->write_wants_read; /* also to say close_notify */
    case STREAM_LINGERING:
    case STREAM_CLOSED:
    case STREAM_FAILED:
        return false;
    }
    abort();
}

/* False: it could not be added. */
static bool set_interest(struct event *event, bool wanted, bool *added)
{
    if (wanted && !*added)
        *added = event_add(event, NULL) == 0;
    else if (!wanted && *added) {
        event_del(event);
        *added = false;
    }
    return *added == wanted;
}

static bool set_interests(struct stream *stream)
{
    return set_interest(&stream->read_event, wants_to_read(stream), &stream->reading) &&
           set_interest(&stream->write_event, wants_to_write(stream), &stream->writing);
}

/* Without its events a stream would hang for ever, so it fails instead. */
void stream_arm(struct stream *stream)
{
    if (!set_interests(stream)) {
        stream_fail_errno(stream, "waiting for the other side");
        return;
    }
    if (stream->reading && (stream->ssl_may_hold || stream_holds_input(stream)) && stream->state == STREAM_OPEN)
        event_active(&stream->read_event, EV_READ, 1);
}

/* ---- writing ---- */

/* The output is written: closes our end. close_notify is tried, not insisted on. */
static void finish_output(struct stream *stream)
{
    if (stream->ssl) {
        ERR_clear_error();
        if (SSL_shutdown(stream->ssl) < 0)
            ERR_clear_error();
    }
    shutdown(stream->descriptor, SHUT_WR);
    stream_set_state(stream, stream->input_ended ? STREAM_CLOSED : STREAM_LINGERING);
}

static void write_and_tell(struct stream *stream)
{
    if (!stream_write_some(stream))
        return;
    if (stream->state == STREAM_FLUSHING && stream_waiting(stream) == 0) {
        finish_output(stream);
        return;
    }
    stream_arm(stream);
    stream->wake(stream->owner);
}

/* ---- events ---- */

static void step_handshake(struct stream *stream)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(stream->ssl);
    int error = errno, code = SSL_get_error(stream->ssl, result);

    if (result == 1) {
        stream->secure = true;
        stream_note_data(stream);
        stream->ssl_may_hold = true; /* the first bytes may have come with the last of the handshake */
        stream_set_state(stream, STREAM_OPEN);
    } else if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        if (code == SSL_ERROR_WANT_READ)
            stream_acknowledge(stream);
        stream_arm(stream);
    } else if (code == SSL_ERROR_SYSCALL && error != 0) {
        errno = error;
        stream_fail_errno(stream, "TLS handshake");
    } else {
        stream_fail_tls(stream, "handshake");
    }
}

/* What has been read already comes first. */
static void read_more(struct stream *stream)
{
    if (stream_holds_input(stream))
        return;
    if (stream->ssl)
        stream_read_tls(stream);
    else
        stream_read_plain(stream);
}

static void read_open(struct stream *stream)
{
    if (stream->write_wants_read && !stream_write_some(stream))
        return;
    if (may_take_more(stream)) {
        read_more(stream);
        stream_inflate(stream);
    }
    if (stream->state == STREAM_OPEN)
        stream_arm(stream);
}

static void on_readable(evutil_socket_t descriptor, short what, void *argument)
{
    struct stream *stream = argument;

    (void)descriptor, (void)what;
    switch (stream->state) {
    case STREAM_HANDSHAKE:
        step_handshake(stream);
        break;
    case STREAM_OPEN:
        read_open(stream);
        break;
    case STREAM_FLUSHING:
        write_and_tell(stream);
        break;
    case STREAM_LINGERING:
        stream_read_away(stream);
        break;
    case STREAM_CLOSED:
    case STREAM_FAILED:
        break;
    }
}

static void on_writable(evutil_socket_t descriptor, short what, void *argument)
{
    struct stream *stream = argument;

    (void)descriptor, (void)what;
    if (stream->state == STREAM_HANDSHAKE) {
        step_handshake(stream);
        return;
    }
    if (stream->state == STREAM_OPEN && stream->read_wants_write)
        read_open(stream);
    if (stream->state == STREAM_OPEN || stream->state == STREAM_FLUSHING)
        write_and_tell(stream);
}

/* ---- life ---- */

static bool assign_events(struct stream *stream, struct event_base *base)
{
    return event_assign(&stream->read_event, base, stream->descriptor, EV_READ | EV_PERSIST, on_readable, stream) ==
               0 &&
           event_assign(&stream->write_event, base, stream->descriptor, EV_WRITE | EV_PERSIST, on_writable, stream) ==
               0;
}

struct stream *stream_new(struct event_base *base, int descriptor, void (*wake)(void *owner), void *owner)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (!stream) {
        close(descriptor);
        return NULL;
    }
    stream->descriptor = descriptor;
    stream->wake = wake;
    stream->owner = owner;
    stream->state = STREAM_OPEN;
    stream->read_size = STREAM_READ_LEAST;
    stream->input = evbuffer_new();
    stream->output = evbuffer_new();
    stream->raw_input = stream->input;
    stream->raw_output = stream->output;
    if (!stream->input || !stream->output || !assign_events(stream, base)) {
        stream_free(stream);
        return NULL;
    }
    if (!set_interests(stream)) {
        stream_free(stream);
        return NULL;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* fails on sockets that are not TCP */
    return stream;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    (void)set_interest(&stream->read_event, false, &stream->reading);
    (void)set_interest(&stream->write_event, false, &stream->writing);
    if (stream->ssl) {
        SSL_set_quiet_shutdown(stream->ssl, 1);
        SSL_free(stream->ssl);
    }
    inflater_clear(&stream->inflater);
    if (stream->raw_input != stream->input)
        evbuffer_free(stream->raw_input);
    if (stream->raw_output != stream->output)
        evbuffer_free(stream->raw_output);
    if (stream->input)
        evbuffer_free(stream->input);
    if (stream->output)
        evbuffer_free(stream->output);
    close(stream->descriptor);
    free(stream);
}

static int whole_seconds(usec duration, int most)
{
    usec seconds = duration / USEC_SECOND;
    return seconds < 1 ? 1 : seconds > most ? most : (int)seconds;
}

void stream_tune(struct stream *stream, usec keepalive, usec patience)
{
    int idle = whole_seconds(keepalive, 32767), interval = whole_seconds(keepalive / 8, 32767), probes = 8;
    unsigned milliseconds = (unsigned)(patience / 1000 > INT32_MAX ? INT32_MAX : patience / 1000);
    int descriptor = stream->descriptor;

    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &(int){keepalive > 0}, sizeof(int));
    if (keepalive <= 0)
        return;
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void stream_start_tls(struct stream *stream, struct ssl_st *ssl)
{
    assert(stream->state == STREAM_OPEN && !stream->ssl && !stream->deflater && stream_waiting(stream) == 0);
    evbuffer_drain(stream->input, evbuffer_get_length(stream->input));
    stream->seen = 0;
    stream->ssl = ssl;
    stream->state = STREAM_HANDSHAKE;
    if (!stream_attach_tls(stream))
        stream_fail_tls(stream, "handshake");
    else
        step_handshake(stream);
}

void stream_close(struct stream *stream)
{
    if (stream->state == STREAM_HANDSHAKE) {
        stream_set_state(stream, STREAM_CLOSED);
    } else if (stream->state == STREAM_OPEN) {
        stream->state = STREAM_FLUSHING;
        write_and_tell(stream);
    }
}

/* ---- the owner's view ---- */

void stream_flush(struct stream *stream)
{
    if (stream->state == STREAM_OPEN && !stream->write_wants_read && stream_write_some(stream))
        stream_arm(stream);
}

void stream_pause(struct stream *stream, bool paused)
{
    stream->paused = paused;
    stream->watching = false;
    if (!paused)
        stream->seen = evbuffer_get_length(stream->input);
    stream_arm(stream);
}

/* The owner has not looked at input that is there when the pause begins. */
void stream_watch(struct stream *stream)
{
    if (!stream->watching)
        stream->seen = 0;
    stream->paused = stream->watching = true;
    stream_arm(stream);
}

/* Holds for one acknowledgement: the kernel goes back to delaying by itself. Other sockets than TCP refuse it. */
void stream_acknowledge(const struct stream *stream)
{
    setsockopt(stream->descriptor, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
}

void stream_expect_more(struct stream *stream)
{
    if (stream->acknowledge && stream->state == STREAM_OPEN)
        stream_acknowledge(stream);
    stream->acknowledge = false;
}

void stream_wipe_input(struct stream *stream, bool wipe)
{
    stream->wipe_input = wipe;
}

void stream_wipe_output(struct stream *stream, bool wipe)
{
    stream->wipe_output = wipe;
}

bool stream_is_secure(const struct stream *stream)
{
    return stream->secure;
}

enum stream_state stream_state(const struct stream *stream)
{
    return stream->state;
}

const char *stream_reason(const struct stream *stream)
{
    return stream->reason.text;
}

bool stream_input_ended(const struct stream *stream)
{
    return stream->input_ended && !stream_holds_input(stream);
}

bool stream_peer_has_ended(const struct stream *stream)
{
    return stream->input_ended || stream->reset_by_peer;
}

void stream_resets(struct stream *stream, bool resets)
{
    const struct linger at_once = {.l_onoff = resets};

    (void)!setsockopt(stream->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

struct evbuffer *stream_input(struct stream *stream)
{
    return stream->input;
}

struct evbuffer *stream_output(struct stream *stream)
{
    return stream->output;
}

uint64_t stream_octets_read(const struct stream *stream)
{
    return stream->octets_read;
}

uint64_t stream_octets_written(const struct stream *stream)
{
    return stream->octets_written;
}
