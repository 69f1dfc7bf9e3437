/* Telling a client the changes in its selected mailbox: the only place that moves a view's numbers, line by line
 * as each is written. The caller decides whether they may be written now: RFC 3501 section 5.2, 5.5 and 7.4.1. EXPUNGE
 * may not during FETCH, STORE or SEARCH by number, nor while a client's next command uses numbers, except for what its
 * own EXPUNGE or MOVE removed.
 *
 * Where `view` may be NULL (nothing is selected) or has ended (its mailbox is gone), or where the output takes nothing
 * more, nothing happens. */
#ifndef IMAPMUX_SESSION_TELL_H
#define IMAPMUX_SESSION_TELL_H

#include <stdbool.h>

#include "imap/seqset.h"
#include "mailbox/view.h"
#include "session/enabled.h"
#include "session/output.h"

/* "* n EXISTS" and "* n RECENT" if messages have arrived: permitted at any time while a command is in progress. Called
 * before any line about a message that the view lacks. Also called at the turn of UID FETCH, UID STORE, UID COPY, UID
 * MOVE and all searches, before their set is read. view: may be NULL. */
void tell_arrivals(struct view *view, struct output *output);

/* "* n EXPUNGE", or with QRESYNC one VANISHED, for the messages in `own` (UIDs), but not in `others`, that are gone and
 * that the view still counts: the client's own EXPUNGE or MOVE removed them. view: may be NULL. Those that others
 * removed are told by tell_news. */
void tell_own_expunges(struct view *view, struct output *output, const struct enabled *enabled,
                       const struct seqset *own, const struct seqset *others);

/* What tell_news tells beside arrivals and a changed RECENT. */
struct tell_kinds {
    bool expunges;
    bool flags;
};

/* Tells the news, expunges first, but at most TELL_SLICE lines of expunges and flags, so that nobody else waits for a
 * client with a million of them. False: some are left, to be told by calling it again in the session's next step. view:
 * may be NULL. */
#define TELL_SLICE 10000
bool tell_news(struct view *view, struct output *output, const struct enabled *enabled, struct tell_kinds kinds)
    __attribute__((warn_unused_result));

struct tell_form {
    const struct enabled *enabled; /* CONDSTORE: with MODSEQ and UID (RFC 7162 section 3.2.4) */
    bool uid;                      /* with UID in any case */
};

/* "* n FETCH (FLAGS (...))", a * FLAGS line before it where a keyword is new; notes it as told. The view counts the
 * message. */
void tell_fetch_flags(struct view *view, struct output *output, const struct message *message, struct tell_form form);
/* "MODSEQ (n)", as an item of a FETCH line. The message's mod-sequence is known. */
void tell_modseq(struct view *view, struct output *output, const struct message *message);
/* The * FLAGS line, if this message shows a keyword that the client was not told of. Goes before a FETCH line that
 * shows FLAGS. */
void tell_flags_line(struct view *view, struct output *output, const struct message *message);

/* "* OK [HIGHESTMODSEQ n]", up to which the client has been told everything; nothing where there is none. */
void tell_highestmodseq(const struct view *view, struct output *output);
/* The same before a tagged answer, but only where the client, by the mod-sequences that it has read, would take a
 * higher one for it: an expunge is still to be told, or the server holds changes back (RFC 7162 section 3.2). view: may
 * be NULL. */
void tell_settled_modseq(struct view *view, struct output *output, const struct enabled *enabled);

#endif
