/* PROXY headers: whatever is cut off, the answer to what is left is to ask for more, never for more than belongs to the
 * header; what follows changes nothing; and what is bad stays bad. */
#include "net/proxy_header.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

/* In a block of its own, so that the sanitizer sees reading past its end. */
static enum proxy_header_answer parse(struct slice input, size_t length, struct proxy_header *header)
{
    char *copy = fuzz_memory(malloc(length + 1));

    memcpy(copy, input.data, length);
    char *exact = fuzz_memory(realloc(copy, length > 0 ? length : 1));
    enum proxy_header_answer answer = proxy_header_parse((struct slice){exact, length}, header);
    free(exact);
    return answer;
}

/* As the link reads: only what was asked for. Returns how much was read. */
static size_t read_as_asked(struct slice input, enum proxy_header_answer *answer, struct proxy_header *header)
{
    size_t length = 0;

    while ((*answer = parse(input, length, header)) == PROXY_HEADER_MORE && length < input.length) {
        fuzz_require(header->length > 0, "something is asked for");
        fuzz_require(length + header->length <= PROXY_HEADER_MAX, "never more than fits the buffer");
        length += header->length < input.length - length ? header->length : input.length - length;
    }
    return length;
}

static void prefixes(struct slice input, enum proxy_header_answer whole, size_t header_length)
{
    size_t most = input.length < 300 ? input.length : 300;
    struct proxy_header header;
    bool bad = false;

    for (size_t length = 0; length <= most; length++) {
        enum proxy_header_answer answer = parse(input, length, &header);
        fuzz_require(!bad || answer == PROXY_HEADER_BAD, "what is bad stays bad");
        bad = answer == PROXY_HEADER_BAD;
        if (whole != PROXY_HEADER_OK)
            continue;
        fuzz_require(answer == (length < header_length ? PROXY_HEADER_MORE : PROXY_HEADER_OK),
                     "more is asked for until the header is whole");
        if (answer == PROXY_HEADER_MORE)
            fuzz_require(header.length <= header_length - length, "what is asked for belongs to the header");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    struct proxy_header header, as_asked;
    enum proxy_header_answer answer = parse(input, size, &header), asked;
    size_t taken = read_as_asked(input, &asked, &as_asked);

    fuzz_require(answer != PROXY_HEADER_OK || (header.length > 0 && header.length <= size), "a header is in its bytes");
    fuzz_require(asked == answer, "the answer is the same in pieces");
    if (answer == PROXY_HEADER_OK)
        fuzz_require(taken == header.length && as_asked.has_source == header.has_source &&
                         memcmp(&as_asked.source, &header.source, sizeof(header.source)) == 0,
                     "not an octet behind the header is read, and it tells the same");
    prefixes(input, answer, header.length);
    return 0;
}
