/* How a client is told what a search has found, in its own numbers at the moment of writing. RFC 3501 section 7.2.5,
 * RFC 4731 section 3.1. */
#ifndef IMAPMUX_SESSION_FOUND_H
#define IMAPMUX_SESSION_FOUND_H

#include "imap/search_return.h"
#include "imap/seqset.h"
#include "session/state.h"

/* Writes the answer of the search in progress: "* ESEARCH" with what `options` ask for if RETURN was written, else
 * "* SEARCH" with all. uids: resolved; those that the view does not count, or that are gone, are left out. The
 * command's UID form tells UIDs. Out of memory fails the output. There must be a view. */
void found_write(struct session *session, const struct seqset *uids, const struct search_return *options);

#endif
