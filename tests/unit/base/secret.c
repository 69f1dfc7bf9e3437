/* Secrets: compared whole, with and without the secure heap. */
#include "base/secret.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/crypto.h>

static void use_one(void)
{
    struct secret *secret = secret_new(SLICE("pass\0word")), *none = secret_new((struct slice){0});

    cr_assert(slice_equal(secret_bytes(secret), SLICE("pass\0word")));
    cr_assert(secret_equal(secret, SLICE("pass\0word")));
    cr_assert_not(secret_equal(secret, SLICE("pass\0worD")));
    cr_assert_not(secret_equal(secret, SLICE("pass")));
    cr_assert(secret_equal(none, SLICE("")));
    cr_assert_not(secret_equal(none, SLICE("x")));
    secret_free(secret);
    secret_free(none);
    secret_free(NULL);
}

Test(secret, equal_only_if_all_bytes_are)
{
    use_one();
}

Test(secret, lives_in_the_secure_heap_where_there_is_one)
{
    if (CRYPTO_secure_malloc_init(1 << 16, 32) != 1)
        return; /* no locked memory here */
    use_one();
    cr_assert_eq(CRYPTO_secure_used(), 0);
    CRYPTO_secure_malloc_done();
}

/* RFC 4231, test case 2. */
Test(secret, digests_are_hmac_sha_256)
{
    static const uint8_t expected[SECRET_DIGEST_SIZE] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
        0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t digest[SECRET_DIGEST_SIZE], other[SECRET_DIGEST_SIZE];

    cr_assert(secret_digest(SLICE("Jefe"), SLICE("what do ya want for nothing?"), digest));
    cr_assert(secret_digest_equal(digest, expected));
    cr_assert(secret_digest((struct slice){0}, (struct slice){0}, other));
    cr_assert_not(secret_digest_equal(digest, other));
}

Test(secret, wiped_memory_is_zero)
{
    char text[] = "secret";

    secret_wipe(text, sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++)
        cr_assert_eq(text[i], 0);
    secret_wipe(NULL, 0);
}
