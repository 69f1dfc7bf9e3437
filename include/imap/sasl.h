/* SASL messages of PLAIN, XOAUTH2 and OAUTHBEARER, and base64. RFC 4616, RFC 7628, RFC 4959 (initial response). XOAUTH2
 * is Google's forerunner of OAUTHBEARER, described by its vendors only. */
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
/* Takes a decoded PLAIN message apart (RFC 4616). False: malformed, or an empty authcid. */
bool sasl_plain_parse(struct slice message, struct sasl_plain *plain) __attribute__((warn_unused_result));
/* False: does not fit into size. The message is a secret: the caller wipes it. */
bool sasl_plain_print(const struct sasl_plain *plain, char *buffer, size_t size, size_t *length)
    __attribute__((warn_unused_result));

#define SASL_USER_MAX 1024

/* A bearer token and whose it is. */
struct sasl_token {
    char user[SASL_USER_MAX]; /* as written, "=2C" and "=3D" decoded */
    size_t user_length;       /* never 0: a token that names nobody is malformed here */
    struct slice token;       /* borrowed from the message */
};
/* user=USER ^A auth=Bearer TOKEN ^A ^A */
bool sasl_xoauth2_parse(struct slice message, struct sasl_token *token) __attribute__((warn_unused_result));
/* Writes the message into buffer and its length, without NUL. False: it does not fit. It is a secret: the caller wipes
 * it. */
bool sasl_xoauth2_print(struct slice user, struct slice token, char *buffer, size_t size, size_t *length)
    __attribute__((warn_unused_result));
/* n,a=USER, ^A [name=value ^A]... auth=Bearer TOKEN ^A ... ^A; channel binding is refused */
bool sasl_oauthbearer_parse(struct slice message, struct sasl_token *token) __attribute__((warn_unused_result));
/* As sasl_xoauth2_print, in the form of RFC 7628 section 3.1. */
bool sasl_oauthbearer_print(struct slice user, struct slice token, char *buffer, size_t size, size_t *length)
    __attribute__((warn_unused_result));

#endif
