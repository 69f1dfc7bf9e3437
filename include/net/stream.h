/* One connection: a descriptor, perhaps TLS, perhaps compression, its input and its output. Moves bytes between the
 * kernel and two evbuffers and never looks at them. Below session's and mux's machines, above libevent's events and
 * libssl.
 *
 * The stream reports by one callback only, `wake`: something has changed, look at me. It may be called from within any
 * of the functions below, so it must do no more than wake a task. SIGPIPE must be ignored by the program.
 *
 * A stream never closes its descriptor by itself: stream_free does, at once. For an orderly end an owner calls
 * stream_close first. */
#ifndef IMAPMUX_NET_STREAM_H
#define IMAPMUX_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"

struct deflater;
struct evbuffer;
struct event_base;
struct ssl_st;
struct stream; /* opaque */

#define STREAM_STATES(X)                                                                                               \
    X(HANDSHAKE) /* TLS is being agreed on */                                                                          \
    X(OPEN)      /* bytes move */                                                                                      \
    X(FLUSHING)  /* stream_close was called: the output is still written, nothing is read */                           \
    X(LINGERING) /* our end is closed, the peer's is awaited; its octets are dropped */                                \
    X(CLOSED)    /* both ends are closed, in order */                                                                  \
    X(FAILED)    /* stream_reason tells why */

enum stream_state {
#define STREAM_STATE_ENUM(name) STREAM_##name,
    STREAM_STATES(STREAM_STATE_ENUM)
#undef STREAM_STATE_ENUM
};

/* Reading stops while so much lies in the input that the owner has not looked at yet, and goes on at the next
 * stream_pause(stream, false). */
#define STREAM_INPUT_MAX ((size_t)256 * 1024)
/* The owner is woken whenever the kernel has taken something that did not go at once; below this it may give more. */
#define STREAM_LOW_WATER ((size_t)64 * 1024)

/* Takes the descriptor (a connected non-blocking socket), also when it fails. Returns owned, OPEN and reading; NULL:
 * out of memory. */
struct stream *stream_new(struct event_base *base, int descriptor, void (*wake)(void *owner), void *owner);
/* Closes the descriptor at once: no output, no close_notify. */
void stream_free(struct stream *stream);

/* TCP_NODELAY is always set. Keep-alive after `keepalive` of silence (0: off); the connection fails when sent octets
 * stay unacknowledged, or the peer's window shut, for `patience` (0: the system's default). */
void stream_tune(struct stream *stream, usec keepalive, usec patience);

/* Begins TLS on an OPEN stream whose output is empty. Takes ssl (from tls_open). Everything read so far and not taken
 * is dropped: it came in plain text (RFC 3501 section 6.2.1, RFC 9051 section 11.1). */
void stream_start_tls(struct stream *stream, struct ssl_st *ssl);
bool stream_is_secure(const struct stream *stream); /* the handshake is done */

/* Begins COMPRESS=DEFLATE (RFC 4978) on an OPEN stream: the input that was not taken, and all that follows, is inflated
 * from now on; the output that waits goes as it is, and all that is added later deflated. Borrows the deflater, which
 * many streams may share. Nothing may be read or written in between, so an owner pauses the stream where octets of both
 * kinds come. Once only. What cannot be inflated ends in FAILED. The input's bounds hold for what comes out. */
void stream_compress(struct stream *stream, struct deflater *deflater);

/* The present state; STREAM_FAILED and STREAM_CLOSED are final. */
enum stream_state stream_state(const struct stream *stream);
/* For the log; a constant. */
const char *stream_state_name(enum stream_state state);
/* Why it FAILED, in words; "" otherwise. Borrowed until the stream is freed. */
const char *stream_reason(const struct stream *stream);
bool stream_input_ended(const struct stream *stream); /* the peer closed its end; all that it sent is in the input */

/* The peer has closed its end, or reset the connection: it knows that this is over. */
bool stream_peer_has_ended(const struct stream *stream);
/* While set, stream_free resets the connection, and so does the end of the process: the kernel keeps nothing of it, and
 * a connection between the same ends can be made at once. An orderly end (stream_close) stays one. */
void stream_resets(struct stream *stream, bool resets);

struct evbuffer *stream_input(struct stream *stream);  /* the owner drains it */
struct evbuffer *stream_output(struct stream *stream); /* the owner adds, then calls stream_flush */
/* Octets of the output that the kernel has not taken: those in stream_output, and those that have been deflated. */
size_t stream_waiting(const struct stream *stream);
/* Writes what the kernel takes now; the rest goes by itself. OPEN only; otherwise nothing happens. */
void stream_flush(struct stream *stream);
/* Octets that came since it was made, after TLS has taken off its own; deflated ones count as they came. */
uint64_t stream_octets_read(const struct stream *stream);
uint64_t stream_octets_written(const struct stream *stream); /* taken by the kernel so far, likewise */

/* false: also says that the owner has looked at all of the input. What it left is the beginning of something longer,
 * bounded by the owner's own limits, and does not keep more from coming. */
void stream_pause(struct stream *stream, bool paused);
/* Pauses too, but an end or a reset is still seen: reading stops only at the next octets that come, which are read. Not
 * where the next octets belong to somebody else (to TLS, which is about to begin). */
void stream_watch(struct stream *stream);
/* The owner waits for the rest of something that has come in part. What was read last is acknowledged at once, unless
 * octets have been written after it: a peer that writes in pieces without TCP_NODELAY sends the next one only then,
 * and the kernel would take its time (40 ms and more). The stream itself does so within a TLS record and a handshake.
 */
void stream_expect_more(struct stream *stream);
/* While set, memory of the input is wiped when the owner drains it: for passwords. */
void stream_wipe_input(struct stream *stream, bool wipe);
/* The same for the output once it is written. Nothing in it may then be a reference to memory of somebody else. */
void stream_wipe_output(struct stream *stream, bool wipe);

/* Ends in order: writes the output, then close_notify and the end of our side, then awaits the peer's end.
 * Ends in CLOSED or FAILED; how long that may take is the owner's business. In HANDSHAKE it is CLOSED at once. */
void stream_close(struct stream *stream);

#endif
