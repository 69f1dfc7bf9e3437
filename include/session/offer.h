/* A client's list of capabilities. Before login it has imapmux's own. After login it has the upstream's, if imapmux can
 * carry them for several clients at once, and imapmux's additions. All others are hidden. A client keeps the list that
 * it was told when it logged in. RFC 3501 section 7.2.1. */
#ifndef IMAPMUX_SESSION_OFFER_H
#define IMAPMUX_SESSION_OFFER_H

#include <stdbool.h>

#include "imap/capability.h"
#include "imap/search_return.h"
#include "session/extensions.h"

struct evbuffer;

#define OFFER_WORDS 2

/* The upstream's capabilities when the client was told its list, and what it was offered. Zeroed: none. */
struct offer {
    bool has[CAPABILITY_COUNT];
    uint64_t extensions[OFFER_WORDS]; /* a bit for each of session/extensions.h */
    uint64_t hushed[OFFER_WORDS];     /* likewise: of those offered, not shown any more */
};

struct offer_before_login {
    bool starttls; /* can be done, and has not been */
    bool login;    /* LOGIN and AUTHENTICATE are permitted on this connection as it is */
    bool tokens;   /* so are XOAUTH2 and OAUTHBEARER */
};

/* Keeps the upstream's capabilities of now; the former list is replaced. */
void offer_note(struct offer *offer, const struct capability_set *capabilities);
/* This extension is not offered after all. */
void offer_withdraw(struct offer *offer, struct slice name);
/* This extension is not shown any more: there is nothing left of it to use. Its words are permitted as before. */
void offer_hush(struct offer *offer, struct slice name);
/* Has the client been offered an extension to which this word belongs? True as well for a word of none. */
bool offer_permits(const struct offer *offer, enum extension_word kind, struct slice word);
/* Does the word belong to an extension that the client has been offered? */
bool offer_adds(const struct offer *offer, enum extension_word kind, struct slice word);
/* Is this the text of a response code ("WORD arguments") that the client may be told? NULL: no. */
bool offer_permits_code(const struct offer *offer, const char *code);
/* The keys and options of RETURN that a SEARCH of this client may have. `offer` is borrowed. */
struct search_permit offer_search_permit(const struct offer *offer);
/* The same of a SORT: `key` is about the keys of the search. */
struct search_permit offer_sort_permit(const struct offer *offer);
/* Did the upstream have it when offer_note was called? */
bool offer_has(const struct offer *offer, enum capability capability);
/* Does the upstream lack something now (`capabilities`) that the client was offered? */
bool offer_has_lost(const struct offer *offer, const struct capability_set *capabilities);

/* The atoms after "CAPABILITY ", without CRLF. Out of memory: append_failed(out). */
void offer_print_before_login(const struct offer_before_login *offer, struct evbuffer *out);
/* As offer_print_before_login, for a client that is logged in. capabilities: the upstream's, for those of its words
 * that vary (THREAD=...). append_max: octets of the largest message that imapmux takes; no larger APPENDLIMIT is told.
 */
void offer_print(const struct offer *offer, const struct capability_set *capabilities, uint64_t append_max,
                 struct evbuffer *out);

#endif
