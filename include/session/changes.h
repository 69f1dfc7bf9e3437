/* Which messages of a set have changed since a mod-sequence, and which have gone: for FETCH with CHANGEDSINCE and for
 * SELECT with QRESYNC. Answered from the truth where that is certain, else by the server. RFC 7162 section 3.1.4.1,
 * 3.2.5, 3.2.6. */
#ifndef IMAPMUX_SESSION_CHANGES_H
#define IMAPMUX_SESSION_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/outgoing.h"
#include "imap/response.h"
#include "imap/seqset.h"
#include "session/state.h"

struct changes {
    struct seqset asked;   /* UIDs, resolved; also of messages that are no more */
    uint64_t since;        /* 0: nothing is asked */
    bool vanished;         /* those that have gone are wanted */
    struct seqset changed; /* living ones of `asked` that have changed, or may have; their flags are in the truth */
    struct seqset gone;    /* UIDs of `asked` that have been expunged; some from before `since`, perhaps */
    bool gone_untold;      /* the server cannot say which, or not readably: all that are not there */
};

void changes_clear(struct changes *changes);
/* The value after CHANGEDSINCE, or the one of QRESYNC: 1 to 63 bits. False: it is none. */
bool changes_read_modseq(const struct value *value, uint64_t *modseq) __attribute__((warn_unused_result));
/* As `build`, `fetch` and `untagged` of struct run_step. May be built again. */
enum job_turn changes_build(struct changes *changes, const struct session *session, const struct mailbox *mailbox,
                            struct outgoing *out);
void changes_fetch(struct changes *changes, uint32_t uid, struct output *output);
void changes_untagged(struct changes *changes, const struct response *response, struct output *output);
/* Behind OK: `changed` and `gone` hold what the client may be told of now. False: out of memory. */
bool changes_settle(struct changes *changes, const struct view *view) __attribute__((warn_unused_result));
/* "* VANISHED (EARLIER) set", if there are any. */
void changes_tell_gone(const struct changes *changes, struct output *output);

#endif
