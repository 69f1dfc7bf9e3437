/* Output for a client, until its link takes it. Whole lines follow one another. While a line is open (a FETCH answer
 * whose literal is still arriving) only its own rest is written; other lines wait for its end. Nothing here knows IMAP.
 *
 * Failing once is failing for good: after the first append for which there was no memory the output takes nothing more,
 * so that a client never gets a line with a piece missing. A writer need not look: the session's step does. */
#ifndef IMAPMUX_SESSION_OUTPUT_H
#define IMAPMUX_SESSION_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct evbuffer;
struct task;

struct output {
    struct evbuffer *bytes; /* the link takes them from the front */
    struct evbuffer *first; /* NULL, or what the link takes before `bytes`: see output_divide */
    struct evbuffer *held;  /* whole lines that wait for the end of the open line */
    struct task *task;      /* borrowed: woken when the output fails and when a line is closed */
    bool line_open;
    bool failed; /* set by output_fail, never cleared */
    bool sealed; /* set by output_seal, never cleared */
};

/* False: out of memory; output_clear may be called in either case. */
bool output_init(struct output *output, struct task *task) __attribute__((warn_unused_result));
void output_clear(struct output *output); /* a zeroed output may be cleared */

/* Appends to the present line. A failure is noted; nothing is written after output_seal. */
void output_format(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends octets as they are. A failure is noted. */
void output_bytes(struct output *output, struct slice bytes);
void output_move(struct output *output, struct evbuffer *from); /* all of `from`, which is empty afterwards */
/* For printers that append to an evbuffer and return false when memory is out: print to output->bytes and hand the
 * result to output_check. */
void output_check(struct output *output, bool printed);

/* Begins one line, which lasts until output_close_line. Opening an open line again is allowed. */
void output_open_line(struct output *output);
/* The line has been written whole: the held lines follow it. Nothing happens if no line is open. */
void output_close_line(struct output *output);
/* A whole line, CRLF included: now, or after the open line. */
void output_whole_line(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));

void output_fail(struct output *output); /* out of memory: takes nothing more, wakes the task */
/* Has memory been out, or output_fail been called? */
bool output_failed(const struct output *output);
void output_seal(struct output *output);        /* the session ends: takes nothing more */
bool output_takes(const struct output *output); /* neither failed nor sealed */
/* The link must not mix what has been written with what follows: it takes output_first until that is empty, then calls
 * output_join. No line is open. */
void output_divide(struct output *output);
void output_join(struct output *output); /* what is to be taken first is empty by now */
bool output_is_divided(const struct output *output);
struct evbuffer *output_first(const struct output *output); /* what the link takes now; borrowed */
/* Octets that the link can take now; held lines do not count. */
size_t output_length(const struct output *output);

#endif
