/* Passwords in OpenSSL's secure heap (locked, not dumped) where the program made one; OPENSSL_secure_malloc takes the
 * ordinary heap otherwise. Nothing here copies a secret anywhere else, and nothing is freed before it is wiped. */
#include "base/secret.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct secret {
    size_t length;
    char bytes[];
};

struct secret *secret_new(struct slice bytes)
{
    struct secret *secret;

    if (bytes.length > SIZE_MAX / 2)
        return NULL;
    secret = OPENSSL_secure_malloc(sizeof(*secret) + bytes.length);
    if (!secret)
        return NULL;
    secret->length = bytes.length;
    if (bytes.length)
        memcpy(secret->bytes, bytes.data, bytes.length);
    return secret;
}

/* The heap gives powers of two (openssl's crypto/mem_sec.c). */
size_t secret_footprint(size_t length)
{
    size_t size = 16;

    while (size < sizeof(struct secret) + length && size <= SIZE_MAX / 2)
        size *= 2;
    return size;
}

void secret_free(struct secret *secret)
{
    if (secret)
        OPENSSL_secure_clear_free(secret, sizeof(*secret) + secret->length);
}

struct slice secret_bytes(const struct secret *secret)
{
    return (struct slice){secret->bytes, secret->length};
}

bool secret_equal(const struct secret *secret, struct slice bytes)
{
    return secret->length == bytes.length &&
           (bytes.length == 0 || CRYPTO_memcmp(secret->bytes, bytes.data, bytes.length) == 0);
}

bool secret_digest(struct slice key, struct slice bytes, uint8_t digest[SECRET_DIGEST_SIZE])
{
    const char *key_data = key.data ? key.data : ""; /* HMAC takes NULL for "the key of last time" */
    unsigned length = 0;

    if (key.length > INT_MAX)
        return false;
    return HMAC(EVP_sha256(), key_data, (int)key.length, (const unsigned char *)(bytes.data ? bytes.data : ""),
                bytes.length, digest, &length) != NULL &&
           length == SECRET_DIGEST_SIZE;
}

bool secret_digest_equal(const uint8_t a[SECRET_DIGEST_SIZE], const uint8_t b[SECRET_DIGEST_SIZE])
{
    return CRYPTO_memcmp(a, b, SECRET_DIGEST_SIZE) == 0;
}

void secret_wipe(void *memory, size_t size)
{
    if (size)
        OPENSSL_cleanse(memory, size);
}
