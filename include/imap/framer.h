/* First stage of reading the wire, both directions: cuts a byte stream into text, literals and ends of lines. Literal
 * bytes never come out as text, so that they can never be taken for a command. Knows no grammar beyond literals and
 * quotes. RFC 3501 section 4.3, RFC 7888 (LITERAL+), RFC 3516 (literal8).
 *
 * For one command or response the events are: (TEXT LITERAL DATA*)* TEXT END. */
#ifndef IMAPMUX_IMAP_FRAMER_H
#define IMAPMUX_IMAP_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct evbuffer;

enum framer_side {
    FRAMER_CLIENT,   /* reads what clients send: any line may announce a literal, {n+} and {n} */
    FRAMER_UPSTREAM, /* reads what servers send: a status line (OK NO BAD BYE PREAUTH, tagged or not) or a + line never
                        announces one, whatever it ends with */
};

enum framer_event {
    FRAMER_MORE,     /* needs more bytes */
    FRAMER_TEXT,     /* bytes: text of the line, without line end and without the literal's announcement */
    FRAMER_LITERAL,  /* literal_size, synchronising, literal8 */
    FRAMER_DATA,     /* bytes: the next piece of the literal */
    FRAMER_END,      /* the line is over (CRLF; a bare LF is taken for one) */
    FRAMER_TOO_LONG, /* more than line_max text octets in one command or response (literals do not count). bytes: how
                        the text that did not fit begins, at most 200 octets. Stays in this event until framer_skip */
};

struct frame {
    enum framer_event event;
    struct slice bytes; /* borrowed until the next framer_next */
    uint64_t literal_size;
    bool synchronising;
    bool literal8;
};

struct framer {
    enum framer_side side;
    size_t line_max;
    size_t line_used;      /* text octets of the current command or response so far */
    uint64_t literal_left; /* octets of the literal still to come */
    size_t drain;          /* octets of the evbuffer handed out with the last frame */
    /* For passwords: if set, text is copied there (room for line_max - line_used octets) instead of being put together
     * in the evbuffer, which would leave copies in freed memory; and what is drained is overwritten before. The
     * evbuffer must own its memory then (no evbuffer_add_reference). */
    char *secret_text;
    /* private */
    int state;
    int quote;
    size_t scanned; /* octets of `in` known to hold no line end */
    bool first;     /* no text of this command or response has been handed out */
    bool status;    /* announces no literals */
    bool no_memory; /* not private: set with FRAMER_TOO_LONG if the cause was want of memory */
    bool synchronising, literal8;
};

/* Starts at the beginning of a line. line_max: octets of text in one command or response. Owns nothing; nothing is to
 * be cleared. */
void framer_init(struct framer *framer, enum framer_side side, size_t line_max);
/* Takes the next event off `in`. Bytes handed out are drained by the next call (or framer_settle). A literal's
 * announced size of more than 20 digits or beyond 2^63-1 is plain text (the grammar refuses it). */
struct frame framer_next(struct framer *framer, struct evbuffer *in);
/* Drains what the last frame borrowed: call before `in` is handed to somebody else (STARTTLS). */
void framer_settle(struct framer *framer, struct evbuffer *in);
/* The rest of the present line, with the literals in it, is dropped: after FRAMER_TOO_LONG, or when an announced
 * literal is refused. FRAMER_END comes when the line end has been seen. A client that waits for leave to send a
 * synchronising literal will not send it, nor anything of that line: FRAMER_END comes there at once. */
void framer_skip(struct framer *framer);
/* True while nothing of the next command or response has been handed out. */
bool framer_at_line_start(const struct framer *framer);

#endif
