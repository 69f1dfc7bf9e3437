/* The values of a server's FETCH answers: which may answer an item, and how a client is given them. RFC 3501 section 9
 * "msg-att", RFC 3516, RFC 8474, RFC 8514, RFC 8970. */
#ifndef IMAPMUX_IMAP_FETCH_VALUE_H
#define IMAPMUX_IMAP_FETCH_VALUE_H

#include <stdbool.h>

#include "imap/fetch_items.h"

/* Is it of the form that the item's grammar asks for? Of the items of RFC 3501 every value is: clients have learned to
 * read what servers send. */
bool fetch_value_fits(const struct fetch_item *item, const struct value *value);
/* Appends the value as the grammar of the item asks. Only BINARY has a literal8, for octets with NUL: that of any other
 * item becomes a literal. False: out of memory. */
bool fetch_value_print(const struct fetch_item *item, const struct value *value, struct evbuffer *out)
    __attribute__((warn_unused_result));

#endif
