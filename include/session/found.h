/* How a client is told what a search has found, in its own numbers at the moment of writing; and what `$` stands for
 * from then on. RFC 3501 section 7.2.5, RFC 4731 section 3.1, RFC 5182, RFC 5256, RFC 9394. */
#ifndef IMAPMUX_SESSION_FOUND_H
#define IMAPMUX_SESSION_FOUND_H

#include "imap/search_return.h"
#include "session/finding.h"
#include "session/state.h"

/* What a client can save: ranges of UIDs, each 8 octets. Messages that are neighbours in the mailbox are one range. */
#define FOUND_SAVED_MAX 100000

/* The server's OK has come: answers the command in progress. Of what was found those are told that live and that the
 * view counts, in the server's order: "* ESEARCH" with what `options` ask for if RETURN was written, else "* SEARCH" or
 * "* SORT" with all; the UID form tells UIDs. With SAVE all of them are saved, or of MIN, MAX and PARTIAL alone only
 * these. NO if the server has not said what it has found, or if it is too much to be saved. There must be a view. */
void found_answer(struct session *session, const struct finding *finding, const struct search_return *options);
/* The search was answered NO: with SAVE nothing is saved now. Nothing happens without a view. */
void found_save_nothing(struct session *session, const struct search_return *options);

#endif
