/* Telling a client what has changed in its selected mailbox, in the lines and only at the times that design and RFC
 * 3501 section 7.4.1 permit. All of it does nothing without a view. */
#ifndef IMAPMUX_SESSION_TELL_H
#define IMAPMUX_SESSION_TELL_H

#include <stdbool.h>

#include "imap/seqset.h"
#include "session/state.h"

/* "* n EXISTS" and "* n RECENT" if messages have arrived: may come at any time while a command is in progress. Before
 * anything about a message that the view lacks, and at the turn of UID FETCH, UID STORE, UID COPY, UID MOVE and all
 * searches before their set is looked at. */
void tell_arrivals(struct session *session);

/* Before the tagged answer: expunges, if the command permits them now (not FETCH, STORE, SEARCH by number; not while
 * the queue holds a further command that uses numbers, except those in `own`: what this EXPUNGE or MOVE itself removed,
 * NULL: none), arrivals, RECENT if it differs, flags. Called by session_finish with own = NULL; EXPUNGE, UID EXPUNGE
 * and MOVE call it themselves before. */
void tell_before_tag(struct session *session, const struct seqset *own);

/* In IDLE: everything but flags at once; flags too if with_flags. */
void tell_in_idle(struct session *session, bool with_flags);

/* "* n FETCH (FLAGS (...))", with UID if with_uid, a * FLAGS line before it where a keyword is new; notes it as told.
 */
void tell_fetch_flags(struct session *session, const struct message *message, bool with_uid);
/* The * FLAGS line, if this message shows a keyword that the client was not told of. Goes before a FETCH line that
 * shows FLAGS. */
void tell_flags_line(struct session *session, const struct message *message);

#endif
