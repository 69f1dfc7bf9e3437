/* SASL texts: base64 with one spelling for one value, and the PLAIN message. */
#include "imap/sasl.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/random.h"

static void expect_base64(struct slice bytes, const char *text)
{
    char encoded[64], decoded[64];
    size_t length = 99;

    cr_assert(base64_encode(bytes, encoded, sizeof(encoded)));
    cr_assert_str_eq(encoded, text);
    cr_assert(base64_decode(slice_of(text), decoded, bytes.length, &length));
    cr_assert(slice_equal((struct slice){decoded, length}, bytes));
}

Test(sasl, base64_as_in_rfc_4648)
{
    expect_base64(SLICE(""), "");
    expect_base64(SLICE("f"), "Zg==");
    expect_base64(SLICE("fo"), "Zm8=");
    expect_base64(SLICE("foo"), "Zm9v");
    expect_base64(SLICE("foob"), "Zm9vYg==");
    expect_base64(SLICE("\0\xff\xfe"), "AP/+");
}

Test(sasl, malformed_base64_is_refused)
{
    static const char *const bad[] = {"Z",     "Zg",       "Zg=",  "Zg=a",  "Z===", "====", "Zh==",    "Zm9=",
                                      "Zm9v=", "Zg==Zg==", "Z g=", "Zm9\n", "Zm-_", "=",    "Zm8=\r\n"};
    char buffer[64];
    size_t length;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_assert_not(base64_decode(slice_of(bad[i]), buffer, sizeof(buffer), &length), "%s", bad[i]);
    cr_assert_not(base64_decode(SLICE("Zm\0v"), buffer, sizeof(buffer), &length));
}

Test(sasl, base64_keeps_to_its_buffer)
{
    char buffer[8];
    size_t length;

    cr_assert_not(base64_decode(SLICE("Zm9v"), buffer, 2, &length));
    cr_assert_not(base64_encode(SLICE("foo"), buffer, 4));
    cr_assert(base64_encode(SLICE("foo"), buffer, 5));
}

Test(sasl, any_octets_come_back)
{
    struct random random;

    random_init(&random, 9);
    for (size_t size = 0; size < 200; size++) {
        char bytes[200], encoded[300], decoded[200];
        size_t length;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)random_below(&random, 256);
        cr_assert(base64_encode((struct slice){bytes, size}, encoded, 4 * ((size + 2) / 3) + 1));
        cr_assert(base64_decode(slice_of(encoded), decoded, size, &length));
        cr_assert_eq(length, size);
        cr_assert_eq(memcmp(bytes, decoded, size), 0);
    }
}

Test(sasl, the_plain_message)
{
    struct sasl_plain plain;

    cr_assert(sasl_plain_parse(SLICE("admin\0me\0pass word"), &plain));
    cr_assert(slice_equal(plain.authorization_id, SLICE("admin")));
    cr_assert(slice_equal(plain.authentication_id, SLICE("me")));
    cr_assert(slice_equal(plain.password, SLICE("pass word")));
    cr_assert(sasl_plain_parse(SLICE("\0me\0"), &plain));
    cr_assert_eq(plain.authorization_id.length, 0);
    cr_assert_eq(plain.password.length, 0);
}

Test(sasl, a_malformed_plain_message_is_refused)
{
    struct sasl_plain plain;

    cr_assert_not(sasl_plain_parse(SLICE(""), &plain));
    cr_assert_not(sasl_plain_parse((struct slice){0}, &plain));
    cr_assert_not(sasl_plain_parse(SLICE("me"), &plain));
    cr_assert_not(sasl_plain_parse(SLICE("\0me"), &plain));
    cr_assert_not(sasl_plain_parse(SLICE("\0\0pass"), &plain));
    cr_assert_not(sasl_plain_parse(SLICE("\0me\0pass\0"), &plain));
}
