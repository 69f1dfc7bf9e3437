/* Base64 both ways, PLAIN and tokens: what is decoded is encoded the same, and the parts of a message are the message.
 */
#include "imap/sasl.h"

#include <stdlib.h>

#include "fuzz/fuzz.h"

/* Exactly as much room as it says it needs. */
static void decode(struct slice text)
{
    size_t room = text.length / 4 * 3, length = 0;
    char *bytes = fuzz_memory(malloc(room + 1)), *again = fuzz_memory(malloc(text.length + 5));

    if (base64_decode(text, bytes, room, &length)) {
        fuzz_require(length <= room, "what was decoded is in the buffer");
        fuzz_require(base64_encode((struct slice){bytes, length}, again, 4 * ((length + 2) / 3) + 1),
                     "it can be encoded");
        fuzz_require(slice_equal(slice_of(again), text), "what was decoded is encoded the same");
    }
    free(again);
    free(bytes);
}

static void encode(struct slice bytes)
{
    size_t room = 4 * ((bytes.length + 2) / 3) + 1, length = 0;
    char *text = fuzz_memory(malloc(room)), *again = fuzz_memory(malloc(bytes.length + 3));

    fuzz_require(base64_encode(bytes, text, room), "anything can be encoded");
    fuzz_require(!base64_encode(bytes, text, room - 1) || bytes.length == 0, "not into less room");
    fuzz_require(base64_encode(bytes, text, room) && base64_decode(slice_of(text), again, bytes.length + 3, &length),
                 "what was encoded can be decoded");
    fuzz_require(slice_equal((struct slice){again, length}, bytes), "octets are the same when encoded and decoded");
    free(again);
    free(text);
}

static void plain(struct slice message)
{
    struct sasl_plain plain;

    if (!sasl_plain_parse(message, &plain))
        return;
    fuzz_require(plain.authentication_id.length > 0, "somebody is named");
    fuzz_require(plain.authorization_id.length + plain.authentication_id.length + plain.password.length + 2 ==
                     message.length,
                 "the parts of a PLAIN message are the message");
}

static void token(struct slice message, bool (*parse)(struct slice, struct sasl_token *),
                  bool (*print)(struct slice, struct slice, char *, size_t, size_t *))
{
    struct sasl_token read, again;
    size_t size = 3 * message.length + 64, length = 0;
    char *buffer;

    if (!parse(message, &read))
        return;
    fuzz_require(read.user_length > 0 && read.user_length <= SASL_USER_MAX && read.token.length > 0,
                 "somebody is named");
    buffer = fuzz_memory(malloc(size));
    fuzz_require(print((struct slice){read.user, read.user_length}, read.token, buffer, size, &length) &&
                     parse((struct slice){buffer, length}, &again),
                 "what was read is printed, and read again");
    fuzz_require(
        slice_equal((struct slice){read.user, read.user_length}, (struct slice){again.user, again.user_length}) &&
            slice_equal(read.token, again.token),
        "a token is the same when printed and read");
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};

    decode(input);
    encode(input);
    plain(input);
    token(input, sasl_xoauth2_parse, sasl_xoauth2_print);
    token(input, sasl_oauthbearer_parse, sasl_oauthbearer_print);
    return 0;
}
