/* The octets of COMPRESS=DEFLATE (RFC 4978): raw DEFLATE (RFC 1951) between evbuffers. Made so that a connection that
 * rests costs almost nothing. The deflater keeps nothing between two calls, so that all connections share one. The
 * inflater must keep what the other side may still refer to: at rest that is all it keeps, at most 32 KB. Neither knows
 * of sockets. */
#ifndef IMAPMUX_NET_DEFLATE_H
#define IMAPMUX_NET_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct z_stream_s;

struct deflater; /* opaque; about 260 KB */

/* Returns owned; NULL: out of memory. */
struct deflater *deflater_new(void);
void deflater_free(struct deflater *deflater);
/* Moves at most `most` octets from the front of `from`, deflated, to the end of `to`: they can be inflated at once, and
 * refer to nothing before them. Nothing to move: nothing is written. False: out of memory, both are in part done. */
bool deflater_press(struct deflater *deflater, struct evbuffer *from, size_t most, struct evbuffer *to)
    __attribute__((warn_unused_result));

/* One connection's input. Zeroed: nothing has come. */
struct inflater {
    struct z_stream_s *active; /* owned; NULL: the input stands between two blocks, at an octet's boundary */
    unsigned char *history;    /* owned: the last octets that were inflated, while not active; NULL: none */
    size_t history_length;
    bool holds; /* more can come out without more going in */
};

enum inflate_result {
    INFLATE_OK,
    INFLATE_ENDED, /* the other side has said that nothing follows; the rest of the input is left */
    INFLATE_DAMAGED,
    INFLATE_NO_MEMORY,
};

/* Inflates from the front of `from` to the end of `to`, until `from` is empty or `most` octets have come out: then the
 * rest stays in `from` or in the inflater (inflater_waits). After another result than OK it must only be cleared. */
enum inflate_result inflater_take(struct inflater *inflater, struct evbuffer *from, size_t most, struct evbuffer *to)
    __attribute__((warn_unused_result));
void inflater_clear(struct inflater *inflater);

#endif
