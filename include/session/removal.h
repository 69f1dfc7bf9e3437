/* The rest of a MOVE that is made of COPY, STORE +FLAGS \Deleted and UID EXPUNGE (RFC 6851 section 4.3 says what it may
 * be made of), when its session ends before, or its client is no longer to wait: the account finishes it, or the
 * messages stay in both mailboxes. */
#ifndef IMAPMUX_SESSION_REMOVAL_H
#define IMAPMUX_SESSION_REMOVAL_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "imap/seqset.h"
#include "imap/value.h"
#include "mux/job.h"

enum removal_step {
    REMOVAL_COPY,   /* COPY is in flight: its messages are removed if it is answered OK */
    REMOVAL_MARK,   /* they are copied, and are to be \Deleted */
    REMOVAL_EXPUNGE /* and expunged */
};

/* Takes over the job, which is at this step, from its owner, who must forget it. uids: the messages to be removed; for
 * REMOVAL_COPY those that the command names. They are copied. `until`: after this time the account no longer stays for
 * it. False: nothing has happened (out of memory, or the COPY has not been sent, so that nothing was begun). */
bool removal_inherit(struct job *job, enum removal_step step, const struct seqset *uids, usec until)
    __attribute__((warn_unused_result));

/* "UID STORE uids +FLAGS (\Deleted)" or "UID EXPUNGE uids", of those that live. JOB_NOTHING: none does. */
enum job_turn removal_build(enum removal_step step, const struct seqset *uids, const struct mailbox *mailbox,
                            struct outgoing *out);

#endif
