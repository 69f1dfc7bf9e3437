/* A set of UIDs that goes upstream in as many commands as it needs (COPY, MOVE, UID EXPUNGE, CLOSE). A command that was
 * not carried out is built again with the same part: only parts_done ends that part, once the command is answered. */
#ifndef IMAPMUX_SESSION_PARTS_H
#define IMAPMUX_SESSION_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "imap/outgoing.h"
#include "imap/seqset.h"
#include "mailbox/uid_map.h"
#include "mailbox/view.h"
#include "mux/job.h"

/* Zero-initialised: nothing is left. */
struct parts {
    struct seqset left; /* UIDs not yet answered; filled by the owner before the first part is taken */
    size_t in_flight;   /* of the first ranges of left: in the command built last */
};

/* Frees the set; nothing is left then. */
void parts_clear(struct parts *parts);
/* Adds to `part` the next ranges of at most `octets` when printed (at least one). False: out of memory. */
bool parts_take(struct parts *parts, size_t octets, struct seqset *part) __attribute__((warn_unused_result));
/* Adds the messages that the view counts and that are \Deleted in the truth. False: out of memory. */
bool parts_add_deleted(struct parts *parts, const struct view *view) __attribute__((warn_unused_result));
/* Does the truth know the flags of all messages that the view counts, if perhaps not the latest? */
bool parts_knows_deleted(const struct view *view);
void parts_take_all(struct parts *parts); /* the command that is built now is about all that is left */
void parts_done(struct parts *parts);     /* the part in flight is answered */

/* Writes "UID EXPUNGE" of those of the next part that are in `map`. uidplus: the server has it (RFC 4315); without it
 * "EXPUNGE", and everything is that part. JOB_NOTHING: none of them lives. JOB_REFUSE: out of memory. */
enum job_turn parts_build_expunge(struct parts *parts, const struct uid_map *map, size_t octets, bool uidplus,
                                  struct outgoing *out);

#endif
