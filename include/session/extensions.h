/* Every extension of IMAP that imapmux knows: passed through, added or hidden, what it needs of the server, and which
 * words of the protocol belong to it. The one list: what a client is offered (session/offer.h), what it may say, and
 * docs/extensions.md follow it. RFC 3501 section 7.2.1. */
#ifndef IMAPMUX_SESSION_EXTENSIONS_H
#define IMAPMUX_SESSION_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "imap/capability.h"

enum extension_treatment {
    EXTENSION_PASSED, /* offered where the server has what it needs, which carries it out */
    EXTENSION_ADDED,  /* imapmux carries it out, where the server has what that needs */
    EXTENSION_HIDDEN, /* offered to nobody: `why` */
};

/* The kinds of words that an extension adds to the protocol. */
enum extension_word {
    WORD_COMMAND,
    WORD_ENABLE,         /* argument of ENABLE */
    WORD_SELECT,         /* parameter of SELECT and EXAMINE */
    WORD_CREATE,         /* parameter of CREATE */
    WORD_FETCH,          /* item of FETCH, up to a bracket or angle */
    WORD_FETCH_MODIFIER, /* after the items */
    WORD_STORE,          /* item of STORE, without sign and .SILENT */
    WORD_STORE_MODIFIER, /* before the item */
    WORD_STATUS,         /* item of STATUS */
    WORD_SEARCH,         /* search key */
    WORD_SEARCH_RETURN,  /* option of RETURN in SEARCH */
    WORD_SORT,           /* sort key */
    WORD_SORT_RETURN,    /* option of RETURN in SORT */
    WORD_LIST_SELECTION, /* option before the reference of LIST */
    WORD_LIST_RETURN,    /* option of RETURN in LIST */
    WORD_CODE,           /* response code that is handed on to clients */
    WORD_KINDS,
};

#define EXTENSION_NEEDS 3

struct extension {
    const char *name; /* as CAPABILITY has it. Ends in =: the server's own words that begin so */
    enum extension_treatment treatment;
    enum capability needs[EXTENSION_NEEDS]; /* the server has one of them; IMAP4REV1 in the first place: nothing */
    const char *words[WORD_KINDS];          /* separated by spaces; NULL: none */
    const char *why;                        /* of a hidden one; else NULL, or what is to be known of it */
};

/* All of them, in the order of docs/extensions.md. `index` below extensions_count(). */
size_t extensions_count(void);
const struct extension *extensions_at(size_t index);

/* Has the server what it needs, and is it not hidden? */
bool extension_is_possible(const struct extension *extension, const struct capability_set *server);
/* Is this word, compared without case, one of the extension's of that kind? */
bool extension_has_word(const struct extension *extension, enum extension_word kind, struct slice word);

#endif
