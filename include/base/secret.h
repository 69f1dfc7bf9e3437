/* Passwords and tokens. A secret lives in OpenSSL's secure heap where one was made, is wiped when freed, and
 * is compared in constant time. The only module that calls libcrypto. */
#ifndef IMAPMUX_BASE_SECRET_H
#define IMAPMUX_BASE_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct secret; /* opaque; immutable */

#define SECRET_HEAP_SIZE ((size_t)4 * 1024 * 1024) /* of the secure heap that the program makes */

/* Returns owned; NULL when out of memory. Copies the bytes: the caller wipes its own. */
struct secret *secret_new(struct slice bytes) __attribute__((warn_unused_result));
void secret_free(struct secret *secret);                /* wipes */
struct slice secret_bytes(const struct secret *secret); /* borrowed until secret_free */
size_t secret_footprint(size_t length); /* octets of the secure heap that a secret of this length takes */
/* Are these the same octets? The time that it takes depends on the lengths only. */
bool secret_equal(const struct secret *secret, struct slice bytes) __attribute__((warn_unused_result));

#define SECRET_DIGEST_SIZE 32
/* HMAC-SHA-256 of the bytes. Returns false if libcrypto fails. */
bool secret_digest(struct slice key, struct slice bytes, uint8_t digest[SECRET_DIGEST_SIZE])
    __attribute__((warn_unused_result));
/* Are the digests equal? Compared in constant time. */
bool secret_digest_equal(const uint8_t a[SECRET_DIGEST_SIZE], const uint8_t b[SECRET_DIGEST_SIZE])
    __attribute__((warn_unused_result));

/* Overwrites `size` octets in a way that the compiler cannot leave out. */
void secret_wipe(void *memory, size_t size);

#endif
