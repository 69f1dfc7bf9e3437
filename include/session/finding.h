/* What a UID SEARCH or UID SORT of the server has found, and whether it has said so: for SEARCH, and for the searches
 * that CLOSE and STATUS make. RFC 3501 section 7.2.5, RFC 4731 section 3.1. */
#ifndef IMAPMUX_SESSION_FINDING_H
#define IMAPMUX_SESSION_FINDING_H

#include <stdbool.h>

#include "imap/outgoing.h"
#include "imap/response.h"
#include "imap/seqset.h"
#include "session/state.h"

/* Zero-initialised: nothing has been asked. */
struct finding {
    struct seqset uids; /* found so far */
    bool asked;         /* the command has been written */
    bool sorted;        /* it is a UID SORT; `uids` is as written, in the server's order */
    bool due;           /* asked with RETURN: the server must answer even if nothing is found */
    bool answered;      /* by SEARCH or ESEARCH */
    bool unreadable;    /* one of these could not be read */
};

void finding_clear(struct finding *finding); /* nothing has been asked then */
/* It is asked (again): writes "UID SEARCH ", or with RETURN (ALL) where the server can. The keys follow. */
void finding_ask(struct finding *finding, const struct session *session, struct outgoing *out);
/* The same of "UID SORT ". The criteria follow. RFC 5256, RFC 5267 (ESORT). */
void finding_ask_sorted(struct finding *finding, const struct session *session, struct outgoing *out);
/* Takes an untagged response, whatever it is. Out of memory fails the output. */
void finding_take(struct finding *finding, const struct response *response, struct output *output);
/* Behind OK: has the server told what it has found? Without RETURN one that has found nothing may say nothing. */
bool finding_is_told(const struct finding *finding);
/* NO, where it has not. */
void finding_refuse(struct session *session);

#endif
