/* How a client is told what a search has found, in its own numbers at the moment of writing. RFC 3501 section 7.2.5,
 * RFC 4731 section 3.1. And what `$` stands for from then on: RFC 5182. */
#ifndef IMAPMUX_SESSION_FOUND_H
#define IMAPMUX_SESSION_FOUND_H

#include "imap/search_return.h"
#include "imap/seqset.h"
#include "session/state.h"

/* What a client can save: ranges of UIDs, each 8 octets. Messages that are neighbours in the mailbox are one range. */
#define FOUND_SAVED_MAX 100000

/* Writes the answer of the search in progress: "* ESEARCH" with what `options` ask for if RETURN was written, else
 * "* SEARCH" with all. uids: resolved; those that the view does not count, or that are gone, are left out. The
 * command's UID form tells UIDs. Out of memory fails the output. There must be a view. */
void found_write(struct session *session, const struct seqset *uids, const struct search_return *options);

/* Saves what `options` mean `$` to be, if they have SAVE: all that was found, or of MIN and MAX alone only these.
 * uids: as found_write. False: it is too much, and nothing is saved. Out of memory fails the output. */
bool found_save(struct session *session, const struct seqset *uids, const struct search_return *options)
    __attribute__((warn_unused_result));
/* The search was answered NO: with SAVE nothing is saved now. Nothing happens without a view. */
void found_save_nothing(struct session *session, const struct search_return *options);

#endif
