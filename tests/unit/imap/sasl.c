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

/* --- bearer tokens */

static bool token_is(const struct sasl_token *token, const char *user, const char *value)
{
    return slice_equal((struct slice){token->user, token->user_length}, slice_of(user)) &&
           slice_equal(token->token, slice_of(value));
}

Test(sasl, tokens_are_read_from_both_messages)
{
    struct sasl_token token;

    cr_assert(sasl_xoauth2_parse(SLICE("user=a@b\1auth=Bearer ya29.x\1\1"), &token) &&
              token_is(&token, "a@b", "ya29.x"));
    cr_assert(sasl_oauthbearer_parse(SLICE("n,a=a=2Cb=3Dc,\1host=h\1port=143\1auth=Bearer t\1\1"), &token) &&
              token_is(&token, "a,b=c", "t"));
}

Test(sasl, malformed_token_messages_are_refused)
{
    static const struct slice xoauth2[] = {SLICE(""),
                                           SLICE("user="),
                                           SLICE("user=\1auth=Bearer t\1\1"),
                                           SLICE("user=u\1auth=Bearer t\1"),
                                           SLICE("user=u\1auth=Bearer \1\1"),
                                           SLICE("user=u\1auth=Basic t\1\1"),
                                           SLICE("user=u\1\1"),
                                           SLICE("user=u\1auth=Bearer a b\1\1"),
                                           SLICE("user=u\1auth=Bearer t\1auth=Bearer s\1\1"),
                                           SLICE("user=u\1auth=Bearer t\1\1more")};
    static const struct slice oauthbearer[] = {SLICE("n,,\1auth=Bearer t\1\1"),
                                               SLICE("n,a=,\1auth=Bearer t\1\1"),
                                               SLICE("p=tls-unique,a=u,\1auth=Bearer t\1\1"),
                                               SLICE("n,a=u=2,\1auth=Bearer t\1\1"),
                                               SLICE("n,a=u=,\1auth=Bearer t\1\1"),
                                               SLICE("n,a=u,x\1auth=Bearer t\1\1"),
                                               SLICE("n,a=u,\1\1")};
    struct sasl_token token;

    for (size_t i = 0; i < sizeof(xoauth2) / sizeof(xoauth2[0]); i++)
        cr_assert_not(sasl_xoauth2_parse(xoauth2[i], &token), "%zu", i);
    for (size_t i = 0; i < sizeof(oauthbearer) / sizeof(oauthbearer[0]); i++)
        cr_assert_not(sasl_oauthbearer_parse(oauthbearer[i], &token), "%zu", i);
}

Test(sasl, what_is_printed_is_read_as_it_was_and_nothing_is_cut)
{
    char buffer[80];
    size_t length;
    struct sasl_token token;
    struct sasl_plain plain = {SLICE("z"), SLICE("u"), SLICE("p=,")}, read;

    cr_assert(sasl_oauthbearer_print(SLICE("u,=x"), SLICE("t"), buffer, sizeof(buffer), &length));
    cr_assert(sasl_oauthbearer_parse((struct slice){buffer, length}, &token) && token_is(&token, "u,=x", "t"));
    cr_assert_not(sasl_oauthbearer_print(SLICE("u,=x"), SLICE("t"), buffer, length - 1, &length));
    cr_assert(sasl_xoauth2_print(SLICE("u"), SLICE("t"), buffer, sizeof(buffer), &length));
    cr_assert(sasl_xoauth2_parse((struct slice){buffer, length}, &token) && token_is(&token, "u", "t"));
    cr_assert(sasl_plain_print(&plain, buffer, sizeof(buffer), &length));
    cr_assert(sasl_plain_parse((struct slice){buffer, length}, &read) && slice_equal(read.password, plain.password) &&
              slice_equal(read.authorization_id, plain.authorization_id));
    cr_assert_not(sasl_plain_print(&plain, buffer, length - 1, &length));
}
