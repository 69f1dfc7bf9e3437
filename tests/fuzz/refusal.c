/* Words of refusals, the server's and the admin's: only a NO to a login ever makes a password wrong, and no patience
 * that a server asks for is longer than an hour. */
#include "mux/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size}, line;
    enum refusal_stage stage = (enum refusal_stage)fuzz_option(&input, 4);
    enum response_status status = (enum response_status)fuzz_option(&input, 5);
    const char *cut = input.length ? memchr(input.data, '\n', input.length) : NULL;
    char *words = fuzz_memory(slice_copy((struct slice){input.data, cut ? (size_t)(cut - input.data) : 0}));
    struct upstream_settings settings = {
        .limit_words = words, .temporary_words = words + strlen(words) / 2, .credential_words = words};
    enum refusal refusal;
    usec backoff;

    line = cut ? (struct slice){cut + 1, input.length - (size_t)(cut + 1 - input.data)} : input;
    refusal = refusal_classify(stage, status, line, &settings);
    backoff = refusal_backoff(line);
    fuzz_require(refusal_name(refusal) != NULL, "every refusal has a name");
    fuzz_require(refusal != REFUSAL_CREDENTIALS || (stage == REFUSAL_AT_LOGIN && status == RESPONSE_NO),
                 "only a NO to a login makes a password wrong");
    fuzz_require(refusal != REFUSAL_NONE || stage == REFUSAL_AT_FIRST_COMMAND, "a refusal is never taken for none");
    fuzz_require(backoff >= 0 && backoff <= USEC_HOUR, "nobody waits longer than an hour");
    free(words);
    return 0;
}
