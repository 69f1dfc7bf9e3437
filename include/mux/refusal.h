/* Why a server refuses a session, told from where it refuses, from its code and from its words. Only
 * REFUSAL_CREDENTIALS may ever be shown to a client as a wrong password. RFC 5530; what real servers say stands in the
 * table of the tests. */
#ifndef IMAPMUX_MUX_REFUSAL_H
#define IMAPMUX_MUX_REFUSAL_H

#include "imap/response.h"
#include "mux/settings.h"

enum refusal_stage {
    REFUSAL_AT_CONNECT,  /* no line, no TLS, or closed before a greeting */
    REFUSAL_AT_GREETING, /* BYE, PREAUTH, or something else than OK */
    REFUSAL_AT_LOGIN,    /* the answer to LOGIN or AUTHENTICATE, or BYE, or the end instead of it */
    REFUSAL_AT_FIRST_COMMAND,
};

enum refusal {
    REFUSAL_NONE, /* no refusal: the words mean something else */
    REFUSAL_LIMIT,
    REFUSAL_THROTTLED,
    REFUSAL_TEMPORARY,
    REFUSAL_CREDENTIALS,
    REFUSAL_UNKNOWN,
};

/* status: of the answer; RESPONSE_BYE for an untagged BYE. line: code and text as one text, "[LIMIT] Maximum number
 * ...". At REFUSAL_AT_FIRST_COMMAND anything that has no words of a limit or of a temporary failure is REFUSAL_NONE. */
enum refusal refusal_classify(enum refusal_stage stage, enum response_status status, struct slice line,
                              const struct upstream_settings *settings);
/* In words, for the log; a constant. */
const char *refusal_name(enum refusal refusal);
/* How long the server wants to be left alone, in microseconds, at most one hour; 0: it does not say. Read from words
 * such as "Suggested Backoff Time: 92415 milliseconds" and "try again in 5 minutes". One hour for words that are known
 * to hold for a day. */
usec refusal_backoff(struct slice line);

#endif
