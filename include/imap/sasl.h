/* SASL exchanges PLAIN and LOGIN, and base64. RFC 4616, RFC 3501 section 6.2.2, RFC 4959 (initial response). */
#ifndef IMAPMUX_IMAP_SASL_H
#define IMAPMUX_IMAP_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* Strict base64 (padding owed, no white space). Writes into buffer; false: malformed or too small a buffer. An empty
 * text gives no bytes. */
bool base64_decode(struct slice text, char *buffer, size_t size, size_t *length) __attribute__((warn_unused_result));
/* Writes a NUL-terminated text; size must be at least 4 * ((length + 2) / 3) + 1. */
bool base64_encode(struct slice bytes, char *buffer, size_t size) __attribute__((warn_unused_result));

/* authzid NUL authcid NUL password. The slices are borrowed from the message. False: malformed, an empty authcid. */
struct sasl_plain {
    struct slice authorization_id; /* may be empty */
    struct slice authentication_id;
    struct slice password;
};
bool sasl_plain_parse(struct slice message, struct sasl_plain *plain) __attribute__((warn_unused_result));

#endif
