/* The inside of a stream, for src/net/stream*.c only. */
#ifndef IMAPMUX_NET_STREAM_INSIDE_H
#define IMAPMUX_NET_STREAM_INSIDE_H

#include <event2/event_struct.h>
#include <openssl/ssl.h>

#include "net/deflate.h"
#include "net/stream.h"
#include "net/tls.h"

/* Octets read at once, at least; also the size of a chunk that will be wiped. */
#define STREAM_READ_LEAST ((size_t)4 * 1024)

struct stream {
    int descriptor;
    enum stream_state state;
    SSL *ssl;
    struct evbuffer *input, *output;         /* the owner's ends */
    struct evbuffer *raw_input, *raw_output; /* the kernel's ends: the same two unless there is compression */
    struct deflater *deflater;               /* borrowed; NULL: no compression */
    struct inflater inflater;
    struct event read_event, write_event;
    bool reading, writing; /* the events are added */
    bool reset_by_peer;
    bool secure, paused, input_ended, wipe_input, wipe_output;
    bool watching; /* paused, but octets are read as long as the owner has looked at all of the input */
    bool read_wants_write, write_wants_read, ssl_may_hold;
    size_t seen;      /* octets of the input that the owner has looked at and left there */
    size_t read_size; /* grows with the traffic, so that an idle connection holds little memory */
    uint64_t octets_read, octets_written;
    bool acknowledge;    /* octets have come, and neither an acknowledgement was asked for nor octets written since */
    uint64_t data_until; /* of the octets that libssl has read: where the last data ended */
    void (*wake)(void *owner);
    void *owner;
    struct tls_fault reason;
};

/* stream.c: the only way from state to state, and the only place that adds and deletes the events. */
void stream_set_state(struct stream *stream, enum stream_state state);
/* Adds or deletes the read and write events as state, room and pauses ask. May end in FAILED. */
void stream_arm(struct stream *stream);
bool stream_has_room(const struct stream *stream);    /* for more input, as far as the owner wants any */
void stream_acknowledge(const struct stream *stream); /* now */
/* Sets FAILED with errno's text. doing: the activity for the reason, such as "reading". */
void stream_fail_errno(struct stream *stream, const char *doing);
/* Sets FAILED with libssl's reason. stage: as in tls_explain. */
void stream_fail_tls(struct stream *stream, const char *stage);

/* stream_io.c: ties stream->ssl to the descriptor; false: libssl's queue says why. */
bool stream_attach_tls(struct stream *stream);
/* Notes how far libssl has read, at the end of data or of the handshake. */
void stream_note_data(struct stream *stream);
/* One round each, until the kernel or a bound says enough. They may end in FAILED. */
void stream_read_plain(struct stream *stream);
/* As stream_read_plain, through TLS. */
void stream_read_tls(struct stream *stream);
/* Octets that were read are not all in the input: there was no room for what they inflate to. */
bool stream_holds_input(const struct stream *stream);
/* With compression: from the raw input to the input as far as there is room, and from the output to the raw output as
 * far as that is short. Without: nothing. May end in FAILED; the second says whether it has not. */
void stream_inflate(struct stream *stream);
bool stream_deflate(struct stream *stream);
void stream_read_away(struct stream *stream);  /* LINGERING */
bool stream_write_some(struct stream *stream); /* true: it has not failed */

#endif
