/* The one place that turns a client's numbers into UIDs. Called at the command's turn, never earlier and never later.
 * `$` is what the
 * view has saved, without what is gone. RFC 3501 section 9 "sequence-set", RFC 2180, RFC 5182. */
#ifndef IMAPMUX_SESSION_RENUMBER_H
#define IMAPMUX_SESSION_RENUMBER_H

#include "imap/search.h"
#include "imap/seqset.h"
#include "mailbox/view.h"

enum renumber_result {
    RENUMBER_OK,
    RENUMBER_BAD_SET,    /* not a sequence set */
    RENUMBER_NO_MESSAGE, /* 0, a number above the view's count, or any number in an empty view: BAD for FETCH, STORE,
                            COPY, MOVE */
    RENUMBER_NO_MEMORY,
};

/* The argument of FETCH, STORE, COPY, MOVE, UID EXPUNGE: the UIDs that it means in this view, ghosts included. uid: it
 * names UIDs (those that the view does not count are left out, `*` is the view's last). `uids` must be empty before. */
enum renumber_result renumber_set(const struct view *view, struct slice written, bool uid, struct seqset *uids);
/* UIDs as they were written, also those that the view does not count: for what asks about the messages that are gone.
 * `uids` must be empty before. */
enum renumber_result renumber_unclipped(const struct view *view, struct slice written, struct seqset *uids);
const char *renumber_fault(enum renumber_result result); /* for BAD, NO */

/* For SEARCH: ranges are cut to the view, ghosts are left out, nothing is an error. dense ranges (see
 * uid_map_intersect_dense). */
struct search_translation renumber_search(const struct view *view);

/* The other way: UIDs into the client's numbers (uid: left as they are), those that the view does not count left out.
 * `uids` is resolved, or in an order of its own (seqset_write_next), and so is `numbers`, which must be empty before.
 * False: out of memory. */
bool renumber_back(const struct view *view, const struct seqset *uids, bool uid, struct seqset *numbers);

#endif
