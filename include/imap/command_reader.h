/* Puts a client's command together: text and small literals into one line, big ones (uploads) handed out piece by
 * piece. Sits on the framer and decides nothing: the owner decides about each literal. */
#ifndef IMAPMUX_IMAP_COMMAND_READER_H
#define IMAPMUX_IMAP_COMMAND_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/framer.h"
#include "imap/value.h"

struct evbuffer;

enum command_event {
    COMMAND_MORE,      /* needs more bytes */
    COMMAND_LITERAL,   /* a literal is announced; nothing goes on until one of the three verbs below is called */
    COMMAND_DATA,      /* bytes of a spooled literal, in event->bytes */
    COMMAND_READY,     /* a whole line, in event->line: a command, or the answer to a continuation request */
    COMMAND_TOO_LONG,  /* the line went past line_max; the rest of it is dropped without a further event. event->line
                          holds what is known of its beginning (the tag, for the answer) */
    COMMAND_NO_MEMORY, /* as TOO_LONG, because memory is out */
    COMMAND_SKIPPED,   /* a refused line has come to its end */
};

struct command_input {
    enum command_event event;
    struct line line;   /* READY, TOO_LONG; at LITERAL: what stands before the literal. Borrowed until the next call */
    struct slice bytes; /* DATA */
    uint64_t literal_size; /* LITERAL */
    bool synchronising;    /* LITERAL: the client waits for a + */
    bool literal8;         /* LITERAL */
};

struct command_reader; /* opaque */

/* line_max bounds text plus inline literals of one command. `wipe`: for input that may hold passwords, before login.
 * All input is then kept in a fixed buffer that is wiped after use, and is overwritten in the evbuffer, which must own
 * its memory. set_limit changes both from the next line on; a line that is borrowed stays. Returns owned or NULL. */
struct command_reader *command_reader_new(size_t line_max, bool wipe);
/* Wipes the buffer if it was asked to. NULL: nothing happens. */
void command_reader_free(struct command_reader *reader);
/* Both hold from the next line on. */
void command_reader_set_limit(struct command_reader *reader, size_t line_max, bool wipe);
/* Takes the next event off `in`. What it borrows is drained by the next call or command_reader_settle. */
struct command_input command_reader_next(struct command_reader *reader, struct evbuffer *in);

/* After COMMAND_LITERAL, one of these: */
/* Into the line. The owner has checked the size; one that does not fit into line_max makes the line TOO_LONG. */
void command_reader_accept(struct command_reader *reader);
/* Its bytes come as COMMAND_DATA, the line keeps a VALUE_SPOOLED. */
void command_reader_spool(struct command_reader *reader);
/* Refused. A synchronising one ends the line here; of a non-synchronising one bytes and rest of the line are read and
 * dropped. COMMAND_SKIPPED follows in either case. */
void command_reader_refuse(struct command_reader *reader);
size_t command_reader_used(const struct command_reader *reader); /* octets of the present line held */
/* Nothing of a next line has been read yet (bytes in the evbuffer aside). */
bool command_reader_idle(const struct command_reader *reader);
/* All that is borrowed is given back, and wiped (`wipe`): when the line that was handed out has been dealt with and
 * nothing is read for now, and before STARTTLS. */
void command_reader_settle(struct command_reader *reader, struct evbuffer *in);

#endif
