/* RETURN of SEARCH and SORT: what a client wants to be told of the messages found. RFC 4731 section 3.1, RFC 5182,
 * RFC 9394 section 3.1, RFC 9051 section 6.4.4. */
#ifndef IMAPMUX_IMAP_SEARCH_RETURN_H
#define IMAPMUX_IMAP_SEARCH_RETURN_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/value.h"

/* Zero-initialised: no RETURN was written. */
struct search_return {
    bool given; /* RETURN was written; without any option it means ALL, and then `all` is set */
    bool min, max, all, count, save;
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
/* Is anything to be told but whether the search was carried out? */
bool search_return_tells(const struct search_return *options);

#endif
