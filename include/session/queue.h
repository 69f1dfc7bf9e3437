/* Commands that have arrived whole and wait for their turn, oldest first. */
#ifndef IMAPMUX_SESSION_QUEUE_H
#define IMAPMUX_SESSION_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "imap/command.h"
#include "imap/response.h"

struct shared_spool;

/* The messages of an APPEND, or parts of them, as they were read: the spooled literals of the line, one behind the
 * other. Zeroed: there is none. */
struct upload {
    struct shared_spool *spool; /* held; NULL: there is none, or no room for it */
    uint64_t size;              /* octets of all, as announced */
    bool failed;                /* set when the spool took no more; the upload is refused */
};

/* The answer to a command that is not run. Constant texts. */
struct refused {
    enum response_status status; /* RESPONSE_NO or RESPONSE_BAD */
    const char *code;            /* what stands in brackets, or NULL */
    const char *text;
};

/* A command that has arrived. Its values live in its arena and its bytes. */
struct queued {
    struct queued *next;
    struct command command;
    struct arena arena;
    char *bytes; /* the line; owned, may hold a password */
    size_t length;
    struct upload upload;
    const struct refused *refused; /* NULL: run it; else it is answered like this at its turn. Borrowed, constant */
};

/* Copies and parses the line; values_max bounds its parsed arguments in octets. A malformed command is queued as well,
 * with command.fault. Returns owned; NULL: out of memory. */
struct queued *queued_new(struct line line, size_t values_max) __attribute__((warn_unused_result));
void queued_free(struct queued *queued); /* wipes the input, lets go of the upload; NULL is allowed */

/* Zero-initialised: empty. */
struct queue {
    struct queued *first;
    size_t length;
    size_t octets; /* of their lines and values */
};

/* Beyond that no more is read; one command that is read may go beyond it. */
#define QUEUE_OCTETS_MAX ((size_t)256 * 1024)

void queue_add(struct queue *queue, struct queued *queued); /* takes; at the end */
struct queued *queue_take(struct queue *queue);             /* the oldest; returns owned; NULL: empty */
/* Frees all that wait. */
void queue_clear(struct queue *queue);
/* Does one of them name messages by number (command_uses_numbers)? Then no EXPUNGE may shift the numbers now. */
bool queue_uses_numbers(const struct queue *queue);
bool queue_has(const struct queue *queue, enum command_name name);

#endif
