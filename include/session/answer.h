/* A client's answer at the end of an upstream command: the server's response code and words where they may be handed
 * on, else imapmux's own words. RFC 3501 section 7.1, RFC 5530. */
#ifndef IMAPMUX_SESSION_ANSWER_H
#define IMAPMUX_SESSION_ANSWER_H

#include <stdbool.h>

#include "mux/job.h"

struct answer {
    enum response_status status; /* RESPONSE_OK, _NO or _BAD */
    const char *code;            /* what stands in brackets; NULL: nothing */
    const char
        *text; /* for a human, as the server wrote it, never empty; NULL (status OK only): the usual "... completed." */
    char *own_code, *own_text; /* private: owned copies that code and text point to */
};

/* changes: done twice, the command would not be the same as done once (ROW_CHANGES). lost: the server lacks a
 * capability now that the client was offered. Fills `answer`, to be cleared by answer_clear. A code that holds numbers
 * of messages is never handed on, nor arguments that its grammar does not have. False: out of memory; nothing is to be
 * cleared. */
bool answer_of_result(const struct job_result *result, bool changes, bool lost, struct answer *answer)
    __attribute__((warn_unused_result));
/* Frees its copies. A zeroed answer may be cleared. */
void answer_clear(struct answer *answer);

#endif
