/* Base64 both ways, and PLAIN: what is decoded is encoded the same, and the parts of a message are the message. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};

    decode(input);
    encode(input);
    plain(input);
    return 0;
}
