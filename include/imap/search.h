/* SEARCH keys as a tree: a client's search is parsed whole, the owner translates its numbers, and it is printed again.
 * RFC 3501 section 6.4.4; RFC 5032 (WITHIN), RFC 8474 (OBJECTID), RFC 8514 (SAVEDATE), X-GM-EXT-1; RFC 4731
 * (RETURN). */
#ifndef IMAPMUX_IMAP_SEARCH_H
#define IMAPMUX_IMAP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/slice.h"
#include "imap/outgoing.h"
#include "imap/search_return.h"
#include "imap/seqset.h"
#include "imap/value.h"

enum search_kind {
    SEARCH_AND,     /* a parenthesised list, and the whole search: children */
    SEARCH_OR,      /* two children */
    SEARCH_NOT,     /* one child */
    SEARCH_NUMBERS, /* a sequence set by number */
    SEARCH_UIDS,    /* UID set */
    SEARCH_RECENT,
    SEARCH_NEW,   /* RECENT UNSEEN */
    SEARCH_OLD,   /* NOT RECENT */
    SEARCH_PLAIN, /* any other key: its name and its argument values, as they are */
};

struct search_key {
    enum search_kind kind;
    struct search_key *first; /* children */
    struct search_key *next;
    struct slice written;         /* NUMBERS, UIDS: the set as written, valid; `$` may stand in it */
    const char *name;             /* PLAIN: upper-case name */
    const struct value *argument; /* PLAIN: its first argument (next: the second, HEADER's) */
    unsigned argument_count;      /* PLAIN: 0 to 2 */
};

struct search {
    struct search_return options;
    struct slice charset;   /* empty: none given */
    bool charset_first;     /* it stands without its word before the keys */
    struct search_key *key; /* SEARCH_AND */
};

/* The arguments of SEARCH: RETURN and CHARSET, each if it stands there, and the keys. False: *error is a constant text
 * (a key or option that is unknown or not permitted, a missing or malformed argument such as a date or a number, depth
 * above 100). Values borrowed. */
bool search_parse(const struct value *arguments, const struct search_permit *permit, struct arena *arena,
                  struct search *search, const char **error) __attribute__((warn_unused_result));

/* The last arguments of SORT and THREAD: a charset, and the keys. Otherwise as search_parse. RFC 5256 section 5. */
bool search_parse_charset_first(const struct value *arguments, const struct search_permit *permit, struct arena *arena,
                                struct search *search, const char **error) __attribute__((warn_unused_result));

/* The owner's translation of sets, and of keys that only one session can judge. Each fills `uids` (resolved, empty
 * before). False: out of memory. */
struct search_translation {
    bool (*numbers)(void *context, struct slice written, struct seqset *uids);
    bool (*uids)(void *context, struct slice written, struct seqset *uids);
    bool (*recent)(void *context, struct seqset *uids);
    void *context;
};

/* Writes "CHARSET x keys" (or the keys alone), never RETURN: sets as "UID 1:3", an empty one as "NOT ALL", RECENT as
 * its UIDs, NEW and OLD from them. False: out of memory. */
bool search_print_upstream(const struct search *search, const struct search_translation *translation,
                           struct outgoing *out) __attribute__((warn_unused_result));

#endif
