/* The demands of a job on an upstream session before its command can be built, and the commands already sent for it.
 */
#ifndef IMAPMUX_MUX_WISH_H
#define IMAPMUX_MUX_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "mailbox/mailbox.h"

enum wish_need {
    WISH_NOTHING,  /* whatever is selected will do */
    WISH_LEFT,     /* no mailbox is selected */
    WISH_SELECTED, /* the mailbox is selected, its map in step, the tail asked for */
    WISH_LOOK,     /* the upstream has been asked about the mailbox since, by STATUS if it is not selected */
    WISH_FRESH,    /* selected as above, and the server has been made to look for news since */
    WISH_FLAGS,    /* the same, and all flags are in step */
};

/* Written by selection only; zeroed when the job is added. */
struct wish_progress {
    bool asked;      /* WISH_LOOK: STATUS has been sent; cleared when the connection is lost */
    unsigned passes; /* WISH_FLAGS: parts of the flags that were asked for */
};

struct wish {
    enum wish_need need;
    struct mailbox *mailbox; /* NULL: WISH_NOTHING and WISH_LEFT */
    bool read_write;         /* it must have been SELECTed, not EXAMINEd */
    bool background;         /* WISH_FLAGS: nobody waits, so a look is not owed */
    uint64_t submitted;      /* ground->commands when the job came: a look is one after that */
    struct wish_progress *progress;
};

#endif
