/* RETURN of SEARCH and SORT: what a client wants to be told of the messages found. RFC 4731 section 3.1, RFC 5182,
 * RFC 9394 section 3.1, RFC 9051 section 6.4.4. */
#ifndef IMAPMUX_IMAP_SEARCH_RETURN_H
#define IMAPMUX_IMAP_SEARCH_RETURN_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/seqset.h"
#include "imap/value.h"

/* A part of what was found, by its places from the first (1) or from the last (-1). Zero-initialised: none. */
struct search_partial {
    struct slice written; /* "1:100", "-1:-100"; borrowed */
    bool from_end;
    uint32_t low, high; /* 0: none was asked for; else 1 <= low <= high */
};

/* Zero-initialised: no RETURN was written. */
struct search_return {
    bool given; /* RETURN was written; without any option it means ALL, and then `all` is set */
    bool min, max, all, count, save;
    struct search_partial partial; /* never together with `all` */
};

/* Which words of extensions the owner of a search may use; compared without case. */
struct search_permit {
    bool (*key)(const void *context, struct slice name);    /* also asked about the keys of RFC 3501 */
    bool (*option)(const void *context, struct slice name); /* of RETURN */
    const void *context;
};

/* Reads the list behind RETURN. False: *error is a constant text (not a list, an option that is unknown or not
 * permitted). */
bool search_return_parse(const struct value *list, const struct search_permit *permit, struct search_return *options,
                         const char **error) __attribute__((warn_unused_result));
/* Reads what stands behind PARTIAL. False: it is no such range. */
bool search_partial_parse(const struct value *value, struct search_partial *partial)
    __attribute__((warn_unused_result));
/* Puts those of `all` (resolved, or in an order of its own) that stand in these places behind `chosen`, in their order.
 * False: out of memory. */
bool search_partial_choose(const struct search_partial *partial, const struct seqset *all, struct seqset *chosen)
    __attribute__((warn_unused_result));
/* Is anything to be told but whether the search was carried out? */
bool search_return_tells(const struct search_return *options);

#endif
